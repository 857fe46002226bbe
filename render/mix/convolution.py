"""Convolution with a long impulse response, as a stream: overlap-add over equal partitions.

The response is cut into partitions of P samples. Each P samples of input take one transform of 2P forward, one product a partition
and one transform back; what the full partitions add to the present one is summed once. A block that does not fill a partition is
worked out with what there is of it, so that nothing is late and blocks may have any size; whole multiples of P are the fastest.

Conventions: float32 ``(channel, sample)``. Equal to direct convolution within float32 rounding (about 1e-6 of the peak).

Source: G. Wefers, "Partitioned convolution algorithms for real-time auralization" (RWTH Aachen, 2015), chapter 5 (uniform
partitions, frequency-domain delay line).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from render.mix.levels import Block

__all__ = ["PARTITION_SAMPLES", "Convolution"]

PARTITION_SAMPLES = 1 << 14


class Convolution:
    """Convolves each channel with the response's channel of the same number.

    Args:
        response: Impulse response, (channel, sample), at least one sample.
        partition_samples: P, a power of two.
    """

    def __init__(self, response: Block, partition_samples: int = PARTITION_SAMPLES) -> None:
        channels, length = response.shape
        self._size = partition_samples
        partitions = -(-length // self._size)
        padded = np.zeros((channels, partitions * self._size), dtype=np.float32)
        padded[:, :length] = response
        cut = padded.reshape(channels, partitions, self._size).transpose(1, 0, 2)  # (partition, channel, P)
        self._response = fft.rfft(cut, 2 * self._size, axis=-1)
        self._spectra = np.zeros_like(self._response)  # of the last inputs, a ring: the newest at _newest
        self._newest = 0
        self._input = np.zeros((channels, self._size), dtype=np.float32)
        self._filled = 0
        self._overlap = np.zeros((channels, self._size), dtype=np.float32)
        self._earlier = np.zeros_like(self._response[0])  # spectrum of what full partitions add to the present one
        self.tail_samples = length - 1

    def process(self, block: Block) -> Block:
        """The next samples, convolved; as many as came."""
        out = np.empty_like(block)
        done = 0
        while done < block.shape[1]:
            taken = min(block.shape[1] - done, self._size - self._filled)
            out[:, done : done + taken] = self._advance(block[:, done : done + taken])
            done += taken
        return out

    def _advance(self, piece: Block) -> NDArray[np.float32]:
        """Samples that stay within the present partition."""
        place = slice(self._filled, self._filled + piece.shape[1])
        self._input[:, place] = piece
        self._filled = place.stop
        spectrum = fft.rfft(self._input, 2 * self._size, axis=-1)
        result = fft.irfft(spectrum * self._response[0] + self._earlier, 2 * self._size, axis=-1)
        out = result[:, place] + self._overlap[:, place]
        if self._filled == self._size:
            self._turn(spectrum, result[:, self._size :])
        return np.asarray(out, dtype=np.float32)

    def _turn(self, spectrum: NDArray[np.complex64], overlap: NDArray[np.float32]) -> None:
        """Begin a new partition."""
        partitions = len(self._response)
        self._newest = (self._newest - 1) % partitions
        self._spectra[self._newest] = spectrum
        self._earlier[:] = 0.0
        for age in range(1, partitions):
            self._earlier += self._spectra[(self._newest + age - 1) % partitions] * self._response[age]
        self._overlap = overlap
        self._input[:] = 0.0
        self._filled = 0
