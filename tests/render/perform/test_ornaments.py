from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from corpora.piece import Piece
from render.perform import Performance, perform

Text = Callable[..., str]


def ornament(name: str, extra: str = "") -> str:
    return f"<ornaments><{name}/>{extra}</ornaments>"


def only(piece: Piece, *rules: str, trill_start: str = "main", appoggiaturas: str = "long") -> Performance:
    options = {"trill_start": trill_start, "appoggiaturas": appoggiaturas}
    return perform(piece, strengths={"all": 0.0, **dict.fromkeys(rules, 1.0)}, **options)


def test_a_trill_has_the_right_notes_speed_and_end(score: Callable[..., Piece], note: Text) -> None:
    piece = score([note("E4", "whole", notations=ornament("trill-mark"))])  # in C major: F is a semitone above
    rows = only(piece, "ornaments").notes
    pitches = rows["pitch"].tolist()
    assert set(pitches) == {64, 65}
    assert pitches[0] == pitches[-1] == 64
    assert (np.diff(pitches) != 0).all()
    rate = len(pitches) / 2.0  # notes a second
    assert 11 < rate < 15
    assert rows["ornament"].tolist() == ["", *["trill"] * (len(pitches) - 1)]
    assert rows["onset_s"][0] == 0.0
    assert (rows["onset_s"] + rows["duration_s"])[-1] == pytest.approx(2.0, abs=0.001)
    upper = only(piece, "ornaments", trill_start="upper").notes
    assert upper["pitch"][0] == 65
    assert upper["pitch"][-1] == 64
    assert upper["ornament"][1] == ""  # the note of the score is the first that has its pitch
    assert upper["id"][1] == "n0"


def test_the_neighbour_follows_key_accidentals_and_signs(score: Callable[..., Piece], note: Text) -> None:
    trill = ornament("trill-mark")
    sharp = ornament("trill-mark", "<accidental-mark>sharp</accidental-mark>")
    in_d = score([note("E4", "half", notations=trill) + note("rest", "half")], fifths=2)
    assert set(only(in_d, "ornaments").notes["pitch"].tolist()) == {64, 66}
    accidental = score([note("F#4", "quarter") + note("E4", "half", notations=trill) + note("rest", "quarter")])
    assert set(only(accidental, "ornaments").notes["pitch"][1:].tolist()) == {64, 66}
    signed = score([note("C4", "half", notations=sharp) + note("rest", "half")])
    assert set(only(signed, "ornaments").notes["pitch"].tolist()) == {60, 63}


@pytest.mark.parametrize(
    ("name", "pitches"),
    [
        ("mordent", [67, 65, 67]),
        ("inverted-mordent", [67, 69, 67]),
        ("turn", [69, 67, 65, 67]),
        ("inverted-turn", [65, 67, 69, 67]),
        ("delayed-turn", [67, 69, 67, 65, 67]),
    ],
)
def test_short_ornaments(name: str, pitches: list[int], score: Callable[..., Piece], note: Text) -> None:
    rows = only(score([note("G4", "half", notations=ornament(name)) + note("C4", "half")]), "ornaments").notes[:-1]
    assert rows["pitch"].tolist() == pitches
    assert rows["duration_s"].max() > 0.5  # one is held
    assert rows["duration_s"].min() < 0.13
    assert (rows["ornament"] == "").sum() == 1
    assert rows["pitch"][rows["ornament"] == ""].tolist() == [67]


def test_notes_too_short_for_a_sign_are_played_plain(score: Callable[..., Piece], note: Text) -> None:
    sign = "<notations><ornaments><trill-mark/></ornaments></notations>"
    tiny = f"<note><pitch><step>C</step><octave>5</octave></pitch><duration>1</duration><type>512th</type>{sign}</note>"
    rows = only(score([tiny * 24 + note("C4") * 3]), "ornaments").notes
    assert len(rows) == 27
    assert (rows["ornament"] == "").all()


def test_unknown_signs_are_reported(score: Callable[..., Piece], note: Text) -> None:
    assert only(score([note("C4", notations=ornament("schleifer")) * 4]), "ornaments").not_understood == {"schleifer": 4}


