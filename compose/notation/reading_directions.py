"""Directions and chord symbols of MusicXML as ``Direction``s: dynamics, hairpins, words, tempo marks, pedals, octave lines, signs.

A metronome mark's value is its units and its number, "quarter=120", "quarter.=60", or two units, "quarter=eighth". Words of one
direction are one text. Dashed lines after words are left out, and so is what no text font has (private-use characters).
Source: MusicXML 4.0 (W3C Music Notation Community Group, 2021), elements ``direction-type``, ``metronome``, ``harmony``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from xml.etree import ElementTree

from compose.notation.names import DYNAMICS
from compose.notation.written import Direction
from corpora.musicxml.harmony import symbol_of_harmony

__all__ = ["read_direction", "read_dynamics", "read_harmony"]

_WEDGES = ("crescendo", "diminuendo", "stop")
_PEDALS = {"start": ("start",), "sostenuto": ("start",), "stop": ("stop",), "discontinue": ("stop",), "change": ("stop", "start")}
_SHIFTS = {("up", "8"), ("down", "8"), ("up", "15"), ("down", "15")}
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")


def read_direction(element: ElementTree.Element, onset: Fraction) -> list[Direction]:
    """What a ``<direction>`` says, at the place where it stands."""
    staff = int(element.findtext("staff") or 1)
    above = element.get("placement") == "above"
    said: list[tuple[str, str]] = []
    words: list[str] = []
    for child in element.iterfind("direction-type/*"):
        if child.get("print-object") == "no":
            continue
        if child.tag == "words":
            words.append(child.text or "")
        else:
            said += _said(child)
    text = plain_text(" ".join(words))
    if text:
        said.append(("words", text))
    return [Direction(onset, staff, kind, value, above) for kind, value in dict.fromkeys(said)]


def read_dynamics(element: ElementTree.Element) -> list[tuple[str, str]]:
    """Kinds and values of the signs in a ``<dynamics>``, which may also stand on a note."""
    said = []
    for sign in element:
        if sign.tag in DYNAMICS:
            said.append(("dynamics", sign.tag))
        elif sign.tag == "other-dynamics" and plain_text(sign.text):
            said.append(("words", plain_text(sign.text)))
    return said


def read_harmony(element: ElementTree.Element, onset: Fraction) -> list[Direction]:
    """A chord symbol, as a direction of kind "harmony" above its staff."""
    if element.get("print-object") == "no":
        return []
    return [Direction(onset, int(element.findtext("staff") or 1), "harmony", symbol_of_harmony(element), True)]


def plain_text(text: str | None) -> str:
    """The text with single spaces and without private-use characters."""
    return " ".join(_PRIVATE_USE.sub("", text or "").split())


def _said(child: ElementTree.Element) -> Iterator[tuple[str, str]]:
    kind = child.get("type", "")
    if child.tag == "dynamics":
        yield from read_dynamics(child)
    elif child.tag == "wedge" and kind in _WEDGES:
        yield "wedge", kind
    elif child.tag == "pedal":
        for value in _PEDALS.get(kind, ()):
            yield "pedal", value
    elif child.tag == "octave-shift":
        if kind == "stop":
            yield "octave-shift", "stop"
        elif (kind, child.get("size", "8")) in _SHIFTS:
            yield "octave-shift", f"{child.get('size', '8')} {kind}"
    elif child.tag in ("segno", "coda"):
        yield child.tag, child.tag
    elif child.tag == "rehearsal" and plain_text(child.text):
        yield "rehearsal", plain_text(child.text)
    elif child.tag == "metronome":
        value = _tempo(child)
        if value:
            yield "tempo", value


def _tempo(metronome: ElementTree.Element) -> str:
    sides: list[str] = []
    for child in metronome:
        if child.tag == "beat-unit":
            sides.append((child.text or "").strip())
        elif child.tag == "beat-unit-dot" and sides:
            sides[-1] += "."
        elif child.tag == "per-minute":
            sides.append(plain_text(child.text))
    return "=".join(sides) if len(sides) == 2 and all(sides) else ""
