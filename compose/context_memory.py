"""Memories of contexts: what came next where the same few notes were written before, in other pieces or earlier in this one.

A context is described without its key: intervals, durations, how long the current note has been held. The longest context that
has occurred answers, with the distribution of what followed it there. Two memories differ in what they hold, as in IDyOM
(Pearce, "The construction and evaluation of statistical models of melodic structure", PhD thesis, City University 2005): the
long-term one a set of pieces, the short-term one what this piece has written so far. Two descriptions: a voice's own melody, and
all voices together (a harmonisation). Longest match with back-off to shorter ones is prediction by partial matching (Cleary and
Witten, IEEE Trans. Communications 32(4), 1984).

Contexts are compared by 64-bit hashes; pieces are ids of ``compose.vocabulary.voices``, (frames, 4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.voices import NUM_PITCH_IDS, NUM_VOICES

__all__ = ["ContextMemory", "Contexts", "Recollection", "harmony_contexts", "melody_contexts"]

Ids = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Contexts = Callable[[Ids, int, Sequence[int]], Hashes]

NO_CONTEXT = np.uint64(0)
TO_REST, FROM_REST = 150, 200  # moves that are not intervals
OFFSET = 300  # makes every hashed number positive


def _mixed(state: Hashes, value: Ids) -> Hashes:
    """A step of a hash (the finaliser of splitmix64), element by element."""
    with np.errstate(over="ignore"):
        state = (state ^ (value + OFFSET).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed: Hashes = state ^ (state >> np.uint64(32))
    return mixed


def _moves(piece: Ids) -> Ids:
    """Semitones from each slot's frame before; TO_REST and FROM_REST (also for the first frame) where there are none."""
    moves = np.full(piece.shape, FROM_REST, dtype=np.int64)
    before, after = piece[:-1], piece[1:]
    moves[1:] = np.where(after == 0, TO_REST, np.where(before == 0, FROM_REST, after - before))
    return moves


def melody_contexts(piece: Ids, voice: int, orders: Sequence[int]) -> Hashes:
    """Hash of each slot's context in its own voice, shape (frames, orders).

    Of order n: intervals and durations of the n notes before the one held in the last frame, and how long that one has lasted.
    """
    line = piece[:, voice]
    starts = np.flatnonzero(np.diff(line, prepend=-1))
    lengths, pitches = np.diff(starts, append=len(line)), line[starts]
    intervals = np.where((pitches > 0) & (np.roll(pitches, 1) > 0), pitches - np.roll(pitches, 1), FROM_REST)
    frames = np.arange(1, len(line))
    note = np.searchsorted(starts, frames - 1, side="right") - 1
    state = _mixed(np.full(len(frames), 7, dtype=np.uint64), frames - starts[note])
    out = np.full((len(line), len(orders)), NO_CONTEXT)
    back = 0
    for column, order in enumerate(orders):
        for step in range(back, order):
            place = np.maximum(note - step, 1) % max(len(starts), 1)
            state = _mixed(_mixed(state, intervals[place]), lengths[place - 1])
        back = order
        out[1:, column] = np.where(note >= order, state, NO_CONTEXT)
    return out


def harmony_contexts(piece: Ids, voice: int, orders: Sequence[int]) -> Hashes:
    """Hash of each slot's context in all voices, shape (frames, orders).

    Of order n: the chord of the last frame seen from this voice, how the voices above have moved in this frame, and how all
    voices moved into each of the last n - 1 frames.
    """
    moves = _moves(piece)
    frames = np.arange(1, len(piece))
    chord = piece[frames - 1]
    own = chord[:, voice]
    state = np.full(len(frames), 11, dtype=np.uint64)
    for other in range(NUM_VOICES):
        state = _mixed(state, np.where((chord[:, other] > 0) & (own > 0), chord[:, other] - own, TO_REST))
    for above in range(voice):
        state = _mixed(state, moves[frames, above])
    out = np.full((len(piece), len(orders)), NO_CONTEXT)
    back = 1
    for column, order in enumerate(orders):
        for step in range(back, order):
            for other in range(NUM_VOICES):
                state = _mixed(state, moves[np.maximum(frames - step, 1) % max(len(piece), 1), other])
        back = order
        out[1:, column] = np.where(frames >= order, state, NO_CONTEXT)
    return out


class Recollection(NamedTuple):
    """What a memory says of the slots of one voice.

    Args:
        probabilities: (frames, 1 + NUM_PITCH_IDS) float32; zeros where nothing like it occurred.
        order: (frames,) which of the orders matched, as an index; -1 where none did.
        occurrences: (frames,) how many stand behind it.
    """

    probabilities: NDArray[np.float32]
    order: Ids
    occurrences: Ids


class _Table(NamedTuple):
    """Occurrences of the contexts of one order, sorted by hash and then as they came."""

    hashes: Hashes
    moves: Ids
    places: Ids  # frame in the piece


def _tables(pieces: Sequence[Ids], voice: int, contexts: Contexts, orders: Sequence[int]) -> list[_Table]:
    hashes = np.concatenate([contexts(piece, voice, orders) for piece in pieces])
    moves = np.concatenate([_moves(piece)[:, voice] for piece in pieces])
    places = np.concatenate([np.arange(len(piece)) for piece in pieces])
    tables = []
    for column in range(len(orders)):
        found = np.flatnonzero(hashes[:, column] != NO_CONTEXT)
        order = found[np.argsort(hashes[found, column], kind="stable")]
        tables.append(_Table(hashes[order, column], moves[order], places[order]))
    return tables


class ContextMemory:
    """What followed the contexts of one voice.

    Args:
        voice: 0 soprano to 3 bass.
        contexts: How contexts are described.
        orders: Lengths of context, ascending.
        pieces: What is remembered; none for the short-term memory, which holds what the asked piece wrote before each slot.
    """

    def __init__(self, voice: int, contexts: Contexts, orders: Sequence[int], pieces: Sequence[Ids] = ()) -> None:
        self.voice = voice
        self.contexts = contexts
        self.orders = tuple(orders)
        self._tables = _tables(pieces, voice, contexts, orders) if pieces else None

    def recall(self, piece: Ids) -> Recollection:
        """What followed the longest context of each slot of a piece."""
        tables = self._tables or _tables([piece], self.voice, self.contexts, self.orders)
        hashes = self.contexts(piece, self.voice, self.orders)
        out = Recollection(
            np.zeros((len(piece), 1 + NUM_PITCH_IDS), dtype=np.float32),
            np.full(len(piece), -1, dtype=np.int64),
            np.zeros(len(piece), dtype=np.int64),
        )
        for column in reversed(range(len(self.orders))):
            table = tables[column]
            first = np.searchsorted(table.hashes, hashes[:, column], side="left")
            last = np.searchsorted(table.hashes, hashes[:, column], side="right")
            for frame in np.flatnonzero((out.order < 0) & (hashes[:, column] != NO_CONTEXT) & (last > first)):
                found = slice(int(first[frame]), int(last[frame]))
                moves = table.moves[found]
                if self._tables is None:
                    moves = moves[table.places[found] < frame]
                ids = np.where(moves == TO_REST, 0, piece[frame - 1, self.voice] + moves)
                ids = ids[(moves != FROM_REST) & (ids >= 0) & (ids <= NUM_PITCH_IDS)]
                if len(ids):
                    out.probabilities[frame] = np.bincount(ids, minlength=1 + NUM_PITCH_IDS) / len(ids)
                    out.order[frame], out.occurrences[frame] = column, len(ids)
        return out
