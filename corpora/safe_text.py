"""Text from files made safe to show: no control characters, no line breaks, not endless.

A title in a score may hold terminal escape sequences or bidirectional overrides; both can make a message lie.
"""

from __future__ import annotations

import unicodedata

__all__ = ["safe_text"]

# Control, format (bidirectional overrides, zero width), surrogates, private use, unassigned, line and paragraph separators.
UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe_text(text: str, limit_characters: int = 200) -> str:
    """``text`` on one line, without characters that a terminal would act on, at most ``limit_characters`` long.

    White space of any kind becomes one space; what is cut off is marked by an ellipsis.

    Example:
        >>> safe_text("Ave\\x1b[31m\\nMaria")
        'Ave[31m Maria'
    """
    head = text[: 4 * limit_characters]  # so that a text of megabytes costs nothing
    spaced = " ".join(head.split())
    kept = "".join(c for c in spaced if unicodedata.category(c) not in UNSAFE_CATEGORIES)
    if len(kept) > limit_characters or len(head) < len(text):
        return kept[: limit_characters - 1] + "…"
    return kept
