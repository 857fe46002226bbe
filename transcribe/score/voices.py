"""Voices of a staff, at most two, and note values that fit them: a beam search over the places where notes begin.

Notes of one place and voice make a chord and have one value. A chord that would sound on when its voice goes on is cut, one that
ends shortly before is drawn out; what that costs is what the notes' value scores say of the other value. Beyond that a second voice
has a price, and so have rests, crossings and leaps. The idea of a cost for each way to lay the notes out in voices is that of
Kilian & Hoos, "Voice separation: a local optimisation approach" (ISMIR 2002).

Conventions: divs of ``DIVS_PER_QUARTER``; value scores are log probabilities of VALUES (nats).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transcribe.score.slots import VALUES

__all__ = ["DIVS_PER_QUARTER", "VoicedNote", "voice_staff"]

DIVS_PER_QUARTER = 720  # holds every place and value
BEAM = 12
TOP_VALUES = 3  # of each note, that a chord may have
SECOND_VOICE_COST = 2.0  # nats for a place with notes in the second voice
LONE_SECOND_COST = 4.0  # for notes in the second voice while the first is silent
SAME_CHORD_COST = 5.0  # for notes of one place and value in two voices
REST_COST, FINE_REST_COST = 0.5, 2.0  # for a rest, and for one of less than a sixteenth
CROSSING_COST = 3.0
LEAP_COST = 0.02  # a semitone
WORST = 12.0  # nats that any value costs at most
NO_VALUE_COST = 3.0  # nats for a length that is no value
_DIVS = [int(value * DIVS_PER_QUARTER) for value in VALUES]
_INDEX = {divs: index for index, divs in enumerate(_DIVS)}


class VoicedNote(NamedTuple):
    """Voice (1 or 2) and length of a note."""

    voice: int
    duration_div: int


@dataclass(frozen=True, slots=True)
class _Chord:
    """Notes of one place in one voice; ``high`` and ``low`` are the pitches of the outer ones."""

    onset: int
    end: int
    high: int
    low: int
    rows: tuple[int, ...]


class _Done(NamedTuple):
    """A chord that is finished, where it ends in the end, its voice, and what was finished before it."""

    chord: _Chord
    end: int
    voice: int
    before: _Done | None


class _State(NamedTuple):
    """A way to lay out all notes so far: what each voice did last, and what it did before."""

    cost: float
    voices: tuple[_Chord | None, _Chord | None]
    done: _Done | None


_Option = tuple[float, _Chord]  # cost of its value, and the chord


def voice_staff(onsets: Sequence[int], pitches: Sequence[int], scores: NDArray[np.float64], end_div: int) -> list[VoicedNote]:
    """Voices and lengths of the notes of a staff.

    Args:
        onsets: In divs, ascending.
        pitches: MIDI.
        scores: Of the values of each note, shape (notes, values).
        end_div: Where the music ends; no note goes on after it.
    """
    layout = _Layout(pitches, scores, end_div)
    state = _State(0.0, (None, None), None)
    states = [state]
    first = 0
    for row in range(1, len(onsets) + 1):
        if row < len(onsets) and onsets[row] == onsets[first]:
            continue
        states = layout.after(states, onsets[first], sorted(range(first, row), key=lambda index: -pitches[index]))
        first = row
    return layout.result(states[0], len(onsets))


class _Layout:
    """The notes of a staff and what their values cost."""

    def __init__(self, pitches: Sequence[int], scores: NDArray[np.float64], end_div: int) -> None:
        best = scores.max(axis=1, keepdims=True) if len(scores) else scores
        self.costs: list[list[float]] = np.minimum(best - scores, WORST).tolist()
        self.order: list[list[int]] = np.argsort(-scores, axis=1)[:, :TOP_VALUES].tolist()
        self.pitches = pitches
        self.end_div = end_div

    def cost_of(self, rows: Sequence[int], duration: int) -> float:
        """What it costs that these notes have a length; one that is no value costs more than the nearest."""
        index = _INDEX.get(duration)
        extra = 0.0
        if index is None:
            index = min(bisect_left(_DIVS, duration), len(_DIVS) - 1)
            extra = NO_VALUE_COST
        return float(sum(self.costs[row][index] for row in rows)) + extra

    def options(self, rows: tuple[int, ...], onset: int) -> list[_Option | None]:
        """Chords of these notes with the best values; None alone for no notes."""
        if not rows:
            return [None]
        room = self.end_div - onset
        tried = dict.fromkeys(min(_DIVS[index], room) for row in rows for index in self.order[row])
        found = sorted((self.cost_of(rows, duration), duration) for duration in tried)[:2]
        high, low = self.pitches[rows[0]], self.pitches[rows[-1]]
        return [(cost, _Chord(onset, onset + duration, high, low, rows)) for cost, duration in found]

    def after(self, states: list[_State], onset: int, rows: list[int]) -> list[_State]:
        """The best states after the notes of a place, which are given from the highest down."""
        count = len(rows)
        cuts = list(range(count + 1))
        if count > 3 and len({self.order[row][0] for row in rows}) == 1:
            cuts = [0, 1, count - 1, count]
        pairs = [
            (upper, lower)
            for cut in cuts
            for upper in self.options(tuple(rows[:cut]), onset)
            for lower in self.options(tuple(rows[cut:]), onset)
        ]
        found: dict[tuple[tuple[int, ...], ...], _State] = {}
        for state in states:
            for upper, lower in pairs:
                new = self.step(state, onset, upper, lower)
                key = tuple((chord.onset, chord.end, *chord.rows) if chord else () for chord in new.voices)
                if key not in found or new.cost < found[key].cost:
                    found[key] = new
        return sorted(found.values(), key=lambda state: state.cost)[:BEAM]

    def step(self, state: _State, onset: int, upper: _Option | None, lower: _Option | None) -> _State:
        """The state with these chords in its voices."""
        cost = state.cost
        if lower is not None:
            first = state.voices[0]
            silent = upper is None and (first is None or first.end <= onset)
            cost += LONE_SECOND_COST if silent else SECOND_VOICE_COST
            if upper is not None and upper[1].end == lower[1].end:
                cost += SAME_CHORD_COST
        done = state.done
        voices = list(state.voices)
        for voice, option in enumerate((upper, lower)):
            before, other = state.voices[voice], state.voices[1 - voice]
            if option is None:
                continue
            added, chord = option
            cost += added
            if before is not None:
                end, changed = self.finished(before, onset, is_second=voice == 1)
                cost += changed + LEAP_COST * abs(before.high - chord.high)
                done = _Done(before, end, voice, done)
            if (upper is None or lower is None) and other is not None and other.end > onset:
                crosses = chord.low < other.high if voice == 0 else chord.high > other.low
                cost += CROSSING_COST * crosses
            voices[voice] = chord
        return _State(cost, (voices[0], voices[1]), done)

    def finished(self, chord: _Chord, onset: int, *, is_second: bool) -> tuple[int, float]:
        """Where a chord ends when its voice goes on at ``onset``, and what that costs."""
        own = self.cost_of(chord.rows, chord.end - chord.onset)
        filled = self.cost_of(chord.rows, onset - chord.onset) - own
        if chord.end >= onset:
            return onset, max(filled, 0.0) if chord.end > onset else 0.0
        gap = onset - chord.end
        rest = REST_COST + FINE_REST_COST * (gap < DIVS_PER_QUARTER // 4)
        if is_second and gap >= DIVS_PER_QUARTER:
            rest = 0.0  # nothing is shown there
        return (onset, filled) if filled < rest else (chord.end, rest)

    def result(self, state: _State, count: int) -> list[VoicedNote]:
        """What each note gets."""
        found = [VoicedNote(1, 1)] * count
        for voice, chord in enumerate(state.voices):
            for row in chord.rows if chord else ():
                assert chord is not None
                found[row] = VoicedNote(voice + 1, chord.end - chord.onset)
        done = state.done
        while done is not None:
            for row in done.chord.rows:
                found[row] = VoicedNote(done.voice + 1, done.end - done.chord.onset)
            done = done.before
        return found
