"""The beats of a recording: what the network hears in the sound and what the notes say, together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from transcribe.beats.note_activations import note_activations
from transcribe.beats.note_model import NoteBeatModel
from transcribe.beats.readings import likely_readings
from transcribe.beats.tracking import mix_activations, track_beats
from transcribe.beats.wishes import BeatWishes
from transcribe.heard import HeardMusic

__all__ = ["with_beats"]

SOUND_SHARE = 0.35  # of the sound's opinion beside the notes'


def with_beats(
    music: HeardMusic,
    logits: NDArray[np.float32] | None = None,
    wishes: BeatWishes | None = None,
    model: NoteBeatModel | None = None,
) -> HeardMusic:
    """The same music with beats, bars and meter; without notes there are none.

    Args:
        music: Notes.
        logits: Of beat and downbeat in each frame of the sound, (frames, 2); None where only the notes are known.
        wishes: What the user knows.
        model: The network of the notes' beats; the one that comes with the package when None.

    Raises:
        RequestError: The first downbeat that is wished for lies beyond the music.
    """
    if not len(music.notes):
        return music
    notes = note_activations(music.notes, music.duration_s, model)
    activations = notes.beats
    if logits is not None and len(logits):
        sound = np.asarray(1.0 / (1.0 + np.exp(-logits.astype(np.float64))), dtype=np.float32)
        activations = mix_activations([sound, activations], [SOUND_SHARE, 1.0 - SOUND_SHARE])
    span_s = float(music.notes["onset_s"].min()), float(music.notes["offset_s"].max())
    found = track_beats(activations, wishes, tempo_meter=notes.tempo_meter, periods=notes.periods, span_s=span_s)
    readings = likely_readings(notes.tempo_meter, wishes)
    return replace(music, beats=found.beats, beats_per_bar=found.beats_per_bar, beat_type=found.beat_type, readings=readings)
