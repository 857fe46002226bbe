"""Frame controls to sound: all at once, or chunk by chunk with the same result.

A chunk goes on where the one before ended: its first frame is that one's last. What passes from chunk to chunk is the phase, the
place in the endless noise, and the tails of the noise filters and of the body's response.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from corpora.audio import Audio
from render.ddsp.controls import FrameControls
from render.ddsp.noise import TAIL_SAMPLES, filtered_noise_fast, uniform_noise
from render.ddsp.oscillators import harmonic_bank_fast
from render.ddsp.reverb import convolve

__all__ = ["StreamingSynth", "synthesise"]


class StreamingSynth:
    """One voice, chunk by chunk.

    Args:
        seed: Of the noise.
        first_sample: Place in the endless noise at which the voice begins.
        start_cycles: Phase of the fundamental there.
        response: float32 impulse response that the voice goes through; None for none.
    """

    def __init__(
        self,
        seed: int = 0,
        first_sample: int = 0,
        start_cycles: float = 0.0,
        response: NDArray[np.float32] | None = None,
    ) -> None:
        self._seed = seed
        self._place = first_sample
        self._cycles = start_cycles
        self._response = None if response is None else torch.from_numpy(response)
        self._tail = torch.zeros(TAIL_SAMPLES)
        self._echoes = torch.zeros(0 if response is None else len(response) - 1)

    @property
    def cycles(self) -> float:
        """Phase of the fundamental at the end of the last chunk, to begin another voice with."""
        return self._cycles

    def push(self, controls: FrameControls) -> NDArray[np.float32]:
        """The sound of the chunk, (samples,)."""
        gains = torch.from_numpy(controls.gains())[:, None]
        lengths = torch.from_numpy(controls.lengths)
        harmonics, self._cycles = harmonic_bank_fast(
            torch.from_numpy(controls.f0_hz),
            torch.from_numpy(controls.harmonics) * gains,
            lengths,
            sample_rate_hz=controls.sample_rate_hz,
            start_cycles=self._cycles,
        )
        excitation = uniform_noise(self._seed, self._place, controls.samples)
        bands = (torch.from_numpy(controls.noise) * gains).float()
        noise = filtered_noise_fast(excitation, bands, lengths, sample_rate_hz=controls.sample_rate_hz)
        self._place += controls.samples
        out, self._tail = _with_tail(noise, self._tail, controls.samples)
        return self._through_response(out + harmonics)

    def finish(self) -> NDArray[np.float32]:
        """The tail after the last chunk."""
        out = self._through_response(self._tail)
        self._tail = torch.zeros(TAIL_SAMPLES)
        return np.concatenate([out, self._echoes.numpy()])

    def _through_response(self, sound: torch.Tensor) -> NDArray[np.float32]:
        if self._response is not None:
            sound, self._echoes = _with_tail(convolve(sound[None], self._response)[0], self._echoes, len(sound))
        samples: NDArray[np.float32] = sound.numpy()
        return samples


def _with_tail(longer: torch.Tensor, tail: torch.Tensor, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``length`` samples of a sound with an earlier tail added, and what is left for later."""
    total = torch.zeros(max(len(longer), len(tail)))
    total[: len(longer)] += longer
    total[: len(tail)] += tail
    return total[:length], total[length:]


def synthesise(controls: FrameControls, *, seed: int = 0, response: NDArray[np.float32] | None = None) -> Audio:
    """The sound of frame controls with its tail.

    Args:
        controls: One voice.
        seed: Of the noise: the same seed gives the same samples.
        response: float32 impulse response that the voice goes through; None for none.

    Returns:
        One channel.
    """
    voice = StreamingSynth(seed, response=response)
    samples = np.concatenate([voice.push(controls), voice.finish()])
    return Audio(samples[None].astype(np.float32), controls.sample_rate_hz)
