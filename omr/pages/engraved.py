"""Pages engraved by verovio with the place of every sign: what readers of pages are trained on and measured with.

This runs verovio and resvg in the calling process: call it from worker processes alone, with music of the data packs or made here.

Conventions: page coordinates are pixels, ``x`` to the right and ``y`` downwards; signs are as in ``omr.signs``, with one-hot
attributes and probability 1. Staves are those drawn in the system, top first.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import resvg_py
import verovio
from defusedxml import ElementTree
from numpy.typing import NDArray

from corpora.errors import InputError, ToolError
from omr.pages.drawn import drawn_systems
from omr.pages.glyphs import music_glyphs
from omr.pages.label_rows import LabelledSystem, labelled_system
from omr.pages.options import UNIT, EngravingOptions
from omr.pages.score_facts import read_facts
from render.music_font import music_signs_in, write_music_font
from render.verovio_pages import text_fonts

__all__ = ["LabelledPage", "engraved_pages", "page_labels"]

TEXT_FAMILY = "STIXGeneral"  # as wide as Times, for which verovio lays text out
XML_ID_SEED = 1
UNITS_PER_PIXEL = 10.0  # of verovio's inner coordinates, to a unit of its SVG
MARGIN = re.compile(r'class="page-margin" transform="translate\((-?\d+), (-?\d+)\)"')
LYRIC = re.compile(r"<lyric\b.*?</lyric>", re.DOTALL)


@dataclass(frozen=True, eq=False)
class LabelledPage:
    """A page and what is on it.

    Args:
        image: Grey, 0 black, shape (height, width).
        interline_px: Distance of two staff lines.
        systems: Top first.
        svg: What was painted.
    """

    image: NDArray[np.uint8]
    interline_px: float
    systems: tuple[LabelledSystem, ...] = ()
    svg: str = field(default="", repr=False)


@lru_cache(maxsize=1)
def _fonts() -> tuple[str, ...]:
    """Text fonts of pages: STIX, and DejaVu for letters that it lacks."""
    wanted = ("STIXGeneral.", "STIXGeneralBol.", "STIXGeneralBolIta.", "STIXGeneralItalic.", "DejaVuSerif.", "DejaVuSans.")
    return tuple(path for path in text_fonts() if Path(path).name.startswith(wanted))


def _painted(svg: str, zoom: float) -> NDArray[np.uint8]:
    """A page as a grey picture on white."""
    fonts = list(_fonts())
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        if signs := music_signs_in(svg):
            music_font = Path(folder) / "music.otf"
            write_music_font(signs, music_font)
            fonts.append(str(music_font))
        try:
            png = resvg_py.svg_to_bytes(
                svg_string=svg, background="white", zoom=zoom, skip_system_fonts=True, font_files=fonts, serif_family=TEXT_FAMILY
            )
        except ValueError as error:
            raise ToolError(f"resvg could not paint the page: {error}") from error
    image = cv2.imdecode(np.frombuffer(bytes(png), dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ToolError("resvg gave a picture that cannot be read")
    return np.asarray(image, dtype=np.uint8)


def _toolkit(musicxml: str, options: EngravingOptions) -> verovio.toolkit:
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(options.verovio())
    toolkit.resetXmlIdSeed(XML_ID_SEED)
    if not options.lyrics:
        musicxml = LYRIC.sub("", musicxml)
    if not toolkit.loadData(musicxml):
        raise InputError("page: expected a score that verovio can engrave, it refuses this one")
    return toolkit


def page_labels(
    musicxml: str, options: EngravingOptions, rng: np.random.Generator | None = None
) -> Iterator[tuple[str, float, tuple[LabelledSystem, ...]]]:
    """The pages of a score before they are painted: SVG, zoom for resvg, and systems.

    Args:
        musicxml: A score that verovio reads.
        options: How to engrave it.
        rng: Chooses the pages where there are more than ``options.max_pages``; None for the first ones.

    Raises:
        InputError: Verovio refuses it.
    """
    toolkit = _toolkit(musicxml, options)
    facts = read_facts(toolkit.getMEI())
    staves = sorted(set(facts.staff_numbers.values()))
    glyphs = music_glyphs(options.font)
    pages, most = toolkit.getPageCount(), options.max_pages
    numbers = range(pages) if pages <= most or rng is None else sorted(rng.choice(pages, most, replace=False).tolist())
    for number in numbers[:most]:
        svg = toolkit.renderToSVG(number + 1)
        drawn = drawn_systems(ElementTree.fromstring(svg), facts, glyphs)
        zoom = options.interline_px / (2 * UNIT)
        found = MARGIN.search(svg)
        margin = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
        yield svg, zoom, tuple(labelled_system(system, facts, staves, zoom / UNITS_PER_PIXEL, margin) for system in drawn)


def engraved_pages(musicxml: str, options: EngravingOptions, rng: np.random.Generator | None = None) -> list[LabelledPage]:
    """Engrave a score with the place of every sign.

    Args:
        musicxml: A MusicXML text.
        options: How to engrave it.
        rng: As in ``page_labels``.

    Returns:
        The pages in order.

    Raises:
        InputError: Verovio refuses the score.
        ToolError: resvg cannot paint a page.
    """
    return [
        LabelledPage(_painted(svg, zoom), options.interline_px, systems, svg)
        for svg, zoom, systems in page_labels(musicxml, options, rng)
    ]
