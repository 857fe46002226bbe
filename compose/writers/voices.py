"""The writer of the ``voices`` vocabulary: frame by frame, voice by voice, each holds its note, changes it or falls silent.

A note's length is not decided when it begins but frame by frame; a constraint's (pitch, duration) array is asked each time
whether the note may be longer than it is, and whether it may end here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.vocabulary.base import Meaning
from compose.vocabulary.voices import LOWEST_PITCH, NUM_PITCH_IDS, NUM_VOICES, STEPS_PER_FRAME
from compose.writers.base import Slot, Writer, refuse_soft
from corpora.errors import RequestError

__all__ = ["NoRepeats", "VoicesWriter"]

MAX_FRAMES = 128  # longest note: eight bars of 4/4


@dataclass(frozen=True)
class NoRepeats(Constraint):
    """The vocabulary's own limit: a pitch that follows itself in a lane is the same note held."""

    text: str = "no repeated notes (the voices vocabulary holds them)"

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Another pitch than the note that ends here, and than the note that begins where this one ends."""
        allowed = np.ones((NUM_PITCHES, len(durations)), dtype=np.bool_)
        for note in canvas.overlapping(lane, onset - 1, onset):
            if note.end == onset:
                allowed[note.pitch] = False
        for note in canvas.overlapping(lane, onset, onset + int(durations.max(initial=0)) + 1):
            allowed[note.pitch] &= durations != note.onset - onset
        return allowed

    def measure(self, canvas: Canvas) -> Satisfaction:
        repeats = sum(
            other.end == note.onset and other.pitch == note.pitch
            for note in canvas.written
            for other in canvas.overlapping(note.lane, note.onset - 1, note.onset)
        )
        return Satisfaction(self.text, repeats == 0, f"{repeats} repeated notes")


@dataclass(frozen=True)
class _Entry:
    """State before an answer."""

    frame: int
    voice: int
    written: tuple[Note, ...]


class VoicesWriter(Writer):
    """See ``Writer``; ids are those of ``compose.vocabulary.voices``.

    Raises:
        RequestError: The piece does not have four lanes, or the region holds no whole sixteenth.
    """

    def __init__(self, canvas: Canvas, constraints: Sequence[Constraint]) -> None:
        if len(canvas.piece.parts) != NUM_VOICES:
            raise RequestError(
                f"a voices model writes for {NUM_VOICES} parts of one staff each, the piece has {len(canvas.piece.parts)}"
            )
        self.frame_ticks = STEPS_PER_FRAME * canvas.ticks_per_step
        super().__init__(canvas, (*constraints, NoRepeats()), np.arange(1, MAX_FRAMES + 1, dtype=np.int64) * self.frame_ticks)
        refuse_soft(self)
        self.first = -(-canvas.region.start // self.frame_ticks)
        self.end = canvas.region.end // self.frame_ticks
        if self.first >= self.end:
            raise RequestError("the region holds no whole sixteenth")
        self.frame, self.voice = self.first, 0
        self._journal: list[_Entry] = []
        self.low_water = 0  # frames that have stood since a model last looked
        self._last = self._last_slot()
        self._skip()

    @property
    def _tick(self) -> int:
        return self.frame * self.frame_ticks

    def sounding_id(self, frame: int, lane: int) -> int:
        """Id of the highest note of a lane at a frame, 0 when it is silent."""
        pitches = [n.pitch for n in self.canvas.sounding(frame * self.frame_ticks, lane)]
        place = max(pitches, default=0) - (LOWEST_PITCH - 1)
        return place if pitches and 1 <= place <= NUM_PITCH_IDS else 0

    def _last_slot(self) -> tuple[int, int] | None:
        """Frame and voice of the last decision: kept notes may fill the frames behind it."""
        slots = ((frame, lane) for frame in reversed(range(self.first, self.end)) for lane in reversed(self.canvas.region.lanes))
        return next((slot for slot in slots if not self.canvas.sounding(slot[0] * self.frame_ticks, slot[1])), None)

    def _skip(self) -> None:
        """Go on to the next voice that has something to decide."""
        while self.frame < self.end and (
            self.voice not in self.canvas.region.lanes or self.canvas.sounding(self._tick, self.voice)
        ):
            self._advance()
        self.canvas.come_to(self._tick)

    def _advance(self) -> None:
        self.frame, self.voice = (self.frame, self.voice + 1) if self.voice + 1 < NUM_VOICES else (self.frame + 1, 0)

    def _current(self) -> Note | None:
        """The new note of this voice that lasted to this frame, or None."""
        mine = [n for n in self.canvas.written if n.lane == self.voice and n.end == self._tick]
        return mine[-1] if mine else None

    def _alone(self, note: Note) -> NDArray[np.bool_]:
        """What the current note may be, judged as if it were not there."""
        snapshot = list(self.canvas.written)
        self.canvas.restore([n for n in snapshot if n != note])
        self.feasible.forget()
        allowed: NDArray[np.bool_] = self.feasible.matrix(note.onset, note.lane)[note.pitch].copy()
        self.canvas.restore(snapshot)
        self.feasible.forget()
        return allowed

    def slot(self) -> Slot | None:
        if self.frame >= self.end:
            return None
        mask = np.zeros(1 + NUM_PITCH_IDS, dtype=np.bool_)
        note = self._current()
        may_stop, hold = True, 0
        if note is not None:
            lengths = self._alone(note)
            done = note.duration // self.frame_ticks
            may_stop = bool(lengths[done - 1])
            hold = note.pitch - (LOWEST_PITCH - 1) if lengths[done:].any() else 0
        if may_stop:
            mask[0] = self._may_rest()
            if self._may_start(self._tick, self.voice):
                mask[1:] = np.any(self.feasible.matrix(self._tick, self.voice)[LOWEST_PITCH : LOWEST_PITCH + NUM_PITCH_IDS], axis=1)
            if note is not None:
                mask[note.pitch - (LOWEST_PITCH - 1)] = False
        if hold:
            mask[hold] = True
        return Slot(Meaning.PITCH, mask)

    def _may_rest(self) -> bool:
        pending = self.feasible.pending()
        if pending is None:
            return True
        last = pending[0] - pending[0] % self.frame_ticks  # the frame in which it may begin at the latest
        return (last, pending[1]) > (self._tick, self.voice)

    def admits(self, token: int) -> bool:
        if (self.frame, self.voice) != self._last:
            return True
        depth = self.depth
        self.push(token)
        fine = self.feasible.may_end()
        self.rewind(depth)
        return fine

    def push(self, token: int) -> None:
        self._journal.append(_Entry(self.frame, self.voice, tuple(self.canvas.written)))
        self.depth += 1
        note = self._current()
        pitch = token + LOWEST_PITCH - 1
        if token and note is not None and note.pitch == pitch:
            self.canvas.replace(note, note._replace(duration=note.duration + self.frame_ticks))
        elif token:
            self._write(Note(self._tick, self.voice, pitch, self.frame_ticks, self._velocity(self._tick, self.voice)))
        self.feasible.forget()
        self._advance()
        self._skip()

    def rewind(self, depth: int) -> None:
        entry = self._journal[depth]
        del self._journal[depth:]
        self.depth = depth
        self.canvas.restore(list(entry.written))
        self.feasible.forget()
        self.frame, self.voice = entry.frame, entry.voice
        self.canvas.come_to(self._tick)
        self.low_water = min(self.low_water, self.frame)
