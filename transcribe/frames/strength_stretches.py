"""What the reader of strengths learns from: the notes of clips with what is looked at about each onset, as ``Stretch``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from compose.devices import device_of, moved
from corpora.piece import Table
from transcribe.frames.model import FrameModel, heard_cells
from transcribe.frames.strength_looks import gathered
from transcribe.frames.targets import LOWEST_PITCH, MAX_VELOCITY, NUM_PITCHES
from transcribe.heard import DRUMS, sort_heard
from transcribe.spectra.log_frequency import log_frequency
from transcribe.spectra.timing import FRAME_RATE_HZ
from transcribe.training_audio.gathering import gather
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["Stretch", "gather_stretches", "stretch_of"]

MOST_NOTES = 1_000_000  # of a store, 2.4 kB each
FEWEST_NOTES = 8


@dataclass(frozen=True, eq=False)
class Stretch:
    """The notes of a clip by onset.

    Args:
        looked_at: Of ``transcribe.frames.strength_looks.gathered``, float16.
        told: Velocity, 0 to 1, that the frame model heard.
        pitch: From the lowest.
        onset_s: Seconds.
        family: Index into FAMILIES.
        velocity: What was played, 0 to 1.
    """

    looked_at: Float[Tensor, "note size"]
    told: Float[Tensor, " note"]
    pitch: Int[Tensor, " note"]
    onset_s: Float[Tensor, " note"]
    family: Int[Tensor, " note"]
    velocity: Float[Tensor, " note"]

    def __len__(self) -> int:
        return len(self.told)


@torch.inference_mode()
def stretch_of(model: FrameModel, sound: NDArray[np.float32], notes: Table) -> Stretch | None:
    """What is to be learned from a sound; None where it has few notes.

    Args:
        model: In evaluation mode.
        sound: Mono at 16 kHz.
        notes: HEARD_DTYPE rows, what was played.
    """
    inside = (notes["pitch"] >= LOWEST_PITCH) & (notes["pitch"] < LOWEST_PITCH + NUM_PITCHES)
    pitched = sort_heard(notes[inside & (notes["family"] != DRUMS)])
    if len(pitched) < FEWEST_NOTES:
        return None
    place = device_of(model)
    spectra = log_frequency(torch.from_numpy(sound)[None].to(place))
    half = model.hear(spectra)
    frame = np.clip(np.rint(pitched["onset_s"] * FRAME_RATE_HZ).astype(np.int64), 0, spectra.shape[2] - 1)
    pitch = pitched["pitch"].astype(np.int64) - LOWEST_PITCH
    places = torch.from_numpy(np.stack([frame, pitch], 1)).to(place)
    cells = heard_cells(half)
    return moved(
        Stretch(
            looked_at=gathered(spectra[0], cells, half.vectors[:, 0], places).half(),
            told=_told_at(cells[0], cells[2], places),
            pitch=places[:, 1].clone(),
            onset_s=torch.from_numpy(pitched["onset_s"].astype(np.float32)),
            family=torch.from_numpy(pitched["family"].astype(np.int64)),
            velocity=torch.from_numpy(pitched["velocity"].astype(np.float32) / MAX_VELOCITY),
        ),
        torch.device("cpu"),
    )


def _told_at(onset: Tensor, velocity: Tensor, places: Tensor) -> Float[Tensor, " note"]:
    """The frame model's velocities of onsets: of three frames about each, by how likely it begins there."""
    times = (places[:, :1] + torch.arange(-1, 2, device=places.device)).clamp(0, len(onset) - 1)
    weight = onset[times, places[:, 1:]] + 1e-6
    return (velocity[times, places[:, 1:]] * weight).sum(1) / weight.sum(1)


def gather_stretches(
    model: FrameModel, store: SoundStore, minutes: float, seed: int = 0, say: Callable[[str], None] | None = None
) -> list[Stretch]:
    """Of a store's clips in random order, most of them augmented, until the time is used.

    Args:
        model: In evaluation mode.
        store: Of sound.
        minutes: Wall time.
        seed: Of order and augmentation.
        say: Hears how many notes there are now and then.
    """
    return gather(store, minutes, lambda sound, own: stretch_of(model, sound, own), MOST_NOTES, seed, say)
