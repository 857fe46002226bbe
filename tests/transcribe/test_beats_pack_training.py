"""``train beats``: what of the packs teaches, refusals, and a run from performance to checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpora.errors import InputError, RequestError
from corpora.files import parse_piece
from transcribe.beats import pack_training
from transcribe.beats.heard_examples import heard_examples
from transcribe.beats.note_activations import load_note_beats
from transcribe.beats.note_examples import BAR_BEAT_DTYPE, BeatExample, varied
from transcribe.beats.note_model import NoteBeatConfig
from transcribe.beats.pack_training import (
    GROOVES,
    HEARD,
    POLISH,
    SHARES,
    WHITE,
    _counted_s,
    _weights,
    bars_fit_meters,
    run_beats,
    teaches_beats,
)
from transcribe.frames.listener import load_listener
from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE
from transcribe.measures.matching import match_notes
from transcribe.training_audio.sound_store import SoundStore, StoreWriter

EXAMPLE = Path(__file__).parents[2] / "examples" / "ode-to-joy.musicxml"


@pytest.fixture
def waltz_store(piano_and_others: Path, tmp_path: Path) -> Path:
    """A store of a clip with beats, twenty in 3/4, and of one without."""
    clip = SoundStore(piano_and_others).clip(0)
    beats = np.array([(0.5 * beat, beat % 3 + 1) for beat in range(20)], dtype=BEAT_DTYPE)
    writer = StoreWriter(tmp_path / "waltz", {"made": "by hand"})
    writer.add([replace(clip, beats=beats, beats_per_bar=3, beat_type=4), clip])
    return tmp_path / "waltz"


def example(beat_s: float = 0.5, beats: int = 40, numbers: int = 4) -> BeatExample:
    notes = np.zeros(80, dtype=HEARD_DTYPE)
    notes["onset_s"] = np.arange(80) * beat_s / 2
    notes["offset_s"], notes["pitch"], notes["velocity"] = notes["onset_s"] + 0.2, 60 + np.arange(80) % 5, 80
    rows = np.zeros(beats, dtype=BAR_BEAT_DTYPE)
    rows["time_s"], rows["number"], rows["beats"], rows["beat_type"] = (
        np.arange(beats) * beat_s,
        np.arange(beats) % numbers + 1,
        4,
        4,
    )
    return BeatExample(notes, np.zeros(80, dtype=np.int32), rows)


def test_what_teaches_has_beats_that_can_be_tapped() -> None:
    assert teaches_beats(example())
    assert not teaches_beats(example(beat_s=0.1))
    assert not teaches_beats(example(beat_s=3.0))
    assert not teaches_beats(example(beats=8))
    assert not teaches_beats(example(numbers=7))  # bars that are longer than their meter
    assert not teaches_beats(replace(example(), notes=example().notes[:10]))


def test_scores_whose_bars_are_not_as_long_as_their_meter_do_not_teach() -> None:
    piece = parse_piece(EXAMPLE.read_bytes(), EXAMPLE.name)
    assert bars_fit_meters(piece)
    named = piece.measures.copy()
    named["beats"] = 3  # bars of four quarters
    assert not bars_fit_meters(replace(piece, measures=named))
    named["beats"], named["beat_type"] = 8, 8  # another name for the same length
    assert bars_fit_meters(replace(piece, measures=named))
    assert not bars_fit_meters(replace(piece, measures=named[:0]))


def test_a_run_ends_in_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_training, "performed_examples", lambda split, *_: iter([("openscore-lieder", example())] * 3))
    monkeypatch.setitem(pack_training.PRESETS, "cpu", NoteBeatConfig.tiny())
    said: list[str] = []
    figures = run_beats(tmp_path / "run", 0.03, say=said.append)
    assert any("3" in line for line in said)
    assert figures["beat_nats"] > 0
    assert sum(weight.numel() for weight in load_note_beats(figures["model"]).parameters()) == figures["parameters"]
    further = run_beats(tmp_path / "further", 0.0005, start=figures["model"])
    assert further["parameters"] == figures["parameters"]
    before, after = (load_note_beats(one["model"]).state_dict() for one in (figures, further))
    assert max(float((after[name] - value).abs().max()) for name, value in before.items()) < 0.01  # a step or few, from there
    assert f"--from {figures['model']}" in (tmp_path / "further/model/README.md").read_text()
    with pytest.raises(RequestError, match="holds a run"):
        run_beats(tmp_path / "run", 0.03)
    with pytest.raises(RequestError, match="preset 'huge' is not known: expected one of cpu, gpu"):
        run_beats(tmp_path / "other", 0.03, preset="huge")
    with pytest.raises(RequestError, match="holds no run to go on with"):
        run_beats(tmp_path / "other", 0.03, resume=True)


def test_what_is_heard_teaches_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waltz_store: Path) -> None:
    monkeypatch.setattr(pack_training, "performed_examples", lambda split, *_: iter([("openscore-lieder", example())] * 2))
    monkeypatch.setitem(pack_training.PRESETS, "cpu", NoteBeatConfig.tiny())
    said: list[str] = []
    figures = run_beats(tmp_path / "run", 0.001, stores=[waltz_store], say=said.append)
    assert "hearing sound: 1" in said
    card = (Path(figures["model"]) / "README.md").read_text()
    assert "2 scores" in card
    assert "hears in 1 clips" in card
    assert f"--store {waltz_store.name}" in card
    with pytest.raises(InputError, match="no store of sound"):
        run_beats(tmp_path / "other", 0.001, stores=[tmp_path])


def test_what_is_heard_has_the_beats_and_the_meter_that_were_played(waltz_store: Path) -> None:
    store = SoundStore(waltz_store)
    (heard,) = heard_examples(store, load_listener())
    assert heard.is_heard
    assert np.array_equal(heard.beats["time_s"], store.clip(0).beats["time_s"])
    assert set(zip(heard.beats["beats"].tolist(), heard.beats["beat_type"].tolist(), strict=True)) == {(3, 4)}
    assert len(match_notes(store.clip(0).notes, heard.notes)) > 0.9 * len(heard.notes) > 0
    counts = {len(varied(heard, np.random.default_rng(seed)).notes) for seed in range(8)}
    assert counts == {len(heard.notes)}  # no faults besides those of hearing


def test_shares_are_those_of_all_windows_with_sound_and_without() -> None:
    kinds = ["openscore-lieder", GROOVES, HEARD, HEARD]
    weights = np.array(_weights(kinds, np.array([60.0, 50.0, 20.0, 40.0])))
    assert weights[2:].sum() / weights.sum() == pytest.approx(SHARES[HEARD])
    assert weights[1] / weights.sum() == pytest.approx(SHARES[GROOVES])
    assert weights[3] == pytest.approx(2 * weights[2])


def test_white_notation_of_the_polish_scores_counts_for_less() -> None:
    whole, quarters = example(), example()
    whole.beats["beats"], whole.beats["beat_type"] = 2, 1
    assert _counted_s(POLISH, whole) == pytest.approx(WHITE * _counted_s(POLISH, quarters))
    assert _counted_s("openscore-lieder", whole) == _counted_s(POLISH, quarters) == quarters.duration_s
