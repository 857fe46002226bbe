"""Piano roll pictures: a piece, or a piece before and after a change.

Time runs in quarter notes with the bars as printed numbers; height is the sounding pitch with its cents; each lane has its
colour, the same in both panels. Before: notes that go away are hollow. After: new notes are strong, kept ones pale. The region of
the change is shaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from corpora.atomic import atomic_path
from corpora.errors import InputError
from corpora.piece import CENTS_PER_SEMITONE, Piece
from corpora.safe_text import safe_text
from render.figure_files import PLOT_SUFFIXES, save_figure

__all__ = ["PLOT_SUFFIXES", "plot_piano_roll"]

KNOWN_SUFFIXES = ", ".join(PLOT_SUFFIXES)
# Okabe and Ito's colours, told apart by colour-blind readers too (https://jfly.uni-koeln.de/color/), without the pale yellow
LANE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#6A3D9A", "#7F5539")
REGION_COLOUR = "#FFF3C4"
PALE = 0.42
NOTE_HEIGHT = 0.84  # semitones, so that neighbours do not touch
GRACE_QUARTERS = 0.125  # drawn width of a note without duration
GAP_QUARTERS = 0.03  # between repeated notes
PITCH_MARGIN = 2
WIDTH_INCHES, PANEL_INCHES, MARGIN_INCHES = 11.0, 3.4, 0.9
MAX_BAR_LABELS = 24
MAX_LEGEND_LANES = 24
PITCH_CLASS_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def plot_piano_roll(
    before: Piece,
    after: Piece | None,
    region: tuple[int, int] | None,
    path: str | Path,
    *,
    context_bars: int | None = 2,
) -> None:
    """Draw a piece, or a piece before and after a change, as a piano roll.

    Args:
        before: The piece.
        after: The piece after the change, with the same lanes and divs; None draws one panel.
        region: Start and end of the change in divs, shaded; None for none.
        path: .png, .svg or .pdf; an existing file is replaced when the picture is complete.
        context_bars: Bars shown on each side of the region; None shows the whole piece.

    Raises:
        InputError: Another suffix, or the folder cannot be written.
        ValueError: The pieces have different ``divs_per_quarter``, or the region is empty or backwards.
    """
    target = Path(path)
    if target.suffix.lower() not in PLOT_SUFFIXES:
        raise InputError(f"{target.name}: expected a picture name ending in {KNOWN_SUFFIXES}, got {target.suffix or 'no suffix'!r}")
    if after is not None and after.divs_per_quarter != before.divs_per_quarter:
        raise ValueError(f"pieces must share divs_per_quarter, got {before.divs_per_quarter} and {after.divs_per_quarter}")
    if region is not None and region[0] >= region[1]:
        raise ValueError(f"region must be start < end in divs, got {region}")
    figure = _draw(before, after, region, _view(before, after, region, context_bars))
    with atomic_path(target) as unfinished:
        save_figure(figure, unfinished, target)


def _view(before: Piece, after: Piece | None, region: tuple[int, int] | None, context_bars: int | None) -> tuple[int, int]:
    """First and last div to show, on bar lines where the piece has bars."""
    end = max(before.end_div, after.end_div if after else 0, 1)
    if region is None or context_bars is None or not len(before.measures):
        return 0, end
    first = max(before.measure_at(region[0]) - context_bars, 0)
    last = min(before.measure_at(region[1] - 1) + context_bars, len(before.measures) - 1)
    return int(before.measures["start_div"][first]), max(int(before.measures["end_div"][last]), region[1])


def _draw(before: Piece, after: Piece | None, region: tuple[int, int] | None, view: tuple[int, int]) -> Figure:
    panels = 1 if after is None else 2
    figure = Figure(figsize=(WIDTH_INCHES, panels * PANEL_INCHES + MARGIN_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(panels, 1, sharex=True, sharey=True, squeeze=False)
    axes: list[Axes] = list(grid[:, 0])
    pieces = [before] if after is None else [before, after]
    low, high = _pitch_range(pieces, view)
    unshared = [_unshared(before, after), _unshared(after, before) if after else None]
    for index, (panel, piece) in enumerate(zip(axes, pieces, strict=True)):
        _draw_frame(panel, piece, region, view, low, high)
        _draw_notes(panel, piece, unshared[index], hollow=index == 0, view=view)
        if after is not None:
            panel.set_title(("Before", "After")[index], loc="left", fontsize=10, fontweight="bold")
    axes[-1].set_xlabel("bar")
    _draw_legend(figure, before, after is not None)
    return figure


def _unshared(piece: Piece, other: Piece | None) -> NDArray[np.bool_] | None:
    """For each note, whether the other piece lacks it (same place, length, pitch, cents and lane); None without another piece."""
    if other is None:
        return None
    fields = ("onset_div", "duration_div", "pitch", "cents", "part")
    left = Counter(zip(*(other.notes[name].tolist() for name in fields), strict=True))
    marks = np.zeros(len(piece.notes), dtype=np.bool_)
    for index, key in enumerate(zip(*(piece.notes[name].tolist() for name in fields), strict=True)):
        if left[key]:
            left[key] -= 1
        else:
            marks[index] = True
    return marks


def _visible(piece: Piece, view: tuple[int, int]) -> NDArray[np.bool_]:
    notes = piece.notes
    inside: NDArray[np.bool_] = (notes["onset_div"] < view[1]) & (
        notes["onset_div"] + np.maximum(notes["duration_div"], 1) > view[0]
    )
    return inside


def _pitch_range(pieces: Sequence[Piece], view: tuple[int, int]) -> tuple[int, int]:
    pitches = np.concatenate([piece.notes["pitch"][_visible(piece, view)] for piece in pieces])
    if not len(pitches):
        return 60 - PITCH_MARGIN, 72 + PITCH_MARGIN
    return int(pitches.min()) - PITCH_MARGIN, int(pitches.max()) + PITCH_MARGIN


def _draw_frame(panel: Axes, piece: Piece, region: tuple[int, int] | None, view: tuple[int, int], low: int, high: int) -> None:
    """Axes, bar lines with their numbers, octave lines, shaded region."""
    divs = piece.divs_per_quarter
    panel.set_xlim(view[0] / divs, view[1] / divs)
    panel.set_ylim(low - 0.5, high + 0.5)
    panel.set_axisbelow(True)
    if region is not None:
        panel.axvspan(region[0] / divs, region[1] / divs, color=REGION_COLOUR, zorder=0, linewidth=0)
    shown = piece.measures[(piece.measures["end_div"] > view[0]) & (piece.measures["start_div"] < view[1])]
    step = -(-len(shown) // MAX_BAR_LABELS) or 1
    panel.set_xticks(shown["start_div"] / divs)
    panel.set_xticklabels([_plain(safe_text(str(row["number"]))) if index % step == 0 else "" for index, row in enumerate(shown)])
    for label in panel.get_xticklabels():
        label.set_horizontalalignment("left")
    panel.grid(axis="x", color="#B8B8B8", linewidth=0.8)
    marks = [pitch for pitch in range(low, high + 1) if pitch % 12 in (0, 7)]  # C and G: a line about every half octave
    panel.set_yticks(marks)
    panel.set_yticklabels([f"{PITCH_CLASS_NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in marks])
    for pitch in marks:
        if pitch % 12 == 0:
            panel.axhline(pitch - 0.5, color="#D5D5D5", linewidth=0.6, zorder=1)
    panel.tick_params(length=0, labelsize=8)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _shares(piece: Piece, visible: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each note its slot from below and its height, so that lanes in unison share the key's row, the first lane on top."""
    slot = np.zeros(len(piece.notes), dtype=np.int64)
    height = np.full(len(piece.notes), NOTE_HEIGHT)
    start, pitch = piece.notes["onset_div"], piece.notes["pitch"]
    end, lane = start + piece.notes["duration_div"], piece.notes["part"]
    order = [index for index in np.lexsort((start, pitch)).tolist() if visible[index]]
    done = 0
    while done < len(order):
        first, last = done, end[order[done]]  # a stretch of notes of one key that overlap
        done += 1
        while done < len(order) and pitch[order[done]] == pitch[order[first]] and start[order[done]] < last:
            last = max(last, end[order[done]])
            done += 1
        unison = order[first:done]
        lanes = sorted({int(lane[index]) for index in unison}, reverse=True)
        for index in unison:
            slot[index] = lanes.index(int(lane[index]))
            height[index] = NOTE_HEIGHT / len(lanes)
    return slot, height


