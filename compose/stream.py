"""The ``measured`` stream under construction: bars and notes in order, controls early by a delta in beats.

The rule is that of anticipation (arXiv 2306.08620, section 3.2; ``compose.interleave``) in musical time: as soon as an event
at ``prev`` is in the stream, every control with onset <= prev + delta follows it. Bar lines are events too, so that no gap
without events is longer than a bar and every control comes in time; they do what the REST events of the published layout do.
Training and writing build their streams here, so a model sees the same thing in both.

A *hint* is a control that tells of a note yet to be written in part: its rhythm (onset, lane, duration; no pitch), or its pitch and
lane (no place, no duration). It comes as early as the note itself would as a control.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.canvas import STEPS_PER_QUARTER, Note
from compose.situation import Situation
from compose.vocabulary.bars import Chunk
from compose.vocabulary.measured import AHEAD, DURATION, NEXT, PLACE, bar_row, end_row, header_rows, note_rows
from compose.vocabulary.measured_fields import CHUNK_STEPS, CONTROL, MAX_AHEAD
from corpora.piece import Part

__all__ = ["DELTA_STEPS", "UNKNOWN", "Mark", "Stream", "pitch_hint", "rhythm_hint"]

DELTA_STEPS = 8 * STEPS_PER_QUARTER  # controls come eight quarters early


UNKNOWN = -1  # pitch or duration that a hint does not tell


def rhythm_hint(note: Note) -> Note:
    """What a control tells of a note whose rhythm alone is known."""
    return note._replace(pitch=UNKNOWN)


def pitch_hint(note: Note) -> Note:
    """What a control tells of a note whose pitch alone is known."""
    return note._replace(duration=UNKNOWN)


class Mark(NamedTuple):
    """A place in a stream's making: how many rows, controls and events it had, and its time and bar."""

    rows: int
    now: int
    bar: int
    shown: int
    events: int


class Stream:
    """Rows of a ``measured`` stream, with the situation that they have shown so far.

    Args:
        parts: The lanes.
        bars: The bars of the window, in order; times in steps.
        controls: Notes known in advance, and hints (``rhythm_hint``, ``pitch_hint``), any order.
        free: Lanes that are being written.
        delta: How early controls come, in steps.
        since: From which step on ``free`` holds; before it every lane is being written. None: throughout.
    """

    def __init__(
        self,
        parts: tuple[Part, ...],
        bars: Sequence[Chunk],
        controls: Sequence[Note],
        free: tuple[int, ...],
        delta: int = DELTA_STEPS,
        since: int | None = None,
    ) -> None:
        self.bars = list(bars)
        self.delta = delta
        self.situation = Situation(bars[0].start, bars[-1].start + bars[-1].length + delta, len(parts), free, since)
        self.rows: list[NDArray[np.int64]] = list(header_rows(parts))
        self.header = len(self.rows)  # steps before the first bar
        self.now = bars[0].start
        self.bar = -1  # index of the current bar, -1 before the first
        self._controls = sorted(controls)
        self._shown = 0
        self._events: list[Note] = []
        self._starts = [bar.start for bar in bars]

    @property
    def chunk(self) -> Chunk:
        """The current bar."""
        return self.bars[self.bar]

    def push_bar(self) -> None:
        """Go to the next bar."""
        self.bar += 1
        self.rows.append(bar_row(self.chunk))
        self.now = self.chunk.start
        self._show_controls()

    def push_end(self) -> None:
        """Close the last bar written: the next bar line, or END where the piece has none."""
        if self.bar + 1 < len(self.bars):
            self.push_bar()
        else:
            self.rows.append(end_row())

    def push_note(self, note: Note) -> None:
        """Append a note of the current bar (steps)."""
        self.rows.append(self.note_row(note, note.onset - self.chunk.start))
        self.situation.add(note, revealed=False)
        self._events.append(note)
        self.now = note.onset
        self._show_controls()

    @staticmethod
    def note_row(note: Note, place: int) -> NDArray[np.int64]:
        one = (np.array([value], dtype=np.int64) for value in (place, note.lane, note.pitch, note.duration, note.velocity))
        return np.asarray(note_rows(*one)[0])

    def _show_controls(self) -> None:
        while self._shown < len(self._controls) and self._controls[self._shown].onset <= self.now + self.delta:
            note = self._controls[self._shown]
            self._shown += 1
            home = int(np.searchsorted(self._starts, note.onset, side="right")) - 1
            home = max(home, self.bar)
            place = min(max(note.onset - self._starts[home], 0), CHUNK_STEPS - 1)
            row = self.note_row(note, 0)
            row[[NEXT, PLACE, AHEAD]] = (CONTROL, 1 + place, 1 + min(home - self.bar, MAX_AHEAD))
            if note.duration == UNKNOWN:
                row[[DURATION, PLACE]] = 0
            self.rows.append(row)
            self._tell(note, 1)

    def _tell(self, control: Note, way: int) -> None:
        """Let the situation know of a control (way 1), or take that back (way -1)."""
        if control.duration == UNKNOWN:
            return  # where it will stand is not told
        if control.pitch == UNKNOWN:
            self.situation.hint(control, way)
        elif way == 1:
            self.situation.add(control, revealed=True)
        else:
            self.situation.remove(control, revealed=True)

    def mark(self) -> Mark:
        """Where the stream stands, for ``rewind``."""
        return Mark(len(self.rows), self.now, self.bar, self._shown, len(self._events))

    def rewind(self, mark: Mark) -> None:
        """Go back to a mark."""
        for note in self._events[mark.events :]:
            self.situation.remove(note, revealed=False)
        for note in self._controls[mark.shown : self._shown]:
            self._tell(note, -1)
        del self.rows[mark.rows :], self._events[mark.events :]
        self.now, self.bar, self._shown = mark.now, mark.bar, mark.shown
