"""Which letter a pitch gets: the key in force, the line of fifths, and where the melody goes next.

Conventions: a spelling's place on the line of fifths counts C = 0, G = 1, F = -1, F sharp = 6 ... Relative to the key's fifths the
seven scale tones stand at -1 to 5. Chromatic tones follow the usual practice (the line-of-fifths view is Temperley's, "The
Cognition of Basic Musical Structures", MIT Press 2001, ch. 5): a raised tone when it leads a semitone up, a lowered one when it
leads a semitone down, else the raised fourth, first and fifth and the lowered seventh, third and sixth.
"""

from __future__ import annotations

from typing import NamedTuple

from corpora.piece import CENTS_PER_SEMITONE

__all__ = ["Spelling", "key_alters", "spell", "spell_between"]

_LETTERS = "FCGDAEB"  # place -1 to 5 on the line of fifths
_LETTER_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# Chromatic tones relative to the key: place when raised, place when lowered.
_RAISED_AND_LOWERED = ((6, -6), (7, -5), (8, -4), (9, -3), (10, -2))
# Without a leading semitone these stay as they are written most: #4, #1, #5 (b6 in minor is a scale tone), b3, b7.
_DEFAULT_PLACES = (6, 7, 8, -3, -2)
NEAR_QUARTER_TONE_CENTS = 25  # from here on a pitch may be spelled from the other side
LOWEST_PLACE, HIGHEST_PLACE = -8, 12  # F flat to B sharp: no double signs


class Spelling(NamedTuple):
    """A written pitch; ``alter`` in semitones."""

    step: str
    alter: float
    octave: int


def key_alters(fifths: int) -> dict[str, int]:
    """Alteration of each letter under a key signature.

    >>> key_alters(2)["F"], key_alters(-1)["B"]
    (1, -1)
    """
    return {letter: (fifths + 6 - (place + 1)) // 7 for place, letter in enumerate(_LETTERS, -1)}


def spell(pitch: int, fifths: int, next_pitch: int | None = None) -> Spelling:
    """Spell a written MIDI pitch.

    Args:
        pitch: Written (not sounding) MIDI number.
        fifths: The written key signature.
        next_pitch: Written pitch of the voice's next note, if any.

    >>> spell(66, 0, 67), spell(61, -5)
    (Spelling(step='F', alter=1, octave=4), Spelling(step='D', alter=-1, octave=4))
    """
    place = (7 * pitch) % 12  # the place on the line of fifths, up to enharmonic shifts of 12
    relative = (place - fifths + 1) % 12 - 1  # -1 to 10
    if relative > 5:
        raised, lowered = _RAISED_AND_LOWERED[relative - 6]
        default = _DEFAULT_PLACES[relative - 6]
        move = 0 if next_pitch is None else next_pitch - pitch
        # The raised fourth stays one also when it falls back.
        relative = raised if move == 1 else lowered if move == -1 and raised > 6 else default
    place = relative + fifths
    while place > HIGHEST_PLACE:
        place -= 12
    while place < LOWEST_PLACE:
        place += 12
    letter = _LETTERS[(place + 1) % 7]
    alter = (place + 1) // 7
    return Spelling(letter, alter, (pitch - alter - _LETTER_SEMITONES[letter]) // 12 - 1)


def spell_between(pitch: int, cents: float, fifths: int, next_pitch: int | None = None) -> Spelling:
    """Spell what sounds some cents above a written pitch: as that pitch, or from the neighbour beyond where that needs less.

    Args:
        pitch, fifths, next_pitch: As in ``spell``.
        cents: -50 < cents <= 50.

    >>> spell_between(60, 50, 0), spell_between(61, 50, 0)
    (Spelling(step='C', alter=0.5, octave=4), Spelling(step='D', alter=-0.5, octave=4))
    """
    own = spell(pitch, fifths, next_pitch)
    if not cents:
        return own
    own = own._replace(alter=own.alter + cents / CENTS_PER_SEMITONE)
    side = 1 if cents > 0 else -1
    if abs(cents) < NEAR_QUARTER_TONE_CENTS:
        return own
    beyond = spell(pitch + side, fifths, next_pitch)
    beyond = beyond._replace(alter=beyond.alter - side + cents / CENTS_PER_SEMITONE)
    return min(own, beyond, key=lambda spelling: abs(spelling.alter))
