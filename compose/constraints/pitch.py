"""Which pitches: scale, pitch-class set, range, chords over spans of time.

Each is a ``PitchConstraint``: for a lane it names spans of time with the pitches open in them, and a note must be in the set
of every span that it sounds in. Drum lanes are not judged: their pitches are keys of a kit. Times are ticks of the canvas.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.chords import Chord

__all__ = ["ChordSpans", "PitchClasses", "PitchConstraint", "PitchSpan", "Range", "ScaleSpans", "always", "pitches_of"]

ALWAYS = sys.maxsize


class PitchSpan(NamedTuple):
    """Pitches open in ``start <= t < end``."""

    start: int
    end: int
    pitches: frozenset[int]


def always(pitches: frozenset[int]) -> PitchSpan:
    """One set for all time."""
    return PitchSpan(0, ALWAYS, pitches)


@lru_cache(maxsize=1024)
def pitches_of(pitch_classes: frozenset[int]) -> frozenset[int]:
    """All MIDI pitches of these pitch classes."""
    return frozenset(pitch for pitch in range(NUM_PITCHES) if pitch % 12 in pitch_classes)


@lru_cache(maxsize=1024)
def _column(pitches: frozenset[int]) -> BoolArray:
    """The set as a read-only boolean column, shape (128, 1)."""
    column = np.zeros((NUM_PITCHES, 1), dtype=np.bool_)
    column[sorted(pitches)] = True
    column.flags.writeable = False
    return column


_OPEN = np.ones((1, 1), dtype=np.bool_)
_OPEN.flags.writeable = False


class PitchConstraint(Constraint):
    """A constraint on pitch that depends on lane and time alone."""

    def spans(self, canvas: Canvas, lane: int, start: int, end: int) -> tuple[PitchSpan, ...]:
        """The spans of a lane that overlap ``start <= t < end``, in order; times without a span are free."""
        raise NotImplementedError(f"{type(self).__name__}.spans")

    def description(self) -> str:
        """What the notes are when it holds, for the report: "in G major"."""
        return f"within '{self.text}'"

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Pitches in the set of every span that the note sounds in; shape (1, 1), (128, 1) or (128, durations)."""
        longest = int(durations.max()) if len(durations) else 1
        if canvas.piece.parts[lane].is_drum:
            return _OPEN
        spans = self.spans(canvas, lane, onset, onset + max(longest, 1))
        if not spans:
            return _OPEN
        if len(spans) == 1 and spans[0].start <= onset:
            return _column(spans[0].pitches)
        allowed = np.ones((NUM_PITCHES, len(durations)), dtype=np.bool_)
        for span in spans:
            allowed &= _column(span.pitches) | (durations <= span.start - onset)
        return allowed

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new notes that are in every span they sound in."""
        judged = [note for note in canvas.written if not canvas.piece.parts[note.lane].is_drum]
        good = sum(
            all(note.pitch in span.pitches for span in self.spans(canvas, note.lane, note.onset, max(note.end, note.onset + 1)))
            for note in judged
        )
        return Satisfaction(self.text, good == len(judged), f"{good} of {len(judged)} notes {self.description()}")


@dataclass(frozen=True)
class PitchClasses(PitchConstraint):
    """New notes have these pitch classes: a scale or a list of notes.

    Args:
        text: For example ``scale: G major``.
        name: For example "G major".
        pitch_classes: 0-11 from C.
    """

    text: str = field()  # the base has a default, this has none
    name: str
    pitch_classes: frozenset[int]

    def spans(self, canvas: Canvas, lane: int, start: int, end: int) -> tuple[PitchSpan, ...]:
        """One span, always."""
        return (always(pitches_of(self.pitch_classes)),)

    def description(self) -> str:
        """For example "in G major"."""
        return f"in {self.name}"


@dataclass(frozen=True)
class ScaleSpans(PitchConstraint):
    """New notes are in the scale that holds where they sound; before the first there is none.

    Args:
        text: For example ``scale: G major @5, D major @7``.
        changes: Where each scale begins (div of the piece) and its pitch classes, ascending.
    """

    text: str = field()  # the base has a default, this has none
    changes: tuple[tuple[int, frozenset[int]], ...]

    def spans(self, canvas: Canvas, lane: int, start: int, end: int) -> tuple[PitchSpan, ...]:
        """The scales that hold in ``start <= t < end``."""
        begins = [div * canvas.ticks_per_div for div, _ in self.changes]
        ends = [*begins[1:], ALWAYS]
        return tuple(
            PitchSpan(begin, stop, pitches_of(pitch_classes))
            for begin, stop, (_, pitch_classes) in zip(begins, ends, self.changes, strict=True)
            if begin < end and stop > start
        )

    def description(self) -> str:
        """ "in their scales"."""
        return "in their scales"


@dataclass(frozen=True)
class Range(PitchConstraint):
    """New notes lie between two pitches, both included.

    Args:
        text: For example ``range: G3-E6`` or ``range: Alto G3-E5, Tenor C3-A4``.
        limits: Lanes (None: all that no other item names), lowest and highest MIDI pitch, as written.
    """

    text: str = field()  # the base has a default, this has none
    limits: tuple[tuple[tuple[int, ...] | None, int, int], ...]

    def spans(self, canvas: Canvas, lane: int, start: int, end: int) -> tuple[PitchSpan, ...]:
        """One span, always, for the lanes that have a range."""
        general = None
        for lanes, low, high in self.limits:
            if lanes is None:
                general = frozenset(range(low, high + 1))
            elif lane in lanes:
                return (always(frozenset(range(low, high + 1))),)
        return () if general is None else (always(general),)

    def description(self) -> str:
        """ "within range"."""
        return "within range"


@dataclass(frozen=True)
class ChordSpans(PitchConstraint):
    """New notes are tones of every chord that they sound in.

    The bars are those that the region touches; the chords of a bar divide it evenly, from its first tick to its last. A note
    that sounds on into the next chord must belong to that too. A slash bass is one more tone of its chord.

    Args:
        text: For example ``chords: | G | C D7 | G |``.
        bars: The chords of each bar.
    """

    text: str = field()  # the base has a default, this has none
    bars: tuple[tuple[Chord, ...], ...]

    def _bar_range(self, canvas: Canvas) -> tuple[int, int]:
        """First bar of the region, and the bar after its last."""
        last_tick = max(canvas.region.end - 1, canvas.region.start)
        piece, ticks = canvas.piece, canvas.ticks_per_div
        return piece.measure_at(canvas.region.start // ticks), piece.measure_at(last_tick // ticks) + 1

    def spans(self, canvas: Canvas, lane: int, start: int, end: int) -> tuple[PitchSpan, ...]:
        """The chords that sound in ``start <= t < end``; outside the bars of the region there are none."""
        piece, ticks = canvas.piece, canvas.ticks_per_div
        first, stop = self._bar_range(canvas)
        found = []
        for bar in range(max(first, piece.measure_at(start // ticks)), min(stop, first + len(self.bars))):
            bar_start, bar_end = int(piece.measures["start_div"][bar]) * ticks, int(piece.measures["end_div"][bar]) * ticks
            if bar_start >= end:
                break
            chords = self.bars[bar - first]
            edges = [bar_start + (bar_end - bar_start) * index // len(chords) for index in range(len(chords) + 1)]
            for chord, span_start, span_end in zip(chords, edges[:-1], edges[1:], strict=True):
                if span_start < end and span_end > start:
                    found.append(PitchSpan(span_start, span_end, pitches_of(chord.pitch_classes)))
        return tuple(found)

    def conflict(self, canvas: Canvas) -> str | None:
        """The number of bars must be the region's."""
        first, stop = self._bar_range(canvas)
        if stop - first != len(self.bars):
            return f"chords are given for {len(self.bars)} bars, the region has {stop - first}"
        return None

    def description(self) -> str:
        """ "in their chords"."""
        return "in their chords"
