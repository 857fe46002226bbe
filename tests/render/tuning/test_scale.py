"""Scala's files: the whole archive that comes with music21 against its reader, and broken ones."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import music21
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21.scale import scala

from corpora.errors import InputError
from render.tuning.keyboard_map import linear_map, read_kbm
from render.tuning.scale import equal_division, read_scl

ARCHIVE = Path(music21.__file__).parent / "scale" / "scala" / "scl"
KBM = "! a map\n12\n0\n127\n60\n69\n440.0\n12\n" + "".join(f"{degree}\n" for degree in range(12))


def differing(paths: list[Path]) -> list[str]:
    """Scales that music21 reads and that we refuse or read otherwise, beyond the sign and remarks that it overlooks."""
    names = []
    for path in paths:
        try:
            data = scala.ScalaData(path.read_text(encoding="latin-1"))
            data.parse()
        except ValueError:  # remarks and doubtful ratios stop it
            continue
        theirs = [pitch.cents for pitch in data.pitchValues]
        try:
            ours = read_scl(path.read_bytes(), path.name).steps_cents
        except InputError:
            names.append(path.name)
            continue
        plain = all(abs(cents) < 1300 for cents in theirs)
        if len(ours) != len(theirs) or (plain and any(abs(abs(a) - abs(b)) > 1e-6 for a, b in zip(ours, theirs, strict=True))):
            names.append(path.name)
    return names


def test_all_of_scalas_archive_is_read_as_music21_reads_it() -> None:
    refused = {"bell_mt_partials.scl", "chimes.scl", "dyadic53tone9div.scl", "harm16.scl", "sub24.scl", "xxx.scl"}
    paths = sorted(ARCHIVE.glob("*.scl"))
    assert len(paths) > 3_900
    assert set(differing(paths)) <= refused


def test_werckmeister_3_from_its_published_cents() -> None:
    # J. M. Barbour, Tuning and Temperament (1951), table 135, to whole cents
    published = [90, 192, 294, 390, 498, 588, 696, 792, 888, 996, 1092, 1200]
    scale = read_scl((ARCHIVE / "werck3.scl").read_bytes(), "werck3.scl")
    assert [round(cents) for cents in scale.steps_cents] == published
    assert scale.steps_cents[6] == pytest.approx(1200 * math.log2(1.5) - 23.460010384649014 / 4)  # a quarter of the comma less


@pytest.mark.parametrize(
    ("pitch", "cents"),
    [
        ("3/2", 701.9550008653874),
        ("2", 1200.0),
        ("100.0 cents", 100.0),
        ("100.0 C#", 100.0),
        ("5/4   E\\", 386.3137138648348),
        ("-5.0", -5.0),
        ("408.", 408.0),
        (".5", 0.5),
        ("4294967296/4294967295", 4.0309e-7),
    ],
)
def test_pitches_as_the_format_has_them(pitch: str, cents: float) -> None:
    scale = read_scl(f"x\n2\n{pitch}\n2/1\n".encode(), "x.scl")
    assert scale.steps_cents[0] == pytest.approx(cents, abs=1e-10)


def test_degrees_go_on_beyond_the_period() -> None:
    scale = read_scl(b"\n3\n200.\n700.\n1205.\n", "stretched.scl")  # an empty description is one
    assert [scale.degree_cents(degree) for degree in range(-3, 5)] == [-1205, -1005, -505, 0, 200, 700, 1205, 1405]
    assert [scale.nearest_cents(cents) for cents in (-10.0, 99.0, 100.0, 101.0, 450.0, 451.0, 1200.0, 1500.0)] == [
        0,
        0,
        0,
        200,
        200,
        700,
        1205,
        1405,
    ]


def test_nineteen_equal_steps() -> None:
    assert equal_division(19).degree_cents(1) == pytest.approx(63.157894736842, abs=1e-12)
    assert equal_division(1).steps_cents == (1200.0,)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", r"expected a description and a number of notes"),
        (b"! only\n! remarks", "no lines but comments"),
        (b"x\n", "expected the number of notes, came"),
        (b"x\nseven\n", r"line 2: expected a number of notes \(1 to 4,096\), came 'seven'"),
        (b"x\n0\n", "came '0'"),
        (b"x\n1000000\n" + b"1.\n" * 10, "came '1000000'"),
        (b"x\n-3\n", "came '-3'"),
        (b"x\n3\n100.\n200.\n", r"expected 3 pitches, came .*truncated"),
        (b"x\n1\n3/0\n", r"line 3: expected a ratio of numbers above 0, came '3/0'"),
        (b"x\n1\n0/3\n", "ratio of numbers above 0"),
        (b"x\n1\n0\n", "ratio of numbers above 0"),
        (b"x\n1\n-3/2\n", "expected a pitch in cents"),
        (b"x\n1\nnan\n", "came 'nan'"),
        (b"x\n1\ninf\n", "came 'inf'"),
        (b"x\n1\n1e9\n", "came '1e9'"),
        (b"x\n1\n999999999.0\n", "within 120000 cents"),
        (b"x\n1\n" + b"9" * 1000 + b"\n", "expected a pitch"),
        (b"x\n1\n" + b"9" * 3000 + b"\n", "line 3: expected at most 2,000 characters, came 3,000"),
        (b"x\n1\n2/1\n3/1\n", r"line 4: expected 1 pitches and no more, came '3/1'"),
        (b"x\n2\n2/1\n0.0\n", r"expected a last pitch above the first \(the period\), came 0 cents"),
        (b"x\n1\n2/1\x00\n", "line 3: expected text, came control character 0x00"),
        (b"a" * (2 << 20), "at most 1,048,576 bytes"),
        (b"MThd\x00\x00\x00\x06", "control character"),
    ],
)
def test_broken_scales_are_refused_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_scl(data, "bad.scl")
    assert str(caught.value).startswith("bad.scl: ")
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for reader in (read_scl, read_kbm):
        with contextlib.suppress(InputError):
            reader(data, "any")


def test_a_keyboard_map() -> None:
    made = read_kbm(KBM.encode(), "a.kbm")
    assert [made.degree(key) for key in (48, 59, 60, 61, 72)] == [-12, -1, 0, 1, 12]
    assert (made.reference_key, made.reference_hz) == (69, 440.0)
    white = read_kbm(b"12\n0\n127\n60\n60\n261.6\n7\n0\nx\n1\nx\n2\n3\nx\n4\nx\n5\nx\n6\n", "white.kbm")
    assert [white.degree(key) for key in (60, 61, 62, 64, 72, 74, 59)] == [0, None, 1, 2, 7, 8, -1]
    left_out = read_kbm(b"4\n0\n127\n60\n60\n261.6\n2\n0\n1\n", "short.kbm")
    assert left_out.degrees == (0, 1, None, None)
    every = read_kbm(b"0\n0\n127\n60\n69\n415\n0\n", "linear.kbm")
    assert every == linear_map(415.0)
    assert [every.degree(key) for key in (59, 60, 79)] == [-1, 0, 19]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "expected the size of the map, came the end"),
        (b"12\n0\n", "truncated"),
        (b"5000\n", r"expected the size of the map \(0 to 4,096\), came '5000'"),
        (b"12\n0\n128\n60\n69\n440\n12\n", r"the last key to retune \(0 to 127\)"),
        (b"0\n0\n127\n60\n69\nnan\n0\n", r"line 6: expected a frequency in Hz \(1 to 30000\), came 'nan'"),
        (b"0\n0\n127\n60\n69\n0\n0\n", "a frequency in Hz"),
        (b"0\n0\n127\n60\n69\n1e999\n0\n", "a frequency in Hz"),
        (b"0\n100\n20\n60\n69\n440\n0\n", "a first key that is not above the last, came 100 and 20"),
        (b"2\n0\n127\n60\n61\n440\n2\n0\nx\n", "a degree for the reference key 61, came none"),
        (b"1\n0\n127\n60\n60\n440\n1\n0\n1\n", "1 entries and no more, came '1'"),
        (b"1\n0\n127\n60\n60\n440\n1\nyes\n", "expected a degree or x"),
    ],
)
def test_broken_maps_are_refused_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_kbm(data, "bad.kbm")
