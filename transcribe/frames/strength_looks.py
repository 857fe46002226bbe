"""What is looked at about an onset to tell how hard it was struck: ``gathered``.

Loudness of a note alone is hard to tell where others sound with it. So besides what its partials do, in both spectrograms, before
the onset and after it, and besides all that sounds from a little below its pitch to four octaves above, it is told what begins and
what sounds at every interval from it, and what the frame model's own cells make of it. All places are relative to the note's.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from transcribe.frames.targets import NUM_PITCHES
from transcribe.frames.timbre import semitone_levels
from transcribe.spectra.log_frequency import BINS_PER_OCTAVE, BINS_PER_SEMITONE, NUM_BINS

__all__ = ["CELLS_AHEAD", "gathered", "size_of"]

PARTIALS = 10
SHARP_MOMENTS = (-6, -3, -1, 0, 1, 2, 3, 4, 6, 8, 12, 18)  # frames from the onset
QUICK_MOMENTS = (-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8, 11)
BELOW, ABOVE = 14, 48  # semitones of the wide looks
WIDE_SHARP, WIDE_QUICK = (-3, 2, 6), (-3, 1, 3)
INTERVALS = 36  # up and down, of what else is struck or sounds
TOGETHER = 2  # frames within which others are struck with it
BEFORE, AFTER = -4, 4  # when others sound
CELL_MOMENTS = (-1, 0, 1, 3)
CELLS_AHEAD = 4  # frames that are looked at beyond the onset in what the frame model says
MARGIN = 20  # frames of silence about all
LEAST = 1e-3

SHIFTS = tuple(round(BINS_PER_OCTAVE * math.log2(partial)) for partial in range(1, PARTIALS + 1))
ROOM = BINS_PER_SEMITONE * NUM_PITCHES + max(SHIFTS) - NUM_BINS  # bins beyond the spectrum that high notes' partials reach
HEIGHT = BELOW + 1 + ABOVE
WIDTH = 2 * INTERVALS + 1


def size_of(cell_width: int) -> int:
    """Numbers of an onset.

    Args:
        cell_width: Of the frame model.
    """
    partials = PARTIALS * (len(SHARP_MOMENTS) + len(QUICK_MOMENTS))
    return partials + HEIGHT * (len(WIDE_SHARP) + len(WIDE_QUICK)) + 4 * WIDTH + len(CELL_MOMENTS) * cell_width


def gathered(
    spectra: Float[Tensor, "2 time freq"],
    told: Float[Tensor, "3 time 88"],
    cells: Float[Tensor, "width time 88"],
    places: Int[Tensor, "note 2"],
) -> Float[Tensor, "note size"]:
    """What is looked at about some onsets; outside is silence.

    Args:
        spectra: ``transcribe.spectra.log_frequency``'s.
        told: Onset, frame (probabilities) and velocity (0 to 1) of the frame model.
        cells: Its last cells.
        places: Frame, and pitch from the lowest.
    """
    frame, pitch = places[:, 0] + MARGIN, places[:, 1]
    parts = [*_partials(spectra, frame, pitch), *_wide(spectra, frame, pitch), *_others(told, frame, pitch)]
    padded = functional.pad(cells, (0, 0, MARGIN, MARGIN))
    parts += [padded[:, frame + moment, pitch].T for moment in CELL_MOMENTS]
    return torch.cat([part.to(spectra.dtype) for part in parts], 1)


def _times(frame: Tensor, moments: tuple[int, ...]) -> Int[Tensor, "note moment"]:
    return frame[:, None] + torch.tensor(moments, device=frame.device)


def _partials(spectra: Tensor, frame: Tensor, pitch: Tensor) -> list[Tensor]:
    """The loudest bin of each partial's semitone at each moment."""
    padded = functional.pad(spectra, (0, ROOM, MARGIN, MARGIN))
    first = BINS_PER_SEMITONE * pitch[:, None] + torch.tensor(SHIFTS, device=pitch.device)
    bins = first[:, None, :, None] + torch.arange(BINS_PER_SEMITONE, device=pitch.device)
    return [
        padded[resolution][_times(frame, moments)[:, :, None, None], bins].amax(-1).flatten(1)
        for resolution, moments in enumerate((SHARP_MOMENTS, QUICK_MOMENTS))
    ]


def _wide(spectra: Tensor, frame: Tensor, pitch: Tensor) -> list[Tensor]:
    """Levels by semitones about the pitch at a few moments."""
    levels = functional.pad(semitone_levels(spectra[None])[0], (BELOW, ABOVE + 1, MARGIN, MARGIN))
    places = (pitch[:, None] + torch.arange(HEIGHT, device=pitch.device))[:, None]
    return [
        levels[resolution][_times(frame, moments)[:, :, None], places].flatten(1)
        for resolution, moments in enumerate((WIDE_SHARP, WIDE_QUICK))
    ]


def _others(told: Tensor, frame: Tensor, pitch: Tensor) -> list[Tensor]:
    """By interval from the pitch, as the frame model has it: what is struck with it, how hard, and what sounds before and after."""
    onset, sounding, velocity = functional.pad(told, (INTERVALS, INTERVALS, MARGIN, MARGIN))
    keys = pitch[:, None] + torch.arange(WIDTH, device=pitch.device)
    times = _times(frame, tuple(range(-TOGETHER, TOGETHER + 1)))[:, :, None]
    near, hard = onset[times, keys[:, None]], velocity[times, keys[:, None]]
    struck = near.amax(1)
    strength = (near * hard).sum(1) / (near.sum(1) + LEAST) * struck
    return [struck, strength, *(sounding[frame[:, None] + moment, keys] for moment in (BEFORE, AFTER))]
