"""Trills: one note with a sign in place of their strokes, and nothing else taken for one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.files import parse_piece
from corpora.musicxml import read_musicxml
from corpora.musicxml.editor import sign_notes
from corpora.musicxml.marks import read_marks
from corpora.piece import Table
from render.perform.perform import perform
from tests.transcribe.conftest import MakeHeard
from transcribe.heard import DRUMS, HEARD_DTYPE, HeardMusic, sort_heard
from transcribe.score.notate import notate
from transcribe.score.performed import performed_sections
from transcribe.score.trills import FEWEST, LONGEST_S, STEP_S, find_trills

ODE = Path(__file__).parents[2] / "examples" / "ode-to-joy.musicxml"
BEAT_S = 0.5


def strokes(
    count: int, step_s: float = 0.08, low: int = 72, neighbour: int = 2, start_s: float = 1.0, upper: bool = False
) -> Table:
    """To and fro, from the main note on or from the upper one; the last is held where it is the main one."""
    notes = np.zeros(count, dtype=HEARD_DTYPE)
    notes["onset_s"] = start_s + step_s * np.arange(count)
    notes["offset_s"] = notes["onset_s"] + step_s
    notes["pitch"] = low + neighbour * ((np.arange(count) + upper) % 2)
    notes["offset_s"][-1:] += 0.2 * (notes["pitch"][-1:] == low)
    notes["velocity"], notes["confidence"] = 80, 1.0
    return notes


def melody_with_trill(make_heard: MakeHeard) -> HeardMusic:
    """Quarters over a bass; the third bar begins with a trilled half note."""
    rows = [(BEAT_S * beat, BEAT_S * (beat + 0.95), 60 + (0, 4, 7, 4)[beat % 4]) for beat in range(20) if beat not in (8, 9)]
    rows += [(2.0 * bar, 2.0 * bar + 1.9, 48) for bar in range(5)]
    heard = make_heard(rows, beats=BEAT_S * np.arange(21), duration_s=10.5)
    trill = strokes(11, step_s=0.073, low=74, start_s=8 * BEAT_S)
    return replace(heard, notes=sort_heard(np.concatenate([heard.notes, trill])))


@pytest.mark.parametrize("neighbour", [1, 2])
@pytest.mark.parametrize("upper", [False, True])
def test_strokes_become_one_note_from_the_first_to_the_end_of_the_last(neighbour: int, upper: bool) -> None:
    notes = strokes(FEWEST + 3, neighbour=neighbour, upper=upper)
    found = find_trills(notes)
    assert len(found.notes) == found.is_trilled.sum() == 1
    assert found.notes["pitch"] == 72
    assert (found.notes["onset_s"], found.notes["offset_s"]) == (notes["onset_s"][0], notes["offset_s"][-1])
    assert found.rows.tolist() == [int(upper)]  # the first stroke of the lower note


@pytest.mark.parametrize(
    "notes",
    [
        strokes(FEWEST - 1),
        strokes(20, step_s=STEP_S + 0.005),
        strokes(20, neighbour=3),  # a tremolo
        strokes(20, neighbour=0),  # one key
        strokes(20, step_s=0.01),  # two voices, struck together
        strokes(0),
    ],
)
def test_other_notes_are_none(notes: Table) -> None:
    found = find_trills(notes)
    assert not found.is_trilled.any()
    assert np.array_equal(found.notes, notes)
    assert found.rows.tolist() == list(range(len(notes)))


def test_strokes_of_two_instruments_are_no_trill() -> None:
    notes = strokes(12)
    notes["family"] = np.arange(12) % 2
    assert not find_trills(notes).is_trilled.any()


def test_drums_have_no_trills() -> None:
    notes = strokes(12, low=45)  # two toms
    notes["family"] = DRUMS
    assert not find_trills(notes).is_trilled.any()


def test_a_pause_ends_a_trill() -> None:
    notes = np.concatenate([strokes(8), strokes(8, start_s=1.0 + 7 * 0.08 + LONGEST_S + 0.1)])
    assert find_trills(notes).is_trilled.tolist() == [True, True]


@pytest.mark.parametrize(("length_s", "count"), [(0.5, 2), (0.07, 1)])
def test_the_next_note_of_the_melody_is_no_stroke(length_s: float, count: int) -> None:
    notes = strokes(8)[:-1]
    following = strokes(1, low=74, start_s=float(notes["onset_s"][-1]) + 0.08)
    following["offset_s"] = following["onset_s"] + length_s
    found = find_trills(np.concatenate([notes, following]))
    assert len(found.notes) == count
    assert found.strokes == 8 - count


def test_repeated_notes_have_a_trill_each() -> None:
    notes = np.concatenate([strokes(9), strokes(9, start_s=1.0 + 9 * 0.08)])
    assert find_trills(notes).is_trilled.tolist() == [True, True]


def test_two_trills_that_share_strokes_are_the_longer_one() -> None:
    notes = np.concatenate([strokes(11), strokes(6, low=70, start_s=1.0 + 8 * 0.08)])  # 72 and 74, then 70 and 72
    notes = sort_heard(notes[np.unique(notes["onset_s"].round(6), return_index=True)[1]])
    assert find_trills(notes).is_trilled.sum() == 1


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(70, 74), st.integers(0, 1)), max_size=60))
def test_every_note_is_written_or_a_stroke_of_a_trill(rows: list[tuple[int, int, int]]) -> None:
    notes = np.zeros(len(rows), dtype=HEARD_DTYPE)
    for column, values in zip(("onset_s", "pitch", "family"), zip(*rows, strict=True), strict=False):
        notes[column] = values
    notes["onset_s"] /= 50
    notes["offset_s"] = notes["onset_s"] + 0.1
    notes = sort_heard(notes)
    found = find_trills(notes)
    assert len(set(found.rows.tolist())) == len(found.rows)
    assert np.array_equal(found.notes[~found.is_trilled], notes[found.rows[~found.is_trilled]])
    assert (np.diff(found.notes["onset_s"]) >= 0).all()
    lost = np.setdiff1d(np.arange(len(notes)), found.rows)
    trills = found.notes[found.is_trilled]
    for row in notes[lost]:
        inside = (
            (trills["onset_s"] <= row["onset_s"]) & (row["offset_s"] <= trills["offset_s"]) & (trills["family"] == row["family"])
        )
        assert (np.abs(trills["pitch"][inside] - row["pitch"]) <= 2).any()


def test_a_trill_is_one_note_with_its_sign_in_the_score(make_heard: MakeHeard) -> None:
    heard = melody_with_trill(make_heard)
    written = notate(heard)
    assert written.report["trills"] == 1
    assert written.musicxml.count(b"<trill-mark/>") == 1
    (trilled,) = (note for note, marks in read_marks(written.musicxml).notes.items() if "trill-mark" in marks.ornaments)
    again = read_musicxml(written.musicxml)
    row = again.notes[again.notes["id"] == trilled][0]
    assert row["pitch"] == 74
    assert row["onset_div"] / again.divs_per_quarter == 8
    assert row["duration_div"] / again.divs_per_quarter == 2
    assert (heard.notes["pitch"][written.rows] == written.piece.notes["pitch"]).all()
    for plain in (notate(heard, model="plain"), notate(replace(heard, beats=heard.beats[:0]))):
        assert plain.musicxml.count(b"<trill-mark/>") == 1


@pytest.mark.parametrize("fifths", [-5, 0, 3])
@pytest.mark.parametrize("neighbour", [1, 2])
def test_the_neighbour_that_was_heard_is_played_again(make_heard: MakeHeard, neighbour: int, fifths: int) -> None:
    for low in range(72, 84):
        heard = melody_with_trill(make_heard)
        trill = strokes(11, step_s=0.073, low=low, neighbour=neighbour, start_s=8 * BEAT_S)
        notes = sort_heard(np.concatenate([heard.notes[heard.notes["pitch"] < 72], trill]))
        text = notate(replace(heard, notes=notes), key=(fifths, 1), model="plain").musicxml
        played = perform(parse_piece(text, "trill.musicxml"), strengths={"all": 0.0, "ornaments": 1.0}, repeats=False)
        (pair,) = performed_sections(played)
        assert set(pair.heard.notes["pitch"].tolist()) - set(range(72)) == {low, low + neighbour}, (low, text)


def test_a_neighbour_of_the_key_has_no_accidental(make_heard: MakeHeard) -> None:
    text = notate(melody_with_trill(make_heard), key=(0, 1)).musicxml  # d with e
    assert b"<trill-mark/>" in text
    assert b"accidental-mark" not in text
    altered = notate(melody_with_trill(make_heard), key=(-3, 1)).musicxml
    assert b'<accidental-mark placement="above">natural</accidental-mark>' in altered


def test_a_trill_that_is_written_is_played_heard_and_written_again() -> None:
    data = ODE.read_bytes()
    piece = parse_piece(data, ODE.name)
    longest = piece.notes["id"][np.argmax(piece.notes["duration_div"] * (piece.notes["pitch"] > 60))]
    signed = parse_piece(sign_notes(data, [str(longest)], "trill-mark"), ODE.name)
    (pair,) = performed_sections(perform(signed, strengths={"all": 0.0, "ornaments": 1.0}, repeats=False))
    written = notate(pair.heard)
    assert written.report["trills"] == 1
    assert written.report["notes_heard"] == len(pair.heard.notes)
    assert set(pair.truth["score_id"][written.rows].tolist()) == set(piece.notes["id"].tolist())
    assert len(written.piece.notes) == len(piece.notes)