def _draw_notes(panel: Axes, piece: Piece, unshared: NDArray[np.bool_] | None, *, hollow: bool, view: tuple[int, int]) -> None:
    """The notes as bars; unshared ones hollow (they go away) or strong (they are new), the rest pale beside them."""
    visible = _visible(piece, view)
    start = piece.notes["onset_div"] / piece.divs_per_quarter
    length = piece.notes["duration_div"] / piece.divs_per_quarter
    drawn = np.where(length > 0, np.maximum(length - GAP_QUARTERS, length / 2), GRACE_QUARTERS)
    slot, height = _shares(piece, visible)
    bottom = piece.notes["pitch"] + piece.notes["cents"] / CENTS_PER_SEMITONE - NOTE_HEIGHT / 2 + slot * height
    corners = np.stack(
        [
            np.stack([start, bottom], axis=-1),
            np.stack([start + drawn, bottom], axis=-1),
            np.stack([start + drawn, bottom + height], axis=-1),
            np.stack([start, bottom + height], axis=-1),
        ],
        axis=1,
    )  # (notes, 4 corners, 2)
    marked = unshared if unshared is not None else np.ones(len(piece.notes), dtype=np.bool_)
    for lane in range(len(piece.parts)):
        colour = LANE_COLOURS[lane % len(LANE_COLOURS)]
        of_lane = visible & (piece.notes["part"] == lane)
        if len(kept := corners[of_lane & ~marked]):
            panel.add_collection(PolyCollection(list(kept), facecolors=colour, edgecolors="none", alpha=PALE, zorder=2))
        if not len(own := corners[of_lane & marked]):
            continue
        if hollow and unshared is not None:
            panel.add_collection(PolyCollection(list(own), facecolors="white", edgecolors=colour, linewidths=1.3, zorder=3))
        else:
            panel.add_collection(PolyCollection(list(own), facecolors=colour, edgecolors="none", zorder=3))


def _plain(text: str) -> str:
    """A text from a file that matplotlib shall not read as a formula, nor hide for its first underscore."""
    return text.replace("$", r"\$").lstrip("_")


def _draw_legend(figure: Figure, piece: Piece, two_panels: bool) -> None:
    """Lane colours, and what hollow and pale mean."""
    handles = [
        Patch(
            facecolor=LANE_COLOURS[lane % len(LANE_COLOURS)],
            label=_plain(safe_text(part.name, 24)) or f"lane {lane + 1}",
        )
        for lane, part in enumerate(piece.parts[:MAX_LEGEND_LANES])
    ]
    if two_panels:
        grey = "#555555"
        handles += [
            Patch(facecolor="white", edgecolor=grey, linewidth=1.3, label="goes away"),
            Patch(facecolor=grey, label="new"),
            Patch(facecolor=grey, alpha=PALE, label="kept"),
        ]
    if handles:
        figure.legend(handles=handles, loc="outside right upper", fontsize=8, frameon=False)
