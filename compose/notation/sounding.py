"""What the written heads sound: key signatures, accidentals and ties, and the notes that a player makes of them.

Conventions: an accidental counts for its staff and place (letter and octave) until the bar line, for what begins at its own time
too, whatever the voice; grace chords come before what begins with them. A head that is tied to sounds as the head that the tie
comes from, also over the bar line, and leaves nothing behind there: the next head on that place has its own sign again (Gould,
"Behind Bars", 2011, pp. 78-82). Of two heads of one chord on one place, the one without a sign sounds as before. Alterations
are semitones.

Repeats are not unfolded. A tie joins where the stop starts exactly when the start ends, on the same pitch of the part; of several
in the same voice and staff is preferred, as ``corpora.musicxml.reader`` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compose.notation.names import ACCIDENTALS, MICROTONES, STEPS
from compose.notation.written import Bar, Event, Head, Part, WrittenScore
from corpora.musicxml.spelling import key_alters
from corpora.musicxml.walker import STEP_SEMITONES
from corpora.piece import nearest_pitch

__all__ = ["PLAYED_DTYPE", "Sounding", "bar_starts", "divisions_of", "played_notes", "sounding_heads", "steps"]

SIGN_ALTERS = ACCIDENTALS | MICROTONES
PLAYED_DTYPE = np.dtype(
    [
        ("onset_quarter", np.float64),  # from the start of the score
        ("duration_quarter", np.float64),  # 0 for grace notes
        ("pitch", np.int16),  # MIDI, without the instrument's transposition
        ("part", np.int16),
        ("staff", np.int16),  # of the first head, from 1
        ("source", np.int32),  # row of the sign of the first head, -1 when it was not read
    ]
)


@dataclass(frozen=True, slots=True)
class Sounding:
    """A head with what it sounds: where it is (indices of bar, voice, event and head) and its alteration in semitones."""

    bar: int
    voice: int
    event: int
    head: int
    alter: float


def divisions_of(part: Part) -> int:
    """The least number of steps to the quarter in which every time of a part is whole."""
    times = {time for bar in part.bars for voice in bar.voices for event in voice.events for time in (event.onset, event.duration)}
    times |= {direction.onset for bar in part.bars for direction in bar.directions}
    times |= {time for bar in part.bars for time in (bar.length, *(clef.onset for clef in bar.clefs))}
    return math.lcm(*{time.denominator for time in times})


def bar_starts(part: Part, divisions: int) -> list[int]:
    """Where each bar starts, in steps from the start of the score, and where the last one ends; (bars + 1) of them."""
    return list(accumulate((steps(bar.length, divisions) for bar in part.bars), initial=0))


def steps(time: Fraction, divisions: int) -> int:
    """A time in steps of which ``divisions`` make a quarter; it must be a whole number of them."""
    return time.numerator * (divisions // time.denominator)


def sounding_heads(part: Part) -> list[Sounding]:
    """Every head with its alteration, in order of time."""
    sounding: list[Sounding] = []
    key = key_alters(0)
    open_ties: dict[tuple[int, int], list[tuple[int, float]]] = {}
    divisions = divisions_of(part)
    for index, (bar, start) in enumerate(zip(part.bars, bar_starts(part, divisions), strict=False)):
        if bar.key:
            key = key_alters(bar.key.fifths)
        state: dict[tuple[int, int], float] = {}
        for moment in _moments(bar, divisions):
            before = dict(state) if len(moment) > 1 else state
            fixed: dict[int, float] = {}
            for row, (_, _, event, head, _) in enumerate(moment):
                if head.accidental in SIGN_ALTERS:
                    fixed[row] = state[event.staff, head.place] = SIGN_ALTERS[head.accidental]
            for row, (voice, place, event, head, number) in enumerate(moment):
                alter = fixed.get(row)
                onset = start + steps(event.onset, divisions)
                if alter is None and head.tie_stop:
                    alter = _tied(open_ties.get((onset, head.place)), event.staff)
                if alter is None:
                    known = before if _shares_its_place(event, head) else state
                    alter = known.get((event.staff, head.place), key[STEPS[head.place % 7]])
                if head.tie_start:
                    open_ties.setdefault((onset + steps(event.duration, divisions), head.place), []).append(
                        (event.staff, float(alter))
                    )
                sounding.append(Sounding(index, voice, place, number, float(alter)))
    return sounding


def _moments(bar: Bar, divisions: int) -> Iterator[list[tuple[int, int, Event, Head, int]]]:
    """The heads of a bar that begin together: (voice, event, the event, the head, its number), moments in order of time."""
    moments: dict[tuple[int, int], list[tuple[int, int, Event, Head, int]]] = {}
    for voice, line in enumerate(bar.voices):
        for index, event in enumerate(line.events):
            if event.heads:
                key = steps(event.onset, divisions), -_graces_left(line.events, index)
                moments.setdefault(key, []).extend((voice, index, event, head, n) for n, head in enumerate(event.heads))
    return (moments[key] for key in sorted(moments))


def _graces_left(events: tuple[Event, ...], index: int) -> int:
    """How many grace chords stand from here on before the voice's next main chord or rest; 0 for a main one."""
    count = 0
    while index + count < len(events) and events[index + count].grace:
        count += 1
    return count


