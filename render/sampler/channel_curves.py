"""What a channel's controllers do to its voices over time: gain, place in the stereo image, tuning and vibrato, sample by sample.

Controllers are steps; here a step is a straight line of ``RAMP_S`` that ends where the event stands, so that a note that begins
there has the new value from its first sample, and one that sounds on makes no click.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.controllers import Curve
from render.played import PlayedMusic
from render.sampler.modulators import PRESSURE_SOURCE, Modulator, Source

__all__ = ["ATTENUATION_LIMITS_CB", "ChannelCurves", "Ramp", "amplitude_of"]

RAMP_S = 0.005
CENTIBELS_PER_FACTOR = 200.0  # of ten, in amplitude
ATTENUATION_LIMITS_CB = (-960.0, 1440.0)  # what controllers may do in sum


def amplitude_of(centibels: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Amplitude at an attenuation in centibels."""
    return np.asarray(10.0 ** (np.asarray(centibels) / -CENTIBELS_PER_FACTOR))


@dataclass(frozen=True, eq=False)
class Ramp:
    """A value over time: straight lines between knots, constant before the first and after the last.

    Args:
        samples: int64 (knots,), increasing.
        values: float64 (knots,).
    """

    samples: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def start(self) -> float:
        """The value at sample 0."""
        return float(self.values[0])

    def at(self, sample: int) -> float:
        """The value at a sample."""
        return float(np.interp(sample, self.samples, self.values))

    def is_constant(self, start: int, stop: int) -> bool:
        """Whether nothing changes from ``start`` to before ``stop``."""
        if len(self.samples) == 1 or stop <= start:
            return True
        first, last = np.searchsorted(self.samples, (start, stop - 1), side="right")
        return bool(np.all(self.values[max(first - 1, 0) : last + 1] == self.values[max(first - 1, 0)]))

    def over(self, start: int, stop: int) -> float | NDArray[np.float64]:
        """The values from ``start`` to before ``stop``, one number where they are all the same."""
        if self.is_constant(start, stop):
            return self.at(start)
        return np.interp(np.arange(start, stop), self.samples, self.values)

    def knots(self, start: int, stop: int) -> tuple[tuple[float, float], ...]:
        """The same from ``start`` to ``stop`` as knots that count from ``start``."""
        inside = (self.samples > start) & (self.samples < stop)
        places = [start, *self.samples[inside].tolist(), stop]
        return tuple((float(place - start), self.at(place)) for place in places)


def ramped(curve: Curve, values: NDArray[np.float64], ramp_samples: int) -> Ramp:
    """A curve's steps as ramps that end where the steps are; ``values`` take the place of the curve's own."""
    changes = np.flatnonzero(np.diff(values)) + 1
    places = curve.samples[changes]
    before = np.maximum(places - ramp_samples, np.concatenate([curve.samples[:1], places[:-1]]))
    samples = np.concatenate([curve.samples[:1], np.stack([before, places], axis=1).reshape(-1)])
    levels = np.stack([values[changes - 1], values[changes]], axis=1).reshape(-1)
    return Ramp(samples, np.concatenate([values[:1], levels]))


class ChannelCurves:
    """The curves of all channels of some music, made when they are first asked for.

    Args:
        played: The music.
    """

    def __init__(self, played: PlayedMusic) -> None:
        self._played = played
        self._ramp_samples = round(RAMP_S * played.sample_rate_hz)
        self._pressure: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for event in played.events:
            if event.kind == "aftertouch":
                self._pressure[event.channel].append((event.sample, event.first))
        self.source = lru_cache(maxsize=4096)(self._source)
        self.total = lru_cache(maxsize=4096)(self._total)
        self.gain = lru_cache(maxsize=4096)(self._gain)
        self.bend = lru_cache(maxsize=None)(self._bend)
        self.bend_steps = lru_cache(maxsize=None)(played.bend_cents)

    def _source(self, channel: int, source: Source) -> Curve:
        """Where a modulator's source stands, 0-127; key pressure is not followed and stands at 0."""
        if source.controller is not None:
            return self._played.curve(channel, source.controller)
        places, values = [0], [0.0]
        for sample, value in self._pressure[channel] if source.index == PRESSURE_SOURCE else ():
            if sample <= places[-1]:
                values[-1] = float(value)
            else:
                places.append(sample)
                values.append(float(value))
        return Curve(np.array(places, dtype=np.int64), np.array(values))

    def _outputs(self, channel: int, modulators: tuple[Modulator, ...]) -> tuple[Curve, NDArray[np.float64]]:
        """Where any source of the modulators changes, and the sum of what they add from there on."""
        curves = [[self.source(channel, source) for source in modulator.sources] for modulator in modulators]
        places = np.unique(np.concatenate([[0], *(curve.samples for pair in curves for curve in pair)])).astype(np.int64)
        total = np.zeros(len(places))
        for modulator, (first, second) in zip(modulators, curves, strict=True):
            total += modulator.output(first.at(places).astype(np.int64), second.at(places).astype(np.int64))
        return Curve(places, total), total

    def _total(self, channel: int, modulators: tuple[Modulator, ...]) -> Ramp:
        """The sum of what modulators without velocity and key add, in their destination's unit."""
        curve, values = self._outputs(channel, modulators)
        return ramped(curve, values, self._ramp_samples)

    def _gain(self, channel: int, modulators: tuple[Modulator, ...]) -> Ramp:
        """The amplitude that attenuating modulators without velocity and key leave."""
        curve, values = self._outputs(channel, modulators)
        return ramped(curve, amplitude_of(values.clip(*ATTENUATION_LIMITS_CB)), self._ramp_samples)

    def _bend(self, channel: int) -> Ramp:
        """Cents above the keys."""
        curve = self.bend_steps(channel)
        return ramped(curve, curve.values, self._ramp_samples)
