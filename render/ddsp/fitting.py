"""What of an instrument is fitted in closed form: its typical expression, release, dynamics and peak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from render.ddsp.expressing import expression
from render.ddsp.frames import FRAME_HZ, SAMPLE_RATE_HZ
from render.ddsp.instrument import EXPRESSION_TERMS, EXPRESSION_VALUES, MIDDLE_KEY, Instrument, InstrumentConfig
from render.ddsp.learned_notes import LearnedNote
from render.ddsp.measures import measure_note
from render.ddsp.playing import controls
from render.ddsp.synthesis import synthesise
from render.played import PLAYED_DTYPE

__all__ = ["fit_crest", "fit_dynamics", "fit_expression", "fit_release"]

RIDGE = 1.0  # of the slope and the bend over pitch, in octaves; the mean is free
# Octaves of brightness a step of velocity. Most fonts play one recording at every velocity and so say nothing; from pianissimo to
# fortissimo the centroid of real instruments about doubles (Risset and Mathews, "Analysis of musical-instrument tones", Physics
# Today 22, 1969, on brass), which is the middle of this range.
SLOPE_RANGE = (0.004, 0.012)
RELEASE_RANGE = (250.0, 900.0)  # slower ones are the room of the recording
TYPICAL_NOTE_S = 1.5
TYPICAL_FRAMES = 250  # of a note that are like the notes of music: held tones of ten seconds swell and die


def fit_expression(instrument: Instrument, notes: list[LearnedNote]) -> None:
    """Fit what notes are like at each pitch, at the velocity that the instrument takes for typical; changes it in place."""
    config = instrument.config
    pitch = np.array([(note.key - MIDDLE_KEY) / 12 for note in notes])
    velocity = np.array([note.velocity or config.velocity for note in notes])
    values = []
    for note, each in zip(notes, velocity, strict=True):
        early = slice(0, min(note.release_frame, TYPICAL_FRAMES))
        analysis = note.analysis
        measured = measure_note(analysis.f0_hz[early], analysis.amplitudes[early], analysis.bands[early]).to_dict()
        measured["log2_brightness"] = np.log2(measured["brightness"]) - config.brightness_per_velocity * (each - config.velocity)
        values.append([float(measured[name]) for name in EXPRESSION_VALUES])
    centre = pitch.mean()
    terms = np.stack([np.ones_like(pitch), pitch - centre, (pitch - centre) ** 2], axis=1)
    penalty = np.diag([1e-6, RIDGE, RIDGE * len(notes) / 4])
    weights = np.linalg.solve(terms.T @ terms + penalty, terms.T @ np.array(values))  # about the mean pitch
    shift = np.array([[1.0, -centre, centre**2], [0.0, 1.0, -2 * centre], [0.0, 0.0, 1.0]])  # back to middle C
    assert shift.shape == (EXPRESSION_TERMS, EXPRESSION_TERMS)
    instrument.expression.copy_(torch.from_numpy((shift @ weights).T).float())


def fit_dynamics(notes: list[LearnedNote], otherwise: float) -> float:
    """Octaves of brightness a step of velocity, from keys that were played at several velocities; ``otherwise`` without such."""
    steps, octaves = [], []
    for key in {note.key for note in notes if note.velocity}:
        same = [note for note in notes if note.key == key and note.velocity]
        velocities = np.array([note.velocity for note in same], dtype=np.float64)
        brightness = np.log2([note.expression.brightness for note in same])
        steps.extend(velocities - velocities.mean())
        octaves.extend(brightness - brightness.mean())
    spread = float(np.square(steps).sum())
    if spread <= 0:
        return otherwise
    return float(np.clip(np.dot(steps, octaves) / spread, *SLOPE_RANGE))


def fit_release(notes: list[LearnedNote], otherwise: float) -> float:
    """Decibels a second at which notes die when they are let go: the median of those whose end is there."""
    rates = []
    for note in notes:
        level = note.analysis.level_db()[note.release_frame - 1 :]
        below = np.flatnonzero(level < level[0] - 20)
        if len(level) > 3 and len(below):
            rates.append((level[0] - level[below[0]]) / (below[0] / FRAME_HZ))
    return float(np.clip(np.median(rates), *RELEASE_RANGE)) if rates else otherwise


def fit_crest(instrument: Instrument) -> InstrumentConfig:
    """The config with the peak of typical notes re their RMS."""
    config = instrument.config
    crests = []
    for share in (0.25, 0.5, 0.75):
        notes = np.zeros(1, dtype=PLAYED_DTYPE)
        length = round(TYPICAL_NOTE_S * SAMPLE_RATE_HZ)
        notes["release_sample"] = notes["end_sample"] = length
        notes["key"] = round(config.low_key + share * (config.high_key - config.low_key))
        notes["velocity"] = 100
        asked = expression(notes, instrument, SAMPLE_RATE_HZ)
        sound = synthesise(controls(notes, asked, instrument, SAMPLE_RATE_HZ)[0].frames).samples[0]
        crests.append(20 * np.log10(max(float(np.abs(sound).max()), 1e-9)) - asked[0].volume_db)
    return replace(config, crest_db=round(float(np.median(crests)), 2))
