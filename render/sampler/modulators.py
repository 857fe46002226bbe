"""The SoundFont modulators: what velocity, key and controllers do to the generators.

A modulator adds ``amount`` times the curve of its source times the curve of its amount source to a generator. Each curve is a table
of 128 values, from 0 or -1 up to 1. The pitch wheel is not among them: the tuning of a channel reaches every voice directly.
Source: SoundFont Technical Specification 2.04, sections 8.2 (sources and curves), 8.4 (defaults), 9.5 (how they combine).

Relative to the specification, as FluidSynth (src/synth/fluid_synth.c and fluid_mod.c of version 2.3): pan moves by 500 and not by
1000, so that the full range of the controller is the full range of the generator; velocity does not close the filter (8.4.2, which
2.01 and 2.04 define differently) unless a font says so in other words than that default. Linked modulators are not played.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.sampler.font_file import ModulatorRecord
from render.sampler.generators import Generator

__all__ = ["DEFAULT_MODULATORS", "Modulator", "Source", "combine"]

STEPS = 128
CONCAVE_SCALE = 400.0 / 960.0  # section 8.2.2: 20 log10 of the square, as a share of 96 dB
NO_SOURCE, VELOCITY_SOURCE, KEY_SOURCE, KEY_PRESSURE_SOURCE, PRESSURE_SOURCE, WHEEL_SOURCE, LINK_SOURCE = 0, 2, 3, 10, 13, 14, 127
CONTROLLER_FLAG, NEGATIVE_FLAG, BIPOLAR_FLAG, CURVE_SHIFT = 0x80, 0x100, 0x200, 10
LINEAR, CONCAVE, CONVEX, SWITCH = range(4)
LINK_DESTINATION = 0x8000
ABSOLUTE_TRANSFORM = 2


@dataclass(frozen=True, order=True)
class Source:
    """What moves a modulator (section 8.2.1).

    Args:
        bits: As in the file: index, controller flag, direction, polarity, curve.
    """

    bits: int

    @property
    def index(self) -> int:
        """A controller's number, or one of the other sources'."""
        return self.bits & 0x7F

    @property
    def controller(self) -> int | None:
        """The MIDI controller, if it is one."""
        return self.index if self.bits & CONTROLLER_FLAG else None

    @property
    def is_constant(self) -> bool:
        """Whether it is the source 0, which is always 1."""
        return not self.bits & CONTROLLER_FLAG and self.index == NO_SOURCE

    @property
    def is_known(self) -> bool:
        """Whether it can be played; the wheel and links cannot."""
        known = (NO_SOURCE, VELOCITY_SOURCE, KEY_SOURCE, KEY_PRESSURE_SOURCE, PRESSURE_SOURCE)
        return self.controller is not None or self.index in known

    @property
    def is_of_the_note(self) -> bool:
        """Whether it stands still while a note sounds: velocity, key, or nothing."""
        return self.controller is None and self.index in (NO_SOURCE, VELOCITY_SOURCE, KEY_SOURCE)

    def curve(self) -> NDArray[np.float64]:
        """Its value where the source stands at 0 to 127, (128,)."""
        return _curve(self.bits)


@lru_cache(maxsize=1024)
def _curve(bits: int) -> NDArray[np.float64]:
    steps = np.arange(STEPS)
    if not bits & CONTROLLER_FLAG and bits & 0x7F == NO_SOURCE:
        return np.ones(STEPS)
    share = (STEPS - 1 - steps if bits & NEGATIVE_FLAG else steps) / STEPS
    kind = bits >> CURVE_SHIFT
    if not bits & BIPOLAR_FLAG:
        return np.asarray(_shape(kind, share))
    both = np.where(share == (STEPS - 1) / STEPS, share, 2.0 * share - 1.0)  # the top is as near to 1 as one step can be
    if kind == SWITCH:
        return np.where(both >= 0.0, 1.0, -1.0)
    return np.asarray(np.sign(both) * _shape(kind, np.abs(both)))


def _shape(kind: int, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """One of the four curves of section 8.2.2; unknown ones are linear."""
    place = np.minimum(STEPS * share, STEPS - 1)
    with np.errstate(divide="ignore"):
        if kind == CONCAVE:
            return np.minimum(-CONCAVE_SCALE * np.log10((STEPS - 1 - place) / (STEPS - 1)), 1.0)
        if kind == CONVEX:
            return np.maximum(1.0 + CONCAVE_SCALE * np.log10(place / (STEPS - 1)), 0.0)
    if kind == SWITCH:
        return np.where(share >= 0.5, 1.0, 0.0)
    return share


@dataclass(frozen=True, order=True)
class Modulator:
    """One modulator.

    Args:
        source: What moves it.
        destination: The generator that it adds to.
        amount: In the unit of that generator.
        amount_source: What scales it.
        transform: 0, or 2 for the absolute value.
    """

    source: Source
    destination: int
    amount: float
    amount_source: Source
    transform: int

    @property
    def identity(self) -> tuple[Source, int, Source, int]:
        """Two modulators with one identity are the same modulator with different amounts (section 9.5.1)."""
        return self.source, self.destination, self.amount_source, self.transform

    @property
    def sources(self) -> tuple[Source, Source]:
        """Both sources."""
        return self.source, self.amount_source

    @property
    def is_of_the_note(self) -> bool:
        """Whether what it adds stands still while a note sounds."""
        return self.source.is_of_the_note and self.amount_source.is_of_the_note

    def output(self, first: NDArray[np.int64] | int, second: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """What it adds where its sources stand at these whole numbers from 0 to 127."""
        found = self.amount * self.source.curve()[first] * self.amount_source.curve()[second]
        return np.asarray(np.abs(found) if self.transform == ABSOLUTE_TRANSFORM else found)


def _default(source: int, destination: int, amount: float) -> Modulator:
    return Modulator(Source(source), int(destination), amount, Source(0), 0)


DEFAULT_MODULATORS = (
    _default(0x0502, Generator.ATTENUATION, 960.0),  # 8.4.1: velocity, concave
    _default(0x000D, Generator.VIBRATO_LFO_TO_PITCH, 50.0),  # 8.4.3: channel pressure
    _default(0x0081, Generator.VIBRATO_LFO_TO_PITCH, 50.0),  # 8.4.4: modulation wheel
    _default(0x0587, Generator.ATTENUATION, 960.0),  # 8.4.5: volume
    _default(0x028A, Generator.PAN, 500.0),  # 8.4.6: pan
    _default(0x058B, Generator.ATTENUATION, 960.0),  # 8.4.7: expression
)
_VELOCITY_TO_FILTER = (Source(0x0102), int(Generator.FILTER_CUTOFF), Source(0x0D02), 0)


def _playable(records: Iterable[ModulatorRecord]) -> list[Modulator]:
    found = [Modulator(Source(r[0]), r[1], float(r[2]), Source(r[3]), r[4]) for r in records]
    return [
        modulator
        for modulator in found
        if not modulator.destination & LINK_DESTINATION
        and all(source.is_known for source in modulator.sources)
        and modulator.identity != _VELOCITY_TO_FILTER
    ]


def combine(
    instrument: Sequence[ModulatorRecord],
    instrument_global: Sequence[ModulatorRecord],
    preset: Sequence[ModulatorRecord],
    preset_global: Sequence[ModulatorRecord],
) -> tuple[Modulator, ...]:
    """The modulators of a voice: an instrument's take the place of equal defaults, a preset's add to them (section 9.5)."""
    found = {modulator.identity: modulator for modulator in DEFAULT_MODULATORS}
    for records in (instrument_global, instrument):
        found |= {modulator.identity: modulator for modulator in _playable(records)}
    above: dict[tuple[Source, int, Source, int], Modulator] = {}
    for records in (preset_global, preset):
        above |= {modulator.identity: modulator for modulator in _playable(records)}
    return tuple(sorted(modulator for modulator in (*found.values(), *above.values()) if modulator.amount))
