"""MusicXML to pictures of the score: SVG and PNG pages, of the whole piece or of some bars.

Verovio engraves and resvg paints in a child process with limits, because bad input can kill either. The same text gives
the same pages. Notes are coloured by MusicXML's own ``color`` attribute.

Lengths are in millimetres of paper; a page is cut to its music.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corpora.atomic import atomic_outputs
from corpora.child import Limits, run_limited
from corpora.errors import InputError, RequestError
from corpora.gate.musicxml import clean_musicxml

__all__ = ["IMAGE_SUFFIXES", "Engraving", "engrave", "write_image"]

IMAGE_SUFFIXES = (".png", ".svg")
MAX_PAGES = 200
MIN_STAFF_MM, MAX_STAFF_MM = 2.0, 20.0
MIN_PAGE_MM, MAX_PAGE_MM = 40.0, 2000.0
MIN_DPI, MAX_DPI = 36, 1200
MAX_PAGE_PIXELS = 40_000_000
MM_PER_INCH = 25.4
LIMITS = Limits(memory_bytes=3 << 30, cpu_s=180.0, wall_s=300.0, result_bytes=256 << 20)


@dataclass(frozen=True)
class Engraving:
    """The pages of a score, in order.

    Args:
        svg: One SVG document a page.
        png: The same pages as PNG files on white.
    """

    svg: tuple[str, ...]
    png: tuple[bytes, ...]

    def _repr_html_(self) -> str:
        """The pages for notebooks, each shut in an image so that its names and styles stay inside."""
        import base64  # only notebooks need it

        pages = (base64.b64encode(page).decode("ascii") for page in self.png)
        return "".join(f'<img style="max-width:100%" src="data:image/png;base64,{page}"/>' for page in pages)


def engrave(
    musicxml: bytes,
    *,
    bars: tuple[int, int] | None = None,
    page_width_mm: float = 210.0,
    page_height_mm: float = 297.0,
    staff_mm: float = 6.0,
    dpi: int = 200,
    name: str = "",
) -> Engraving:
    """Engrave a score, or some bars of it.

    Args:
        musicxml: A partwise MusicXML text that has passed ``corpora.gate``.
        bars: First and last bar to show, counted from 1 in the order written (a pickup is 1); None for all.
        page_width_mm: Of a full page; a page with less music is narrower.
        page_height_mm: Where a new page begins; the page is cut below its music.
        staff_mm: Height of a staff.
        dpi: Pixels to an inch of paper in the PNG.
        name: Of the music, for messages.

    Returns:
        At least one page.

    Raises:
        InputError: The text is no score that can be engraved.
        RequestError: A number out of range, no such bars, or a picture of too many pages or pixels.
        ToolError: verovio died or passed its limits.
    """
    shown = name or "MusicXML"
    for what, value, least, most in (
        ("page width in mm", page_width_mm, MIN_PAGE_MM, MAX_PAGE_MM),
        ("page height in mm", page_height_mm, MIN_PAGE_MM, MAX_PAGE_MM),
        ("staff height in mm", staff_mm, MIN_STAFF_MM, MAX_STAFF_MM),
        ("dpi", dpi, MIN_DPI, MAX_DPI),
    ):
        if not least <= value <= most:
            raise RequestError(f"picture: {what}: expected {least:g} to {most:g}, got {value:g}")
    if page_width_mm * page_height_mm * (dpi / MM_PER_INCH) ** 2 > MAX_PAGE_PIXELS:
        raise RequestError(f"picture: expected at most {MAX_PAGE_PIXELS} pixels a page, got more: choose a smaller page or dpi")
    if bars is not None and not 1 <= bars[0] <= bars[1]:
        raise RequestError(f"picture: expected bars as first and last, counted from 1, got {bars[0]}-{bars[1]}")
    text = clean_musicxml(musicxml, shown).decode("utf-8")
    if bars is not None and bars[1] > (written := text.partition("</part>")[0].count("<measure")):
        raise RequestError(f"{shown}: expected bars of 1-{written}, got {bars[0]}-{bars[1]}")
    arguments = {
        "musicxml": text,
        "bars": bars,
        "page_mm": (page_width_mm, page_height_mm),
        "staff_mm": staff_mm,
        "dpi": dpi,
        "max_pages": MAX_PAGES,
        "name": shown,
    }
    pages = run_limited("render.verovio_pages:engrave_pages", arguments, limits=LIMITS, tool="verovio", subject=shown)
    return Engraving(tuple(page["svg"] for page in pages), tuple(page["png"] for page in pages))


def write_image(engraving: Engraving, path: str | Path) -> tuple[Path, ...]:
    """Write the pages as .png or .svg, all or none.

    Args:
        engraving: The pages.
        path: The first page goes here; page 2 of ``score.png`` goes to ``score-2.png``, and so on.

    Returns:
        The files written, in page order.

    Raises:
        InputError: Another suffix, or the folder cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise InputError(f"{target.name}: expected a picture name ending in .png or .svg, got {suffix or 'no suffix'!r}")
    pages = engraving.png if suffix == ".png" else tuple(page.encode("utf-8") for page in engraving.svg)
    paths = tuple(target if not index else target.with_stem(f"{target.stem}-{index + 1}") for index in range(len(pages)))
    with atomic_outputs(paths) as unfinished:
        for place, page in zip(unfinished, pages, strict=True):
            place.write_bytes(page)
    return paths
