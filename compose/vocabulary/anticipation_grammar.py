"""The grammar of one window of arrival-time triples: what a model may write next.

Conventions: a window starts with the flag AUTOREGRESS or ANTICIPATE (or at once with a triple) and its clock, from 0 to 100 s,
never goes back. The mask is for what a *model* writes: events and RESTs. What a *sampler* inserts, controls whose time has come
and SEPARATORs, is never in the mask, but ``push`` takes it.

Relative to the published sampler: REST is off in the onset and duration slots; a REST needs duration 0; REST is no instrument and
so does not count against the limit; the limit is 16, and counts the instruments of controls too, as they sound together.

Source: Thickstun et al., arXiv 2306.08620, section 4, and jthickstun/anticipation, ``sample.py`` (what it masks).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.arrival import (
    ANTICIPATE,
    AUTOREGRESS,
    CONTROL_OFFSET,
    DURATION_OFFSET,
    EVENT_SIZE,
    MAX_DURATION_TICKS,
    MAX_TIME_TICKS,
    NOTE_OFFSET,
    NUM_IDS,
    NUM_NOTES,
    NUM_PITCHES,
    REST,
    SEPARATOR,
    TIME_OFFSET,
)
from compose.vocabulary.base import GrammarState, Meaning

__all__ = ["AnticipationGrammar"]

MAX_INSTRUMENTS: Final = 16  # as many as MIDI has channels
_MEANINGS = (Meaning.ONSET, Meaning.DURATION, Meaning.INSTRUMENT_PITCH)
_SLOT_STARTS = (TIME_OFFSET, DURATION_OFFSET, NOTE_OFFSET)
_SLOT_ENDS = (TIME_OFFSET + MAX_TIME_TICKS, DURATION_OFFSET + MAX_DURATION_TICKS, NOTE_OFFSET + NUM_NOTES)


class AnticipationGrammar(GrammarState):
    """Which ids may come next in a window.

    Args:
        max_instruments: How many instruments the window may use, drums among them.
    """

    def __init__(self, max_instruments: int = MAX_INSTRUMENTS) -> None:
        self.max_instruments = max_instruments
        self.instruments: set[int] = set()
        self.onset_tick = 0  # of the event before, from the start of the window
        self._length = 0  # ids so far, without the flag
        self._has_flag = False
        self._triple: list[int] = []

    @property
    def slot(self) -> int:
        """Place in the triple: 0 onset, 1 duration, 2 instrument and pitch."""
        return len(self._triple)

    @property
    def meaning(self) -> Meaning:
        """What the slot decides."""
        return Meaning.START if not self._length and not self._has_flag else _MEANINGS[self.slot]

    @property
    def may_end(self) -> bool:
        """True between triples."""
        return not self._triple

    def mask(self) -> NDArray[np.bool_]:
        """Which ids a model may write, shape (55028,)."""
        allowed = np.zeros(NUM_IDS, dtype=np.bool_)
        if self._triple and self._triple[0] >= CONTROL_OFFSET:
            return allowed  # inside a triple that the sampler inserts
        if self.meaning is Meaning.START:
            allowed[[AUTOREGRESS, ANTICIPATE]] = True
        if self.slot == 0:
            allowed[TIME_OFFSET + self.onset_tick : _SLOT_ENDS[0]] = True
        elif self.slot == 1:
            allowed[_SLOT_STARTS[1] : _SLOT_ENDS[1]] = True
        else:
            if len(self.instruments) < self.max_instruments:
                allowed[_SLOT_STARTS[2] : _SLOT_ENDS[2]] = True
            else:
                for instrument in self.instruments:
                    first = NOTE_OFFSET + instrument * NUM_PITCHES
                    allowed[first : first + NUM_PITCHES] = True
            allowed[REST] = self._triple[1] == DURATION_OFFSET
        return allowed

    def push(self, token: int) -> None:
        """Take the next id: what the mask allows, or part of a control or SEPARATOR triple.

        Raises:
            ValueError: The grammar does not allow this id here.
        """
        if self.meaning is Meaning.START and token in (AUTOREGRESS, ANTICIPATE):
            self._has_flag = True
            return
        if not self._may_push(token):
            raise ValueError(f"id {token} after {self._length} ids: expected {self._expected()}")
        self._triple.append(token)
        self._length += 1
        if len(self._triple) == EVENT_SIZE:
            self._close()

    def _may_push(self, token: int) -> bool:
        """Whether an id may come here, inserted ones included."""
        slot = self.slot
        if token == SEPARATOR or SEPARATOR in self._triple:
            return token == SEPARATOR and all(other == SEPARATOR for other in self._triple)
        inserted = token >= CONTROL_OFFSET
        if slot and inserted != (self._triple[0] >= CONTROL_OFFSET):
            return False
        value = token - CONTROL_OFFSET if inserted else token
        if not inserted and slot == 0 and value < TIME_OFFSET + self.onset_tick:
            return False
        if slot == 2 and value == REST:
            return not inserted and self._triple[1] == DURATION_OFFSET
        if not _SLOT_STARTS[slot] <= value < _SLOT_ENDS[slot]:
            return False
        instrument = (value - NOTE_OFFSET) // NUM_PITCHES
        return slot < 2 or inserted or instrument in self.instruments or len(self.instruments) < self.max_instruments

    def _close(self) -> None:
        """Take the finished triple into account."""
        onset, _, note = self._triple
        self._triple = []
        if note == SEPARATOR:
            self.onset_tick = 0
            self.instruments = set()
            return
        if onset < CONTROL_OFFSET:
            self.onset_tick = onset - TIME_OFFSET
        else:
            note -= CONTROL_OFFSET
        if note != REST:
            self.instruments.add((note - NOTE_OFFSET) // NUM_PITCHES)

    def _expected(self) -> str:
        """The slot in words, for messages."""
        if self.slot == 0:
            return f"an onset id {TIME_OFFSET + self.onset_tick} to {_SLOT_ENDS[0] - 1}"
        if self.slot == 1:
            return f"a duration id {_SLOT_STARTS[1]} to {_SLOT_ENDS[1] - 1} of the same kind (event, control, SEPARATOR)"
        return f"a note id of the same kind, at most {self.max_instruments} instruments, or REST after duration 0"
