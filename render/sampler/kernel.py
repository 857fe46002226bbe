"""Windowed-sinc kernels for reading samples between their places.

A kernel is a table of low-pass filters, one for each of ``PHASES`` fractions of a sample; between two of them one interpolates
linearly, so that what is read is continuous in the place, with a derivative. Where a sample is read faster than it was recorded,
the kernel is longer by as much and passes less, so that nothing folds over. Source: J. O. Smith, "Digital Audio Resampling"
(https://ccrma.stanford.edu/~jos/resample/), with a Kaiser window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["MAX_HALF_TAPS", "Kernel", "kernel_for", "kernel_step", "read_between"]

PHASES = 512  # linear interpolation between them errs by less than -110 dB
TAPS = 32  # at ratios up to 1
KAISER_BETA = 8.0  # stop band below -80 dB
PASS = 0.95  # -6 dB point as a share of the lower of the two Nyquist frequencies
STEPS_PER_OCTAVE = 6
MAX_OCTAVES = 4  # read faster than 16 times, some folds over
MAX_HALF_TAPS = (TAPS << MAX_OCTAVES) // 2
MAX_WEIGHED = 1 << 20  # samples weighed at once: 4 MiB, and twice that of weights


@dataclass(frozen=True, eq=False)
class Kernel:
    """One table.

    Args:
        table: (phase, 2, tap): the filter at a phase, and what it changes by until the next.
    """

    table: Float[Tensor, "phase 2 tap"]

    @property
    def taps(self) -> int:
        """Samples that are weighed for one."""
        return self.table.shape[-1]

    @property
    def before(self) -> int:
        """How many of them lie before the place's whole part."""
        return self.taps // 2 - 1


def kernel_for(ratio: float, like: Tensor) -> Kernel:
    """The kernel for reading at a speed, in the dtype and on the device of a tensor.

    Args:
        ratio: Source samples a sample, at most.
        like: Of the wanted dtype and device.
    """
    return _kernel(kernel_step(ratio), like.dtype, like.device)


def kernel_step(ratio: float) -> int:
    """Which kernel a speed needs: 0 up to 1, then ``STEPS_PER_OCTAVE`` an octave."""
    octaves = min(math.log2(max(ratio, 1.0)), float(MAX_OCTAVES))
    return math.ceil(octaves * STEPS_PER_OCTAVE - 1e-9)


@lru_cache(maxsize=128)
def _kernel(step: int, dtype: torch.dtype, device: torch.device) -> Kernel:
    stretch = 2.0 ** (step / STEPS_PER_OCTAVE)
    half = math.ceil(TAPS * stretch / 2)
    cutoff = PASS / stretch
    fraction = torch.arange(PHASES + 1, dtype=torch.float64)[:, None] / PHASES
    distance = fraction - torch.arange(1 - half, half + 1)  # from each tap to the place, (phase, tap)
    window = torch.special.i0(KAISER_BETA * (1.0 - (distance / half) ** 2).clamp(min=0.0).sqrt())
    weights = cutoff * torch.special.sinc(cutoff * distance) * window
    weights /= weights.sum(1, keepdim=True)  # a constant stays one at every phase
    table = torch.stack([weights[:-1], weights.diff(dim=0)], dim=1)
    return Kernel(table.to(dtype=dtype, device=device).contiguous())


def read_between(
    source: Float[Tensor, " sample"], whole: Int[Tensor, " place"], fraction: Float[Tensor, " place"], kernel: Kernel
) -> Float[Tensor, " place"]:
    """A signal between its samples; differentiable in ``fraction``.

    Args:
        source: The signal; ``kernel.before`` samples before every place and as many and two after it must be there.
        whole: Whole part of each place.
        fraction: The rest, 0 to 1.
        kernel: Of one dtype with the source.
    """
    together = max(1, MAX_WEIGHED // kernel.taps)
    if len(whole) <= together:
        return _read(source, whole, fraction, kernel)
    parts = [slice(start, start + together) for start in range(0, len(whole), together)]
    return torch.cat([_read(source, whole[part], fraction[part], kernel) for part in parts])


def _read(source: Tensor, whole: Tensor, fraction: Tensor, kernel: Kernel) -> Tensor:
    """The same, all places at once."""
    phase = fraction * PHASES
    step = phase.detach().floor().clamp(0, PHASES - 1)
    windows = source.unfold(0, kernel.taps, 1).index_select(0, whole - kernel.before)
    # (place, 2): the value at the phase below, and what it changes by until the next
    pairs = torch.bmm(kernel.table.index_select(0, step.long()), windows[:, :, None])[:, :, 0]
    return pairs[:, 0] + (phase - step) * pairs[:, 1]
