"""Dry sound out of the engine, and measures of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.piece import Piece
from render.engines import FontReport, stem_file
from render.played import play
from render.soundfont.engine import render_stems
from render.tuning import parse_tuning, retuned


@dataclass(frozen=True, eq=False)
class Heard:
    """What the engine made: float32 (2, samples) for each stem, by name; dry."""

    stems: dict[str, NDArray[np.float32]]
    sample_rate_hz: int
    report: FontReport

    @property
    def samples(self) -> NDArray[np.float32]:
        """Everything."""
        return sum(self.stems.values(), start=np.zeros((2, self.report.samples), dtype=np.float32))

    @property
    def duration_s(self) -> float:
        """Length."""
        return self.report.samples / self.sample_rate_hz

    @property
    def peak(self) -> float:
        """Largest absolute sample."""
        return float(np.abs(self.samples).max())

    def part(self, start_s: float, end_s: float) -> NDArray[np.float64]:
        """The mean of both sides between two times, (samples,)."""
        return self.samples[:, int(start_s * self.sample_rate_hz) : int(end_s * self.sample_rate_hz)].mean(axis=0, dtype=np.float64)

    def onset(self, start: int, end: int | None = None) -> int:
        """First sample from ``start`` on that is louder than a hundredth of the peak."""
        level = np.abs(self.samples).max(axis=0)
        found = np.flatnonzero(level[start:end] > 0.01 * level.max())
        assert len(found), "nothing sounds"
        return start + int(found[0])

    def pitch_hz(self, near_hz: float, start_s: float, end_s: float) -> float:
        """The pitch of the partial nearest to ``near_hz``: the strongest bin, then the slope of its phase over the time."""
        sound = self.part(start_s, end_s)
        size = 1 << 20
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
        frequency = np.fft.rfftfreq(size, 1 / self.sample_rate_hz)
        close = np.abs(np.log2(np.maximum(frequency, 1.0) / near_hz)) < 1 / 12
        coarse = float(frequency[close][spectrum[close].argmax()])
        turned = sound * np.exp(-2j * np.pi * coarse * np.arange(len(sound)) / self.sample_rate_hz)
        hop, window = 1024, np.hanning(8192)
        frames = np.lib.stride_tricks.sliding_window_view(turned, len(window))[::hop] @ window
        phase = np.unwrap(np.angle(frames))
        slope = np.polyfit(np.arange(len(phase)) * hop / self.sample_rate_hz, phase, 1)[0]
        return coarse + float(slope) / (2 * np.pi)

    def loudness(self, start_s: float, end_s: float) -> float:
        """Root mean square between two times."""
        part = self.samples[:, int(start_s * self.sample_rate_hz) : int(end_s * self.sample_rate_hz)]
        return float(np.sqrt(np.mean(part.astype(np.float64) ** 2)))


@pytest.fixture(autouse=True)
def _on_any_machine(synthesiser: None, wheel_font: None) -> None:
    """Every test here plays."""


@pytest.fixture(scope="session")
def hear(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Heard]:
    """Plays MIDI bytes or a piece, in a tuning if wished; the same bytes once only."""

    def run(
        music: bytes | Piece, *, stems: bool = False, sample_rate_hz: int = 44_100, font: Path | None = None, tuning: str = ""
    ) -> Heard:
        folder = tmp_path_factory.mktemp("heard")
        played = play(music, sample_rate_hz=sample_rate_hz)
        if tuning:
            played = retuned(played, parse_tuning(tuning))
        report = render_stems(played, folder, stems=stems, font=font)
        names = played.stems if stems else ("all",)
        assert {path.name for path in folder.iterdir()} == {stem_file(folder, stem).name for stem in range(len(names))}
        sounds = {}
        for stem, name in enumerate(names):
            frames = np.fromfile(stem_file(folder, stem), dtype="<f4").reshape(-1, 2)
            assert len(frames) == report.samples
            sounds[name] = np.ascontiguousarray(frames.T)
            stem_file(folder, stem).unlink()
        return Heard(sounds, sample_rate_hz, report)

    cached = functools.cache(run)
    return lambda music, **wishes: cached(music, **wishes) if isinstance(music, bytes) else run(music, **wishes)
