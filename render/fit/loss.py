"""The multi-scale spectral loss and its gradient with respect to the sound.

For each window length the mean absolute difference of magnitudes, relative to the mean magnitude of the reference, and that of
their logarithms; the sum over the lengths. Source: J. Engel et al., "DDSP: Differentiable Digital Signal Processing",
arXiv:2001.04643, section 4.2.1 (there the magnitudes are not scaled); hops are a quarter of the window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["WINDOWS", "SpectralLoss", "likeness"]

WINDOWS = (2048, 1024, 512, 256)  # samples
HOPS_PER_WINDOW = 4
FLOOR_DB = -60.0  # below the loudest magnitudes, under which logarithms tell nothing
COMPRESSION = 0.25  # of power: the root of the magnitude
LOUDEST = 0.999  # share of the bins below "the loudest"


class SpectralLoss:
    """The loss against one recording.

    Args:
        recording: Mono, (sample,).
        windows: Lengths of windows in samples.
    """

    def __init__(self, recording: NDArray[np.float32], windows: Sequence[int] = WINDOWS) -> None:
        self._windows = tuple(windows)
        self._samples = len(recording)
        self._references = [self._magnitudes(torch.from_numpy(recording), length) for length in self._windows]
        self._floors = [
            10.0 ** (FLOOR_DB / 20.0) * max(float(np.quantile(reference.numpy(), LOUDEST)), 1e-9) for reference in self._references
        ]
        self._scales = [max(float(reference.mean()), 1e-9) for reference in self._references]
        self._logs = [(reference + floor).log() for reference, floor in zip(self._references, self._floors, strict=True)]

    def _magnitudes(self, sound: Tensor, length: int) -> Tensor:
        window = torch.hann_window(length)
        short = max(length - sound.shape[-1], 0)
        spectrum = torch.stft(
            torch.nn.functional.pad(sound, (0, short)),
            length,
            length // HOPS_PER_WINDOW,
            window=window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        return (spectrum.real.square() + spectrum.imag.square() + 1e-16).sqrt()

    def _of(self, sound: Tensor) -> Tensor:
        total = torch.zeros(())
        for length, reference, floor, scale, log in zip(
            self._windows, self._references, self._floors, self._scales, self._logs, strict=True
        ):
            made = self._magnitudes(sound, length)
            total = total + (made - reference).abs().mean() / scale + ((made + floor).log() - log).abs().mean()
        return total

    def value(self, sound: NDArray[np.float32]) -> float:
        """The loss of a sound as long as the recording, (sample,)."""
        with torch.no_grad():
            return float(self._of(torch.from_numpy(sound)))

    def gradient(self, sound: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """The loss, and what it changes by with each sample, (sample,)."""
        leaf = torch.from_numpy(sound).requires_grad_()
        loss = self._of(leaf)
        (slope,) = torch.autograd.grad(loss, leaf)
        return float(loss.detach()), slope.numpy()


def likeness(recording: NDArray[np.float32], rendering: NDArray[np.float32]) -> float:
    """Correlation of two compressed power spectra over frames and frequencies, 0 to 1 as a rule.

    Args:
        recording: (frame, freq).
        rendering: (frame, freq).
    """
    one, other = (power**COMPRESSION for power in (recording, rendering))
    one, other = (compressed - compressed.mean() for compressed in (one, other))
    size = float(np.sqrt(np.vdot(one, one) * np.vdot(other, other)))
    return float(np.vdot(one, other)) / max(size, 1e-30)
