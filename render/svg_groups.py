"""Gives beams and the stems of chords the colour of their notes in verovio's SVG, which colours single notes only."""

from __future__ import annotations

from xml.etree.ElementTree import register_namespace, tostring

from defusedxml import ElementTree

__all__ = ["colour_groups"]

SVG = "{http://www.w3.org/2000/svg}"
XLINK_URI = "http://www.w3.org/1999/xlink"
GROUP_CLASSES = frozenset({"beam", "chord"})


def colour_groups(svg: str) -> str:
    """The page with each beam and chord in the colour that all its notes share; the same text when there is none such."""
    if 'fill="' not in svg:
        return svg
    register_namespace("", SVG[1:-1])
    register_namespace("xlink", XLINK_URI)
    root = ElementTree.fromstring(svg)
    changed = False
    for group in root.iter(f"{SVG}g"):
        if group.get("class") not in GROUP_CLASSES:
            continue
        colours = {note.get("fill") for note in group.iter(f"{SVG}g") if note.get("class") == "note"}
        if len(colours) == 1 and (colour := colours.pop()):
            # as verovio marks a note: fill for areas, color for what is drawn in currentColor
            group.set("fill", colour)
            group.set("color", colour)
            changed = True
    if not changed:
        return svg
    text: str = tostring(root, encoding="unicode")
    return text
