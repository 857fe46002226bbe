"""What the user knows of beats and bars before they are tracked: ``BeatWishes``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from corpora.errors import RequestError
from corpora.safe_text import safe_text
from transcribe.beats.score_beats import is_compound

__all__ = ["BeatWishes", "beats_a_bar", "parse_meter"]

LEAST_BPM, MOST_BPM = 10.0, 480.0
MOST_BEATS = 12  # a bar
BEAT_TYPES = (2, 4, 8, 16)


def beats_a_bar(beats: int, beat_type: int) -> int:
    """How many beats a bar of this meter has: 2 in 6/8.

    >>> beats_a_bar(6, 8), beats_a_bar(3, 4)
    (2, 3)
    """
    return beats // 3 if is_compound(beats, beat_type) else beats


def parse_meter(text: str) -> tuple[int, int]:
    """A meter as the user writes it.

    >>> parse_meter("6/8")
    (6, 8)

    Raises:
        RequestError: It is none, or one that cannot be tracked.
    """
    above, sign, below = text.strip().partition("/")
    if not (sign and above.isdecimal() and below.isdecimal() and len(above) < 4 and len(below) < 4):
        raise RequestError(f"meter {safe_text(text)!r}: expected one such as 3/4 or 6/8")
    return int(above), int(below)


@dataclass(frozen=True, kw_only=True)
class BeatWishes:
    """What is known.

    Args:
        meter: Of the whole music, such as (6, 8); None looks for it.
        slowest_bpm, fastest_bpm: Beats a minute; a beat of 6/8 is a dotted quarter.
        first_downbeat_s: There is a downbeat at this time and none before; what comes before is an upbeat.

    Raises:
        RequestError: A meter whose bars have no beats that can be counted, tempi out of range, or a time before the start.
    """

    meter: tuple[int, int] | None = None
    slowest_bpm: float = 30.0
    fastest_bpm: float = 240.0
    first_downbeat_s: float | None = None

    def __post_init__(self) -> None:
        if self.meter is not None:
            beats, beat_type = self.meter
            if beat_type not in BEAT_TYPES or not 1 <= beats_a_bar(beats, beat_type) <= MOST_BEATS:
                expected = f"1 to {MOST_BEATS} beats a bar of halves, quarters, eighths or sixteenths"
                raise RequestError(f"meter {beats}/{beat_type}: expected {expected}")
        if not LEAST_BPM <= self.slowest_bpm < self.fastest_bpm <= MOST_BPM:  # false for NaN too
            raise RequestError(
                f"tempo range: expected {LEAST_BPM:g} <= slowest < fastest <= {MOST_BPM:g} beats a minute, "
                f"got {self.slowest_bpm:g} to {self.fastest_bpm:g}"
            )
        if self.first_downbeat_s is not None and not (math.isfinite(self.first_downbeat_s) and self.first_downbeat_s >= 0):
            raise RequestError(f"first downbeat: expected a time in seconds from 0, got {self.first_downbeat_s:g}")
