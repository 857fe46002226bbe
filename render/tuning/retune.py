"""Music in another tuning: each note gets the nearest key of equal temperament, and the cents that are left.

So a sampled instrument plays the sample nearest to what sounds, whatever key was written. Drums stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from corpora.errors import InputError
from corpora.piece import Piece, Table, nearest_pitch
from render.played import PlayedMusic
from render.tuning.tunings import Tuning

__all__ = ["retuned", "retuned_piece"]

KEYS = 128


def _retune_rows(rows: Table, key_field: str, is_drum: Table, tuning: Tuning) -> None:
    """Sets key and cents of the rows that are no drums.

    Raises:
        InputError: A key plays nothing in the tuning, or sounds beyond MIDI's keys.
    """
    found: dict[tuple[int, float], tuple[int, float]] = {}
    for index in np.flatnonzero(~is_drum):
        row = rows[index]
        key, cents = int(row[key_field]), float(row["cents"])
        if (key, cents) not in found:
            found[key, cents] = _place(tuning, key, cents, str(row["id"]))
        row[key_field], row["cents"] = found[key, cents]


def _place(tuning: Tuning, key: int, cents: float, note: str) -> tuple[int, float]:
    height = tuning.height(key, cents)
    if height is None:
        raise InputError(f"note {note}: key {key} plays nothing in {tuning.name}")
    nearest, left = nearest_pitch(height)
    if not 0 <= nearest < KEYS:
        raise InputError(f"note {note}: key {key} sounds at key {nearest} in {tuning.name}, expected 0 to {KEYS - 1}")
    return nearest, left


def retuned(played: PlayedMusic, tuning: Tuning) -> PlayedMusic:
    """The same music in a tuning.

    Key and cents of every note that is no drum become the tuning's; what its channel is bent by still comes on top. The pressure on
    a key goes with it.

    Raises:
        InputError: A note's key plays nothing in the tuning, or sounds beyond MIDI's keys.
    """
    notes = played.notes.copy()
    _retune_rows(notes, "key", notes["is_drum"], tuning)
    notes = notes[np.lexsort((notes["key"], notes["channel"], notes["onset_sample"]))]
    events = tuple(
        replace(event, first=_place(tuning, event.first, 0.0, "under pressure")[0])
        if event.kind == "polytouch" and event.channel not in played.drum_channels and tuning.height(event.first) is not None
        else event
        for event in played.events
    )
    return replace(played, notes=notes, events=events)


def retuned_piece(piece: Piece, tuning: Tuning) -> Piece:
    """The same piece in a tuning, its pitches and cents being what sounds; it has no source file.

    Raises:
        InputError: As ``retuned``.
    """
    notes = piece.notes.copy()
    is_drum = np.array([part.is_drum for part in piece.parts], dtype=bool)[notes["part"]]
    _retune_rows(notes, "pitch", is_drum, tuning)
    return piece.with_notes(notes)
