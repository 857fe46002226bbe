"""Settings of the decoder, learned: those with which most notes of validation music are read as they are.

Coordinate search from the settings at hand, with steps that shrink. What is maximised is the mean of F1 measures, counted over
all clips together: of onsets, onsets with offsets, onsets with families, and drums where there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from corpora.audio_stream import MEASURED_S, level_gain
from corpora.piece import Table
from transcribe.frames.drums import drums_by_class
from transcribe.frames.model import FrameModel
from transcribe.frames.notes import NoteReader
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.stream import HeardFrames, hear
from transcribe.heard import DRUMS
from transcribe.measures.matching import Score, score_notes
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.clips import Clip

__all__ = ["Example", "calibrate", "example_of"]

STEPS = {  # first steps of the search
    "onset_weight": 0.3,
    "onset_bias": 0.8,
    "restrike_bias": 0.8,
    "frame_weight": 0.15,
    "frame_bias": 0.6,
    "offset_weight": 0.15,
    "offset_bias": 0.6,
    "family_logit": 0.7,
    "drum_logit": 0.7,
}
WEIGHTS = ("onset_weight", "frame_weight", "offset_weight")  # not below zero
ROUNDS, SHRINK = 3, 0.5
NOTHING = Score(0, 0, 0)


class Example(NamedTuple):
    """What a model hears in a clip, and what is there."""

    heard: list[HeardFrames]
    notes: Table


def example_of(model: FrameModel, clip: Clip) -> Example:
    """Listen to a clip, at the level at which recordings are listened to."""
    samples = clip.sound
    size = round(MEASURED_S * SAMPLE_RATE_HZ)
    whole = len(samples) // size
    powers = np.square(samples[: whole * size], dtype=np.float64).reshape(whole, size).mean(1)
    levelled = np.asarray(samples * level_gain(powers), dtype=np.float32)
    return Example(list(hear([levelled], model)), clip.notes)


def read(example: Example, settings: DecoderSettings) -> Table:
    """The notes that are read with some settings."""
    reader = NoteReader(settings)
    for heard in example.heard:
        reader.feed(heard)
    reader.finish()
    return reader.settled()


def objective(examples: Sequence[Example], settings: DecoderSettings) -> float:
    """What is maximised, 0 to 1."""
    onsets, offsets, families, drums = NOTHING, NOTHING, NOTHING, NOTHING
    for example in examples:
        notes = read(example, settings)
        wanted, found = (table[table["family"] != DRUMS] for table in (example.notes, notes))
        onsets += score_notes(wanted, found)
        offsets += score_notes(wanted, found, offsets=True)
        families += score_notes(wanted, found, families=True)
        drums += score_notes(drums_by_class(example.notes), drums_by_class(notes))
    parts = [onsets.f1, offsets.f1, families.f1] + ([drums.f1] if drums.reference else [])
    return float(np.mean(parts))


def calibrate(
    examples: Sequence[Example], settings: DecoderSettings, told: Callable[[str], None] | None = None
) -> tuple[DecoderSettings, float]:
    """Better settings, and their value.

    Args:
        examples: Of validation music.
        settings: To begin with.
        told: Hears of each improvement.
    """
    best = objective(examples, settings)
    for turn in range(ROUNDS):
        for name, step in STEPS.items():
            for sign in (1.0, -1.0):
                value = getattr(settings, name) + sign * step * SHRINK**turn
                other = replace(settings, **{name: max(value, 0.0) if name in WEIGHTS else value})
                found = objective(examples, other)
                if found > best:
                    settings, best = other, found
                    if told is not None:
                        told(f"{name} {value:.3f}: {best:.4f}")
                    break
    rounded = {name: round(float(value), 4) for name, value in settings.to_dict().items()}
    return DecoderSettings.from_dict(rounded), best
