from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from render.fit.loss import SpectralLoss
from render.fit.recording import FIT_RATE_HZ
from render.fit.refine import Mixture, refine
from render.fit.sounds import NoteSounds
from render.played import play
from render.sampler.differentiable import NotePlan

pytestmark = pytest.mark.usefixtures("wheel_font")


def test_slopes_are_those_of_the_differentiable_sampler(small_hidden: Any) -> None:
    played = play(small_hidden.score, sample_rate_hz=FIT_RATE_HZ)
    rng = np.random.default_rng(1)
    sounds = [sound.frames for sound in NoteSounds(played).sounds(played.notes)]
    samples = played.end_sample
    weight = np.convolve(rng.standard_normal(samples), np.hanning(40), "same").astype(
        np.float32
    )  # no treble: slopes are of samples
    levels = rng.uniform(-0.5, 0.5, len(sounds))
    onsets = played.notes["onset_sample"].astype(np.float64)
    by_level, by_onset = Mixture(sounds, samples).slopes(weight, levels, onsets)

    gain = torch.from_numpy(np.exp(levels)).requires_grad_()
    places = torch.from_numpy(onsets + 1e-6).requires_grad_()
    mono = NotePlan(played).render(gain=gain, onset_samples=places, samples=samples).mean(dim=0)
    wanted_gain, wanted_onset = torch.autograd.grad((mono * torch.from_numpy(weight)).sum(), (gain, places))
    assert by_level == pytest.approx((wanted_gain * gain).detach().numpy(), rel=0.02, abs=0.02 * np.abs(by_level).max())
    assert by_onset == pytest.approx(wanted_onset.numpy(), rel=0.05, abs=0.05 * np.abs(by_onset).max())


def test_it_descends_to_hidden_levels() -> None:
    rng = np.random.default_rng(2)
    times = np.arange(22_050) / FIT_RATE_HZ
    sounds = [np.asarray(np.sin(2 * np.pi * hz * times) * np.exp(-3 * times), dtype=np.float32) for hz in (220.0, 331.0, 550.0)]
    onsets = np.array([0.0, 4_000.0, 9_000.0])
    mixture = Mixture(sounds, 33_000)
    hidden = rng.uniform(-0.4, 0.4, 3)
    loss = SpectralLoss(mixture.sound(hidden, onsets))
    reach = np.ones(3)
    found = refine(mixture, loss, np.zeros(3), onsets, reach, np.zeros(3), sample_rate_hz=FIT_RATE_HZ, steps=40)
    assert np.abs(found.levels - hidden).max() < 0.02
    assert found.losses[-1] < 0.1 * found.losses[0]
    assert found.onsets.tolist() == onsets.tolist()


def test_the_gradient_of_the_loss_is_that_of_differences() -> None:
    rng = np.random.default_rng(3)
    recording, sound = (rng.standard_normal(4_000).astype(np.float32) for _ in range(2))
    loss = SpectralLoss(recording)
    value, slope = loss.gradient(sound)
    assert value == pytest.approx(loss.value(sound), rel=1e-5)
    way = slope / np.linalg.norm(slope)
    step = np.float32(0.003)
    difference = (loss.value(sound + step * way) - loss.value(sound - step * way)) / (2 * step)
    assert float(slope @ way) == pytest.approx(difference, rel=0.05)
    assert loss.value(recording) < 1e-5
