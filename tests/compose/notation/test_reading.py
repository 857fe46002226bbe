from fractions import Fraction

import pytest

from compose.notation.reading import read_written
from compose.notation.written import Clef, Direction, Event, Head, Key, Time
from corpora.errors import InputError

HEAD = """<?xml version="1.0"?><score-partwise version="4.0"><work><work-title> A  tune </work-title></work><part-list>
<score-part id="P1"><part-name>Piano</part-name></score-part></part-list><part id="P1">"""
ATTRIBUTES = """<attributes><divisions>4</divisions><key><fifths>-2</fifths></key><time symbol="common"><beats>4</beats>
<beat-type>4</beat-type></time><staves>2</staves><clef number="1"><sign>G</sign><line>2</line></clef>
<clef number="2"><sign>F</sign><line>4</line></clef></attributes>"""


def score(*measures: str) -> bytes:
    bars = "".join(f'<measure number="{number}">{inner}</measure>' for number, inner in enumerate(measures, 1))
    return f"{HEAD}{bars}</part></score-partwise>".encode()


def note(pitch: str, duration: int, type_: str, inner: str = "", voice: int = 1, staff: int = 1, before: str = "") -> str:
    named = f"<pitch><step>{pitch[0]}</step><octave>{pitch[1]}</octave></pitch>" if pitch else "<rest/>"
    return (
        f"<note>{before}{named}<duration>{duration}</duration><voice>{voice}</voice><type>{type_}</type>{inner}"
        f"<staff>{staff}</staff></note>"
    )


def test_a_bar_of_two_voices_and_a_bar_rest_is_read_as_printed() -> None:
    text = score(
        ATTRIBUTES
        + '<direction placement="above"><direction-type><words>Andante </words></direction-type><staff>1</staff></direction>'
        + "<direction><direction-type><dynamics><mf/></dynamics></direction-type><offset>2</offset><staff>1</staff></direction>"
        + note("G4", 8, "half", "<accidental>sharp</accidental><stem>up</stem>")
        + note("E5", 8, "half", before="<chord/>").replace("</type>", '</type><notations><slur type="start"/></notations>')
        + note("C4", 8, "half", '<notations><tied type="start"/><articulations><tenuto/><accent/></articulations></notations>')
        + "<backup><duration>16</duration></backup>"
        + '<note print-object="no"><rest/><duration>8</duration><voice>2</voice></note>'
        + note("A3", 8, "half", voice=2)
        + "<backup><duration>16</duration></backup>"
        + '<note><rest measure="yes"/><duration>16</duration><voice>5</voice><staff>2</staff></note>'
    )
    written = read_written(text)
    assert written.title == "A tune"
    (part,) = written.parts
    assert (part.name, part.staves) == ("Piano", 2)
    (bar,) = part.bars
    assert bar.clefs == (Clef(Fraction(0), 1, "G", 2), Clef(Fraction(0), 2, "F", 4))
    assert (bar.key, bar.time, bar.length, bar.irregular) == (Key(-2), Time(4, 4, "common"), 4, False)
    assert bar.directions == (
        Direction(Fraction(0), 1, "words", "Andante", above=True),
        Direction(Fraction(1, 2), 1, "dynamics", "mf"),
    )
    upper, lower, rest = bar.voices
    assert [voice.number for voice in bar.voices] == [1, 2, 3]
    assert upper.events == (
        Event(Fraction(0), Fraction(2), (Head(32, "sharp"), Head(37)), "half", stem="up", slur_starts=1),
        Event(Fraction(2), Fraction(2), (Head(28, tie_start=True),), "half", marks=("accent", "tenuto")),
    )
    assert lower.events == (Event(Fraction(2), Fraction(2), (Head(26),), "half"),)
    assert rest.events == (Event(Fraction(0), Fraction(4), staff=2),)


def test_voices_are_numbered_by_staff_onset_and_height() -> None:
    backup = "<backup><duration>16</duration></backup>"
    text = score(
        ATTRIBUTES
        + (note("C4", 16, "whole", voice=1) + backup + note("G5", 16, "whole", voice=2) + backup)
        + (note("C3", 16, "whole", voice=3, staff=2) + backup + note("D3", 16, "whole", voice=3, staff=2) + backup)
        + (note("", 8, "half", voice=9) + note("C6", 8, "half", voice=9))
    )
    bar = read_written(text).parts[0].bars[0]
    tops = [next(event.heads[0].place for event in voice.events if event.heads) for voice in bar.voices]
    assert tops == [42, 39, 28, 22, 21]  # the rest of voice 9 has the height of its chord


