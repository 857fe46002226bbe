"""Boxes of verovio's music glyphs and of the letters that text is painted in, and the kinds of sign that glyphs print.

Verovio keeps for each music font a table of glyphs with bounding boxes in its data folder. Conventions: boxes are ``(left, top,
right, bottom)`` in ems with ``y`` downwards, as in SVG, from the glyph's origin; glyphs are named as in SMuFL
(https://w3c.github.io/smufl/latest/tables/).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from defusedxml import ElementTree
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from render.verovio_pages import text_fonts

__all__ = [
    "ACCIDENTAL_KINDS",
    "DYNAMIC_LETTERS",
    "GLYPH_KINDS",
    "KEY_KINDS",
    "MUSIC_FONTS",
    "PRIVATE_USE",
    "Glyph",
    "music_glyphs",
    "text_glyphs",
    "verovio_data",
]

MUSIC_FONTS = ("Leipzig", "Bravura", "Gootville", "Leland", "Petaluma")
TEXT_FILES = {
    (False, False): "STIXGeneral.ttf",
    (True, False): "STIXGeneralBol.ttf",
    (False, True): "STIXGeneralItalic.ttf",
    (True, True): "STIXGeneralBolIta.ttf",
}
FALLBACK_FONT = "Leipzig"  # verovio takes from it what a font lacks
PRIVATE_USE = range(0xE000, 0xF900)  # where SMuFL puts music signs

ACCIDENTAL_KINDS = {
    "accidentalFlat": "flat",
    "accidentalNatural": "natural",
    "accidentalSharp": "sharp",
    "accidentalDoubleSharp": "double_sharp",
    "accidentalDoubleFlat": "double_flat",
}
KEY_KINDS = {"accidentalFlat": "key_flat", "accidentalNatural": "key_natural", "accidentalSharp": "key_sharp"}


def _above_and_below(names: dict[str, str]) -> dict[str, str]:
    return {name + side: kind for name, kind in names.items() for side in ("Above", "Below")}


GLYPH_KINDS = {
    "noteheadBlack": "head_black",
    "noteheadHalf": "head_half",
    "noteheadWhole": "head_whole",
    "noteheadDoubleWhole": "head_breve",
    "noteheadDoubleWholeSquare": "head_breve",
    "noteheadXBlack": "head_x",
    "noteheadCircleX": "head_x",
    "noteheadVoidWithX": "head_x",
    "noteheadHalfWithX": "head_x",
    "noteheadWholeWithX": "head_x",
    "noteheadPlusBlack": "head_x",
    "noteheadDiamondBlack": "head_diamond",
    "noteheadDiamondBlackWide": "head_diamond",
    "noteheadDiamondHalf": "head_diamond",
    "noteheadDiamondHalfWide": "head_diamond",
    "noteheadDiamondWhite": "head_diamond",
    "noteheadDiamondWhiteWide": "head_diamond",
    "restDoubleWhole": "rest_breve",
    "restWhole": "rest_whole",
    "restHalf": "rest_half",
    "restQuarter": "rest_quarter",
    "rest8th": "rest_8th",
    "rest16th": "rest_16th",
    "rest32nd": "rest_32nd",
    "rest64th": "rest_64th",
    "rest128th": "rest_128th",
    "gClef": "clef_g",
    "gClef8vb": "clef_g_8below",
    "gClef8va": "clef_g_8above",
    "gClefChange": "clef_g",
    "fClef": "clef_f",
    "fClef8vb": "clef_f_8below",
    "fClefChange": "clef_f",
    "cClef": "clef_c",
    "cClefChange": "clef_c",
    "unpitchedPercussionClef1": "clef_percussion",
    "unpitchedPercussionClef2": "clef_percussion",
    "timeSigCommon": "time_common",
    "timeSigCutCommon": "time_cut",
    "timeSigPlus": "time_plus",
    "timeSigPlusSmall": "time_plus",
    **{f"timeSig{digit}": f"time_{digit}" for digit in range(10)},
    **_above_and_below(
        {
            "articStaccato": "staccato",
            "articStaccatissimo": "staccatissimo",
            "articStaccatissimoStroke": "staccatissimo",
            "articStaccatissimoWedge": "staccatissimo",
            "articAccent": "accent",
            "articMarcato": "marcato",
            "articTenuto": "tenuto",
            "fermata": "fermata",
            "fermataShort": "fermata",
            "fermataVeryShort": "fermata",
            "fermataLong": "fermata",
            "fermataVeryLong": "fermata",
        }
    ),
    "ornamentTrill": "trill",
    "ornamentTurn": "turn",
    "ornamentTurnInverted": "turn",
    "ornamentTurnSlash": "turn",
    "ornamentTurnUp": "turn",
    "ornamentMordent": "mordent",
    "ornamentShortTrill": "inverted_mordent",
    "stringsUpBow": "up_bow",
    "stringsDownBow": "down_bow",
    "tremolo1": "tremolo_1",
    "tremolo2": "tremolo_2",
    "tremolo3": "tremolo_3",
    "breathMarkComma": "breath",
    "keyboardPedalPed": "pedal_down",
    "keyboardPedalUp": "pedal_up",
    "segno": "segno",
    "coda": "coda",
}
DYNAMIC_LETTERS = {
    "dynamicPiano": "p",
    "dynamicMezzo": "m",
    "dynamicForte": "f",
    "dynamicRinforzando": "r",
    "dynamicSforzando": "s",
    "dynamicZ": "z",
    "dynamicPPP": "ppp",
    "dynamicPP": "pp",
    "dynamicMP": "mp",
    "dynamicMF": "mf",
    "dynamicFF": "ff",
    "dynamicFFF": "fff",
    "dynamicFortePiano": "fp",
    "dynamicForzando": "fz",
    "dynamicSforzando1": "sf",
    "dynamicSforzato": "sfz",
    "dynamicRinforzando1": "rf",
    "dynamicRinforzando2": "rfz",
}


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph: its SMuFL name ("" for letters), box from its origin and advance, in ems."""

    name: str
    box: tuple[float, float, float, float]
    advance: float


