"""``partimento transcribe``: files all together or none, and mistakes refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import partimento
from corpora.checkpoints import list_weights
from corpora.files import read_piece
from corpora.midi.writer import write_midi
from transcribe.frames.listener import FrameListener
from transcribe.frames.model import FrameModel, FrameModelConfig
from transcribe.frames.settings import DecoderSettings
from transcribe.key_names import parse_key

EXAMPLE = Path(__file__).parents[2] / "examples" / "old-hundredth.musicxml"
needs_beats = pytest.mark.skipif("beats" not in list_weights(), reason="the weights for beats are not in this checkout")


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Random weights: what they hear is nonsense, and enough of it."""
    torch.manual_seed(1)
    model = FrameModel(FrameModelConfig.tiny()).eval()
    with torch.no_grad():
        model.cell_head.bias[:3] = torch.tensor([-1.5, 0.5, -3.0])
    folder = tmp_path_factory.mktemp("weights") / "ear"
    FrameListener(model, DecoderSettings(onset_bias=-1.0)).save_pretrained(folder, "# An ear\n", {})
    return str(folder)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    time = np.arange(16_000 * 4) / 16_000
    sound = sum(np.sin(2 * np.pi * hz * time) * np.exp(-3 * (time % 0.5)) for hz in (220, 277.2, 329.6))
    path = tmp_path / "chord.wav"
    soundfile.write(path, 0.2 * np.asarray(sound), 16_000)
    return path


@needs_beats
def test_all_files_are_written_and_written_again(
    recording: Path, ear: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, kept = tmp_path / "song.mid", tmp_path / "song.json"
    arguments = ["transcribe", str(recording), "-o", str(out), "--score", str(tmp_path / "song.musicxml"), "--keep", str(kept)]
    assert partimento.main([*arguments, "--image", str(tmp_path / "song.png"), "--weights", ear, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["notes"]) > 3
    assert all(0 <= note["confidence"] <= 1 for note in report["notes"])
    assert {Path(name).name for name in report["files"]} >= {"song.mid", "song.musicxml", "song.json", "song.png"}
    assert len(read_piece(out).notes) == len(report["notes"])
    assert len(read_piece(tmp_path / "song.musicxml").notes) > 3
    again = tmp_path / "again.musicxml"
    assert (
        partimento.main(["transcribe", str(kept), "-o", str(again), "--meter", "3/4", "--key", "A major", "--tempo", "60-90"]) == 0
    )
    piece = read_piece(again)
    assert set(zip(piece.measures["beats"].tolist(), piece.measures["beat_type"].tolist(), strict=True)) == {(3, 4)}
    assert piece.key_at(0)[0] == 3


@needs_beats
def test_midi_that_was_played_is_notated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played = tmp_path / "played.mid"
    played.write_bytes(write_midi(read_piece(EXAMPLE)))
    assert partimento.main(["transcribe", str(played), "-o", str(tmp_path / "out.musicxml"), "--instruments", "voice, piano"]) == 0
    assert len(read_piece(tmp_path / "out.musicxml").notes) > 50


@needs_beats
def test_a_silent_recording_has_no_notes_and_no_score(
    tmp_path: Path, ear: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(16_000), 16_000)
    monkeypatch.setattr(DecoderSettings, "onset_bias", -30.0)
    arguments = ["transcribe", str(silence), "--pitches", "C9-C9", "--instruments", "piano", "--weights", ear]
    assert partimento.main([*arguments, "-o", str(tmp_path / "silence.mid")]) == 0
    assert partimento.main([*arguments, "-o", str(tmp_path / "silence.musicxml")]) == 2
    assert "expected 1 to 200000 notes to write down, got 0" in capsys.readouterr().err
    assert not (tmp_path / "silence.musicxml").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["-o", "song.txt"], "--out: expected a name ending in .mid"),
        (["-o", "song.mid", "--midi", "other.mid"], "expected one MIDI file, got --out and --midi"),
        (["-o", "song.mid", "--score", "song.pdf"], "song.pdf"),
        (["-o", "song.mid", "--instruments", "kazoo"], "expected a family"),
        (["-o", "song.mid", "--pitches", "C4"], "pitches: expected two such as G3-E6"),
        (["-o", "song.mid", "--pitches", "C5-C4"], "expected the lower one first"),
        (["-o", "song.mid", "--meter", "four"], "meter 'four': expected one such as 3/4"),
        (["-o", "song.mid", "--meter", "13/4"], "meter 13/4"),
        (["-o", "song.mid", "--tempo", "fast"], "tempo: expected beats a minute"),
        (["-o", "song.mid", "--tempo", "9000"], "tempo range: expected"),
        (["-o", "song.mid", "--key", "H dur"], "key: expected one such as Eb major"),
        (["-o", "song.mid", "--key", "G# major"], "at most 7 sharps or flats"),
        (["-o", "song.mid", "--split", "middle"], "middle"),
        (["-o", "song.mid", "--first-downbeat", "-3"], "first-downbeat"),
        (["-o", "song.mid", "--model", "oracle"], "model: expected frame"),
        (["-o", "song.mid", "--weights", "nowhere"], "nowhere"),
        (["-o", "nowhere/song.mid"], "nowhere"),
    ],
)
def test_wishes_that_cannot_be_are_refused(
    recording: Path,
    tmp_path: Path,
    changes: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert partimento.main(["transcribe", str(recording), *changes]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("text.wav", b"no sound", "expected a sound file"),
        ("empty.mp3", b"", "expected a sound file"),
        ("other.json", b"{}", "expected what 'partimento transcribe --keep' wrote"),
        ("broken.json", b"{", "broken.json"),
        ("broken.mid", b"MThd", "broken.mid"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused(
    ear: str, tmp_path: Path, name: str, data: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    weights = [] if name.endswith((".json", ".mid")) else ["--weights", ear]
    assert partimento.main(["transcribe", str(path), "-o", str(tmp_path / "out.mid"), *weights]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out.mid").exists()


@pytest.mark.parametrize(
    ("text", "key"),
    [("C major", (0, 1)), ("a", (0, -1)), ("F# minor", (3, -1)), ("Bb", (-2, 1)), ("c flat major", (-7, 1)), ("d♯ min", (6, -1))],
)
def test_keys_by_name(text: str, key: tuple[int, int]) -> None:
    assert parse_key(text) == key
