"""Voice-leading rates of four-part writing: parallels, crossing, range.

Conventions: frame arrays (``compose.metrics.frames``) with repeated frames collapsed. A transition is a step between two successive
distinct frames in which all voices sound; parallels are counted over all pairs of voices by the definition that the constraint
``no parallels`` forbids by (``compose.constraints.voice_leading``). Crossing and range are shares of the distinct frames.

Bach's own rates on the JSB sixteenth-grid chorales (czhuang/JSB-Chorales-dataset, ``Jsb16thSeparated``), per 1,000 transitions:
train 1.94 fifths and 1.48 octaves, valid 2.19 and 0.94; frames with crossing 2.8 % and 3.5 %; out of range 0.15 % and 0.06 %.
Phrase boundaries are included, as the data has no fermatas.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from compose.constraints.voice_leading import FIFTH, OCTAVE, is_parallel_to
from compose.metrics.frames import REST, Frames, collapse_repeats

__all__ = ["CHORALE_RANGES", "VoiceLeading", "voice_leading_rates"]

CHORALE_RANGES = ((57, 81), (52, 76), (45, 69), (38, 64))  # soprano, alto, tenor, bass: lowest and highest MIDI pitch


@dataclass(frozen=True)
class VoiceLeading:
    """Rates over a set of pieces.

    Args:
        parallel_fifths_per_1000: Pairs of voices in parallel fifths per 1,000 transitions.
        parallel_octaves_per_1000: The same for octaves and unisons.
        crossing_share: Share of distinct frames in which a voice sounds above a higher one, 0-1.
        out_of_range_share: Share of distinct frames in which a voice is out of its range, 0-1.
        transitions: Number of transitions counted.
    """

    parallel_fifths_per_1000: float
    parallel_octaves_per_1000: float
    crossing_share: float
    out_of_range_share: float
    transitions: int


def _crosses(frames: Frames) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which frames hold a crossing."""
    found = np.zeros(len(frames), dtype=np.bool_)
    for upper, lower in combinations(range(frames.shape[1]), 2):
        both = (frames[:, upper] != REST) & (frames[:, lower] != REST)
        found |= both & (frames[:, upper] < frames[:, lower])
    return found


def voice_leading_rates(pieces: Iterable[Frames], ranges: Sequence[tuple[int, int]] = CHORALE_RANGES) -> VoiceLeading:
    """Rates over all pieces together.

    Args:
        pieces: Frame arrays (frames, voices), -1 for rests.
        ranges: Lowest and highest MIDI pitch of each voice.

    Returns:
        Rates; all 0.0 when there is nothing to count.

    Raises:
        ValueError: When a piece has not as many voices as there are ranges.
    """
    lowest, highest = np.array(ranges).T
    fifths = octaves = transitions = crossing = out_of_range = distinct = 0
    for piece in pieces:
        if piece.ndim != 2 or piece.shape[1] != len(ranges):
            raise ValueError(f"expected frames of shape (frames, {len(ranges)}), got {piece.shape}")
        frames = collapse_repeats(piece)
        sounds = frames != REST
        full = sounds.all(axis=1)
        steps = full[:-1] & full[1:]
        before, after = frames[:-1][steps], frames[1:][steps]
        transitions += len(before)
        for upper, lower in combinations(range(len(ranges)), 2):
            voices = (before[:, upper], after[:, upper], before[:, lower], after[:, lower])
            fifths += int(is_parallel_to(FIFTH, *voices).sum())
            octaves += int(is_parallel_to(OCTAVE, *voices).sum())
        distinct += len(frames)
        crossing += int(_crosses(frames).sum())
        out_of_range += int((sounds & ((frames < lowest) | (frames > highest))).any(axis=1).sum())
    per_transition, per_frame = max(transitions, 1), max(distinct, 1)
    return VoiceLeading(
        1000 * fifths / per_transition,
        1000 * octaves / per_transition,
        crossing / per_frame,
        out_of_range / per_frame,
        transitions,
    )
