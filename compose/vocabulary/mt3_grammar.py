"""The grammar of ``mt3``: which ids may come next, in one segment and in a stream of segments, also under limits of a user.

It allows just what ``compose.vocabulary.mt3_events.segments_of`` could have written, so every walk through it is music, and is the
text of that music. Limits (programs, pitches, notes at once ...) narrow it; it looks ahead far enough that no walk ever gets stuck:
a time, a program or a velocity may only come when something can follow it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.arrival import NUM_PITCHES
from compose.vocabulary.base import GrammarState, Meaning
from compose.vocabulary.mt3_events import (
    BEAT,
    DOWNBEAT,
    DRUM,
    EOS,
    NUM_IDS,
    NUM_PROGRAMS,
    PEDAL_OFF,
    PEDAL_ON,
    PITCH,
    PROGRAM,
    SHIFT,
    TIE,
    VELOCITY,
)

__all__ = ["NO_LIMIT", "Carried", "Limits", "Mt3Grammar", "SegmentGrammar"]

BoolArray = NDArray[np.bool_]

NO_LIMIT: Final = NUM_PROGRAMS * NUM_PITCHES
_START, _PEDAL_UP, _PEDAL_DOWN, _BEAT, _NOTES, _DRUMS = range(6)  # how far a tick has come
_NOTHING, _SHIFT, _PROGRAM, _VELOCITY, _PROGRAM_VELOCITY = range(5)  # what waits for something to follow it


def _all(count: int) -> BoolArray:
    return np.ones(count, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Limits:
    """What a user allows.

    Args:
        programs: Which General MIDI programs, shape (128,).
        pitches: Which pitches (drums aside), shape (128,).
        drums: Which keys of the drums, shape (128,).
        max_notes: How many notes may sound at once, drums aside.
        pedal: Whether pedals may be told.
        beats: Whether beats may be told.
    """

    programs: BoolArray = field(default_factory=lambda: _all(NUM_PROGRAMS))
    pitches: BoolArray = field(default_factory=lambda: _all(NUM_PITCHES))
    drums: BoolArray = field(default_factory=lambda: _all(NUM_PITCHES))
    max_notes: int = NO_LIMIT
    pedal: bool = True
    beats: bool = True

    def allows(self, program: int, pitch: int) -> bool:
        """Whether a note of these may be."""
        return bool(self.programs[program] and self.pitches[pitch])


@dataclass(frozen=True)
class Carried:
    """What sounds at a boundary and may be tied over it.

    Args:
        notes: Program and pitch of each note.
        pedal: Whether the pedal is down.
    """

    notes: frozenset[tuple[int, int]] = frozenset()
    pedal: bool = False


class SegmentGrammar:
    """Which ids may come next in one segment, from its tie section to EOS.

    Args:
        carried: What may be tied; None where that is not known (a segment heard on its own), so that anything may.
        limits: What may be told at all.
    """

    def __init__(self, carried: Carried | None = None, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.sounding: dict[int, BoolArray] = {}  # pitches by program
        self.num_sounding = 0
        self.pedal = False  # down
        self.tick = -1
        self.ended = False
        self._tieable = self._may_tie(carried)
        self._pedal_tieable = self.limits.pedal and (carried is None or carried.pedal)
        self.in_ties = True
        self._tied: dict[int, BoolArray] = {}
        self._pedal_tied = False
        self.program = self.velocity = -1  # in force
        self._waits = _NOTHING
        self.tie_pitch = -1  # the last of this program, in the tie section
        self._begin_tick()

    def _may_tie(self, carried: Carried | None) -> dict[int, BoolArray]:
        """Pitches that may be tied, by program; programs without any are left out."""
        if carried is None:
            if not self.limits.pitches.any():
                return {}
            return dict.fromkeys(np.flatnonzero(self.limits.programs).tolist(), self.limits.pitches)
        out: dict[int, BoolArray] = {}
        for program, pitch in carried.notes:
            if self.limits.allows(program, pitch):
                out.setdefault(program, np.zeros(NUM_PITCHES, dtype=np.bool_))[pitch] = True
        return out

    def _begin_tick(self) -> None:
        self._stage = _START
        self._group_on = False  # whether this tick's program is at its note ons
        self.last_off = self.last_on = self.last_drum = -1
        self._ended_now: set[int] = set()  # pitches of the program that ended in this tick

    @property
    def programs_passed(self) -> int:
        """Programs below this one may come no more in this tick; 128 once drums have."""
        if self._stage == _DRUMS:
            return NUM_PROGRAMS
        return self.program if self._stage == _NOTES or self._waits in (_PROGRAM, _PROGRAM_VELOCITY) else 0

    @property
    def globals_told(self) -> int:
        """Which of pedal off, pedal on, beat and downbeat may come no more in this tick: the first so many."""
        return {_START: 0, _PEDAL_UP: 1, _PEDAL_DOWN: 2}.get(self._stage, 4)

    @property
    def carried(self) -> Carried:
        """What sounds where the segment has come to."""
        notes = ((program, int(pitch)) for program, row in self.sounding.items() for pitch in np.flatnonzero(row))
        return Carried(frozenset(notes), self.pedal)

    @property
    def meaning(self) -> Meaning:
        """What the next id decides; where that is open, ONSET."""
        if self.ended:
            return Meaning.END
        if self._waits == _PROGRAM and not self.in_ties:
            return Meaning.VELOCITY
        return Meaning.ONSET if self._waits in (_NOTHING, _SHIFT) else Meaning.PITCH

    def mask(self) -> BoolArray:
        """Which ids may come, shape (824,)."""
        allowed = np.zeros(NUM_IDS, dtype=np.bool_)
        if not self.ended:
            (self._mask_ties if self.in_ties else self._mask_events)(allowed)
        return allowed

    def _mask_ties(self, allowed: BoolArray) -> None:
        room = self.num_sounding < self.limits.max_notes
        if self._waits == _NOTHING:
            allowed[TIE] = True
            if self._pedal_tied:
                return
            allowed[PEDAL_ON] = self._pedal_tieable
            if room:
                for program in self._tieable:
                    allowed[PROGRAM + program] = program > self.program
        if room and self.program >= 0:
            allowed[PITCH + self.tie_pitch + 1 : DRUM] = self._tieable[self.program][self.tie_pitch + 1 :]

    def ends(self, program: int) -> BoolArray | None:
        """Pitches of a program that may end in this tick, shape (128,); None where none may."""
        if program not in self.sounding or (self._group_on and program == self.program):
            return None
        offs = self.sounding[program].copy()
        if self.tick == 0 and program in self._tied:
            offs &= ~self._tied[program]
        if self._stage == _NOTES and program == self.program:
            offs[: self.last_off + 1] = False
        return offs

    def strikes(self, program: int) -> BoolArray | None:
        """Pitches of a program that may begin in this tick, shape (128,); None where none may."""
        if not self.limits.programs[program]:
            return None
        ons = self.limits.pitches
        if self.num_sounding >= self.limits.max_notes:  # only what sounds already may be struck anew
            if program not in self.sounding:
                return None
            ons = ons & self.sounding[program]
        else:
            ons = ons.copy()
        if self.tick == 0 and program in self._tied:
            ons &= ~self._tied[program]
        if self._stage == _NOTES and program == self.program:
            ons[: self.last_on + 1] = False
            ons[list(self._ended_now)] = False
        return ons

    def drum_keys(self) -> BoolArray:
        """Keys of the drums that may be struck in this tick, shape (128,)."""
        drums = self.limits.drums.copy()
        if self._stage == _DRUMS:
            drums[: self.last_drum + 1] = False
        return drums

    def _mask_events(self, allowed: BoolArray) -> None:
        if self._waits == _NOTHING:
            allowed[EOS] = True
            if self.tick < PITCH - SHIFT - 1 and self._something_may_come():
                allowed[SHIFT + self.tick + 1 : PITCH] = True
            if self.tick < 0:
                allowed[SHIFT] &= self._something_at_start()
                return
        if self._waits in (_NOTHING, _SHIFT):
            self._mask_pedal_and_beats(allowed)
            if self._stage < _DRUMS:
                self._mask_programs(allowed)
        program = self.program if self._stage < _DRUMS else -1
        offs, ons = (self.ends(program), self.strikes(program)) if program >= 0 else (None, None)
        drums = self.drum_keys() if self._waits not in (_PROGRAM, _PROGRAM_VELOCITY) else None
        if self.velocity == 0 and offs is not None:
            allowed[PITCH:DRUM] = offs
        if self.velocity > 0:
            if ons is not None:
                allowed[PITCH:DRUM] = ons
            if drums is not None:
                allowed[DRUM:VELOCITY] = drums
        if self._waits in (_NOTHING, _SHIFT, _PROGRAM):
            allowed[VELOCITY] = offs is not None and bool(offs.any())
            strikes = (ons is not None and bool(ons.any())) or (drums is not None and bool(drums.any()))
            allowed[VELOCITY + 1 : PROGRAM] = strikes
            if self.velocity >= 0:
                allowed[VELOCITY + self.velocity] = False

    def _mask_pedal_and_beats(self, allowed: BoolArray) -> None:
        if self._stage < _PEDAL_UP and self.pedal and self.limits.pedal:
            allowed[PEDAL_OFF] = not (self.tick == 0 and self._pedal_tied)
        if self._stage < _PEDAL_DOWN and not self.pedal:
            allowed[PEDAL_ON] = self.limits.pedal
        if self._stage < _BEAT:
            allowed[BEAT] = allowed[DOWNBEAT] = self.limits.beats

    def _mask_programs(self, allowed: BoolArray) -> None:
        """Programs that have something to say in this tick, after the last one that had."""
        first = self.program + 1 if self._stage == _NOTES else 0
        if self.num_sounding < self.limits.max_notes and not (self.tick == 0 and self._tied):
            if self.limits.pitches.any():
                allowed[PROGRAM + first : NUM_IDS] = self.limits.programs[first:]
            others = list(self.sounding)
        else:
            others = list(range(NUM_PROGRAMS)) if self.tick == 0 else list(self.sounding)
        for program in others:
            if program >= first and program != self.program:
                offs, ons = self.ends(program), self.strikes(program)
                allowed[PROGRAM + program] = (offs is not None and bool(offs.any())) or (ons is not None and bool(ons.any()))
        if self.program >= 0:
            allowed[PROGRAM + self.program] = False

    def _something_may_come(self) -> bool:
        """Whether any later time could be followed by an event."""
        limits = self.limits
        return (
            self.num_sounding > 0
            or limits.beats
            or limits.pedal
            or bool(limits.drums.any())
            or bool(limits.programs.any() and limits.pitches.any() and limits.max_notes > 0)
        )

    def _something_at_start(self) -> bool:
        """Whether an event may stand at the segment's first tick, where what is tied neither ends nor begins."""
        limits = self.limits
        if limits.beats or (limits.pedal and not self._pedal_tied) or limits.drums.any():
            return True
        if self.num_sounding >= limits.max_notes:
            return False
        programs = np.flatnonzero(limits.programs).tolist()
        return any((limits.pitches & ~self._tied[p]).any() if p in self._tied else limits.pitches.any() for p in programs)

    def push(self, token: int) -> None:
        """Take the next id.

        Raises:
            ValueError: The grammar does not allow it here.
        """
        if not 0 <= token < NUM_IDS or not self.mask()[token]:
            raise ValueError(f"id {token} at tick {self.tick}: expected one of {_ranges(self.mask())}")
        self.take(token)

    def take(self, token: int) -> None:
        """``push`` for an id that the mask is known to allow."""
        if self.in_ties:
            self._take_tie(token)
        elif token == EOS:
            self.ended = True
        elif token < SHIFT:
            self._stage = {PEDAL_OFF: _PEDAL_UP, PEDAL_ON: _PEDAL_DOWN}.get(token, _BEAT)
            if token in (PEDAL_OFF, PEDAL_ON):
                self.pedal = token == PEDAL_ON
            self._waits = _NOTHING
        elif token < PITCH:
            self.tick = token - SHIFT
            self._begin_tick()
            self._waits = _SHIFT
        elif token < DRUM:
            self._take_pitch(token - PITCH)
        elif token < VELOCITY:
            self._stage, self.last_drum = _DRUMS, token - DRUM
            self._waits = _NOTHING
        elif token < PROGRAM:
            self.velocity = token - VELOCITY
            self._waits = _PROGRAM_VELOCITY if self._waits == _PROGRAM else _VELOCITY
        else:
            self.program = token - PROGRAM
            self._group_on = False
            self.last_off = self.last_on = -1
            self._ended_now.clear()
            self._waits = _PROGRAM

    def _take_tie(self, token: int) -> None:
        if token == TIE:
            self.in_ties = False
            self._tied = {program: row.copy() for program, row in self.sounding.items()}
            self.program = -1
        elif token == PEDAL_ON:
            self.pedal = self._pedal_tied = True
        elif token >= PROGRAM:
            self.program, self.tie_pitch = token - PROGRAM, -1
            self._waits = _PROGRAM
            return
        else:
            self.tie_pitch = token - PITCH
            self._sound(self.tie_pitch)
        self._waits = _NOTHING

    def _sound(self, pitch: int) -> None:
        row = self.sounding.setdefault(self.program, np.zeros(NUM_PITCHES, dtype=np.bool_))
        self.num_sounding += not row[pitch]
        row[pitch] = True

    def _take_pitch(self, pitch: int) -> None:
        self._stage = _NOTES
        self._waits = _NOTHING
        if self.velocity:
            self._sound(pitch)
            self._group_on, self.last_on = True, pitch
            return
        row = self.sounding[self.program]
        row[pitch] = False
        self.num_sounding -= 1
        if not row.any():
            del self.sounding[self.program]
        self.last_off = pitch
        self._ended_now.add(pitch)


class Mt3Grammar(GrammarState):
    """Which ids may come next in a stream of segments; what is tied is what sounded.

    Args:
        limits: What may be told at all.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.num_segments = 0
        self.segment = SegmentGrammar(Carried(), self.limits)
        self._begun = False

    @property
    def meaning(self) -> Meaning:
        return self.segment.meaning if self._begun else Meaning.START

    @property
    def may_end(self) -> bool:
        """After each EOS."""
        return self.num_segments > 0 and not self._begun

    def mask(self) -> BoolArray:
        return self.segment.mask()

    def push(self, token: int) -> None:
        self.segment.push(token)
        self._begun = not self.segment.ended
        if self.segment.ended:
            self.num_segments += 1
            self.segment = SegmentGrammar(self.segment.carried, self.limits)


def _ranges(mask: BoolArray) -> str:
    """Ids that are allowed, in words: "2, 7-406"."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return ", ".join(str(first) if end == first + 1 else f"{first}-{end - 1}" for first, end in edges.tolist())
