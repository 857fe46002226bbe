"""How hard notes were struck, weighed over a whole recording: ``settled_velocities``.

The frame model tells strengths by loudness, note by note, and errs in two ways that a recording as a whole betrays. Keys of an
instrument differ in loudness by themselves (in a SoundFont by some decibels, from one recorded key to the next): a key whose
notes are all louder than what is played about them is a loud key, not a favoured one, the more surely the more often it sounds.
And what is heard of a single note is uncertain by about as much as strengths differ from one note to its neighbours, so that the
best guess lies between what was heard and what its surroundings were played with (shrinkage; James and Stein, 1961). Both are
done within the notes of one family.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table

__all__ = ["settled_velocities"]

NEIGHBOURS = 60  # to either side, in the order of onsets
KEY_S, KEY_SEMITONES = 1.0, 16.0  # about a note, what its key is compared with: time constant, and standard deviation
NOTES_OF_DOUBT = 5.0  # how many notes' worth the guess counts that a key is like all others
NEAR_S, NEAR_SEMITONES = 0.8, 12.0  # about a note, what it is drawn to
DRAWN = 0.5  # how far
LOWEST, HIGHEST = 1, 127
KEYS = 128

Floats = NDArray[np.float64]


def _surroundings(notes: Table, velocities: Floats, constant_s: float, semitones: float) -> Floats:
    """Mean velocity of the notes about each, which itself does not count; its own where it has no neighbour. By onset."""
    onset_s, pitch = notes["onset_s"].astype(np.float64), notes["pitch"].astype(np.float64)
    total, weight = np.zeros(len(notes)), np.zeros(len(notes))
    for step in range(1, min(NEIGHBOURS, len(notes) - 1) + 1):
        apart_s, interval = onset_s[step:] - onset_s[:-step], pitch[step:] - pitch[:-step]
        near = np.exp(-apart_s / constant_s - 0.5 * (interval / semitones) ** 2)
        total[step:] += near * velocities[:-step]
        total[:-step] += near * velocities[step:]
        weight[step:] += near
        weight[:-step] += near
    alone = weight < 1e-9
    return np.asarray(np.where(alone, velocities, total / np.where(alone, 1.0, weight)))


def _settled(notes: Table) -> Floats:
    """Of one family, by onset."""
    heard = notes["velocity"].astype(np.float64)
    beyond = heard - _surroundings(notes, heard, KEY_S, KEY_SEMITONES)
    count, louder = (np.bincount(notes["pitch"], weights=values, minlength=KEYS) for values in (None, beyond))
    level = louder / (count + NOTES_OF_DOUBT)
    evened = heard - level[notes["pitch"]]
    return np.asarray(evened + DRAWN * (_surroundings(notes, evened, NEAR_S, NEAR_SEMITONES) - evened))


def settled_velocities(notes: Table) -> NDArray[np.int32]:
    """Velocities of all notes of a recording, in their order.

    Args:
        notes: HEARD_DTYPE rows, pitched, in any order.

    Returns:
        int32 (notes,), 1 to 127.
    """
    out = notes["velocity"].copy()
    order = np.lexsort((notes["pitch"], notes["onset_s"]))
    for family in np.unique(notes["family"]):
        own = order[notes["family"][order] == family]
        out[own] = np.clip(np.rint(_settled(notes[own])), LOWEST, HIGHEST)
    return out
