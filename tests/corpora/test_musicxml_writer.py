from __future__ import annotations

import io
import math
import zipfile
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from corpora.errors import InputError
from corpora.musicxml import pack_mxl, read_musicxml, repack_mxl, score_member, write_musicxml, write_musicxml_with_report
from corpora.musicxml.marks import read_marks
from corpora.musicxml.reader import tie_chains
from corpora.musicxml.walker import walk
from corpora.musicxml.writer import PlacedMark
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, NOTE_DTYPE, TEMPO_DTYPE, Part, Piece, empty_notes, sort_notes


def sounding(piece: Piece, divs: int) -> Counter[tuple[int, int, int, int]]:
    scale = divs // piece.divs_per_quarter
    fields = piece.notes[["onset_div", "duration_div", "pitch", "part"]].tolist()
    return Counter((onset * scale, duration * scale, pitch, lane) for onset, duration, pitch, lane in fields)


def small_piece(**changes: object) -> Piece:
    notes = np.array(
        [(0, 480, 60, 80, 0, 0, "a", 0), (480, 1440, 38, 80, 1, 0, "b", 0), (480, 160, 40, 80, 2, 0, "c", 0)], dtype=NOTE_DTYPE
    )
    piece = Piece(
        notes=sort_notes(notes),
        divs_per_quarter=480,
        parts=(Part("Flute <1>", "1", 0, 73), Part("Kit", "2", 9, 0, True), Part("Cello", "3", 1, 42)),
        measures=np.array([(0, 480, "0", 3, 4), (480, 1920, "1", 3, 4)], dtype=MEASURE_DTYPE),
        tempos=np.array([(0, 90.0), (960, 60.5)], dtype=TEMPO_DTYPE),
        keys=np.array([(0, -2, -1)], dtype=KEY_DTYPE),
    )
    return replace(piece, **changes)  # type: ignore[arg-type]


def test_a_written_piece_reads_back_with_everything_it_said() -> None:
    piece = small_piece()
    again = read_musicxml(write_musicxml(piece))
    divs = math.lcm(480, again.divs_per_quarter)
    assert sounding(again, divs) == sounding(piece, divs)
    assert [(p.name, p.program, p.is_drum) for p in again.parts] == [
        ("Flute <1>", 73, False),
        ("Kit", 0, True),
        ("Cello", 42, False),
    ]
    assert [(t["onset_div"] / again.divs_per_quarter, t["quarters_per_minute"]) for t in again.tempos] == [(0, 90.0), (2, 60.5)]
    assert again.keys[["fifths", "mode"]].tolist() == [(-2, -1)]
    assert again.measures[["number", "beats", "beat_type"]].tolist() == [("0", 3, 4), ("1", 3, 4)]


def test_chorales_survive_writing_and_keep_their_spelling(chorale_texts: list[tuple[str, bytes]]) -> None:
    alike = total = 0
    for name, data in chorale_texts[::6]:
        piece = read_musicxml(data, name)
        text, report = write_musicxml_with_report(replace(piece, source=None))
        again = read_musicxml(text)
        divs = math.lcm(piece.divs_per_quarter, again.divs_per_quarter)
        assert sounding(again, divs) == sounding(piece, divs), name
        assert report.moved_notes == 0
        spelt, spelt_again = spelling_counts(data, divs), spelling_counts(text, divs)
        alike += sum((spelt & spelt_again).values())
        total += sum(spelt.values())
    assert alike >= 0.98 * total


