"""The fields of a ``measured`` step and the classes that fill them.

A step has eleven fields; 0 means "none" in all but the first. The first, ``next``, says what the step is: a note at a place of
the current bar (0..191, in 24ths of a quarter), a bar line, a control (a note known in advance), a part's header, start or end.

| field    | note        | control     | bar                | part        |
|----------|-------------|-------------|--------------------|-------------|
| next     | place       | CONTROL     | BAR                | PART        |
| lane     | 1 + lane    | 1 + lane    |                    | 1 + lane    |
| pitch    | 1 + pitch   | 1 + pitch   |                    |             |
| duration | class       | class       | class of its length|             |
| velocity | 1 + bin     | 1 + bin     |                    |             |
| place    |             | 1 + place   |                    |             |
| ahead    |             | 1 + bars    |                    |             |
| meter    |             |             | see ``meter_id``   |             |
| key      |             |             | fifths + 8         |             |
| tempo    |             |             | see ``tempo_id``   |             |
| program  |             |             |                    | 1 + program |

Bars longer than 192 steps, and key or tempo changes inside a bar, continue in a further BAR step of meter ``CONTINUED``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, STEPS_PER_QUARTER

__all__ = [
    "BAR",
    "CHUNK_STEPS",
    "CONTINUED",
    "CONTROL",
    "DURATION_STEPS",
    "END",
    "FIELDS",
    "FIELD_SIZES",
    "MAX_AHEAD",
    "MAX_LANES",
    "OTHER_METER",
    "PART",
    "START",
    "duration_class",
    "meter_id",
    "meter_of",
    "tempo_id",
    "tempo_of",
    "transposed_key",
]

FIELDS = ("next", "lane", "pitch", "duration", "velocity", "place", "ahead", "meter", "key", "tempo", "program")

CHUNK_STEPS = 8 * STEPS_PER_QUARTER  # places of one bar step
BAR, END, PART, CONTROL, START = range(CHUNK_STEPS, CHUNK_STEPS + 5)

MAX_LANES = 64
MAX_AHEAD = 15  # bars

# Grace notes, every length to eight quarters, then whole quarters to 64.
DURATION_STEPS: NDArray[np.int64] = np.concatenate(
    [np.arange(0, CHUNK_STEPS + 1), np.arange(CHUNK_STEPS + STEPS_PER_QUARTER, 64 * STEPS_PER_QUARTER + 1, STEPS_PER_QUARTER)]
)

VELOCITY_BINS = 32
VELOCITY_WIDTH = 4

BEAT_TYPES = (1, 2, 4, 8, 16, 32, 64)
MAX_BEATS = 24
CONTINUED, OTHER_METER = 1, 2
_FIRST_METER = 3
SLOWEST, FASTEST = 10, 400  # quarters a minute
DRUMS = 128  # program of a drum lane

FIELD_SIZES = (
    START + 1,
    1 + MAX_LANES,
    1 + NUM_PITCHES,
    1 + len(DURATION_STEPS),
    1 + VELOCITY_BINS,
    1 + CHUNK_STEPS,
    2 + MAX_AHEAD,
    _FIRST_METER + MAX_BEATS * len(BEAT_TYPES),
    16,
    2 + FASTEST - SLOWEST,
    2 + DRUMS,
)


def duration_class(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Duration ids (from 1) of lengths in steps: the nearest class; beyond the longest, the longest."""
    upper = np.clip(np.searchsorted(DURATION_STEPS, steps), 1, len(DURATION_STEPS) - 1)
    nearer_low = steps - DURATION_STEPS[upper - 1] < DURATION_STEPS[upper] - steps
    return np.asarray(1 + upper - nearer_low)


def meter_id(beats: int, beat_type: int) -> int:
    """Id of a meter; ``OTHER_METER`` for those outside 1..24 over 1..64."""
    if beat_type not in BEAT_TYPES or not 1 <= beats <= MAX_BEATS:
        return OTHER_METER
    return _FIRST_METER + (beats - 1) * len(BEAT_TYPES) + BEAT_TYPES.index(beat_type)


def meter_of(meter: int) -> tuple[int, int] | None:
    """Beats and beat type of an id, or None for ``OTHER_METER`` and ``CONTINUED``."""
    if meter < _FIRST_METER:
        return None
    beats, kind = divmod(meter - _FIRST_METER, len(BEAT_TYPES))
    return beats + 1, BEAT_TYPES[kind]


def transposed_key(key: int, semitones: int) -> int:
    """Id of a key signature ``semitones`` higher: five flats to six sharps."""
    return (key - 8 + 7 * semitones + 5) % 12 - 5 + 8 if semitones else key


def tempo_id(quarters_per_minute: float) -> int:
    """Id of a tempo, whole quarters a minute from 10 to 400."""
    return 1 + int(np.clip(round(quarters_per_minute), SLOWEST, FASTEST)) - SLOWEST


def tempo_of(tempo: int) -> float:
    """Quarters a minute of an id."""
    return float(tempo - 1 + SLOWEST)
