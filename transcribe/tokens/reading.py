"""How likely each next id is if the frame model is right: logits from evidence alone, which the token model's are added to.

Events of a tick have an order in the ids (pedal, beats, then program by program ends and onsets by pitch, then drums). The next id
says the first event in that order that happens: its probability is its own, times that of all before it not to happen. When none
that is left happens, a later time comes: the first tick, in the same way, at which something does. Ids of programs and velocities
are as likely as the events that they lead to. So the decoder begins with what the frame model heard, and has to learn only where
that is wrong (shallow fusion: Gulcehre et al., arXiv 1503.03535, section 4.1).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.mt3_events import (
    BEAT,
    DOWNBEAT,
    DRUM,
    EOS,
    NUM_IDS,
    PEDAL_OFF,
    PEDAL_ON,
    PITCH,
    PROGRAM,
    SEGMENT_TICKS,
    SHIFT,
    TIE,
    VELOCITY,
    VELOCITY_BINS,
    VELOCITY_WIDTH,
)
from compose.vocabulary.mt3_grammar import Limits, SegmentGrammar
from transcribe.families import FAMILIES
from transcribe.frames.drums import DRUM_CLASSES
from transcribe.frames.targets import LOWEST_PITCH, NUM_PITCHES
from transcribe.tokens.evidence import SegmentEvidence

__all__ = ["Reading"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

LEAST: Final = 1e-5  # no id is less likely
VELOCITY_SPREAD: Final = 1.5  # bins
OTHER_FAMILY: Final = 1e-4  # families are no less likely than this, so that where limits leave few the likeliest is found
_PROGRAMS: Final = np.array([family.program for family in FAMILIES])
_ORDER: Final = np.argsort(_PROGRAMS)  # families in the order of their programs
_KEYS: Final = np.array([sounds.keys[0] for sounds in DRUM_CLASSES])
_BY_KEY: Final = np.argsort(_KEYS)
_GLOBAL: Final = 4  # events of pedal and beats
_HEARD: Final = slice(LOWEST_PITCH, LOWEST_PITCH + NUM_PITCHES)
_PITCHES: Final = slice(PITCH + LOWEST_PITCH, PITCH + LOWEST_PITCH + NUM_PITCHES)
_DRUMS_FROM: Final = _GLOBAL + 2 * len(FAMILIES) * NUM_PITCHES
_EVENTS: Final = _DRUMS_FROM + len(DRUM_CLASSES)


class Reading:
    """Logits for a segment's next id from its evidence.

    Args:
        evidence: Of the segment.
        limits: What may be told; what may not is as if it had not been heard.
    """

    def __init__(self, evidence: SegmentEvidence, limits: Limits) -> None:
        self._evidence = evidence
        self._limits = limits
        may = limits.programs[_PROGRAMS]
        pitches = limits.pitches[LOWEST_PITCH : LOWEST_PITCH + NUM_PITCHES]
        self._onset = evidence.onset * pitches if may.any() else np.zeros_like(evidence.onset)
        self._families = _shares(evidence.families, may)
        self._tied_families = _shares(evidence.tied_families[None], may)[0]
        self._drums = evidence.drums * limits.drums[_KEYS]
        self._beat = evidence.beat if limits.beats else np.zeros_like(evidence.beat)
        pedal = np.stack([evidence.pedal_down, evidence.pedal_up]) * (1.0 if limits.pedal else 0.0)
        self._pedal = pedal
        quiet = np.log1p(-self._drums).sum(1) + np.log1p(-self._beat)
        self._quiet = quiet + np.log1p(-pedal)  # (pedal is up or down, 400): no event but notes
        self._no_onset = np.log1p(-self._onset)
        self._no_onsets = self._no_onset.sum(1)
        self._no_end = np.log1p(-np.minimum(evidence.end, 0.999))

    def logits(self, grammar: SegmentGrammar) -> Floats:
        """Logarithms of how likely each id is, (824,); what the grammar forbids is of no meaning.

        Args:
            grammar: Has taken the ids before.
        """
        out = np.zeros(NUM_IDS, dtype=np.float64)
        if grammar.in_ties:
            self._read_ties(grammar, out)
        else:
            left = self._read_tick(grammar, out) if grammar.tick >= 0 else 1.0
            self._read_times(grammar, out, left)
        logits: Floats = np.log(np.maximum(out, LEAST)).astype(np.float32)
        return logits

    def _read_ties(self, grammar: SegmentGrammar, out: Doubles) -> None:
        """What sounds on, program by program, upwards."""
        chance = (self._evidence.tied * self._tied_families).astype(np.float64)  # (family, 88)
        left = 1.0
        for family in _ORDER.tolist():
            program = int(_PROGRAMS[family])
            if program == grammar.program:
                chance[family, : max(grammar.tie_pitch + 1 - LOWEST_PITCH, 0)] = 0
                out[_PITCHES], left = _first_of(chance[family], left)
            elif program > grammar.program:
                chances, left = _first_of(chance[family], left)
                out[PROGRAM + program] = chances.sum()
        out[PEDAL_ON] = left * self._evidence.pedal_tied
        out[TIE] = left * (1.0 if grammar.pedal else 1 - self._evidence.pedal_tied)

    def _read_tick(self, grammar: SegmentGrammar, out: Doubles) -> float:
        """What may still happen in this tick; gives the probability that nothing does."""
        tick, evidence = grammar.tick, self._evidence
        chances = np.zeros(_EVENTS)
        pedal = self._pedal[1 if grammar.pedal else 0, tick]
        chances[0 if grammar.pedal else 1] = pedal
        beat = self._beat[tick]
        downbeat = min(float(evidence.downbeat[tick]), float(beat)) if self._limits.beats else 0.0
        chances[2], chances[3] = beat - downbeat, downbeat / max(1 - beat + downbeat, 1e-3)
        chances[: grammar.globals_told] = 0.0
        cells = chances[_GLOBAL:_DRUMS_FROM].reshape(len(FAMILIES), 2, NUM_PITCHES)
        something = self._onset[tick].any()
        for place, family in enumerate(_ORDER.tolist()):
            program = int(_PROGRAMS[family])
            if program < grammar.programs_passed:
                continue
            ends, strikes = grammar.ends(program), grammar.strikes(program) if something else None
            if ends is not None:
                cells[place, 0] = evidence.end[tick] * ends[_HEARD]
            if strikes is not None:
                cells[place, 1] = self._onset[tick] * self._families[tick, family] * strikes[_HEARD]
        chances[_DRUMS_FROM:] = (self._drums[tick] * grammar.drum_keys()[_KEYS])[_BY_KEY]
        firsts, left = _first_of(chances, 1.0)
        out[[PEDAL_OFF, PEDAL_ON, BEAT, DOWNBEAT]] = firsts[:_GLOBAL]
        told = firsts[_GLOBAL:_DRUMS_FROM].reshape(len(FAMILIES), 2, NUM_PITCHES)
        for place, family in enumerate(_ORDER.tolist()):
            program = int(_PROGRAMS[family])
            if program != grammar.program:
                out[PROGRAM + program] = told[place].sum()
                continue
            if grammar.velocity == 0:
                out[_PITCHES] += told[place, 0]
            else:
                out[VELOCITY] += told[place, 0].sum()
            self._read_strikes(out, _PITCHES, told[place, 1], evidence.velocity[tick], grammar.velocity)
        keys = DRUM + _KEYS[_BY_KEY]
        self._read_strikes(out, keys, firsts[_DRUMS_FROM:], evidence.drum_velocity[tick, _BY_KEY], grammar.velocity)
        return left

    @staticmethod
    def _read_strikes(out: Doubles, places: slice | NDArray[np.int64], chances: Doubles, velocities: Floats, velocity: int) -> None:
        """Onsets as their ids, or as the velocities that they need first."""
        some = np.flatnonzero(chances)
        if not len(some):
            return
        bins = np.arange(VELOCITY_BINS)
        wide = np.exp(-0.5 * ((bins - (velocities[some, None] - 1) / VELOCITY_WIDTH) / VELOCITY_SPREAD) ** 2)
        shares = wide / np.maximum(wide.sum(1, keepdims=True), 1e-9) * chances[some, None]  # (onset, bin)
        if velocity > 0:
            told = np.zeros(len(chances))
            told[some] = shares[:, velocity - 1]
            out[places] += told
            shares[:, velocity - 1] = 0.0
        out[VELOCITY + 1 : PROGRAM] += shares.sum(0)

    def _read_times(self, grammar: SegmentGrammar, out: Doubles, left: float) -> None:
        """The next time at which something happens, or none in this segment."""
        sounding = np.zeros(NUM_PITCHES, dtype=np.float32)
        for row in grammar.sounding.values():
            sounding = np.maximum(sounding, row[_HEARD])
        is_full = grammar.num_sounding >= self._limits.max_notes  # then only what sounds may be struck anew
        onsets = self._no_onset @ sounding if is_full else self._no_onsets
        quiet = self._quiet[1 if grammar.pedal else 0] + onsets + self._no_end @ sounding  # logarithms, (400,)
        quiet = quiet[grammar.tick + 1 :].astype(np.float64)
        until = np.concatenate([[0.0], np.cumsum(quiet)])
        out[SHIFT + grammar.tick + 1 : PITCH] = left * np.exp(until[:-1]) * -np.expm1(quiet)
        out[EOS] = left * np.exp(until[-1])
        assert len(quiet) == SEGMENT_TICKS - 1 - grammar.tick


def _shares(families: Floats, may: NDArray[np.bool_]) -> Floats:
    """Families that may be, (tick, family, 88): the likeliest surely, others as they are."""
    kept = np.maximum(families, OTHER_FAMILY) * may[:, None]
    np.put_along_axis(kept, kept.argmax(axis=1, keepdims=True), 1.0, axis=1)
    return (kept * may[:, None]).astype(np.float32)


def _first_of(chances: Doubles, left: float) -> tuple[Doubles, float]:
    """Of events in order, each on its own: how likely each is the first, and that none happens, both times ``left``."""
    none = np.cumprod(1 - np.minimum(chances, 0.999))
    before = np.concatenate([[1.0], none[:-1]])
    return left * chances * before, left * float(none[-1])
