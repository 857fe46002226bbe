"""How much of each pitch class sounds in each span of time: ``note_chroma`` of notes, ``pooled_chroma`` of a recording's chroma.

Conventions: chroma (spans, 12) from C, not negative, in any unit that is the same throughout. Spans lie between neighbouring
edges, in seconds, ascending: beats where they are known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.heard import DRUMS

__all__ = ["bass_chroma", "note_chroma", "pooled_chroma"]

LEVEL_SHARE = 0.3  # how far loudness counts beside length
Chroma = NDArray[np.float64]


def note_chroma(notes: Table, edges_s: NDArray[np.float64]) -> Chroma:
    """Share of each span that each pitch class sounds, over all notes (a doubled note counts twice), drums left out.

    Args:
        notes: HEARD_DTYPE rows.
        edges_s: Of the spans, shape (spans + 1,).

    Returns:
        (spans, 12); louder notes weigh a little more.
    """
    pitched = notes[notes["family"] != DRUMS]
    sounding = _sounding(pitched, edges_s)
    weight = (1 - LEVEL_SHARE) + LEVEL_SHARE * pitched["velocity"] / 64.0
    return _summed(sounding * weight, pitched["pitch"] % 12)


def bass_chroma(notes: Table, edges_s: NDArray[np.float64]) -> Chroma:
    """Share of each span that each pitch class is the lowest that sounds, shape (spans, 12), drums left out."""
    pitched = notes[notes["family"] != DRUMS]
    out = np.zeros((len(edges_s) - 1, 12))
    moments = np.unique(np.concatenate([pitched["onset_s"], pitched["offset_s"], edges_s]))
    moments = moments[(moments >= edges_s[0]) & (moments <= edges_s[-1])]
    if len(moments) < 2 or not len(pitched):
        return out
    lowest = np.full(len(moments) - 1, 128)
    first, stop = np.searchsorted(moments, pitched["onset_s"]), np.searchsorted(moments, pitched["offset_s"])
    for begin, end, pitch in zip(first.tolist(), stop.tolist(), pitched["pitch"].tolist(), strict=True):
        np.minimum(lowest[begin:end], pitch, out=lowest[begin:end])
    span = np.searchsorted(edges_s, moments[:-1], side="right") - 1
    length = np.diff(moments) / np.diff(edges_s)[np.clip(span, 0, len(out) - 1)]
    heard = (lowest < 128) & (span >= 0) & (span < len(out))
    np.add.at(out, (span[heard], lowest[heard] % 12), length[heard])
    return out


def pooled_chroma(chroma: NDArray[np.float32], frames_per_second: float, edges_s: NDArray[np.float64]) -> Chroma:
    """Mean of the frames in each span, shape (spans, 12); a span shorter than a frame has that of its middle.

    Args:
        chroma: (frames, 12); frame t is centred on t / frames_per_second.
        frames_per_second: Of the frames.
        edges_s: Of the spans.
    """
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(chroma.astype(np.float64), axis=0)])
    place = np.clip(np.rint(edges_s * frames_per_second).astype(np.int64), 0, len(chroma))
    first, stop = place[:-1], place[1:]
    middle = np.clip(np.rint((edges_s[:-1] + edges_s[1:]) / 2 * frames_per_second).astype(np.int64), 0, max(len(chroma) - 1, 0))
    first, stop = np.where(stop > first, first, middle), np.where(stop > first, stop, middle + 1)
    if not len(chroma):
        return np.zeros((len(edges_s) - 1, 12))
    return np.asarray((total[stop] - total[first]) / (stop - first)[:, None])


def _sounding(notes: Table, edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each span that each note sounds, shape (spans, notes)."""
    begin = np.maximum(notes["onset_s"][None, :], edges_s[:-1, None])
    end = np.minimum(notes["offset_s"][None, :], edges_s[1:, None])
    return np.asarray(np.clip(end - begin, 0.0, None) / np.diff(edges_s)[:, None])


def _summed(values: NDArray[np.float64], pitch_class: NDArray[np.int32]) -> Chroma:
    """Columns of one pitch class added up: (spans, notes) to (spans, 12)."""
    return np.asarray(values @ (pitch_class[:, None] == np.arange(12)).astype(np.float64))
