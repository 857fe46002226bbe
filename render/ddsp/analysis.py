"""A recorded note taken apart: pitch, harmonics and noise at every frame, of which ``render.ddsp.synthesis`` makes the note again.

The sound is read along its own phase, the same number of points in every period, so that vibrato and glides are gone and a Hann
window of P periods has its harmonics exactly on the bins P, 2P ... and nowhere else. What lies between them is noise.

Conventions: mono float64 at 44.1 kHz; frame n describes the sound around sample n * 353; units as in ``FrameControls``.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import scipy.interpolate
import scipy.ndimage
import soxr
from numpy.typing import NDArray

from corpora.audio import Audio
from render.ddsp.controls import NOISE_VARIANCE, NUM_HARMONICS, FrameControls, frame_rms
from render.ddsp.frames import SAMPLE_RATE_HZ, hop_samples
from render.ddsp.noise import NUM_BANDS
from render.ddsp.pitch_refinement import refine_pitch

__all__ = ["NoteAnalysis", "analyse_note", "mono"]

HOP = hop_samples(SAMPLE_RATE_HZ)
HARMONIC_WINDOW_S, MIN_HARMONIC_PERIODS = 0.02, 4
NOISE_WINDOW_S, MIN_NOISE_PERIODS = 0.04, 8
MAIN_LOBE_BINS = 2.5  # half of a Hann window's, and a little for harmonics that move
MEDIAN_OF_POWER = math.log(2)  # the median of an exponential variable of mean 1
FLOOR = 1e-7
NOISE_EVERY = 2  # frames between those whose noise is measured; its windows are far longer


@dataclass(frozen=True, kw_only=True, eq=False)
class NoteAnalysis:
    """One note over F frames, the first at its onset.

    Args:
        f0_hz: (F,).
        amplitudes: (F, 100) of the harmonics, linear.
        bands: (F, 65) gains of the noise, linear.
        voiced_share: How much of the energy the six lowest harmonics hold.
    """

    f0_hz: NDArray[np.float64]
    amplitudes: NDArray[np.float64]
    bands: NDArray[np.float64]
    voiced_share: float

    @property
    def frames(self) -> int:
        """How many."""
        return len(self.f0_hz)

    def level_db(self) -> NDArray[np.float64]:
        """(F,) dBFS RMS of harmonics and noise together."""
        level: NDArray[np.float64] = 20 * np.log10(np.maximum(frame_rms(self.amplitudes, self.bands), FLOOR))
        return level

    def controls(self) -> FrameControls:
        """The frame controls that make this note again."""
        level = self.level_db()
        gains = 10 ** (level / 20)[:, None]
        return FrameControls(
            f0_hz=self.f0_hz,
            level_db=level,
            harmonics=self.amplitudes / gains,
            noise=self.bands / gains,
            lengths=np.full(self.frames - 1, HOP),
            sample_rate_hz=SAMPLE_RATE_HZ,
        )


def mono(audio: Audio) -> NDArray[np.float64]:
    """A sound as the analysis wants it: one channel, the mean of all, float64 at 44.1 kHz."""
    samples: NDArray[np.float64] = audio.samples.mean(axis=0).astype(np.float64)
    if audio.sample_rate_hz == SAMPLE_RATE_HZ:
        return samples
    resampled: NDArray[np.float64] = soxr.resample(samples, audio.sample_rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    return resampled


def analyse_note(
    samples: NDArray[np.float64], nominal_hz: NDArray[np.float64] | float, first: int = 0, last: int | None = None
) -> NoteAnalysis:
    """Take one note apart.

    Args:
        samples: Mono sound at 44.1 kHz that holds the note.
        nominal_hz: Its pitch within a semitone: one number, or one for each frame from sample 0 on.
        first: Sample of its onset.
        last: Sample at which the analysis ends; the end of the sound when None.
    """
    curve, share = refine_pitch(samples, nominal_hz, SAMPLE_RATE_HZ, HOP)
    last = len(samples) if last is None else last
    frames = first + HOP * np.arange(max(2, (last - first) // HOP))
    places = np.arange(len(samples) + 1)
    f0 = np.interp(places, np.arange(len(curve)) * HOP, curve)
    cycles = np.concatenate([[0.0], np.cumsum((f0[1:] + f0[:-1]) / 2)]) / SAMPLE_RATE_HZ
    at = np.clip(frames, 0, len(samples))
    lowest = float(f0[at].min())
    points = 1 << math.ceil(math.log2(max(8.0, SAMPLE_RATE_HZ / lowest)))
    warped = _along_phase(samples, cycles, points)
    centres = np.round(cycles[at] * points).astype(np.int64)
    typical = float(np.median(f0[at]))
    periods = max(MIN_HARMONIC_PERIODS, math.ceil(HARMONIC_WINDOW_S * typical))
    amplitudes = _harmonics(warped, centres, points, periods)
    k = np.arange(1, NUM_HARMONICS + 1)
    amplitudes = np.where(k * f0[at, None] < SAMPLE_RATE_HZ / 2, amplitudes, 0.0)
    periods = max(MIN_NOISE_PERIODS, math.ceil(NOISE_WINDOW_S * typical))
    sparse = np.unique(np.append(np.arange(0, len(at), NOISE_EVERY), len(at) - 1))
    found = _noise(warped, centres[sparse], points, periods, f0[at][sparse])
    bands = scipy.interpolate.interp1d(sparse, found, axis=0)(np.arange(len(at)))
    return NoteAnalysis(f0_hz=f0[at], amplitudes=amplitudes, bands=bands, voiced_share=share)


def _along_phase(samples: NDArray[np.float64], cycles: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """The sound at even steps of phase, ``points`` of them a period, by cubic splines."""
    grid = np.arange(int(cycles[-1] * points)) / points
    where = np.interp(grid, cycles, np.arange(len(cycles)))
    warped: NDArray[np.float64] = scipy.ndimage.map_coordinates(samples, where[None], order=5, mode="constant")
    return warped


def _spectra(
    warped: NDArray[np.float64], centres: NDArray[np.int64], points: int, periods: int
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """(frame, bin) spectra under Hann windows of so many periods around the centres, and the window."""
    length = periods * points
    window = np.hanning(length + 1)[:-1]
    padded = np.pad(warped, length)
    starts = np.clip(centres + length - length // 2, 0, len(padded) - length)
    return np.fft.rfft(padded[starts[:, None] + np.arange(length)] * window, axis=1), window


def _harmonics(warped: NDArray[np.float64], centres: NDArray[np.int64], points: int, periods: int) -> NDArray[np.float64]:
    """(frame, 100) amplitudes."""
    out = np.zeros((len(centres), NUM_HARMONICS))
    count = min(NUM_HARMONICS, points // 2 - 1)
    for first in range(0, len(centres), 256):  # bounds the memory
        spectra, window = _spectra(warped, centres[first : first + 256], points, periods)
        out[first : first + 256, :count] = 2 * np.abs(spectra[:, periods : periods * (count + 1) : periods]) / window.sum()
    return out


def _noise(
    warped: NDArray[np.float64], centres: NDArray[np.int64], points: int, periods: int, f0_hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(frame, 65) gains: the median power of the bins between harmonics around each band."""
    out = np.empty((len(centres), NUM_BANDS))
    band_hz = SAMPLE_RATE_HZ / 2 / (NUM_BANDS - 1)
    for first in range(0, len(centres), 256):
        spectra, window = _spectra(warped, centres[first : first + 256], points, periods)
        bins = np.arange(spectra.shape[1])
        between = np.abs((bins + periods / 2) % periods - periods / 2) > MAIN_LOBE_BINS
        power = np.abs(spectra[:, between]) ** 2 / np.square(window).sum()
        for row, f0 in enumerate(f0_hz[first : first + 256]):
            out[first + row] = _band_power(power[row], bins[between] * f0 / periods / band_hz) / (points * f0)
    gains: NDArray[np.float64] = np.sqrt(out * SAMPLE_RATE_HZ / NOISE_VARIANCE)
    return gains


def _band_power(power: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """(65,) typical power around each band, from bins (in order) whose places are counted in bands; gaps are interpolated."""
    edges = np.searchsorted(place, np.arange(NUM_BANDS + 1) - 0.5)
    found = [(band, float(np.median(power[a:b]))) for band, (a, b) in enumerate(itertools.pairwise(edges)) if b > a]
    if not found:
        return np.zeros(NUM_BANDS)
    bands, values = zip(*found, strict=True)
    filled: NDArray[np.float64] = np.interp(np.arange(NUM_BANDS), bands, values, right=0.0) / MEDIAN_OF_POWER
    return filled
