"""What a beat tracker sees of notes: ``note_features``, frame by frame.

Conventions: 62.5 frames a second, frame t is centred on t / 62.5 s; features (frames, NUM_FEATURES) of float32, about -1 to 2.
Pitch names are kept apart (``CHROMA``) so that training may transpose them. Drums have features of their own and no pitch.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.heard import DRUMS

__all__ = ["CHROMA", "FRAMES_PER_SECOND", "NUM_FEATURES", "note_features", "num_frames"]

Frames: TypeAlias = NDArray[np.int64]

FRAMES_PER_SECOND = 62.5
PITCH_EDGES = (48, 60, 72)  # registers: below C3, to C4, to C5, above
KICKS, SNARES = (35, 36), (37, 38, 39, 40)  # General MIDI keys
CHORD_S = 0.035  # onsets closer than this are one for the time between onsets
SCALES_S = (0.5, 2.0)  # spans before and after a frame whose harmony is compared
USUAL_LENGTH_S = 0.25
NUM_REGISTERS = len(PITCH_EDGES) + 1
NAMES = (
    "onsets",
    "loudness",
    "bass onset",
    "bass change",
    "lowest",
    "highest",
    "length",
    "time since onset",
    "time to onset",
    "ends",
    "sounding",
    "kick",
    "snare",
    "other drums",
)
REGISTERS = slice(len(NAMES), len(NAMES) + NUM_REGISTERS)
CHANGE = slice(REGISTERS.stop, REGISTERS.stop + len(SCALES_S))
CHROMA = slice(CHANGE.stop, CHANGE.stop + 12)
NUM_FEATURES = CHROMA.stop
_AT = {name: index for index, name in enumerate(NAMES)}


def num_frames(duration_s: float) -> int:
    """Frames of a recording: those centred within it."""
    return int(duration_s * FRAMES_PER_SECOND) + 1


def note_features(notes: Table, frames: int) -> NDArray[np.float32]:
    """Features of notes, shape (frames, NUM_FEATURES).

    Args:
        notes: Rows with onset_s, offset_s, pitch, velocity and family (``transcribe.heard.HEARD_DTYPE``), in any order; what lies
            beyond the frames is left out.
        frames: How many.
    """
    out = np.zeros((frames, NUM_FEATURES), dtype=np.float32)
    onset = np.rint(notes["onset_s"] * FRAMES_PER_SECOND).astype(np.int64)
    notes, onset = notes[(onset >= 0) & (onset < frames)], onset[(onset >= 0) & (onset < frames)]
    drums = notes["family"] == DRUMS
    for name, keys in (("kick", KICKS), ("snare", SNARES)):
        np.maximum.at(out[:, _AT[name]], onset[drums & np.isin(notes["pitch"], keys)], 1.0)
    np.maximum.at(out[:, _AT["other drums"]], onset[drums & ~np.isin(notes["pitch"], KICKS + SNARES)], 1.0)
    _time_between(out, np.unique(onset), frames)
    notes, onset = notes[~drums], onset[~drums]
    if not len(notes):
        return out
    end = np.rint(notes["offset_s"] * FRAMES_PER_SECOND).astype(np.int64)
    end = np.clip(np.maximum(end, onset + 1), 1, frames)
    pitch, loudness = notes["pitch"].astype(np.int64), (notes["velocity"] / 127.0).astype(np.float32)
    np.add.at(out[:, _AT["onsets"]], onset, 1.0)
    np.maximum.at(out[:, _AT["loudness"]], onset, loudness)
    np.add.at(out[:, _AT["ends"]], end - 1, 1.0)
    register = np.searchsorted(PITCH_EDGES, pitch, side="right")
    np.add.at(out, (onset, REGISTERS.start + register), 1.0)
    np.add.at(out, (onset, CHROMA.start + pitch % 12), loudness)
    length = np.log2(np.clip(notes["offset_s"] - notes["onset_s"], 0.02, 8.0) / USUAL_LENGTH_S) / 4 + 0.5
    np.maximum.at(out[:, _AT["length"]], onset, length.astype(np.float32))
    _heights(out, onset, end, pitch, frames)
    _harmony(out, onset, end, pitch, frames)
    for columns in (_AT["onsets"], _AT["ends"], _AT["sounding"], REGISTERS, CHROMA):
        out[:, columns] = np.log1p(out[:, columns]) / np.log(4.0)
    return out


def _time_between(out: NDArray[np.float32], onset: NDArray[np.int64], frames: int) -> None:
    """How long nothing has begun before an onset, and until the next, on a scale of octaves of time; chords are one onset."""
    if not len(onset):
        return
    starts = onset[np.concatenate([[True], np.diff(onset) > CHORD_S * FRAMES_PER_SECOND])]
    gaps = np.diff(starts, prepend=starts[0] - FRAMES_PER_SECOND, append=frames)
    scaled = np.log2(np.clip(gaps, 1, 512) / (USUAL_LENGTH_S * FRAMES_PER_SECOND)) / 4 + 0.5
    out[starts, _AT["time since onset"]] = scaled[:-1]
    out[starts, _AT["time to onset"]] = scaled[1:]


def _heights(out: NDArray[np.float32], onset: Frames, end: Frames, pitch: Frames, frames: int) -> None:
    """Lowest and highest of what begins, and whether that is the bass of all that sounds."""
    silent = 999
    bass = np.full(frames, silent, dtype=np.int64)  # lowest that sounds
    low = np.full(frames, silent, dtype=np.int64)
    high = np.full(frames, -silent, dtype=np.int64)
    steps = np.bincount(onset, minlength=frames + 1) - np.bincount(end, minlength=frames + 1)
    out[:, _AT["sounding"]] = np.cumsum(steps[:frames])
    np.minimum.at(low, onset, pitch)
    np.maximum.at(high, onset, pitch)
    for first, last, height in zip(onset.tolist(), end.tolist(), pitch.tolist(), strict=True):
        np.minimum(bass[first:last], height, out=bass[first:last])
    begins = low < silent
    out[begins, _AT["lowest"]] = (low[begins] - 48) / 24
    out[begins, _AT["highest"]] = (high[begins] - 72) / 24
    is_bass = np.flatnonzero(begins & (low <= bass))
    out[is_bass, _AT["bass onset"]] = 1.0
    changed = np.diff(low[is_bass], prepend=silent) != 0
    out[is_bass[changed], _AT["bass change"]] = 1.0


def _harmony(out: NDArray[np.float32], onset: Frames, end: Frames, pitch: Frames, frames: int) -> None:
    """How unlike the pitch names just before a frame and just after it are, 0 to 1, at each of ``SCALES_S``."""
    slope = np.zeros((frames + 1, 12))
    np.add.at(slope, (onset, pitch % 12), 1.0)
    np.add.at(slope, (end, pitch % 12), -1.0)
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(np.cumsum(slope[:-1], axis=0), axis=0)])  # of the frames before
    place = np.arange(frames)
    for column, span_s in enumerate(SCALES_S):
        span = round(span_s * FRAMES_PER_SECOND)
        before = total[place] - total[np.maximum(place - span, 0)]
        after = total[np.minimum(place + span, frames)] - total[place]
        size = np.sqrt((before**2).sum(axis=1) * (after**2).sum(axis=1))
        alike = (before * after).sum(axis=1) / np.maximum(size, 1e-9)
        out[:, CHANGE.start + column] = np.where(size > 0, 1 - alike, 0.0)
