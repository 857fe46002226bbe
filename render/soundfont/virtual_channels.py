"""The channels of the synthesiser that the channels of the music play on.

A MIDI channel cannot hold one key twice: the first key-up would end both notes. So a channel of the music becomes as many *virtual*
channels as voices of it hold one key together, all told the same. Drums keep a single one, as their sounds choke each other within
a channel. Where the synthesiser's 256 channels are too few, later unisons share the last one again, which then sounds until the
last of them lets go.

FluidSynth sends channel ``c`` to the stereo pair ``c % pairs``. The fewest pairs are taken that hold the stems; a stem has one or
more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.piece import Table
from render.fluid import MAX_CHANNELS, MAX_GROUPS
from render.played import PlayedMusic

__all__ = ["VirtualChannels", "allot_channels"]


@dataclass(frozen=True, eq=False)
class VirtualChannels:
    """Where everything of the music plays.

    Args:
        of_note: Virtual channel of each note; int64 (notes,).
        of_channel: Virtual channels of each channel of the music; none for a channel without notes.
        stem_of_pair: The stem that each stereo pair belongs to.
        drums: Virtual channels that play drums.
    """

    of_note: NDArray[np.int64]
    of_channel: tuple[tuple[int, ...], ...]
    stem_of_pair: tuple[int, ...]
    drums: frozenset[int]

    @property
    def count(self) -> int:
        """Channels that the synthesiser needs."""
        return 1 + max(max(own) for own in self.of_channel if own)


def allot_channels(played: PlayedMusic, *, stems: bool) -> VirtualChannels:
    """Virtual channels for all notes.

    Args:
        played: The music.
        stems: Whether each stem needs stereo pairs of its own; otherwise all is one stem, 0.

    Raises:
        InputError: There are more stems and channels than FluidSynth can keep apart.
    """
    layers = _layers(played.notes, played.drum_channels)
    stem_of_channel = played.stem_of_channel if stems else tuple(min(stem, 0) for stem in played.stem_of_channel)
    needed = np.zeros(played.channels, dtype=np.int64)
    np.maximum.at(needed, played.notes["channel"], layers + 1)
    for most in range(int(needed.max()), 0, -1):
        kept = np.minimum(needed, most)
        pairs = _pairs(kept, stem_of_channel)
        if pairs:
            return _allotted(played, np.minimum(layers, kept[played.notes["channel"]] - 1), kept, stem_of_channel, pairs)
    raise InputError(
        f"{played.name}: {len(played.stems)} stems on {np.count_nonzero(needed)} channels are more than FluidSynth keeps apart"
    )


def _layers(notes: Table, drum_channels: frozenset[int]) -> NDArray[np.int64]:
    """For each note, how many notes of its key and channel sound already, counted from the first free place; 0 for drums."""
    layers = np.zeros(len(notes), dtype=np.int64)
    ends: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    columns = (notes[name].tolist() for name in ("channel", "key", "onset_sample", "end_sample"))
    for index, (channel, key, onset, end) in enumerate(zip(*columns, strict=True)):
        if channel in drum_channels:
            continue
        places = ends[channel, key]
        layer = next((place for place, until in enumerate(places) if until <= onset), len(places))
        places[layer : layer + 1] = [end]
        layers[index] = layer
    return layers


def _pairs(kept: NDArray[np.int64], stem_of_channel: tuple[int, ...]) -> tuple[int, ...]:
    """The stem of each stereo pair, in the order of stems; empty when no number of pairs holds all."""
    wanted: defaultdict[int, int] = defaultdict(int)
    for count, stem in zip(kept.tolist(), stem_of_channel, strict=True):
        if count:
            wanted[stem] += count
    for pairs in range(len(wanted), MAX_GROUPS + 1):
        room = MAX_CHANNELS // pairs
        own = {stem: -(-count // room) for stem, count in sorted(wanted.items())}
        if sum(own.values()) <= pairs:
            return tuple(stem for stem, number in own.items() for _ in range(number))
    return ()


def _allotted(
    played: PlayedMusic,
    layers: NDArray[np.int64],
    kept: NDArray[np.int64],
    stem_of_channel: tuple[int, ...],
    stem_of_pair: tuple[int, ...],
) -> VirtualChannels:
    free: dict[int, list[int]] = defaultdict(list)
    for place in range(MAX_CHANNELS // len(stem_of_pair)):
        for pair, stem in enumerate(stem_of_pair):
            free[stem].append(place * len(stem_of_pair) + pair)
    of_channel = []
    for count, stem in zip(kept.tolist(), stem_of_channel, strict=True):
        of_channel.append(tuple(free[stem][:count]))
        free[stem] = free[stem][count:]
    channels = played.notes["channel"].tolist()
    of_note = np.array([of_channel[channel][layer] for channel, layer in zip(channels, layers.tolist(), strict=True)])
    drums = frozenset(virtual for channel in played.drum_channels for virtual in of_channel[channel])
    return VirtualChannels(of_note, tuple(of_channel), stem_of_pair, drums)
