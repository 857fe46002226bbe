"""What the situation says of known notes, checked against a slow look at the notes themselves; taking back leaves nothing."""

import numpy as np

from compose.canvas import NUM_PITCHES, Note
from compose.situation import (
    CENTRED_REACH,
    LOOK_AHEAD,
    MOMENT_BITS,
    NOTE_BITS,
    NOTE_NUMBERS,
    ONSET_BITS,
    ROLL_BITS,
    ROLL_OFFSETS,
    Situation,
)
from compose.vocabulary.measured_fields import MAX_LANES

START, END, LANES, FREE = 96, 96 + 240, 3, (0, 2)
NO_PARALLELS = [0] * 8


def random_notes(rng, count=60):
    """Distinct (onset, lane, pitch); some begin before the window, some are revealed."""
    found = {}
    for _ in range(count):
        onset, lane, pitch = int(rng.integers(START - 40, END)), int(rng.integers(LANES)), int(rng.integers(50, 70))
        found[onset, lane, pitch] = (Note(onset, lane, pitch, int(rng.integers(1, 60))), bool(rng.random() < 0.5))
    return [found[key] for key in sorted(found)]


def filled(notes):
    situation = Situation(START, END, LANES, FREE)
    for note, revealed in notes:
        situation.add(note, revealed)
    return situation


def everything(situation):
    """All that can be asked, at several places."""
    out = []
    for place in range(START, END, 7):
        out += [situation.moment(place), situation.onset(place)]
        for lane in range(LANES):
            out += situation.note(place, lane)
    return np.concatenate([part.astype(np.int64) for part in out])


def test_shapes():
    situation = filled([])
    assert situation.moment(START).shape == (MOMENT_BITS,)
    assert situation.onset(START).shape == (ONSET_BITS,)
    rolls, numbers = situation.note(START, 0)
    assert (rolls.shape, numbers.shape) == ((NOTE_BITS,), (NOTE_NUMBERS,))
    assert not rolls.any()
    assert numbers.tolist() == [0] * 15 + [LOOK_AHEAD] * 2


def test_numbers_written_out():
    soprano = [Note(96, 0, 67, 24), Note(120, 0, 69, 24), Note(168, 0, 72, 24)]
    situation = filled([(note, False) for note in soprano] + [(Note(96, 1, 60, 96), True), (Note(144, 2, 48, 48), True)])
    _, alto = situation.note(144, 1)
    # silent soprano at 144; its own note held; below it the bass
    assert alto.tolist() == [61, 0, 0, 49, 49, 61, *NO_PARALLELS, 0, 48, LOOK_AHEAD]
    _, highest = situation.note(144, 0)
    assert highest.tolist() == [70, 73, 0, 61, 49, 61, *NO_PARALLELS, 68, 24, 24]


def test_pitches_that_would_go_in_parallel():
    """Soprano 67-69 over an alto on 60: a fifth, so 62 would follow it; the bass 48-50 lies an octave below: 62 again."""
    situation = filled([(Note(96, 0, 67, 24), False), (Note(120, 0, 69, 24), True), (Note(96, 2, 48, 24), True)])
    situation.add(Note(120, 2, 50, 24), True)
    situation.add(Note(96, 1, 60, 24), False)
    _, alto = situation.note(120, 1)
    assert alto[6:14].tolist() == [63, 0, 63, 0, 0, 0, 0, 0]
    situation.add(Note(144, 0, 69, 24), True)  # the soprano repeats its note: nothing to follow
    situation.add(Note(120, 1, 59, 24), False)
    _, still = situation.note(144, 1)
    assert still[6:14].tolist() == [0] * 8


def test_pitches_that_would_go_in_parallel_to_what_follows():
    """The alto's next note, 62, is known to lie a fifth under the soprano, which comes to 69 from 67: from 60 it would follow."""
    situation = filled([(Note(96, 0, 67, 24), False), (Note(120, 0, 69, 24), True), (Note(120, 1, 62, 24), True)])
    _, alto = situation.note(96, 1)
    assert alto[6:14].tolist() == [0, 0, 0, 0, 61, 0, 0, 0]


