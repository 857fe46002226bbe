"""How far apart two sounds are to the ear that does not mind phase: spectra of several sizes, in magnitude and in its logarithm.

Source: DDSP (arXiv 2001.04643), section 4.2.2: for each size of the transform the mean absolute difference of magnitudes plus that
of their logarithms, summed. Sizes are 4096 to 128, which suits 44.1 kHz, with three quarters of overlap and Hann windows. Relative
to the original: magnitudes are divided by the root of the window's energy, so that every size weighs alike whatever its length.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["FFT_SIZES", "magnitudes", "spectral_loss"]

FFT_SIZES = (4096, 2048, 1024, 512, 256, 128)
OVERLAP = 4
LOG_FLOOR = 1e-5


def magnitudes(sound: Float[Tensor, "batch sample"], size: int) -> Float[Tensor, "batch freq time"]:
    """Short-time magnitudes re the root of the window's energy, frames centred and padded with zeros."""
    window = torch.hann_window(size, dtype=sound.dtype, device=sound.device)
    spectrum = torch.stft(sound, size, size // OVERLAP, window=window, center=True, pad_mode="constant", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.sqrt(power + LOG_FLOOR**2 * 1e-4) / window.square().sum().sqrt()


def spectral_loss(
    reference: Float[Tensor, "batch sample"], estimate: Float[Tensor, "batch sample"], sizes: tuple[int, ...] = FFT_SIZES
) -> Float[Tensor, ""]:
    """The multi-scale spectral loss.

    Args:
        reference: The sound to come near to.
        estimate: Of the same shape.
        sizes: Of the transforms, samples.

    Returns:
        0 for equal sounds; one number, which gradients pass.
    """
    total = reference.new_zeros(())
    for size in sizes:
        wanted, came = magnitudes(reference, size), magnitudes(estimate, size)
        total = total + (wanted - came).abs().mean()
        total = total + (torch.log(wanted + LOG_FLOOR) - torch.log(came + LOG_FLOOR)).abs().mean()
    return total
