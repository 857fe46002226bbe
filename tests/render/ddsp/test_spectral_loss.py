"""The multi-scale loss against scipy's transforms, and what it must tell apart."""

import numpy as np
import scipy.signal
import torch

from render.ddsp.spectral_loss import FFT_SIZES, LOG_FLOOR, spectral_loss


def test_agrees_with_scipy():
    rng = np.random.default_rng(1)
    reference, estimate = rng.normal(size=(2, 9_000))
    wanted = 0.0
    for size in FFT_SIZES:
        window = scipy.signal.get_window("hann", size)
        pair = []
        for sound in (reference, estimate):
            padded = np.pad(sound, size // 2)
            starts = range(0, len(padded) - size + 1, size // 4)
            spectra = np.array([np.abs(np.fft.rfft(padded[start : start + size] * window)) for start in starts])
            pair.append(spectra / np.sqrt((window**2).sum()))
        wanted += np.abs(pair[0] - pair[1]).mean()
        wanted += np.abs(np.log(pair[0] + LOG_FLOOR) - np.log(pair[1] + LOG_FLOOR)).mean()
    came = spectral_loss(torch.tensor(reference)[None], torch.tensor(estimate)[None])
    np.testing.assert_allclose(float(came), wanted, rtol=1e-5)


def test_phase_does_not_matter_and_pitch_does():
    time = torch.arange(20_000) / 44_100
    fade = torch.hann_window(20_000)
    floor = 0.001 * torch.randn(1, 20_000, generator=torch.Generator().manual_seed(0))
    cases = ((2000, 0.0), (2000, 1.5), (2500, 0.0))
    tone, turned, sharp = (fade * torch.sin(2 * torch.pi * f * time + p) + floor for f, p in cases)
    assert spectral_loss(tone, tone) == 0
    assert spectral_loss(tone, turned) < 0.5 * spectral_loss(tone, sharp)


def test_silence_has_finite_gradients():
    estimate = torch.zeros(1, 5_000, requires_grad=True)
    spectral_loss(torch.randn(1, 5_000), estimate).backward()
    assert torch.isfinite(estimate.grad).all()
