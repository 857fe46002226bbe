"""Which key plays which degree of a scale, and at what pitch: Scala's .kbm files.

Conventions: keys are MIDI numbers 0-127; degrees count from 0. A map of size 0 gives every key the next degree.

Source: M. Op de Coul, "Scala keyboard mapping format", https://www.huygens-fokker.org/scala/help.htm#mappings, and its template.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from corpora.gate.refusal import refusal
from render.tuning.text_lines import Line, content_lines, number, whole_number

__all__ = ["KeyboardMap", "linear_map", "read_kbm"]

MAX_KEY = 127
MAX_MAP = 4_096
MAX_DEGREE = 8_192
MIN_HZ, MAX_HZ = 1.0, 30_000.0
HEAD = (
    ("the size of the map", 0, MAX_MAP),
    ("the first key to retune", 0, MAX_KEY),
    ("the last key to retune", 0, MAX_KEY),
    ("the middle key, that plays the map's first entry", 0, MAX_KEY),
    ("the reference key", 0, MAX_KEY),
)


@dataclass(frozen=True)
class KeyboardMap:
    """Keys to degrees.

    Args:
        first_key, last_key: Keys that are retuned; the others keep equal temperament at A4 = 440 Hz. middle_key: The key that
        plays the first entry. reference_key: The key whose frequency is given. reference_hz: That frequency. octave_degree: The
        degree by which the map rises when it repeats. degrees: Of the keys from ``middle_key`` on, repeating; None for keys that
        play nothing; empty for every key the next degree.
    """

    first_key: int
    last_key: int
    middle_key: int
    reference_key: int
    reference_hz: float
    octave_degree: int
    degrees: tuple[int | None, ...]

    def degree(self, key: int) -> int | None:
        """The degree that a key plays; None for nothing."""
        if not self.degrees:
            return key - self.middle_key
        rounds, place = divmod(key - self.middle_key, len(self.degrees))
        own = self.degrees[place]
        return None if own is None else own + rounds * self.octave_degree


def linear_map(reference_hz: float) -> KeyboardMap:
    """Every key the next degree, middle C (60) the first one, A4 (69) at a frequency: Scala's template."""
    return KeyboardMap(0, MAX_KEY, 60, 69, reference_hz, 0, ())


def read_kbm(data: bytes, name: str) -> KeyboardMap:
    """A Scala keyboard mapping file.

    Args:
        data: The whole file.
        name: File name for messages.

    Raises:
        InputError: Not such a file, cut off, a number out of range, first key after last key, or a reference key that plays
            nothing.
    """
    lines = content_lines(data, name)
    size, first, last, middle, reference = (
        whole_number(_next(lines, name, what), what, low, high, name) for what, low, high in HEAD
    )
    reference_hz = number(_next(lines, name, "the reference frequency"), "a frequency in Hz", MIN_HZ, MAX_HZ, name)
    octave = whole_number(_next(lines, name, "the octave's degree"), "the degree of the octave", 0, MAX_DEGREE, name)
    degrees: list[int | None] = []
    for line in lines:
        if not line.text.strip():
            continue
        if len(degrees) == size:
            raise refusal(name, f"line {line.number}", f"{size} entries and no more", f"'{line.text.strip()}'")
        word = line.text.split()[0]
        degrees.append(None if word in ("x", "X") else whole_number(line, "a degree or x", 0, MAX_DEGREE, name))
    degrees += [None] * (size - len(degrees))  # "At the end, unmapped keys may be left out"
    if first > last:
        raise refusal(name, "", "a first key that is not above the last", f"{first} and {last}")
    made = KeyboardMap(first, last, middle, reference, reference_hz, octave, tuple(degrees))
    if made.degree(reference) is None:
        raise refusal(name, "", f"a degree for the reference key {reference}", "none")
    return made


def _next(lines: Iterator[Line], name: str, expected: str) -> Line:
    line = next(lines, None)
    if line is None:
        raise refusal(name, "", expected, "the end of the file (truncated?)")
    return line
