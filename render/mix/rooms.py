"""Rooms by name, and the impulse responses that stand for them.

A response has early reflections, spread ever more densely and ever more softly over the first tens of milliseconds, and a diffuse
tail: noise in octave bands, each falling exponentially with the band's own reverberation time (the level falls by 60 dB in RT60,
ISO 3382-1). Bands that die sooner are softer from the start, as walls have taken of them already. Left and right are independent,
which is what makes a room sound wide. The direct sound is not in it: that is the dry mix. The energy of each channel is 1, so that
a send of 0 dB makes the room as loud as the sound that is sent.

Conventions: seconds; responses are float32 (2, sample) and the same for the same room and rate.

Source of the model: J. A. Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979 (decaying noise as a
concert hall's response); RT60 by band as ratios to that at 1 kHz after the values for halls and churches in L. Beranek, "Concert
halls and opera houses" (2004): bass lasts somewhat longer, and air takes the treble.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from corpora.errors import RequestError
from render.mix.convolution import Convolution
from render.mix.levels import Block, db_to_ratio

__all__ = ["BAND_CENTRES_HZ", "ROOMS", "Room", "RoomSend", "find_room", "impulse_response"]

BAND_CENTRES_HZ = (125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0)
TAIL_DB = 70.0  # of decay that a response holds
FADE = 0.05  # of its length, at the end
CROSSING_OCTAVES = 0.25  # width in which one band gives way to the next
TREBLE_HZ, TREBLE_BAND = 8_000.0, 6
LOW_CUT_HZ = 60.0  # rooms are sent no rumble
FIRST_REFLECTIONS = (0.0, 0.07)  # left and right, as shares of the early time: two at once would sound from the middle
CROSSFEED = (0.8, 0.6)  # of the same side and of the other one: powers add up to 1


@dataclass(frozen=True, kw_only=True)
class Room:
    """A room.

    Args:
        name: Its name.
        rt60_s: Reverberation time at 1 kHz.
        rt60_ratios: Of each of ``BAND_CENTRES_HZ``, re that.
        pre_delay_s: From the direct sound to the first reflection.
        early_s: How long early reflections last after the pre-delay.
        early_count: How many there are, a channel.
        early_db: Their energy re that of the tail.
        seed: Of the noise.
    """

    name: str
    rt60_s: float
    rt60_ratios: tuple[float, ...]
    pre_delay_s: float
    early_s: float
    early_count: int
    early_db: float
    seed: int

    @property
    def length_s(self) -> float:
        """Length of the response: until the longest band has fallen by 70 dB."""
        return self.pre_delay_s + self.rt60_s * max(self.rt60_ratios) * TAIL_DB / 60.0


DRY_WALLS = (0.9, 0.95, 1.0, 1.0, 0.95, 0.85, 0.7, 0.5)
WOOD = (1.1, 1.05, 1.0, 1.0, 0.95, 0.8, 0.55, 0.35)
PLASTER = (1.2, 1.1, 1.05, 1.0, 0.92, 0.75, 0.5, 0.3)
STONE = (1.3, 1.25, 1.1, 1.0, 0.88, 0.68, 0.42, 0.25)
STEEL = (0.9, 1.0, 1.0, 1.0, 0.95, 0.85, 0.7, 0.5)

_ROOMS = (
    Room(name="studio", rt60_s=0.35, rt60_ratios=DRY_WALLS, pre_delay_s=0.003, early_s=0.02, early_count=10, early_db=3.0, seed=1),
    Room(name="salon", rt60_s=0.7, rt60_ratios=WOOD, pre_delay_s=0.006, early_s=0.03, early_count=12, early_db=0.0, seed=2),
    Room(name="chamber", rt60_s=1.2, rt60_ratios=WOOD, pre_delay_s=0.010, early_s=0.045, early_count=16, early_db=-2.0, seed=3),
    Room(name="theatre", rt60_s=1.4, rt60_ratios=PLASTER, pre_delay_s=0.015, early_s=0.06, early_count=14, early_db=-3.0, seed=4),
    Room(name="hall", rt60_s=2.0, rt60_ratios=PLASTER, pre_delay_s=0.020, early_s=0.08, early_count=20, early_db=-4.0, seed=5),
    Room(name="church", rt60_s=3.2, rt60_ratios=STONE, pre_delay_s=0.025, early_s=0.1, early_count=18, early_db=-6.0, seed=6),
    Room(name="cathedral", rt60_s=5.5, rt60_ratios=STONE, pre_delay_s=0.040, early_s=0.15, early_count=18, early_db=-8.0, seed=7),
    Room(name="plate", rt60_s=1.8, rt60_ratios=STEEL, pre_delay_s=0.0, early_s=0.01, early_count=40, early_db=-10.0, seed=8),
)
ROOMS = {room.name: room for room in _ROOMS}


def find_room(name: str) -> Room:
    """The room of this name.

    Raises:
        RequestError: There is none.
    """
    if name not in ROOMS:
        raise RequestError(f"room: expected one of {', '.join(ROOMS)}, got {name!r}")
    return ROOMS[name]


@cache
def impulse_response(room: Room, sample_rate_hz: int) -> Block:
    """The response of a room, float32 (2, sample); read-only, as it is kept."""
    length = round(room.length_s * sample_rate_hz)
    start = round(room.pre_delay_s * sample_rate_hz)
    draw = np.random.default_rng([room.seed, 0])
    response = np.zeros((2, length))
    for channel, first in zip(response, FIRST_REFLECTIONS, strict=True):
        tail = _tail(room, length - start, sample_rate_hz, draw)
        early = _early(room, first, length - start, sample_rate_hz, draw)
        channel[start:] = tail + db_to_ratio(room.early_db) * early
    response /= np.sqrt(np.square(response).sum(axis=1, keepdims=True))
    kept = response.astype(np.float32)
    kept.flags.writeable = False
    return kept


def _tail(room: Room, length: int, sample_rate_hz: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Decaying noise of energy 1."""
    period = fft.next_fast_len(length, real=True)
    spectrum = fft.rfft(draw.standard_normal(period))
    frequency_hz = fft.rfftfreq(period, 1.0 / sample_rate_hz)
    times_s = np.arange(length) / sample_rate_hz
    tail = np.zeros(length)
    for weight, ratio in zip(_band_weights(frequency_hz), room.rt60_ratios, strict=True):
        if weight.any():
            tail += ratio * fft.irfft(spectrum * weight, period)[:length] * 10.0 ** (-3.0 * times_s / (room.rt60_s * ratio))
    # the diffuse field builds up while the early reflections come
    tail *= np.minimum(1.0, times_s / max(room.early_s, 1e-3))
    fade = max(1, round(FADE * length))
    tail[-fade:] *= np.cos(np.linspace(0.0, np.pi / 2.0, fade)) ** 2
    return np.asarray(tail / np.sqrt(np.square(tail).sum()))


