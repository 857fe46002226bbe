"""A learned impulse response: the body of an instrument, or the room of a set of recordings.

Convention: what goes in comes out unchanged, and the response's echoes are added to it from one sample later on.

Source: DDSP (arXiv 2001.04643), section 3.4 (reverb as one long learned convolution whose first tap is held at 0); the decaying
noise as a start is that of acids-ircam/ddsp_pytorch, ``ddsp/core.py``, described there; the code is our own.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["LearnedReverb", "convolve"]

START_LEVEL = 1e-3
DECAY_NEPERS = 6.9  # 60 dB over the length of the response


def convolve(sound: Float[Tensor, "batch sample"], response: Float[Tensor, " response"]) -> Float[Tensor, "batch longer"]:
    """The full convolution, ``sample + response - 1`` long, by one transform."""
    length = sound.shape[1] + len(response) - 1
    size = 1 << (length - 1).bit_length()
    product = torch.fft.rfft(sound, n=size) * torch.fft.rfft(response, n=size)
    out: Tensor = torch.fft.irfft(product, n=size)[:, :length]
    return out


class LearnedReverb(nn.Module):
    """See the module's text.

    Args:
        length: Samples of the response, at least 2.
        seed: Of the noise that it starts as.
    """

    def __init__(self, length: int, seed: int = 0) -> None:
        super().__init__()
        noise = torch.randn(length - 1, generator=torch.Generator().manual_seed(seed))
        decay = torch.exp(-DECAY_NEPERS * torch.arange(1, length) / length)
        self.echoes = nn.Parameter(START_LEVEL * noise * decay)

    def response(self) -> Float[Tensor, " response"]:
        """The impulse response, 1 at its first sample."""
        return torch.cat([torch.ones_like(self.echoes[:1]), self.echoes])

    def forward(self, sound: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch longer"]:
        """The sound with its echoes and their tail."""
        return convolve(sound, self.response())
