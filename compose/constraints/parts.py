"""Part names inside constraint text, and the lanes of a piece they stand for.

A value may name parts: ``Alto G3-E5, Tenor C3-A4``. Names are compared without regard to case and spacing; a name with a
comma stands in double quotes: ``"Horn in F, 1" C3-C5``. A name stands for all lanes of that name: both staves of a piano.
"""

from __future__ import annotations

import difflib
import re

from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["find_lanes", "pitched_lanes", "quote", "split_items"]


def _plain(name: str) -> str:
    """A name as it is compared."""
    return " ".join(name.strip().strip('"').split()).casefold()


def find_lanes(piece: Piece, name: str) -> tuple[int, ...]:
    """The lanes whose part has this name, in score order.

    Raises:
        RequestError: When no part has it; the message lists the parts and the nearest.
    """
    lanes = tuple(lane for lane, part in enumerate(piece.parts) if _plain(part.name) == _plain(name))
    if lanes:
        return lanes
    known = {_plain(part.name): part.name for part in piece.parts}
    near = difflib.get_close_matches(_plain(name), known, n=1)
    hint = f"; did you mean {known[near[0]]}?" if near else ""
    raise RequestError(f"no part is called '{' '.join(name.split())}': expected one of {', '.join(known.values()) or 'none'}{hint}")


def pitched_lanes(piece: Piece) -> tuple[int, ...]:
    """All lanes that are not drums, in score order."""
    return tuple(lane for lane, part in enumerate(piece.parts) if not part.is_drum)


def split_items(value: str) -> list[str]:
    """The items of a comma-separated value, stripped; commas inside double quotes do not separate."""
    return [item.strip() for item in re.findall(r'(?:"[^"]*"|[^,])+', value) if item.strip()]


def quote(name: str) -> str:
    """The name as it stands in constraint text: in quotes when it holds a comma."""
    return f'"{name}"' if "," in name else name
