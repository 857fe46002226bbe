"""A picture of a performance: local tempo, and the level of the notes, over the bars of the score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from corpora.atomic import atomic_path
from corpora.errors import InputError
from corpora.safe_text import safe_text
from render.perform.performance import Performance

__all__ = ["plot_performance"]

PLOT_SUFFIX = ".png"
LANE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#6A3D9A", "#7F5539")
WIDTH_INCHES, HEIGHT_INCHES, DPI = 13.0, 6.5, 130
MAX_BAR_LABELS = 40
SUSTAIN = 64


def plot_performance(performance: Performance, path: str | Path) -> None:
    """Draw tempo (quarters a minute), velocities by lane and the pedal over the bars as they are played.

    Args:
        performance: What to draw.
        path: A .png; an existing file is replaced when the picture is complete.

    Raises:
        InputError: Another suffix, or the folder cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() != PLOT_SUFFIX:
        raise InputError(f"{safe_text(target.name)}: expected a picture name ending in {PLOT_SUFFIX}")
    with atomic_path(target) as unfinished:
        draw_performance(performance).savefig(unfinished, format="png", dpi=DPI, metadata={"Software": None})


def draw_performance(performance: Performance) -> Figure:
    """The picture as a figure."""
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.4))
    played, notes = performance.played, performance.notes
    divs = played.divs_per_quarter
    tempos = played.tempos
    places = np.append(tempos["onset_div"], played.end_div) / divs
    values = np.append(tempos["quarters_per_minute"], tempos["quarters_per_minute"][-1:])
    upper.step(places, values, where="post", color="#333333", linewidth=1.0)
    upper.set_yscale("log")
    low, high = float(np.percentile(values, 1)), float(np.percentile(values, 99))
    ticks = [round(rate) for rate in np.geomspace(max(low * 0.8, 5), high * 1.15, 7)]
    upper.set_yticks(ticks, labels=[str(tick) for tick in ticks])
    upper.minorticks_off()
    upper.set_ylim(max(low * 0.75, 4), high * 1.2)
    upper.set_ylabel("quarters a minute")
    for lane, part in enumerate(played.parts):
        rows = notes[notes["part"] == lane]
        main = rows["ornament"] == ""
        colour = LANE_COLOURS[lane % len(LANE_COLOURS)]
        label = safe_text(part.name).replace("$", r"\$")
        lower.scatter(rows["onset_tick"][main] / divs, rows["velocity"][main], s=7, color=colour, label=label, linewidths=0)
        lower.scatter(rows["onset_tick"][~main] / divs, rows["velocity"][~main], s=4, color=colour, alpha=0.35, linewidths=0)
        sent = [
            (m.onset_div / divs, m.data[1]) for m in performance.messages if m.lane == lane and m.data[0] == 11 and m.status == 0xB0
        ]
        if sent:
            lower.step(
                [place for place, _ in sent], [value for _, value in sent], where="post", color=colour, linewidth=0.7, alpha=0.6
            )
        pedal = [(m.onset_div / divs, m.data[1]) for m in performance.messages if m.lane == lane and m.data[0] == SUSTAIN]
        if pedal:
            lower.step(
                [p for p, _ in pedal], [-2 - 4 * lane + 3 * (v >= 64) for _, v in pedal], where="post", color=colour, linewidth=0.8
            )
    lower.set_ylabel("velocity (dots), expression (lines), pedal")
    measures = played.measures
    step = -(-len(measures) // MAX_BAR_LABELS) or 1
    lower.set_xticks(measures["start_div"][::step] / divs, labels=[safe_text(str(number)) for number in measures["number"][::step]])
    for axes in (upper, lower):
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        axes.set_xlim(0, max(played.end_div / divs, 1))
    lower.set_xlabel("bar")
    lower.legend(loc="upper left", fontsize=8, ncols=min(len(played.parts), 6), frameon=False)
    return figure
