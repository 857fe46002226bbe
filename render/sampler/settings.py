"""A zone as one key and velocity play it: amounts after their modulators, in the units of the synthesis.

As FluidSynth and the sound cards that fonts were made for, and unlike the letter of the specification, 1 dB of initialAttenuation
attenuates by 0.4 dB. Source: SoundFont Technical Specification 2.04, sections 8.1.2, 8.4 and 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from render.sampler.channel_curves import amplitude_of
from render.sampler.envelope import MIN_RELEASE_S, NO_TIME_S, Envelope, Lfo
from render.sampler.generators import GENERATORS, Generator, timecents_to_seconds, within_ranges
from render.sampler.modulators import KEY_SOURCE, VELOCITY_SOURCE, Modulator
from render.sampler.tones import CENTS_ZERO_HZ
from render.sampler.zones import Zone

__all__ = ["OUTPUT_GAIN", "Setting", "lfo", "modulation_envelope", "set_zone", "volume_envelope"]

OUTPUT_GAIN = 0.6 * 10 ** (3.010299956639812 / 40)  # as loud as the FluidSynth engine: its gain, and what its filter adds
ATTENUATION_SCALE = 0.4
MAX_ATTENUATION_CB = 1440.0
ENVELOPE_CENTRE_KEY = 60
SHORTEST = -12_000.0  # timecents
SUSTAIN_RANGE = 1000.0  # centibels of the volume envelope, tenths of a percent of the other
_UNHEARD = frozenset({15, 16})  # sends to effects, which are the mix's


@dataclass(frozen=True, eq=False)
class Setting:
    """A zone at a velocity and key, with what these do to it applied.

    Args:
        zone: The zone.
        amounts: Every generator, by number; the pan of the zone is among them, its attenuation is in ``gain``.
        gain: Amplitude before what the channel's controllers do.
        told: Where velocity and key stand, by the number of the source.
        gain_modulators: Those of controllers alone that attenuate.
        pan_modulators: Those of controllers alone that pan.
        vibrato_modulators: Those of controllers alone that set the depth of the vibrato.
        other_modulators: All others with a controller; they are read at the onset.
    """

    zone: Zone
    amounts: tuple[float, ...]
    gain: float
    told: dict[int, int]
    gain_modulators: tuple[Modulator, ...]
    pan_modulators: tuple[Modulator, ...]
    vibrato_modulators: tuple[Modulator, ...]
    other_modulators: tuple[Modulator, ...]


def set_zone(zone: Zone, key: int, velocity: int) -> Setting:
    """A zone at a key and velocity (0-127 each), unless it fixes its own (generators 46 and 47)."""
    amounts = list(zone.amounts)
    told = {VELOCITY_SOURCE: velocity, KEY_SOURCE: key}
    for source, number in ((VELOCITY_SOURCE, Generator.VELOCITY), (KEY_SOURCE, Generator.KEY)):
        if amounts[number] >= 0:
            told[source] = min(int(amounts[number]), 127)
    attenuation = amounts[Generator.ATTENUATION] * ATTENUATION_SCALE
    kinds: dict[int, list[Modulator]] = {
        Generator.ATTENUATION: [],
        Generator.PAN: [],
        Generator.VIBRATO_LFO_TO_PITCH: [],
        GENERATORS: [],
    }
    for modulator in zone.modulators:
        if modulator.destination >= GENERATORS or modulator.destination in _UNHEARD:
            continue
        if modulator.is_of_the_note:
            first, second = (0 if source.is_constant else told[source.index] for source in modulator.sources)
            added = float(modulator.output(first, second))
            if modulator.destination == Generator.ATTENUATION:
                attenuation += added
            else:
                amounts[modulator.destination] += added
            continue
        mixed = any(source.is_of_the_note and not source.is_constant for source in modulator.sources)
        kinds[GENERATORS if mixed or modulator.destination not in kinds else modulator.destination].append(modulator)
    gain = OUTPUT_GAIN * float(amplitude_of(min(max(attenuation, 0.0), MAX_ATTENUATION_CB)))
    gains, pans, vibratos, others = (tuple(found) for found in kinds.values())
    return Setting(zone, within_ranges(amounts), gain, told, gains, pans, vibratos, others)


def _seconds(amounts: Sequence[float], number: int) -> float:
    """A delay or hold; the shortest is none."""
    seconds = timecents_to_seconds(amounts[number])
    return 0.0 if seconds <= NO_TIME_S else seconds


def _keyed_seconds(amounts: Sequence[float], number: int, key_number: int, key: int) -> float:
    """A hold or decay that changes with the key."""
    timecents = amounts[number] + amounts[key_number] * (ENVELOPE_CENTRE_KEY - key)
    return timecents_to_seconds(min(max(timecents, SHORTEST), 8_000.0))


def volume_envelope(amounts: Sequence[float], key: int) -> Envelope:
    """The volume envelope of a key."""
    hold = _keyed_seconds(amounts, Generator.VOLUME_ENVELOPE_HOLD, Generator.KEY_TO_VOLUME_HOLD, key)
    return Envelope(
        delay_s=_seconds(amounts, Generator.VOLUME_ENVELOPE_DELAY),
        attack_s=timecents_to_seconds(amounts[Generator.VOLUME_ENVELOPE_ATTACK]),
        hold_s=hold if hold > NO_TIME_S else 0.0,
        decay_s=_keyed_seconds(amounts, Generator.VOLUME_ENVELOPE_DECAY, Generator.KEY_TO_VOLUME_DECAY, key),
        sustain=min(max(amounts[Generator.VOLUME_ENVELOPE_SUSTAIN] / SUSTAIN_RANGE, 0.0), 1.0),
        release_s=max(timecents_to_seconds(amounts[Generator.VOLUME_ENVELOPE_RELEASE]), MIN_RELEASE_S),
    )


def modulation_envelope(amounts: Sequence[float], key: int) -> Envelope:
    """The modulation envelope of a key."""
    hold = _keyed_seconds(amounts, Generator.MOD_ENVELOPE_HOLD, Generator.KEY_TO_MOD_HOLD, key)
    return Envelope(
        delay_s=_seconds(amounts, Generator.MOD_ENVELOPE_DELAY),
        attack_s=timecents_to_seconds(amounts[Generator.MOD_ENVELOPE_ATTACK]),
        hold_s=hold if hold > NO_TIME_S else 0.0,
        decay_s=_keyed_seconds(amounts, Generator.MOD_ENVELOPE_DECAY, Generator.KEY_TO_MOD_DECAY, key),
        sustain=min(max(amounts[Generator.MOD_ENVELOPE_SUSTAIN] / SUSTAIN_RANGE, 0.0), 1.0),
        release_s=timecents_to_seconds(amounts[Generator.MOD_ENVELOPE_RELEASE]),
    )


def lfo(amounts: Sequence[float], delay: Generator, frequency: Generator) -> Lfo:
    """One of the two oscillators."""
    return Lfo(_seconds(amounts, delay), CENTS_ZERO_HZ * timecents_to_seconds(amounts[frequency]))
