"""How a training page is engraved: fonts, sizes, spacings and thicknesses, fixed or drawn at random.

Lengths are in staff spaces unless said otherwise; verovio's own unit is half a staff space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from omr.pages.glyphs import MUSIC_FONTS

__all__ = ["UNIT", "EngravingOptions", "random_options"]

UNIT = 9.0  # verovio's half staff space, tenths of a millimetre
INTERVALS = {-5: "m2", -4: "-M3", -3: "m3", -2: "-M2", -1: "P4", 1: "-P4", 2: "M2", 3: "-m3", 4: "M3", 5: "-m2"}


@dataclass(frozen=True, kw_only=True)
class EngravingOptions:
    """One way to engrave.

    Args:
        font: Music font, one of ``omr.pages.glyphs.MUSIC_FONTS``.
        interline_px: Pixels of a staff space.
        page_width: Of the page with its margins.
        page_height: Where a new page begins.
        margin: At each side.
        spacing_linear: Verovio's ``spacingLinear``.
        spacing_nonlinear: Verovio's ``spacingNonLinear``.
        spacing_staff: Least distance of staves, verovio's units.
        spacing_system: Least distance of systems, verovio's units.
        staff_line_width: And other thicknesses below, in verovio's units.
        fifths: Steps on the circle of fifths that the music is moved.
        header: Whether titles are printed.
        footer: Whether footers are.
        lyrics: Whether sung words are.
        breaks: Verovio's ``breaks``: "auto", "encoded", "line", "smart".
        max_pages: Later pages are not made.
    """

    font: str = "Leipzig"
    interline_px: float = 12.0
    page_width: float = 117.0
    page_height: float = 165.0
    margin: float = 4.0
    spacing_linear: float = 0.25
    spacing_nonlinear: float = 0.6
    spacing_staff: int = 12
    spacing_system: int = 4
    staff_line_width: float = 0.15
    stem_width: float = 0.2
    bar_line_width: float = 0.3
    thick_bar_line_width: float = 1.0
    ledger_line_width: float = 0.25
    hairpin_size: float = 3.0
    slur_middle_width: float = 0.6
    tie_middle_width: float = 0.5
    slur_curve_factor: float = 1.0
    beam_max_slope: int = 10
    grace_factor: float = 0.75
    lyric_size: float = 4.5
    measure_numbers: int = 0
    fifths: int = 0
    header: bool = False
    footer: bool = False
    lyrics: bool = True
    breaks: str = "auto"
    condense: str = "none"
    justify_vertically: bool = False
    max_pages: int = 1000

    def verovio(self) -> dict[str, Any]:
        """The options as verovio takes them."""
        space = 2 * UNIT
        margin = round(self.margin * space)
        return {
            "font": self.font,
            "unit": UNIT,
            "pageWidth": round(self.page_width * space),
            "pageHeight": round(self.page_height * space),
            "pageMarginTop": margin,
            "pageMarginBottom": margin,
            "pageMarginLeft": margin,
            "pageMarginRight": margin,
            "spacingLinear": self.spacing_linear,
            "spacingNonLinear": self.spacing_nonlinear,
            "spacingStaff": self.spacing_staff,
            "spacingSystem": self.spacing_system,
            "staffLineWidth": self.staff_line_width,
            "stemWidth": self.stem_width,
            "barLineWidth": self.bar_line_width,
            "thickBarlineThickness": self.thick_bar_line_width,
            "ledgerLineThickness": self.ledger_line_width,
            "hairpinSize": self.hairpin_size,
            "slurMidpointThickness": self.slur_middle_width,
            "tieMidpointThickness": self.tie_middle_width,
            "slurCurveFactor": self.slur_curve_factor,
            "beamMaxSlope": self.beam_max_slope,
            "graceFactor": self.grace_factor,
            "lyricSize": self.lyric_size,
            "mnumInterval": self.measure_numbers,
            "transpose": INTERVALS.get(self.fifths, ""),
            "header": "auto" if self.header else "none",
            "footer": "auto" if self.footer else "none",
            "breaks": self.breaks,
            "condense": self.condense,
            "justifyVertically": self.justify_vertically,
            "pedalStyle": "pedstar",
            "svgFormatRaw": True,
        }


def random_options(rng: np.random.Generator, *, interline_px: float = 12.0, fifths: tuple[int, ...] = (0,)) -> EngravingOptions:
    """Options drawn at random.

    Args:
        rng: Source of the draws.
        interline_px: Pixels of a staff space.
        fifths: Transpositions to choose from.
    """

    def between(least: float, most: float) -> float:
        return round(float(rng.uniform(least, most)), 3)

    return EngravingOptions(
        font=str(rng.choice(MUSIC_FONTS)),
        interline_px=interline_px,
        page_width=between(75.0, 150.0),
        page_height=between(110.0, 210.0),
        margin=between(3.0, 8.0),
        spacing_linear=between(0.12, 0.4),
        spacing_nonlinear=between(0.5, 0.7),
        spacing_staff=int(rng.integers(6, 18)),
        spacing_system=int(rng.integers(2, 14)),
        staff_line_width=between(0.1, 0.25),
        stem_width=between(0.14, 0.32),
        bar_line_width=between(0.2, 0.5),
        thick_bar_line_width=between(0.8, 1.3),
        ledger_line_width=between(0.16, 0.36),
        hairpin_size=between(2.0, 4.0),
        slur_middle_width=between(0.35, 0.8),
        tie_middle_width=between(0.3, 0.7),
        slur_curve_factor=between(0.6, 1.6),
        beam_max_slope=int(rng.integers(0, 21)),
        grace_factor=between(0.6, 0.8),
        lyric_size=between(3.6, 5.4),
        measure_numbers=int(rng.choice([0, 0, 1, 5])),
        fifths=int(rng.choice(fifths)),
        header=bool(rng.random() < 0.3),
        footer=bool(rng.random() < 0.3),
        lyrics=bool(rng.random() < 0.8),
        breaks="auto",
        justify_vertically=bool(rng.random() < 0.3),
    )
