"""Instruments and voices by name: their ranges at sounding pitch, and which lanes are theirs.

Ranges are those that a good player or choir singer has at hand, not the extremes of soloists; sounding pitch. Convention: Adler,
"The Study of Orchestration" (4th edition), the ranges of its instrument chapters, rounded to the professional range.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from compose.canvas import Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.names import parse_pitch
from corpora.piece import Part

__all__ = [
    "CHORD_INSTRUMENTS",
    "INSTRUMENTS",
    "OnlyInstruments",
    "find_instrument",
    "instrument_of",
    "instrument_range",
    "is_drum_kit",
]

# Name: lowest, highest (sounding), General MIDI programs (0-127), other names in part lists.
INSTRUMENTS: dict[str, tuple[str, str, tuple[int, ...], tuple[str, ...]]] = {
    "piccolo": ("D5", "C8", (72,), ("ottavino", "flauto piccolo")),
    "flute": ("C4", "D7", (73,), ("flauto", "flöte", "flûte")),
    "oboe": ("Bb3", "G6", (68,), ("hautbois", "hoboe")),
    "english horn": ("E3", "C6", (69,), ("cor anglais", "corno inglese")),
    "clarinet": ("D3", "Bb6", (71,), ("clarinetto", "klarinette", "clarinette")),
    "bass clarinet": ("Bb1", "F5", (), ("clarinetto basso",)),
    "bassoon": ("Bb1", "Eb5", (70,), ("fagotto", "fagott", "basson")),
    "contrabassoon": ("Bb0", "Bb3", (), ("contrafagotto", "kontrafagott")),
    "horn": ("B1", "F5", (60,), ("french horn", "corno", "cor")),
    "trumpet": ("F#3", "D6", (56, 59), ("tromba", "trompete", "trompette", "clarino")),
    "trombone": ("E2", "Bb4", (57,), ("posaune",)),
    "tuba": ("D1", "F4", (58,), ()),
    "timpani": ("C2", "C4", (47,), ("pauken", "timbales", "tympani")),
    "harp": ("C1", "G7", (46,), ("arpa", "harfe")),
    "violin": ("G3", "E7", (40,), ("violino", "violine", "violon")),
    "viola": ("C3", "E6", (41,), ("bratsche", "alto viola")),
    "cello": ("C2", "C6", (42,), ("violoncello", "violoncelle")),
    "double bass": ("E1", "C5", (43,), ("contrabass", "contrabasso", "kontrabass")),
    "guitar": ("E2", "E5", (24, 25, 26, 27), ("chitarra", "gitarre")),
    "bass guitar": ("E1", "G4", (32, 33, 34, 35), ("electric bass",)),
    "recorder": ("F4", "G6", (74,), ("blockflöte", "flauto dolce")),
    "saxophone": ("Db3", "Ab5", (65,), ("alto saxophone", "alto sax")),
    "soprano saxophone": ("Ab3", "Eb6", (64,), ("soprano sax",)),
    "tenor saxophone": ("Ab2", "Eb5", (66,), ("tenor sax",)),
    "baritone saxophone": ("Db2", "Ab4", (67,), ("baritone sax",)),
    "accordion": ("F3", "A6", (21, 23), ()),
    "harpsichord": ("F1", "F6", (6,), ("cembalo", "clavecin")),
    "organ": ("C2", "C7", (16, 17, 18, 19, 20), ("orgel", "organo", "orgue")),
    "celesta": ("C4", "C8", (8,), ()),
    "glockenspiel": ("G5", "C8", (9,), ()),
    "vibraphone": ("F3", "F6", (11,), ()),
    "marimba": ("C3", "C7", (12,), ()),
    "xylophone": ("F4", "C8", (13,), ()),
    "piano": ("A0", "C8", (0, 1, 2, 3, 4, 5), ("pianoforte", "klavier")),
    "soprano": ("C4", "A5", (), ("canto", "cantus", "discantus", "sopran")),
    "mezzo-soprano": ("A3", "F5", (), ("mezzo",)),
    "alto": ("F3", "D5", (), ("contralto", "altus", "alt")),
    "tenor": ("C3", "A4", (), ("tenore", "ténor")),
    "baritone": ("A2", "F4", (), ("baritono", "bariton")),
    "bass": ("E2", "E4", (), ("basso", "bassus", "basse")),
    "voice": ("E3", "A5", (52, 53, 54), ("singstimme", "gesang", "chant", "vocal")),
}
CHORD_INSTRUMENTS = frozenset(
    {"piano", "organ", "harpsichord", "harp", "celesta", "accordion", "guitar", "vibraphone", "marimba", "xylophone"}
)
_DRUM_KITS = frozenset({"drum", "drum kit", "drum set", "drumset", "percussion"})
_NAMES = {other: name for name, row in INSTRUMENTS.items() for other in (name, *row[3])}
_PROGRAMS = {program: name for name, row in INSTRUMENTS.items() for program in row[2]}


def find_instrument(text: str) -> str | None:
    """The instrument of a name in any of its forms ("Violoncello", "violins", "Violino I"), or None."""
    words = text.casefold().replace(".", " ").split()
    for count in range(len(words), 0, -1):
        head = " ".join(words[:count])
        for form in (head, head.removesuffix("s")):
            if form in _NAMES:
                return _NAMES[form]
    return None


def is_drum_kit(text: str) -> bool:
    """Whether a name means the drums of General MIDI ("drums", "Drum Kit")."""
    return " ".join(text.casefold().replace("-", " ").split()).removesuffix("s") in _DRUM_KITS


def instrument_of(part: Part) -> str | None:
    """The instrument of a lane: by its name, else by its General MIDI program; None when neither is known, and for drums."""
    if part.is_drum:
        return None
    return find_instrument(part.name) or _PROGRAMS.get(part.program)


def instrument_range(name: str) -> tuple[int, int]:
    """Lowest and highest MIDI pitch of an instrument of ``INSTRUMENTS``, sounding."""
    low, high = INSTRUMENTS[name][:2]
    return parse_pitch(low), parse_pitch(high)


@dataclass(frozen=True)
class OnlyInstruments(Constraint):
    """Only these lanes get new notes.

    Args:
        text: For example ``instruments: violin, cello``.
        lanes: Lanes of these instruments.
    """

    text: str = field()  # the base has a default, this has none
    lanes: tuple[int, ...]

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """All or none."""
        return np.full(len(onsets), lane in self.lanes)

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """All or none; shape (1, 1)."""
        return np.full((1, 1), lane in self.lanes)

    def conflict(self, canvas: Canvas) -> str | None:
        """The region must have one of the lanes."""
        return None if set(self.lanes) & set(canvas.region.lanes) else "the region writes no part of these instruments"

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new notes in these lanes."""
        good = sum(note.lane in self.lanes for note in canvas.written)
        return Satisfaction(self.text, good == len(canvas.written), f"{good} of {len(canvas.written)} notes in these instruments")
