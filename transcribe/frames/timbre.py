"""Which families a note's onset sounds like, from what sounds at and above its pitch as it begins and goes on.

The frame model's cells are few numbers that have much to tell; timbre is read apart, and only where an onset is likely. Both
spectrograms are taken by semitones, from a little below the pitch to four octaves above, the sharp one at a few moments up to a
third of a second later, the quick one closer together, all relative to the loudest; so the note's partials always lie at the same
places, and what else sounds can be told from them. A small network says how likely each family is. It learns after the frame model,
from the places where onsets are known to be.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from transcribe.families import FAMILIES
from transcribe.spectra.log_frequency import BINS_PER_SEMITONE, NUM_BINS

__all__ = ["LOOKS_AHEAD", "PATCH_SIZE", "SEMITONES", "TimbreReader", "patches", "semitone_levels"]

SEMITONES = NUM_BINS // BINS_PER_SEMITONE
BELOW, ABOVE = 14, 48  # semitones about the pitch
SHARP_MOMENTS = (-6, -1, 1, 4, 8, 14, 22)  # frames from the onset
QUICK_MOMENTS = (-3, -1, 0, 1, 2, 3, 5, 8, 12, 16)
LOOKS_BACK, LOOKS_AHEAD = 6, 22
HEIGHT = BELOW + 1 + ABOVE
PATCH_SIZE = (len(SHARP_MOMENTS) + len(QUICK_MOMENTS)) * HEIGHT
HIDDEN = (768, 384)
DROPPED = 0.25
PITCH_SCALE, USUAL_LEVEL = 88.0, 4.0
MOST_SURE = 0.999


def semitone_levels(spectra: Float[Tensor, "batch 2 time freq"]) -> Float[Tensor, "batch 2 time semitone"]:
    """``transcribe.spectra.log_frequency``'s bins by semitones from A0 on: the loudest of each three."""
    whole = spectra[..., : SEMITONES * BINS_PER_SEMITONE]
    return whole.reshape(*whole.shape[:-1], SEMITONES, BINS_PER_SEMITONE).amax(-1)


def patches(levels: Float[Tensor, "batch 2 time semitone"], places: Int[Tensor, "note 3"]) -> Float[Tensor, "note patch"]:
    """What is looked at for some onsets.

    Args:
        levels: Of ``semitone_levels``; outside is silence.
        places: For each onset its row in the batch, its frame, and its pitch from the lowest.
    """
    padded = functional.pad(levels, (BELOW, ABOVE, LOOKS_BACK, LOOKS_AHEAD))
    row, frame, pitch = (places[:, column, None, None] for column in range(3))
    height = torch.arange(HEIGHT, device=places.device)
    parts = []
    for resolution, moments in enumerate((SHARP_MOMENTS, QUICK_MOMENTS)):
        times = frame + LOOKS_BACK + torch.tensor(moments, device=places.device)[:, None]
        parts.append(padded[row, resolution, times, pitch + height].flatten(1))
    return torch.cat(parts, 1)


class TimbreReader(nn.Module):
    """The network, and where it looks."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(PATCH_SIZE + 2, HIDDEN[0]),
            nn.ReLU(),
            nn.Dropout(DROPPED),
            nn.Linear(HIDDEN[0], HIDDEN[1]),
            nn.ReLU(),
            nn.Dropout(DROPPED),
            nn.Linear(HIDDEN[1], len(FAMILIES)),
        )

    def forward(self, spectra: Float[Tensor, "batch 2 time freq"], places: Int[Tensor, "note 3"]) -> Float[Tensor, "note family"]:
        """Log odds of the families, each against all others.

        Args:
            spectra: ``transcribe.spectra.log_frequency``'s; outside is silence.
            places: As for ``patches``.
        """
        told = self.judge(patches(semitone_levels(spectra), places), places[:, 2])
        return told - torch.log1p(-told.exp().clamp(max=MOST_SURE))

    def judge(self, looked_at: Float[Tensor, "note patch"], pitch: Int[Tensor, " note"]) -> Float[Tensor, "note family"]:
        """Log probabilities of the families.

        Args:
            looked_at: Of ``patches``.
            pitch: From the lowest.
        """
        loudest = looked_at.amax(1, keepdim=True)
        height = pitch[:, None].to(looked_at.dtype) / PITCH_SCALE
        given = torch.cat([looked_at - loudest, loudest - USUAL_LEVEL, height - 0.5], 1)
        return functional.log_softmax(self.layers(given), 1)
