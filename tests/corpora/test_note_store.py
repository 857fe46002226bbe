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
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from corpora.datasets.note_store import STORE_DIVS, TABLES, NoteStore, build_store
from corpora.datasets.score_folders import iter_folder, split_of
from corpora.errors import InputError, RequestError, ToolError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_batch, read_kern_notes
from corpora.kern_text import kern_meters

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


@pytest.fixture
def score_folder(tmp_path):
    """A plain folder: two scores, one in two formats, one that is no music, and what is no score at all."""
    folder = tmp_path / "my scores"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.krn").write_text(KERN)
    (folder / "B.MusicXML").write_text(XML)
    (folder / "deep" / "a.musicxml").write_text(XML)
    (folder / "broken.krn").write_text("**kern\nnot music at all\n")
    (folder / "empty.mid").touch()
    (folder / "notes.txt").write_text("no score")
    return folder


def test_a_plain_folder_is_read_like_a_pack(score_folder, tmp_path):
    figures = build_store(tmp_path / "store", [], folders=[score_folder])
    assert figures == {"my scores": {"pieces": 3, "notes": 15, "refused": 2}}
    store = NoteStore(tmp_path / "store")
    assert [(piece.path, piece.work) for piece in store.pieces] == [
        ("B.MusicXML", "B"),
        ("deep/a.krn", "deep/a"),
        ("deep/a.musicxml", "deep/a"),
    ]
    assert all(piece.split == split_of(piece.work) for piece in store.pieces)
    refused = [json.loads(line) for line in (tmp_path / "store" / "refused.jsonl").read_text().splitlines()]
    assert [row["path"] for row in refused] == ["broken.krn", "empty.mid"]
    assert "the file is empty" in refused[1]["why"]


def test_one_work_in_ten_is_held_out_and_stays_so():
    splits = [split_of(f"work {index}") for index in range(4000)]
    assert 0.04 < splits.count("valid") / 4000 < 0.06
    assert 0.04 < splits.count("test") / 4000 < 0.06
    assert [split_of(name) for name in ("deep/a", "B", "work 0", "work 10")] == ["valid", "valid", "train", "test"]


def test_folders_and_engines_say_what_is_wrong(score_folder, packs, tmp_path):
    with pytest.raises(InputError, match="nowhere is no folder, expected one with score files"):
        build_store(tmp_path / "store", [], folders=[tmp_path / "nowhere"])
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match=r"bare holds no score file: expected names ending in \.musicxml"):
        build_store(tmp_path / "store", [], folders=[tmp_path / "bare"])
    with pytest.raises(RequestError, match="two sources are called my scores"):
        build_store(tmp_path / "store", [], folders=[score_folder, score_folder])
    with pytest.raises(RequestError, match="engine 'spark' is not known: expected one of threads, ray"):
        build_store(tmp_path / "store", ["small"], engine="spark")


def test_a_sample_of_a_folder_depends_on_the_seed_alone(score_folder):
    samples = [[row.path for row, _ in iter_folder(score_folder, limit=2, seed=seed)] for seed in (0, 0, 1, 2, 3)]
    assert samples[0] == samples[1]
    assert len({tuple(sample) for sample in samples}) > 1
    assert all(len(sample) == 2 for sample in samples)


def test_tables_are_as_numpy_saves_them(packs, tmp_path):
    build_store(tmp_path / "store", ["small"])
    for name, dtype in TABLES.items():
        table = np.load(tmp_path / "store" / f"{name}.npy")
        assert table.dtype == dtype
        saved = io.BytesIO()
        np.save(saved, table)
        assert saved.getvalue() == (tmp_path / "store" / f"{name}.npy").read_bytes()


def test_ray_that_is_missing_is_named(packs, tmp_path, monkeypatch):
    monkeypatch.setattr("corpora.datasets.ray_batches.find_spec", lambda name: None)
    with pytest.raises(ToolError, match="engine 'ray' needs Ray Data: pip install"):
        build_store(tmp_path / "store", ["small"], engine="ray")
    assert not (tmp_path / "store").exists()


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no note store"):
        NoteStore(tmp_path)


def test_kern_keeps_its_pickup_and_its_bars():
    piece = read_kern_notes(KERN.encode(), "a.krn")
    quarters = piece.measures["start_div"] / piece.divs_per_quarter
    assert quarters.tolist() == [0, 1, 4]
    assert piece.measures["number"].tolist() == ["0", "1", "2"]
    assert (piece.measures["end_div"][-1] / piece.divs_per_quarter) == 7


CHANGING = """**kern
*clefG2
*M{first}
*k[]
=1
{long}c
=2
*M3/4
2d
4e
=3
2.f
==
*-
"""


def test_kern_meters_are_those_of_the_text():
    changes = CHANGING.format(first="4/4", long="1")
    assert kern_meters(changes) == [(4, 4), (3, 4), (3, 4)]
    piece = read_kern_notes(changes.encode(), "a.krn")
    assert piece.measures[["beats", "beat_type"]].tolist() == [(4, 4), (3, 4), (3, 4)]
    whole_notes = read_kern_notes(CHANGING.format(first="2/1", long="0").replace("*M3/4\n", "").encode(), "b.krn")
    assert set(whole_notes.measures[["beats", "beat_type"]].tolist()) == {(2, 1)}


def test_a_bad_text_in_a_batch_does_not_touch_the_others():
    good, bad, again = read_kern_batch([(KERN.encode(), "a.krn"), (b"\x00\x01", "bad.krn"), (KERN.encode(), "b.krn")])
    assert isinstance(bad, InputError)
    assert len(good.notes) == len(again.notes) == 11


BUILDER = """
import sys, time
import corpora.datasets.note_store as store
from pathlib import Path
store.BATCH = 2
plain, delay = store._read, float(sys.argv[2])
def slow(batch):
    time.sleep(delay)
    return plain(batch)
store._read = slow
store.WINDOW = 2
store.build_store(Path(sys.argv[1]), ["many"], workers=2, engine=sys.argv[3])
"""


def start_building(folder, delay, engine="threads"):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", BUILDER, str(folder), str(delay), engine], env=environment)


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


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="needs ray")
@pytest.mark.timeout(900)
def test_ray_gives_the_same_bytes_and_goes_on_after_a_kill(tmp_path, monkeypatch, write_pack):
    files = {f"{index:03}.musicxml": (XML.replace("Viola", f"Viola {index}"), "train") for index in range(11)}
    write_pack("many", {**files, "a.krn": (KERN, "train"), "bad.krn": ("**kern\nnot music at all\n", "train")})
    assert start_building(tmp_path / "straight", 0).wait() == 0
    assert start_building(tmp_path / "ray", 0, "ray").wait() == 0
    assert folder_bytes(tmp_path / "ray") == folder_bytes(tmp_path / "straight")
    process = start_building(tmp_path / "killed", 0, "ray")
    deadline = time.monotonic() + 300
    while process.poll() is None and not list((tmp_path / "killed" / "done").glob("*.npz")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None
    process.kill()
    process.wait()
    assert not (tmp_path / "killed" / "pieces.jsonl").exists()
    assert list((tmp_path / "killed" / "done").glob("*.npz"))
    assert start_building(tmp_path / "killed", 0, "ray").wait() == 0
    assert folder_bytes(tmp_path / "killed") == folder_bytes(tmp_path / "straight")
