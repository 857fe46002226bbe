"""How a percussion part writes a drum: the line or space and the instrument that its notes already use for it."""

from __future__ import annotations

from collections.abc import Sequence

from corpora.errors import RequestError
from corpora.musicxml.document import PartWalk
from corpora.musicxml.elements import unpitched_lines

__all__ = ["DrumKit"]

PERCUSSION_CHANNEL = 9  # zero-based
DEFAULT_DISPLAY = ("C", 5)
_NATURAL_STEPS = {0: "C", 2: "D", 4: "E", 5: "F", 7: "G", 9: "A", 11: "B"}


class DrumKit:
    """The drums of a part, learned from its notes and its instruments.

    Args:
        part: The part; a pitched part makes a kit with ``is_percussion`` false.
    """

    def __init__(self, part: PartWalk) -> None:
        self._key = part.key
        self._known: dict[int, tuple[list[str], str]] = {}
        num_pitched = num_unpitched = 0
        for measure in part.measures:
            for item in measure.items:
                if item.pitch is None:
                    continue
                shown = item.element.find("unpitched")
                if shown is None:
                    num_pitched += 1
                    continue
                num_unpitched += 1
                instrument = item.element.find("instrument")
                lines = ["<unpitched/>"]
                if shown.find("display-step") is not None:
                    lines = unpitched_lines(shown.findtext("display-step") or "C", int(shown.findtext("display-octave") or 5))
                self._known.setdefault(item.pitch, (lines, instrument.get("id", "") if instrument is not None else ""))
        drums = {name: drum for name, drum in part.instruments.items() if drum.unpitched is not None}
        is_drum_channel = any(drum.channel == PERCUSSION_CHANNEL for drum in part.instruments.values())
        self.is_percussion = num_unpitched > num_pitched or (num_pitched == 0 and is_drum_channel)
        self._has_one_instrument = len(part.instruments) == 1
        for name, drum in drums.items():
            assert drum.unpitched is not None
            self._known.setdefault(drum.unpitched, (unpitched_lines(*DEFAULT_DISPLAY), name))
        self._is_displayed_pitch = not drums

    def lines(self, pitch: int) -> Sequence[str]:
        """The ``<unpitched>`` element of a drum."""
        return self._drum(pitch)[0]

    def instrument(self, pitch: int) -> str:
        """The instrument id that a note of this drum names, or nothing."""
        return self._drum(pitch)[1]

    def _drum(self, pitch: int) -> tuple[list[str], str]:
        if pitch in self._known:
            return self._known[pitch]
        # A part without MIDI drums is read at the pitch that it shows.
        if self._is_displayed_pitch and pitch % 12 in _NATURAL_STEPS and pitch >= 12:
            return unpitched_lines(_NATURAL_STEPS[pitch % 12], pitch // 12 - 1), ""
        raise RequestError(f"percussion part {self._key} has no instrument for the drum {pitch}")
