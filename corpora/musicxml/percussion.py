"""How a percussion part writes a drum: the line or space, the head and the instrument that its notes already use for it.

A drum that the part names but has not used yet is written as is usual (``corpora.musicxml.drum_notation``).
"""

from __future__ import annotations

from typing import NamedTuple
from xml.etree import ElementTree

from corpora.errors import RequestError
from corpora.general_midi import FIRST_DRUM, LAST_DRUM
from corpora.musicxml.document import PartWalk
from corpora.musicxml.drum_notation import DRUM_DISPLAY, DrumDisplay
from corpora.musicxml.elements import unpitched_lines
from corpora.musicxml.walker import collection_paused, walk
from corpora.piece import Piece

__all__ = ["Drum", "DrumKit", "drum_keys"]

PERCUSSION_CHANNEL = 9  # zero-based
DEFAULT_DISPLAY = DrumDisplay("C", 5)
_NATURAL_STEPS = {0: "C", 2: "D", 4: "E", 5: "F", 7: "G", 9: "A", 11: "B"}


class Drum(NamedTuple):
    """How one drum is written: the lines of its ``<unpitched>``, the id of its instrument or "", its ``<notehead>`` or ""."""

    lines: tuple[str, ...]
    instrument: str = ""
    notehead: str = ""


class DrumKit:
    """The drums of a part, learned from its notes and its instruments.

    Args:
        part: The part; a pitched part makes a kit with ``is_percussion`` false.
    """

    def __init__(self, part: PartWalk) -> None:
        self._key = part.key
        self._known: dict[int, Drum] = {}
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
                self._known.setdefault(item.pitch, _as_written(item.element, shown))
        drums = {name: drum for name, drum in part.instruments.items() if drum.unpitched is not None}
        is_drum_channel = any(drum.channel == PERCUSSION_CHANNEL for drum in part.instruments.values())
        self.is_percussion = num_unpitched > num_pitched or (num_pitched == 0 and is_drum_channel)
        for name, drum in drums.items():
            assert drum.unpitched is not None
            step, octave, head = DRUM_DISPLAY.get(drum.unpitched, DEFAULT_DISPLAY)
            notehead = f"<notehead>{head}</notehead>" if head else ""
            self._known.setdefault(drum.unpitched, Drum(tuple(unpitched_lines(step, octave)), name, notehead))
        self._is_displayed_pitch = not drums

    @property
    def keys(self) -> frozenset[int]:
        """The keys of General MIDI percussion that the part can write."""
        open_keys = set(range(FIRST_DRUM, LAST_DRUM + 1))
        if not self.is_percussion:
            return frozenset(open_keys)
        known = open_keys & set(self._known)
        if self._is_displayed_pitch and not known:
            known = {key for key in open_keys if key % 12 in _NATURAL_STEPS}
        return frozenset(known)

    def drum(self, pitch: int) -> Drum:
        """How a drum is written.

        Raises:
            RequestError: The part has no instrument for it.
        """
        if pitch in self._known:
            return self._known[pitch]
        # A part without MIDI drums is read at the pitch that it shows.
        if self._is_displayed_pitch and pitch % 12 in _NATURAL_STEPS and pitch >= 12:
            return Drum(tuple(unpitched_lines(_NATURAL_STEPS[pitch % 12], pitch // 12 - 1)))
        raise RequestError(f"percussion part {self._key} has no instrument for the drum {pitch}")


def _as_written(note: ElementTree.Element, shown: ElementTree.Element) -> Drum:
    """The drum of a note as that note writes it."""
    instrument, head = note.find("instrument"), note.find("notehead")
    lines = ["<unpitched/>"]
    if shown.find("display-step") is not None:
        lines = unpitched_lines(shown.findtext("display-step") or "C", int(shown.findtext("display-octave") or 5))
    notehead = ""
    if head is not None:
        plain = ElementTree.fromstring(ElementTree.tostring(head))
        plain.tail = None
        notehead = ElementTree.tostring(plain, encoding="unicode")
    return Drum(tuple(lines), instrument.get("id", "") if instrument is not None else "", notehead)


def drum_keys(piece: Piece) -> dict[int, frozenset[int]]:
    """For each drum lane of a piece the keys of General MIDI percussion that can be written there.

    In MIDI that is every one; a part of a MusicXML score can write those that it has an instrument for.
    """
    every = frozenset(range(FIRST_DRUM, LAST_DRUM + 1))
    drums = [lane for lane, part in enumerate(piece.parts) if part.is_drum]
    if not drums or piece.source is None or piece.source.format != "musicxml":
        return dict.fromkeys(drums, every)
    with collection_paused():
        document = walk(piece.source.data, piece.source.name)
        kits = {part.key: DrumKit(part).keys for part in document.parts if part.key in {piece.parts[lane].key for lane in drums}}
    return {lane: kits[piece.parts[lane].key] for lane in drums}
