"""``train beats``: what of the packs teaches, refusals, and a run from performance to checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpora.errors import RequestError
from corpora.files import parse_piece
from transcribe.beats import pack_training
from transcribe.beats.note_activations import load_note_beats
from transcribe.beats.note_examples import BAR_BEAT_DTYPE, BeatExample
from transcribe.beats.note_model import NoteBeatConfig
from transcribe.beats.pack_training import POLISH, WHITE, _counted_s, bars_fit_meters, run_beats, teaches_beats
from transcribe.heard import HEARD_DTYPE

EXAMPLE = Path(__file__).parents[2] / "examples" / "ode-to-joy.musicxml"


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


def test_white_notation_of_the_polish_scores_counts_for_less() -> None:
    whole, quarters = example(), example()
    whole.beats["beats"], whole.beats["beat_type"] = 2, 1
    assert _counted_s(POLISH, whole) == pytest.approx(WHITE * _counted_s(POLISH, quarters))
    assert _counted_s("openscore-lieder", whole) == _counted_s(POLISH, quarters) == quarters.duration_s
