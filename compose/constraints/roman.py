"""Roman numerals in a key: ``I``, ``V65``, ``viio7``, ``V7/V``, ``bVI``, ``iv6``.

Conventions: upper case has a major third, lower case a minor one; ``o`` or ``°`` is diminished, ``ø`` half-diminished, ``+``
augmented; figures 6, 64, 7, 65, 43, 42 (or 2) are inversions. Degrees are those of the key's scale, in minor the natural one;
a ``b`` or ``#`` in front moves the root. Sevenths are diatonic: major on I and IV in major, minor elsewhere; ``viio7`` is
diminished. After a slash stands the degree that is the key for the moment.
"""

from __future__ import annotations

import re

from compose.constraints.chords import Chord
from corpora.errors import RequestError

__all__ = ["parse_roman"]

_DEGREES = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_FIGURES = {"": (False, 0), "6": (False, 1), "64": (False, 2), "7": (True, 0), "65": (True, 1), "43": (True, 2), "42": (True, 3)}
_NUMERAL = re.compile(r"(?P<sign>[b#♭♯]?)(?P<numeral>VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(?P<quality>[o°ø+]?)(?P<figure>\d*)")


def _root(sign: str, numeral: str, quality: str, tonic: int, minor: bool) -> int:
    """Pitch class of the root; a diminished seventh degree in minor stands on the leading tone."""
    degree = _DEGREES[numeral.lower()]
    root = (_MINOR if minor else _MAJOR)[degree]
    if minor and degree == 6 and not sign and quality in ("o", "°", "ø"):
        root = 11
    return (tonic + root + {"b": -1, "♭": -1, "#": 1, "♯": 1}.get(sign, 0)) % 12


def parse_roman(text: str, tonic: int, minor: bool) -> Chord:
    """The chord of a numeral.

    Args:
        text: For example ``V65/V``.
        tonic: Pitch class of the key.
        minor: Whether the key is minor.

    Raises:
        RequestError: Not understood.
    """
    body, slash, of = text.partition("/")
    if slash:
        found = _NUMERAL.fullmatch(of)
        if found is None or found["figure"]:
            raise RequestError(f"'{text}' is not understood: expected a degree after the slash, for example V7/V")
        key = _root(found["sign"], found["numeral"], found["quality"], tonic, minor)
        inner = parse_roman(body, key, found["numeral"].islower())
        return Chord(text, inner.pitch_classes, inner.bass)
    found = _NUMERAL.fullmatch(body)
    figure = {"2": "42"}.get(found["figure"], found["figure"]) if found else ""
    if found is None or figure not in _FIGURES:
        raise RequestError(f"'{text}' is not a roman numeral: expected for example I, V65, viio7, bVI or V7/V")
    numeral, quality = found["numeral"], found["quality"]
    root = _root(found["sign"], numeral, quality, tonic, minor)
    third = 3 if numeral.islower() or quality in ("o", "°", "ø") else 4
    fifth = 6 if quality in ("o", "°", "ø") else 8 if quality == "+" else 7
    has_seventh, inversion = _FIGURES[figure]
    tones = [root, (root + third) % 12, (root + fifth) % 12]
    if has_seventh:
        tonic_like = third == 4 and fifth == 7 and numeral in (("III", "VI", "I") if minor else ("I", "IV"))
        seventh = 9 if quality in ("o", "°") else 11 if tonic_like else 10
        tones.append((root + seventh) % 12)
    return Chord(text, frozenset(tones), tones[inversion])