def test_graces_stand_before_their_note_and_last_nothing() -> None:
    grace = '<note><grace slash="yes"/><pitch><step>D</step><octave>5</octave></pitch><voice>1</voice><type>16th</type></note>'
    text = score(ATTRIBUTES + note("C5", 8, "half") + grace + note("C5", 8, "half"))
    events = read_written(text).parts[0].bars[0].voices[0].events
    assert [(event.onset, event.duration, event.grace, event.type) for event in events] == [
        (0, 2, "", "half"),
        (2, 0, "slashed", "16th"),
        (2, 2, "", "half"),
    ]


@pytest.mark.parametrize("hiding", ['<notations><tuplet bracket="no" show-number="none" ', '<notations print-object="no"><tuplet '])
def test_tuplets_keep_their_ratio_and_only_printed_ends(hiding: str) -> None:
    ratio = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    hidden = hiding + 'type="start"/></notations>'
    shown = '<notations><tuplet type="start"/></notations>'
    stop = '<notations><tuplet type="stop"/></notations>'
    attributes = ATTRIBUTES.replace("<divisions>4", "<divisions>3")
    triplets = "".join(note("C5", 1, "eighth", ratio + marks) for marks in (shown, "", stop, hidden, "", stop))
    events = read_written(score(attributes + triplets)).parts[0].bars[0].voices[0].events
    assert {(event.duration, event.actual, event.normal) for event in events} == {(Fraction(1, 3), 3, 2)}
    assert [event.tuplet_starts for event in events] == [True, False, False, False, False, False]
    assert [event.tuplet_stops for event in events] == [False, False, True, False, False, False]


def test_lines_repeats_endings_and_breaks() -> None:
    whole = note("C5", 16, "whole")
    written = read_written(
        score(
            ATTRIBUTES + whole,
            '<barline location="left"><bar-style>heavy-light</bar-style><repeat direction="forward"/></barline>' + whole,
            '<print new-system="yes"/><barline location="left"><ending number="1,2" type="start"/></barline>'
            + whole
            + '<barline location="right"><ending number="1,2" type="stop"/><repeat direction="backward"/></barline>',
            '<print new-page="yes"/><barline location="left"><bar-style>light-light</bar-style></barline>' + whole,
            whole + '<attributes><clef number="2"><sign>G</sign><line>2</line></clef></attributes>',
            note("C5", 4, "quarter") + '<barline location="right"><bar-style>light-heavy</bar-style></barline>',
        )
    )
    first, second, third, fourth, fifth, last = written.parts[0].bars
    assert (first.right, second.left, second.repeat_start) == ("", "heavy-light", True)
    assert (third.ending_start, third.ending_stop, third.repeat_end, third.right) == ("1, 2", True, True, "light-heavy")
    assert (fourth.left, fifth.clefs, last.clefs) == ("", (), (Clef(Fraction(0), 2, "G", 2),))
    assert (last.length, last.irregular, last.right) == (1, True, "light-heavy")
    assert (written.systems, written.pages) == ((0, 2, 3), (0, 3))


def test_invisible_and_cue_notes_and_signs_are_left_out() -> None:
    hidden = '<attributes><time print-object="no"><beats>2</beats><beat-type>4</beat-type></time></attributes>'
    cue = "<note><cue/><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration><voice>1</voice></note>"
    chord = note("C5", 4, "quarter").replace("<note>", '<note print-object="no">') + note("E5", 4, "quarter", before="<chord/>")
    bar = read_written(score(ATTRIBUTES + note("C5", 16, "whole"), hidden + cue + chord)).parts[0].bars[1]
    assert bar.time is None
    assert bar.irregular  # the meter that is printed is 4/4
    assert [event.heads for event in bar.voices[0].events] == [(Head(37),)]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"X:1\nT:tune\nM:4/4\nL:1/4\nK:C\nCDEF|\n", "expected MusicXML, got abc"), (b"no score", "page.musicxml")],
)
def test_what_is_no_musicxml_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_written(data, "page.musicxml" if words == "page.musicxml" else "tune.abc")
