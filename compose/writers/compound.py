"""The writer of the ``compound`` vocabulary: family, then beat, or pitch, duration and program. Ids are those of each field."""

from __future__ import annotations

import numpy as np

from compose.vocabulary.base import Meaning
from compose.vocabulary.compound import BAR_LINE, BEAT, DURATION, FIELD_SIZES, METRIC, NOTE, PITCH, PROGRAM
from compose.writers.base import Slot
from compose.writers.beats import BeatWriter

__all__ = ["CompoundWriter"]

_STAGES = (PITCH, DURATION, PROGRAM)


class CompoundWriter(BeatWriter):
    """See ``BeatWriter``. ``_partial`` holds the family, then pitch and index of the duration."""

    @property
    def _field(self) -> int:
        """The field under decision."""
        if not self._partial:
            return 0
        return BEAT if self._partial[0] == METRIC else _STAGES[len(self._partial) - 1]

    def slot(self) -> Slot | None:
        if self._done:
            return None
        mask = np.zeros(FIELD_SIZES[self._field], dtype=np.bool_)
        if self._field == 0:
            mask[METRIC] = True
            mask[NOTE] = self._place >= 0
            return Slot(Meaning.TIME_STATE, mask)
        if self._field == BEAT:
            mask[BAR_LINE] = True
            mask[2 + self._places()] = True
            return Slot(Meaning.ONSET, mask)
        lanes = self._open_lanes(self._place)
        if self._field == PITCH:
            for lane in lanes:
                mask[1:] |= self._open_notes(lane).any(axis=1)
            return Slot(Meaning.PITCH, mask)
        if self._field == DURATION:
            for lane in lanes:
                mask[2:] |= self._open_notes(lane)[self._partial[1]]
            return Slot(Meaning.DURATION, mask)
        for lane in lanes:
            mask[1 + self.instruments[lane]] = self._open_notes(lane)[self._partial[1], self._partial[2]]
        return Slot(Meaning.INSTRUMENT, mask)

    def admits(self, token: int) -> bool:
        if self._field == 0:
            if token == NOTE:
                return bool(self._open_lanes(self._place))
            last = self.canvas.written[-1].onset if self.canvas.written else -1
            return self._place < 0 or last == self._onset(self._place)  # a place was chosen for a note
        if self._field == BEAT:
            return self._may_leave() if token == BAR_LINE else bool(self._open_lanes(token - 2))
        return True

    def push(self, token: int) -> None:
        field = self._field
        self._remember()
        if field == 0:
            self._partial = (token,)
        elif field == BEAT:
            self._partial = ()
            if token == BAR_LINE:
                self._leave()
            else:
                self._place = token - 2
        elif field == PITCH:
            self._partial = (*self._partial, token - 1)
        elif field == DURATION:
            self._partial = (*self._partial, token - 2)
        else:
            self._finish(self._lanes[token - 1], self._partial[1], self._partial[2])
