"""Builds a small OpenType font of verovio's music signs, for picture makers that cannot read the web font inside its SVG.

Verovio draws notes as paths, but sets the signs within text (the note of a metronome mark, a dynamic after words) in its font
Leipzig, which it embeds as a WOFF2 data address. resvg ignores such fonts and shows empty boxes. The same glyphs lie as SVG paths
in verovio's data folder, so the few that a page uses are put into a font file here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml import ElementTree
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.pens.t2CharStringPen import T2CharStringPen  # type: ignore[import-untyped]
from fontTools.svgLib.path import parse_path  # type: ignore[import-untyped]

__all__ = ["music_signs_in", "write_music_font"]

FAMILY = "Leipzig"
PRIVATE_USE = range(0xE000, 0xF900)  # where SMuFL puts music signs
SPACE = 0x20
DEFAULT_UNITS_PER_EM = 1000
NOTDEF_ADVANCE = 500


def music_signs_in(text: str) -> frozenset[int]:
    """Code points of the music signs (Unicode's private use area) in a text."""
    return frozenset(code for code in map(ord, set(text)) if code in PRIVATE_USE)


def _data_folder() -> Path:
    spec = importlib.util.find_spec("verovio")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("verovio is not installed")
    return Path(spec.submodule_search_locations[0]) / "data"


def _root(path: Path) -> Element:
    root: Element = ElementTree.fromstring(path.read_bytes())
    return root


def _outline(glyph: Element, advance: float) -> object:
    """The charstring of one glyph file; its paths are drawn upwards, as fonts are, and flipped only for SVG."""
    pen = T2CharStringPen(advance, None)
    for element in glyph.iter():
        if element.tag.rpartition("}")[2] == "path" and element.get("d"):
            parse_path(element.get("d"), pen)
    return pen.getCharString()


def write_music_font(codes: Collection[int], path: Path) -> None:
    """Write a font named Leipzig with these signs and the space; signs that verovio does not have are left out.

    Args:
        codes: SMuFL code points.
        path: The .otf file to write.

    Raises:
        FileNotFoundError: verovio or its data folder is missing.
    """
    data = _data_folder()
    table = _root(data / f"{FAMILY}.xml")
    advances = {int(row.get("c", "0"), 16): float(row.get("h-a-x", "0")) for row in table.iter("g")}
    glyphs = {".notdef": T2CharStringPen(NOTDEF_ADVANCE, None).getCharString()}
    metrics = {".notdef": (NOTDEF_ADVANCE, 0)}
    names = {}
    for code in sorted({*codes, SPACE}):
        file = data / FAMILY / f"{code:04X}.xml"
        if not file.is_file():
            continue
        name = names[code] = f"uni{code:04X}"
        advance = advances.get(code, 0.0)
        glyphs[name] = _outline(_root(file), advance)
        metrics[name] = (round(advance), 0)
    units_per_em = int(table.get("units-per-em", DEFAULT_UNITS_PER_EM))
    builder = FontBuilder(units_per_em, isTTF=False)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(names)
    builder.setupCFF(FAMILY, {}, glyphs, {})
    builder.setupHorizontalMetrics(metrics)
    builder.setupHorizontalHeader(ascent=units_per_em, descent=-units_per_em)
    builder.setupNameTable({"familyName": FAMILY, "styleName": "Regular", "psName": FAMILY, "fullName": FAMILY})
    builder.setupOS2(sTypoAscender=units_per_em, sTypoDescender=-units_per_em, usWinAscent=units_per_em, usWinDescent=units_per_em)
    builder.setupPost()
    builder.save(path)
