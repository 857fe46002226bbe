"""Tunings: what sounds when a key is played, or a written note.

Conventions: heights are MIDI semitones as real numbers, 69.0 = 440 Hz, so that a height is a key and the cents above it. Every
tuning answers for a key and its cents (those of written quarter tones and the like); 0 cents is the plain key.

Three ways lead from a key to a step, and which one is taken depends on what the tuning is:

*A keyboard map* (``MappedTuning``): the .kbm file says. A scale of twelve steps without one has Scala's own: C is the first degree,
key by key, and A4 is the reference. Cents are added to what the key gives.

*An equal division* (``EqualDivision``): keys are read as spelled notes. The twelve keys are the chain of fifths E flat - G sharp,
the usual twelve of a keyboard; a fifth is the division's step nearest to 3/2 and the octave is pure. In 19-EDO C sharp is thus one
step above C, and D flat, which a plain key cannot say, would be two: ``spelled`` takes the letter. A key with cents goes to the
nearest step.

*Any other scale* (``NearestTuning``): the first step is C, and a key with its cents plays the step nearest to it. A maqam of seven
steps so retunes the white keys; what lies between them joins the nearest.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from render.tuning.keyboard_map import KeyboardMap
from render.tuning.scale import CENTS_PER_OCTAVE, Scale, equal_division

__all__ = ["CONCERT_A_HZ", "EqualDivision", "MappedTuning", "NearestTuning", "Tuning", "height_of_hz", "hz_of_height"]

CONCERT_A_HZ, A_KEY, C_KEY = 440.0, 69, 60
CENTS_PER_SEMITONE = 100.0
KEYS_PER_OCTAVE = 12
FIFTH_CENTS = CENTS_PER_OCTAVE * math.log2(3 / 2)
FLATTEST_FIFTH = -3  # E flat, fifths from C
LETTER_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
LETTER_KEYS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
FIFTHS_PER_SHARP = 7


def height_of_hz(frequency_hz: float) -> float:
    """MIDI semitones of a frequency."""
    return A_KEY + KEYS_PER_OCTAVE * math.log2(frequency_hz / CONCERT_A_HZ)


def hz_of_height(height: float) -> float:
    """Frequency of a height in MIDI semitones."""
    return float(CONCERT_A_HZ * 2.0 ** ((height - A_KEY) / KEYS_PER_OCTAVE))


class Tuning(ABC):
    """A tuning."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the user knows it by."""

    @abstractmethod
    def height(self, key: int, cents: float = 0.0) -> float | None:
        """What sounds, in MIDI semitones.

        Args:
            key: MIDI key, 0-127.
            cents: Of the note above its key.

        Returns:
            The height; None where the tuning leaves the key without a sound.
        """

    def frequency_hz(self, key: int, cents: float = 0.0) -> float | None:
        """What sounds, in Hz; None for nothing."""
        height = self.height(key, cents)
        return None if height is None else hz_of_height(height)


@dataclass(frozen=True)
class MappedTuning(Tuning):
    """A scale on a keyboard map.

    Args:
        label: Its name.
        scale: The scale.
        keyboard: The map.
    """

    label: str
    scale: Scale
    keyboard: KeyboardMap

    @property
    def name(self) -> str:
        return self.label

    def height(self, key: int, cents: float = 0.0) -> float | None:
        keyboard = self.keyboard
        if not keyboard.first_key <= key <= keyboard.last_key:
            return key + cents / CENTS_PER_SEMITONE
        degree, reference = keyboard.degree(key), keyboard.degree(keyboard.reference_key)
        if degree is None:
            return None
        assert reference is not None, "the reader sees to that"
        above = self.scale.degree_cents(degree) - self.scale.degree_cents(reference)
        return height_of_hz(keyboard.reference_hz) + (above + cents) / CENTS_PER_SEMITONE


@dataclass(frozen=True)
class EqualDivision(Tuning):
    """The octave in equal steps, keys being spelled by fifths.

    Args:
        count: Steps in the octave.
        a4_hz: Frequency of A4.
    """

    count: int
    a4_hz: float = CONCERT_A_HZ

    @property
    def name(self) -> str:
        """For example "19-EDO", with A4 where it is not at 440 Hz."""
        return equal_division(self.count).name + ("" if self.a4_hz == CONCERT_A_HZ else f", A4 = {self.a4_hz:g} Hz")

    @property
    def fifth_steps(self) -> int:
        """Steps of the fifth: the nearest to 3/2."""
        return round(self.count * FIFTH_CENTS / CENTS_PER_OCTAVE)

    def height(self, key: int, cents: float = 0.0) -> float:
        if cents:
            written = (key - A_KEY) * CENTS_PER_SEMITONE + cents
            return self._height(math.ceil(written * self.count / CENTS_PER_OCTAVE - 0.5))
        octave, place = divmod(key, KEYS_PER_OCTAVE)
        fifths = (place * 7 - FLATTEST_FIFTH) % KEYS_PER_OCTAVE + FLATTEST_FIFTH  # 7 fifths make a semitone
        letter_octaves = (place - 7 * fifths) // KEYS_PER_OCTAVE  # the exact octaves that bring the fifths back
        return self._of_fifths(fifths, octave - 1 + letter_octaves)

    def spelled(self, letter: str, alteration: float, octave: int) -> float:
        """What sounds for a written note, in MIDI semitones.

        Args:
            letter: A to G. alteration: Sharps above (flats below) the letter; halves and the like are shares of the division's
                sharp, to the nearest step.
            octave: Of the letter, middle C in octave 4.
        """
        fifths = LETTER_FIFTHS[letter]
        letter_octaves = (LETTER_KEYS[letter] - 7 * fifths) // KEYS_PER_OCTAVE
        natural = self._steps_of_fifths(fifths, octave + letter_octaves)
        sharp = FIFTHS_PER_SHARP * self.fifth_steps - 4 * self.count
        return self._height(natural + math.ceil(alteration * sharp - 0.5) - self._a4_steps)

    @property
    def _a4_steps(self) -> int:
        return self._steps_of_fifths(LETTER_FIFTHS["A"], 4 - 1)  # three fifths above C3 is A4

    def _steps_of_fifths(self, fifths: int, octave: int) -> int:
        """Steps above C0 of so many fifths above the C of an octave."""
        return fifths * self.fifth_steps + octave * self.count

    def _of_fifths(self, fifths: int, octave: int) -> float:
        return self._height(self._steps_of_fifths(fifths, octave) - self._a4_steps)

    def _height(self, steps: int) -> float:
        """Height of so many steps above A4."""
        return height_of_hz(self.a4_hz) + KEYS_PER_OCTAVE * steps / self.count


@dataclass(frozen=True)
class NearestTuning(Tuning):
    """A scale from C on, each key playing the nearest step.

    Args:
        label: Its name.
        scale: The scale.
        a4_hz: Frequency that A4 would have in equal temperament; the scale's first step is the C a major sixth of 900 cents below.
    """

    label: str
    scale: Scale
    a4_hz: float = CONCERT_A_HZ

    @property
    def name(self) -> str:
        return self.label

    def height(self, key: int, cents: float = 0.0) -> float:
        above_c = (key - C_KEY) * CENTS_PER_SEMITONE + cents
        return height_of_hz(self.a4_hz) + (self.scale.nearest_cents(above_c) - 900.0) / CENTS_PER_SEMITONE
