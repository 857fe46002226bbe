"""The example scores: made by their script, readable by others, and set by the rules that they are there to show."""

import importlib.util
from itertools import combinations
from pathlib import Path
from types import ModuleType

import music21
import numpy as np
import pytest

from corpora.musicxml import read_musicxml
from corpora.piece import Piece

EXAMPLES = Path(__file__).parent.parent / "examples"
RANGES = {"Soprano": (60, 79), "Alto": (55, 74), "Tenor": (48, 67), "Bass": (40, 60)}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_scores", EXAMPLES / "make_scores.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(name: str) -> Piece:
    return read_musicxml((EXAMPLES / name).read_bytes(), name)


def voices(piece: Piece) -> np.ndarray:
    """Pitches of the chorale, shape (4 voices, beats): all its notes are quarters."""
    assert set(piece.notes["duration_div"]) == {piece.divs_per_quarter}
    return np.array([piece.notes["pitch"][piece.notes["part"] == lane] for lane in range(4)])


def test_the_scores_are_what_their_script_writes(script: ModuleType) -> None:
    assert (EXAMPLES / "old-hundredth.musicxml").read_text(encoding="utf-8") == script.old_hundredth()
    assert (EXAMPLES / "ode-to-joy.musicxml").read_text(encoding="utf-8") == script.ode_to_joy()


def test_old_hundredth_is_the_tune_in_four_voices_with_a_pickup() -> None:
    piece = read("old-hundredth.musicxml")
    assert [part.name for part in piece.parts] == list(RANGES)
    assert piece.measures["number"].tolist() == [str(number) for number in range(9)]
    assert voices(piece).shape == (4, 32)
    # Geneva 1551, in G: phrase ends on B, A, G, G
    assert voices(piece)[0, 7::8].tolist() == [71, 69, 67, 67]
    assert piece.key_at(0) == (1, 1)


def test_old_hundredth_keeps_the_rules_of_voice_leading() -> None:
    lines = voices(read("old-hundredth.musicxml")).astype(int)
    assert (np.diff(lines, axis=0) <= 0).all(), "voices cross"
    assert (lines[0] - lines[1] <= 12).all()
    assert (lines[1] - lines[2] <= 12).all()
    for line, (lowest, highest) in zip(lines, RANGES.values(), strict=True):
        assert line.min() >= lowest
        assert line.max() <= highest
    for upper, lower in combinations(lines, 2):
        intervals = (upper - lower) % 12
        moves = (np.diff(upper) != 0) & (np.diff(lower) != 0)
        perfect = (intervals[1:] == intervals[:-1]) & np.isin(intervals[1:], (0, 7))
        assert not (moves & perfect).any(), "parallel fifths or octaves"


def test_ode_to_joy_is_a_song_over_a_piano_of_two_staves() -> None:
    piece = read("ode-to-joy.musicxml")
    assert [(part.name, part.staff) for part in piece.parts] == [("Voice", 1), ("Piano", 1), ("Piano", 2)]
    assert len(piece.measures) == 16
    lengths = [int(piece.notes["duration_div"][piece.notes["part"] == lane].sum()) for lane in range(3)]
    assert lengths == [16 * 4 * piece.divs_per_quarter] * 3  # every staff is full
    assert piece.notes["pitch"][piece.notes["part"] == 0][:5].tolist() == [66, 66, 67, 69, 69]


@pytest.mark.parametrize("name", ["old-hundredth.musicxml", "ode-to-joy.musicxml"])
def test_music21_reads_the_same_notes(name: str) -> None:
    piece = read(name)
    score = music21.converter.parseData((EXAMPLES / name).read_text(encoding="utf-8"), format="musicxml")
    theirs = sorted((float(n.getOffsetInHierarchy(score)), n.pitch.midi, float(n.quarterLength)) for n in score.recurse().notes)
    rows = zip(*(piece.notes[field].tolist() for field in ("onset_div", "pitch", "duration_div")), strict=True)
    assert theirs == sorted((float(piece.quarters(on)), pitch, float(piece.quarters(length))) for on, pitch, length in rows)
    assert not [measure for measure in score.recurse().getElementsByClass("Measure") if measure.duration.quarterLength > 4]


def test_every_syllable_is_sung_once() -> None:
    text = (EXAMPLES / "ode-to-joy.musicxml").read_text(encoding="utf-8")
    assert text.count("<lyric>") == text.count("<text>") == 60
    for opened, closed in (('<slur type="start"/>', '<slur type="stop"/>'), ("begin</beam>", "end</beam>")):
        assert text.count(opened) == text.count(closed) > 0
