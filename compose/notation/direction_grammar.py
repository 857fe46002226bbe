"""Which tokens spell a direction: dynamics, hairpins, pedals, octave lines, signs, words, tempo marks, rehearsal marks, chords.

::

    [above] (dynamics | wedge | pedal | octave-shift | segno | coda | words
             | tempo type dot* digit+ | rehearsal (letter | digit+)
             | harmony (no-chord | letter [alter] kind [bass letter [alter]]))
"""

from __future__ import annotations

from collections.abc import Iterator

from compose.notation.token_table import GROUPS, ids_of

__all__ = ["DIRECTION_STARTS", "DirectionState"]

MAX_TEMPO_DOTS = 2
MAX_DIGITS = 3
_SIMPLE = ("dynamics", "wedge", "pedal", "octave-shift", "segno", "coda", "words")
_KINDS = tuple(ids_of(group) for group in (*_SIMPLE, "tempo", "rehearsal", "harmony"))
DIRECTION_STARTS = (ids_of("above"), *_KINDS)
_ROOTS = ids_of("letter")[:7]
_DIGITS = ids_of("digit")


class DirectionState:
    """A direction under construction, from its first token on: the groups of its tokens so far, "above" left out."""

    def __init__(self) -> None:
        self.groups: list[str] = []

    @property
    def may_finish(self) -> bool:
        """Whether it is complete."""
        groups = self.groups
        if not groups:
            return False
        if groups[0] in ("tempo", "rehearsal"):
            return groups[-1] in ("digit", "letter")
        if groups[0] == "harmony":
            return groups[-1] in ("no-chord", "kind") or "bass" in groups[:-1]
        return True

    def push(self, token: int) -> None:
        """Take a token that is allowed."""
        if GROUPS[token] != "above":
            self.groups.append(GROUPS[token])

    def allowed(self) -> Iterator[range]:
        """Tokens that go on with it."""
        groups = self.groups
        if not groups:
            yield from _KINDS
        elif groups[0] == "tempo":
            yield from _tempo(groups)
        elif groups[0] == "rehearsal":
            if len(groups) == 1:
                yield ids_of("letter")
            if groups[-1] != "letter":
                yield from _number(groups)
        elif groups[0] == "harmony":
            yield from _harmony(groups)


def _tempo(groups: list[str]) -> Iterator[range]:
    if len(groups) == 1:
        yield ids_of("type")
        return
    if groups.count("dot") < MAX_TEMPO_DOTS and groups[-1] != "digit":
        yield ids_of("dot")
    yield from _number(groups)


def _number(groups: list[str]) -> Iterator[range]:
    """The next digit of a whole number without leading zeros."""
    count = groups.count("digit")
    if count < MAX_DIGITS:
        yield _DIGITS[1:] if count == 0 else _DIGITS


def _harmony(groups: list[str]) -> Iterator[range]:
    last = groups[-1]
    if last == "harmony":
        yield ids_of("no-chord")
        yield _ROOTS
    elif last == "bass":
        yield _ROOTS
    elif last == "kind":
        yield ids_of("bass")
    elif last in ("letter", "alter"):
        if last == "letter":
            yield ids_of("alter")
        if "bass" not in groups:
            yield ids_of("kind")
