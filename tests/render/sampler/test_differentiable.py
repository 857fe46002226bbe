from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from render.fonts import find_font
from render.midi_events import PlayEvent
from render.played import PlayedMusic
from render.sampler.differentiable import NotePlan, render_notes

Music = Callable[..., PlayedMusic]
SineFont = Callable[..., Path]
ROWS = [(0, 300, 69, 90, 0.0, 0), (130, 400, 62, 60, 20.0, 0)]
FILTERED = {8: 9_000, 9: 60, 11: 1_200, 26: -9_000, 7: 100, 5: 20, 6: 30, 13: 20, 34: -7_000, 38: -9_000}


@pytest.mark.parametrize("program", [0, 40, 73])
def test_it_is_the_engine(program: int, make_music: Music, render: Callable[..., NDArray[np.float32]]) -> None:
    rows = [(3_000 * step, 3_000 * step + 9_000, 55 + step, 40 + 7 * step, 0.0, 0) for step in range(6)]
    told = [PlayEvent(12_000, "control_change", 0, 11, 70), PlayEvent(15_000, "control_change", 0, 10, 20)]
    music = make_music(rows, told, program=program)
    font = find_font().path
    wanted = render(music, font)
    got = render_notes(music, font, samples=wanted.shape[1]).numpy()
    assert np.abs(got - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_gradients_are_those_of_finite_differences(make_music: Music, sine_font: SineFont) -> None:
    plan = NotePlan(make_music(ROWS), sine_font(FILTERED), dtype=torch.float64)
    gain = torch.tensor([1.0, 0.7], dtype=torch.float64, requires_grad=True)
    onset = torch.tensor([3.3, 130.71], dtype=torch.float64, requires_grad=True)
    cents = torch.tensor([4.0, -7.0], dtype=torch.float64, requires_grad=True)
    velocity = torch.tensor([90.4, 61.5], dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 1_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def loss(gain: Tensor, onset: Tensor, cents: Tensor, velocity: Tensor) -> Tensor:
        sound = plan.render(gain=gain, onset_samples=onset, cents=cents, velocity=velocity, samples=1_000)
        return torch.stack([(sound * weight).sum(), 10 * sound.square().sum()])

    assert torch.autograd.gradcheck(loss, (gain, onset, cents, velocity), eps=1e-5, atol=1e-6, rtol=1e-4)


def test_a_fraction_of_a_sample_is_a_delay(make_music: Music, sine_font: SineFont) -> None:
    plan = NotePlan(make_music([(0, 3_000, 69, 127, 0.0, 0)]), sine_font({34: -4_000}), dtype=torch.float64)
    places = torch.arange(2_500, dtype=torch.float64)
    for lag in (0.25, 0.5, 0.9):
        sound = plan.render(onset_samples=torch.tensor([100.0 + lag]), samples=2_600)[0]
        rise = ((places + 1 - lag) / 44_100 / 2 ** (-4_000 / 1_200)).clamp(0, 1)
        wanted = torch.sin(2 * torch.pi * (places - lag) / 100) * rise
        got = sound[100:] / sound.abs().max() * wanted.abs().max()
        assert (got - wanted)[20:].abs().max() < 2e-3


def test_onsets_move_the_sound_continuously(make_music: Music, sine_font: SineFont) -> None:
    plan = NotePlan(make_music([(0, 3_000, 69, 127, 0.0, 0)]), sine_font(), dtype=torch.float64)
    before, at, after = (plan.render(onset_samples=torch.tensor([onset]), samples=3_000) for onset in (99.9999, 100.0, 100.0001))
    assert (before - at).abs().max() < 3e-5
    assert (after - at).abs().max() < 3e-5
    later = plan.render(onset_samples=torch.tensor([237.0]), samples=3_137)
    assert torch.equal(later[:, 237:2_800], at[:, 100:2_663])


def test_velocity_gives_what_the_engine_gives(make_music: Music, sine_font: SineFont) -> None:
    font = sine_font()
    plan = NotePlan(make_music([(0, 3_000, 69, 100, 0.0, 0)]), font)
    for velocity in (1, 64, 127):
        played = render_notes(make_music([(0, 3_000, 69, velocity, 0.0, 0)]), font, samples=3_000)
        asked = plan.render(velocity=torch.tensor([float(velocity)]), samples=3_000)
        assert torch.allclose(asked, played, rtol=1e-5, atol=1e-9)


def test_a_wrong_velocity_is_found_by_descent(make_music: Music) -> None:
    font = find_font().path
    rows = [(4_000 * step, 4_000 * step + 6_000, 60 + 2 * step, 64, 0.0, 0) for step in range(5)]
    hidden = torch.tensor([30.0, 60.0, 90.0, 110.0, 45.0])
    plan = NotePlan(make_music(rows), font)
    target = plan.render(velocity=hidden, samples=30_000)
    found = torch.full((5,), 64.0, requires_grad=True)
    optimiser = torch.optim.Adam([found], lr=5.0)
    for _ in range(100):
        optimiser.zero_grad()
        loss = (plan.render(velocity=found, samples=30_000) - target).square().sum()
        loss.backward()
        optimiser.step()
    assert (found - hidden).abs().max() < 2.0


@pytest.mark.gpu
def test_it_runs_on_a_gpu(make_music: Music, sine_font: SineFont) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    music, font = make_music(ROWS), sine_font(FILTERED)
    here, there = (render_notes(music, font, samples=2_000, device=device).cpu() for device in ("cpu", "cuda"))
    assert (here - there).abs().max() < 1e-5 * here.abs().max()
