"""The time axis of the pictures: seconds for short sounds, minutes and seconds for long ones."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

__all__ = ["WIDTH_INCHES", "set_time_axis"]

WIDTH_INCHES = 11.0
LONG_S = 100.0
MINUTE_S = 60
TICKS = 12


def set_time_axis(panel: Axes, duration_s: float) -> None:
    """Ticks, label and limits of a horizontal axis in seconds."""
    panel.set_xlim(0.0, max(duration_s, 1e-3))
    if duration_s > LONG_S:
        # 15, 30, 60, 300, 600 s and the like fall on whole parts of a minute
        panel.xaxis.set_major_locator(MaxNLocator(TICKS, steps=[1.5, 3, 6]))
        panel.xaxis.set_major_formatter(FuncFormatter(_minutes))
        panel.set_xlabel("time (min:s)")
    else:
        panel.xaxis.set_major_locator(MaxNLocator(TICKS))
        panel.set_xlabel("time (s)")


def _minutes(time_s: float, _: int | None = None) -> str:
    minutes, seconds = divmod(round(time_s), MINUTE_S)
    return f"{minutes}:{seconds:02d}"
