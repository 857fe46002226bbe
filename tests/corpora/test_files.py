from __future__ import annotations

import io
import os
import zipfile
from collections import Counter

import numpy as np
import pytest

from corpora.datasets.chorales import chorale_files
from corpora.errors import InputError
from corpora.files import WRITE_SUFFIXES, edit_piece, parse_piece, read_piece, score_bytes, write_piece
from corpora.piece import NOTE_DTYPE
from corpora.text_scores import kern_part_names

ABC = b"X:1\nT:Test\nM:3/4\nL:1/8\nK:G\nG2 A2 B2|c6|\n"
KERN = (
    b'**kern\t**kern\n*I"Cello\t*I"Violin\n*clefF4\t*clefG2\n*M3/4\t*M3/4\n=1-\t=1-\n4C\t4cc\n4D\t8dd\n.\t8ee\n4E\t4ee\n'
    b"=2\t=2\n2.F\t4ff\n.\t2gg\n==\t==\n*-\t*-\n"
)


@pytest.fixture(scope="module")
def chorale():
    (path,) = [path for path in chorale_files() if path.stem == "bwv269"]
    return read_piece(path)


def heard(piece):
    """Multiset of (onset, duration, in quarters, pitch, lane)."""
    rows = piece.notes[["onset_div", "duration_div", "pitch", "part"]].tolist()
    return Counter((piece.quarters(onset), piece.quarters(duration), pitch, lane) for onset, duration, pitch, lane in rows)


def test_mxl_keeps_text_and_container(chorale):
    assert chorale.source.format == "musicxml"
    assert chorale.source.data.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml")
    assert chorale.source.container.startswith(b"PK")
    assert len(chorale.parts) == 4


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_what_was_written_reads_the_same(chorale, tmp_path, suffix):
    write_piece(chorale, tmp_path / f"out{suffix}")
    again = read_piece(tmp_path / f"out{suffix}")
    assert heard(again) == heard(chorale)
    assert os.listdir(tmp_path) == [f"out{suffix}"]


def test_an_unchanged_source_is_written_as_it_is(chorale, tmp_path):
    write_piece(chorale, tmp_path / "a.mxl")
    assert (tmp_path / "a.mxl").read_bytes() == chorale.source.container
    write_piece(chorale, tmp_path / "a.mid")
    midi = read_piece(tmp_path / "a.mid")
    assert score_bytes(midi, ".MID") == midi.source.data == (tmp_path / "a.mid").read_bytes()


@pytest.mark.parametrize("suffix", [".mxl", ".musicxml", ".mid"])
def test_edit(chorale, suffix):
    piece = parse_piece(score_bytes(chorale, suffix), f"x{suffix}")
    alto = piece.notes[piece.notes["part"] == 1][4]
    new = np.array([alto], dtype=NOTE_DTYPE)
    new["pitch"] -= 1
    edited = edit_piece(piece, [str(alto["id"])], new)
    where = (piece.quarters(int(alto["onset_div"])), piece.quarters(int(alto["duration_div"])))
    pitch = int(alto["pitch"])
    assert heard(piece) - heard(edited) == Counter({(*where, pitch, 1): 1})
    assert heard(edited) - heard(piece) == Counter({(*where, pitch - 1, 1): 1})
    assert edited.source is not None
    assert edited.source.name == piece.source.name
    assert heard(parse_piece(score_bytes(edited, suffix), f"x{suffix}")) == heard(edited)
    assert bool(edited.source.container) == (suffix == ".mxl")
    if suffix == ".mxl":
        with zipfile.ZipFile(io.BytesIO(edited.source.container)) as archive:
            assert edited.source.data in [archive.read(member) for member in archive.namelist()]


def test_edit_without_source(chorale):
    piece = chorale.with_notes(chorale.notes)
    first = piece.notes[:1].copy()
    first["id"] = "new0"
    edited = edit_piece(piece, [str(piece.notes["id"][0])], first)
    assert edited.source is None
    assert heard(edited) == heard(piece)
    assert "new0" in edited.notes["id"]
    with pytest.raises(InputError, match="there is no note n-1"):
        edit_piece(piece, ["n-1"], first)


def test_kern():
    piece = parse_piece(KERN, "duo.krn")
    assert [part.name for part in piece.parts] == ["Violin", "Cello"]
    quarter = piece.divs_per_quarter
    rows = [
        (int(o) / quarter, int(d) / quarter, int(p), int(lane))
        for o, d, p, lane in piece.notes[["onset_div", "duration_div", "pitch", "part"]]
    ]
    assert sorted(rows) == [
        (0, 1, 48, 1), (0, 1, 72, 0), (1, 0.5, 74, 0), (1, 1, 50, 1), (1.5, 0.5, 76, 0), (2, 1, 52, 1), (2, 1, 76, 0),
        (3, 1, 77, 0), (3, 3, 53, 1), (4, 2, 79, 0),
    ]  # fmt: skip
    assert piece.measures[["beats", "beat_type"]].tolist() == [(3, 4), (3, 4)]
    assert piece.source.format == "musicxml"
    assert piece.source.name == "duo.krn"
    assert piece.parts[0].key == "P1"


def test_abc():
    piece = parse_piece(ABC, "tune.abc")
    assert [(piece.quarters(int(o)), int(p)) for o, p in piece.notes[["onset_div", "pitch"]]] == [
        (0, 67),
        (1, 69),
        (2, 71),
        (3, 72),
    ]
    assert piece.key_at(0) == (1, 1)
    assert piece.measures[["beats", "beat_type"]].tolist() == [(3, 4), (3, 4)]


def test_kern_part_names():
    text = '!!!COM: X\n**kern\t**dynam\t**kern\n*\t*\t*I"Alto\n*I"Bass\t*\t*I"Other\n=1\t=1\t=1\n*I"Late\t*\t*\n'
    assert kern_part_names(text) == ["Bass", "Alto"]
    assert kern_part_names("") == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.mid", b"MThd", "a.mid"),
        ("a.mid", b"<score-partwise/>", "expected a MIDI file"),
        ("a.musicxml", b"<html/>", "a.musicxml"),
        ("a.mxl", b"PK\x03\x04", "a.mxl"),
        ("a.krn", b"**text\nfoo\n*-\n", "a.krn"),
        ("a.txt", b"hello", "a.txt"),
        ("a.mid", b"", "empty"),
    ],
)
def test_refuses(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_piece(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_refuses_to_write_another_format(chorale, tmp_path):
    for name in ("a.wav", "a"):
        with pytest.raises(InputError, match="expected a suffix of"):
            write_piece(chorale, tmp_path / name)
    with pytest.raises(InputError, match="expected a suffix of"):
        score_bytes(chorale, ".pdf")
    with pytest.raises(InputError):
        write_piece(chorale, tmp_path / "no" / "a.mid")
    assert os.listdir(tmp_path) == []
