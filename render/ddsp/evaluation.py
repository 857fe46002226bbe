"""How good an instrument is on notes that it has not learned from: nearness to them, and whether it does what it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from render.ddsp.analysis import HOP, analyse_note
from render.ddsp.controls import NUM_HARMONICS, FrameControls, frame_rms
from render.ddsp.frames import SAMPLE_RATE_HZ
from render.ddsp.instrument import Instrument
from render.ddsp.learned_notes import LearnedNote
from render.ddsp.measures import NoteExpression, measure_note
from render.ddsp.playing import controls
from render.ddsp.sources import key_to_hz
from render.ddsp.spectral_loss import spectral_loss
from render.ddsp.synthesis import synthesise
from render.ddsp.training_frames import FrameSet
from render.played import PLAYED_DTYPE

__all__ = ["asked_and_measured", "figures_of", "spectral_losses"]

ASKED_NOTE_S = 1.6
LONGEST_S = 4.0
VOLUMES_DB, OCTAVES, DEPTHS_CENTS, RATES_HZ = (-50.0, -20.0), (-0.7, 0.7), (0.0, 60.0), (4.5, 6.5)


@torch.no_grad()
def spectral_losses(instrument: Instrument, notes: list[LearnedNote]) -> dict[str, float]:
    """Mean spectral loss of the instrument on notes, of their own analysis, and of the mean spectrum of the training notes."""
    sums = {"spectral_loss": 0.0, "spectral_loss_of_analysis": 0.0, "spectral_loss_of_averages": 0.0}
    for note in notes:
        frames = min(note.analysis.frames, round(LONGEST_S * SAMPLE_RATE_HZ / HOP))
        own = note.analysis.controls().part(0, frames - 1)
        batch = FrameSet([note], quietest_db=-np.inf).plain()
        spectrum = torch.cat(
            instrument.spectrum_db(batch.key, batch.relative_db, batch.brightness, batch.attack_noise_db, batch.age_s), dim=1
        )
        mean = instrument.spectrum_mean.expand(len(spectrum), -1)
        for name, played in (
            ("spectral_loss", _with_spectrum(own, spectrum[:frames])),
            ("spectral_loss_of_analysis", own),
            ("spectral_loss_of_averages", _with_spectrum(own, mean[:frames])),
        ):
            sound = torch.from_numpy(synthesise(played).samples[:, : (frames - 1) * HOP])
            sums[name] += float(spectral_loss(torch.from_numpy(note.sound[: (frames - 1) * HOP])[None], sound))
    return {name: round(value / max(len(notes), 1), 3) for name, value in sums.items()}


def _with_spectrum(own: FrameControls, spectrum_db: torch.Tensor) -> FrameControls:
    linear = 10 ** (spectrum_db.double().numpy() / 20)
    harmonics, noise = linear[:, :NUM_HARMONICS], linear[:, NUM_HARMONICS:]
    rms = frame_rms(harmonics, noise)[:, None]
    return replace(own, harmonics=harmonics / rms, noise=noise / rms)


def asked_and_measured(
    instrument: Instrument, keys: Sequence[float | int], count: int = 24, seed: int = 0
) -> list[tuple[NoteExpression, NoteExpression]]:
    """Notes with expression at random, and what is measured in their sound.

    Args:
        instrument: That plays.
        keys: MIDI numbers to draw from.
        count: How many notes.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    pairs = []
    for index in range(count):
        key = round(float(rng.choice(keys)))
        typical = instrument.typical_expression(key)
        asked = NoteExpression(volume_db=rng.uniform(*VOLUMES_DB)).limited(
            fluctuation_db=1.0,
            vibrato_cents=rng.uniform(*DEPTHS_CENTS),
            vibrato_hz=rng.uniform(*RATES_HZ),
            brightness=max(2 ** (typical["log2_brightness"] + rng.uniform(*OCTAVES)), 1.02),
            attack_noise_db=typical["attack_noise_db"],
        )
        row = np.zeros(1, dtype=PLAYED_DTYPE)
        row["key"], row["velocity"] = key, 100
        row["release_sample"] = row["end_sample"] = round(ASKED_NOTE_S * SAMPLE_RATE_HZ)
        frames = controls(row, [asked], instrument, SAMPLE_RATE_HZ, seed=index)[0].frames
        sound = synthesise(frames, seed=index).samples[0].astype(np.float64)
        found = analyse_note(sound, float(key_to_hz(key)), 0, int(row["end_sample"][0]))
        pairs.append((asked, measure_note(found.f0_hz, found.amplitudes, found.bands)))
    return pairs


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return round(float(np.corrcoef(first, second)[0, 1]), 3)


def figures_of(instrument: Instrument, notes: int, held_out: list[LearnedNote], asked: int = 24) -> dict[str, float | int]:
    """All figures of the model card.

    Args:
        instrument: Trained.
        notes: How many it was trained on.
        held_out: Others; with none the figures of nearness are left out.
        asked: Notes of the correlations.
    """
    config = instrument.config
    keys = sorted({note.key for note in held_out}) or [float(config.low_key), float(config.high_key)]
    pairs = asked_and_measured(instrument, keys, asked)

    def values(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        asked = np.array([float(pair[0].to_dict()[name]) for pair in pairs])
        return asked, np.array([float(pair[1].to_dict()[name]) for pair in pairs])

    bright = [np.log2(each) for each in values("brightness")]
    return {
        "notes": notes,
        "held_out": len(held_out),
        **(spectral_losses(instrument, held_out) if held_out else {}),
        "loudness_r": _correlation(*values("volume_db")),
        "brightness_r": _correlation(bright[0], bright[1]),
        "vibrato_r": _correlation(*values("vibrato_cents")),
    }
