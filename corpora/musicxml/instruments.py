"""What a MusicXML part sounds like: General MIDI programs guessed from names, loudness of dynamic marks.

Conventions: programs are 0-127 (General MIDI 1, zero-based), velocities 1-127. The velocities of the marks are the usual ones of
notation programs (even steps of 16 from pp = 33 to ff = 112, mf = 80).
"""

from __future__ import annotations

import unicodedata

__all__ = ["DYNAMIC_VELOCITY", "guess_program", "velocity_of_percentage"]

DYNAMIC_VELOCITY = {
    "pppppp": 1,
    "ppppp": 5,
    "pppp": 10,
    "ppp": 16,
    "pp": 33,
    "p": 49,
    "mp": 64,
    "mf": 80,
    "f": 96,
    "ff": 112,
    "fff": 126,
    "ffff": 127,
    "fffff": 127,
    "ffffff": 127,
}
# MusicXML gives loudness in percent of this velocity (its "forte").
FORTE_VELOCITY = 90

CHOIR_AAHS = 52
# Looked for in this order inside the part's name (lower case, no accents), so longer words stand before words they contain.
_PROGRAM_BY_WORD: tuple[tuple[str, int], ...] = (
    ("contrabassoon", 70),
    ("kontrafagott", 70),
    ("contrabass", 43),
    ("kontrabass", 43),
    ("double bass", 43),
    ("contrebasse", 43),
    ("violoncell", 42),
    ("cello", 42),
    ("violone", 43),
    ("viola da gamba", 42),
    ("viola", 41),
    ("bratsche", 41),
    ("violin", 40),
    ("violon", 40),
    ("violine", 40),
    ("geige", 40),
    ("harpsichord", 6),
    ("cembalo", 6),
    ("clavecin", 6),
    ("celesta", 8),
    ("glockenspiel", 9),
    ("xylophone", 13),
    ("marimba", 12),
    ("harmonium", 20),
    ("organ", 19),
    ("orgel", 19),
    ("orgue", 19),
    ("piano", 0),
    ("klavier", 0),
    ("keyboard", 0),
    ("guitar", 24),
    ("gitarre", 24),
    ("bass guitar", 33),
    ("harp", 46),
    ("harfe", 46),
    ("timpani", 47),
    ("pauken", 47),
    ("cor anglais", 69),
    ("english horn", 69),
    ("corno", 60),
    ("trombon", 57),
    ("posaune", 57),
    ("trumpet", 56),
    ("tromba", 56),
    ("trompete", 56),
    ("tuba", 58),
    ("horn", 60),
    ("saxophone", 65),
    ("clarinet", 71),
    ("klarinette", 71),
    ("bassoon", 70),
    ("fagott", 70),
    ("oboe", 68),
    ("oboi", 68),
    ("hautbois", 68),
    ("piccolo", 72),
    ("recorder", 74),
    ("flauto dolce", 74),
    ("flute", 73),
    ("flaut", 73),
    ("flote", 73),
    ("string", 48),
    ("soprano", CHOIR_AAHS),
    ("mezzo", CHOIR_AAHS),
    ("alto", CHOIR_AAHS),
    ("contralto", CHOIR_AAHS),
    ("tenor", CHOIR_AAHS),
    ("bariton", CHOIR_AAHS),
    ("bass", CHOIR_AAHS),
    ("choir", CHOIR_AAHS),
    ("chor", CHOIR_AAHS),
    ("voice", CHOIR_AAHS),
    ("voix", CHOIR_AAHS),
    ("vocal", CHOIR_AAHS),
    ("canto", CHOIR_AAHS),
    ("singstimme", CHOIR_AAHS),
    ("gesang", CHOIR_AAHS),
)


def guess_program(name: str) -> int:
    """The General MIDI program (0-127) that a part's name suggests; 0, the piano, when it suggests none.

    >>> guess_program("Violino I"), guess_program("Soprano"), guess_program("P1")
    (40, 52, 0)
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(c))
    return next((program for word, program in _PROGRAM_BY_WORD if word in plain), 0)


def velocity_of_percentage(percent: float) -> int:
    """MIDI velocity 1-127 of a MusicXML ``dynamics`` attribute, which is in percent of velocity 90."""
    return min(127, max(1, round(percent * FORTE_VELOCITY / 100)))
