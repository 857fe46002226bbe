import io
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from compose.roundtrip import check_roundtrip
from compose.vocabulary.anticipation import Anticipation
from compose.vocabulary.arrival import EVENT_SIZE
from compose.vocabulary.base import Encoding, LossReport, Tokens
from compose.vocabulary.registry import VOCABULARIES, build_vocabulary
from corpora.datasets.packs import iter_pack
from corpora.errors import PartimentoError
from corpora.kern_notes import read_kern_batch

CHORALES = ["1.6", "4.8", "5.7", "10.7", "14.5", "17.7", "25.6", "40.3", "66.6", "86.6", "104.6", "244.10"]
GENERAL = sorted(set(VOCABULARIES) - {"voices"})  # voices holds four-part chorales on its grid only
PACKS = os.environ.get("PARTIMENTO_DATA")
COUNTS = {
    "openscore-lieder": 81,
    "openscore-string-quartets": 5,
    "openscore-orchestra": 4,
    "nifc-chopin-first-editions": 29,
    "nifc-polish-scores": 381,
}
KERN_BATCH = 24


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


def _musicxml(data, name):
    from corpora.musicxml.reader import read_musicxml

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        inner = next(entry for entry in archive.namelist() if entry.endswith("xml") and not entry.startswith("META-INF"))
        return read_musicxml(archive.read(inner), name)


def _read(named_data):
    """Pieces by name, and the files that the readers refuse (no matter of the vocabulary)."""
    pieces, refused, kern = {}, [], []
    for name, data in named_data:
        if name.endswith(".krn"):
            kern.append((data, name))
            continue
        try:
            pieces[name] = _musicxml(data, name)
        except PartimentoError as error:
            refused.append(f"{name}: {error}")
    batches = [kern[first : first + KERN_BATCH] for first in range(0, len(kern), KERN_BATCH)]
    with ThreadPoolExecutor(2) as pool:
        for batch, answers in zip(batches, pool.map(read_kern_batch, batches), strict=True):
            for (_, name), answer in zip(batch, answers, strict=True):
                if isinstance(answer, PartimentoError):
                    refused.append(f"{name}: {answer}")
                else:
                    pieces[name] = answer
    return pieces, refused


def _check(pieces, refused, vocabulary):
    results = {name: check_roundtrip(piece, vocabulary) for name, piece in pieces.items()}
    lost = sum(result.lost for result in results.values())
    longest_s = max(float(piece.div_to_seconds(piece.end_div)) for piece in pieces.values())
    print(f"{vocabulary.name}: {len(results)} pieces, longest {longest_s:.0f} s,", end=" ")
    print(f"{sum(result.notes for result in results.values())} notes, {lost} lost, {len(refused)} refused", *refused, sep="\n")
    wrong = {name: result.to_dict() for name, result in results.items() if not result.ok}
    assert not wrong


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_three_hundred_chorales(vocabulary):
    spec = find_spec("music21")
    assert spec is not None
    assert spec.origin is not None
    paths = sorted((Path(spec.origin).parent / "corpus" / "bach").glob("bwv*.mxl"))
    pieces, refused = _read((path.name, path.read_bytes()) for path in paths)
    assert len(pieces) >= 300
    _check(pieces, refused, vocabulary)


@pytest.fixture(scope="module")
def packs():
    """Five hundred pieces of the packs' test splits, and the refused ones; read once."""
    if PACKS is None:
        pytest.skip("PARTIMENTO_DATA is unset: the packs are elsewhere")
    return _read(
        (row.path, data) for pack, count in COUNTS.items() for row, data in iter_pack(pack, split="test", limit=count, seed=2)
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_five_hundred_pieces_of_the_test_splits(packs, vocabulary):
    pieces, refused = packs
    assert len(pieces) + len(refused) == sum(COUNTS.values()) == 500
    _check(pieces, refused, vocabulary)
    assert len(refused) <= 10
    lengths = [float(piece.div_to_seconds(piece.end_div)) for piece in pieces.values()]
    assert sum(length > 100 for length in lengths) >= 50
    assert sum(length > 300 for length in lengths) >= 20
