"""``allows`` against a checker that writes the note and looks at every tick, and ``measure`` against the same checker."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compose.canvas import Canvas, Note, Region
from compose.constraints import Constraint, Monophonic, NoOverlap, OnGrid, WithinRegion, parse_constraint
from corpora.piece import MEASURE_DTYPE, Part, Piece, empty_notes

STEP = 6  # a sixteenth, in ticks
END = 192  # two bars of 4/4
PITCHES = range(48, 73)
DURATIONS = np.array([6, 12, 18, 24, 36, 48, 66, 96], dtype=np.int64)

Checker = Callable[[Canvas, set[int]], set[tuple[object, ...]]]


def table(canvas: Canvas) -> list[list[list[tuple[int, bool]]]]:
    """The sonorities, [sixteenth][lane] -> (pitch, is new) of what sounds. All notes of these tests lie on sixteenths."""
    moments: list[list[list[tuple[int, bool]]]] = [[[], [], [], []] for _ in range((END + 96) // STEP)]
    for notes, is_new in ((canvas.fixed, False), (canvas.written, True)):
        for onset, lane, pitch, duration, _ in notes:
            for index in range(onset // STEP, (onset + duration) // STEP):
                moments[index][lane].append((pitch, is_new))
    return moments


def pitch_classes(allowed: set[int]) -> Checker:
    return lambda canvas, _: {(n,) for n in canvas.written if n.pitch % 12 not in allowed}


def within_range(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    return {(n,) for n in canvas.written if not 55 <= n.pitch <= 67}


def alto_range(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    return {(n,) for n in canvas.written if (n.lane == 1 and n.pitch < 60) or (n.lane == 2 and not 50 <= n.pitch <= 62)}


def chord_tones(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    # | C G7 | F | over a region that covers both bars
    spans = [({0, 4, 7}, range(48)), ({7, 11, 2, 5}, range(48, 96)), ({5, 9, 0}, range(96, 192))]
    found: set[tuple[object, ...]] = set()
    for note in canvas.written:
        for tick in range(note.onset, note.onset + note.duration, STEP):
            found |= {(note, tick) for tones, ticks in spans if tick in ticks and note.pitch % 12 not in tones}
    return found


def eighth_grid(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    def off(tick: int) -> bool:
        return Fraction(tick % 96, 24) % Fraction(1, 2) != 0

    return {(n,) for n in canvas.written if off(n.onset) or off(n.onset + n.duration)}


def at_most_two(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = set()
    for index, moment in enumerate(table(canvas)):
        found |= {(index, lane) for lane, notes in enumerate(moment) if len(notes) > 2 and any(new for _, new in notes)}
    return found


def at_most_three_in_all(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    notes_at = [[note for notes in moment for note in notes] for moment in table(canvas)]
    return {(i,) for i, notes in enumerate(notes_at) if len(notes) > 3 and any(new for _, new in notes)}


def one_at_a_time(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = set()
    for index, moment in enumerate(table(canvas)):
        found |= {(index, lane) for lane, notes in enumerate(moment) if len(notes) > 1 and any(new for _, new in notes)}
    return found


def same_pitch_once(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = set()
    for index, moment in enumerate(table(canvas)):
        for lane, notes in enumerate(moment):
            for pitch in {p for p, new in notes if new}:
                if sum(p == pitch for p, _ in notes) > 1:
                    found.add((index, lane, pitch))
    return found


def crossings(canvas: Canvas, lanes: set[int]) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = set()
    for index, moment in enumerate(table(canvas)):
        for upper in lanes:
            for lower in (lane for lane in lanes if lane > upper):
                for high, high_new in moment[upper]:
                    found |= {(index, upper, lower) for low, low_new in moment[lower] if low > high and (low_new or high_new)}
    return found


def parallels(canvas: Canvas, lanes: set[int]) -> set[tuple[object, ...]]:
    """For lanes of single notes: successive sonorities, both voices moved the same way, fifth to fifth or octave to octave."""
    moments = table(canvas)
    found: set[tuple[object, ...]] = set()
    for index, (before, after) in enumerate(pairwise(moments), start=1):
        for upper in lanes:
            for lower in (lane for lane in lanes if lane > upper):
                four = [before[upper], after[upper], before[lower], after[lower]]
                if not all(four):
                    continue
                (u0, a), (u1, b), (l0, c), (l1, d) = (notes[0] for notes in four)
                direction = (u1 > u0) - (u1 < u0)
                if direction == 0 or direction != (l1 > l0) - (l1 < l0) or not (a or b or c or d):
                    continue
                for interval in (0, 7):
                    if (u0 - l0) % 12 == (u1 - l1) % 12 == interval or abs(u0 - l0) % 12 == abs(u1 - l1) % 12 == interval:
                        found.add((index, upper, lower))
    return found


def inside(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    lanes, start, end = canvas.region.lanes, canvas.region.start, canvas.region.end
    return {(n,) for n in canvas.written if n.lane not in lanes or n.onset < start or n.onset >= end or n.onset + n.duration > end}


def on_eighths(canvas: Canvas, _: set[int]) -> set[tuple[object, ...]]:
    return {(n,) for n in canvas.written if n.onset % 12 or n.duration % 12}


NAMES = ("Soprano", "Alto", "Tenor", "Bass")


def piece_of_two_bars() -> Piece:
    measures = np.zeros(2, dtype=MEASURE_DTYPE)
    measures[0], measures[1] = (0, 16, "1", 4, 4), (16, 32, "2", 4, 4)
    return Piece(empty_notes(), 4, tuple(Part(name) for name in NAMES), measures)


PIECE = piece_of_two_bars()
RULES: dict[str, tuple[Constraint, Checker, bool]] = {
    # name: constraint, checker, whether lanes must be of single notes for the checker
    "scale": (parse_constraint("scale: G major", PIECE), pitch_classes({7, 9, 11, 0, 2, 4, 6}), False),
    "pitches": (parse_constraint("pitches: C Eb F#", PIECE), pitch_classes({0, 3, 6}), False),
    "range": (parse_constraint("range: G3-G4", PIECE), within_range, False),
    "part ranges": (parse_constraint("range: Alto C4-C7, Tenor D3-D4", PIECE), alto_range, False),
    "chords": (parse_constraint("chords: | C G7 | F |", PIECE), chord_tones, False),
    "grid": (parse_constraint("grid: 1/8", PIECE), eighth_grid, False),
    "polyphony": (parse_constraint("polyphony: 2", PIECE), at_most_two, False),
    "total polyphony": (parse_constraint("polyphony: total 3", PIECE), at_most_three_in_all, False),
    "monophonic": (Monophonic((0, 1, 2, 3)), one_at_a_time, False),
    "overlap": (NoOverlap(), same_pitch_once, False),
    "crossing": (parse_constraint("no crossing", PIECE), crossings, False),
    "crossing of two": (parse_constraint("no crossing: Alto, Bass", PIECE), lambda c, _: crossings(c, {1, 3}), False),
    "parallels": (parse_constraint("no parallels", PIECE), parallels, True),
    "parallels of two": (parse_constraint("no parallels: Soprano, Bass", PIECE), lambda c, _: parallels(c, {0, 3}), True),
    "region": (WithinRegion(), inside, False),
    "writing grid": (OnGrid(12), on_eighths, False),
}


@st.composite
def scores(draw: st.DrawFn, monophonic: bool) -> tuple[tuple[int, int, tuple[int, ...]], list[tuple[int, int, int, int]]]:
    """Four lanes of random notes on sixteenths and a region in some of them, without notes of its own: start, end, lanes; notes.

    Plain numbers: the run-time type checker of the tests throws dice, which hypothesis forbids inside a strategy.
    """
    lanes = tuple(sorted(draw(st.sets(st.integers(0, 3), min_size=1, max_size=3))))
    start, end = draw(st.sampled_from([(0, END), (48, 144), (96, END)]))
    fixed = []
    for lane in range(4):
        tick = 0
        while tick < END:
            # Few pitches, so that fifths and octaves come often.
            pitch = draw(st.sampled_from([48, 50, 52, 55, 57, 60, 62, 64, 67, 69, 72]))
            duration = draw(st.sampled_from([6, 12, 24, 24, 48]))
            if not (lane in lanes and start <= tick < end) and draw(st.integers(0, 5)):
                length = duration if monophonic or not draw(st.booleans()) else 2 * duration
                if not (monophonic and lane in lanes and tick < start < tick + length):
                    fixed.append((tick, lane, pitch, length))
            tick += duration
    return (start, end, lanes), fixed


def draw_canvas(data: st.DataObject, name: str) -> Canvas:
    (start, end, lanes), notes = data.draw(scores(monophonic=RULES[name][2]))
    region = Region(0, END, lanes) if name == "chords" else Region(start, end, lanes)  # chords are given for both bars
    return Canvas(PIECE, region, (), tuple(sorted(Note(*note) for note in notes)))


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_allowed_exactly_when_writing_breaks_nothing(name: str, data: st.DataObject) -> None:
    constraint, check, monophonic = RULES[name]
    canvas = draw_canvas(data, name)
    lanes = {0, 1, 2, 3}
    places = st.tuples(st.sampled_from(range(canvas.region.start, canvas.region.end, STEP)), st.sampled_from(canvas.region.lanes))
    for onset, lane in sorted(data.draw(st.lists(places, max_size=5, unique=True))):
        note = Note(onset, lane, data.draw(st.sampled_from(PITCHES)), data.draw(st.sampled_from(DURATIONS.tolist())))
        canvas.write(note)
        if check(canvas, lanes) or (monophonic and one_at_a_time(canvas, lanes)):
            canvas.erase()
    onset = data.draw(st.sampled_from(range(0, END, STEP)))
    lane = data.draw(st.sampled_from(canvas.region.lanes))
    allowed = np.broadcast_to(constraint.allows(canvas, onset, lane, DURATIONS), (128, len(DURATIONS)))
    assert allowed.dtype == np.bool_
    shuffled = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    for column, duration in enumerate(DURATIONS.tolist()):
        for pitch in shuffled.choice(PITCHES, 7, replace=False).tolist():
            canvas.write(Note(onset, lane, pitch, duration))
            if not (monophonic and one_at_a_time(canvas, lanes)):
                broken = check(canvas, lanes)
                assert allowed[pitch, column] == (not broken), (onset, lane, pitch, duration, broken)
                if allowed[pitch, column]:
                    assert constraint.onsets(canvas, np.array([onset]), lane).all()
            canvas.erase()


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_measured_as_every_tick_shows(name: str, data: st.DataObject) -> None:
    constraint, check, monophonic = RULES[name]
    canvas = draw_canvas(data, name)
    lanes = {0, 1, 2, 3}
    for lane in canvas.region.lanes:
        for onset in data.draw(st.lists(st.sampled_from(range(canvas.region.start, canvas.region.end, STEP)), max_size=2)):
            canvas.write(Note(onset, lane, data.draw(st.sampled_from(PITCHES)), data.draw(st.sampled_from([6, 12, 24, 48]))))
            if monophonic and one_at_a_time(canvas, lanes):
                canvas.erase()
    found = constraint.measure(canvas)
    assert found.satisfied == (not check(canvas, lanes)), found
    assert found.constraint == constraint.text


def test_both_voices_new(make_canvas: Callable[..., Canvas]) -> None:
    canvas = make_canvas(piece=PIECE)
    rule = parse_constraint("no parallels", PIECE)
    for note in (Note(0, 0, 67, 24), Note(0, 1, 60, 24), Note(24, 0, 69, 24)):
        assert rule.allows(canvas, note.onset, note.lane, np.array([24]))[note.pitch].all()
        canvas.write(note)
    allowed = rule.allows(canvas, 24, 1, np.array([24]))[:, 0]
    assert not allowed[62]  # C-D under G-A: fifths
    assert allowed[60]  # stays
    assert allowed[57]  # against the soprano


def test_move_into_a_kept_note(make_canvas: Callable[..., Canvas]) -> None:
    kept = (Note(0, 0, 67, 24), Note(24, 0, 69, 24), Note(24, 1, 62, 24))
    canvas = make_canvas(fixed=kept, end=24, lanes=(1,), piece=PIECE)
    allowed = parse_constraint("no parallels", PIECE).allows(canvas, 0, 1, np.array([12, 24]))
    assert allowed[60].tolist() == [True, False]  # only the note that leads on to the kept D
    assert allowed[48].tolist() == [True, False]  # a twelfth is a fifth


def test_chords_move_by_their_outer_notes(make_canvas: Callable[..., Canvas]) -> None:
    # upper lane C-E-G to D-F-A: its voice is G to A; the lower lane C to D, an octave and a fifth below
    upper = [Note(0, 0, p, 24) for p in (60, 64, 67)] + [Note(24, 0, p, 24) for p in (62, 65, 69)]
    canvas = make_canvas(fixed=(*upper, Note(0, 3, 48, 24)), lanes=(3,), piece=PIECE)
    rule = parse_constraint("no parallels", PIECE)
    assert np.flatnonzero(~rule.allows(canvas, 24, 3, np.array([24]))[48:60, 0]).tolist() == [2]
    canvas.write(Note(24, 3, 50, 24))
    assert not rule.measure(canvas).satisfied
    canvas.erase()
    canvas.write(Note(24, 3, 45, 24))  # falls: now D above it is not the bass
    assert rule.allows(canvas, 24, 3, np.array([24]))[50].all()


def test_drums_are_not_judged_by_pitch(make_piece: Callable[..., Piece], make_canvas: Callable[..., Canvas]) -> None:
    piece = make_piece(("Voice", "Kit"), drums=("Kit",))
    canvas = make_canvas(piece=piece, lanes=(0, 1))
    for text in ("scale: G major", "range: C4-C5", "chords: G | G"):
        rule = parse_constraint(text, piece)
        assert rule.allows(canvas, 0, 1, DURATIONS).all()
        assert not rule.allows(canvas, 0, 0, DURATIONS).all()
    canvas.write(Note(0, 1, 37, 24))
    assert parse_constraint("scale: G major", piece).measure(canvas).satisfied


def test_chords_start_with_the_regions_bar(make_piece: Callable[..., Piece], make_canvas: Callable[..., Canvas]) -> None:
    piece = make_piece(bars=4, beats=3)
    canvas = make_canvas(piece=piece, start=72, end=216)
    rule = parse_constraint("chords: | C | G D |", piece)
    assert rule.conflict(canvas) is None
    c_then_g = rule.allows(canvas, 120, 0, np.array([24, 25]))
    assert np.flatnonzero(c_then_g[60:72, 0]).tolist() == [0, 4, 7]
    assert np.flatnonzero(c_then_g[60:72, 1]).tolist() == [7]  # G alone is in both
    g_then_d = rule.allows(canvas, 178, 0, np.array([2, 3]))  # the bar of three beats halves at beat 2.5
    assert np.flatnonzero(g_then_d[60:72, 0]).tolist() == [2, 7, 11]
    assert np.flatnonzero(g_then_d[60:72, 1]).tolist() == [2]
    reason = parse_constraint("chords: | C | G | D |", piece).conflict(canvas)
    assert reason == "chords are given for 3 bars, the region has 2"


def test_triplet_grid_in_a_bar_that_it_does_not_fill(make_piece: Callable[..., Piece], make_canvas: Callable[..., Canvas]) -> None:
    piece = make_piece(beats=3)
    canvas = make_canvas(piece=piece)
    triplets = parse_constraint("grid: 1/8t", piece)
    assert np.flatnonzero(triplets.onsets(canvas, np.arange(0, 25), 0)).tolist() == [0, 8, 16, 24]
    halves = parse_constraint("grid: 1/2", piece)
    assert np.flatnonzero(halves.onsets(canvas, np.arange(0, 144), 0)).tolist() == [0, 48, 72, 120]
    assert halves.allows(canvas, 48, 0, np.array([24, 48, 72]))[0].tolist() == [True, False, True]
    assert halves.allows(canvas, 120, 0, np.array([24]))[0].tolist() == [True]  # the last bar line


def test_parallels_exactly_where_all_lanes_move(make_canvas: Callable[..., Canvas], rng: np.random.Generator) -> None:
    rule = parse_constraint("no parallels", PIECE)
    durations, lanes, found = np.array([24, 48]), {0, 1, 2, 3}, 0
    for _ in range(15):
        # Quarter notes in every lane; one lane, or two, have a hole of two beats.
        holes = sorted(rng.choice(4, rng.integers(1, 3), replace=False).tolist())
        kept = [
            Note(beat * 24, lane, int(rng.choice([48, 50, 53, 55, 57, 60, 62])) + 7 * (3 - lane) % 12, 24)
            for lane in range(4)
            for beat in range(5)
            if not (lane in holes and beat in (1, 2))
        ]
        canvas = make_canvas(fixed=tuple(kept), start=24, end=72, lanes=tuple(holes), piece=PIECE)
        for lane in holes:
            allowed = rule.allows(canvas, 24, lane, durations)
            for column, duration in enumerate(durations.tolist()):
                for pitch in PITCHES:
                    canvas.write(Note(24, lane, pitch, duration))
                    broken = parallels(canvas, lanes)
                    assert allowed[pitch, column] == (not broken), (lane, pitch, duration, broken)
                    assert rule.measure(canvas).satisfied == (not broken)
                    found += bool(broken)
                    canvas.erase()
            # The next lane of the two sees this one's note.
            open_notes = np.argwhere(allowed[48:73])
            pitch, column = rng.choice(open_notes)
            canvas.write(Note(24, lane, int(pitch) + 48, int(durations[column])))
    assert found > 40
