from __future__ import annotations

from collections.abc import Callable

import pytest

from corpora.musicxml.marks import read_marks
from corpora.musicxml.reader import read_musicxml


def part(*measures: str) -> bytes:
    head = "<attributes><divisions>4</divisions><staves>2</staves></attributes>"
    bodies = "".join(
        f'<measure number="{number}">{head if number == 1 else ""}{body}</measure>' for number, body in enumerate(measures, 1)
    )
    parts = '<part-list><score-part id="P1"><part-name>Piano</part-name></score-part></part-list>'
    return f'<score-partwise version="4.0">{parts}<part id="P1">{bodies}</part></score-partwise>'.encode()


def note(extra: str = "", notations: str = "", length: str = "<duration>4</duration>", step: str = "C") -> str:
    pitch = f"<pitch><step>{step}</step><octave>4</octave></pitch>"
    return f"<note>{extra}{pitch}{length}<voice>1</voice><notations>{notations}</notations></note>"


def test_directions_stand_where_their_offset_says() -> None:
    types = ("<dynamics><p/></dynamics>", "<words> con \n fuoco </words>")
    said = "".join(f"<direction-type>{content}</direction-type>" for content in types)
    direction = f"<direction>{said}<offset>2</offset><staff>2</staff></direction>"
    marks = read_marks(part(note() + direction + note(), note()))
    assert [(d.kind, d.text, d.onset, d.measure, d.part, d.staff) for d in marks.directions] == [
        ("dynamics", "p", 6, 0, 0, 2),
        ("words", "con fuoco", 6, 0, 0, 2),
    ]


def test_marks_of_tied_notes_are_gathered_under_the_id_of_the_reader() -> None:
    text = part(
        note('<grace slash="yes"/>', length="", step="D")
        + note(notations='<tied type="start"/><articulations><accent/><staccato/></articulations>')
        + note(notations='<tied type="stop"/><fermata/><ornaments><trill-mark/><accidental-mark>flat</accidental-mark></ornaments>')
    )
    marks = read_marks(text)
    assert set(marks.notes) == set(read_musicxml(text).notes["id"].tolist()) == {"n0", "n1"}
    assert marks.notes["n0"].grace == "slashed"
    held = marks.notes["n1"]
    assert (held.articulations, held.ornaments, held.ornament_alters) == (("accent", "staccato"), ("trill-mark",), ("flat", ""))
    assert [(hold.start, hold.end) for hold in marks.holds] == [(4, 8)]


def test_slurs_are_paired_across_grace_notes_and_left_open() -> None:
    start, stop = '<slur type="start" number="1"/>', '<slur type="stop" number="1"/>'
    text = part(
        note("<grace/>", start, "")
        + note(notations=stop + '<slur type="start" number="2"/>')
        + note(notations=start)
        + note(notations=stop)
    )
    spans = {(span.first_id, span.last_id, span.start, span.end) for span in read_marks(text).spans}
    assert spans == {("n0", "n1", 0, 4), ("n1", "", 0, None), ("n2", "n3", 4, 12)}


def test_the_road_map() -> None:
    left = '<barline location="left"><repeat direction="forward"/><ending number="1, 2" type="start"/></barline>'
    right = (
        '<barline location="right"><bar-style>light-heavy</bar-style><ending number="1, 2" type="stop"/>'
        '<repeat direction="backward" times="3"/></barline>'
    )
    words = "<direction><direction-type><words>D.S. al Fine</words></direction-type></direction>"
    marks = read_marks(
        part(
            left + note() + right,
            note() + words + '<direction><sound fine="yes"/><direction-type><segno/></direction-type></direction>',
        )
    )
    first, second = marks.bars
    assert (first.forward, first.times, first.ending, first.ending_stops, first.double) == (True, 3, (1, 2), True, True)
    assert second.jumps == {"dalsegno", "fine", "segno"}


def test_movements_begin_where_bars_are_counted_anew() -> None:
    text = part(note(), note(), note(), note()).replace(b'number="3"', b'number="0"').replace(b'number="4"', b'number="1"')
    assert [bar.first_of_movement for bar in read_marks(text).bars] == [False, False, True, False]


@pytest.mark.parametrize("times", ["many", "-1", "10000000000"])
def test_absurd_numbers_do_no_harm(times: str) -> None:
    text = part(note() + f'<barline><repeat direction="backward" times="{times}"/></barline>')
    assert 1 <= read_marks(text).bars[0].times <= 32


def test_all_scores_of_the_packs_give_marks_for_all_notes(pack_texts: Callable[[str, int, int], list[tuple[str, bytes]]]) -> None:
    for name, text in pack_texts("openscore-lieder", 10, 400_000):
        marks, piece = read_marks(text, name), read_musicxml(text, name)
        assert set(marks.notes) == set(piece.notes["id"].tolist())
        assert len(marks.bars) == len(piece.measures)
        assert marks.document.divs == piece.divs_per_quarter
