"""The harmonic bank against sums of sines written out in numpy, and the fast path against the bank."""

import numpy as np
import pytest
import torch

from render.ddsp.frames import fade_in, hop_samples, upsample_hann, upsample_linear
from render.ddsp.oscillators import harmonic_bank, harmonic_bank_fast, partial_ratios

RATE_HZ = 44_100
HOP = 353


def numpy_bank(f0_hz, amplitudes, hop, rate, inharmonicity=0.0):
    """Independent: Hann windows overlapped and added, pitch summed sample by sample with the trapezoid rule."""
    frames, count = amplitudes.shape
    length = (frames - 1) * hop
    window = np.hanning(2 * hop + 1)
    curves = np.zeros((length + 2 * hop + 1, count))
    for n in range(frames):
        curves[n * hop : n * hop + 2 * hop + 1] += window[:, None] * np.where(
            np.arange(1, count + 1) * np.sqrt(1 + inharmonicity * np.arange(1, count + 1) ** 2) * f0_hz[n] < rate / 2,
            amplitudes[n],
            0.0,
        )
    curves = curves[hop + 1 : hop + 1 + length]
    pitch = np.interp(np.arange(length + 1), np.arange(frames) * hop, f0_hz)
    cycles = np.cumsum((pitch[1:] + pitch[:-1]) / 2) / rate
    k = np.arange(1, count + 1)
    return (curves * np.sin(2 * np.pi * cycles[:, None] * (k * np.sqrt(1 + inharmonicity * k**2)))).sum(1)


@pytest.fixture
def voice(rng):
    frames = 40
    f0 = 220 * 2 ** (np.cumsum(rng.normal(0, 0.01, frames)))
    return f0, rng.uniform(0, 0.02, (frames, 60))


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("inharmonicity", [0.0, 3e-4])
def test_bank_is_the_sum_of_its_sines(voice, inharmonicity):
    f0, amplitudes = voice
    wanted = numpy_bank(f0, amplitudes, HOP, RATE_HZ, inharmonicity)
    came, _ = harmonic_bank(
        torch.tensor(f0)[None],
        torch.tensor(amplitudes, dtype=torch.float32)[None],
        hop=HOP,
        sample_rate_hz=RATE_HZ,
        inharmonicity=inharmonicity,
    )
    np.testing.assert_allclose(came[0].numpy(), wanted, atol=2e-5)


def test_fast_path_gives_the_same(voice):
    f0, amplitudes = torch.tensor(voice[0]), torch.tensor(voice[1])
    wanted, end = harmonic_bank(f0[None], amplitudes[None], hop=HOP, sample_rate_hz=RATE_HZ)
    came, cycles = harmonic_bank_fast(f0, amplitudes, torch.full((len(f0) - 1,), HOP), sample_rate_hz=RATE_HZ)
    np.testing.assert_allclose(came.numpy(), wanted[0].numpy(), atol=1e-6)
    assert cycles == pytest.approx(float(end[0]), abs=1e-9)


def test_lowest_notes_keep_their_accuracy_in_the_recurrence():
    f0, amplitudes = torch.full((4,), 27.5, dtype=torch.float64), torch.full((4, 100), 0.01, dtype=torch.float64)
    wanted, _ = harmonic_bank(f0[None], amplitudes[None], hop=HOP, sample_rate_hz=RATE_HZ)
    came, _ = harmonic_bank_fast(f0, amplitudes, torch.full((3,), HOP), sample_rate_hz=RATE_HZ)
    np.testing.assert_allclose(came.numpy(), wanted[0].numpy(), atol=1e-6)


def test_intervals_of_any_lengths_follow_the_same_lines(rng):
    lengths = torch.tensor([353, 1, 40, 352, 7])
    f0 = torch.tensor(rng.uniform(200, 300, 6))
    amplitudes = torch.tensor(rng.uniform(0, 0.1, (6, 5)))
    came, _ = harmonic_bank_fast(f0, amplitudes, lengths, sample_rate_hz=RATE_HZ)
    edges = np.concatenate([[0], np.cumsum(lengths.numpy())])
    pitch = np.interp(np.arange(edges[-1] + 1), edges, f0.numpy())
    cycles = np.cumsum((pitch[1:] + pitch[:-1]) / 2) / RATE_HZ
    rise = np.concatenate([fade_in(int(length)).numpy() for length in lengths])
    interval = np.repeat(np.arange(5), lengths.numpy())
    a = amplitudes.numpy()
    curves = a[interval] + (a[interval + 1] - a[interval]) * rise[:, None]
    wanted = (curves * np.sin(2 * np.pi * cycles[:, None] * np.arange(1, 6))).sum(1)
    np.testing.assert_allclose(came.numpy(), wanted, atol=1e-6)


def test_harmonics_above_nyquist_are_silent():
    f0 = torch.full((1, 6), 9_000.0, dtype=torch.float64)
    alone = torch.zeros(1, 6, 4)
    alone[..., 2:] = 1.0  # 27 and 36 kHz
    assert harmonic_bank(f0, alone, hop=HOP, sample_rate_hz=RATE_HZ)[0].abs().max() == 0
    assert harmonic_bank_fast(f0[0], alone[0], torch.full((5,), HOP), sample_rate_hz=RATE_HZ)[0].abs().max() == 0


def test_an_hour_stays_in_tune():
    cycles = 3600 * 440.0
    f0, amplitudes = torch.full((1, 3), 440.0, dtype=torch.float64), torch.zeros(1, 3, 40)
    amplitudes[..., 39] = 1.0
    start = torch.tensor([cycles], dtype=torch.float64)
    early, _ = harmonic_bank(f0, amplitudes, hop=HOP, sample_rate_hz=RATE_HZ)
    late, _ = harmonic_bank(f0, amplitudes, hop=HOP, sample_rate_hz=RATE_HZ, start_cycles=start)
    np.testing.assert_allclose(late.numpy(), early.numpy(), atol=1e-5)


def test_gradients_reach_pitch_and_amplitudes():
    f0 = torch.full((1, 5), 300.0, dtype=torch.float64, requires_grad=True)
    amplitudes = torch.full((1, 5, 3), 0.1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f, a: harmonic_bank(f, a, hop=16, sample_rate_hz=8000)[0], (f0, amplitudes))


def test_partials_of_stiff_strings_are_sharp():
    np.testing.assert_allclose(partial_ratios(3, 1e-2).numpy(), [1 * 1.01**0.5, 2 * 1.04**0.5, 3 * 1.09**0.5])


def test_frames_stand_at_the_ends_of_intervals():
    frames = torch.tensor([0.0, 1.0, 0.25])
    for upsample in (upsample_hann, upsample_linear):
        curve = upsample(frames, 10)
        assert len(curve) == 20
        assert curve[9] == pytest.approx(1.0)
        assert curve[19] == pytest.approx(0.25)
    assert hop_samples(44_100) == 353
    assert hop_samples(48_000) == 384
