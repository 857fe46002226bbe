"""The writer of the ``remi`` vocabulary: bar line, place or program; then pitch, then duration. Ids are those of the vocabulary."""

from __future__ import annotations

import numpy as np

from compose.vocabulary.base import Meaning
from compose.vocabulary.measured_fields import DRUMS
from compose.vocabulary.remi import BAR, DRUM, DURATION, NUM_IDS, PITCH, POSITION, PROGRAM, TEMPO
from compose.writers.base import Slot
from compose.writers.beats import BeatWriter

__all__ = ["RemiWriter"]


class RemiWriter(BeatWriter):
    """See ``BeatWriter``. A program names the lane; where lanes share one, each further lane takes the next free one."""

    def slot(self) -> Slot | None:
        if self._done:
            return None
        mask = np.zeros(NUM_IDS, dtype=np.bool_)
        if not self._partial:
            mask[POSITION + self._places()] = True
            mask[BAR] = True
            if self._place >= 0:
                for lane in self.canvas.region.lanes:
                    mask[PROGRAM + self.instruments[lane]] = self._may_start(self._onset(self._place), lane)
            return Slot(Meaning.ONSET, mask)
        (lane, *pitch) = self._partial
        if not pitch:
            first = DRUM if self.instruments[lane] == DRUMS else PITCH
            mask[first : first + 128] = self._open_notes(lane).any(axis=1)
            return Slot(Meaning.PITCH, mask)
        mask[DURATION + 1 :] = self._open_notes(lane)[pitch[0]]
        return Slot(Meaning.DURATION, mask)

    def admits(self, token: int) -> bool:
        if self._partial or PROGRAM <= token < PITCH:
            return True
        if token == BAR:
            return self._may_leave() and not self._is_bare()
        return bool(self._open_lanes(token - POSITION)) and not self._is_bare()

    def _is_bare(self) -> bool:
        """Whether the present place has no note yet: it was chosen for one."""
        last = self.canvas.written[-1].onset if self.canvas.written else -1
        return self._place >= 0 and last != self._onset(self._place)

    def push(self, token: int) -> None:
        self._remember()
        if token == BAR:
            self._leave()
        elif POSITION <= token < TEMPO:
            self._place = token - POSITION
        elif PROGRAM <= token < PITCH:
            self._partial = (self._lanes[token - PROGRAM],)
        elif len(self._partial) == 1:
            first = DRUM if self.instruments[self._partial[0]] == DRUMS else PITCH
            self._partial = (*self._partial, token - first)
        else:
            self._finish(self._partial[0], self._partial[1], token - DURATION - 1)
