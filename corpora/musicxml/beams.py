"""Beams for a run of new notes: eighths and shorter share beams within a beat, at every level of flags."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from corpora.musicxml.notation import NOTE_TYPES, Meter

__all__ = ["Beamable", "beam_groups"]

EIGHTH_INDEX = NOTE_TYPES.index("eighth")


class Beamable(NamedTuple):
    """A symbol in a voice: its start (quarters), its type name, and whether a beam may touch it (new and sounding)."""

    start: Fraction
    type: str
    is_free: bool


def beam_groups(symbols: Sequence[Beamable], meter: Meter) -> list[list[str]]:
    """The ``<beam>`` values of every symbol, level 1 first; empty where it has none.

    A group is a run of free symbols with flags inside one beat (at least a quarter); other symbols and rests break it.
    """
    beams: list[list[str]] = [[] for _ in symbols]
    width = max(meter.beat, Fraction(1))
    group: list[int] = []
    last_beat = None
    for index, symbol in enumerate([*symbols, None]):
        beat = (symbol.start + meter.shift) // width if symbol else None
        fits = symbol is not None and symbol.is_free and _flags(symbol.type) > 0
        if group and (not fits or beat != last_beat):
            _join(group, [_flags(symbols[i].type) for i in group], beams)
            group = []
        if fits:
            group.append(index)
        last_beat = beat
    return beams


def _flags(note_type: str) -> int:
    return max(0, NOTE_TYPES.index(note_type) - EIGHTH_INDEX + 1)


def _join(group: list[int], flags: list[int], beams: list[list[str]]) -> None:
    if len(group) < 2:
        return
    for place, index in enumerate(group):
        for level in range(1, flags[place] + 1):
            before = place > 0 and flags[place - 1] >= level
            after = place + 1 < len(group) and flags[place + 1] >= level
            alone = "forward hook" if place == 0 else "backward hook"
            beams[index].append("continue" if before and after else "end" if before else "begin" if after else alone)
