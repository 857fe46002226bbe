from collections.abc import Callable, Iterator

import numpy as np
import pytest

from compose.canvas import Canvas, Note
from compose.constraints import Constraint, EndOn, Monophonic, NoOverlap, OnGrid, WithinRegion, parse_constraints, see_others
from corpora.piece import Piece

DURATIONS = np.array([6, 12, 24, 36, 48], dtype=np.int64)


def in_force(text: str, piece: Piece, monophonic: bool = True) -> tuple[Constraint, ...]:
    always: tuple[Constraint, ...] = (WithinRegion(), OnGrid(6), NoOverlap())
    if monophonic:
        always = (*always, Monophonic(tuple(range(len(piece.parts)))))
    return see_others((*parse_constraints(text, piece), *always))


def choices(constraints: tuple[Constraint, ...], canvas: Canvas) -> Iterator[tuple[int, int, np.ndarray]]:
    """All places that may come next in canonical order, with what may be written there."""
    region = canvas.region
    last = max(((n.onset, n.lane, n.pitch) for n in canvas.written), default=(region.start, -1, -1))
    for onset in range(last[0], region.end, 6):
        for lane in region.lanes:
            if (onset, lane) < last[:2] or not all(c.onsets(canvas, np.array([onset]), lane)[0] for c in constraints):
                continue
            allowed = np.ones((128, len(DURATIONS)), dtype=np.bool_)
            for constraint in constraints:
                allowed &= constraint.allows(canvas, onset, lane, DURATIONS)
            if (onset, lane) == last[:2]:
                allowed[: last[2] + 1] = False
            if allowed.any():
                yield onset, lane, allowed


def write_blindly(constraints: tuple[Constraint, ...], canvas: Canvas, rng: np.random.Generator) -> None:
    """A writer that never goes back: any of the next few open places, any open note; stops by chance once it may."""
    required = {(r.onset, r.lane) for c in constraints for r in c.requirements(canvas)}
    while not (all(c.may_end(canvas) for c in constraints) and rng.random() < 0.3):
        places = []
        for place in choices(constraints, canvas):
            places.append(place)
            if place[:2] in required or len(places) == 6:  # a required note is not passed by
                break
        if not places:
            break
        onset, lane, allowed = places[-1] if places[-1][:2] in required else places[rng.integers(len(places))]
        pitch, column = rng.choice(np.argwhere(allowed))
        canvas.write(Note(onset, lane, int(pitch), int(DURATIONS[column])))


@pytest.mark.parametrize(
    "text",
    [
        "end on: G4",
        "end on: G\nscale: G major\ngrid: 1/8",
        "end on: Soprano G, Alto D4\nrange: G3-E5",
        "end on: Alto C4\nchords: | C | G C | ",
        "end on: Alto C4\nchords: | C | G D |",  # the last chord lacks it: the alto ends before
        "end on: Alto F\npolyphony: total 3\nno parallels",
    ],
)
@pytest.mark.parametrize("monophonic", [True, False])
def test_a_writer_that_never_goes_back_ends_as_asked(
    text: str, monophonic: bool, make_canvas: Callable[..., Canvas], rng: np.random.Generator
) -> None:
    kept = tuple(Note(t, 3, int(rng.integers(40, 52)), 24) for t in range(0, 192, 24))
    for _ in range(2):
        canvas = make_canvas(fixed=kept, lanes=(0, 1))
        constraints = in_force(text, canvas.piece, monophonic)
        write_blindly(constraints, canvas, rng)
        for constraint in constraints:
            assert constraint.measure(canvas).satisfied, constraint.measure(canvas)


def test_with_the_rhythm_kept_the_last_note_is_the_target(make_canvas: Callable[..., Canvas], rng: np.random.Generator) -> None:
    # The old rhythm ends a beat early: the target must be its last note, though time is left.
    removed = (Note(0, 1, 60, 24), Note(24, 1, 62, 48), Note(96, 1, 64, 24), Note(120, 1, 65, 48))
    for _ in range(5):
        canvas = make_canvas(removed=removed, lanes=(1,))
        constraints = in_force("rhythm: keep\nend on: G4", canvas.piece)
        write_blindly(constraints, canvas, rng)
        assert [(n.onset, n.duration) for n in canvas.written] == [(n.onset, n.duration) for n in removed]
        assert canvas.written[-1].pitch == 67
        assert all(c.measure(canvas).satisfied for c in constraints)


def test_a_held_note_may_lie_under_the_target(make_canvas: Callable[..., Canvas]) -> None:
    removed = (Note(0, 0, 48, 96), Note(48, 0, 64, 48))
    canvas = make_canvas(removed=removed, end=96, lanes=(0,))
    ending = next(c for c in in_force("rhythm: keep\nend on: G", canvas.piece, monophonic=False) if isinstance(c, EndOn))
    assert ending.allows(canvas, 0, 0, np.array([96]))[50].all()
    single = next(c for c in in_force("end on: G", canvas.piece) if isinstance(c, EndOn))
    assert not single.allows(canvas, 0, 0, np.array([96]))[50].any()


def test_does_not_step_into_parallels(make_canvas: Callable[..., Canvas]) -> None:
    # The bass falls D-C on the last sixteenth-grid place of the region; the alto must end on G there.
    kept = (Note(0, 3, 50, 18), Note(18, 3, 48, 6))
    canvas = make_canvas(fixed=kept, end=24, lanes=(1,))
    constraints = in_force("end on: G4\nno parallels", canvas.piece)
    ending = next(c for c in constraints if isinstance(c, EndOn))
    allowed = ending.allows(canvas, 0, 1, np.array([12, 18]))
    assert allowed[69].tolist() == [True, False]  # A held up to the last place would fall to G in fifths with the bass
    assert allowed[71].tolist() == [True, True]


def test_passing_the_last_place_is_refused_in_every_lane(make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(lanes=(0, 1, 2))
    ending = next(c for c in in_force("end on: Alto G4\ngrid: 1/4", canvas.piece) if isinstance(c, EndOn))
    onsets = np.array([144, 168, 174])
    assert ending.onsets(canvas, onsets, 0).tolist() == [True, True, False]
    assert ending.onsets(canvas, onsets, 2).tolist() == [True, False, False]  # the tenor comes after the alto
    canvas.write(Note(168, 1, 67, 24))
    assert ending.may_end(canvas)
    assert ending.onsets(canvas, onsets, 2).all()


def test_kept_notes_in_the_region_are_not_the_ending(make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(fixed=(Note(96, 1, 60, 24),), lanes=(1,))
    (ending,) = parse_constraints("end on: G4", canvas.piece)
    assert not ending.may_end(canvas)
    canvas.write(Note(0, 1, 67, 24))
    assert ending.may_end(canvas)
    assert ending.measure(canvas).measured == "ends on G4 for G4"
    canvas.write(Note(96, 1, 62, 24))
    assert not ending.may_end(canvas)
    assert ending.measure(canvas).measured == "ends on D4 for G4"
    assert not ending.measure(canvas).satisfied


def test_part_that_is_not_written(make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(lanes=(1,))
    (ending,) = parse_constraints("end on: Bass G", canvas.piece)
    assert ending.conflict(canvas) == "the region does not write the part that is to end on G"
