"""Pitch and level of a recorded voice or instrument, one tone at a time.

The pitch tracker is pYIN as librosa has it (Mauch and Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold
distributions", ICASSP 2014), refined by the phases of the harmonics (``render.ddsp.pitch_refinement``). Conventions: frames of
``render.ddsp.analysis``, 353 samples at 44.1 kHz apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.signal
import soxr
from numpy.typing import NDArray

from corpora.errors import InputError
from render.ddsp.analysis import HOP
from render.ddsp.frames import SAMPLE_RATE_HZ, smoothed
from render.ddsp.pitch_refinement import refine_pitch

__all__ = ["Track", "track"]

LOWEST_HZ, HIGHEST_HZ = 55.0, 1600.0
TRACKER_RATE_HZ = 22_050
TRACKER_FRAME, TRACKER_HOP = 2048, 176
CHUNK_S, OVERLAP_S = 20.0, 0.5  # bounds the tracker's memory
QUIET_DB = -50.0  # re the loudest frame: quieter ones are not heard as tones
LEVEL_WINDOW_S = 0.03
SMOOTHING_FRAMES = 5
SHORTEST_TONE_FRAMES = 6
SHORTEST_GAP_FRAMES = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """What was heard, over F frames.

    Args:
        f0_hz: (F,) pitch; between tones a line from one to the next.
        level_db: (F,) dBFS RMS.
        voiced: (F,) whether there is a tone.
    """

    f0_hz: NDArray[np.float64]
    level_db: NDArray[np.float64]
    voiced: NDArray[np.bool_]


def track(samples: NDArray[np.float64], name: str = "sound", told: Callable[[float], None] | None = None) -> Track:
    """Follow pitch and level.

    Args:
        samples: (samples,) mono at 44.1 kHz.
        name: For messages.
        told: Hears the share that is done.

    Raises:
        InputError: There is no tone in it.
    """
    frames = 1 + len(samples) // HOP
    level = _level_db(samples, frames)
    low = soxr.resample(samples, SAMPLE_RATE_HZ, TRACKER_RATE_HZ)
    rough, voiced = _pyin(low, frames, told)
    voiced &= level > level.max() + QUIET_DB
    voiced = _without_runs(voiced, False, SHORTEST_GAP_FRAMES)
    voiced = _without_runs(voiced, True, SHORTEST_TONE_FRAMES)
    if level.max() < -90 or not (voiced & np.isfinite(rough)).any():
        raise InputError(f"{name}: expected a voice or an instrument playing one note at a time, heard no tone")
    known = np.flatnonzero(voiced & np.isfinite(rough))
    line = np.exp2(np.interp(np.arange(frames), known, np.log2(rough[known])))
    exact, _ = refine_pitch(samples, line, SAMPLE_RATE_HZ, HOP)
    pitch = np.where(voiced, exact, line)
    curve = np.exp2(smoothed(np.log2(pitch), SMOOTHING_FRAMES))
    return Track(f0_hz=curve, level_db=smoothed(level, SMOOTHING_FRAMES), voiced=voiced)


def _level_db(samples: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    window = scipy.signal.get_window("hann", round(LEVEL_WINDOW_S * SAMPLE_RATE_HZ) | 1)
    power = scipy.signal.oaconvolve(np.square(samples), window / window.sum(), mode="same")
    at = np.minimum(np.arange(frames) * HOP, len(samples) - 1)
    level: NDArray[np.float64] = 10 * np.log10(np.maximum(power[at], 1e-14))
    return level


def _pyin(
    low: NDArray[np.float64], frames: int, told: Callable[[float], None] | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """pYIN's pitch (NaN where there is none) and voicing, at our frames."""
    import librosa  # loads numba, which takes seconds

    pitch, voiced = np.full(frames, np.nan), np.zeros(frames, dtype=np.bool_)
    times = np.arange(frames) * HOP / SAMPLE_RATE_HZ
    for first in np.arange(0.0, max(times[-1], 1e-3), CHUNK_S):
        begin = max(0, round((first - OVERLAP_S) * TRACKER_RATE_HZ))
        piece = low[begin : round((first + CHUNK_S + OVERLAP_S) * TRACKER_RATE_HZ)]
        f0, heard, _ = librosa.pyin(
            np.pad(piece, (0, max(0, TRACKER_FRAME - len(piece)))),
            fmin=LOWEST_HZ,
            fmax=HIGHEST_HZ,
            sr=TRACKER_RATE_HZ,
            frame_length=TRACKER_FRAME,
            hop_length=TRACKER_HOP,
        )
        mine = (times >= first) & (times < first + CHUNK_S)
        place = np.round((times[mine] * TRACKER_RATE_HZ - begin) / TRACKER_HOP).astype(np.int64).clip(0, len(f0) - 1)
        pitch[mine], voiced[mine] = f0[place], heard[place]
        if told is not None:
            told(min(1.0, (first + CHUNK_S) / max(times[-1], 1e-3)))
    return pitch, voiced


def _without_runs(flags: NDArray[np.bool_], value: bool, shortest: int) -> NDArray[np.bool_]:
    """Flags whose runs of a value that are too short are turned over, those at the ends left as they are."""
    out = flags.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[not flags[0]], flags, [not flags[-1]]]).astype(np.int8)))
    for start, end in itertools.pairwise(edges):
        if flags[start] == value and end - start < shortest and (value or (start > 0 and end < len(flags))):
            out[start:end] = not value
    return out
