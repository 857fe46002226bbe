"""Which tokens spell a chord, grace chord, rest or skip, once its kind or its type has begun it.

Its tokens come in stages, each stage once or as often as said: dots, ratio, start and end of a printed tuplet, stem, beams, heads
(place, accidental, tie-stop, tie-start, shape) from low to high, slur ends, slur starts, marks in order of their alphabet. A stage
may be left out; the written length has to fit the voice (``compose.notation.voice_clock``) before a later one may come, and a
printed tuplet that could not go on has to stop here.
"""

from __future__ import annotations

from collections.abc import Iterator

from compose.notation.token_table import GROUPS, RATIOS, TYPES, ids_of
from compose.notation.voice_clock import NO_TUPLET, VoiceClock, written_ticks

__all__ = ["SymbolState"]

MAX_DOTS = 3
MAX_BEAMS = 6
MAX_HEADS = 10
MAX_SLURS = 5
MAX_SHARED = 2  # heads of a chord on one place
_STAGES = (
    *("type", "dot", "ratio", "tuplet-start", "tuplet-stop", "stem", "beam"),
    *("place", "accidental", "tie-stop", "tie-start", "shape", "slur-stop", "slur-start", "mark"),
)
_RANKS = {group: rank for rank, group in enumerate(_STAGES)}
_PLACES = ids_of("place")
_MARKS = ids_of("mark")
_TYPE_IDS = {name: ids_of("type")[rank : rank + 1] for rank, name in enumerate(TYPES)}
_RATIO_IDS = {ratio: ids_of("ratio")[rank : rank + 1] for rank, ratio in enumerate(RATIOS[1:])}


class SymbolState:
    """A symbol under construction.

    Args:
        kind: "chord", "rest", "skip", "grace", "bar-rest", which only takes marks, or "aside" for a skip aside of the voices.
        clock: Of its voice, before it.
    """

    def __init__(self, kind: str, clock: VoiceClock) -> None:
        self.kind = kind
        self.clock = clock
        self.type = ""
        self.dots = 0
        self.ratio = NO_TUPLET
        self.starts = self.stops = False
        self.rank = 0
        self.counts: dict[str, int] = {}
        self.place = -1
        self.shared = 0
        self.mark = -1

    @property
    def has_head(self) -> bool:
        """Whether it has a head already."""
        return self.place >= 0

    @property
    def written(self) -> int:
        """Ticks that its type and dots say."""
        return written_ticks(self.type, self.dots) or 0

    @property
    def is_timed(self) -> bool:
        """Whether it has a length that fits, as it stands."""
        if self.kind == "bar-rest":
            return True
        if not self.type:
            return False
        return self.kind == "grace" or self.clock.fits(self.written, self.ratio, self.kind == "skip")

    @property
    def must_stop(self) -> bool:
        """Whether the printed tuplet has to end with it and has not been ended yet."""
        is_open = (self.clock.is_open or self.starts) and not self.stops
        return is_open and self.kind in ("chord", "rest") and self.clock.must_close(self.written, self.ratio)

    @property
    def may_finish(self) -> bool:
        """Whether it is complete as it stands."""
        return self.is_timed and not self.must_stop and (self.has_head or self.kind in ("rest", "bar-rest", "skip", "aside"))

    def push(self, token: int) -> None:
        """Take a token that is allowed."""
        group = GROUPS[token]
        self.rank = _RANKS[group]
        self.counts[group] = self.counts.get(group, 0) + 1
        if group == "type":
            self.type = TYPES[token - ids_of("type").start]
        elif group == "dot":
            self.dots += 1
        elif group == "ratio":
            self.ratio = RATIOS[1 + token - ids_of("ratio").start]
        elif group == "tuplet-start":
            self.starts = True
        elif group == "tuplet-stop":
            self.stops = True
        elif group == "place":
            place = token - _PLACES.start
            self.shared = self.shared + 1 if place == self.place else 1
            self.place = place
        elif group == "mark":
            self.mark = token - _MARKS.start

    def allowed(self) -> Iterator[range]:
        """Tokens that go on with it."""
        if self.kind == "bar-rest":
            yield _MARKS[self.mark + 1 :]
            return
        if not self.type:
            yield from self._types()
            return
        if self.rank <= _RANKS["dot"] and self._may_dot():
            yield ids_of("dot")
        if self.kind != "grace" and self.rank < _RANKS["ratio"]:
            fitting = self.clock.fitting_ratios(self.written, self.kind == "skip")
            yield from (_RATIO_IDS[ratio] for ratio in fitting if ratio != NO_TUPLET)
        if not self.is_timed or self.kind in ("skip", "aside"):
            return
        if self.kind != "grace" and self.ratio != NO_TUPLET:
            if self.rank < _RANKS["tuplet-start"] and not self.clock.is_open:
                yield ids_of("tuplet-start")
            if self.rank < _RANKS["tuplet-stop"] and (self.clock.is_open or self.starts):
                yield ids_of("tuplet-stop")
        if self.must_stop:
            return
        if self.kind != "rest":
            yield from self._heads()
        if self.has_head or self.kind == "rest":
            yield from self._after_heads()

    def _types(self) -> Iterator[range]:
        for name, ids in _TYPE_IDS.items():
            if self.kind == "grace" or self.clock.fitting_ratios(written_ticks(name, 0) or 0, self.kind == "skip"):
                yield ids

    def _may_dot(self) -> bool:
        written = written_ticks(self.type, self.dots + 1) if self.dots < MAX_DOTS else None
        return written is not None and (self.kind == "grace" or bool(self.clock.fitting_ratios(written, self.kind == "skip")))

    def _heads(self) -> Iterator[range]:
        if self.rank < _RANKS["stem"]:
            yield ids_of("stem")
        if self.rank <= _RANKS["beam"] and self.counts.get("beam", 0) < MAX_BEAMS:
            yield ids_of("beam")
        if self.rank <= _RANKS["shape"] and self.counts.get("place", 0) < MAX_HEADS:
            yield _PLACES[max(self.place + (self.shared >= MAX_SHARED), 0) :]
        if self.has_head:
            for group in ("accidental", "tie-stop", "tie-start", "shape"):
                if self.rank < _RANKS[group]:
                    yield ids_of(group)

    def _after_heads(self) -> Iterator[range]:
        for group in ("slur-stop", "slur-start"):
            if self.rank <= _RANKS[group] and self.counts.get(group, 0) < MAX_SLURS:
                yield ids_of(group)
        yield _MARKS[self.mark + 1 :]
