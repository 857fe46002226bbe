"""Gives beams the colour of their notes in verovio's SVG: verovio colours heads, stems and accidentals, but leaves beams black."""

from __future__ import annotations

from xml.etree.ElementTree import Element, register_namespace, tostring

from defusedxml import ElementTree

__all__ = ["colour_beams"]

SVG = "{http://www.w3.org/2000/svg}"
XLINK_URI = "http://www.w3.org/1999/xlink"
BEAM_SHAPES = frozenset({f"{SVG}polygon", f"{SVG}polyline", f"{SVG}path"})


def colour_beams(svg: str) -> str:
    """The page with each beam filled in the colour that all its notes share; the same text when no note is coloured."""
    if 'class="beam"' not in svg or 'fill="' not in svg:
        return svg
    register_namespace("", SVG[1:-1])
    register_namespace("xlink", XLINK_URI)
    root = ElementTree.fromstring(svg)
    changed = False
    for beam in root.iter(f"{SVG}g"):
        if beam.get("class") != "beam":
            continue
        colours = {note.get("fill") for note in _notes(beam)}
        if len(colours) == 1 and (colour := colours.pop()):
            for shape in beam:
                if shape.tag in BEAM_SHAPES:
                    shape.set("fill", colour)
                    changed = True
    if not changed:
        return svg
    text: str = tostring(root, encoding="unicode")
    return text


def _notes(beam: Element) -> list[Element]:
    """The notes under a beam: inside chords too."""
    return [group for group in beam.iter(f"{SVG}g") if group.get("class") == "note"]
