"""Which tokens may come next in written music, so that every complete sequence is a score whose bars add up.

A sequence is::

    staves+ (bar [irregular type+] part-of-bar (part part-of-bar)*)+ end

with one ``staves`` for each part, and for each part of a bar::

    ending* [repeat-start | left] [key] [time | beats beat-type] (staff clef)*
    (voice staff item+)* [aside item*] [ending-stop] [repeat-end | right]

Items of a voice are chords, rests and skips in order of time, and before one of them, or after the last, a change of staff, a clef
or directions at that place. A symbol is its kind (``rest``, ``skip``, ``grace``, ``slashed``, none for a chord), then type, dots,
ratio, ends of a printed tuplet, stem, beams, heads from low to high (place, accidental, ties, shape), slurs, marks in order.
A ``bar-rest`` fills the bar. ``aside`` holds clefs and directions where no voice has a symbol that begins or ends, between skips.

Bars are exact (``compose.notation.voice_clock``): a voice may end early (the rest of the bar is not printed) and never late. A bar
lasts what the meter in force says; ``irregular`` is the escape, it says the length in note types, longest first, and is the same
for all parts. What does not follow from the printed bars, the meter before the first, is given to the grammar.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compose.notation.direction_grammar import DirectionState
from compose.notation.line_grammar import Line
from compose.notation.symbol_grammar import SymbolState
from compose.notation.token_table import GROUPS, TICKS_PER_QUARTER, TOKEN_NAMES, TYPES, id_of, ids_of, is_among, value_of
from compose.notation.voice_clock import VoiceClock, written_ticks
from compose.vocabulary.base import GrammarState, Meaning

__all__ = ["NotationGrammar"]

MAX_PARTS = 64
MAX_VOICES = 8  # of a part in a bar
MAX_ESCAPE_TICKS = 64 * TICKS_PER_QUARTER
DEFAULT_BAR_TICKS = 4 * TICKS_PER_QUARTER
# The stages of a part of a bar; each may be left out.
_OPENING = ("ending", "left", "key", "time", "clef", "voice", "aside", "ending-stop", "right")
_RANKS = {name: index for index, name in enumerate(_OPENING)}
_STAGE_OF = {
    "repeat-start": "left",
    "beats": "time",
    "staff": "clef",
    "repeat-end": "right",
    **{stage: stage for stage in _OPENING if stage != "clef"},
}
_KIND_OF = {"type": "chord", "rest": "rest", "skip": "skip", "bar-rest": "bar-rest", "grace": "grace", "slashed": "grace"}


class NotationGrammar(GrammarState):
    """See the module's text.

    Args:
        bar_ticks: Ticks of the meter in force before the first bar.
        parts: Staves of each part where that is known; the header then has to say the same.
    """

    def __init__(self, bar_ticks: int = DEFAULT_BAR_TICKS, parts: tuple[int, ...] | None = None) -> None:
        self.wanted_parts = parts
        self.parts: list[int] = []
        self.part = 0
        self.meter_ticks = bar_ticks
        self.bar_meter: list[str] = []  # the tokens of the meter that the first part says in this bar
        self.escape: list[int] = []
        self.escapes = 0  # irregular bars so far
        self.is_ended = False
        self._may_escape = self._is_escaping = False
        self._stage = -1  # of the part of the bar; -1 in the header
        self._last_ending = 0
        self._open_endings: set[int] = set()  # parts
        self._opening_staff = 0
        self._pending = ""  # a group that must come next
        self._voices = 0
        self._line: Line | None = None
        self._symbol: SymbolState | None = None
        self._direction: DirectionState | None = None

    @property
    def meaning(self) -> Meaning:
        if self.is_ended:
            return Meaning.END
        if self._stage < 0:
            return Meaning.START
        if self._symbol:
            return Meaning.PITCH if self._symbol.kind in ("chord", "grace") and self._symbol.is_timed else Meaning.DURATION
        return Meaning.ONSET if self._line else Meaning.TIME_STATE

    @property
    def may_end(self) -> bool:
        return self.is_ended

    @property
    def length(self) -> int:
        """Ticks of the bar."""
        return sum(self.escape) or self.meter_ticks

    def mask(self) -> NDArray[np.bool_]:
        mask = np.zeros(len(TOKEN_NAMES), dtype=np.bool_)
        for ids in self.allowed():
            mask[ids.start : ids.stop] = True
        return mask

    def push(self, token: int) -> None:
        if not is_among(token, self.allowed()):
            name = TOKEN_NAMES[token] if 0 <= token < len(TOKEN_NAMES) else str(token)
            wanted = dict.fromkeys(GROUPS[ids.start] for ids in self.allowed() if ids)
            raise ValueError(f"notation: {name!r} cannot come in part {self.part + 1}: expected {', '.join(wanted) or 'nothing'}")
        self._take(token, GROUPS[token], value_of(token))

    def allowed(self) -> Iterator[range]:
        """The ids that may come next."""
        if self.is_ended:
            return iter(())
        if self._stage < 0:
            return self._header()
        if self._is_escaping:
            return self._escape()
        if self._pending:
            return self._wanted()
        return self._in_line() if self._line else self._between(self._stage)

    # What may come.

    def _header(self) -> Iterator[range]:
        count = len(self.parts)
        if self.wanted_parts is not None:
            yield id_of(f"staves:{self.wanted_parts[count]}" if count < len(self.wanted_parts) else "bar")
            return
        if count < MAX_PARTS:
            yield ids_of("staves")
        if self.parts:
            yield ids_of("bar")

    def _escape(self) -> Iterator[range]:
        """Note types that sum to the bar's length, each shorter than the one before; of the longest as many as needed."""
        for rank, name in enumerate(TYPES):
            ticks = written_ticks(name, 0) or 0
            may_repeat = name == TYPES[0] and self.escape[-1:] == [ticks]
            if sum(self.escape) + ticks <= MAX_ESCAPE_TICKS and (not self.escape or ticks < self.escape[-1] or may_repeat):
                yield ids_of("type")[rank : rank + 1]
        if self.escape:
            yield from self._between(0)

    def _wanted(self) -> Iterator[range]:
        """What one token needs after it."""
        if self._pending == "beat-type" and self.part:
            yield id_of(self.bar_meter[1])
        elif self._pending == "staff":
            yield ids_of("staff")[: self.parts[self.part]]
        else:
            yield ids_of(self._pending)

    def _in_line(self) -> Iterator[range]:
        line = self._line
        assert line is not None
        if self._symbol:
            yield from self._symbol.allowed()
            if not self._symbol.may_finish:
                return
            line = line.after(self._symbol)
        if self._direction:
            yield from self._direction.allowed()
            if not self._direction.may_finish:
                return
        yield from line.allowed()
        if line.may_end:
            yield from self._between(_RANKS["aside" if line.is_aside else "voice"])

    def _between(self, stage: int) -> Iterator[range]:
        """What may come from this stage of a part of a bar on, outside its lines."""
        at = _RANKS
        if self._may_escape:
            yield ids_of("irregular")
        if stage <= at["ending"]:
            yield ids_of("ending")[self._last_ending :]
        if stage < at["left"]:
            yield from (ids_of("repeat-start"), ids_of("left"))
        if stage < at["key"]:
            yield ids_of("key")
        if stage < at["time"]:
            yield from (ids_of("time"), ids_of("beats")) if self.part == 0 else map(id_of, self.bar_meter[:1])
        if stage <= at["clef"]:
            yield ids_of("staff")[self._opening_staff : self.parts[self.part]]
        if stage <= at["voice"] and self._voices < MAX_VOICES:
            yield ids_of("voice")
        if stage < at["aside"]:
            yield ids_of("aside")
        if stage < at["ending-stop"] and self.part in self._open_endings:
            yield ids_of("ending-stop")
        if stage < at["right"]:
            yield from (ids_of("repeat-end"), ids_of("right"))
        yield from (ids_of("part"),) if self.part + 1 < len(self.parts) else (ids_of("bar"), ids_of("end"))

    # Taking a token.

    def _take(self, token: int, group: str, value: str) -> None:
        if self._stage < 0 and group == "staves":
            self.parts.append(int(value))
        elif self._is_escaping and group == "type":
            self.escape.append(written_ticks(value, 0) or 0)
        elif self._pending:
            self._take_wanted(token, group, value)
        elif self._line and self._take_in_line(token, group, value):
            return
        else:
            self._take_between(token, group, value)

    def _take_wanted(self, token: int, group: str, value: str) -> None:
        if group == "beat-type":
            self._set_meter(int(self.bar_meter[0].partition(":")[2]), int(value), TOKEN_NAMES[token])
        elif group == "staff":
            self._line = Line(VoiceClock(self.length), self.parts[self.part], int(value))
        self._pending = ""

    def _take_in_line(self, token: int, group: str, value: str) -> bool:
        """Whether the token belongs to the line."""
        assert self._line is not None
        if self._symbol:
            if is_among(token, self._symbol.allowed()):
                self._symbol.push(token)
                return True
            self._line, self._symbol = self._line.after(self._symbol), None
        if self._direction:
            if is_among(token, self._direction.allowed()):
                self._direction.push(token)
                return True
            self._direction = None
        line = self._line
        if not is_among(token, line.allowed()):
            return False
        if group in _KIND_OF:
            kind = "aside" if line.is_aside else _KIND_OF[group]
            self._symbol = SymbolState(kind, line.clock)
            if group == "type":
                self._symbol.push(token)
        elif group == "staff":
            self._line = replace(line, staff=int(value), has_moved=True, said=0, has_clef=False)
        elif group == "clef":
            self._line = replace(line, has_clef=True)
        else:
            self._line = replace(line, said=line.said + 1)
            self._direction = DirectionState()
            self._direction.push(token)
        return True

    def _take_between(self, token: int, group: str, value: str) -> None:
        self._line, self._may_escape, self._is_escaping = None, False, group == "irregular"
        if group in ("bar", "end", "part"):
            self._begin(group)
            return
        if group == "irregular":
            self.escapes += 1
            return
        self._stage = _RANKS[_STAGE_OF[group]]
        if group == "ending":
            self._last_ending = int(value)
            self._open_endings.add(self.part)
        elif group == "ending-stop":
            self._open_endings.discard(self.part)
        elif group == "time":
            self._set_meter(*((4, 4) if value == "common" else (2, 2)), TOKEN_NAMES[token])
        elif group == "beats":
            if self.part == 0:
                self.bar_meter = [TOKEN_NAMES[token]]
            self._pending = "beat-type"
        elif group == "staff":
            self._opening_staff, self._pending = int(value), "clef"
        elif group == "voice":
            self._voices += 1
            self._pending = "staff"
        elif group == "aside":
            self._line = Line(VoiceClock(self.length), self.parts[self.part], 1, is_aside=True)

    def _begin(self, group: str) -> None:
        """Begin a part of a bar, or end it all."""
        self._stage = self._last_ending = self._opening_staff = self._voices = 0
        self._line = None
        if group == "part":
            self.part += 1
        elif group == "bar":
            self.part, self.bar_meter, self.escape = 0, [], []
            self._may_escape = True
        else:
            self.is_ended = True

    def _set_meter(self, beats: int, beat_type: int, name: str) -> None:
        if self.part == 0:
            self.meter_ticks = 4 * beats * TICKS_PER_QUARTER // beat_type
            self.bar_meter.append(name)
