"""Notes made of known parts, an instrument that is there in a moment, and music for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from corpora.piece import Table
from render.ddsp.bank import InstrumentBank
from render.ddsp.controls import NUM_HARMONICS, FrameControls, frame_rms
from render.ddsp.instrument import Instrument, InstrumentConfig
from render.ddsp.synthesis import synthesise
from render.played import PLAYED_DTYPE

RATE_HZ = 44_100
HOP = 353


@pytest.fixture(scope="session")
def make_controls() -> Callable[..., FrameControls]:
    """Controls of one steady note with vibrato: harmonics fall with their number, noise with its frequency."""

    def build(
        f0_hz: float = 220.0,
        seconds: float = 1.0,
        level_db: float = -20.0,
        depth_cents: float = 0.0,
        rate_hz: float = 5.5,
        slope: float = 1.2,
        noise_gain: float = 0.01,
    ) -> FrameControls:
        frames = round(seconds * 125) + 1
        time = np.arange(frames) / 125
        f0 = f0_hz * 2 ** (depth_cents / 1200 * np.sin(2 * np.pi * rate_hz * time))
        k = np.arange(1, NUM_HARMONICS + 1)
        harmonics = np.where(k * f0[:, None] < 20_000, k**-slope * np.ones((frames, 1)), 0.0)
        noise = noise_gain * np.linspace(1, 0.1, 65) * np.ones((frames, 1))
        rms = frame_rms(harmonics, noise)[:, None]
        return FrameControls(
            f0_hz=f0,
            level_db=np.full(frames, level_db),
            harmonics=harmonics / rms,
            noise=noise / rms,
            lengths=np.full(frames - 1, HOP),
            sample_rate_hz=RATE_HZ,
        )

    return build


@pytest.fixture(scope="session")
def instrument() -> Instrument:
    """A little random instrument with takes, in the keys of a violin; darker the softer it is asked to be."""
    torch.manual_seed(3)
    made = Instrument(InstrumentConfig.tiny())
    slope = -20 * torch.log10(torch.arange(1, NUM_HARMONICS + 1, dtype=torch.float32))
    made.spectrum_mean.copy_(torch.cat([slope, torch.full((65,), -60.0)]))
    made.take_curves.copy_(torch.randn(made.take_curves.shape).cumsum(-1).diff(dim=-1, prepend=torch.zeros(2, 4, 1)) * 0.3)
    made.components.copy_(torch.randn(made.components.shape) * 0.05)
    made.expression.copy_(torch.tensor([[1.0, 0, 0], [20.0, 0, 0], [5.5, 0, 0], [2.0, 0, 0], [-25.0, 0, 0]]))
    return made.eval()


@pytest.fixture(scope="session")
def bank(instrument: Instrument) -> InstrumentBank:
    return InstrumentBank([instrument])


@pytest.fixture(scope="session")
def voice() -> Callable[..., Table]:
    """PLAYED_DTYPE rows of one voice out of (onset_s, end_s, key) or (onset_s, end_s, key, velocity)."""

    def build(*notes: tuple[float, ...]) -> Table:
        rows = np.zeros(len(notes), dtype=PLAYED_DTYPE)
        for index, (row, (onset, end, key, *velocity)) in enumerate(zip(rows, notes, strict=True)):
            row["onset_sample"] = round(onset * RATE_HZ)
            row["release_sample"] = row["end_sample"] = round(end * RATE_HZ)
            row["key"], row["velocity"], row["id"] = key, velocity[0] if velocity else 90, f"n{index}"
            row["program"] = 40
        return rows

    return build


@pytest.fixture(scope="session")
def note_folder(tmp_path_factory: pytest.TempPathFactory, make_controls: Callable[..., FrameControls]) -> Path:
    """Six recorded notes, each named by its pitch."""
    folder = tmp_path_factory.mktemp("notes")
    for name, key in (("A3", 57), ("Cs4", 61), ("F4", 65), ("Ab4", 68), ("C5", 72), ("E5", 76)):
        controls = make_controls(440 * 2 ** ((key - 69) / 12), 0.8, depth_cents=10.0, noise_gain=0.02)
        sound = synthesise(controls, seed=key).samples[0]
        fade = np.minimum(1.0, np.minimum(np.arange(len(sound)), np.arange(len(sound))[::-1]) / 2_000)
        silence: NDArray[np.float32] = np.zeros(4_000, dtype=np.float32)
        soundfile.write(folder / f"{name}.wav", np.concatenate([silence, sound * fade, silence]), RATE_HZ, subtype="FLOAT")
    return folder
