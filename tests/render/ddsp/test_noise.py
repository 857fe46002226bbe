"""Filtered noise against scipy's convolution, the place-keyed noise, and the colours that bands ask for."""

import numpy as np
import pytest
import scipy.signal
import torch

from render.ddsp.noise import NUM_BANDS, TAIL_SAMPLES, filtered_noise, filtered_noise_fast, impulse_responses, uniform_noise

HOP = 353


@pytest.fixture
def bands():
    return torch.tensor(np.random.default_rng(3).uniform(0, 1, (6, NUM_BANDS)))


def scipy_noise(noise, bands, lengths):
    """Independent: firwin2-like responses by the inverse transform in numpy, each interval convolved by scipy."""
    out = np.zeros(len(noise) + TAIL_SAMPLES)
    responses = np.roll(np.fft.irfft(bands, 2 * (NUM_BANDS - 1)), NUM_BANDS - 1, axis=1) * scipy.signal.get_window("hann", 128)
    place = 0
    for n, length in enumerate(lengths):
        rise = np.sin(np.pi / 2 * np.arange(1, length + 1) / length) ** 2
        piece = noise[place : place + length]
        for share, response in ((1 - rise, responses[n]), (rise, responses[n + 1])):
            out[place : place + length + TAIL_SAMPLES] += scipy.signal.convolve(piece * share, response)
        place += length
    return out


def test_regular_frames_agree_with_scipy(bands):
    noise = uniform_noise(1, 0, 5 * HOP).double()
    came = filtered_noise(noise[None], bands[None], hop=HOP)[0]
    np.testing.assert_allclose(came.numpy(), scipy_noise(noise.numpy(), bands.numpy(), [HOP] * 5), atol=1e-9)


def test_any_intervals_agree_with_scipy(bands):
    lengths = [353, 12, 1, 200, 353]
    noise = uniform_noise(2, 0, sum(lengths)).double()
    came = filtered_noise_fast(noise, bands, torch.tensor(lengths))
    np.testing.assert_allclose(came.numpy(), scipy_noise(noise.numpy(), bands.numpy(), lengths), atol=1e-6)


def test_noise_is_a_function_of_its_place():
    whole = uniform_noise(5, 0, 40_000)
    torch.testing.assert_close(uniform_noise(5, 16_000, 1_000), whole[16_000:17_000], rtol=0, atol=0)
    assert not torch.equal(uniform_noise(6, 0, 100), whole[:100])
    assert float(whole.var()) == pytest.approx(1 / 3, rel=0.02)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 22_050])
def test_a_band_sounds_at_its_frequency_at_every_rate(rate_hz):
    bands = torch.zeros(1, 40, NUM_BANDS, dtype=torch.float64)
    bands[..., 16] = 1.0  # 5512.5 Hz
    hop = round(rate_hz / 125)
    noise = uniform_noise(0, 0, 39 * hop).double()
    came = filtered_noise(noise[None], bands, hop=hop, sample_rate_hz=rate_hz)[0].numpy()
    frequencies, power = scipy.signal.welch(came, rate_hz, nperseg=2048)
    assert (frequencies * power).sum() / power.sum() == pytest.approx(5512.5, rel=0.03)


def test_flat_bands_pass_the_noise_late_but_unchanged():
    response = impulse_responses(torch.ones(NUM_BANDS, dtype=torch.float64))
    wanted = np.zeros(128)
    wanted[64] = 1.0
    np.testing.assert_allclose(response.numpy(), wanted, atol=1e-12)
