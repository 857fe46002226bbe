"""Figured bass."""

import numpy as np
import pytest

from compose.canvas import Note
from compose.constraints import find_conflicts, parse_constraint, parse_constraints
from compose.constraints.figures import parse_figure, pitch_classes_over
from compose.constraints.names import parse_pitch, parse_pitch_class
from compose.verbs import harmonise
from corpora.errors import RequestError
from corpora.musicxml.reader import read_musicxml


@pytest.mark.parametrize(
    ("bass", "figures", "fifths", "sounds"),
    [
        ("C3", "_", 0, "C E G"),
        ("C3", "5", 0, "C E G"),
        ("E3", "6", 0, "E G C"),
        ("G3", "64", 0, "G C E"),
        ("G3", "7", 0, "G B D F"),
        ("B3", "65", 0, "B D F G"),
        ("D3", "43", 0, "D F G B"),
        ("F3", "42", 0, "F G B D"),
        ("F3", "2", 0, "F G B D"),
        ("E3", "#", 0, "E G# B"),
        ("E3", "7#", 0, "E G# B D"),
        ("F3", "#6", 0, "F A D#"),
        ("G3", "b", -2, "G B D"),  # in B flat the third over G is B flat: lowered it is B double flat, see below
        ("D3", "n", -2, "D F A"),
        ("G3", "9", 0, "G B D A"),
        ("F#3", "6", 0, "F# A D"),  # a raised bass keeps its letter
        ("G#3", "7", 0, "G# B D F"),
        ("Bb3", "6", 0, "Bb D G"),
        ("D3", "", 2, "D F# A"),
        ("C#3", "6", 2, "C# E A"),
    ],
)
def test_figures_by_hand(bass, figures, fifths, sounds):
    expected = {parse_pitch_class(name) for name in sounds.split()}
    if figures == "b":
        expected = {parse_pitch_class(name) for name in ("G", "A", "D")}  # B double flat sounds as A
    (figure,) = parse_figure(figures or "_")
    assert pitch_classes_over(parse_pitch(bass), figure, fifths) == expected


def test_a_suspension_has_both_halves_of_its_note(make_canvas):
    canvas = make_canvas(fixed=(Note(0, 3, 43, 48), Note(48, 3, 48, 48), Note(96, 3, 43, 96)), lanes=(0, 1, 2))
    rule = parse_constraint("figured bass: 4-3 6 | 7", canvas.piece)

    def open_classes(onset):
        allowed = np.broadcast_to(rule.allows(canvas, onset, 1, np.array([24])), (128, 1))
        return {int(pitch) % 12 for pitch in np.flatnonzero(allowed[:, 0])}

    assert open_classes(0) == {7, 0, 2}
    assert open_classes(24) == {7, 11, 2}
    assert open_classes(48) == {0, 4, 9}
    assert open_classes(96) == {7, 11, 2, 5}
    canvas.write(Note(0, 1, 60, 48))  # held into the resolution
    assert rule.measure(canvas).measured == "0 of 1 notes as the figures say"


@pytest.mark.parametrize("text", ["figured bass: | 6 | 7 # |", "figured bass: | 4-3 #6 7# | _ |", "figured bass: | 6 |  | 2 |"])
def test_reads_back(make_piece, text):
    piece = make_piece()
    once = parse_constraint(text, piece)
    assert parse_constraint(once.text, piece) == once
    assert parse_constraint(text.replace("| ", "", 1), piece) == once


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("figured bass: | x |", "'x' is not understood: expected figures"),
        ("figured bass: | 1 |", "'1' is not understood"),
        ("figured bass: | 66 |", "has the 6 twice"),
        ("figured bass: | |", "expected figures"),
        ("figured bass: 4-", "'4-' is not understood"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(make_piece, text, message):
    with pytest.raises(RequestError, match=message) as error:
        parse_constraint(text, make_piece())
    assert "\n" not in str(error.value)


def test_figures_and_notes_must_be_as_many(make_canvas):
    kept = (Note(0, 3, 43, 48), Note(48, 3, 48, 48))
    canvas = make_canvas(fixed=kept, lanes=(0, 1, 2))
    for text, message in (
        ("figured bass: | 6 | _ |", "bar 1 has 1 figures and 2 notes in the bass"),
        ("figured bass: | 6 6 |", "figures are given for 1 bars, the region has 2"),
    ):
        assert message in str(find_conflicts(parse_constraints(text, canvas.piece), canvas))
    everything = make_canvas()
    assert "needs its bass" in str(find_conflicts(parse_constraints("figured bass: 6 | 6", everything.piece), everything))


BASS = """<?xml version="1.0"?><score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Bass</part-name></score-part>
</part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions><key><fifths>1</fifths><mode>major</mode></key>
<time><beats>4</beats><beat-type>4</beat-type></time><clef><sign>F</sign><line>4</line></clef></attributes>
<note><pitch><step>G</step><octave>2</octave></pitch><duration>2</duration><voice>1</voice></note>
<note><pitch><step>B</step><octave>2</octave></pitch><duration>2</duration><voice>1</voice></note></measure>
<measure number="2"><note><pitch><step>C</step><octave>3</octave></pitch><duration>2</duration><voice>1</voice></note>
<note><pitch><step>D</step><octave>3</octave></pitch><duration>2</duration><voice>1</voice></note></measure>
<measure number="3"><note><pitch><step>G</step><octave>2</octave></pitch><duration>4</duration><voice>1</voice></note>
</measure></part></score-partwise>"""


def test_a_given_bass_is_harmonised_above(make_canvas):
    piece = read_musicxml(BASS.encode(), "bass")
    (answer,) = harmonise(piece, figures="_ 6 | 65 7 | _", seed=3, constraints=["cadence: perfect", "density: 1-2 per beat"])
    assert answer.holds, [wish for wish in answer.satisfied if not wish.satisfied]
    assert [part.name for part in answer.piece.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    kept = answer.piece.notes[answer.piece.notes["part"] == 3]
    assert kept["pitch"].tolist() == [43, 47, 48, 50, 43]
    divs = answer.piece.divs_per_quarter
    over = {(0, 2): {7, 11, 2}, (2, 4): {11, 2, 7}, (4, 6): {0, 4, 7, 9}, (6, 8): {2, 6, 9, 0}, (8, 12): {7, 11, 2}}
    added = answer.piece.notes[answer.piece.notes["part"] < 3]
    for note in added:
        for (start, end), allowed in over.items():
            if note["onset_div"] < end * divs and note["onset_div"] + note["duration_div"] > start * divs:
                assert int(note["pitch"]) % 12 in allowed
    assert len(added) >= 30


def test_what_is_given_is_a_melody_or_a_bass():
    with pytest.raises(RequestError, match="given 'tune': expected melody or bass"):
        harmonise(read_musicxml(BASS.encode(), "bass"), given="tune")
