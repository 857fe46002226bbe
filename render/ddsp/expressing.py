"""Notes to expression: how each note of a voice would be played, from what the instrument's own notes were like.

Pitch decides through a curve fitted to the training notes; velocity sets volume (40 dB a factor of ten, as General MIDI has it) and
brightness; length decides how much of its vibrato a note has time for. Neighbours decide the articulation only: the training notes
stood alone, so there is nothing to learn about phrases from them.
"""

from __future__ import annotations

import math

import numpy as np

from corpora.piece import Table
from render.ddsp.instrument import Instrument
from render.ddsp.measures import NoteExpression
from render.ddsp.voices import joins

__all__ = ["PEAK_DBFS", "expression", "velocity_to_db"]

PEAK_DBFS = -18.0  # of a note at velocity 100 with all controllers at rest
FULL_VELOCITY = 100
DB_PER_DECADE = 40.0  # General MIDI Level 1 guidelines: amplitude goes with the square of the value
VIBRATO_FROM_S, VIBRATO_FULL_S = 0.25, 0.8
STACCATO_S = 0.18
MOST_FLUCTUATION_DB = 1.5  # what the held tones of the training set swell beyond that is not how melodies are played
LEAST_BRIGHTNESS = 1.02


def velocity_to_db(value: float | int, full: float | int = FULL_VELOCITY) -> float:
    """Level of a velocity or volume controller re that of ``full``."""
    return DB_PER_DECADE * math.log10(max(value, 0.1) / full)


def expression(notes: Table, instrument: Instrument, sample_rate_hz: int) -> tuple[NoteExpression, ...]:
    """How each note of a voice is played.

    Args:
        notes: PLAYED_DTYPE rows of one voice in order (``render.played``, ``render.ddsp.voices``).
        instrument: That plays it.
        sample_rate_hz: Of the places in ``notes``.
    """
    config = instrument.config
    found = []
    for note, joined in zip(notes, joins(notes, sample_rate_hz), strict=True):
        length_s = (int(note["end_sample"]) - int(note["onset_sample"])) / sample_rate_hz
        typical = instrument.typical_expression(float(note["key"]) + float(note["cents"]) / 100)
        time_for_vibrato = np.interp(length_s, [VIBRATO_FROM_S, VIBRATO_FULL_S], [0.0, 1.0])
        louder = config.brightness_per_velocity * (int(note["velocity"]) - config.velocity)
        detached = "staccato" if length_s < STACCATO_S else "detached"
        found.append(
            NoteExpression(volume_db=-60.0).limited(
                volume_db=PEAK_DBFS - config.crest_db + velocity_to_db(int(note["velocity"])),
                fluctuation_db=min(max(typical["fluctuation_db"], 0.0), MOST_FLUCTUATION_DB) * min(1.0, length_s),
                vibrato_cents=max(typical["vibrato_cents"], 0.0) * float(time_for_vibrato),
                vibrato_hz=typical["vibrato_hz"],
                brightness=max(2 ** (typical["log2_brightness"] + louder), LEAST_BRIGHTNESS),
                attack_noise_db=typical["attack_noise_db"],
                articulation="legato" if joined else detached,
            )
        )
    return tuple(found)
