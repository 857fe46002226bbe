"""A spectrogram over log frequency, of a sound of any length in bounded memory.

Frames of about 93 ms (4,096 samples at 44.1 kHz) in a Hann window, the first centred on sample 0; power is the mean over channels.
Each row is a third of a semitone: the highest power of the bins in it, so that a tone keeps its level however wide the row is, and
where rows lie closer than bins (below 600 Hz or so) the power between two bins. Columns are means of power over the frames in them,
at most ``MAX_COLUMNS``. Levels are in dB re the power of a sine at full scale.
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

WINDOW_S = 0.093
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
    frames = 1 + sound.samples // hop
    columns = min(frames, MAX_COLUMNS)
    rows = _Rows(size, sound.sample_rate_hz)
    total = np.zeros((len(rows.freq_hz), columns))
    done = 0
    for power in _frame_powers(sound, size, hop):
        place = np.arange(done, done + len(power)) * columns // frames
        first = np.flatnonzero(np.diff(place, prepend=-1))
        total[:, place[first]] += np.add.reduceat(rows.of(power), first, axis=0).T
        done += len(power)
    count = np.bincount(np.arange(frames) * columns // frames, minlength=columns)
    with np.errstate(divide="ignore"):
        levels_db = np.maximum(10.0 * np.log10(total / count), FLOOR_DB)
    return LogSpectrogram(levels_db, rows.freq_hz, sound.duration_s)


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
    """

    def __init__(self, size: int, sample_rate_hz: int) -> None:
        spacing_hz = sample_rate_hz / size
        highest = min(HIGHEST_HZ, sample_rate_hz / 2 - spacing_hz)
        rows = math.floor(ROWS_PER_OCTAVE * math.log2(highest / LOWEST_HZ))
        self.freq_hz = LOWEST_HZ * 2.0 ** (np.arange(rows) / ROWS_PER_OCTAVE)
        half = 2.0 ** (0.5 / ROWS_PER_OCTAVE)
        self._low = np.ceil(self.freq_hz / half / spacing_hz).astype(np.int64)
        self._wide = np.flatnonzero(np.ceil(self.freq_hz * half / spacing_hz) > self._low)  # rows that hold a bin
        place = self.freq_hz / spacing_hz
        self._below = place.astype(np.int64)
        self._weight = place - self._below

    def of(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Power of each row, (frame, row), from (frame, bin)."""
        between = power[:, self._below] * (1.0 - self._weight) + power[:, self._below + 1] * self._weight
        highest = np.maximum.reduceat(power, self._low[self._wide], axis=1)
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


def _row(freq_hz: float) -> float:
    return ROWS_PER_OCTAVE * math.log2(freq_hz / LOWEST_HZ)
