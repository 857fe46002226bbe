import os
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from compose.roundtrip import check_roundtrip
from compose.vocabulary.anticipation import Anticipation
from compose.vocabulary.arrival import EVENT_SIZE
from compose.vocabulary.base import Encoding, LossReport, Tokens
from compose.vocabulary.registry import VOCABULARIES, build_vocabulary
from corpora.errors import PartimentoError

CHORALES = ["1.6", "4.8", "5.7", "10.7", "14.5", "17.7", "25.6", "40.3", "66.6", "86.6", "104.6", "244.10"]
GENERAL = sorted(set(VOCABULARIES) - {"voices"})  # voices holds four-part chorales on its grid only
PACKS = os.environ.get("PARTIMENTO_DATA")


@pytest.fixture(params=GENERAL)
def vocabulary(request):
    return build_vocabulary(request.param)


@pytest.mark.parametrize("name", CHORALES)
def test_chorales(name, vocabulary, read_chorale):
    result = check_roundtrip(read_chorale(f"bwv{name}"), vocabulary)
    assert result.notes > 100
    assert result.ok, result.to_dict()
    assert result.lost == result.reported


def test_seven_minutes(long_piece, vocabulary):
    result = check_roundtrip(long_piece, vocabulary)
    assert result.ok, result.to_dict()
    assert result.lost == result.reported


def test_anticipation_loses_nothing(long_piece):
    assert check_roundtrip(long_piece, Anticipation()).lost == 0


class Forgetful(Anticipation):
    """Loses the last note and says nothing."""

    def encode(self, piece):
        return Encoding(Tokens(super().encode(piece).tokens.ids[:-EVENT_SIZE], self), LossReport())


class Inventive(Anticipation):
    """Adds a note."""

    def encode(self, piece):
        ids = super().encode(piece).tokens.ids
        return Encoding(Tokens(np.concatenate([ids, [ids[-3], 10_001, 11_127]]), self), LossReport())


class Late(Anticipation):
    """Writes everything 10 ms late."""

    def encode(self, piece):
        ids = super().encode(piece).tokens.ids.copy()
        ids[0::3] += 1
        return Encoding(Tokens(ids, self), LossReport())


@pytest.mark.parametrize(("liar", "lost", "invented"), [(Forgetful(), 1, 0), (Inventive(), 0, 1), (Late(), 3, 3)])
def test_the_check_catches_lies(liar, lost, invented, build_piece):
    result = check_roundtrip(build_piece([(0, 24, 60, 0), (48, 24, 61, 0), (96, 24, 60, 0)]), liar)
    assert (result.lost, result.invented) == (lost, invented)
    assert not result.ok


def test_the_check_pairs_each_note_once(build_piece):
    piece = build_piece([(0, 24, 60, 0), (0, 24, 60, 0)])
    assert check_roundtrip(piece, Anticipation()).lost == 0
    assert check_roundtrip(piece, Forgetful()).lost == 1


def _read_all(paths, read):
    """Pieces that read, and how many do not; a refusal by the reader is no matter of the vocabulary."""
    pieces, refused = [], 0
    for path in paths:
        try:
            pieces.append((path.name, read(path)))
        except PartimentoError:
            refused += 1
    return pieces, refused


def _read_mxl(path):
    from corpora.musicxml.reader import read_musicxml

    with zipfile.ZipFile(path) as archive:
        inner = next(entry for entry in archive.namelist() if entry.endswith(("xml",)) and not entry.startswith("META-INF"))
        return read_musicxml(archive.read(inner), path.name)


@pytest.mark.slow
def test_three_hundred_chorales(vocabulary):
    spec = find_spec("music21")
    assert spec is not None
    paths = sorted((Path(spec.origin).parent / "corpus" / "bach").glob("bwv*.mxl"))[:300]
    pieces, refused = _read_all(paths, _read_mxl)
    assert len(pieces) >= 300 - 5, f"{refused} refused"
    for name, piece in pieces:
        result = check_roundtrip(piece, vocabulary)
        assert result.ok, (name, result.to_dict())
