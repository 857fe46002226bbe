"""Passages through a SoundFont by the sampler of ``render.sampler``, mono at 16 kHz: ``SamplerVoice``.

It is another player of the same samples: interpolation, filters, envelopes and levels are its own. Ten times as slow as
libfluidsynth, so it has a small share.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from render.engines import stem_file
from render.played import PlayedMusic
from transcribe.spectra.timing import SAMPLE_RATE_HZ

__all__ = ["SamplerVoice"]


class SamplerVoice:
    """Plays with one SoundFont.

    Args:
        font: The file.
    """

    def __init__(self, font: Path) -> None:
        self._font = font

    def play(self, played: PlayedMusic, samples: int) -> NDArray[np.float32]:
        """Music as mono sound; arguments, value and errors as ``fluid_voice.FontPlayer.play``."""
        # Imported here: it loads torch, which takes seconds in every worker, and few clips are played by it.
        from render.sampler.engine import render_stems

        with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
            render_stems(played, Path(folder), stems=False, font=self._font)
            stereo = np.fromfile(stem_file(Path(folder), 0), dtype="<f4").reshape(-1, 2)
        made = soxr.resample(stereo.mean(axis=1), played.sample_rate_hz, SAMPLE_RATE_HZ)[:samples]
        out = np.zeros(samples, dtype=np.float32)
        out[: len(made)] = made
        return out
