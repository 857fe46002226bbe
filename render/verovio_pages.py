"""The child's side of engraving: verovio makes SVG pages, resvg paints them. See ``render.engrave``.

Conventions: verovio's own unit at scale 100 is a tenth of a millimetre. Text is set in STIX General, whose letters are as wide
as those of Times, for which verovio lays text out; it comes with matplotlib, as does DejaVu for letters that STIX lacks.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import resvg_py
import verovio

from corpora.errors import InputError, RequestError, ToolError
from render.music_font import music_signs_in, write_music_font
from render.svg_groups import colour_groups

__all__ = ["engrave_pages", "text_fonts"]

UNITS_PER_MM = 10
STAFF_UNITS = 8  # a staff is 4 spaces of 2 units high
MARGIN_MM = 7.0
MM_PER_INCH = 25.4
XML_ID_SEED = 1  # ids in the SVG would otherwise differ from run to run
TEXT_FAMILY = "STIXGeneral"
TEXT_FONTS = ("STIXGeneral*.ttf", "DejaVuSerif*.ttf", "DejaVuSans*.ttf")


def engrave_pages(
    musicxml: str,
    bars: tuple[int, int] | None,
    page_mm: tuple[float, float],
    staff_mm: float,
    dpi: int,
    max_pages: int,
    name: str,
) -> list[dict[str, Any]]:
    """The pages as ``{"svg": text, "png": bytes}``; arguments and errors as ``render.engrave.engrave``."""
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    margin = round(MARGIN_MM * UNITS_PER_MM)
    toolkit.setOptions(
        {
            "adjustPageHeight": True,
            "adjustPageWidth": True,
            "footer": "none",
            "header": "auto" if bars is None else "none",
            "pageWidth": round(page_mm[0] * UNITS_PER_MM),
            "pageHeight": round(page_mm[1] * UNITS_PER_MM),
            "pageMarginTop": margin,
            "pageMarginBottom": margin,
            "pageMarginLeft": margin,
            "pageMarginRight": margin,
            "unit": staff_mm * UNITS_PER_MM / STAFF_UNITS,
            "svgFormatRaw": True,  # white space between text pieces moves them in resvg
        }
    )
    toolkit.resetXmlIdSeed(XML_ID_SEED)
    if bars is not None:
        toolkit.select({"measureRange": f"{bars[0]}-{bars[1]}"})
    if not toolkit.loadData(musicxml):
        raise InputError(f"{name}: expected a score that verovio can engrave, it refuses this one")
    count = toolkit.getPageCount()
    if count > max_pages:
        raise RequestError(f"{name}: expected at most {max_pages} pages, the picture would have {count}: name some bars")
    svgs = [colour_groups(toolkit.renderToSVG(page)) for page in range(1, count + 1)]
    if not any('class="measure"' in svg for svg in svgs):
        raise RequestError(f"{name}: expected bars to engrave, there are none" + (f" in {bars[0]}-{bars[1]}" if bars else ""))
    return [{"svg": svg, "png": png} for svg, png in zip(svgs, _paint(svgs, dpi), strict=True)]


def _paint(svgs: list[str], dpi: int) -> list[bytes]:
    """Each page as a PNG file on white."""
    fonts = text_fonts()
    zoom = dpi / (UNITS_PER_MM * MM_PER_INCH)
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        if signs := frozenset[int]().union(*(music_signs_in(svg) for svg in svgs)):
            music_font = Path(folder) / "music.otf"
            write_music_font(signs, music_font)
            fonts.append(str(music_font))
        pages = []
        for svg in svgs:
            try:
                png = resvg_py.svg_to_bytes(
                    svg_string=svg,
                    background="white",
                    zoom=zoom,
                    skip_system_fonts=True,
                    font_files=fonts,
                    serif_family=TEXT_FAMILY,
                )
            except ValueError as error:
                raise ToolError(f"resvg could not paint the page: {error}") from error
            pages.append(bytes(png))
    return pages


def text_fonts() -> list[str]:
    """Font files inside matplotlib's package, found without importing it."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("matplotlib is not installed: its fonts are needed for text in PNG pictures")
    folder = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    return [str(path) for pattern in TEXT_FONTS for path in sorted(folder.glob(pattern))]
