from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from corpora.errors import InputError
from corpora.musicxml.marks import read_marks
from corpora.partitura_quietly import partitura
from corpora.piece import Piece
from render.perform import perform
from render.perform.match import save_match

Text = Callable[..., str]


def test_partitura_reads_it_back(score: Callable[..., Piece], note: Text, tmp_path: Path) -> None:
    backward = '<barline location="right"><repeat direction="backward"/></barline>'
    trill = "<ornaments><trill-mark/></ornaments>"
    bars = [
        note("Eb4") * 2 + note("D4", "eighth", grace="slashed") + note("C4", "half", notations=trill) + backward,
        note("F#4", "whole"),
    ]
    piece = score({"Piano": bars}, fifths=-3)
    assert piece.source is not None
    played = perform(piece)
    path = tmp_path / "out.match"
    save_match(played, read_marks(piece.source.data), path, title="A piece")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        performance, alignment, score_ = partitura.load_match(str(path), create_score=True)
    back = performance.note_array()
    assert np.sort(back["onset_sec"]) == pytest.approx(np.sort(played.notes["onset_s"]), abs=0.0006)
    assert Counter(zip(back["pitch"].tolist(), back["velocity"].tolist(), strict=True)) == Counter(
        zip(played.notes["pitch"].tolist(), played.notes["velocity"].tolist(), strict=True)
    )
    labels = Counter(entry["label"] for entry in alignment)
    assert labels["match"] == len(played.score.piece.notes) == 9
    assert labels["insertion"] == (played.notes["ornament"] != "").sum() > 10
    matched = {entry["score_id"]: entry["performance_id"] for entry in alignment if entry["label"] == "match"}
    assert set(matched) == set(played.score.piece.notes["id"].tolist())
    assert all(score_id == performed for score_id, performed in matched.items())
    spelled = {(row["step"], row["alter"]) for row in score_.note_array(include_pitch_spelling=True)}
    assert spelled == {("E", -1), ("D", 0), ("C", 0), ("F", 1)}


def test_midi_has_no_score_notes(tmp_path: Path, score: Callable[..., Piece], note: Text) -> None:
    from corpora.files import parse_piece
    from corpora.midi.writer import write_midi

    piece = parse_piece(write_midi(score([note("C4", "whole")])), "a.mid")
    with pytest.raises(InputError, match="a match file has no other"):
        save_match(perform(piece), None, tmp_path / "a.match")
    assert not list(tmp_path.iterdir())
