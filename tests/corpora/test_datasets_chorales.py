from __future__ import annotations

import csv
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest

from corpora.datasets.chorales import bach_chorales, chorale_files, chorale_split, read_chorale, skipped_chorales
from corpora.datasets.jsb import load_jsb
from corpora.errors import InputError


def by_name(name):
    (path,) = [path for path in chorale_files() if path.stem == name]
    return path


def sixteenths(piece):
    """(frames, 4) pitches on the grid of sixteenths, -1 for silence."""
    step = piece.divs_per_quarter / 4
    frames = np.full((round(piece.end_div / step), 4), -1)
    for row in piece.notes:
        start, stop = row["onset_div"] / step, (row["onset_div"] + row["duration_div"]) / step
        frames[int(np.ceil(start)) : int(np.ceil(stop)), row["part"]] = row["pitch"]
    return frames


def held_out_rows():
    return list(csv.DictReader(files("corpora.datasets").joinpath("jsb_valid_test_bwv.csv").read_text().splitlines()))


def test_splits_are_disjoint_and_whole():
    splits = {split: {path.name for path in chorale_files(split)} for split in ("train", "valid", "test", "held_out", "all")}
    assert splits["held_out"] == splits["valid"] | splits["test"]
    assert splits["all"] == splits["train"] | splits["held_out"]
    assert not splits["train"] & splits["held_out"]
    assert not splits["valid"] & splits["test"]
    assert {name: len(paths) for name, paths in splits.items()} == {
        "train": 248, "valid": 78, "test": 84, "held_out": 162, "all": 410,
    }  # fmt: skip


def test_every_listed_file_is_held_out():
    """Also where another edition of the listed file has another suffix."""
    listed = {row["bwv_file"].rpartition(".")[0] for row in held_out_rows()}
    assert len({row["bwv_file"] for row in held_out_rows()}) == 164
    assert not listed & {path.stem for path in chorale_files("train")}
    assert all(chorale_split(name + ".xml") in ("valid", "test") for name in listed)


def test_a_chorale():
    chorale = read_chorale(by_name("bwv269"))
    piece = chorale.piece
    assert [part.name for part in piece.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert piece.source is not None
    assert piece.measures["number"][0] == "0"  # a pickup
    quarter = piece.divs_per_quarter
    first = piece.notes[piece.notes["onset_div"] == 0]
    assert first["pitch"].tolist() == [67, 62, 59, 43]  # Aus meines Herzens Grunde: a chord of G
    assert set(first["duration_div"].tolist()) == {quarter}
    soprano = piece.notes[piece.notes["part"] == 0]
    assert set(chorale.fermatas) <= set(soprano["onset_div"].tolist())
    assert [place / quarter for place in chorale.fermatas] == [10, 19, 28, 40, 52, 61]  # as music21 reads them


def test_the_choir_of_a_file_with_instruments():
    chorale = read_chorale(by_name("bwv29.8"))
    assert [part.name for part in chorale.piece.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert chorale.piece.source is None
    assert sorted(set(chorale.piece.notes["part"].tolist())) == [0, 1, 2, 3]
    means = [chorale.piece.notes["pitch"][chorale.piece.notes["part"] == lane].mean() for lane in range(4)]
    assert means == sorted(means, reverse=True)


def test_reasons_of_what_is_left_out():
    with pytest.raises(InputError, match=r"bwv846\.mxl: expected one part each for Soprano"):
        read_chorale(by_name("bwv846"))
    with pytest.raises(InputError, match=r"bwv315\.mxl: Soprano has several notes at once"):
        read_chorale(by_name("bwv315"))


def test_broken_file(tmp_path):
    (tmp_path / "bwv1.mxl").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"bwv1\.mxl: "):
        read_chorale(tmp_path / "bwv1.mxl")


def test_parity_with_the_benchmark_file(corpus_folder):
    """Chorales that the benchmark holds note for note, read from MusicXML, give its frames."""
    pieces = load_jsb(corpus_folder)["valid"]
    rows = [row for row in held_out_rows() if row["split"] == "valid" and row["kind"] == "match" and row["similarity"] == "1.000"]
    same = 0
    for row in rows[:12]:
        ours = sixteenths(read_chorale(by_name(row["bwv_file"].rpartition(".")[0])).piece)
        theirs = pieces[int(row["jsb_index"])].astype(int)
        theirs = np.where(theirs < 0, theirs, theirs + int(row["transposition"]))
        short, long = sorted((ours, theirs), key=len)
        same += any(np.array_equal(short, long[start : start + len(short)]) for start in range(len(long) - len(short) + 1))
    assert same >= 8  # the others differ in the lengths of final notes or in repeats written out


@pytest.mark.slow
def test_all_chorales():
    chorales = list(bach_chorales())
    assert Counter(chorale.split for chorale in chorales) == {"train": 245, "valid": 76, "test": 84}
    assert set(skipped_chorales()) == {"bwv227.3.mxl", "bwv27.6.mxl", "bwv299.mxl", "bwv315.mxl", "bwv846.mxl"}
    assert sum(bool(chorale.fermatas) for chorale in chorales) == 399
    for chorale in chorales:
        measures = chorale.piece.measures
        assert (measures["start_div"][1:] == measures["end_div"][:-1]).all()


@pytest.mark.slow
def test_nothing_of_the_benchmark_is_in_train(corpus_folder):
    """No four bars of a valid piece, in any key, stand in a train chorale."""
    window = 64

    def windows(frames):
        frames = frames[(frames >= 0).all(axis=1)]
        for start in range(0, len(frames) - window + 1):
            block = frames[start : start + window]
            yield (block - block[0, 0]).astype(np.int8).tobytes()

    known = {key for piece in load_jsb(corpus_folder)["valid"] for key in windows(piece.astype(int))}
    found = {c.name for c in bach_chorales("train") if any(key in known for key in windows(sixteenths(c.piece)))}
    assert not found