def _band_weights(frequency_hz: NDArray[np.floating[Any]]) -> list[NDArray[np.float64]]:
    """Amplitude of each octave band at each frequency: they cross half-way between centres, and their powers add up to 1."""
    octave = np.log2(np.maximum(frequency_hz, 1.0) / BAND_CENTRES_HZ[0])
    # how far each crossing is passed, 0 to 1: before the first band all is 1, after the last one 0
    edges = np.arange(len(BAND_CENTRES_HZ) - 1) + 0.5
    passed = np.clip((octave - edges[:, None]) / CROSSING_OCTAVES + 0.5, 0.0, 1.0)
    passed = np.concatenate([np.ones((1, len(octave))), passed, np.zeros((1, len(octave)))])
    turn = np.pi / 2.0 * passed
    weights = list(np.sin(turn[:-1]) * np.cos(turn[1:]))
    weights[0] = weights[0] * (frequency_hz > LOW_CUT_HZ)
    return weights


def _early(room: Room, first: float, length: int, sample_rate_hz: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Single reflections of either sign of energy 1, ever denser and softer; the first one ``first`` of the way."""
    places = first + (1.0 - first) * np.sort(np.concatenate([[0.0], np.sqrt(draw.random(room.early_count - 1))]))
    signs = np.where(draw.random(room.early_count) < 0.5, -1.0, 1.0)
    levels = signs * (0.6 + 0.4 * draw.random(room.early_count)) / (1.0 + 3.0 * places)
    early = np.zeros(length)
    np.add.at(early, np.minimum(np.round(places * room.early_s * sample_rate_hz).astype(int), length - 1), levels)
    # walls take treble: a one-pole filter whose corner follows the treble's share of the reverberation time
    kept = np.exp(-2.0 * np.pi * TREBLE_HZ * room.rt60_ratios[TREBLE_BAND] / sample_rate_hz)
    early = signal.lfilter([1.0 - kept], [1.0, -kept], early)
    return np.asarray(early / np.sqrt(np.square(early).sum()))


class RoomSend:
    """What a room answers to a stereo sound, as a stream; the dry sound is not in it.

    Each side hears its own channel and, somewhat softer, the other one: a sound from the left is answered from everywhere, but
    a little more from the left.

    Args:
        room: The room.
        sample_rate_hz: Samples a second.
    """

    def __init__(self, room: Room, sample_rate_hz: int) -> None:
        self._convolution = Convolution(impulse_response(room, sample_rate_hz))
        self.tail_samples = self._convolution.tail_samples

    def process(self, block: Block) -> Block:
        """The room's answer, as many samples as came, shape (2, sample)."""
        own, other = (np.float32(gain) for gain in CROSSFEED)
        return self._convolution.process(own * block + other * block[::-1])
