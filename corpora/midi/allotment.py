"""Channels for the notes of a piece that has cents: no channel ever sounds two tunings at once.

As in MIDI polyphonic expression (MMA M1-100-UM, 2018) notes that are bent apart go to channels of their own, here one for each lane
and bend as long as it sounds. The 15 melodic channels are given in order of onset; when all have been given, the one that has been
silent longest is tuned anew. Where more than 15 lanes and bends sound together, lanes of one program and bend share.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from corpora.errors import InputError
from corpora.midi.bends import bend_message, range_messages
from corpora.midi.events import PROGRAM
from corpora.midi.lanes import DRUM_CHANNEL
from corpora.piece import Part

__all__ = ["MELODIC_CHANNELS", "Allotted", "Sound", "allot"]

MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)


class Sound(NamedTuple):
    """A note as it is played, times in ticks; ``bend`` is the wheel's distance from its centre, ``id`` that of the piece's note."""

    onset: int
    end: int
    pitch: int
    velocity: int
    bend: int = 0
    id: str = ""


@dataclass
class Allotted:
    """What a track needs: the channel of each of its sounds, and the events (tick, message) that set channels up."""

    channels: list[int] = field(default_factory=list)
    setups: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass
class _Channel:
    number: int
    owner: Hashable = None
    end: int = 0  # of what sounds on it
    program: int = -1
    bend: int | None = None


class _Exhausted(Exception):
    """All channels sound something else at this tick."""

    def __init__(self, tick: int) -> None:
        super().__init__()
        self.tick = tick


def allot(parts: Sequence[Part], layers: Sequence[Sequence[Sound]], ticks_per_quarter: int) -> list[Allotted]:
    """A channel for every sound.

    Args:
        parts: The part of each layer.
        layers: The sounds of each track to be, in order of onset.
        ticks_per_quarter: For messages.

    Raises:
        InputError: More than 15 programs and bends sound together.
    """
    try:
        return _allotted(parts, layers, [("layer", index) for index in range(len(layers))])
    except _Exhausted:
        pass
    try:
        return _allotted(parts, layers, [("program", part.program) for part in parts])
    except _Exhausted as full:
        place = float(Fraction(full.tick, ticks_per_quarter))
        raise InputError(
            f"quarter {place:g}: expected at most {len(MELODIC_CHANNELS)} tunings and programs that sound together, one for each "
            "MIDI channel beside the drums, came more"
        ) from None


def _allotted(parts: Sequence[Part], layers: Sequence[Sequence[Sound]], users: Sequence[Hashable]) -> list[Allotted]:
    """As ``allot``, a channel for each user (of a layer) and bend."""
    channels = [_Channel(number) for number in MELODIC_CHANNELS]
    owned: dict[Hashable, _Channel] = {}
    out = [Allotted([DRUM_CHANNEL] * len(layer)) for layer in layers]
    order = sorted((sound.onset, index, place) for index, layer in enumerate(layers) for place, sound in enumerate(layer))
    for onset, index, place in order:
        part, sound = parts[index], layers[index][place]
        if part.is_drum:
            continue
        key = users[index], sound.bend
        channel = owned.get(key)
        if channel is None or channel.owner != key:
            channel = _free(channels, onset)
            out[index].setups += _setups(channel, onset, part.program, sound.bend)
            channel.owner = key
            owned[key] = channel
        channel.end = max(channel.end, sound.end)
        out[index].channels[place] = channel.number
    return out


def _free(channels: Sequence[_Channel], tick: int) -> _Channel:
    """A channel that was never used, else the one that has been silent longest."""
    channel = min(channels, key=lambda channel: (channel.owner is not None, channel.end, channel.number))
    if channel.owner is not None and channel.end > tick:
        raise _Exhausted(tick)
    return channel


def _setups(channel: _Channel, tick: int, program: int, bend: int) -> list[tuple[int, bytes]]:
    """The events that give a channel a program and a bend, at the start of the piece where it is new; the channel remembers."""
    messages = [] if channel.program == program else [bytes([PROGRAM | channel.number, program])]
    if channel.bend is None:
        tick = 0
        messages += range_messages(channel.number)
    if channel.bend != bend:
        messages.append(bend_message(channel.number, bend))
    channel.program, channel.bend = program, bend
    return [(tick, message) for message in messages]
