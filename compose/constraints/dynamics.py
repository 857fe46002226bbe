"""How loud new notes are: a range of velocities, by dynamic marks or in numbers.

Loudness is given, not drawn: writers make a note as loud as its surroundings, moved to the nearest velocity in the range. Marks
have the velocities that the MusicXML reader gives them (``corpora.musicxml.instruments``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from compose.canvas import Canvas
from compose.constraints.base import MAX_VELOCITY, Constraint, Satisfaction
from compose.constraints.parts import split_items
from compose.constraints.wish_items import named, no_doubles
from corpora.errors import RequestError
from corpora.musicxml.instruments import DYNAMIC_VELOCITY
from corpora.piece import Piece

__all__ = ["Dynamics", "dynamics"]

_LEVEL = r"p{1,6}|f{1,6}|mp|mf|\d{1,3}"


@dataclass(frozen=True)
class Dynamics(Constraint):
    """New notes have velocities between two, both included.

    Args:
        text: For example ``dynamics: mp-f`` or ``dynamics: Violin p, Cello 60-80``.
        limits: Lanes (None: all that no other item names), least and greatest velocity, as written.
    """

    is_drawn: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    limits: tuple[tuple[tuple[int, ...] | None, int, int], ...]

    def loudness(self, canvas: Canvas, lane: int) -> tuple[int, int]:
        """The range of the part, else that of all."""
        named_lanes = [(low, high) for lanes, low, high in self.limits if lanes is not None and lane in lanes]
        general = [(low, high) for lanes, low, high in self.limits if lanes is None]
        return next(iter(named_lanes or general), (1, MAX_VELOCITY))

    def conflict(self, canvas: Canvas) -> str | None:
        """The region must write a part that has a range."""
        written = set(canvas.region.lanes)
        idle = all(lanes is not None and written.isdisjoint(lanes) for lanes, _, _ in self.limits)
        return "the region writes none of these parts" if idle else None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new notes within their range; a MusicXML score that is edited keeps no velocities, and that is said."""
        good, heard = 0, []
        for note in canvas.written:
            low, high = self.loudness(canvas, note.lane)
            good += low <= note.velocity <= high
            heard.append(note.velocity)
        span = f", velocities {min(heard)} to {max(heard)}" if heard else ""
        is_score = canvas.piece.source is not None and canvas.piece.source.format == "musicxml"
        where = "; a MusicXML file does not hold them" if is_score else ""
        return Satisfaction(self.text, good == len(heard), f"{good} of {len(heard)} notes as loud as asked{span}{where}")


def _velocity(level: str) -> int:
    """Of a mark or a number.

    Raises:
        RequestError: A number that is no velocity.
    """
    velocity = DYNAMIC_VELOCITY[level] if level in DYNAMIC_VELOCITY else int(level)
    if not 1 <= velocity <= MAX_VELOCITY:
        raise RequestError(f"dynamics: {level} is no velocity: expected 1 to {MAX_VELOCITY}")
    return velocity


def dynamics(value: str, piece: Piece) -> Constraint:
    """``mp-f``, ``p``, ``Violin p-mf``, ``Cello 40-64``.

    Raises:
        RequestError: Not understood.
    """
    limits, names, texts = [], [], []
    for item in split_items(value):
        pattern = rf"(?P<low>{_LEVEL})(?:\s*(?:-|–|\bto\b)\s*(?P<high>{_LEVEL}))?"
        match = named(piece, item, pattern)
        if match is None:
            raise RequestError(
                f"dynamics: '{item}' is not understood: expected marks or velocities, for example mp-f or Violin p-mf"
            )
        lanes, name, found = match
        low, high = _velocity(found["low"]), _velocity(found["high"] or found["low"])
        if low > high:
            raise RequestError(f"dynamics: {found['low']} is louder than {found['high']}: expected the softer first")
        limits.append((lanes, low, high))
        names.append(name)
        texts.append(f"{name}{found['low']}{'-' + found['high'] if found['high'] else ''}")
    if not limits:
        raise RequestError("dynamics: expected marks, for example 'dynamics: mp-f'")
    no_doubles("dynamics", names)
    return Dynamics(f"dynamics: {', '.join(texts)}", tuple(limits))
