"""The notes of a piece over the waveform that they make: whether each stands where it sounds.

Above, each note as a bar from its first sample to the release of its key, pale to where the pedal lets it go, at its key and cents,
in the colour of its stem. Below, the lowest and highest sample of all channels in each of at most ``MAX_COLUMNS`` stretches, with a
line at each onset where there are few enough to be told apart.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from corpora.piece import CENTS_PER_SEMITONE, Table
from corpora.safe_text import safe_text
from render.piano_roll import LANE_COLOURS, MAX_LEGEND_LANES, NOTE_HEIGHT, PALE, PITCH_CLASS_NAMES, PITCH_MARGIN
from render.pictures.streamed_sound import StreamedSound
from render.pictures.time_axis import WIDTH_INCHES, set_time_axis
from render.played import PlayedMusic

__all__ = ["MAX_COLUMNS", "draw_notes_over_waveform", "waveform_extremes"]

MAX_COLUMNS = 1_600
MAX_ONSET_LINES = 250
ROLL_INCHES, WAVEFORM_INCHES = 3.2, 1.8
WAVEFORM_COLOUR, ONSET_COLOUR = "#555555", "#D55E00"


def waveform_extremes(sound: StreamedSound) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest sample of all channels, each (column,), in equal stretches of the sound."""
    columns = min(sound.samples, MAX_COLUMNS)
    low, high = np.zeros(columns, dtype=np.float32), np.zeros(columns, dtype=np.float32)
    done = 0
    for block in sound.blocks():
        place = np.arange(done, done + block.shape[1]) * columns // sound.samples
        first = np.flatnonzero(np.diff(place, prepend=-1))
        low[place[first]] = np.minimum(low[place[first]], np.minimum.reduceat(block.min(axis=0), first))
        high[place[first]] = np.maximum(high[place[first]], np.maximum.reduceat(block.max(axis=0), first))
        done += block.shape[1]
    return low, high


def draw_notes_over_waveform(sound: StreamedSound, played: PlayedMusic) -> Figure:
    """The picture.

    Args:
        sound: What the music sounds like, sample 0 being its start.
        played: The music, at the sample rate of the sound.

    Raises:
        ValueError: The two have different sample rates.
    """
    if sound.sample_rate_hz != played.sample_rate_hz:
        raise ValueError(f"notes at {played.sample_rate_hz} Hz do not fit a sound at {sound.sample_rate_hz} Hz")
    figure = Figure(figsize=(WIDTH_INCHES, ROLL_INCHES + WAVEFORM_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(ROLL_INCHES, WAVEFORM_INCHES))
    _draw_roll(upper, played)
    low, high = waveform_extremes(sound)
    edges_s = np.linspace(0.0, sound.duration_s, len(low) + 1)
    lower.fill_between(edges_s[:-1], low, high, step="post", color=WAVEFORM_COLOUR, linewidth=0.3)
    loudest = max(float(-low.min(initial=0.0)), float(high.max(initial=0.0)), 1e-4)
    lower.set_ylim(-1.08 * loudest, 1.08 * loudest)
    lower.set_ylabel("amplitude")
    onsets_s = np.unique(played.notes["onset_sample"]) / played.sample_rate_hz
    if len(onsets_s) <= MAX_ONSET_LINES:
        for panel in (upper, lower):
            panel.vlines(onsets_s, *panel.get_ylim(), color=ONSET_COLOUR, linewidth=0.5, alpha=0.55, zorder=0)
    set_time_axis(lower, sound.duration_s)
    upper.tick_params(length=0, labelsize=8)
    for panel in (upper, lower):
        panel.spines[["top", "right"]].set_visible(False)
    handles = [
        Patch(facecolor=_colour(stem), label=safe_text(name, 24).replace("$", r"\$").lstrip("_") or f"part {stem + 1}")
        for stem, name in enumerate(played.stems[:MAX_LEGEND_LANES])
    ]
    figure.legend(handles=handles, loc="outside right upper", fontsize=8, frameon=False)
    return figure


def _colour(stem: int) -> str:
    return LANE_COLOURS[stem % len(LANE_COLOURS)]


def _draw_roll(panel: Axes, played: PlayedMusic) -> None:
    notes = played.notes
    held = _corners(notes, "release_sample", "end_sample", played.sample_rate_hz)[notes["end_sample"] > notes["release_sample"]]
    held_stem = notes["stem"][notes["end_sample"] > notes["release_sample"]]
    down = _corners(notes, "onset_sample", "release_sample", played.sample_rate_hz)
    for stem in range(len(played.stems)):
        for corners, of_stem, alpha in ((held, held_stem == stem, PALE), (down, notes["stem"] == stem, 1.0)):
            if len(mine := corners[of_stem]):
                panel.add_collection(PolyCollection(list(mine), facecolors=_colour(stem), edgecolors="none", alpha=alpha, zorder=2))
    low, high = int(notes["key"].min()) - PITCH_MARGIN, int(notes["key"].max()) + PITCH_MARGIN
    panel.set_ylim(low - 0.5, high + 0.5)
    marks = [key for key in range(low, high + 1) if key % 12 in (0, 7)]  # C and G
    panel.set_yticks(marks, labels=[f"{PITCH_CLASS_NAMES[key % 12]}{key // 12 - 1}" for key in marks])


def _corners(notes: Table, first: str, last: str, sample_rate_hz: int) -> NDArray[np.float64]:
    """Of each note's bar between two of its samples, (note, 4 corners, 2)."""
    start, end = notes[first] / sample_rate_hz, notes[last] / sample_rate_hz
    bottom = notes["key"] + notes["cents"].astype(np.float64) / CENTS_PER_SEMITONE - NOTE_HEIGHT / 2
    top = bottom + NOTE_HEIGHT
    return np.stack([np.stack(corner, axis=-1) for corner in ((start, bottom), (end, bottom), (end, top), (start, top))], axis=1)
