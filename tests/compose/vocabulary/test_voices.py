"""Frames of four voices: written out, there and back, and what the report counts."""

import numpy as np
import pytest

from compose.vocabulary.base import LossKind
from compose.vocabulary.voices import NUM_PITCH_IDS, Voices, frame_ids, frame_pitches
from corpora.errors import InputError
from corpora.piece import Part

FOUR = tuple(Part(name, str(lane)) for lane, name in enumerate(("Soprano", "Alto", "Tenor", "Bass")))


def losses(report):
    return {loss.kind: loss.count for loss in report.losses if loss.count}


def test_frames_written_out(build_piece):
    """A quarter of soprano, an eighth of alto then silence, a tenor that moves, a bass that comes late."""
    rows = [(0, 24, 72, 0), (0, 12, 65, 1), (0, 12, 60, 2), (12, 12, 59, 2), (12, 12, 48, 3)]
    encoding = Voices().encode(build_piece(rows, FOUR))
    assert encoding.tokens.ids[:4].tolist() == [[43, 36, 31, 0], [43, 36, 31, 0], [43, 0, 30, 19], [43, 0, 30, 19]]
    assert not encoding.tokens.ids[4:].any()


def test_repeated_notes_are_counted_as_merged(build_piece):
    encoding = Voices().encode(build_piece([(0, 12, 60, 0), (12, 12, 60, 0), (24, 12, 62, 0)], FOUR))
    assert losses(encoding.report)[LossKind.NOTES_MERGED] == 1
    assert LossKind.NOTES_DROPPED not in losses(encoding.report)
    assert len(encoding.tokens.decode().notes) == 2


def test_notes_out_of_reach_are_counted_as_dropped(build_piece):
    encoding = Voices().encode(build_piece([(0, 24, 20, 3), (0, 24, 100, 0), (0, 24, 60, 1)], FOUR))
    assert losses(encoding.report)[LossKind.NOTES_DROPPED] == 2


def test_chorales_come_back_but_for_what_is_reported(chorales):
    for piece in chorales:
        encoding = Voices().encode(piece)
        lost = losses(encoding.report)
        back = encoding.tokens.decode()
        missing = lost.get(LossKind.NOTES_MERGED, 0) + lost.get(LossKind.NOTES_DROPPED, 0)
        assert len(back.notes) == len(piece.notes) - missing
        assert np.array_equal(Voices().encode(back).tokens.ids[: len(encoding.tokens.ids)], encoding.tokens.ids)
        factor = piece.divs_per_quarter // 4
        written = {(int(n["onset_div"]), int(n["pitch"]), int(n["part"])) for n in piece.notes}
        known = {(int(n["onset_div"]) * factor, int(n["pitch"]), int(n["part"])) for n in back.notes}
        moved = lost.get(LossKind.ONSETS_MOVED, 0)
        assert len(known - written) <= moved


def test_ids_and_pitches_are_inverse():
    pitches = np.array([[-1, 30, 60, 87]], dtype=np.int16)
    assert frame_ids(pitches).tolist() == [[0, 1, 31, 58]]
    assert np.array_equal(frame_pitches(frame_ids(pitches)), pitches)


def test_random_frames_come_back(rng):
    ids = rng.integers(0, 1 + NUM_PITCH_IDS, size=(48, 4)).astype(np.int64)
    assert np.array_equal(Voices().encode(Voices().decode(ids)).tokens.ids, ids)


def test_refusals(build_piece):
    with pytest.raises(InputError, match="holds 4 parts of one staff each, the piece has 1"):
        Voices().encode(build_piece([(0, 24, 60, 0)]))
    with pytest.raises(ValueError, match=r"voices ids have shape \(frames, 4\)"):
        Voices().decode(np.full((3, 4), 59, dtype=np.int64))
    grammar = Voices().grammar()
    with pytest.raises(ValueError, match="id 59 may not come here"):
        grammar.push(59)
    grammar.push(3)
    assert not grammar.may_end