def test_tremolo_on_one_note_is_measured(score: Callable[..., Piece], note: Text) -> None:
    two = '<ornaments><tremolo type="single">2</tremolo></ornaments>'
    rows = only(score([note("C4", "half", notations=two) + note("rest", "half")]), "tremolo").notes
    assert np.diff(rows["onset_s"]) == pytest.approx([0.125] * 7, abs=0.001)  # sixteenths at 120
    assert rows["ornament"].tolist() == ["", *["tremolo"] * 7]


def test_tremolo_between_two_notes_alternates(score: Callable[..., Piece], note: Text) -> None:
    first, second = (f'<ornaments><tremolo type="{kind}">2</tremolo></ornaments>' for kind in ("start", "stop"))
    rows = only(
        score([note("C4", "quarter", notations=first) + note("E4", "quarter", notations=second) + note("rest", "half")]), "tremolo"
    ).notes
    assert rows["pitch"].tolist() == [60, 64] * 4
    assert np.diff(rows["onset_s"]) == pytest.approx([0.125] * 7, abs=0.001)
    mains = rows[rows["ornament"] == ""]
    assert mains["pitch"].tolist() == [60, 64]
    assert mains["onset_s"][0] < mains["onset_s"][1]


def test_short_grace_notes_take_time_from_before(score: Callable[..., Piece], note: Text) -> None:
    bar = (
        note("C4")
        + note("E4", "eighth", grace="slashed")
        + note("D4")
        + note("F4", "16th", grace="plain")
        + note("G4", "16th", grace="plain")
        + note("E4", "half")
    )
    piece = score([bar])
    still, rows = only(piece).notes, only(piece, "grace notes").notes
    mains = {row["id"]: row["onset_s"] for row in still if row["score_onset_div"] is not None}
    graces = {1, 3, 4}
    for row in rows:
        if int(row["id"][1:]) not in graces:
            assert row["onset_s"] == pytest.approx(mains[row["id"]], abs=0.001)  # no main note moves
    by_id = {row["id"]: row for row in rows}
    assert by_id["n1"]["onset_s"] + by_id["n1"]["duration_s"] == pytest.approx(by_id["n2"]["onset_s"], abs=0.001)
    assert 0.05 < by_id["n1"]["duration_s"] < 0.1
    assert by_id["n0"]["onset_s"] + by_id["n0"]["duration_s"] <= by_id["n1"]["onset_s"] + 0.001
    assert by_id["n3"]["onset_s"] < by_id["n4"]["onset_s"] < by_id["n5"]["onset_s"]


def test_a_long_appoggiatura_takes_at_most_half_of_its_note(score: Callable[..., Piece], note: Text) -> None:
    for value, main, expected in (("quarter", "half", 0.5), ("eighth", "half", 0.25), ("half", "half", 0.0)):
        bar = note("rest", "half") + note("D4", value, grace="plain") + note("C4", main)
        piece = score([bar])
        rows = {row["id"]: row for row in only(piece, "grace notes").notes}
        moved = float(rows["n2"]["onset_s"]) - 1.0
        assert moved == pytest.approx(expected, abs=0.001)
        short = {row["id"]: row for row in only(piece, "grace notes", appoggiaturas="short").notes}
        assert short["n2"]["onset_s"] == pytest.approx(1.0, abs=0.001)


def test_grace_notes_at_the_very_start_come_first(score: Callable[..., Piece], note: Text) -> None:
    piece = score([note("B3", "16th", grace="slashed") + note("D4", "16th", grace="slashed") + note("C4", "whole")])
    rows = only(piece, "grace notes").notes
    assert rows["id"].tolist() == ["n0", "n1", "n2"]
    assert rows["onset_s"][0] == 0.0
    assert 0.05 < rows["onset_s"][2] < 0.2  # the stated exception: there is nothing before it


def test_a_chord_of_grace_notes_sounds_together(score: Callable[..., Piece], note: Text) -> None:
    bar = (
        note("rest", "half")
        + note("C4", "16th", grace="slashed")
        + note("E4", "16th", grace="slashed", chord=True)
        + note("G4", "half")
    )
    rows = only(score([bar]), "grace notes").notes
    assert rows["onset_s"][0] == rows["onset_s"][1] < rows["onset_s"][2]
