"""Allots the notes of a part to voices, one note at a time in each, and says which notes flow into one another.

Notes that overlap by no more than 60 ms and less than half of the earlier one are a legato of one voice; others that overlap are
voices apart. Two notes of a voice are joined when the second begins within 25 ms of the end of the first and has another key.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from corpora.piece import Table

__all__ = ["LEGATO_OVERLAP_S", "TOUCH_S", "allot_voices", "is_joined", "joins", "sounding_end"]

LEGATO_OVERLAP_S = 0.06
TOUCH_S = 0.025
REPEAT_GAP_S = 0.03  # that a repeated key leaves before it is struck again


def allot_voices(notes: Table, sample_rate_hz: int) -> list[Table]:
    """The notes of one part as voices, each in order.

    Args:
        notes: PLAYED_DTYPE rows of one part (``render.played``), by onset.
        sample_rate_hz: Samples a second.
    """
    voices: list[list[int]] = []
    for index, note in enumerate(notes):
        free = [voice for voice in voices if _may_follow(notes[voice[-1]], note, sample_rate_hz)]
        if free:
            # the voice that ended last, then the nearest in pitch: lines stay together
            best = min(
                free,
                key=lambda voice: (
                    max(0, int(note["onset_sample"] - notes[voice[-1]]["end_sample"])) // sample_rate_hz,
                    abs(int(notes[voice[-1]]["key"]) - int(note["key"])),
                ),
            )
            best.append(index)
        else:
            voices.append([index])
    return [notes[np.array(voice)] for voice in voices]


def _may_follow(earlier: np.void, later: np.void, sample_rate_hz: int) -> bool:
    overlap = int(earlier["end_sample"]) - int(later["onset_sample"])
    length = int(earlier["end_sample"]) - int(earlier["onset_sample"])
    return overlap <= 0 or (overlap <= LEGATO_OVERLAP_S * sample_rate_hz and 2 * overlap < length)


def is_joined(earlier: np.void, later: np.void, sample_rate_hz: int) -> bool:
    """Whether the second of two notes of a voice goes on from the first without an attack of its own."""
    gap = int(later["onset_sample"]) - int(earlier["end_sample"])
    return gap <= TOUCH_S * sample_rate_hz and int(earlier["key"]) != int(later["key"])


def sounding_end(note: np.void, following: np.void | None, flows_on: bool, sample_rate_hz: int) -> int:
    """Where a note of a voice ends: at the onset that it flows into, a little before its key is struck again, or where it says."""
    onset, end = int(note["onset_sample"]), int(note["end_sample"])
    if following is None:
        return end
    if flows_on:
        return int(following["onset_sample"])
    latest = int(following["onset_sample"]) - round(REPEAT_GAP_S * sample_rate_hz)
    return max(min(end, latest), onset + (end - onset) // 2, onset + 1)


def joins(voice: Table, sample_rate_hz: int) -> Sequence[bool]:
    """For each note of a voice, whether it goes on from the one before."""
    return [index > 0 and is_joined(voice[index - 1], voice[index], sample_rate_hz) for index in range(len(voice))]
