"""How held notes wander: takes of level, pitch and spectrum cut from notes of the training set, and how they are played back.

A take lasts 4 s and is read to and fro, so that it never ends nor jumps. Level is brought to a standard deviation of 1, so that a
note's fluctuation in dB scales it; pitch is in cents without what lies between 3 and 9 Hz, which is vibrato and asked for apart.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from render.ddsp.controls import NUM_HARMONICS
from render.ddsp.frames import FRAME_HZ, smoothed
from render.ddsp.instrument import CURVES, TAKE_FRAMES, Instrument
from render.ddsp.learned_notes import LearnedNote
from render.ddsp.measures import VIBRATO_HZ
from render.ddsp.training_frames import FrameSet

__all__ = ["learn_takes", "read_take"]

ATTACK_FRAMES, RELEASE_FRAMES = 20, 10  # left out at both ends
MIN_TAKE_FRAMES = 125
LARGEST_DB, LARGEST_CENTS = 12.0, 15.0
SMOOTHING_FRAMES = 7
NOISE_SHARE = 0.25  # of the unrest of noise: most of it is that of measuring noise


@torch.no_grad()
def learn_takes(instrument: Instrument, notes: list[LearnedNote]) -> None:
    """Fill the takes of an instrument whose timbre network is trained; without held notes they stay empty.

    Args:
        instrument: Changed in place.
        notes: Of the training set.
    """
    held = [note for note in notes if note.release_frame - ATTACK_FRAMES - RELEASE_FRAMES >= MIN_TAKE_FRAMES]
    if not held:
        return
    wanders = [_unexplained(instrument, note) for note in held]
    _, _, axes = np.linalg.svd(np.concatenate(wanders), full_matrices=False)
    components = axes[: instrument.config.components]
    order = np.argsort([note.key for note in held], kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, instrument.config.takes).round().astype(int)]
    for row, index in enumerate(chosen.tolist()):
        note = held[index]
        inner = slice(ATTACK_FRAMES, note.release_frame - RELEASE_FRAMES)
        level = _detrended(note.analysis.level_db()[inner])
        cents = _without_vibrato(1200 * np.log2(note.analysis.f0_hz[inner] / np.median(note.analysis.f0_hz[inner])))
        curves = np.stack(
            [
                level / max(float(level.std()), 1e-3),
                np.clip(cents, -LARGEST_CENTS, LARGEST_CENTS),
                *(smoothed(wanders[index] @ component, SMOOTHING_FRAMES) for component in components),
            ]
        )
        there_and_back = np.concatenate([curves, curves[:, ::-1]], axis=1)
        repeats = -(-TAKE_FRAMES // there_and_back.shape[1])
        instrument.take_curves[row] = torch.from_numpy(np.tile(there_and_back, repeats)[:, :TAKE_FRAMES]).float()
        instrument.take_keys[row] = note.key
    instrument.components.copy_(torch.from_numpy(components).float())


def _unexplained(instrument: Instrument, note: LearnedNote) -> NDArray[np.float64]:
    """(frame, 165) dB of harmonics and bands less what the network says, less the mean over the note."""
    batch = FrameSet([note]).plain()
    harmonics, bands = instrument.spectrum_db(batch.key, batch.relative_db, batch.brightness, batch.attack_noise_db, batch.age_s)
    audible = (batch.weight / batch.weight.amax().clamp(min=1e-6)).clamp(0, 1)
    off = torch.cat([(batch.harmonics_db - harmonics) * audible, (batch.bands_db - bands) * NOISE_SHARE], dim=1)
    inner = off[(batch.age_s * FRAME_HZ >= ATTACK_FRAMES) & (batch.age_s * FRAME_HZ < note.release_frame - RELEASE_FRAMES)]
    centred = (inner - inner.mean(0)).clamp(-LARGEST_DB, LARGEST_DB).double().numpy()
    missing = note.release_frame - ATTACK_FRAMES - RELEASE_FRAMES - len(centred)  # frames too quiet to be learned from
    wander: NDArray[np.float64] = np.pad(centred, ((0, max(missing, 0)), (0, 0)))
    assert wander.shape[1] >= NUM_HARMONICS
    return wander


def _detrended(level: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.linspace(-1, 1, len(level))
    trend = np.polynomial.Polynomial.fit(places, level, 2)
    return np.clip(level - trend(places), -LARGEST_DB, LARGEST_DB)


def _without_vibrato(cents: NDArray[np.float64]) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(cents - cents.mean())
    frequencies = np.fft.rfftfreq(len(cents), 1 / FRAME_HZ)
    spectrum[(frequencies > VIBRATO_HZ[0] - 1) & (frequencies < VIBRATO_HZ[1] + 1)] = 0
    return np.fft.irfft(spectrum, len(cents))


def read_take(
    instrument: Instrument, key: float | int, seed: int, times_s: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Level (of standard deviation 1), pitch in cents and (frame, component) weights of ``Instrument.components`` of a take.

    Args:
        instrument: Whose takes.
        key: MIDI number of the note, which chooses among the two nearest takes.
        seed: Which of the two, and where it begins: the same seed gives the same curves.
        times_s: (frame,) since the onset of the note.
    """
    generator = np.random.default_rng(seed)
    nearest = np.argsort(np.abs(instrument.take_keys.numpy() - key), kind="stable")[:2]
    take = instrument.take_curves[int(nearest[generator.integers(len(nearest))])].double().numpy()
    place = generator.uniform(0, TAKE_FRAMES - 1) + times_s * FRAME_HZ
    turn = 2 * (TAKE_FRAMES - 1)
    place = np.abs((place + TAKE_FRAMES - 1) % turn - (TAKE_FRAMES - 1))
    left = np.minimum(place.astype(np.int64), TAKE_FRAMES - 2)
    curves = take[:, left] + (take[:, left + 1] - take[:, left]) * (place - left)
    return curves[0], curves[1], curves[CURVES:].T
