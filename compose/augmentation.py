"""Which notes become controls: the training copies of a piece for anticipation.

Conventions: tables are EVENT_DTYPE rows (``compose.vocabulary.arrival``) of one whole piece by onset, in ticks of 10 ms, without
RESTs; every function parts them into (events, controls), each by onset. Randomness comes from the generator given, nothing else.

Of ten copies one is plain, one gives spans of time, four give random notes at a rate of r/10 with r from 1 to 9, four give a random
set of instruments, at least one and not all.

Source: Thickstun et al., arXiv 2306.08620, section 4.2, and jthickstun/anticipation, ``tokenize.py``. Relative to that code: a copy
that ends up without controls is plain, and says so by its flag (there, pieces of one instrument get the flag of controls).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.interleave import DELTA_TICKS, deinterleave, insert_rests, interleave
from compose.vocabulary.arrival import NUM_PITCHES, TICKS_PER_SECOND, Events

__all__ = ["NUM_COPIES", "augment", "control_instruments", "control_random", "control_spans"]

NUM_COPIES: Final = 10
MEAN_GAP_S: Final = 20.0
SPAN_S: Final = 5.0


def augment(events: Events, copy: int, rng: np.random.Generator) -> Events:
    """One training copy of a piece: controls chosen, RESTs put in, interleaved, ready for ``arrival_windows.pack``.

    Args:
        events: EVENT_DTYPE rows of the piece by onset.
        copy: Which copy; its kind is ``copy % 10``.
        rng: Source of all choices.

    Returns:
        The stream; it holds every row of ``events`` once, as event or as control, besides RESTs.
    """
    kind = copy % NUM_COPIES
    plain, controls = events, events[:0]
    if kind == 1:
        plain, controls = control_spans(events, rng)
    elif 2 <= kind <= 5:
        plain, controls = control_random(events, int(rng.integers(1, 10)) / 10, rng)
    elif kind >= 6:
        instruments = np.unique(events["note"] // NUM_PITCHES)
        if len(instruments) > 1:
            chosen = rng.choice(instruments, size=int(rng.integers(1, len(instruments))), replace=False)
            plain, controls = control_instruments(events, chosen)
    padded = insert_rests(plain, end=int(events["onset_tick"].max(initial=0)))
    stream, pending = interleave(padded, controls, DELTA_TICKS)
    return np.concatenate([stream, pending])  # at the end of the piece all that is still to come is due


def control_spans(
    events: Events, rng: np.random.Generator, mean_gap_s: float = MEAN_GAP_S, span_s: float = SPAN_S
) -> tuple[Events, Events]:
    """Give spans of time: after gaps of exponential length from an event on, everything in ``span_s`` becomes control.

    Args:
        events: EVENT_DTYPE rows by onset.
        rng: Source of the gap lengths.
        mean_gap_s: Mean length of a gap in seconds; the first event opens one.
        span_s: Length of a span in seconds.
    """
    onsets = np.ascontiguousarray(events["onset_tick"])  # a column of rows would be copied at every search
    control = np.zeros(len(events), dtype=np.bool_)
    span_ticks = round(span_s * TICKS_PER_SECOND)
    place = 0
    while place < len(events):
        gap_ticks = int(rng.exponential(mean_gap_s) * TICKS_PER_SECOND)
        first = int(np.searchsorted(onsets, onsets[place] + gap_ticks, side="left"))
        if first == len(events):
            break
        place = int(np.searchsorted(onsets, onsets[first] + span_ticks, side="left"))
        control[first:place] = True
    return _part(events, control)


def control_random(events: Events, rate: float, rng: np.random.Generator) -> tuple[Events, Events]:
    """Give every note with probability ``rate``, 0 to 1."""
    return _part(events, rng.random(len(events)) < rate)


def control_instruments(events: Events, instruments: NDArray[np.int64]) -> tuple[Events, Events]:
    """Give all notes of these instruments (0-127, 128 drums)."""
    return _part(events, np.isin(events["note"] // NUM_PITCHES, instruments))


def _part(events: Events, control: NDArray[np.bool_]) -> tuple[Events, Events]:
    """The rows as events and controls."""
    marked = events.copy()
    marked["control"] = control
    return deinterleave(marked)
