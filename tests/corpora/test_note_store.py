"""A note store gives back the pieces that went in, on its grid, and says what it could not read."""

import csv
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from corpora.datasets.note_store import STORE_DIVS, NoteStore, build_store
from corpora.errors import InputError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_batch, read_kern_notes

KERN = """**kern\t**kern
*M3/4\t*M3/4
*k[f#]\t*k[f#]
4G\t4g
=1\t=1
4C\t8cc
.\t8b
4D\t4a
4E\t4g
=2\t=2
2.GG\t2.g
==\t==
*-\t*-
"""
MEASURE = "<measure number='{0}'>{1}<note><pitch><step>{2}</step><octave>4</octave></pitch><duration>4</duration></note></measure>"
XML = (
    "<?xml version='1.0'?><score-partwise version='4.0'><part-list><score-part id='P1'><part-name>Viola</part-name></score-part>"
    "</part-list><part id='P1'>"
    + MEASURE.format(
        1,
        "<attributes><divisions>1</divisions><key><fifths>-2</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time>"
        "</attributes>",
        "D",
    )
    + MEASURE.format(2, "", "E")
    + "</part></score-partwise>"
)


@pytest.fixture
def write_pack(tmp_path, monkeypatch):
    """Writes a pack of texts (name: text, split) into a data folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("PARTIMENTO_DATA", str(folder))
    columns = ["path", "composer", "title", "work", "licence", "source_repository", "source_commit", "sha256", "bytes", "split"]

    def write(pack, files):
        with tarfile.open(folder / f"{pack}.tar.gz", "w:gz") as archive, (folder / f"{pack}.csv").open("w", newline="") as manifest:
            rows = csv.writer(manifest)
            rows.writerow(columns)
            for name, (text, split) in files.items():
                data = text.encode()
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
                rows.writerow([name, "Anon", name, name, "CC0-1.0", "", "", hashlib.sha256(data).hexdigest(), len(data), split])

    return write


@pytest.fixture
def packs(write_pack):
    write_pack("small", {"a.krn": (KERN, "train"), "b.musicxml": (XML, "test"), "c.krn": ("**kern\nnot music at all\n", "train")})


def test_pieces_come_back_as_they_went_in(packs, tmp_path):
    figures = build_store(tmp_path / "store", ["small"])
    assert figures == {"small": {"pieces": 2, "notes": 13, "refused": 1}}
    store = NoteStore(tmp_path / "store")
    direct = parse_piece(XML.encode(), "b.musicxml").rescaled(STORE_DIVS)
    piece = store.load(store.select("test")[0])
    for column in ("onset_div", "duration_div", "pitch", "part"):
        np.testing.assert_array_equal(piece.notes[column], direct.notes[column])
    assert piece.notes.dtype == direct.notes.dtype
    assert not piece.notes["cents"].any()  # none are stored
    for column in ("start_div", "end_div", "beats", "beat_type"):
        np.testing.assert_array_equal(piece.measures[column], direct.measures[column])
    assert piece.keys["fifths"].tolist() == [-2]
    assert piece.parts[0].name == "Viola"
    refused = json.loads((tmp_path / "store" / "refused.jsonl").read_text())
    assert refused["path"] == "c.krn"


def test_the_store_does_not_depend_on_the_number_of_workers(packs, tmp_path):
    for workers in (1, 3):
        build_store(tmp_path / str(workers), ["small"], workers=workers)
    for name in ("notes.npy", "measures.npy", "keys.npy", "tempos.npy", "pieces.jsonl", "refused.jsonl"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes(), name


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no note store"):
        NoteStore(tmp_path)


def test_kern_keeps_its_pickup_and_its_bars():
    piece = read_kern_notes(KERN.encode(), "a.krn")
    quarters = piece.measures["start_div"] / piece.divs_per_quarter
    assert quarters.tolist() == [0, 1, 4]
    assert piece.measures["number"].tolist() == ["0", "1", "2"]
    assert (piece.measures["end_div"][-1] / piece.divs_per_quarter) == 7


def test_a_bad_text_in_a_batch_does_not_touch_the_others():
    good, bad, again = read_kern_batch([(KERN.encode(), "a.krn"), (b"\x00\x01", "bad.krn"), (KERN.encode(), "b.krn")])
    assert isinstance(bad, InputError)
    assert len(good.notes) == len(again.notes) == 11


BUILDER = """
import sys, time
import corpora.datasets.note_store as store
from pathlib import Path
store.BATCH = 2
plain = store._read
def slow(batch):
    time.sleep(float(sys.argv[2]))
    return plain(batch)
store._read = slow
store.build_store(Path(sys.argv[1]), ["many"], workers=2)
"""


def start_building(folder, delay):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", BUILDER, str(folder), str(delay)], env=environment)


def folder_bytes(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_a_killed_job_loses_only_what_was_under_way(kills, tmp_path, monkeypatch, write_pack):
    write_pack(
        "many", {f"{index:03}.musicxml": (XML.replace("Viola", f"Viola {index}"), "train") for index in range(20 + 8 * kills)}
    )
    assert start_building(tmp_path / "straight", 0).wait() == 0
    rng = random.Random(kills)
    store, found = tmp_path / "killed", []
    for _ in range(kills):
        process = start_building(store, 0.15)
        before = len(found)
        deadline = time.monotonic() + 60
        while process.poll() is None and len(found) <= before and time.monotonic() < deadline:
            time.sleep(0.01)
            found = list((store / "done").glob("*.npz"))
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.wait()
    assert len(found) >= min(kills, 10)
    assert start_building(store, 0).wait() == 0
    assert folder_bytes(store) == folder_bytes(tmp_path / "straight")
