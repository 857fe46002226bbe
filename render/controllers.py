"""What a channel's controllers and pitch wheel stand at, sample by sample, out of its events.

A ``Curve`` is piecewise constant. Controllers that no event has set stand where General MIDI 1 puts them. "Reset all controllers"
sets back what MMA RP-015 says: modulation, expression, pedals, the wheel and the parameter numbers; volume and pan stay.

The tuning of a channel is its wheel times its range (registered parameter 0), plus fine and coarse tuning (1 and 2).
Source: MIDI 1.0 Detailed Specification (MMA), "Registered Parameter Numbers"; General MIDI 1 (MMA RP-003); RP-015.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.midi_events import PlayEvent

__all__ = ["Curve", "bend_curve", "controller_curve", "controller_default"]

MODULATION, DATA_ENTRY, VOLUME, PAN, EXPRESSION, DATA_ENTRY_FINE = 1, 6, 7, 10, 11, 38
SUSTAIN, PORTAMENTO, SOSTENUTO, SOFT = 64, 65, 66, 67
NRPN_FINE, NRPN, RPN_FINE, RPN, RESET_ALL = 98, 99, 100, 101, 121
DEFAULTS = {VOLUME: 100, PAN: 64, EXPRESSION: 127}
RESET_TO_DEFAULT = frozenset({MODULATION, EXPRESSION, SUSTAIN, PORTAMENTO, SOSTENUTO, SOFT})
BEND_RANGE, FINE_TUNING, COARSE_TUNING, NO_PARAMETER = (0, 0), (0, 1), (0, 2), (127, 127)
WHEEL_CENTRE, FINE_CENTRE, COARSE_CENTRE = 8192, 8192, 64
CENTS_PER_SEMITONE = 100


@dataclass(frozen=True, eq=False)
class Curve:
    """A value that holds until the next place.

    Args:
        samples: int64 (places,), increasing from 0.
        values: float64 (places,).
    """

    samples: NDArray[np.int64]
    values: NDArray[np.float64]

    def at(self, samples: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """The value at each sample; what stands at 0 before it."""
        place = np.searchsorted(self.samples, samples, side="right") - 1
        return np.asarray(self.values[np.maximum(place, 0)])


def _curve(default: float, changes: Iterable[tuple[int, float]]) -> Curve:
    """The last change at a sample holds; what changes nothing is left out."""
    samples, values = [0], [default]
    for sample, value in changes:
        if sample <= samples[-1]:
            values[-1] = value
        elif value != values[-1]:
            samples.append(sample)
            values.append(value)
    return Curve(np.array(samples, dtype=np.int64), np.array(values, dtype=np.float64))


def controller_default(controller: int) -> float:
    """Where a controller (0-127) stands until it is set."""
    return float(DEFAULTS.get(controller, 0))


def controller_curve(events: Sequence[PlayEvent], controller: int) -> Curve:
    """A controller's value, 0-127.

    Args:
        events: Of one channel, in order.
        controller: 0-127.
    """
    default = controller_default(controller)
    changes = []
    for event in events:
        if event.kind == "control_change":
            if event.first == controller:
                changes.append((event.sample, float(event.second)))
            elif event.first == RESET_ALL and controller in RESET_TO_DEFAULT:
                changes.append((event.sample, default))
    return _curve(default, changes)


class _Tuner:
    """The wheel and the registered parameters of one channel."""

    def __init__(self) -> None:
        self.wheel = 0
        self.parameter = NO_PARAMETER
        self.data = {BEND_RANGE: [2, 0], FINE_TUNING: [64, 0], COARSE_TUNING: [COARSE_CENTRE, 0]}

    def tell(self, event: PlayEvent) -> None:
        if event.kind == "pitchwheel":
            self.wheel = event.first
        elif event.kind == "control_change":
            self._control(event.first, event.second)

    def _control(self, controller: int, value: int) -> None:
        coarse, fine = self.parameter
        if controller == RPN:
            self.parameter = value, fine
        elif controller == RPN_FINE:
            self.parameter = coarse, value
        elif controller in (NRPN, NRPN_FINE):
            self.parameter = NO_PARAMETER
        elif controller == RESET_ALL:
            self.wheel, self.parameter = 0, NO_PARAMETER
        elif controller in (DATA_ENTRY, DATA_ENTRY_FINE) and self.parameter in self.data:
            self.data[self.parameter][controller == DATA_ENTRY_FINE] = value

    @property
    def cents(self) -> float:
        semitones, cents = self.data[BEND_RANGE]
        fine = (self.data[FINE_TUNING][0] << 7 | self.data[FINE_TUNING][1]) - FINE_CENTRE
        coarse = self.data[COARSE_TUNING][0] - COARSE_CENTRE
        bend = self.wheel * (CENTS_PER_SEMITONE * semitones + cents) / WHEEL_CENTRE
        return bend + CENTS_PER_SEMITONE * (fine / FINE_CENTRE + coarse)


def bend_curve(events: Sequence[PlayEvent]) -> Curve:
    """Cents that a channel sounds above its keys, out of its events in order."""
    tuner = _Tuner()
    changes = []
    for event in events:
        tuner.tell(event)
        changes.append((event.sample, tuner.cents))
    return _curve(0.0, changes)
