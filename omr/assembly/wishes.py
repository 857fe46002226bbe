"""What a user knows better than the page was read: meter, key, clefs, staves of the parts, and readings of bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from corpora.errors import RequestError

__all__ = ["CLEF_NAMES", "Wishes"]

# MusicXML's sign, line from below, octaves.
CLEF_NAMES = {
    "treble": ("G", 2, 0),
    "treble-8": ("G", 2, -1),
    "treble+8": ("G", 2, 1),
    "bass": ("F", 4, 0),
    "baritone": ("F", 3, 0),
    "alto": ("C", 3, 0),
    "tenor": ("C", 4, 0),
    "soprano": ("C", 1, 0),
    "mezzo-soprano": ("C", 2, 0),
    "percussion": ("percussion", 3, 0),
}
BEAT_TYPES = (1, 2, 4, 8, 16, 32)
MAX_BEATS = 64


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Wishes for one score; each overrides what was seen.

    Args:
        meter: Beats and beat type from the first bar to the next printed change.
        fifths: Key signature from the first bar to the next printed change, -7 flats to 7 sharps, of every part.
        clefs: Name of ``CLEF_NAMES`` by staff of the score, from 1: the only clef of that staff.
        staves: Numbers of staves of the parts from above.
        readings: Number of the reading to take, from 1 (the likeliest), by bar from 1.

    Raises:
        RequestError: A value out of range.
    """

    meter: tuple[int, int] | None = None
    fifths: int | None = None
    clefs: Mapping[int, str] = field(default_factory=dict)
    staves: tuple[int, ...] | None = None
    readings: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.meter is not None and not (1 <= self.meter[0] <= MAX_BEATS and self.meter[1] in BEAT_TYPES):
            raise RequestError(f"meter: expected 1 to {MAX_BEATS} beats of {BEAT_TYPES}, got {self.meter[0]}/{self.meter[1]}")
        if self.fifths is not None and not -7 <= self.fifths <= 7:
            raise RequestError(f"key: expected -7 (flats) to 7 (sharps), got {self.fifths}")
        for staff, name in self.clefs.items():
            if staff < 1 or name not in CLEF_NAMES:
                raise RequestError(f"clef of staff {staff}: expected one of {', '.join(CLEF_NAMES)}, got {name!r}")
        if self.staves is not None and (not self.staves or min(self.staves) < 1):
            raise RequestError(f"staves: expected numbers from 1, got {self.staves}")
        for bar, reading in self.readings.items():
            if bar < 1 or reading < 1:
                raise RequestError(f"bar {bar}: expected a reading from 1, got {reading}")
