"""Frames to learn from, in shuffled batches, each varied in brightness and attack noise so that these can be asked for afterwards.

A filter of so many dB an octave above the pitch makes a frame brighter or darker; what the note's brightness would then be has been
worked out for a row of such filters. Noise within 80 ms of the onset is raised or lowered together with the attack noise that the
note is said to have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from render.ddsp.controls import NOISE_VARIANCE, NUM_HARMONICS
from render.ddsp.frames import FRAME_HZ, SAMPLE_RATE_HZ
from render.ddsp.instrument import FLOOR_DB, Instrument
from render.ddsp.learned_notes import LearnedNote
from render.ddsp.measures import ATTACK_FRAMES, brightness_of
from render.ddsp.noise import NUM_BANDS

__all__ = ["FrameBatch", "FrameSet", "frame_loss"]

TILTS_DB = np.linspace(-6.0, 6.0, 13)  # an octave
NOISE_CHANGE_DB = 12.0
VARIED_SHARE = 0.7
BLUR_SEMITONES = 2.0  # of the pitch that the network is told, so that it learns no single notes by heart
QUIETEST_DB = -55.0
ATTACK_S = ATTACK_FRAMES / FRAME_HZ
RISE_S = 1.0
SETTLED_FRAMES = (38, 125)
MOST_RISE_DB = 6.0
AUDIBLE_DB, AUDIBLE_WIDTH_DB, LEAST_WEIGHT = -60.0, 8.0, 0.02
NOISE_SHARE = 0.5  # of the error in the loss
SMOOTHNESS = 0.1


@dataclass(frozen=True, kw_only=True)
class FrameBatch:
    """Frames as ``Instrument.spectrum_db`` and ``Instrument.attack_db`` take them, and what should come out.

    Args:
        key, told_key, relative_db, brightness, attack_noise_db, age_s: (frame,).
        harmonics_db: (frame, 100) re the frame's level.
        bands_db: (frame, 65).
        weight: (frame, 100) how much a harmonic matters to the ear.
        rise_key, rise_noise_db, rise_age_s, rise_db: (row,) frames of attacks and their level re that to which they lead.
    """

    key: Tensor
    told_key: Tensor
    relative_db: Tensor
    brightness: Tensor
    attack_noise_db: Tensor
    age_s: Tensor
    harmonics_db: Tensor
    bands_db: Tensor
    weight: Tensor
    rise_key: Tensor
    rise_noise_db: Tensor
    rise_age_s: Tensor
    rise_db: Tensor


def frame_loss(model: nn.Module, batch: FrameBatch) -> Tensor:
    """Mean absolute error in dB of harmonics (weighted), noise and attack, and a little for bends in the body's curve."""
    instrument: Instrument = model  # type: ignore[assignment]
    harmonics, bands = instrument.spectrum_db(
        batch.key, batch.relative_db, batch.brightness, batch.attack_noise_db, batch.age_s, batch.told_key
    )
    error = ((harmonics - batch.harmonics_db).abs() * batch.weight).sum() / batch.weight.sum().clamp(min=1.0)
    noise = (bands - batch.bands_db).abs().mean()
    rise = (instrument.attack_db(batch.rise_key, batch.rise_noise_db, batch.rise_age_s) - batch.rise_db).abs().mean()
    total: Tensor = error + NOISE_SHARE * noise + rise + SMOOTHNESS * torch.diff(instrument.body, n=2).square().sum()
    return total