def spelling_counts(data: bytes, divs: int) -> Counter[tuple[int, int, int, str | None]]:
    document = walk(data, multiple_of=divs)
    return Counter(
        (chain.onset * divs // document.divs, chain.part, chain.head.pitch or 0, chain.head.element.findtext("pitch/step"))
        for chain in tie_chains(document)[0]
    )


def test_notes_off_the_grid_are_moved_and_counted() -> None:
    notes = np.array(
        [(1, 479, 60, 80, 0, 0, "a", 0), (960, 3, 62, 80, 0, 0, "b", 0), (962, 2, 62, 80, 0, 0, "c", 0)], dtype=NOTE_DTYPE
    )
    text, report = write_musicxml_with_report(small_piece(notes=notes))
    again = read_musicxml(text)
    steps = again.divs_per_quarter // 24
    rows = again.notes[["onset_div", "duration_div", "pitch"]].tolist()
    assert [(a // steps, b // steps, c) for a, b, c in rows] == [(0, 24, 60), (48, 1, 62)]
    assert (report.moved_notes, report.merged_notes) == (3, 1)


def test_notes_after_the_last_bar_get_bars_of_their_own() -> None:
    notes = np.array([(1800, 960, 60, 80, 0, 0, "a", 0)], dtype=NOTE_DTYPE)
    again = read_musicxml(write_musicxml(small_piece(notes=notes)))
    assert again.measures["number"].tolist() == ["0", "1", "2"]
    assert len(again.notes) == 1


def test_staves_of_one_part_stay_together() -> None:
    parts = (Part("Piano", "P1", 1), Part("Piano", "P1", 2), Part("Voice", "P2", 1))
    again = read_musicxml(write_musicxml(small_piece(parts=parts)))
    assert [(p.key, p.staff) for p in again.parts] == [("P1", 1), ("P1", 2), ("P2", 1)]
    assert again.notes["part"].tolist() == [0, 1, 2]


def test_a_piece_without_bars_and_notes_is_still_a_score() -> None:
    empty = small_piece(notes=np.zeros(0, NOTE_DTYPE), measures=np.zeros(0, MEASURE_DTYPE), keys=np.zeros(0, KEY_DTYPE))
    assert len(read_musicxml(write_musicxml(replace(empty, measures=small_piece().measures))).notes) == 0


def test_mxl_keeps_all_other_members() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.recordare.musicxml")
        archive.writestr(
            "META-INF/container.xml", '<container><rootfiles><rootfile full-path="deep/a.xml"/></rootfiles></container>'
        )
        archive.writestr("picture.png", b"\x89PNG", zipfile.ZIP_DEFLATED)
        archive.writestr("deep/a.xml", b"<old/>", zipfile.ZIP_DEFLATED)
    repacked = repack_mxl(out.getvalue(), b"<new/>")
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(io.BytesIO(repacked)) as new:
        assert new.namelist() == old.namelist()
        assert [i.date_time for i in new.infolist()] == [i.date_time for i in old.infolist()]
        assert new.read("deep/a.xml") == b"<new/>"
        for name in ("mimetype", "META-INF/container.xml", "picture.png"):
            assert new.read(name) == old.read(name)


def test_packing_is_repeatable_and_names_its_score() -> None:
    packed = pack_mxl(b"<score-partwise/>")
    assert packed == pack_mxl(b"<score-partwise/>")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.read(score_member(packed)) == b"<score-partwise/>"


def test_a_broken_mxl_is_named() -> None:
    with pytest.raises(InputError, match="expected a readable zip"):
        repack_mxl(b"PK no", b"")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.xml", "")
    with pytest.raises(InputError, match=r"expected a member META-INF/container.xml"):
        score_member(out.getvalue())


def test_given_voices_marks_and_a_finer_grid_are_written() -> None:
    notes = empty_notes(4)
    notes["onset_div"], notes["duration_div"] = [0, 0, 144, 288], [720, 144, 144, 432]
    notes["pitch"], notes["voice"] = [48, 72, 74, 76], [2, 1, 1, 1]
    notes["id"] = ["a", "b", "c", "d"]
    measures = np.array([(0, 720, "1", 4, 4)], dtype=MEASURE_DTYPE)
    piece = Piece(sort_notes(notes), 180, (Part("Viola", program=41),), measures)
    marks = [PlacedMark(0, 0, "dynamics", "pp"), PlacedMark(144, 0, "wedge", "crescendo"), PlacedMark(720, 0, "wedge", "stop")]
    marks += [PlacedMark(0, 0, "pedal", "start"), PlacedMark(360, 0, "pedal", "stop"), PlacedMark(0, 0, "words", "a < b")]
    text, report = write_musicxml_with_report(piece, steps_per_quarter=5, keep_voices=True, spell_together=True, marks=marks)
    assert report.moved_notes == 0
    back = read_musicxml(text)
    assert sorted(back.notes[["pitch", "voice"]].tolist()) == [(48, 2), (72, 1), (74, 1), (76, 1)]
    assert (back.notes["duration_div"] / back.divs_per_quarter).tolist() == [4.0, 0.8, 0.8, 2.4]
    found = [
        (mark.kind, mark.text, mark.onset / back.divs_per_quarter) for mark in read_marks(text).directions if mark.kind != "tempo"
    ]
    expected = [("dynamics", "pp", 0.0), ("pedal", "start", 0.0), ("words", "a < b", 0.0), ("wedge", "crescendo", 0.8)]
    assert sorted(found) == sorted([*expected, ("pedal", "stop", 2.0), ("wedge", "stop", 4.0)])
    assert b"<clef><sign>C</sign><line>3</line></clef>" in text


@pytest.mark.parametrize(
    ("meter", "said"),
    [((6, 8), "quarter</beat-unit><beat-unit-dot/><per-minute>60"), ((2, 2), "half</beat-unit><per-minute>45"),
     ((3, 4), "quarter</beat-unit><per-minute>90"), ((3, 8), "quarter</beat-unit><per-minute>90")],
)  # fmt: skip
def test_metronome_marks_are_in_beats_of_the_meter(meter: tuple[int, int], said: str) -> None:
    length = 4 * 24 * meter[0] // meter[1]
    measures = np.array([(0, length, "1", *meter)], dtype=MEASURE_DTYPE)
    notes = empty_notes(1)
    notes["duration_div"], notes["pitch"], notes["id"] = 24, 60, "n"
    piece = Piece(notes, 24, (Part("Flute", program=73),), measures, tempos=np.array([(0, 90.0)], dtype=TEMPO_DTYPE))
    text = write_musicxml(piece)
    assert said.encode() in text
    assert b'<sound tempo="90"/>' in text
