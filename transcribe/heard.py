"""Music as it was heard in a recording: notes, pedal and beats in seconds. What all of this room hands on.

Conventions: seconds from the start of the recording. A note's ``offset_s`` is where it stops sounding, so that a note under the
pedal ends with the pedal (the convention of MAESTRO). Velocities are MIDI's, 1 to 127. Probabilities are 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from corpora.piece import Table

__all__ = ["BEAT_DTYPE", "DRUMS", "HEARD_DTYPE", "PEDAL_DTYPE", "BeatReadings", "HeardMusic", "sort_heard"]

DRUMS = -1  # in the field ``family``

HEARD_DTYPE = np.dtype(
    [
        ("onset_s", np.float64),
        ("offset_s", np.float64),  # after onset_s
        ("pitch", np.int32),  # MIDI; the General MIDI key of a drum
        ("velocity", np.int32),
        ("family", np.int32),  # index into transcribe.families.FAMILIES, DRUMS for drums
        ("program", np.int32),  # General MIDI, from 0; 0 for drums
        ("confidence", np.float32),  # that there is such a note
    ]
)
PEDAL_DTYPE = np.dtype([("onset_s", np.float64), ("offset_s", np.float64)])  # the sustain pedal is down
BEAT_DTYPE = np.dtype([("time_s", np.float64), ("number", np.int32)])  # 1 is the downbeat, 2 the next beat of the bar ...


class BeatReadings(NamedTuple):
    """Meters and tempi that the music may have, the likeliest first.

    Args:
        meters: (beats per bar, beat type) and its probability.
        tempi: Beats a minute, and the probability of about so many.
    """

    meters: tuple[tuple[tuple[int, int], float], ...] = ()
    tempi: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class HeardMusic:
    """What was heard in a recording.

    Args:
        notes: HEARD_DTYPE rows by onset, then pitch, then family.
        duration_s: Of the recording.
        pedals: PEDAL_DTYPE rows by onset.
        beats: BEAT_DTYPE rows by time; empty where none were found or asked for.
        beats_per_bar: Of the meter, with ``beat_type`` below it; 0 where it is not known. A beat of the table is a tactus: in
            6/8 it is a dotted quarter, two a bar, and ``beats_per_bar`` is 6.
        beat_type: 2, 4 or 8 (0: not known).
        name: Of the recording, for messages.
        readings: Likely meters and tempi, those of the beats mostly among them; empty where no beats were looked for.
    """

    notes: Table
    duration_s: float
    pedals: Table = field(default_factory=lambda: np.zeros(0, dtype=PEDAL_DTYPE))
    beats: Table = field(default_factory=lambda: np.zeros(0, dtype=BEAT_DTYPE))
    beats_per_bar: int = 0
    beat_type: int = 0
    name: str = ""
    readings: BeatReadings = field(default_factory=BeatReadings)

    def __post_init__(self) -> None:
        for table, dtype in ((self.notes, HEARD_DTYPE), (self.pedals, PEDAL_DTYPE), (self.beats, BEAT_DTYPE)):
            if table.dtype != dtype:
                raise ValueError(f"expected rows {dtype.names}, got {table.dtype}")


def sort_heard(notes: Table) -> Table:
    """The rows in the order that ``HeardMusic`` has."""
    return notes[np.lexsort((notes["family"], notes["pitch"], notes["onset_s"]))]
