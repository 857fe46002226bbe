"""What encoders of different vocabularies count alike: musical examples for reports, and what a piece has besides notes."""

from __future__ import annotations

import numpy as np
import symusic
from numpy.typing import NDArray

from compose.vocabulary.base import MAX_EXAMPLES, Loss, LossKind
from corpora.piece import Piece

__all__ = ["cents_loss", "controller_loss", "note_loss", "pitch_name"]

_PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def pitch_name(pitch: int) -> str:
    """Scientific name of a MIDI pitch, 60 is C4."""
    return f"{_PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def note_loss(
    kind: LossKind, piece: Piece, touched: NDArray[np.bool_], change: NDArray[np.float64] | None = None, unit: str = ""
) -> Loss:
    """A loss of some notes, with examples: the largest changes first, or the first notes where there is no size.

    Args:
        kind: What happened to them.
        piece: The piece; examples say pitch, bar and lane.
        touched: Which of ``piece.notes``, shape (notes,).
        change: Size of the change for each note, shape (notes,); None when it has no size.
        unit: Unit of ``change``.
    """
    places = np.flatnonzero(touched)
    if not places.size:
        return Loss(kind, 0)
    largest = 0.0
    shown = places[:MAX_EXAMPLES]
    if change is not None:
        sizes = np.abs(change[places])
        largest = float(sizes.max())
        shown = places[np.argsort(-sizes, kind="stable")[:MAX_EXAMPLES]]
    return Loss(kind, len(places), largest, unit, tuple(_describe(piece, int(place)) for place in shown))


def cents_loss(piece: Piece) -> Loss:
    """The notes between the keys, which tokens put on their pitches."""
    cents = piece.notes["cents"].astype(np.float64)
    return note_loss(LossKind.CENTS_IGNORED, piece, cents != 0, cents, "cents")


def controller_loss(piece: Piece) -> Loss:
    """Controllers, pedals and bends of the MIDI file behind a piece, which notes and tokens know nothing of."""
    if piece.source is None or piece.source.format != "midi":
        return Loss(LossKind.CONTROLLERS_IGNORED, 0)
    tracks = symusic.Score.from_midi(piece.source.data).tracks
    # symusic makes pedal spans out of controller 64 besides keeping the controllers
    return Loss(LossKind.CONTROLLERS_IGNORED, sum(len(track.controls) + len(track.pitch_bends) for track in tracks))


def _describe(piece: Piece, index: int) -> str:
    """One note in plain words, for example "C4 in bar 12 (Alto)"."""
    note = piece.notes[index]
    pitch = pitch_name(int(note["pitch"]))
    lane = int(note["part"])
    name = piece.parts[lane].name if 0 <= lane < len(piece.parts) else f"lane {lane}"
    if not len(piece.measures):
        return f"{pitch} at div {note['onset_div']} ({name})"
    return f"{pitch} in bar {piece.measures['number'][piece.measure_at(int(note['onset_div']))]} ({name})"
