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
from transcribe.beats.note_features import note_features, num_frames
from transcribe.beats.note_model import NoteBeatConfig, NoteBeatModel
from transcribe.beats.tracking import TrackedBeats, track_beats
from transcribe.beats.wishes import BeatWishes

__all__ = ["NoteActivations", "load_note_beats", "note_activations", "save_note_beats", "track_note_beats"]

KIND = "note beats"
WEIGHTS = "beats"
CHUNK_FRAMES, CONTEXT_FRAMES = 20_000, 2_400  # the network sees about 33 s to both sides


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
    features = torch.from_numpy(note_features(notes, num_frames(duration_s)))
    frames = len(features)
    beats = np.zeros((frames, 2), dtype=np.float32)
    meters: list[torch.Tensor] = []
    for start in range(0, frames, CHUNK_FRAMES):
        stop = min(start + CHUNK_FRAMES, frames)
        first, last = max(start - CONTEXT_FRAMES, 0), min(stop + CONTEXT_FRAMES, frames)
        logits, meter_logits = model(features[None, first:last])
        beats[start:stop] = torch.sigmoid(logits[0, start - first : stop - first]).numpy()
        meters.append(torch.log_softmax(meter_logits[0], dim=-1))
    shares = torch.softmax(torch.cat(meters).mean(dim=0), dim=-1)
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
