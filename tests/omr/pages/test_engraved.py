"""Engraved pages: the place and sense of every sign, against the score's own text and against the ink."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from corpora.errors import InputError, RequestError
from omr.pages.engraved import LabelledPage, engraved_pages
from omr.pages.options import EngravingOptions
from omr.pages.strips import system_strip
from omr.signs import BEAMS, DURATIONS, HEADS, KIND_INDEX, KINDS, STEMS

HEAD_ROWS = [KIND_INDEX[name] for name in HEADS]
SCORE = """<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>P</part-name></score-part></part-list>
<part id="P1">
<measure number="1"><attributes><divisions>4</divisions><key><fifths>-2</fifths></key><time><beats>3</beats><beat-type>4</beat-type>
</time><staves>2</staves><clef number="1"><sign>G</sign><line>2</line></clef><clef number="2"><sign>F</sign><line>4</line></clef>
</attributes><direction placement="below"><direction-type><dynamics><mf/></dynamics></direction-type><staff>1</staff></direction>
<note><grace slash="yes"/><pitch><step>D</step><octave>5</octave></pitch><voice>1</voice><type>eighth</type><staff>1</staff></note>
<note><pitch><step>E</step><octave>5</octave></pitch><duration>6</duration><voice>1</voice><type>quarter</type><dot/>
<accidental>natural</accidental><stem>up</stem><staff>1</staff>
<notations><slur type="start" number="1"/><fermata/></notations></note>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>2</duration><voice>1</voice><type>eighth</type><stem>up</stem>
<staff>1</staff><beam number="1">begin</beam></note>
<note><chord/><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice><type>eighth</type>
<stem>up</stem><staff>1</staff></note>
<note><pitch><step>D</step><octave>5</octave></pitch><duration>2</duration><voice>1</voice><type>eighth</type><stem>up</stem>
<staff>1</staff><beam number="1">continue</beam></note>
<note><pitch><step>F</step><octave>5</octave></pitch><duration>2</duration><tie type="start"/><voice>1</voice><type>eighth</type>
<stem>up</stem><staff>1</staff><beam number="1">end</beam><notations><tied type="start"/><slur type="stop" number="1"/></notations>
</note><backup><duration>12</duration></backup>
<note><rest/><duration>4</duration><voice>2</voice><type>quarter</type><staff>2</staff></note>
<note><pitch><step>C</step><octave>3</octave></pitch><duration>8</duration><voice>2</voice><type>half</type><stem>down</stem>
<staff>2</staff></note></measure>
<measure number="2"><note><pitch><step>F</step><octave>5</octave></pitch><duration>12</duration><tie type="stop"/><voice>1</voice>
<type>half</type><dot/><stem>down</stem><staff>1</staff><notations><tied type="stop"/></notations></note>
<backup><duration>12</duration></backup><note><rest measure="yes"/><duration>12</duration><voice>2</voice><staff>2</staff></note>
<barline location="right"><bar-style>light-heavy</bar-style><repeat direction="backward"/></barline></measure></part>
</score-partwise>"""


@pytest.fixture(scope="module")
def page() -> LabelledPage:
    return engraved_pages(SCORE, EngravingOptions(page_width=60.0, page_height=60.0))[0]


def _kinds(page: LabelledPage) -> list[str]:
    return [KINDS[row["kind"]] for system in page.systems for row in system.signs]


def test_every_sign_of_the_score_is_there_once(page: LabelledPage) -> None:
    counts = {name: _kinds(page).count(name) for name in set(_kinds(page))}
    expected = {
        "clef_g": 1,
        "clef_f": 1,
        "key_flat": 4,
        "time_3": 2,
        "time_4": 2,
        "head_black": 6,
        "head_half": 2,
        "natural": 1,
        "augmentation_dot": 2,
        "rest_quarter": 1,
        "rest_whole": 1,
        "dynamic_mf": 1,
        "fermata": 1,
        "slur": 1,
        "tie": 1,
        "beam": 1,
        "flag": 1,
        "stem": 7,
        "bar_single": 1,
        "bar_repeat_end": 1,
    }
    assert counts == expected


def test_heads_say_what_the_score_says_of_them(page: LabelledPage) -> None:
    (system,) = page.systems
    heads = system.signs[np.isin(system.signs["kind"], HEAD_ROWS)]

    def told(row: np.void) -> tuple[object, ...]:
        flags = "".join(
            letter for letter, name in zip("TtSs", ("tie_start", "tie_stop", "slur_start", "slur_stop"), strict=True) if row[name]
        )
        grace = int(row["grace"].argmax())
        duration, stem, beam = DURATIONS[row["duration"].argmax()], STEMS[row["stem"].argmax()], BEAMS[row["beam"].argmax()]
        return (row["staff"], round(float(row["place"])), duration, int(row["dots"].argmax()), stem, beam, grace, flags)

    assert sorted(map(told, heads)) == sorted(
        [
            (0, 6, "eighth", 0, "up", "", 2, ""),
            (0, 7, "quarter", 1, "up", "", 0, "S"),
            (0, 5, "eighth", 0, "up", "begin", 0, ""),
            (0, 2, "eighth", 0, "up", "begin", 0, ""),
            (0, 6, "eighth", 0, "up", "continue", 0, ""),
            (0, 8, "eighth", 0, "up", "end", 0, "Ts"),
            (1, 3, "half", 0, "down", "", 0, ""),
            (0, 8, "half", 1, "down", "", 0, "t"),
        ]
    )
    chords = heads["chord"][heads["beam"][:, BEAMS.index("begin")] == 1]
    assert chords[0] == chords[1]
    assert len(set(heads["chord"])) == len(heads) - 1
    assert len(set(heads["beam_group"])) == 2  # one beam, and -1


def test_boxes_of_heads_hold_ink_to_their_edges(page: LabelledPage) -> None:
    (system,) = page.systems
    x0, y0 = system.origin_px
    unit = system.interline_px
    for row in system.signs:
        if KINDS[row["kind"]] != "head_black":
            continue
        left, right = (x0 + (row["x"] + side * row["width"] / 2) * unit for side in (-1, 1))
        top, bottom = (y0 + (row["y"] + side * row["height"] / 2) * unit for side in (-1, 1))
        inside = page.image[round(top) : round(bottom), round(left) : round(right)]
        assert (inside < 128).mean() > 0.6
        assert (inside.min(axis=0) < 200).all()
        assert (inside.min(axis=1) < 200).all()


def test_staff_lines_are_where_the_ink_is(page: LabelledPage) -> None:
    for lines in page.systems[0].staff_lines:
        assert lines.shape == (5, 3)
        for x0, x1, y in lines:
            rows = page.image[int(y) - 1 : int(y) + 2, round(x0) + 2 : round(x1) - 2]
            assert (rows.min(axis=0) < 200).all()


def test_bars_of_systems_follow_one_another() -> None:
    systems = [s for page in engraved_pages(SCORE, EngravingOptions(page_width=40.0, page_height=40.0)) for s in page.systems]
    assert [(system.first_bar, system.last_bar) for system in systems] == [(0, 0), (1, 1)]
    last = systems[-1].signs
    ties = last[last["kind"] == KIND_INDEX["tie"]]
    assert len(ties) == 1  # its second half
    assert last["tie_stop"].sum() == 1


def test_a_strip_has_the_signs_where_its_conventions_say(page: LabelledPage) -> None:
    strip = system_strip(page, 0)
    half = system_strip(page, 0, interline_px=6.0)
    assert abs(half.image.shape[0] * 2 - strip.image.shape[0]) <= 1
    for cut in (strip, half):
        rows = [row for row in cut.signs if KINDS[row["kind"]] == "head_black"]
        for row in rows:
            column = int(cut.origin_px[0] + row["x"] * cut.interline_px)
            line = int(cut.origin_px[1] + row["y"] * cut.interline_px)
            assert cut.image[line, column] < 100
    with pytest.raises(RequestError, match="expected a system of 0-0, got 1"):
        system_strip(page, 1)


def test_moving_the_key_changes_heads_and_signature() -> None:
    (page,) = engraved_pages(SCORE, EngravingOptions(page_width=60.0, page_height=60.0, fifths=2))
    assert not any(kind.startswith("key_") for kind in _kinds(page))


def test_the_svg_and_the_labels_agree_on_beams(page: LabelledPage) -> None:
    root = ElementTree.fromstring(page.svg)
    polygons = [e for g in root.iter() if g.get("class") == "beam" for e in g if e.tag.endswith("polygon")]
    assert len(polygons) == _kinds(page).count("beam")


def test_rests_of_many_bars_count_them_all() -> None:
    note = "<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><type>whole</type></note>"
    rest = '<note><rest measure="yes"/><duration>4</duration></note>'
    style = "<attributes><divisions>1</divisions><measure-style><multiple-rest>3</multiple-rest></measure-style></attributes>"
    bars = "".join(f'<measure number="{n}">{bar}</measure>' for n, bar in enumerate([style + rest, rest, rest, note, note], 1))
    head = '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>P</part-name></score-part></part-list>'
    score = f'{head}<part id="P1">{bars}</part></score-partwise>'
    (page,) = engraved_pages(score, EngravingOptions(page_width=22.0))
    assert [(system.first_bar, system.last_bar) for system in page.systems] == [(0, 2), (3, 3), (4, 4)]
    first = [KINDS[row["kind"]] for row in page.systems[0].signs]
    assert first.count("rest_bars") == 1
    assert first.count("time_3") == 1  # the number above it


def test_what_is_hidden_has_no_label() -> None:
    kern = "**kern\n*clefG2\n*M4/4\n=1\n4c\n4ryy\n4d\n4eyy\n=2\n1ryy\n==\n*-\n"
    (page,) = engraved_pages(kern, EngravingOptions(page_width=40.0))
    kinds = _kinds(page)
    assert kinds.count("head_black") == 2
    assert not any(kind.startswith("rest_") for kind in kinds)


def test_what_is_no_score_is_refused() -> None:
    with pytest.raises(InputError, match="expected a score that verovio can engrave"):
        engraved_pages("<score-partwise/>", EngravingOptions())
