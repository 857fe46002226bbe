"""Which families a note's onset sounds like, from the levels of its partials as they begin and die away.

The frame model's cells are few numbers that have much to tell; timbre is read apart, and only where an onset is likely. About the
onset of a pitch the levels at its partials (and between them, where other pitches show) are taken from both spectrograms at ten
moments up to 0.2 s later, relative to the loudest; a small network says which families there are. It learns after the frame
model, from the places where onsets are known to be.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from transcribe.families import FAMILIES
from transcribe.spectra.log_frequency import BINS_PER_OCTAVE, BINS_PER_SEMITONE, NUM_BINS

__all__ = ["LOOKS_AHEAD", "TimbreReader"]

PARTIALS = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14)
MOMENTS = (-2, 0, 1, 2, 3, 4, 6, 8, 10, 13)  # frames from the onset
LOOKS_AHEAD = max(MOMENTS)
HIDDEN = (192, 96)
RESOLUTIONS = 2
PITCH_SCALE = 88.0


class TimbreReader(nn.Module):
    """The network, and where it looks."""

    def __init__(self) -> None:
        super().__init__()
        shifts = torch.tensor([round(BINS_PER_OCTAVE * math.log2(partial)) for partial in PARTIALS])
        self.register_buffer("shifts", shifts, persistent=False)
        self.register_buffer("moments", torch.tensor(MOMENTS), persistent=False)
        size = RESOLUTIONS * len(PARTIALS) * len(MOMENTS)
        self.layers = nn.Sequential(
            nn.Linear(size + 2, HIDDEN[0]),
            nn.ReLU(),
            nn.Linear(HIDDEN[0], HIDDEN[1]),
            nn.ReLU(),
            nn.Linear(HIDDEN[1], len(FAMILIES)),
        )

    shifts: Tensor
    moments: Tensor

    def forward(self, spectra: Float[Tensor, "batch 2 time freq"], places: Int[Tensor, "note 3"]) -> Float[Tensor, "note family"]:
        """Logits of the families.

        Args:
            spectra: ``transcribe.spectra.log_frequency``'s; outside is silence.
            places: For each onset its row in the batch, its frame, and its pitch from the lowest.
        """
        low, high = -int(self.shifts.min()) + 1, int(self.shifts.max()) + 1
        padded = functional.pad(spectra, (low, max(high + 3 * 88 - NUM_BINS, 0), -MOMENTS[0], LOOKS_AHEAD))
        frames = places[:, 1, None, None] - MOMENTS[0] + self.moments[None, :, None]
        bins = BINS_PER_SEMITONE * places[:, 2, None, None] + 1 + low + self.shifts[None, None, :]
        row = places[:, 0, None, None]
        around = torch.stack([padded[row, :, frames, bins + step] for step in (-1, 0, 1)]).amax(0)  # (note, moment, partial, 2)
        levels = around.flatten(1)
        loudest = levels.amax(1, keepdim=True)
        pitch = places[:, 2, None].to(levels.dtype) / PITCH_SCALE
        logits: Tensor = self.layers(torch.cat([levels - loudest, loudest - 4.0, pitch - 0.5], 1))
        return logits