def _shares_its_place(event: Event, head: Head) -> bool:
    return len(event.heads) > 1 and sum(other.place == head.place for other in event.heads) > 1


def _tied(starts: list[tuple[int, float]] | None, staff: int) -> float | None:
    """The alteration that a tie brings, from the head's own staff if it can; None when no tie comes."""
    if not starts:
        return None
    return starts.pop(next((row for row, (at, _) in enumerate(starts) if at == staff), 0))[1]


@dataclass(slots=True)
class _Chain:
    """A sounding note under construction, in steps: from its first head to the end of its last one so far."""

    onset: int
    end: int
    pitch: int
    voice: int
    staff: int
    first_staff: int
    source: int


def played_notes(score: WrittenScore) -> NDArray[Any]:
    """The notes that sound, tied heads joined, repeats not unfolded.

    Args:
        score: Written music.

    Returns:
        Rows of ``PLAYED_DTYPE`` in order of onset, pitch, part, staff and duration, shape (notes,).
    """
    rows: list[tuple[float, float, int, int, int, int]] = []
    for number, part in enumerate(score.parts):
        divisions = divisions_of(part)
        for chain in _chains(part, divisions):
            duration = (chain.end - chain.onset) / divisions
            rows.append((chain.onset / divisions, duration, chain.pitch, number, chain.first_staff, chain.source))
    notes = np.array(rows, dtype=PLAYED_DTYPE)
    return notes[np.lexsort([notes[name] for name in ("duration_quarter", "staff", "part", "pitch", "onset_quarter")])]


def _chains(part: Part, divisions: int) -> list[_Chain]:
    chains: list[_Chain] = []
    waiting: dict[tuple[int, float], list[_Chain]] = {}
    starts = bar_starts(part, divisions)
    placed = []
    for note in sounding_heads(part):
        voice = part.bars[note.bar].voices[note.voice]
        onset = starts[note.bar] + steps(voice.events[note.event].onset, divisions)
        placed.append((onset, note.bar, note.voice, note.event, note.head, note.alter))
    placed.sort()
    for onset, bar, voice_index, event_index, head_index, alter in placed:
        voice = part.bars[bar].voices[voice_index]
        event = voice.events[event_index]
        head = event.heads[head_index]
        height = 12 * (head.place // 7 + 1) + STEP_SEMITONES[STEPS[head.place % 7]] + alter
        found = waiting.get((onset, height)) if head.tie_stop else None
        if found:
            chain = _nearest(found, voice.number, event.staff)
            found.remove(chain)
        else:
            chain = _Chain(onset, onset, nearest_pitch(height)[0], voice.number, event.staff, event.staff, head.source)
            chains.append(chain)
        chain.end, chain.voice, chain.staff = onset + steps(event.duration, divisions), voice.number, event.staff
        if head.tie_start:
            waiting.setdefault((chain.end, height), []).append(chain)
    return chains


def _nearest(chains: list[_Chain], voice: int, staff: int) -> _Chain:
    return min(chains, key=lambda chain: (chain.voice != voice, chain.staff != staff))
