from __future__ import annotations

import csv
import hashlib
import io
import tarfile

import pytest

from corpora.datasets.packs import corpora_list, corpora_stats, corpora_verify, find_pack, iter_pack, list_packs
from corpora.errors import InputError
from corpora.files import parse_piece

COLUMNS = ["path", "composer", "title", "work", "licence", "source_repository", "source_commit", "sha256", "bytes", "split"]
KERN = b"**kern\n*M4/4\n=1\n4c\n4d\n4r\n4e\n==\n*-\n"


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, data in members.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def contents():
    """Eight kern files, two of each work."""
    return {f"kern/{number}.krn": KERN.replace(b"4c", b"4" + b"c" * (number + 1)) for number in range(8)}


@pytest.fixture
def pack(tmp_path, contents):
    rows = [
        [path, f"Composer {n // 4}", "Title, with comma", f"work {n // 2}", "CC0", "repo", "commit",
         hashlib.sha256(data).hexdigest(), len(data), ["train", "train", "valid", "test"][n // 2]]
        for n, (path, data) in enumerate(contents.items())
    ]  # fmt: skip
    with (tmp_path / "small.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    (tmp_path / "small.tar.gz").write_bytes(archive(contents))
    (tmp_path / "other.csv").write_text("no archive beside it")
    return tmp_path


def test_all_files_come_in_order(pack, contents):
    got = list(iter_pack("small", folder=pack))
    assert [(row.path, data) for row, data in got] == list(contents.items())
    assert got[0][0].composer == "Composer 0"
    assert got[0][0].bytes == len(got[0][1])


def test_splits_limits_and_samples(pack):
    def paths(**wishes):
        return [row.path for row, _ in iter_pack("small", folder=pack, **wishes)]

    assert paths(split="valid") == ["kern/4.krn", "kern/5.krn"]
    assert sorted(paths(split="train") + paths(split="valid") + paths(split="test")) == sorted(paths())
    assert paths(limit=2) == ["kern/0.krn", "kern/1.krn"]
    assert paths(limit=0) == []
    samples = {seed: paths(limit=3, seed=seed) for seed in range(6)}
    assert samples[1] == paths(limit=3, seed=1)
    assert all(len(sample) == 3 and sample == sorted(sample) for sample in samples.values())
    assert len({tuple(sample) for sample in samples.values()}) > 1
    assert paths(where=lambda row: row.work == "work 3") == ["kern/6.krn", "kern/7.krn"]


def test_list(pack):
    (listing,) = corpora_list(pack)
    assert (listing.name, listing.formats, listing.files, listing.works, listing.composers) == ("small", "krn", 8, 4, 2)
    assert listing.splits == "train 4 / valid 2 / test 2"
    assert listing.licence == "CC0"
    assert [found.name for found in list_packs(pack)] == ["small"]


def test_stats(pack, contents):
    statistics = corpora_stats(pack)
    assert [(entry.split, entry.files, entry.works, entry.notes) for entry in statistics] == [
        ("train", 4, 2, None),
        ("valid", 2, 1, None),
        ("test", 2, 1, None),
    ]
    assert sum(entry.bytes for entry in statistics) == sum(map(len, contents.values()))
    counted = corpora_stats(pack, notes=True)
    assert [(entry.notes, entry.refused) for entry in counted] == [(16, 0), (8, 0), (8, 0)]


def test_verify(pack, contents):
    (check,) = corpora_verify(pack)
    assert check.whole
    assert (check.files, check.changed, check.missing, check.extra, check.first_problem) == (8, 0, 0, 0, "")


def test_verify_names_what_is_wrong(pack, contents):
    broken = dict(contents)
    del broken["kern/7.krn"]
    broken["kern/2.krn"] = broken["kern/2.krn"].replace(b"4d", b"4f")  # of the same size
    broken["kern/3.krn"] += b"!! longer\n"
    broken["kern/new.krn"] = KERN
    (pack / "small.tar.gz").write_bytes(archive(broken))
    (check,) = corpora_verify(pack)
    assert not check.whole
    assert (check.changed, check.missing, check.extra) == (2, 1, 1)
    assert check.first_problem == "kern/2.krn is not the file of the manifest"
    with pytest.raises(InputError, match=r"kern/2\.krn: the sha256"):
        list(iter_pack("small", folder=pack))
    with pytest.raises(InputError, match=r"kern/3\.krn: expected \d+ bytes"):
        list(iter_pack("small", folder=pack, where=lambda row: row.path == "kern/3.krn"))
    with pytest.raises(InputError, match=r"kern/7\.krn is missing"):
        list(iter_pack("small", folder=pack, where=lambda row: row.path == "kern/7.krn"))


def test_a_truncated_archive(pack):
    data = (pack / "small.tar.gz").read_bytes()
    (pack / "small.tar.gz").write_bytes(data[: len(data) // 2])
    (check,) = corpora_verify(pack)
    assert not check.whole
    with pytest.raises(InputError, match=r"broken|missing"):
        list(iter_pack("small", folder=pack))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("path,", "file,"), "expected the columns"),
        (lambda text: text.replace(",train", ",training"), "line 2: expected a split"),
        (lambda text: text.replace(",test", ""), "line 8: expected"),
        (lambda text: text.replace("kern/1.krn", "kern/0.krn"), "twice"),
        (lambda text: text.replace(",train", "0000000,train"), "below 64 MiB"),
    ],
)
def test_broken_manifests(pack, change, words):
    (pack / "small.csv").write_text(change((pack / "small.csv").read_text()))
    with pytest.raises(InputError, match=words):
        find_pack("small", pack)


def test_unknown_names(pack):
    with pytest.raises(InputError, match="no pack 'large': expected one of small"):
        find_pack("large", pack)
    with pytest.raises(InputError, match="split of train, valid, test, came 'held_out'"):
        list(iter_pack("small", split="held_out", folder=pack))


def test_the_real_packs(corpus_folder):
    listings = {listing.name: listing for listing in corpora_list(corpus_folder)}
    lieder = listings["openscore-lieder"]
    assert (lieder.files, lieder.works, lieder.composers) == (1343, 424, 122)
    assert lieder.splits == "train 1206 / valid 56 / test 81"
    assert listings["nifc-polish-scores"].files == 7980
    for pack in list_packs(corpus_folder):
        splits_of_work = {}
        for row in pack.files:
            splits_of_work.setdefault(row.work, set()).add(row.split)
        assert all(len(splits) == 1 for splits in splits_of_work.values())


def test_a_song_reads(corpus_folder):
    ((row, data),) = iter_pack("openscore-lieder", split="valid", limit=1, folder=corpus_folder)
    piece = parse_piece(data, row.path)
    assert len(piece.parts) == 3
    assert len(piece.notes) > 100


@pytest.mark.slow
def test_the_real_packs_are_whole(corpus_folder):
    assert [check.name for check in corpora_verify(corpus_folder) if not check.whole] == []
