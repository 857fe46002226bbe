"""Names of pitches and pitch classes as people write them: ``G``, ``F#``, ``Bb``, ``C4``, ``E♭3``; and of drums: ``crash``.

Conventions: scientific octaves, C4 = MIDI 60, pitches 0-127 (C-1 to G9); pitch classes 0-11 from C. Letters in either
case; accidentals ``# ## x b bb ♯ ♭``. German H is not read. A drum's name is any words of its General MIDI name.
"""

from __future__ import annotations

import re

from compose.canvas import NUM_PITCHES
from corpora.errors import RequestError
from corpora.general_midi import DRUM_NAMES

__all__ = [
    "PITCH_CLASS_PATTERN",
    "PITCH_PATTERN",
    "find_drums",
    "parse_pitch",
    "parse_pitch_class",
    "pitch_class_name",
    "pitch_name",
]

PITCH_CLASS_PATTERN = r"[A-Ga-g](?:##|bb|[#bx♯♭])?"
PITCH_PATTERN = PITCH_CLASS_PATTERN + r"-?\d"

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "##": 2, "x": 2, "b": -1, "♭": -1, "bb": -2}
_DRUM_WORDS = {"kick": "bass drum", "rim": "side stick", "hihat": "hi hat", "shaker": "maracas", "china": "chinese"}
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def _semitones(name: str) -> int:
    """Semitones above C of a letter with its accidental, not folded (Cb is -1)."""
    return _LETTERS[name[0].upper()] + _ACCIDENTALS[name[1:]]


def parse_pitch_class(text: str) -> int:
    """The pitch class 0-11 of a note name without octave.

    Raises:
        RequestError: When it is not one.
    """
    if not re.fullmatch(PITCH_CLASS_PATTERN, text.strip()):
        raise RequestError(f"'{text.strip()}' is not a note name: expected A to G with # or b, for example F# or Bb")
    return _semitones(text.strip()) % 12


def parse_pitch(text: str) -> int:
    """The MIDI number of a note name with octave (C4 = 60).

    Raises:
        RequestError: When it is not one, or lies outside 0-127.
    """
    name = text.strip()
    if not re.fullmatch(PITCH_PATTERN, name):
        raise RequestError(f"'{name}' is not a pitch: expected a note name with its octave, for example G3 or Bb4 (C4 is middle C)")
    found = re.match(PITCH_CLASS_PATTERN, name)
    assert found is not None
    pitch = _semitones(found.group()) + 12 * (int(name[found.end() :]) + 1)
    if not 0 <= pitch < NUM_PITCHES:
        raise RequestError(f"'{name}' is outside the MIDI pitches, C-1 to G9")
    return pitch


def pitch_class_name(pitch_class: int) -> str:
    """The usual name of a pitch class: ``C C# D Eb E F F# G Ab A Bb B``."""
    return _NAMES[pitch_class % 12]


def pitch_name(pitch: int) -> str:
    """The usual name of a MIDI pitch with its octave, for example ``F#4``."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def _drum_words(text: str) -> frozenset[str]:
    """The words of a drum's name as they are compared: no case, hyphen or plural."""
    words = text.casefold().replace("-", " ").split()
    plain = " ".join(_DRUM_WORDS.get(word.removesuffix("s"), word) for word in words)
    return frozenset(word.removesuffix("s") for word in plain.split())


def find_drums(text: str) -> frozenset[int]:
    """The keys of the General MIDI drums whose names have all these words; none when it is no drum.

    >>> sorted(find_drums("crash")), sorted(find_drums("open hats")), find_drums("F#")
    ([49, 57], [46], frozenset())
    """
    words = _drum_words(text)
    return frozenset(key for key, name in DRUM_NAMES.items() if words and words <= _drum_words(name))