def verovio_data() -> Path:
    """Verovio's data folder, found without importing verovio.

    Raises:
        FileNotFoundError: verovio is not installed.
    """
    spec = importlib.util.find_spec("verovio")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("verovio is not installed")
    return Path(spec.submodule_search_locations[0]) / "data"


def _table(path: Path) -> dict[int, Glyph]:
    root = ElementTree.fromstring(path.read_bytes())
    em = float(root.get("units-per-em", "1000"))
    glyphs = {}
    for row in root.iter("g"):
        left, bottom, width, height, advance = (float(row.get(key, "0")) / em for key in ("x", "y", "w", "h", "h-a-x"))
        glyphs[int(row.get("c", "0"), 16)] = Glyph(row.get("n", ""), (left, -bottom - height, left + width, -bottom), advance)
    return glyphs


@lru_cache(maxsize=len(MUSIC_FONTS))
def music_glyphs(font: str) -> dict[int, Glyph]:
    """The glyphs that verovio uses with a music font, by code point; boxes in ems."""
    data = verovio_data()
    return {**_table(data / f"{FALLBACK_FONT}.xml"), **_table(data / f"{font}.xml")}


@lru_cache(maxsize=4)
def text_glyphs(bold: bool, italic: bool) -> dict[int, Glyph]:
    """The letters of the font that text is painted in, by code point, boxes in ems."""
    name = TEXT_FILES[bold, italic]
    glyphs = {}
    with TTFont(next(path for path in text_fonts() if Path(path).name == name), lazy=True) as font:
        em, outlines, advances = font["head"].unitsPerEm, font["glyf"], font["hmtx"]
        for code, letter in font.getBestCmap().items():
            outline, advance = outlines[letter], advances[letter][0] / em
            if outline.numberOfContours:
                box = (outline.xMin / em, -outline.yMax / em, outline.xMax / em, -outline.yMin / em)
            else:
                box = (0.0, 0.0, advance, 0.0)
            glyphs[code] = Glyph("", box, advance)
    return glyphs
