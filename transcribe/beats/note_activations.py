"""Activations of beats from notes alone: ``note_activations``, by the network that comes with the package.

The network hears the notes five times, at ``STRETCHES``, and its opinions are joined as mean logits: which of several levels is
the beat depends on the tempo, and a single opinion tips over easily. On 162 held-out clips the F1 of beats rose by 0.013 and that
of downbeats by 0.030 (true notes).

Conventions: as ``transcribe.beats.tracking``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corpora.checkpoints import find_weights, load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError
from corpora.piece import Table
from transcribe.beats.note_features import FRAMES_PER_SECOND, NoteEvents, note_events, num_frames
from transcribe.beats.note_model import METERS, PERIODS_S, WINDOW_S, NoteBeatConfig, NoteBeatModel
from transcribe.beats.tracking import TrackedBeats, track_beats
from transcribe.beats.wishes import BeatWishes

__all__ = ["NoteActivations", "load_note_beats", "note_activations", "save_note_beats", "track_note_beats"]

KIND = "note beats"
WEIGHTS = "beats"
STEP_S = 22.5  # from window to window
STRETCHES = (0.75, 0.87, 1.0, 1.15, 1.33)  # the network hears the notes in other tempi too: one opinion errs more than five
LEAST_WEIGHT = 1e-3  # of what is said of the meter for a beat that is not likely
NO_ONSET = (0.01, 0.004)  # probability of a beat and of a downbeat in a frame in which nothing begins


@dataclass(frozen=True, eq=False)
class NoteActivations:
    """What the network says of notes.

    Args:
        beats: Probabilities (frames, 2) of a beat and of a downbeat.
        periods: Log probabilities (frames, periods) of ``transcribe.beats.note_model.PERIODS_S``, those of the nearest event.
        tempo_meter: Log probabilities (periods, meters) of the music's tempo and meter together, of ``PERIODS_S`` and ``METERS``.
    """

    beats: NDArray[np.float32]
    periods: NDArray[np.float32]
    tempo_meter: NDArray[np.float32]


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
    """Probabilities of beats, downbeats, meters and beat lengths of notes, window by window.

    Args:
        notes: HEARD_DTYPE rows.
        duration_s: Of the music.
        model: The network; the one that comes with the package when None.
    """
    model = model or load_note_beats()
    frames = num_frames(duration_s)
    beats = np.full((frames, 2), NO_ONSET, dtype=np.float32)
    if not len(notes):
        count = len(PERIODS_S)
        alike = np.full((frames, count), -np.log(count), dtype=np.float32)
        return NoteActivations(beats, alike, np.full((count, len(METERS)), -np.log(count * len(METERS)), dtype=np.float32))
    opinions = []
    for stretch in STRETCHES:
        events = note_events(notes, stretch)
        opinions.append(_opinion(model, events, stretch))
    heard, periods, meters, weights = (torch.stack(parts).mean(dim=0) for parts in zip(*opinions, strict=True))
    periods = torch.log_softmax(periods, dim=-1)
    tempi = torch.logsumexp(periods, dim=0) - float(np.log(len(periods)))
    tempo_meter = tempi[:, None] + torch.log_softmax(meters / weights[:, None], dim=-1)
    at = np.rint(events.times_s / stretch * FRAMES_PER_SECOND).astype(np.int64)
    inside = (at >= 0) & (at < frames)
    beats[at[inside]] = torch.sigmoid(heard).numpy()[inside]
    middles = (at[:-1] + at[1:]) / 2
    nearest = np.searchsorted(middles, np.arange(frames))
    return NoteActivations(beats, periods.numpy()[nearest], tempo_meter.numpy())


class _Opinion(NamedTuple):
    """Of events, in the notes' own tempo.

    Args:
        beats: Logits (events, 2).
        periods: Log probabilities (events, periods).
        meters: Log probabilities (periods, meters) of all events, weighted by how likely each period is at each.
        weights: Those weights (periods,), summed.
    """

    beats: Tensor
    periods: Tensor
    meters: Tensor
    weights: Tensor


def _opinion(model: NoteBeatModel, events: NoteEvents, stretch: float) -> _Opinion:
    """What the network says of stretched events."""
    said = [_window(model, events, *bounds) for bounds in _windows(events.times_s)]
    beats, periods, meters, weights = zip(*said, strict=True)
    own = _unstretching(stretch)
    return _Opinion(
        torch.cat(beats), torch.cat(periods) @ own.T, own @ torch.stack(meters).sum(dim=0), own @ torch.stack(weights).sum(dim=0)
    )


def _unstretching(stretch: float) -> Tensor:
    """What takes values (periods,) of ``PERIODS_S`` in a stretched tempo to those in the own one, (periods, periods)."""
    count = len(PERIODS_S)
    place = np.clip(np.arange(count) + np.log(stretch) / np.log(PERIODS_S[1] / PERIODS_S[0]), 0, count - 1)
    return torch.from_numpy(np.maximum(1 - np.abs(place[:, None] - np.arange(count)), 0).astype(np.float32))


def _windows(times_s: NDArray[np.float64]) -> Iterator[tuple[slice, slice]]:
    """Events that the network sees at once, ``WINDOW_S`` of them, and those in the middle that it then answers for."""
    margin_s = (WINDOW_S - STEP_S) / 2
    start_s, last_s = float(times_s[0]), float(times_s[-1])
    while start_s <= last_s:
        answered = (start_s if start_s > times_s[0] else -np.inf), start_s + STEP_S
        seen_from_s = min(max(start_s - margin_s, times_s[0]), max(last_s - WINDOW_S, times_s[0]))
        if answered[1] > last_s:
            answered = answered[0], np.inf
        first, stop = np.searchsorted(times_s, answered)
        seen = slice(*np.searchsorted(times_s, (seen_from_s, seen_from_s + WINDOW_S + 1e-6)))
        if stop > first:
            yield slice(min(seen.start, first), max(seen.stop, stop)), slice(first, stop)
        start_s += STEP_S


def _window(model: NoteBeatModel, events: NoteEvents, seen: slice, answered: slice) -> _Opinion:
    """What the network says of the events answered for, in the tempo in which it hears them."""
    times_s = torch.from_numpy((events.times_s[seen] - events.times_s[seen.start]).astype(np.float32))
    said = model(torch.from_numpy(events.features[None, seen]), times_s[None])
    own = slice(answered.start - seen.start, answered.stop - seen.start)
    periods, meters = (torch.log_softmax(logits[0, own], dim=-1) for logits in (said.periods, said.meters))
    weights = periods.exp() + LEAST_WEIGHT
    return _Opinion(said.beats[0, own], periods, torch.einsum("ep,epm->pm", weights, meters), weights.sum(dim=0))


def track_note_beats(
    notes: Table, duration_s: float, wishes: BeatWishes | None = None, model: NoteBeatModel | None = None
) -> TrackedBeats:
    """Beats and bars of notes alone; there are none where there are no notes.

    Args and Raises: as ``note_activations`` and ``track_beats``.
    """
    heard = note_activations(notes, duration_s, model)
    span_s = (float(notes["onset_s"].min()), float(notes["offset_s"].max())) if len(notes) else (0.0, -1.0)
    return track_beats(heard.beats, wishes, tempo_meter=heard.tempo_meter, periods=heard.periods, span_s=span_s)
