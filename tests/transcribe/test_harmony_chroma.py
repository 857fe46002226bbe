"""Chroma: exact on hand-made notes, and of frames as of notes."""

import numpy as np
import pytest

from corpora.piece import Table
from transcribe.harmony.chroma import bass_chroma, note_chroma, pooled_chroma
from transcribe.heard import DRUMS, HEARD_DTYPE


def heard(*rows: tuple[float, float, int, int]) -> Table:
    """Notes of (onset, offset, pitch, family), all of velocity 64."""
    out = np.zeros(len(rows), dtype=HEARD_DTYPE)
    for name, column in zip(("onset_s", "offset_s", "pitch", "family"), zip(*rows, strict=True), strict=True):
        out[name] = column
    out["velocity"] = 64
    return out


def test_note_chroma_is_the_share_of_each_span() -> None:
    notes = heard((0.0, 1.0, 60, 0), (0.5, 2.0, 76, 0), (1.0, 3.0, 48, 0), (0.0, 3.0, 38, DRUMS))
    chroma = note_chroma(notes, np.array([0.0, 1.0, 3.0]))
    expected = np.zeros((2, 12))
    expected[0, 0], expected[0, 4], expected[1, 4], expected[1, 0] = 1.0, 0.5, 0.5, 1.0
    assert chroma == pytest.approx(expected)


def test_louder_notes_weigh_more_and_doubled_ones_twice() -> None:
    notes = heard((0.0, 1.0, 60, 0), (0.0, 1.0, 72, 0), (0.0, 1.0, 64, 0))
    notes["velocity"] = [64, 64, 127]
    chroma = note_chroma(notes, np.array([0.0, 1.0]))[0]
    assert chroma[0] == pytest.approx(2.0)
    assert 1.0 < chroma[4] < 1.4


def test_bass_is_the_lowest_that_sounds() -> None:
    notes = heard((0.0, 2.0, 64, 0), (0.5, 1.0, 48, 0), (1.0, 1.5, 55, 0), (0.0, 2.0, 36, DRUMS))
    chroma = bass_chroma(notes, np.array([0.0, 1.0, 2.0, 4.0]))
    expected = np.zeros((3, 12))
    expected[0, 4], expected[0, 0], expected[1, 7], expected[1, 4] = 0.5, 0.5, 0.5, 0.5
    assert chroma == pytest.approx(expected)


def test_frames_are_averaged_in_their_spans() -> None:
    frames = np.zeros((40, 12), dtype=np.float32)
    frames[:20, 3], frames[20:, 7] = 1.0, 2.0
    chroma = pooled_chroma(frames, 10.0, np.array([0.0, 2.0, 4.0, 4.01, 9.0]))
    assert chroma[:, 3] == pytest.approx([1.0, 0.0, 0.0, 0.0])
    assert chroma[:, 7] == pytest.approx([0.0, 2.0, 2.0, 2.0])


def test_nothing_is_nothing() -> None:
    edges = np.array([0.0, 1.0, 2.0])
    none = np.zeros(0, dtype=HEARD_DTYPE)
    for chroma in (note_chroma(none, edges), bass_chroma(none, edges), pooled_chroma(np.zeros((0, 12), np.float32), 62.5, edges)):
        assert chroma == pytest.approx(np.zeros((2, 12)))
