"""Which tokens may stand between the symbols of a voice, and of what stands aside of all voices: where a line has got to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from compose.notation.direction_grammar import DIRECTION_STARTS
from compose.notation.symbol_grammar import SymbolState
from compose.notation.token_table import TYPES, ids_of
from compose.notation.voice_clock import VoiceClock, written_ticks

__all__ = ["Line"]

MAX_GRACES = 8  # in a row
MAX_DIRECTIONS = 8  # at one place
_SHORTEST_FIRST = TYPES[::-1]


@dataclass(frozen=True)
class Line:
    """A voice, or what stands aside, between two symbols.

    Args:
        clock: Where it has got to.
        staves: Of its part.
        staff: Where it is now.
        is_aside: Whether it holds no notes.
        has_event: Whether it has a chord or rest; grace chords alone make no voice.
        is_after_skip: Whether a skip came last.
        is_filled: Whether a bar-rest fills it.
        graces: Grace chords since the last other symbol.
        said: Directions since the last symbol.
        has_moved, has_clef: Whether a change of staff or a clef came since the last symbol.
    """

    clock: VoiceClock
    staves: int
    staff: int
    is_aside: bool = False
    has_event: bool = False
    is_after_skip: bool = False
    is_filled: bool = False
    graces: int = 0
    said: int = 0
    has_moved: bool = False
    has_clef: bool = False

    @property
    def may_end(self) -> bool:
        """Whether the line is complete."""
        return self.is_aside or (self.has_event and not self.is_after_skip and self.clock.is_whole)

    def after(self, symbol: SymbolState) -> Line:
        """The line after a complete symbol."""
        clock = replace(self.clock)
        if symbol.kind == "grace":
            return replace(self, graces=self.graces + 1, said=0, has_moved=False, has_clef=False)
        if symbol.kind == "bar-rest":
            clock.position = clock.length
        elif self.is_aside:
            clock.position += symbol.written * symbol.ratio[1] // symbol.ratio[0]
        else:
            clock.is_open = (clock.is_open or symbol.starts) and not symbol.stops
            clock.advance(symbol.written, symbol.ratio)
        is_skip = symbol.kind == "skip"
        has_event, is_filled = self.has_event or not is_skip, symbol.kind == "bar-rest"
        return Line(clock, self.staves, self.staff, self.is_aside, has_event, is_skip, is_filled)

    def allowed(self) -> Iterator[range]:
        """Tokens that may come here, but for those that end the line."""
        if not self.is_filled:
            yield from self._skips() if self.is_aside else self._symbols()
        is_fresh = not (self.said or self.has_clef or self.has_moved)
        if self.is_aside:
            yield ids_of("staff")[0 if is_fresh else self.staff : self.staves]
        elif is_fresh:
            yield ids_of("staff")[: self.staff - 1]
            yield ids_of("staff")[self.staff : self.staves]
        if self.said < MAX_DIRECTIONS:
            yield from DIRECTION_STARTS
            if 0 < self.clock.position < self.clock.length and not self.has_clef and not self.said:
                yield ids_of("clef")

    def _symbols(self) -> Iterator[range]:
        if self.clock.position == 0 and not self.has_event and not self.is_after_skip:
            yield ids_of("bar-rest")
        if self.graces < MAX_GRACES:
            yield from (ids_of("grace"), ids_of("slashed"))
        types = [ids_of("type")[rank : rank + 1] for rank, name in enumerate(TYPES) if self._fits(name)]
        yield from types
        if types:
            yield ids_of("rest")
        if any(self._fits(name, is_skip=True) for name in _SHORTEST_FIRST):
            yield ids_of("skip")

    def _skips(self) -> Iterator[range]:
        if any(self._fits(name) for name in _SHORTEST_FIRST):
            yield ids_of("skip")

    def _fits(self, type_name: str, is_skip: bool = False) -> bool:
        return bool(self.clock.fitting_ratios(written_ticks(type_name, 0) or 0, is_skip))
