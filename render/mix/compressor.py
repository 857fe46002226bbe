"""A compressor: makes loud passages softer, both channels by the same gain.

Feed-forward: the level is that of the louder channel's samples, a gain computer with a soft knee says by how much it is too loud,
and that reduction in dB is smoothed: it rises by the attack and falls by the release. Nothing is late.

Conventions: float32 ``(channel, sample)``; levels in dB re full scale, reductions in dB, 0 or more.

Source: D. Giannoulis, M. Massberg, J. D. Reiss, "Digital dynamic range compressor design: a tutorial and analysis", J. Audio Eng.
Soc. 60(6), 2012: equation (4) (gain computer), (16) (decoupled peak detector, here on the reduction in dB as section 3.2 advises).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from corpora.errors import RequestError
from render.mix.envelopes import PeakHold, time_constant
from render.mix.levels import Block, db_to_ratio

__all__ = ["Compressor", "CompressorSettings", "gain_reduction_db"]

MIN_LEVEL = 1e-6  # -120 dB, where silence is put
NEPERS_PER_DB = np.log(10.0) / 20.0


@dataclass(frozen=True, kw_only=True)
class CompressorSettings:
    """How to compress.

    Args:
        threshold_db: Level above which it is too loud, -80 to 0.
        ratio: dB in for a dB out above the threshold, 1 to 100.
        knee_db: Width of the bend about the threshold, 0 to 40.
        attack_s: Time until 1 - 1/e of a reduction is reached, 0.0001 to 1.
        release_s: Time until 1/e of a reduction is left, 0.001 to 10.
        makeup_db: Gain afterwards, 0 to 40 (a loudness target makes up by itself).

    Raises:
        RequestError: A number outside its range.
    """

    threshold_db: float = -24.0
    ratio: float = 2.0
    knee_db: float = 6.0
    attack_s: float = 0.02
    release_s: float = 0.25
    makeup_db: float = 0.0

    def __post_init__(self) -> None:
        limits = {
            "threshold_db": (-80.0, 0.0),
            "ratio": (1.0, 100.0),
            "knee_db": (0.0, 40.0),
            "attack_s": (1e-4, 1.0),
            "release_s": (1e-3, 10.0),
            "makeup_db": (0.0, 40.0),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise RequestError(f"compressor: {name}: expected {low:g} to {high:g}, got {getattr(self, name)}")


def gain_reduction_db(level_db: NDArray[np.float64], settings: CompressorSettings) -> NDArray[np.float64]:
    """By how much a steady level is made softer, before make-up gain: equation (4), input minus output."""
    over = level_db - settings.threshold_db
    slope = 1.0 - 1.0 / settings.ratio
    bent = np.clip(over + settings.knee_db / 2.0, 0.0, settings.knee_db)
    knee = slope * bent**2 / (2.0 * settings.knee_db) if settings.knee_db else 0.0
    return np.asarray(knee + slope * np.maximum(over - settings.knee_db / 2.0, 0.0))


class Compressor:
    """The compressor as a stream.

    Args:
        settings: How to compress.
        sample_rate_hz: Samples a second.
    """

    def __init__(self, settings: CompressorSettings, sample_rate_hz: int) -> None:
        self._settings = settings
        self._release = PeakHold(time_constant(settings.release_s, sample_rate_hz))
        kept = time_constant(settings.attack_s, sample_rate_hz)
        self._attack = ([1.0 - kept], [1.0, -kept])
        self._attack_state = np.zeros(1)
        self._makeup = db_to_ratio(settings.makeup_db)
        self.greatest_reduction_db = 0.0

    def gains(self, block: Block) -> NDArray[np.float32]:
        """The factor for each of the next samples, (sample,)."""
        if not block.shape[1]:
            return np.empty(0, dtype=np.float32)
        level = np.maximum(np.abs(block).max(axis=0), np.float32(MIN_LEVEL))
        too_loud = gain_reduction_db(20.0 * np.log10(level, dtype=np.float64), self._settings)
        held = self._release.process(too_loud)
        reduction, self._attack_state = signal.lfilter(*self._attack, held, zi=self._attack_state)
        self.greatest_reduction_db = max(self.greatest_reduction_db, float(reduction.max()))
        return np.asarray(self._makeup * np.exp(-NEPERS_PER_DB * reduction), dtype=np.float32)

    def process(self, block: Block) -> Block:
        """The next samples, compressed; as many as came."""
        return block * self.gains(block)
