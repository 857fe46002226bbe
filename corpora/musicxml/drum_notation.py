"""Where the drums of General MIDI stand on a staff of five lines with a percussion clef, and what their heads look like.

Drums have plain heads, low ones below high ones; cymbals have crosses; what is struck by the hand squares; rattles, scrapers and
whistles diamonds; metal and wood triangles. Convention for the kit: Weinberg, "Guidelines for Drumset Notation" (Percussive Notes,
1994); the others stand on places of their own, so that no two sounds look alike.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DRUM_DISPLAY", "DrumDisplay"]


class DrumDisplay(NamedTuple):
    """A place on the staff, as in the treble clef, and a MusicXML notehead ("" is the plain one)."""

    step: str
    octave: int
    head: str = ""


_PLACES = {
    35: "E4",
    36: "F4",
    37: "C5 x",
    38: "C5",
    39: "B4 x",
    40: "C5 diamond",
    41: "G4",
    42: "G5 x",
    43: "A4",
    44: "D4 x",
    45: "B4",
    46: "G5 circle-x",
    47: "D5",
    48: "E5",
    49: "A5 x",
    50: "F5",
    51: "F5 x",
    52: "C6 x",
    53: "F5 diamond",
    54: "D5 triangle",
    55: "B5 diamond",
    56: "E5 triangle",
    57: "B5 x",
    58: "E5 diamond",
    59: "E5 x",
    60: "G5 square",
    61: "F5 square",
    62: "E5 square",
    63: "D5 square",
    64: "C5 square",
    65: "B4 square",
    66: "A4 square",
    67: "G5 triangle",
    68: "F5 triangle",
    69: "D5 diamond",
    70: "E4 diamond",
    71: "A5 diamond",
    72: "G5 diamond",
    73: "B4 diamond",
    74: "A4 diamond",
    75: "C5 triangle",
    76: "B4 triangle",
    77: "A4 triangle",
    78: "G4 diamond",
    79: "F4 diamond",
    80: "A5 triangle",
    81: "B5 triangle",
}
DRUM_DISPLAY = {key: DrumDisplay(place[0], int(place[1]), place[3:]) for key, place in _PLACES.items()}
