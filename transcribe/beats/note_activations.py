"""Activations of beats from notes alone: ``note_activations``, by the network that comes with the package.

Conventions: as ``transcribe.beats.tracking``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from corpora.checkpoints import find_weights, load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError
from corpora.piece import Table
from transcribe.beats.note_features import FRAMES_PER_SECOND, note_events, num_frames
from transcribe.beats.note_model import METERS, NoteBeatConfig, NoteBeatModel
from transcribe.beats.tracking import TrackedBeats, track_beats
from transcribe.beats.wishes import BeatWishes

__all__ = ["NoteActivations", "load_note_beats", "note_activations", "save_note_beats", "track_note_beats"]

KIND = "note beats"
WEIGHTS = "beats"
CHUNK_EVENTS = 4_096
NO_ONSET = (0.01, 0.004)  # probability of a beat and of a downbeat in a frame in which nothing begins


@dataclass(frozen=True, eq=False)
class NoteActivations:
    """What the network says of notes.

    Args:
        beats: Probabilities (frames, 2) of a beat and of a downbeat.
        meter_shares: Probabilities of ``transcribe.beats.note_model.METERS``.
    """

    beats: NDArray[np.float32]
    meter_shares: NDArray[np.float32]


def save_note_beats(folder: Path, model: NoteBeatModel, card: str) -> None:
    """Write weights (fp16), config and model card as a checkpoint folder."""
    save_checkpoint(folder, model.state_dict(), {"kind": KIND, **model.config.to_dict()}, card, store_as="fp16")


@lru_cache(maxsize=2)
def load_note_beats(name: str = WEIGHTS) -> NoteBeatModel:
    """The network by the name of its weights, or from a folder.

    Raises:
        CheckpointError: There are no such weights, or they are of something else.
    """
    checkpoint = load_checkpoint(find_weights(name))
    config = dict(checkpoint.config)
    if config.pop("kind", None) != KIND:
        raise CheckpointError(f"weights {name!r}: expected a model of {KIND}, got one of {checkpoint.config.get('kind')!r}")
    model = NoteBeatModel(NoteBeatConfig.from_dict(config))
    try:
        model.load_state_dict(checkpoint.tensors)
    except RuntimeError as error:
        raise CheckpointError(f"weights {name!r}: {str(error).splitlines()[-1].strip()}") from None
    return model.eval()


@torch.no_grad()
def note_activations(notes: Table, duration_s: float, model: NoteBeatModel | None = None) -> NoteActivations:
    """Probabilities of beats, downbeats and meters of notes, chunk by chunk.

    Args:
        notes: HEARD_DTYPE rows.
        duration_s: Of the music.
        model: The network; the one that comes with the package when None.
    """
    model = model or load_note_beats()
    events = note_events(notes)
    features = torch.from_numpy(events.features)
    heard, meters = [torch.zeros(0, 2)], [torch.zeros(0, len(METERS))]
    for start in range(0, len(features), CHUNK_EVENTS):
        stop, first = start + CHUNK_EVENTS, max(start - model.config.context, 0)
        logits, meter_logits = model(features[None, first : stop + model.config.context])
        heard.append(torch.sigmoid(logits[0, start - first : stop - first]))
        meters.append(torch.log_softmax(meter_logits[0, start - first : stop - first], dim=-1))
    beats = np.full((num_frames(duration_s), 2), NO_ONSET, dtype=np.float32)
    frame = np.rint(events.times_s * FRAMES_PER_SECOND).astype(np.int64)
    inside = (frame >= 0) & (frame < len(beats))
    beats[frame[inside]] = torch.cat(heard).numpy()[inside]
    opinions = torch.cat(meters)
    shares = torch.softmax(opinions.mean(dim=0) if len(opinions) else torch.zeros(len(METERS)), dim=-1)
    return NoteActivations(beats, shares.numpy())


def track_note_beats(
    notes: Table, duration_s: float, wishes: BeatWishes | None = None, model: NoteBeatModel | None = None
) -> TrackedBeats:
    """Beats and bars of notes alone; there are none where there are no notes.

    Args and Raises: as ``note_activations`` and ``track_beats``.
    """
    heard = note_activations(notes, duration_s, model)
    span_s = (float(notes["onset_s"].min()), float(notes["offset_s"].max())) if len(notes) else (0.0, -1.0)
    return track_beats(heard.beats, wishes, meter_shares=heard.meter_shares, span_s=span_s)
