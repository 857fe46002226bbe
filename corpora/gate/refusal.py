"""One form for every refusal: file, place, what was expected, what came, on one line."""

from __future__ import annotations

from corpora.errors import InputError
from corpora.safe_text import safe_text

__all__ = ["refusal"]


def refusal(name: str, place: str, expected: str, came: object) -> InputError:
    """The error to raise for a file that is not let in.

    Args:
        name: The file, as the user named it.
        place: Where in the file ("byte 14", "track 2, tick 480", "line 7"); empty for the file as a whole.
        expected: What would have been let in.
        came: What was there instead; texts are made safe and cut to 80 characters.

    Example:
        >>> print(refusal("a.mid", "byte 8", "a format of 0 or 1", 7))
        a.mid: byte 8: expected a format of 0 or 1, came 7
    """
    where = f"{place}: " if place else ""
    return InputError(f"{safe_text(name)}: {where}expected {expected}, came {safe_text(str(came), 80)}")
