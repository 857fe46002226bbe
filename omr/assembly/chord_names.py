"""Chord symbols as they are printed, in the one spelling that scores have them in: ``chord_name``, ``are_chords``.

Printed names vary: "Cmin7", "C-7" and "Cm7" are one chord, as are "Cmaj7", "CM7" and "C△7" (Brandt and Roemer, "Standardized Chord
Symbol Notation", 1976, tell what stands for what). A letter alone may be a rehearsal mark, too: which it is the whole score says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from corpora.musicxml.harmony import KIND_SYMBOLS

__all__ = ["are_chords", "chord_name", "chord_names"]

FEWEST = 3
LEAST_SHARE = 0.5  # of the texts above the staves
_ROOT = r"[A-G](?:[b#♭♯]|\ue260|\ue262)?"
_SYMBOL = re.compile(rf"({_ROOT})([^/]*?)(?:/\s*({_ROOT}))?")
_SIGNS = str.maketrans({"♭": "b", "\ue260": "b", "♯": "#", "\ue262": "#", "∆": "△", "Δ": "△", "°": "o", "º": "o", "Ø": "ø"})
_NO_CHORD = ("nc", "n.c.", "n.c", "nochord")
# What may stand after a root, without brackets, and what it is called here.
_KINDS = {
    "": ("maj", "major", "M", "Maj"),
    "m": ("min", "mi", "-", "minor"),
    "7": ("dom7",),
    "maj7": ("M7", "△7", "△", "ma7", "Maj7", "j7"),
    "m7": ("min7", "mi7", "-7"),
    "dim": ("o",),
    "dim7": ("o7",),
    "m7b5": ("ø", "ø7", "min7b5", "-7b5", "m7-5", "mi7b5"),
    "aug": ("+", "#5", "augmented"),
    "sus4": ("sus", "4"),
    "sus2": ("2",),
    "6": ("maj6", "M6", "add6"),
    "m6": ("min6", "mi6", "-6"),
}
_KIND_OF = {printed: kind for kind, others in _KINDS.items() for printed in (kind, *others) if kind in KIND_SYMBOLS}
# Chords that have no kind here keep the one that they add to; ninths and above add to sevenths.
_ADDED = re.compile(r"(?:add9|add2|(?<=7)(?:alt|sus4?)|(?:#|b)(?:5|9|11|13)|sus4|9|11|13)+$")
_SEVENTHS = {"": "7", "m": "m7", "7": "7", "m7": "m7", "maj7": "maj7"}


def chord_name(text: str) -> str | None:
    """The chord that one printed symbol names ("F#m7", "C/E", "N.C."); None where it is none.

    Ninths and the like, which scores here have no kind for, become the seventh chord that they add to, other additions the chord
    without them.
    """
    symbol = text.strip().translate(_SIGNS).replace("(", "").replace(")", "").replace(" ", "")
    if symbol.lower() in _NO_CHORD:
        return "N.C."
    found = _SYMBOL.fullmatch(symbol)
    if found is None:
        return None
    kind = _KIND_OF.get(found[2])
    if kind is None:
        kind = _reduced(found[2])
    if kind is None:
        return None
    return found[1] + kind + (f"/{found[3]}" if found[3] else "")


def _reduced(printed: str) -> str | None:
    """The kind of a chord with additions."""
    added = _ADDED.search(printed)
    if added is None:
        return None
    base = printed[: added.start()]
    if not added.group()[0].isdigit():
        return _KIND_OF.get(base)
    return "maj7" if base and base in _KINDS[""] else _SEVENTHS.get(_KIND_OF.get(base, base))


def chord_names(text: str) -> list[str]:
    """The chords of a text that has nothing else; empty where it has."""
    whole = chord_name(text)
    if whole is not None:
        return [whole]
    names = [chord_name(word) for word in text.split()]
    return [name for name in names if name is not None] if names and all(names) else []


def are_chords(texts: Sequence[str]) -> bool:
    """Whether a score has chord symbols, by all texts above its staves, in order: enough of them are, and no rehearsal letters."""
    found = [text.strip() for text in texts if chord_names(text)]
    if len(found) < FEWEST or len(found) < LEAST_SHARE * len(texts):
        return False
    letters = [text for text in found if len(text) == 1]
    return len(letters) < len(found) or any(later <= earlier for earlier, later in pairwise(letters))
