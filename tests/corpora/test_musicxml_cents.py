"""Cents in MusicXML: alterations between the semitones read, written, edited, and refused where they make no sense."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.errors import InputError, RequestError
from corpora.files import parse_piece
from corpora.musicxml import edit_musicxml, read_musicxml, write_musicxml
from corpora.musicxml.signs import SIGN_NAMES, sign_of
from corpora.musicxml.spelling import spell, spell_between
from corpora.piece import MEASURE_DTYPE, NOTE_DTYPE, Part, Piece, empty_notes, nearest_pitch, sort_notes

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def score(*measures, key="<key><fifths>0</fifths></key>"):
    head = f"<attributes><divisions>1</divisions>{key}<time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    bars = "".join(
        f'<measure number="{number}">{head if number == 1 else ""}{text}</measure>' for number, text in enumerate(measures, 1)
    )
    return (
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Ney</part-name></score-part></part-list>'
        f'<part id="P1">{bars}</part></score-partwise>'
    ).encode()


def note(step, alter, octave=4, duration=1, extra=""):
    pitch = f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
    return f"<note>{pitch}<duration>{duration}</duration>{extra}<voice>1</voice><type>quarter</type></note>"


def heights(piece):
    """(pitch, cents) of the notes in order."""
    return [(pitch, round(cents, 4)) for pitch, cents in piece.notes[["pitch", "cents"]].tolist()]


def piece_of(rows, is_drum=False):
    """A piece in quarters of (onset, duration, pitch, cents) rows."""
    notes = empty_notes(len(rows))
    for index, (onset, duration, pitch, cents) in enumerate(rows):
        notes[index] = (onset, duration, pitch, 80, 0, 0, f"n{index}", cents)
    bars = np.array([(4 * bar, 4 * bar + 4, str(bar + 1), 4, 4) for bar in range(8)], dtype=MEASURE_DTYPE)
    return Piece(sort_notes(notes), 1, (Part("Ney", program=72, is_drum=is_drum),), bars)


# -- heights ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 127), st.integers(-499_999, 500_000))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_height_has_one_pitch_and_cents(pitch, ten_thousandths):
    cents = ten_thousandths / 10_000
    assert nearest_pitch(pitch + cents / 100) == (pitch, cents)


def test_heights_written_out():
    assert nearest_pitch(60.0) == (60, 0.0)
    assert nearest_pitch(60.5) == (60, 50.0)
    assert nearest_pitch(-0.5) == (-1, 50.0)
    assert nearest_pitch(61.333333) == (61, 33.3333)
    assert str(nearest_pitch(59.99999999)[1]) == "0.0"


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alter", "height"),
    [
        ("0.5", (60, 50)),
        ("-0.5", (59, 50)),
        ("1.5", (61, 50)),
        ("0.333333", (60, 33.3333)),
        ("-0.9057", (59, 9.43)),
        ("0.75", (61, -25)),
        ("1", (61, 0)),
        ("0.0", (60, 0)),
    ],
)
def test_an_alteration_is_a_pitch_and_cents(alter, height):
    assert heights(parse_piece(score(note("C", alter)), "a.musicxml")) == [height]


def test_ties_join_only_notes_of_the_same_cents():
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    same = read_musicxml(score(note("C", "0.5", extra=start) + note("C", "0.5", extra=stop)))
    assert same.notes[["duration_div", "pitch", "cents"]].tolist() == [(2, 60, 50.0)]
    other = read_musicxml(score(note("C", "0.5", extra=start) + note("C", "0.25", extra=stop)))
    assert other.notes["duration_div"].tolist() == [1, 1]


@pytest.mark.parametrize("alter", ["nan", "1e9", "1000000000", "inf", "-4.01", "0,5", "1e-400"])
def test_the_gate_refuses_what_is_no_alteration(alter):
    with pytest.raises(InputError, match=r"a\.musicxml.*expected a number from -4 to 4 in alter"):
        parse_piece(score(note("C", alter)), "a.musicxml")


@pytest.mark.parametrize("alter", ["nan", "inf", "-inf", "half"])
def test_the_reader_alone_refuses_too(alter):
    with pytest.raises(InputError, match="measure 1: expected a number as alter"):
        read_musicxml(score(note("C", alter)))


@pytest.mark.parametrize("alter", ["1e9", "1e300"])
def test_the_reader_alone_refuses_what_cannot_sound(alter):
    with pytest.raises(InputError, match="expected a sounding pitch of MIDI 0 to 127"):
        read_musicxml(score(note("C", alter)))


# -- writing ----------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(20, 110), st.integers(-999_999, 999_999)),
        max_size=8,
        unique_by=lambda row: (row[0], row[2] + row[3] / 1e6),
    )
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_reading_what_was_written_gives_the_heights(rows):
    piece = piece_of([(onset, duration, pitch, cents / 10_000) for onset, duration, pitch, cents in rows])
    again = read_musicxml(write_musicxml(piece))
    expected = sorted((row["onset_div"], row["pitch"] + float(row["cents"]) / 100) for row in piece.notes)
    scale = again.divs_per_quarter
    came = sorted((row["onset_div"] / scale, row["pitch"] + float(row["cents"]) / 100) for row in again.notes)
    assert [onset for onset, _ in came] == [onset for onset, _ in expected]
    assert [height for _, height in came] == pytest.approx([height for _, height in expected], abs=1e-5)
    assert ((again.notes["cents"] > -50) & (again.notes["cents"] <= 50)).all()
    assert read_musicxml(write_musicxml(again)).notes["cents"].tolist() == again.notes["cents"].tolist()


def written(rows):
    """(step, alter, accidental) of each note that is written for (pitch, cents), a quarter each."""
    root = ElementTree.fromstring(write_musicxml(piece_of([(i, 1, *row) for i, row in enumerate(rows)])))
    return [
        (n.findtext("pitch/step"), n.findtext("pitch/alter"), n.findtext("accidental"))
        for n in root.iter("note")
        if n.find("pitch") is not None
    ]


def test_quarter_tones_have_their_signs():
    assert written([(60, 50), (61, 50), (63, 50), (60, 0)]) == [
        ("C", "0.5", "quarter-sharp"),
        ("D", "-0.5", "quarter-flat"),
        ("E", "-0.5", "quarter-flat"),
        ("C", None, "natural"),
    ]


def test_commas_have_their_signs():
    comma = 1200 / 53
    assert [name for _, _, name in written([(71, -4 * comma), (60, 5 * comma - 100)])][:1] == ["slash-flat"]
    assert sign_of(-8 * 12 / 53) == -8 * 12 / 53
    assert SIGN_NAMES[sign_of(1.132)] == "slash-quarter-sharp"


def test_what_has_no_sign_says_it_in_the_alteration_alone():
    assert written([(60, 20)]) == [("C", "0.2", None)]
    assert written([(66, 0), (65, 20)]) == [("F", "1", "sharp"), ("F", "0.2", "natural")]


def test_the_spelling_is_the_one_with_the_smaller_alteration():
    for pitch in range(12, 120):
        for fifths in range(-7, 8):
            for cents in (-49.0, -30.0, -10.0, 10.0, 30.0, 50.0):
                step, alter, octave = spell_between(pitch, cents, fifths)
                assert 12 * (octave + 1) + STEPS[step] + alter == pytest.approx(pitch + cents / 100)
                own = spell(pitch, fifths)
                assert abs(alter) <= abs(own.alter + cents / 100) + 1e-9
                if abs(cents) < 25:
                    assert (step, octave) == (own.step, own.octave)


def test_drum_keys_have_no_cents():
    piece = piece_of([(0, 1, 38, 40)], is_drum=True)
    assert heights(read_musicxml(write_musicxml(piece))) == [(38, 0)]


# -- editing ----------------------------------------------------------------------------------------------------------


def test_an_edit_leaves_other_measures_byte_for_byte_and_other_notes_their_cents():
    kept = note("C", "0.25") + note("D", " -0.5 ") + note("E", "0") + note("F", "+.125")
    data = score(kept, note("G", "0.5") + note("G", "0.50", duration=3), kept)
    piece = read_musicxml(data)
    removed = piece.notes[4:5]
    added = removed.copy()
    added["pitch"], added["cents"] = 69, -30
    edited = edit_musicxml(piece, removed["id"].tolist(), added)
    assert edited.count(kept.encode()) == 2
    assert b"<alter>0.50</alter>" in edited
    expected = sorted([*heights(piece)[:4], *heights(piece)[5:], (69, -30.0)])
    assert sorted(heights(read_musicxml(edited))) == expected


def test_a_note_in_the_place_of_its_like_changes_nothing_but_other_cents_do():
    data = score(note("G", "0.5", duration=4))
    piece = read_musicxml(data)
    assert edit_musicxml(piece, piece.notes["id"].tolist(), piece.notes) == data
    plain = piece.notes.copy()
    plain["cents"] = 0
    assert heights(read_musicxml(edit_musicxml(piece, piece.notes["id"].tolist(), plain))) == [(67, 0)]


def test_a_key_of_quarter_tones_needs_no_sign_for_its_own():
    key = "<key><key-step>B</key-step><key-alter>-0.5</key-alter></key>"
    piece = read_musicxml(score('<note><rest measure="yes"/><duration>4</duration><voice>1</voice></note>', key=key))
    rows = piece_of([(0, 4, 70, 50)]).notes
    edited = edit_musicxml(piece, (), rows)
    assert b"<step>B</step>" in edited
    assert b"<accidental>" not in edited


@pytest.mark.parametrize("cents", [100, -100, 1e9, np.nan, np.inf])
def test_cents_beyond_a_semitone_are_refused(cents):
    piece = read_musicxml(score(note("G", "0", duration=4)))
    row = np.array([(0, 4, 60, 80, 0, 0, "", cents)], dtype=NOTE_DTYPE)
    with pytest.raises(RequestError, match=r"a new note has .* cents, expected between -100 and 100"):
        edit_musicxml(piece, (), row)
