"""What a beat tracker sees of notes: ``note_events``, chord by chord.

Notes that begin together are one event. Of each it is told what begins there, how far away the next and last events are, and
what begins a given time before and after it: twenty times from 0.18 to 3.2 s, so that a beat's and a bar's period show wherever
they lie.

Conventions: seconds; events by time; features (events, NUM_FEATURES) of float32, about -1 to 2. Pitch names are kept apart
(``CHROMA``) so that training may transpose them. Drums have features of their own and no pitch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.heard import DRUMS
from transcribe.spectra.timing import FRAME_RATE_HZ

__all__ = ["CHROMA", "FRAMES_PER_SECOND", "NUM_FEATURES", "NoteEvents", "note_events", "num_frames"]

Array: TypeAlias = NDArray[np.float32]
Places: TypeAlias = NDArray[np.int64]

FRAMES_PER_SECOND = FRAME_RATE_HZ  # of activations
CHORD_S = 0.040  # notes that begin within this of the first are one event
PITCH_EDGES = (48, 60, 72)  # registers: below C3, to C4, to C5, above
KICKS, SNARES = (35, 36), (37, 38, 39, 40)  # General MIDI keys
SPANS_S = (0.5, 2.0)  # before and after an event, whose harmonies are compared
USUAL_S = 0.25
NEIGHBOURS = (1, 2, 3, 4)
LAGS_S = np.geomspace(0.18, 3.2, 20)
LAG_WIDTH, LEAST_WIDTH_S = 0.06, 0.03  # around a lag, to both sides
NAMES = (
    "onsets",
    "loudness",
    "bass onset",
    "bass change",
    "lowest",
    "highest",
    "longest",
    "shortest",
    "kick",
    "snare",
    "other drums",
)
REGISTERS = slice(len(NAMES), len(NAMES) + len(PITCH_EDGES) + 1)
CHANGE = slice(REGISTERS.stop, REGISTERS.stop + len(SPANS_S))
TIMES = slice(CHANGE.stop, CHANGE.stop + 2 * len(NEIGHBOURS))
CHROMA = slice(TIMES.stop, TIMES.stop + 12)
LAGS = slice(CHROMA.stop, CHROMA.stop + 6 * len(LAGS_S))
NUM_FEATURES = LAGS.stop
_AT = {name: index for index, name in enumerate(NAMES)}


@dataclass(frozen=True, eq=False)
class NoteEvents:
    """Events of notes.

    Args:
        times_s: When they begin, ascending, shape (events,).
        features: (events, NUM_FEATURES).
    """

    times_s: NDArray[np.float64]
    features: Array


def num_frames(duration_s: float) -> int:
    """Frames of a recording: those centred within it."""
    return int(duration_s * FRAMES_PER_SECOND) + 1


def note_events(notes: Table, stretch: float = 1.0) -> NoteEvents:
    """The events of notes with their features.

    Args:
        notes: Rows with onset_s, offset_s, pitch, velocity and family (``transcribe.heard.HEARD_DTYPE``), in any order.
        stretch: What all times are multiplied by, after notes have been put together to events: those are the same at any.
    """
    notes = notes[np.argsort(notes["onset_s"], kind="stable")]
    event = _grouped(notes["onset_s"])
    for end in ("onset_s", "offset_s"):
        notes[end] *= stretch
    count = int(event[-1]) + 1 if len(event) else 0
    out = np.zeros((count, NUM_FEATURES), dtype=np.float32)
    if not count:
        return NoteEvents(np.zeros(0), out)
    times_s = np.bincount(event, notes["onset_s"]) / np.bincount(event)
    drums = notes["family"] == DRUMS
    keys = notes["pitch"]
    out[event[drums & np.isin(keys, KICKS)], _AT["kick"]] = 1.0
    out[event[drums & np.isin(keys, SNARES)], _AT["snare"]] = 1.0
    out[event[drums & ~np.isin(keys, KICKS + SNARES)], _AT["other drums"]] = 1.0
    _pitched(out, notes[~drums], event[~drums], times_s)
    for column, step in enumerate(NEIGHBOURS):
        gap = np.full(count, 8.0)
        gap[:-step] = times_s[step:] - times_s[:-step]
        back = np.full(count, 8.0)
        back[step:] = gap[:-step]
        out[:, TIMES.start + column] = np.log2(np.clip(gap, 0.02, 8.0) / (USUAL_S * step)) / 3
        out[:, TIMES.start + len(NEIGHBOURS) + column] = np.log2(np.clip(back, 0.02, 8.0) / (USUAL_S * step)) / 3
    salience = out[:, _AT["onsets"]] * (0.5 + out[:, _AT["loudness"]]) + out[:, [_AT["kick"], _AT["snare"]]].sum(axis=1)
    bass = out[:, _AT["bass onset"]] * 0.5 + out[:, _AT["bass change"]] * 0.5 + out[:, _AT["kick"]]
    for index, values in enumerate((salience, bass, out[:, CHANGE.start])):
        start = LAGS.start + 2 * index * len(LAGS_S)
        out[:, start : start + 2 * len(LAGS_S)] = _at_lags(times_s, values)
    return NoteEvents(times_s, out)


def _grouped(onset_s: NDArray[np.float64]) -> Places:
    """Number of the event of each onset, ascending."""
    group = np.zeros(len(onset_s), dtype=np.int64)
    first, number = -np.inf, -1
    for index, time_s in enumerate(onset_s.tolist()):
        if time_s - first > CHORD_S:
            first, number = time_s, number + 1
        group[index] = number
    return group


def _pitched(out: Array, notes: Table, event: Places, times_s: NDArray[np.float64]) -> None:
    """Features of what has a pitch."""
    if not len(notes):
        return
    pitch, loudness = notes["pitch"].astype(np.int64), (notes["velocity"] / 127.0).astype(np.float32)
    length = np.log2(np.clip(notes["offset_s"] - notes["onset_s"], 0.02, 8.0) / USUAL_S).astype(np.float32) / 4
    np.add.at(out[:, _AT["onsets"]], event, 1.0)
    np.maximum.at(out[:, _AT["loudness"]], event, loudness)
    np.add.at(out, (event, REGISTERS.start + np.searchsorted(PITCH_EDGES, pitch, side="right")), 1.0)
    np.add.at(out, (event, CHROMA.start + pitch % 12), loudness)
    sounding = out[:, _AT["onsets"]] > 0
    for name, ufunc, values, empty in (
        ("lowest", np.minimum, pitch, 999),
        ("highest", np.maximum, pitch, -999),
        ("longest", np.maximum, length, -9),
        ("shortest", np.minimum, length, 9),
    ):
        found = np.full(len(out), empty, dtype=np.float32)
        ufunc.at(found, event, values)
        out[sounding, _AT[name]] = found[sounding]
    _bass(out, sounding, notes, event, times_s)
    _harmony(out, notes, times_s)
    out[sounding, _AT["lowest"]] = (out[sounding, _AT["lowest"]] - 48) / 24
    out[sounding, _AT["highest"]] = (out[sounding, _AT["highest"]] - 72) / 24
    for columns in (_AT["onsets"], REGISTERS, CHROMA):
        out[:, columns] = np.log1p(out[:, columns]) / np.log(4.0)


def _bass(out: Array, sounding: NDArray[np.bool_], notes: Table, event: Places, times_s: NDArray[np.float64]) -> None:
    """Where the lowest of all that sounds begins, and where it is another than before."""
    held = np.full(len(out), 999.0)
    stop = np.searchsorted(times_s, notes["offset_s"] - CHORD_S)
    for first, last, pitch in zip(event.tolist(), stop.tolist(), notes["pitch"].tolist(), strict=True):
        np.minimum(held[first : max(last, first + 1)], pitch, out=held[first : max(last, first + 1)])
    is_bass = np.flatnonzero(sounding & (out[:, _AT["lowest"]] <= held))
    out[is_bass, _AT["bass onset"]] = 1.0
    changed = np.diff(out[is_bass, _AT["lowest"]], prepend=999.0) != 0
    out[is_bass[changed], _AT["bass change"]] = 1.0


def _harmony(out: Array, notes: Table, times_s: NDArray[np.float64]) -> None:
    """How unlike the pitch names that begin just before an event and from it on are, 0 to 1, at each of ``SPANS_S``."""
    weight = np.zeros((len(notes) + 1, 12))
    length = np.clip(notes["offset_s"] - notes["onset_s"], 0.05, 1.0)
    weight[np.arange(1, len(notes) + 1), notes["pitch"] % 12] = length
    total = np.cumsum(weight, axis=0)
    onset_s = notes["onset_s"]
    here_s = times_s - CHORD_S
    here = np.searchsorted(onset_s, here_s)
    for column, span_s in enumerate(SPANS_S):
        before = total[here] - total[np.searchsorted(onset_s, here_s - span_s)]
        after = total[np.searchsorted(onset_s, here_s + span_s)] - total[here]
        size = np.sqrt((before**2).sum(axis=1) * (after**2).sum(axis=1))
        alike = (before * after).sum(axis=1) / np.maximum(size, 1e-9)
        out[:, CHANGE.start + column] = np.where(size > 0, 1 - alike, 0.0)


def _at_lags(times_s: NDArray[np.float64], values: Array) -> Array:
    """What begins at each of ``LAGS_S`` after each event, then before it, shape (events, 2 lags)."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    both = []
    for sign in (1.0, -1.0):
        centre = times_s[:, None] + sign * LAGS_S
        width = np.maximum(LAG_WIDTH * LAGS_S, LEAST_WIDTH_S)
        first, stop = np.searchsorted(times_s, centre - width), np.searchsorted(times_s, centre + width)
        both.append(np.minimum(total[stop] - total[first], 3.0))
    return np.concatenate(both, axis=1).astype(np.float32)
