"""The SoundFont generators: numbers, defaults, ranges, and how they add up.

Amounts are whole numbers in the units of the specification: cents, timecents (1200 times the binary logarithm of seconds),
centibels, tenths of a percent. Source: SoundFont Technical Specification 2.04, sections 8.1.2 (list) and 8.1.3 (defaults and
ranges).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

__all__ = ["GENERATORS", "Generator", "add_up", "default_amounts", "timecents_to_seconds", "within_ranges"]

GENERATORS = 61  # numbers 0 to 60


class Generator(IntEnum):
    """Numbers of the generators that are used here."""

    START_OFFSET = 0
    END_OFFSET = 1
    LOOP_START_OFFSET = 2
    LOOP_END_OFFSET = 3
    START_COARSE_OFFSET = 4
    MOD_LFO_TO_PITCH = 5
    VIBRATO_LFO_TO_PITCH = 6
    MOD_ENVELOPE_TO_PITCH = 7
    FILTER_CUTOFF = 8
    FILTER_Q = 9
    MOD_LFO_TO_FILTER = 10
    MOD_ENVELOPE_TO_FILTER = 11
    END_COARSE_OFFSET = 12
    MOD_LFO_TO_VOLUME = 13
    PAN = 17
    MOD_LFO_DELAY = 21
    MOD_LFO_FREQUENCY = 22
    VIBRATO_LFO_DELAY = 23
    VIBRATO_LFO_FREQUENCY = 24
    MOD_ENVELOPE_DELAY = 25
    MOD_ENVELOPE_ATTACK = 26
    MOD_ENVELOPE_HOLD = 27
    MOD_ENVELOPE_DECAY = 28
    MOD_ENVELOPE_SUSTAIN = 29
    MOD_ENVELOPE_RELEASE = 30
    KEY_TO_MOD_HOLD = 31
    KEY_TO_MOD_DECAY = 32
    VOLUME_ENVELOPE_DELAY = 33
    VOLUME_ENVELOPE_ATTACK = 34
    VOLUME_ENVELOPE_HOLD = 35
    VOLUME_ENVELOPE_DECAY = 36
    VOLUME_ENVELOPE_SUSTAIN = 37
    VOLUME_ENVELOPE_RELEASE = 38
    KEY_TO_VOLUME_HOLD = 39
    KEY_TO_VOLUME_DECAY = 40
    INSTRUMENT = 41
    KEY_RANGE = 43
    VELOCITY_RANGE = 44
    LOOP_START_COARSE_OFFSET = 45
    KEY = 46
    VELOCITY = 47
    ATTENUATION = 48
    LOOP_END_COARSE_OFFSET = 50
    COARSE_TUNE = 51
    FINE_TUNE = 52
    SAMPLE = 53
    SAMPLE_MODES = 54
    SCALE_TUNING = 56
    EXCLUSIVE_CLASS = 57
    ROOT_KEY = 58


_SHORTEST = -12_000  # timecents: 1 ms
_ENVELOPE_TIMES = (*range(25, 29), 30, *range(33, 37), 38)
_DEFAULTS = {
    Generator.FILTER_CUTOFF: 13_500,
    Generator.MOD_LFO_DELAY: _SHORTEST,
    Generator.VIBRATO_LFO_DELAY: _SHORTEST,
    **dict.fromkeys(_ENVELOPE_TIMES, _SHORTEST),
    Generator.KEY: -1,
    Generator.VELOCITY: -1,
    Generator.SCALE_TUNING: 100,
    Generator.ROOT_KEY: -1,
}
_PITCHES = (5, 6, 7, 10, 11)
_RANGES = {
    **dict.fromkeys(_PITCHES, (-12_000, 12_000)),
    Generator.FILTER_CUTOFF: (1_500, 13_500),
    Generator.FILTER_Q: (0, 960),
    Generator.MOD_LFO_TO_VOLUME: (-960, 960),
    Generator.PAN: (-500, 500),
    **dict.fromkeys((21, 23, 25, 27, 33, 35), (_SHORTEST, 5_000)),
    **dict.fromkeys((22, 24), (-16_000, 4_500)),
    **dict.fromkeys((26, 28, 30, 34, 36, 38), (_SHORTEST, 8_000)),
    Generator.MOD_ENVELOPE_SUSTAIN: (0, 1_000),
    Generator.VOLUME_ENVELOPE_SUSTAIN: (0, 1_440),
    **dict.fromkeys((31, 32, 39, 40), (-1_200, 1_200)),
    Generator.ATTENUATION: (-1_440, 1_440),  # below 0 it lifts what velocity takes away, as in FluidSynth; the sum stays above 0
    Generator.COARSE_TUNE: (-120, 120),
    Generator.FINE_TUNE: (-99, 99),
    Generator.SCALE_TUNING: (0, 1_200),
}
# Of the instrument alone; in a preset they are ignored (section 8.1.2, "only valid at the instrument level").
_INSTRUMENT_ONLY = frozenset({0, 1, 2, 3, 4, 12, 45, 46, 47, 50, 54, 57, 58})


def default_amounts() -> list[float]:
    """The amount of every generator that nothing sets, by number."""
    amounts = [0.0] * GENERATORS
    for number, amount in _DEFAULTS.items():
        amounts[number] = float(amount)
    return amounts


def add_up(instrument: Mapping[int, int], preset: Mapping[int, int]) -> tuple[float, ...]:
    """Absolute amounts of an instrument's zone with the relative ones of the preset's zone added (section 9.4).

    Args:
        instrument: Amounts of the instrument's zone, its global zone included.
        preset: Those of the preset's zone.

    Returns:
        All ``GENERATORS`` amounts, held within their ranges.
    """
    amounts = default_amounts()
    for number, amount in instrument.items():
        amounts[number] = float(amount)
    for number, amount in preset.items():
        if number not in _INSTRUMENT_ONLY:
            amounts[number] += amount
    return within_ranges(amounts)


def within_ranges(amounts: Sequence[float]) -> tuple[float, ...]:
    """Amounts of all generators by number, each held within its range (section 8.1.3)."""
    held = list(amounts)
    for number, (low, high) in _RANGES.items():
        held[number] = float(min(max(held[number], low), high))
    return tuple(held)


def timecents_to_seconds(timecents: float) -> float:
    """Seconds of a time in timecents (section 9.1.6)."""
    return float(2.0 ** (timecents / 1200.0))
