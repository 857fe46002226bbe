"""Clips for readers that learn after the frame model, from what it hears in them; and which of these are measured on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence, Sized
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.training_audio.augmentation import augment
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["FEWEST", "gather", "gather_all", "held_apart"]

CHANGED = 0.6  # share of the clips that are augmented
SAY_EVERY_S = 20.0
FEWEST = 2  # clips, to learn from one and measure on the other
HELD_OUT = 16  # one of so many is not learned from

_T = TypeVar("_T")
_Sized = TypeVar("_Sized", bound=Sized)


def gather(
    store: SoundStore,
    minutes: float,
    hear: Callable[[NDArray[np.float32], Table], _Sized | None],
    most: int,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> list[_Sized]:
    """Of a store's clips in random order, most of them augmented, until the time is used, each was heard, or there is no more room.

    Two are gathered however little time there is.

    Args:
        store: Of sound.
        minutes: Wall time.
        hear: Gives what is kept of sound (mono, 16 kHz) and its notes (HEARD_DTYPE), if anything; its length is that in notes.
        most: Notes that there is room for.
        seed: Of order and augmentation.
        say: Hears how many notes there are now and then.
    """
    started, told = time.monotonic(), _now_and_then(say)
    out: list[_Sized] = []
    notes = 0
    for sound, own in _changed_clips(store, seed):
        heard = hear(sound, own)
        if heard is not None:
            out.append(heard)
            notes += len(heard)
        told(f"listening: {notes} notes")
        if notes >= most or (len(out) >= FEWEST and time.monotonic() - started > 60 * minutes):
            break
    return out


def _changed_clips(store: SoundStore, seed: int) -> Iterator[tuple[NDArray[np.float32], Table]]:
    for index in np.random.default_rng(seed).permutation(len(store)).tolist():
        clip, rng = store.clip(index), np.random.default_rng([seed, index])
        sound, notes = clip.sound, clip.notes
        if rng.random() < CHANGED:
            sound, notes, *_ = augment(sound, notes, clip.pedals, clip.beats, rng)
        yield np.ascontiguousarray(sound, dtype=np.float32), notes


def gather_all(stores: Sequence[Path], minutes: float, gather: Callable[[SoundStore, float], list[_T]]) -> list[_T]:
    """What is gathered of some stores, each of which has time by its length.

    Args:
        stores: Of sound.
        minutes: Wall time of all.
        gather: Of a store in some minutes.
    """
    opened = [SoundStore(store) for store in stores]
    all_s = sum(store.duration_s for store in opened)
    return [entry for store in opened for entry in gather(store, minutes * store.duration_s / all_s)]


def held_apart(gathered: Sequence[_T], what: str) -> tuple[list[_T], list[_T]]:
    """Those that are measured on, and those that are learned from.

    Raises:
        ValueError: There are fewer than two.
    """
    held_out, learned = list(gathered[::HELD_OUT]), [entry for place, entry in enumerate(gathered) if place % HELD_OUT]
    if not learned:
        raise ValueError(f"expected {what} to learn from and others to measure on, got {len(gathered)} in all")
    return held_out, learned


def _now_and_then(say: Callable[[str], None] | None) -> Callable[[str], None]:
    """Lets a message through every ``SAY_EVERY_S`` seconds at most."""
    said = time.monotonic()

    def told(what: str) -> None:
        nonlocal said
        if say is not None and time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            say(what)

    return told
