"""Anticipation: controls placed among events so that each is known delta before its time, at a place known while sampling.

Conventions: tables are EVENT_DTYPE rows (``compose.vocabulary.arrival``), onsets in ticks of 10 ms, by onset; the event table holds
RESTs too. Before each event come all controls not yet placed whose onset is at most ``delta`` after the onset of the event before
it (0 at the start). The place of a control thus depends on the past alone (it is a stopping time), which is what makes the rule
usable when events are still being written.

Source: Thickstun et al., "Anticipatory Music Transformer", arXiv 2306.08620, section 3.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.arrival import REST_NOTE, TICKS_PER_SECOND, Events, empty_events

__all__ = ["DELTA_TICKS", "Interleaved", "controls_due", "deinterleave", "insert_rests", "interleave"]

DELTA_TICKS: Final = 5 * TICKS_PER_SECOND
REST_GAP_TICKS: Final = TICKS_PER_SECOND


class Interleaved(NamedTuple):
    """Events and controls in stream order, and the controls whose time has not come by the last event."""

    stream: Events
    pending: Events


def controls_due(onsets: NDArray[np.int64], previous_onset: int, delta: int | float = DELTA_TICKS) -> int:
    """How many controls must stand before the event that follows an event at ``previous_onset``.

    Args:
        onsets: Onsets of the controls in ticks, increasing.
        previous_onset: Onset of the event before, in ticks; 0 at the start.
        delta: How early a control comes, in ticks; may be infinite.
    """
    return int(np.searchsorted(onsets, previous_onset + delta, side="right"))


def interleave(events: Events, controls: Events, delta: int | float = DELTA_TICKS) -> Interleaved:
    """Place controls among events by the stopping rule.

    Args:
        events: EVENT_DTYPE rows by onset.
        controls: EVENT_DTYPE rows by onset (their ``control`` field is set in the result).
        delta: How early a control comes, in ticks. 0: as soon as the stream has reached it; infinite: all controls first.

    Raises:
        ValueError: Rows out of time order, or a negative delta.
    """
    if delta < 0:
        raise ValueError(f"delta: expected 0 or more ticks, got {delta}")
    for name, table in (("events", events), ("controls", controls)):
        if len(table) and np.diff(table["onset_tick"]).min(initial=0) < 0:
            raise ValueError(f"{name}: expected rows by onset, got one earlier than the row before it")
    previous = np.concatenate([[0], events["onset_tick"][:-1]])[: len(events)]
    places = np.searchsorted(previous, controls["onset_tick"] - delta, side="left")
    placed = places < len(events)
    given = controls.copy()
    given["control"] = True
    return Interleaved(np.insert(events, places[placed], given[placed]), given[~placed])


def deinterleave(stream: Events) -> tuple[Events, Events]:
    """The events and the controls of a stream, each in its order."""
    return stream[~stream["control"]], stream[stream["control"]]


def insert_rests(events: Events, gap: int = REST_GAP_TICKS, end: int = 0) -> Events:
    """The events with RESTs so that time never passes by more than ``gap`` without an event.

    Args:
        events: EVENT_DTYPE rows by onset, without controls (RESTs go in after controls were taken out, before interleaving).
        gap: Longest time from one event (or the start) to the next, in ticks.
        end: Where the piece ends, in ticks; RESTs go on up to ``gap`` before it or nearer.
    """
    onsets = np.append(events["onset_tick"], end)
    starts = np.concatenate([[0], events["onset_tick"]])
    counts = np.maximum(-(-(onsets - starts) // gap) - 1, 0)
    rests = empty_events(int(counts.sum()))
    before = np.repeat(np.arange(len(onsets)), counts)  # the event (or the end) that each REST precedes
    rank = np.arange(len(rests)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    rests["onset_tick"] = starts[before] + rank * gap
    rests["note"] = REST_NOTE
    return np.insert(events, before, rests)
