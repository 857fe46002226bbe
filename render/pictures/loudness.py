"""The loudness of a sound over time: momentary (400 ms), short-term (3 s), and integrated as a line (``render.mix.loudness``)."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from render.mix.loudness import LoudnessMeter
from render.pictures.time_axis import WIDTH_INCHES, set_time_axis

__all__ = ["draw_loudness"]

HEIGHT_INCHES = 3.6
HOP_S, MOMENTARY_S, SHORT_TERM_S = 0.1, 0.4, 3.0
LOWEST_LUFS = -70.0  # the absolute gate
SHOWN_LU = 36.0  # below the loudest, at most
MOMENTARY_COLOUR, SHORT_TERM_COLOUR, INTEGRATED_COLOUR = "#56B4E9", "#0072B2", "#D55E00"


def draw_loudness(meter: LoudnessMeter, duration_s: float) -> Figure:
    """The picture of what a meter has heard.

    Each value stands at the middle of the stretch that it is of. What is more than 36 LU below the loudest is left blank.

    Args:
        meter: Has heard all of the sound.
        duration_s: Length of the sound.
    """
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    top = max((float(values.max()) for values in (meter.momentary_lufs, meter.short_term_lufs) if len(values)), default=-math.inf)
    top = max(top, LOWEST_LUFS + SHOWN_LU)
    low = max(top - SHOWN_LU, LOWEST_LUFS)
    _curve(panel, meter.momentary_lufs, MOMENTARY_S, low, label="momentary", colour=MOMENTARY_COLOUR, width=0.8)
    _curve(panel, meter.short_term_lufs, SHORT_TERM_S, low, label="short-term", colour=SHORT_TERM_COLOUR, width=1.8)
    integrated = meter.integrated_lufs
    if math.isfinite(integrated):
        label = f"integrated: {integrated:.1f} LUFS, range {meter.loudness_range_lu:.1f} LU"
        panel.axhline(integrated, color=INTEGRATED_COLOUR, linestyle="--", linewidth=1.3, label=label)
    set_time_axis(panel, duration_s)
    panel.set_ylim(low, top + 2.0)
    panel.set_ylabel("loudness (LUFS)")
    panel.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    figure.legend(loc="outside upper right", ncols=3, fontsize=8, frameon=False)
    return figure


def _curve(panel: Axes, lufs: NDArray[np.float64], length_s: float, low: float, *, label: str, colour: str, width: float) -> None:
    times_s = HOP_S * np.arange(len(lufs)) + length_s / 2
    panel.plot(times_s, np.where(lufs >= low, lufs, np.nan), label=label, color=colour, linewidth=width)
