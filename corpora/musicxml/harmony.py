"""Chord symbols of a MusicXML score (``<harmony>``) as text, beat by beat."""

from __future__ import annotations

from xml.etree import ElementTree

from corpora.piece import Piece

__all__ = ["chord_symbols", "symbol_of_harmony"]

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
_ALTERS = {"-2": "bb", "-1": "b", "0": "", "1": "#", "2": "##"}


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
