"""Cents beside models: vocabularies report what they leave out, and an infill leaves the other notes theirs."""

from __future__ import annotations

import numpy as np
import pytest

from compose.infilling import _untouched
from compose.request import find_region, make_canvas, select_lanes
from compose.vocabulary.base import LossKind
from compose.vocabulary.registry import VOCABULARIES, build_vocabulary
from corpora.files import edit_piece, parse_piece, score_bytes
from corpora.piece import Part

PARTS = tuple(Part(name, str(lane), 1, 52) for lane, name in enumerate(("Soprano", "Alto", "Tenor", "Bass")))


@pytest.fixture
def tuned(build_piece):
    """Four voices, a quarter each in two bars; the alto's cents are 0, 50, -25 and so on."""
    piece = build_piece([(24 * i, 24, 72 - 7 * lane, lane) for i in range(8) for lane in range(4)], PARTS)
    piece.notes["cents"][piece.notes["part"] == 1] = [0, 50, -25, 0, 50, 12.5, 50, 50]
    return piece


@pytest.mark.parametrize("name", sorted(VOCABULARIES))
def test_every_vocabulary_reports_the_notes_that_lose_cents(name, tuned):
    encoding = build_vocabulary(name).encode(tuned)
    loss = encoding.report.get(LossKind.CENTS_IGNORED)
    assert (loss.count, loss.largest, loss.unit) == (6, 50.0, "cents")
    assert "6 notes whose cents are ignored (largest change 50 cents): F4 in bar 1 (Alto)" in loss.line()
    assert not encoding.tokens.decode().notes["cents"].any()
    tuned.notes["cents"] = 0
    assert build_vocabulary(name).encode(tuned).report.count(LossKind.CENTS_IGNORED) == 0


@pytest.mark.parametrize("suffix", [".musicxml", ".mid"])
def test_an_edit_by_region_leaves_the_other_notes_their_cents(suffix, tuned):
    piece = parse_piece(score_bytes(tuned, suffix), f"a{suffix}")
    region = find_region(piece, "2", select_lanes(piece, ["Alto"]))
    canvas, removed = make_canvas(piece, region, frozenset())
    for note in canvas.removed:
        canvas.write(note._replace(pitch=note.pitch + 1))
    after = edit_piece(piece, removed, canvas.table())
    verdict = _untouched(piece, after, removed, canvas)
    assert verdict.satisfied, verdict.measured
    kept = after.notes[after.notes["part"] == 1][:4]
    np.testing.assert_allclose(kept["cents"], [0, 50, -25, 0], atol=0.0125)
    assert not after.notes[after.notes["part"] == 1][4:]["cents"].any()
