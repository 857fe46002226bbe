"""A spectrogram over log frequency, of a sound of any length in bounded memory.

Frames in a Hann window, the first centred on sample 0; power is the mean over channels. From 500 Hz on a frame lasts about 93 ms
(4,096 samples at 44.1 kHz), below that, where the tones of a chord lie closer, twice that. Each row is a third of a semitone: the
highest power of the bins in it, so that a tone keeps its level however wide the row is, and where rows lie closer than bins the
power between two bins. Columns are means of power over the frames in them, at most ``MAX_COLUMNS``. Levels are in dB re the power
of a sine at full scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from render.mix.levels import Block
from render.pictures.streamed_sound import StreamedSound
from render.pictures.time_axis import WIDTH_INCHES, set_time_axis

__all__ = ["MAX_COLUMNS", "LogSpectrogram", "draw_spectrogram", "log_spectrogram"]

WINDOW_S, SPLIT_HZ = 0.093, 500.0
MAX_COLUMNS = 1_600  # about a column for a pixel
ROWS_PER_OCTAVE = 36
LOWEST_HZ, HIGHEST_HZ = 27.5, 20_000.0  # A0 to the end of hearing
C0_HZ = 440.0 * 2.0 ** (-57 / 12)
FLOOR_DB = -140.0
SHOWN_DB = 80.0  # below the loudest
TICKS_HZ = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
HEIGHT_INCHES = 4.6
FRAMES_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class LogSpectrogram:
    """Levels over time and log frequency.

    Args:
        levels_db: (freq, frame), dB re the power of a full-scale sine.
        freq_hz: Middle of each row, rising, a third of a semitone apart.
        duration_s: What all columns together last; each has the same share of it.
    """

    levels_db: NDArray[np.float64]
    freq_hz: NDArray[np.float64]
    duration_s: float


def log_spectrogram(sound: StreamedSound) -> LogSpectrogram:
    """The spectrogram of a sound.

    Args:
        sound: At least one sample.

    Raises:
        ValueError: The sound has no samples.
    """
    if not sound.samples:
        raise ValueError("spectrogram: expected a sound, got no samples")
    size = 1 << round(math.log2(WINDOW_S * sound.sample_rate_hz))
    hop = min(max(sound.samples // MAX_COLUMNS, size // 8), size // 2)
    highest_hz = min(HIGHEST_HZ, sound.sample_rate_hz / 2 - sound.sample_rate_hz / size)
    freq_hz = LOWEST_HZ * 2.0 ** (np.arange(math.floor(_row(highest_hz))) / ROWS_PER_OCTAVE)
    is_low = freq_hz < SPLIT_HZ
    low, high = (_levels_db(sound, own, hop, rows_hz) for own, rows_hz in ((2 * size, freq_hz[is_low]), (size, freq_hz[~is_low])))
    return LogSpectrogram(np.concatenate([low, high]), freq_hz, sound.duration_s)


def _levels_db(sound: StreamedSound, size: int, hop: int, freq_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels of some rows, (freq, column)."""
    rows = _Rows(size, sound.sample_rate_hz, freq_hz)
    frames = 1 + sound.samples // hop
    columns = min(frames, MAX_COLUMNS)
    total = np.zeros((len(freq_hz), columns))
    done = 0
    for power in _frame_powers(sound, size, hop):
        place = np.arange(done, done + len(power)) * columns // frames
        first = np.flatnonzero(np.diff(place, prepend=-1))
        total[:, place[first]] += np.add.reduceat(rows.of(power), first, axis=0).T
        done += len(power)
    count = np.bincount(np.arange(frames) * columns // frames, minlength=columns)
    return np.asarray(np.maximum(10.0 * np.log10(np.maximum(total / count, 1e-30)), FLOOR_DB))


def _frame_powers(sound: StreamedSound, size: int, hop: int) -> Iterator[NDArray[np.float64]]:
    """Power spectra of all frames in order, (frame, bin), re a full-scale sine; frame k is centred on sample k * hop."""
    window = np.hanning(size + 1)[:-1]
    scale = (2.0 / window.sum()) ** 2 / sound.channels
    for block in _framed(sound, size, hop):
        frames = np.lib.stride_tricks.sliding_window_view(block, size, axis=1)[:, ::hop]
        for start in range(0, frames.shape[1], FRAMES_AT_ONCE):
            spectra = np.fft.rfft(frames[:, start : start + FRAMES_AT_ONCE] * window, axis=-1)
            yield scale * (spectra.real**2 + spectra.imag**2).sum(axis=0)


def _framed(sound: StreamedSound, size: int, hop: int) -> Iterator[Block]:
    """The sound between half a window of silence at either end, cut so that each block begins with a frame and has whole frames."""
    silence = np.zeros((sound.channels, size // 2), dtype=np.float32)
    left, rest = 1 + sound.samples // hop, silence
    for block in chain(sound.blocks(), [silence]):
        rest = np.concatenate([rest, block], axis=1)
        frames = min((rest.shape[1] - size) // hop + 1, left)
        if frames > 0:
            yield rest[:, : (frames - 1) * hop + size]
            rest, left = rest[:, frames * hop :], left - frames


class _Rows:
    """Bins to rows of log frequency.

    Args:
        size: Samples of the transform.
        sample_rate_hz: Samples a second.
        freq_hz: Middle of each row, rising.
    """

    def __init__(self, size: int, sample_rate_hz: int, freq_hz: NDArray[np.float64]) -> None:
        place = freq_hz * size / sample_rate_hz  # in bins
        half = 2.0 ** (0.5 / ROWS_PER_OCTAVE)
        self._wide = np.flatnonzero(np.ceil(place * half) > np.ceil(place / half))  # rows that hold a bin
        starts, stops = (np.ceil(edge[self._wide]).astype(np.int64) for edge in (place / half, place * half))
        self._edges = np.stack([starts, stops], axis=-1).ravel()
        self._below = place.astype(np.int64)
        self._weight = place - self._below

    def of(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Power of each row, (frame, row), from (frame, bin)."""
        between = power[:, self._below] * (1.0 - self._weight) + power[:, self._below + 1] * self._weight
        # every other stretch between the edges is one between two rows
        highest = np.maximum.reduceat(power, self._edges, axis=1)[:, ::2]
        between[:, self._wide] = np.maximum(between[:, self._wide], highest)
        return np.asarray(between)


def draw_spectrogram(spectrogram: LogSpectrogram) -> Figure:
    """The picture: frequency in Hz on the left, the octaves of the keyboard on the right."""
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    top = float(spectrogram.levels_db.max())
    image = panel.imshow(
        spectrogram.levels_db,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        vmin=top - SHOWN_DB,
        vmax=top,
        extent=(0.0, spectrogram.duration_s, -0.5, len(spectrogram.freq_hz) - 0.5),
    )
    set_time_axis(panel, spectrogram.duration_s)
    ticks = [freq for freq in TICKS_HZ if freq <= spectrogram.freq_hz[-1]]
    panel.set_yticks([_row(freq) for freq in ticks], labels=[f"{freq:,}" for freq in ticks])
    panel.set_ylabel("frequency (Hz)")
    keys = panel.secondary_yaxis("right")
    octaves = [octave for octave in range(1, 11) if C0_HZ * 2.0**octave <= spectrogram.freq_hz[-1]]
    keys.set_yticks([_row(C0_HZ * 2.0**octave) for octave in octaves], labels=[f"C{octave}" for octave in octaves])
    keys.tick_params(labelsize=8)
    figure.colorbar(image, ax=panel, label="level (dB re full-scale sine)", pad=0.01)
    return figure


def _row(freq_hz: int | float) -> float:
    return ROWS_PER_OCTAVE * math.log2(freq_hz / LOWEST_HZ)
