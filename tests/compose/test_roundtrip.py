import csv
import io
import os
import random
import subprocess
import sys
import tarfile
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
from corpora.errors import InputError, PartimentoError

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


def _musicxml(data, name):
    from corpora.musicxml.reader import read_musicxml

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        inner = next(entry for entry in archive.namelist() if entry.endswith("xml") and not entry.startswith("META-INF"))
        return read_musicxml(archive.read(inner), name)


# verovio can end its process on a bad file, so it runs in one of its own: kern on stdin, MIDI as base64 on stdout
KERN_TO_MIDI = """
import sys, verovio
verovio.enableLog(verovio.LOG_OFF)
toolkit = verovio.toolkit()
toolkit.setInputFrom("humdrum")
if not toolkit.loadData(sys.stdin.read()):
    sys.exit(1)
print(toolkit.renderToMIDI())
"""


def _kern(data, name):
    from base64 import b64decode

    from corpora.midi.reader import read_midi

    done = subprocess.run([sys.executable, "-c", KERN_TO_MIDI], input=data, capture_output=True, timeout=120)
    if done.returncode:
        raise InputError(f"{name}: verovio could not read it")
    return read_midi(b64decode(done.stdout), name)


def _read(named_data):
    """Pieces by name, and the files that the readers refuse (no matter of the vocabulary)."""
    pieces, refused = {}, []
    for name, data in named_data:
        try:
            pieces[name] = _musicxml(data, name) if name.endswith(".mxl") else _kern(data, name)
        except PartimentoError as error:
            refused.append(f"{name}: {error}")
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


def _sample(pack, count):
    """(name, bytes) of a fixed random choice of a pack's files."""
    folder = Path(PACKS)
    with (folder / f"{pack}.csv").open(newline="", encoding="utf-8") as file:
        paths = sorted(row["path"] for row in csv.DictReader(file))
    chosen = set(random.Random(2).sample(paths, count))
    with tarfile.open(folder / f"{pack}.tar.gz") as archive:
        for member in archive:
            path = next((path for path in chosen if member.name.endswith(path)), None)
            if path is not None:
                chosen.discard(path)
                yield path, archive.extractfile(member).read()
    assert not chosen


@pytest.fixture(scope="module")
def packs():
    """Two hundred pieces of the packs, and the refused ones; read once."""
    if PACKS is None:
        pytest.skip("PARTIMENTO_DATA is unset: the packs are elsewhere")
    counts = {
        "openscore-lieder": 80,
        "openscore-string-quartets": 20,
        "openscore-orchestra": 10,
        "nifc-chopin-first-editions": 30,
        "nifc-polish-scores": 60,
    }
    return _read(item for pack, count in counts.items() for item in _sample(pack, count))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_hundred_pieces_of_the_packs(packs, vocabulary):
    pieces, refused = packs
    assert len(pieces) + len(refused) == 200
    _check(pieces, refused, vocabulary)
    assert len(refused) <= 10
    lengths = [float(piece.div_to_seconds(piece.end_div)) for piece in pieces.values()]
    assert sum(length > 100 for length in lengths) >= 50
    assert sum(length > 300 for length in lengths) >= 20
