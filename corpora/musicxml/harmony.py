"""Chord symbols of a MusicXML score (``<harmony>``) as text, beat by beat."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from corpora.errors import InputError
from corpora.piece import Piece

__all__ = ["KIND_SYMBOLS", "add_harmony", "chord_symbols", "symbol_of_harmony"]

_KINDS = {
    "major": "",
    "minor": "m",
    "dominant": "7",
    "major-seventh": "maj7",
    "minor-seventh": "m7",
    "diminished": "dim",
    "diminished-seventh": "dim7",
    "half-diminished": "m7b5",
    "augmented": "aug",
    "suspended-fourth": "sus4",
    "suspended-second": "sus2",
    "major-sixth": "6",
    "minor-sixth": "m6",
    "none": "",
}
_KIND_NAMES = {symbol: kind for kind, symbol in _KINDS.items() if kind != "none"}
KIND_SYMBOLS = tuple(_KIND_NAMES)  # what may stand after a root
_ALTERS = {"-2": "bb", "-1": "b", "0": "", "1": "#", "2": "##"}
_ALTER_NUMBERS = {sign: number for number, sign in _ALTERS.items()}
_SYMBOL = re.compile(r"([A-G])(bb|##|b|#|)([^/]*)(?:/([A-G])(bb|##|b|#|))?")


def _name(element: ElementTree.Element, kind: str) -> str:
    alter = _ALTERS.get((element.findtext(f"{kind}-alter") or "0").strip(), "")
    return (element.findtext(f"{kind}-step") or "").strip() + alter


def symbol_of_harmony(harmony: ElementTree.Element) -> str:
    """The text of a ``<harmony>`` element: "C", "F#m7", "G7/B", or "N.C." for none."""
    kind = (harmony.findtext("kind") or "major").strip()
    if kind == "none":
        return "N.C."
    root, bass = harmony.find("root"), harmony.find("bass")
    if root is None:
        return "N.C."
    under = f"/{_name(bass, 'bass')}" if bass is not None else ""
    # a kind that has no symbol here keeps what is sure of it: its root's triad
    return _name(root, "root") + _KINDS.get(kind, "m" if kind.startswith("minor") else "") + under


def add_harmony(harmony: ElementTree.Element, symbol: str) -> None:
    """Fill a ``<harmony>`` element so that ``symbol_of_harmony`` says this symbol.

    Raises:
        InputError: The text is no chord symbol that has a kind of MusicXML.
    """
    if symbol == "N.C.":
        ElementTree.SubElement(ElementTree.SubElement(harmony, "root"), "root-step", text="").text = "C"
        ElementTree.SubElement(harmony, "kind", text=symbol).text = "none"
        return
    found = _SYMBOL.fullmatch(symbol)
    if not found or found[3] not in _KIND_NAMES:
        raise InputError(f"chord symbol: expected a root and a kind such as C, F#m7 or G7/B, got {symbol!r}")
    _add_step(harmony, "root", found[1], found[2])
    ElementTree.SubElement(harmony, "kind").text = _KIND_NAMES[found[3]]
    if found[4]:
        _add_step(harmony, "bass", found[4], found[5])


def _add_step(harmony: ElementTree.Element, tag: str, step: str, alter: str) -> None:
    element = ElementTree.SubElement(harmony, tag)
    ElementTree.SubElement(element, f"{tag}-step").text = step
    if alter:
        ElementTree.SubElement(element, f"{tag}-alter").text = _ALTER_NUMBERS[alter]


def chord_symbols(piece: Piece) -> str:
    """The chords as the wish ``chords:`` takes them, ``| G | C D7 |``; a bar in which they change has one symbol a beat.

    Symbols hold until the next one; before the first nothing is said (N.C.). "" when the score has none, or is not MusicXML. Of
    several parts the first that has symbols counts.
    """
    if piece.source is None or piece.source.format != "musicxml":
        return ""
    root = ElementTree.fromstring(piece.source.data)
    part = next((part for part in root.findall("part") if part.find(".//harmony") is not None), None)
    if part is None:
        return ""
    cells, current, divisions = [], "N.C.", 1
    for element, row in zip(part.findall("measure"), piece.measures, strict=True):
        found: list[tuple[float, str]] = []
        place = 0.0
        for child in element:
            if child.tag == "attributes":
                divisions = int(child.findtext("divisions") or divisions)
            elif child.tag == "harmony":
                found.append((place + float(child.findtext("offset") or 0) / divisions, symbol_of_harmony(child)))
            elif child.tag in ("note", "forward", "backup") and child.find("chord") is None:
                step = float(child.findtext("duration") or 0) / divisions
                place += -step if child.tag == "backup" else step
        beat = 4 / int(row["beat_type"])
        quarters = float(piece.quarters(int(row["end_div"] - row["start_div"])))
        beats = []
        for index in range(max(round(quarters / beat), 1)):
            current = next((symbol for at, symbol in reversed(found) if at <= index * beat + 1e-6), current)
            beats.append(current)
        cells.append(beats[0] if len(set(beats)) == 1 else " ".join(beats))
    return "| " + " | ".join(cells) + " |"
