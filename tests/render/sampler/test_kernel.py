from __future__ import annotations

import math

import pytest
import torch

from render.sampler.kernel import MAX_HALF_TAPS, kernel_for, kernel_step, read_between

RATE_HZ = 44_100


def read(source: torch.Tensor, ratio: float, places: int) -> tuple[torch.Tensor, torch.Tensor]:
    kernel = kernel_for(ratio, source)
    where = 1_000 + ratio * torch.arange(places, dtype=torch.float64)
    whole = where.floor()
    return read_between(source, whole.long(), (where - whole).to(source.dtype), kernel), where


@pytest.mark.parametrize("ratio", [0.1, 0.37, 0.9, 1.0, 1.26, 1.9, 3.7])
def test_a_sine_below_both_nyquist_frequencies_is_kept(ratio: float) -> None:
    frequency = 0.3 / max(ratio, 1.0) * 0.75  # cycles a source sample
    source = torch.sin(2 * torch.pi * frequency * torch.arange(20_000, dtype=torch.float64))
    got, where = read(source, ratio, 2_000)
    assert (got - torch.sin(2 * torch.pi * frequency * where)).abs().max() < 1e-3


@pytest.mark.parametrize("ratio", [1.3, 2.0, 3.1])
def test_what_would_fold_is_gone(ratio: float) -> None:
    source = torch.sin(2 * torch.pi * 0.5 * 1.2 / ratio * torch.arange(20_000, dtype=torch.float64))
    got, _ = read(source, ratio, 2_000)
    assert 20 * math.log10(float(got.abs().max())) < -70


def test_images_of_a_slowed_sample_are_gone() -> None:
    source = torch.sin(2 * torch.pi * 0.35 * torch.arange(9_000, dtype=torch.float64))
    got, _ = read(source, 0.25, 16_384)
    spectrum = torch.fft.rfft(got * torch.hann_window(16_384, dtype=torch.float64)).abs()
    own = round(0.35 * 0.25 * 16_384)
    spectrum[own - 60 : own + 61] = 0  # the window's own skirts
    assert 20 * math.log10(float(spectrum.max()) / (16_384 / 4)) < -70


def test_a_constant_stays() -> None:
    got, _ = read(torch.ones(9_000), 1.37, 1_000)
    assert (got - 1).abs().max() < 1e-6


def test_kernels_end() -> None:
    assert kernel_step(0.01) == kernel_step(1.0) == 0
    assert kernel_for(1e9, torch.ones(1)).taps == 2 * MAX_HALF_TAPS


def test_the_slope_is_that_of_the_sound() -> None:
    source = torch.sin(2 * torch.pi * 0.05 * torch.arange(500, dtype=torch.float64))
    fraction = torch.full((50,), 0.3, dtype=torch.float64, requires_grad=True)
    whole = torch.arange(200, 250)
    read_between(source, whole, fraction, kernel_for(1.0, source)).sum().backward()
    wanted = 2 * torch.pi * 0.05 * torch.cos(2 * torch.pi * 0.05 * (whole + 0.3))
    assert fraction.grad is not None
    assert (fraction.grad - wanted).abs().max() < 2e-3
