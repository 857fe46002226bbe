"""The curve of a training run: lines while it goes, a picture of them, and TensorBoard's events where that is installed.

``curve.jsonl`` is the record, one JSON object a line: ``step``, ``seconds``, and either ``train`` (nats, the mean since the line
before) with ``learning_rate``, or the figures of a validation, the chief one first. ``curve.png`` is drawn from it and so shows the
run over all resumes. Events go to the folder ``events`` through ``torch.utils.tensorboard``.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from corpora.atomic import atomic_path

__all__ = ["Curve", "draw_curve", "read_curve", "smoothed"]

CURVE_FILE, PICTURE_FILE, EVENTS_FOLDER = "curve.jsonl", "curve.png", "events"
PLACE, TRAINING = ("step", "seconds"), ("train", "learning_rate")
SMOOTHING = 0.9  # share of the past in the smoothed training loss, a line of the curve at a time
WIDTH_INCHES, HEIGHT_INCHES, DPI = 8.0, 6.0, 120
TRAIN_COLOUR, VALID_COLOUR, RATE_COLOUR = "#0072B2", "#D55E00", "#009E73"  # Okabe and Ito's
PALE = 0.3


class Curve:
    """Writes the curve of a run, line by line.

    Args:
        folder: Of the run.
        step: Where it begins or goes on; TensorBoard forgets later events of a killed run.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._folder = folder
        self._file = (folder / CURVE_FILE).open("a")
        self._events = _event_writer(folder / EVENTS_FOLDER, step)

    def add(self, step: int, seconds: float, **figures: float) -> None:
        """Record figures after so many steps and seconds of the run, and print them on stderr; a validation draws the picture."""
        line = json.dumps({"step": step, "seconds": round(seconds, 1), **figures})
        self._file.write(line + "\n")
        self._file.flush()
        print(line, file=sys.stderr, flush=True)
        if self._events is not None:
            for name, value in figures.items():
                self._events.add_scalar(name, value, step)
        if not figures.keys() <= set(TRAINING):
            draw_curve(self._folder)

    def close(self) -> None:
        """Finish the files."""
        self._file.close()
        if self._events is not None:
            self._events.close()


def _event_writer(folder: Path, step: int) -> Any:
    """TensorBoard's writer, or None where the package is missing."""
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter  # needs tensorboard, which is optional

    return SummaryWriter(str(folder), purge_step=step)


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's curve in order; those that a kill cut short, and those that a resumed run wrote anew, left out."""
    lines: list[dict[str, Any]] = []
    for text in (folder / CURVE_FILE).read_text().splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        while lines and lines[-1]["step"] > line["step"]:
            lines.pop()
        lines.append(line)
    return lines


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exponential moving average, each entry weighted as if nothing had been before the first."""
    out, total, weight = np.zeros_like(values), 0.0, 0.0
    for index, value in enumerate(values.tolist()):
        total, weight = SMOOTHING * total + value, SMOOTHING * weight + 1
        out[index] = total / weight
    return out


def _points(lines: list[dict[str, Any]], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps and values of the lines that have a figure."""
    found = [(line["step"], line[name]) for line in lines if name in line]
    columns = np.array(found, dtype=np.float64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def draw_curve(folder: Path) -> None:
    """Draw the curve of a run as ``curve.png``: training loss, pale and smoothed, validation, and the learning rate below."""
    lines = read_curve(folder)
    chief = next((name for line in lines for name in line if name not in (*PLACE, *TRAINING)), "")
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    steps, values = _points(lines, "train")
    losses.plot(steps, values, color=TRAIN_COLOUR, alpha=PALE)
    losses.plot(steps, smoothed(values), color=TRAIN_COLOUR, label="train, smoothed")
    losses.plot(
        *_points(lines, chief), color=VALID_COLOUR, marker="o", label=f"valid: {chief.replace('_', ' ')}" if chief else "valid"
    )
    losses.set_ylabel("nats")
    losses.legend()
    rates.plot(*_points(lines, "learning_rate"), color=RATE_COLOUR)
    rates.set_ylabel("learning rate")
    rates.set_xlabel("step")
    with atomic_path(folder / PICTURE_FILE) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
