"""Wishes about texture in text: density, hands, instruments."""

from __future__ import annotations

import re

from compose.constraints.base import Constraint
from compose.constraints.density import Density, DensityLimit
from compose.constraints.hands import Hands
from compose.constraints.instruments import OnlyInstruments, find_instrument, instrument_of, is_drum_kit
from compose.constraints.parts import split_items
from compose.constraints.wish_items import named, no_doubles
from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["density", "hands", "instruments"]

_HANDS = {"left": (1,), "right": (0,), "both": (0, 1)}


def density(value: str, piece: Piece) -> Constraint:
    """``2-6 per beat``, ``Piano 4 per bar``: how many onsets a part has in every beat or bar."""
    limits, names, texts = [], [], []
    for item in split_items(value):
        match = named(piece, item, r"(?P<low>\d{1,3})(?:\s*-\s*(?P<high>\d{1,3}))?\s+per\s+(?P<unit>beat|bar)")
        if match is None:
            raise RequestError(f"density: '{item}' is not understood: expected for example '1-2 per beat' or 'Piano 2-8 per bar'")
        lanes, name, found = match
        low, high = int(found["low"]), int(found["high"] or found["low"])
        if low > high:
            raise RequestError(f"density: {low} is above {high}: expected the lower number first")
        limits.append(DensityLimit(lanes, low, high, found["unit"] == "beat"))
        names.append(name)
        texts.append(f"{name}{low}-{high} per {found['unit']}")
    if not limits:
        raise RequestError("density: expected for example 'density: 1-2 per beat'")
    no_doubles("density", names)
    return Density(f"density: {', '.join(texts)}", tuple(limits))


def hands(value: str, piece: Piece) -> Constraint:
    """``left``, ``right`` or ``both``, with the span in semitones after it when it is not 14: a staff is a hand.

    In MIDI, which has no staves, two tracks of one name are the hands.
    """
    found = re.fullmatch(r"(?P<hand>left|right|both)(?:\s+(?P<span>\d{1,2}))?", value.casefold())
    if found is None:
        raise RequestError(f"hands: '{value}' is not understood: expected left, right or both, for example 'hands: both'")
    staves = _HANDS[found["hand"]]
    keys = [lane for lane, part in enumerate(piece.parts) if not part.is_drum]
    by_key: dict[str, list[int]] = {}
    is_midi = piece.source is not None and piece.source.format == "midi"
    for lane in keys:
        part = piece.parts[lane]
        by_key.setdefault(part.name if is_midi else part.key, []).append(lane)
    pairs = [lanes for lanes in by_key.values() if len(lanes) == 2]
    if not pairs:
        raise RequestError("hands: no part has two staves: a hand is a staff of a keyboard part")
    lanes = tuple(sorted(pair[staff] for pair in pairs for staff in staves))
    span = f" {int(found['span'])}" if found["span"] else ""
    return Hands(f"hands: {found['hand']}{span}", lanes, int(found["span"] or 14))


def instruments(value: str, piece: Piece) -> Constraint:
    """Only parts of these instruments get new notes."""
    names, lanes = [], []
    for item in split_items(value):
        name = "drums" if is_drum_kit(item) else find_instrument(item)
        if name is None:
            raise RequestError(f"instruments: '{item}' is no instrument that is known here: expected for example violin, cello")
        found = [lane for lane, part in enumerate(piece.parts) if ("drums" if part.is_drum else instrument_of(part)) == name]
        if not found:
            raise RequestError(f"instruments: no part of the piece is {'drums' if name == 'drums' else f'a {name}'}")
        names.append(name)
        lanes += found
    if not names:
        raise RequestError("instruments: expected names, for example 'instruments: violin, cello'")
    return OnlyInstruments(f"instruments: {', '.join(names)}", tuple(sorted(set(lanes))))
