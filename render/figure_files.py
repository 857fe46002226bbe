"""Figures into picture files. The same figure gives the same file: no dates, programs or random ids are kept in it."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from corpora.errors import InputError
from corpora.safe_text import safe_text

__all__ = ["PLOT_SUFFIXES", "save_figure"]

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
DPI = 150
_METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save_figure(figure: Figure, place: Path, target: Path) -> None:
    """Write a figure in the format of the suffix of ``target``.

    Args:
        figure: What to write.
        place: Where, as ``corpora.atomic`` gives it.
        target: Where it will be, for its suffix (one of ``PLOT_SUFFIXES``) and for messages.

    Raises:
        InputError: The place cannot be written.
    """
    suffix = target.suffix.lower()
    try:
        with rc_context({"svg.hashsalt": "partimento"}):
            figure.savefig(place, format=suffix[1:], dpi=DPI, metadata=_METADATA[suffix])
    except OSError as error:
        raise InputError(f"{safe_text(str(target))} cannot be written: {error.strerror}") from error
