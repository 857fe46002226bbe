from collections.abc import Callable

import numpy as np
import pytest

from compose.canvas import Canvas, Note
from compose.constraints import Monophonic, NoOverlap, OnGrid, WithinRegion, find_conflicts, parse_constraints
from corpora.errors import InfeasibleConstraint

ALWAYS = (WithinRegion(), OnGrid(1), NoOverlap(), Monophonic((0, 1)))
OLD = (Note(0, 1, 60, 24), Note(24, 1, 62, 12), Note(36, 1, 64, 12), Note(48, 1, 65, 48))
CHORD = tuple(Note(0, 2, pitch, 24) for pitch in (48, 52, 55))


@pytest.mark.parametrize(
    ("text", "named", "reason"),
    [
        ("range: C4-C5\nrange: D2-B2", {"range: C4-C5", "range: D2-B2"}, "no pitch is left for Alto at bar 1, beat 1"),
        ("scale: C major\ngrid: 1/4\npitches: C# F#", {"scale: C major", "pitches: C# F#"}, "no pitch is left"),
        ("scale: F# major\nchords: | F# | C F# |", {"scale: F# major", "chords: | F# | C F# |"}, "at bar 2, beat 1"),
        ("pitches: C\nchords: | C | C G |", {"pitches: C", "chords: | C | C G |"}, "no pitch is left for Alto at bar 2, beat 3"),
        ("chords: | C |", {"chords: | C |"}, "chords are given for 1 bars, the region has 2"),
        ("end on: Bass G", {"end on: Bass G"}, "does not write the part"),
        ("rhythm: keep\ngrid: 1/4", {"rhythm: keep", "grid: 1/4"}, "the note of Alto at bar 1, beat 2 cannot be written"),
        ("end on: F4\nscale: G major", {"end on: F4", "scale: G major"}, "Alto has no place to end on F4"),
        ("end on: G4\nrange: G3-E4\ngrid: 1/8", {"end on: G4", "range: G3-E4"}, "Alto has no place to end on G4"),
        (
            "rhythm: keep\npolyphony: Tenor 2",
            {"rhythm: keep", "polyphony: Tenor 2"},
            "the notes of Tenor at bar 1, beat 1 are too many",
        ),
    ],
)
def test_named_with_the_smallest_set(text: str, named: set[str], reason: str, make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(removed=(*OLD, *CHORD), lanes=(1, 2))
    constraints = (*parse_constraints(text, canvas.piece), *ALWAYS)
    conflict = find_conflicts(constraints, canvas)
    assert isinstance(conflict, InfeasibleConstraint)
    assert set(conflict.constraints) == named
    for constraint_text in named:
        assert constraint_text in str(conflict)
    assert reason in str(conflict)
    assert not canvas.written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "scale: G major\nrange: G3-E5\nchords: | G | C D7 |\nrhythm: keep\nend on: D\nno parallels\nno crossing\npolyphony: 3",
        "grid: 1/8\nrhythm: keep",
        "range: Alto C4-C5, Tenor C3-C4\nend on: Alto F4, Tenor A3",
        "pitches: C\nchords: | C | C C C G |",  # a beat of rest
        "pitches: C\nchords: | C | C G |\nrhythm: keep",  # nothing sounds there
    ],
)
def test_feasible_wishes_pass(text: str, make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(removed=(*OLD, *CHORD), lanes=(1, 2))
    assert find_conflicts((*parse_constraints(text, canvas.piece), *ALWAYS), canvas) is None


def test_rhythm_that_cannot_come_back(make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(removed=(Note(72, 1, 60, 48),), end=96, lanes=(1,))
    conflict = find_conflicts(parse_constraints("rhythm: keep", canvas.piece), canvas)
    assert conflict is not None
    assert "a note in bar 1 lasts beyond the end of the region" in str(conflict)


def test_kept_notes_count(make_canvas: Callable[..., Canvas]) -> None:
    # A kept soprano below the alto's range leaves no room under it for a required note.
    canvas = make_canvas(fixed=(Note(0, 0, 55, 96),), removed=OLD, lanes=(1,))
    conflict = find_conflicts((*parse_constraints("rhythm: keep\nrange: C4-C5\nno crossing", canvas.piece), *ALWAYS), canvas)
    assert conflict is not None
    assert set(conflict.constraints) == {"rhythm: keep", "range: C4-C5", "no crossing"}


def test_rhythm_kept_gives_notes_back_one_by_one(make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(removed=(*CHORD, Note(0, 2, 60, 48), Note(0, 2, 59, 0)), lanes=(2,))
    (keep,) = parse_constraints("rhythm: keep", canvas.piece)
    assert [r.duration for r in keep.requirements(canvas)] == [24, 24, 24, 48]
    for duration in (24, 24, 48):
        assert keep.allows(canvas, 0, 2, np.array([duration])).all()
        canvas.write(Note(0, 2, 40 + len(canvas.written), duration))
    assert keep.allows(canvas, 0, 2, np.array([24, 48])).tolist() == [[True, False]]
    assert not keep.may_end(canvas)
    canvas.write(Note(0, 2, 50, 24))
    assert keep.may_end(canvas)
    assert not keep.onsets(canvas, np.array([0]), 2).any()
    assert keep.measure(canvas).measured == "4 of 4 onsets and durations there again, 0 others"
    canvas.write(Note(96, 2, 50, 24))
    assert not keep.measure(canvas).satisfied


def test_given_times_say_where_a_pitch_is_needed(make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(removed=(*OLD, Note(168, 1, 60, 24)), lanes=(1,))
    wishes = parse_constraints("pitches: C\nchords: | C | C C C G |\nrhythm: keep", canvas.piece)
    assert "no pitch is left for Alto at bar 2, beat 4" in str(find_conflicts(wishes, canvas))