def test_a_fourth_between_crossed_voices_counts_as_the_rule_counts_it():
    situation = filled([(Note(96, 1, 66, 24), False), (Note(120, 1, 67, 24), True), (Note(96, 0, 61, 24), False)])
    _, upper = situation.note(120, 0)  # five under the voice below it
    assert upper[6:10].tolist() == [63, 0, 0, 0]


def test_features_equal_a_slow_look(rng):
    notes = random_notes(rng)
    situation = filled(notes)
    known = [note for note, _ in notes]
    for place in range(START, END, 11):
        moment = situation.moment(place)
        onsets = [any(r and n.onset == place + d for n, r in notes) for d in range(LOOK_AHEAD)]
        ends = [any(n.lane in FREE and n.end == place + d for n in known) for d in range(LOOK_AHEAD)]
        silent = [lane in FREE and not any(n.lane == lane and n.onset <= place < n.end for n in known) for lane in range(LANES)]
        free = [lane in FREE for lane in range(LANES)]
        padding = [False] * (MAX_LANES - LANES)
        assert moment.tolist() == [*onsets, *ends, *silent, *padding, *free, *padding]
        begins = [any(r and n.onset == place and n.lane == lane for n, r in notes) for lane in range(LANES)]
        assert situation.onset(place).tolist() == [*onsets, *silent, *padding, *begins, *padding, *free, *padding]
        rolls, _ = situation.note(place, 1)
        before = [n.pitch for n in sorted(known) if n.lane == 1 and n.onset <= place]
        last = max((n.onset, n.pitch) for n in known if n.lane == 1 and n.onset <= place)[1] if before else NUM_PITCHES // 2
        absolute, centred = rolls[:ROLL_BITS].reshape(-1, NUM_PITCHES), rolls[ROLL_BITS:].reshape(len(ROLL_OFFSETS), -1)
        for row, around, offset in zip(absolute, centred, ROLL_OFFSETS, strict=True):
            sounding = {n.pitch for n in known if n.onset <= place + offset < n.end}
            assert set(np.flatnonzero(row).tolist()) == sounding
            assert set((np.flatnonzero(around) - CENTRED_REACH + last).tolist()) == {
                p for p in sounding if abs(p - last) <= CENTRED_REACH
            }


def test_adding_and_taking_back_leaves_no_trace(rng):
    notes = random_notes(rng)
    situation = filled(notes)
    before = everything(situation)
    extra = [(Note(n.onset + 1, n.lane, n.pitch + 1, n.duration), r) for n, r in random_notes(rng, 30)]
    for note, revealed in extra:
        situation.add(note, revealed)
    assert not np.array_equal(everything(situation), before)
    for index in rng.permutation(len(extra)):
        situation.remove(*extra[index])
    np.testing.assert_array_equal(everything(situation), before)


def test_order_of_adding_does_not_matter(rng):
    notes = random_notes(rng)
    shuffled = [notes[index] for index in rng.permutation(len(notes))]
    np.testing.assert_array_equal(everything(filled(notes)), everything(filled(shuffled)))


def test_before_the_region_every_lane_is_being_written(rng):
    notes = random_notes(rng)
    region, everywhere, later = (
        filled(notes),
        Situation(START, END, LANES, tuple(range(LANES))),
        Situation(START, END, LANES, FREE, 200),
    )
    for note, revealed in notes:
        everywhere.add(note, revealed)
        later.add(note, revealed)
    for place in range(START, END, 7):
        same = everywhere if place < 200 else region
        np.testing.assert_array_equal(later.moment(place), same.moment(place))
        np.testing.assert_array_equal(later.onset(place), same.onset(place))
