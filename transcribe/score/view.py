"""The notes of a recording on its beat grid: ``NoteView``, and the lag that all onsets have behind the beats.

The lag is the circular mean of the phases of the onsets within the coarsest division of the beat at which they agree (Fisher,
"Statistical Analysis of Circular Data", 1993, section 2.3; MuScriptor uses it so).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.heard import HeardMusic
from transcribe.score.grid import BeatGrid

__all__ = ["NoteView", "note_view", "onset_lag_s"]

Array = NDArray[np.float64]
LAG_DIVISIONS = (1, 2, 3, 4, 6, 8, 12)
MIN_AGREEMENT = 0.5  # mean resultant length
MIN_ONSETS = 40
MAX_LAG_S = 0.04


@dataclass(frozen=True, eq=False)
class NoteView:
    """The notes of a recording on its grid, by onset; all arrays have shape (notes,).

    Args:
        onset_s, end_s: Times.
        onset, end: The same in beats.
        beat_s: Length of the beat at the onset.
        bar_place: Beats since the bar line at the onset.
        bar_beats: Beats of that bar.
        pitch, velocity, family: As heard.
        tactus_quarters: Length of a beat in quarters.
        pedals: PEDAL_DTYPE rows.
    """

    onset_s: Array
    end_s: Array
    onset: Array
    end: Array
    beat_s: Array
    bar_place: Array
    bar_beats: Array
    pitch: NDArray[np.int64]
    velocity: NDArray[np.int64]
    family: NDArray[np.int64]
    tactus_quarters: float
    pedals: Table

    def __len__(self) -> int:
        return len(self.onset)


def onset_lag_s(heard: HeardMusic, grid: BeatGrid) -> float:
    """Seconds by which onsets come after their beats; 0 where there are few, or where they agree on no lag below 40 ms."""
    if len(heard.notes) < MIN_ONSETS:
        return 0.0
    beats = grid.beats_at(heard.notes["onset_s"])
    for division in LAG_DIVISIONS:
        mean = np.exp(2j * np.pi * division * beats).mean()
        if abs(mean) >= MIN_AGREEMENT:
            lag_s = float(np.angle(mean)) / (2 * np.pi * division) * float(np.median(np.diff(grid.seconds)))
            return lag_s if abs(lag_s) <= MAX_LAG_S else 0.0
    return 0.0


def note_view(heard: HeardMusic, grid: BeatGrid, lag_s: float = 0.0) -> NoteView:
    """The notes of a recording on a grid, ``lag_s`` taken from all their times; a note without length lasts a millisecond."""
    notes = heard.notes
    onset_s = notes["onset_s"] - lag_s
    end_s = np.maximum(notes["offset_s"] - lag_s, onset_s + 1e-3)
    onset, end = grid.beats_at(onset_s), grid.beats_at(end_s)
    beat = np.clip(np.floor(onset).astype(np.int64), 0, len(grid.seconds) - 2)
    bar = np.clip(np.searchsorted(grid.bar_lines, onset, side="right") - 1, 0, len(grid.bar_lines) - 2)
    return NoteView(
        onset_s=onset_s,
        end_s=end_s,
        onset=onset,
        end=end,
        beat_s=np.diff(grid.seconds)[beat],
        bar_place=onset - grid.bar_lines[bar],
        bar_beats=np.diff(grid.bar_lines)[bar].astype(np.float64),
        pitch=notes["pitch"].astype(np.int64),
        velocity=notes["velocity"].astype(np.int64),
        family=notes["family"].astype(np.int64),
        tactus_quarters=float(grid.tactus_quarters),
        pedals=heard.pedals,
    )