class FrameSet:
    """All frames of some notes.

    Args:
        notes: At least one.
        quietest_db: Frames that are quieter re the volume of their note are left out.
    """

    def __init__(self, notes: list[LearnedNote], quietest_db: float = QUIETEST_DB) -> None:
        columns: dict[str, list[NDArray[np.float64]]] = {}
        for index, note in enumerate(notes):
            for name, values in _columns(note, index, quietest_db).items():
                columns.setdefault(name, []).append(values)
        self._frames = {name: torch.from_numpy(np.concatenate(parts)).float() for name, parts in columns.items()}
        self._note = self._frames.pop("note").long()
        self._tilted = torch.tensor(np.array([_tilted_brightness(note) for note in notes]), dtype=torch.float32)
        rising = self._frames["age_s"] < self._frames["settled_s"]
        self._rising = rising.nonzero()[:, 0]

    def __len__(self) -> int:
        return len(self._note)

    def spectrum_mean(self) -> Tensor:
        """(165,) mean levels of harmonics and bands, for the instrument to begin with."""
        weight = self._frames["weight"]
        harmonics = (self._frames["harmonics_db"] * weight).sum(0) / weight.sum(0).clamp(min=1e-3)
        return torch.cat([harmonics.clamp(FLOOR_DB, 0.0), self._frames["bands_db"].mean(0)])

    def batches(self, rng: np.random.Generator, size: int) -> Iterator[FrameBatch]:
        """Endless varied batches of ``size`` frames."""
        while True:
            rows = torch.from_numpy(rng.integers(len(self), size=size))
            tilt = np.where(rng.random(size) < VARIED_SHARE, rng.uniform(TILTS_DB[0], TILTS_DB[-1], size), 0.0)
            change = np.where(rng.random(size) < VARIED_SHARE, rng.uniform(-NOISE_CHANGE_DB, NOISE_CHANGE_DB, size), 0.0)
            rising = self._rising[torch.from_numpy(rng.integers(len(self._rising), size=max(1, size // 4)))]
            blur = torch.from_numpy(rng.normal(0.0, BLUR_SEMITONES, size)).float()
            yield self._batch(rows, torch.from_numpy(tilt).float(), torch.from_numpy(change).float(), blur, rising)

    def plain(self) -> FrameBatch:
        """All frames as they are."""
        zeros = torch.zeros(len(self))
        return self._batch(torch.arange(len(self)), zeros, zeros, zeros, self._rising)

    def _batch(self, rows: Tensor, tilt: Tensor, change: Tensor, blur: Tensor, rising: Tensor) -> FrameBatch:
        got = {name: values[rows] for name, values in self._frames.items()}
        k = torch.arange(1, NUM_HARMONICS + 1)
        f0 = 440.0 * 2 ** ((got["key"] - 69) / 12)
        band_hz = torch.arange(NUM_BANDS) * (SAMPLE_RATE_HZ / 2 / (NUM_BANDS - 1))
        harmonics = got["harmonics_db"] + tilt[:, None] * torch.log2(k)
        octaves = torch.log2(band_hz.clamp(min=100.0) / f0[:, None])
        near = ((2 * ATTACK_S - got["age_s"]) / ATTACK_S).clamp(0, 1)
        bands = got["bands_db"] + tilt[:, None] * octaves + (change * near)[:, None]
        power = (10 ** (harmonics / 10)).sum(1) / 2 + NOISE_VARIANCE * (10 ** (bands / 10)).mean(1)
        level = 10 * torch.log10(power.clamp(min=1e-9))[:, None]
        place = ((tilt - TILTS_DB[0]) / (TILTS_DB[1] - TILTS_DB[0])).clamp(0, len(TILTS_DB) - 1.001)
        left = place.floor().long()
        note = self._note[rows]
        brightness = torch.lerp(self._tilted[note, left], self._tilted[note, left + 1], place - left)
        harmonics = (harmonics - level).clamp(min=FLOOR_DB)
        audible = torch.sigmoid((harmonics - AUDIBLE_DB) / AUDIBLE_WIDTH_DB) + LEAST_WEIGHT
        return FrameBatch(
            key=got["key"],
            told_key=got["key"] + blur,
            relative_db=got["relative_db"],
            brightness=brightness,
            attack_noise_db=got["attack_noise_db"] + change,
            age_s=got["age_s"],
            harmonics_db=harmonics,
            bands_db=(bands - level).clamp(min=FLOOR_DB),
            weight=audible * (got["weight"] > 0),
            rise_key=self._frames["key"][rising],
            rise_noise_db=self._frames["attack_noise_db"][rising],
            rise_age_s=self._frames["age_s"][rising],
            rise_db=self._frames["rise_db"][rising],
        )


def _columns(note: LearnedNote, index: int, quietest_db: float) -> dict[str, NDArray[np.float64]]:
    """The frames of a note that are loud enough."""
    analysis, expression = note.analysis, note.expression
    level = analysis.level_db()
    relative = level - expression.volume_db
    kept = relative > quietest_db
    harmonics = np.maximum(20 * np.log10(np.maximum(analysis.amplitudes, 1e-9)) - level[:, None], FLOOR_DB)
    bands = np.maximum(20 * np.log10(np.maximum(analysis.bands, 1e-9)) - level[:, None], FLOOR_DB)
    reachable = np.arange(1, NUM_HARMONICS + 1) * analysis.f0_hz[:, None] < SAMPLE_RATE_HZ / 2
    count = len(level)
    columns = {
        "note": np.full(count, index, dtype=np.float64),
        "key": 69 + 12 * np.log2(analysis.f0_hz / 440),
        "relative_db": relative,
        "attack_noise_db": np.full(count, expression.attack_noise_db),
        "age_s": np.arange(count) / FRAME_HZ,
        "rise_db": np.clip(level - _settled_db(level, note.release_frame), QUIETEST_DB, MOST_RISE_DB),
        "settled_s": np.full(count, min(RISE_S, note.release_frame / FRAME_HZ)),
        "harmonics_db": harmonics,
        "bands_db": bands,
        "weight": reachable.astype(np.float64),
    }
    return {name: values[kept] for name, values in columns.items()}


def _settled_db(level: NDArray[np.float64], release_frame: int) -> float:
    """The level that the attack of a note leads to: the median from 0.3 s to 1 s, or of what there is after its first third."""
    last = min(release_frame, SETTLED_FRAMES[1])
    return float(np.median(level[min(SETTLED_FRAMES[0], last // 3) : last]))


def _tilted_brightness(note: LearnedNote) -> NDArray[np.float64]:
    """(13,) the note's brightness under each of the filters."""
    amplitudes = note.analysis.amplitudes[: note.release_frame]
    octaves = np.log2(np.arange(1, NUM_HARMONICS + 1))
    found = []
    for tilt in TILTS_DB:
        tilted = amplitudes * 10 ** (tilt * octaves / 20)
        weights = tilted.sum(-1)
        found.append(float((brightness_of(tilted) * weights).sum() / max(float(weights.sum()), 1e-12)))
    return np.array(found)
