"""The signs of systems to a written score, with musical sense: ``assemble``.

Bar lines cut systems into bars; clefs, keys and meters are carried from bar to bar and from system to system; the signs of each bar
become voices by a search in which bars must add up (``omr.assembly.decoding``); marks, ties and directions are given to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from compose.notation.written import Bar, Clef, Direction, Key, Part, Time, WrittenScore, in_order
from corpora.errors import InputError, RequestError
from omr.assembly.confidence import GLYPHS, Calibration, shares
from omr.assembly.costs import chance_cost
from omr.assembly.deciding import Decided, decide_bar
from omr.assembly.decoding import Reading
from omr.assembly.directions import Columns, system_directions
from omr.assembly.doubtful_lines import missed_lines, settled_lines
from omr.assembly.endings import Ending, seen_endings
from omr.assembly.lengths import divs_to_quarters, quarters_to_divs
from omr.assembly.long_rests import spread_long_rests
from omr.assembly.lyrics import sung, system_lyrics
from omr.assembly.meters import likeliest_meter
from omr.assembly.parts import layouts
from omr.assembly.reading_systems import SeenBar, bars_of, system_signs
from omr.assembly.results import Assembled, AssembledBar, BarReading
from omr.assembly.signatures import SeenClef, common_time, key_of, place_of_bottom_line
from omr.assembly.wishes import CLEF_NAMES, Wishes
from omr.assembly.writing import BarMusic, write_voices
from omr.signs import CLEFS, KINDS, SeenSystem

__all__ = ["assemble"]

LEAST_SHOWN = 0.01  # probability from which another reading of a bar is kept
_USUAL_CLEFS = (SeenClef("G", 2), SeenClef("F", 4))


def assemble(systems: Sequence[SeenSystem], wishes: Wishes | None = None, calibration: Calibration = GLYPHS) -> Assembled:
    """Make a score of what was seen.

    Args:
        systems: In the order of the music, of one or several pages.
        wishes: What the user knows better.
        calibration: Of the probabilities: ``GLYPHS``, or ``PICTURES`` where a network has read the signs.

    Raises:
        InputError: There are no systems.
        RequestError: A wish that does not fit them (staves, a bar or reading that is not there).
    """
    if not systems:
        raise InputError("page: expected at least one system of staves, got none")
    return _Assembly(systems, wishes or Wishes(), calibration).result()


class _Assembly:
    """One run: systems to bars, bars to readings, readings to parts."""

    def __init__(self, systems: Sequence[SeenSystem], wishes: Wishes, calibration: Calibration) -> None:
        self.wishes = wishes
        self.calibration = calibration
        plans, self.sizes, self.notes = layouts(systems, [_first_clefs(system) for system in systems], wishes.staves)
        self.found = [system_signs(system, plan) for system, plan in zip(systems, plans, strict=True)]
        meter = None if wishes.meter is None else quarters_to_divs(Fraction(4 * wishes.meter[0], wishes.meter[1]))
        self.lines = []
        for found in self.found:
            lines, meter = settled_lines(found, meter)
            self.lines.append(lines)
        self.lyrics = [system_lyrics(found.signs, found.system.words) for found in self.found]
        self.bars: list[tuple[int, SeenBar]] = []
        self._cut()
        self.clef_changes = self._carry_clefs()
        self.times = self._times()

    def _cut(self) -> None:
        """Cut the systems into bars at the lines that are taken."""
        self.bars = [
            (index, bar)
            for index, (found, lines) in enumerate(zip(self.found, self.lines, strict=True))
            for bar in spread_long_rests(bars_of(found, lines))
        ]

    def _carry_clefs(self) -> list[list[tuple[float, int, SeenClef]]]:
        """Clef changes of each bar; systems that show none at their head get those in force there."""
        in_force: dict[tuple[int, int], SeenClef] = {}
        for found in self.found:
            for staff, clefs in enumerate(found.clefs):
                name = (found.layout.part_of_staff[staff], found.layout.staff_in_part[staff])
                wished = self.wishes.clefs.get(sum(self.sizes[: name[0]]) + name[1])
                if wished is not None:
                    clefs[:] = [(0.0, SeenClef(*CLEF_NAMES[wished]))]
                first_music = min((event.x for event in found.events if event.staff == staff), default=found.system.width)
                if not clefs or clefs[0][0] > first_music:
                    usual = _USUAL_CLEFS[1 if name[1] > 1 else 0]
                    if name not in in_force:
                        self.notes.append(f"part {name[0] + 1}, staff {name[1]}: no clef seen, taken for {usual.sign}{usual.line}")
                    clefs.insert(0, (0.0, in_force.get(name, usual)))
                in_force[name] = clefs[-1][1]
        return self._clef_changes()

    def _clef_changes(self) -> list[list[tuple[float, int, SeenClef]]]:
        """Clefs printed anew in each bar: place, staff, clef."""
        changes = []
        shown: dict[tuple[int, int], SeenClef] = {}
        for index, bar in self.bars:
            layout = self.found[index].layout
            mine = []
            for staff in range(len(layout.part_of_staff)):
                name = (layout.part_of_staff[staff], layout.staff_in_part[staff])
                if self.wishes.clefs.get(sum(self.sizes[: name[0]]) + name[1]) is not None:
                    printed = [self.found[index].clefs[staff][0]] if bar.is_first else []
                else:
                    printed = [(x, clef) for x, where, clef in bar.clefs if where == staff]
                    if bar.is_first and name not in shown and not printed:
                        printed = [self.found[index].clefs[staff][0]]
                for x, clef in printed:
                    if not (bar.is_first and shown.get(name) == clef):
                        mine.append((x, staff, clef))
                    shown[name] = clef
            changes.append(mine)
        return changes

    def _times(self) -> list[tuple[int, int, str] | None]:
        """Time signature that is new in each bar."""
        times: list[tuple[int, int, str] | None] = []
        for number, (system, bar) in enumerate(self.bars):
            time = common_time(bar.times, self.found[system].system.staves)
            if number == 0 and self.wishes.meter is not None:
                time = (*self.wishes.meter, "")
            times.append(time)
        return times

    def bottom(self, system: int, staff: int, x: float) -> int:
        """Diatonic place of the bottom line of a staff at ``x``."""
        clefs = self.found[system].clefs[staff]
        clef = clefs[0][1]
        for place, later in clefs:
            if place <= x:
                clef = later
        return place_of_bottom_line(clef)

    def _escape_expected(self, number: int) -> bool:
        bar = self.bars[number][1]
        lines = (bar.span.left_line, bar.span.right_line)
        special = any(line is not None and line.kind not in ("bar_single", "bar_dashed") for line in lines)
        return number == 0 or number == len(self.bars) - 1 or special

    def _decided(self) -> tuple[list[Decided], list[int | None]]:
        meters: list[int | None] = []
        meter: int | None = None
        for time in self.times:
            if time is not None:
                meter = quarters_to_divs(Fraction(4 * time[0], time[1]))
            meters.append(meter)
        known: frozenset[int] = frozenset()
        unknown = [number for number, meter in enumerate(meters) if meter is None]
        if unknown:
            free = [decide_bar(bar, self.found[system].layout.part_of_staff, None, False, known)
                    for system, bar in (self.bars[number] for number in unknown)]  # fmt: skip
            beats, beat_type = likeliest_meter([decided.readings for decided in free])
            self.notes.append(f"meter: none printed at the start, {beats}/{beat_type} fits best")
            for number in unknown:
                meters[number] = quarters_to_divs(Fraction(4 * beats, beat_type))
            self.times[unknown[0]] = (beats, beat_type, "")  # programs that open the score count in 4/4 otherwise
        decided = []
        for number, (system, bar) in enumerate(self.bars):
            layout = self.found[system].layout
            decided.append(decide_bar(bar, layout.part_of_staff, meters[number], self._escape_expected(number), known))
            known |= {group.ratios[0][0] for group in decided[-1].tuplets if group.printed}
        return decided, meters

    def result(self) -> Assembled:
        """Decide all bars and write them."""
        decided, meters = self._decided()
        missed = 0
        for (system, bar), choice, meter in zip(self.bars, decided, meters, strict=True):
            lines = missed_lines(self.found[system], self.lines[system], bar, choice, meter)
            missed += len(lines)
            self.lines[system] = sorted([*self.lines[system], *lines], key=lambda line: line.x)
        if missed:
            self.notes.append(f"{missed} bar lines were not seen, but bars are as long as several")
            self._cut()
            self.clef_changes = self._clef_changes()
            self.times = self._times()
            decided, meters = self._decided()
        assembled = []
        for number, (choice, meter) in enumerate(zip(decided, meters, strict=True)):
            assembled.append(self._assembled_bar(number, choice, meter))
        for wished, reading in self.wishes.readings.items():
            if wished > len(assembled) or reading > len(assembled[wished - 1].readings):
                there = f"{len(assembled[wished - 1].readings)} readings" if wished <= len(assembled) else f"{len(assembled)} bars"
                raise RequestError(f"bar {wished}: expected a reading that is there, got {reading} of {there}")
            assembled[wished - 1] = replace(assembled[wished - 1], taken=reading - 1)
        parts = self._parts(decided, assembled)
        escapes = sum(bar.readings[bar.taken].irregular for bar in assembled)
        if escapes:
            self.notes.append(f"{escapes} of {len(assembled)} bars do not last as long as their meter")
        systems, pages = self._breaks()
        score = WrittenScore(parts, self.found[0].system.heading, systems, pages)
        return Assembled(score, tuple(assembled), tuple(self.notes))

    def _assembled_bar(self, number: int, choice: Decided, meter: int | None) -> AssembledBar:
        system, bar = self.bars[number]
        music = BarMusic(
            choice.events,
            bar.graces,
            choice.bar_rests,
            choice.tuplets,
            choice.tremolos,
            self.found[system].layout,
            self.found[system].attached,
            lambda staff, x: self.bottom(system, staff, x),
        )
        chances = shares([reading.cost for reading in choice.readings], self.calibration.temperature)
        readings: list[BarReading] = []
        for reading, share in zip(choice.readings, chances, strict=True):
            if readings and share < LEAST_SHOWN:
                break
            voices = write_voices(music, reading, divs_to_quarters(reading.length))
            probability = self.calibration.probability(share, *_evidence(choice, reading))
            irregular = meter is not None and reading.length != meter
            by_part = tuple(voices.get(part, ()) for part in range(len(self.sizes)))
            readings.append(BarReading(probability, divs_to_quarters(reading.length), irregular, by_part))
        return AssembledBar(system, bar.span.left, bar.span.right, tuple(readings))

    def _parts(self, decided: Sequence[Decided], assembled: Sequence[AssembledBar]) -> tuple[Part, ...]:
        keys = self._keys()
        directions = self._directions(decided, assembled)
        marked = self._endings()
        parts = []
        for part, size in enumerate(self.sizes):
            bars = []
            for number, done in enumerate(assembled):
                said = [direction for place, whose, direction in directions if place == number and whose == part]
                bars.append(self._bar(number, part, decided[number], done, keys[number].get(part), said, marked))
            parts.append(Part(tuple(bars), size))
        return tuple(parts)

    def _bar(
        self,
        number: int,
        part: int,
        choice: Decided,
        done: AssembledBar,
        fifths: int | None,
        said: list[Direction],
        endings: dict[int, Ending],
    ) -> Bar:
        system, seen = self.bars[number]
        layout = self.found[system].layout
        reading = done.readings[done.taken]
        clefs: dict[tuple[Fraction, int], Clef] = {}
        for x, staff, clef in self.clef_changes[number]:
            if layout.part_of_staff[staff] == part:
                onset = _onset_from(x, staff, choice, done)
                where = layout.staff_in_part[staff]
                clefs[onset, where] = Clef(onset, where, clef.sign, clef.line, clef.octaves)
        time = self.times[number]
        left, right = seen.span.left_line, seen.span.right_line
        starts = left is not None and left.kind in ("bar_repeat_start", "bar_repeat_both")
        ending = endings.get(number)
        return Bar(
            sung(reading.voices[part], self.lyrics[system]),
            reading.length,
            tuple(clefs[place] for place in sorted(clefs)),
            None if fifths is None else Key(fifths),
            None if time is None else Time(*time),
            in_order(dict.fromkeys(said)),
            "heavy-light" if starts else "",
            "" if right is None else right.style,
            starts,
            right is not None and right.kind in ("bar_repeat_end", "bar_repeat_both"),
            "" if ending is None else ending.numbers,
            ending is not None and ending.stops,
            reading.irregular,
        )

    def _keys(self) -> list[dict[int, int]]:
        """Key that is printed anew in each bar, by part."""
        in_force: dict[int, int] = {}
        keys: list[dict[int, int]] = []
        for number, (system, bar) in enumerate(self.bars):
            layout = self.found[system].layout
            printed: dict[int, int] = {}
            for part in sorted(set(layout.part_of_staff)):
                staves = [
                    (
                        bar.keys.get(staff, []),
                        self.bottom(system, staff, max((sign.x for sign in bar.keys.get(staff, [])), default=0.0)),
                    )
                    for staff, whose in enumerate(layout.part_of_staff)
                    if whose == part
                ]
                fifths = key_of(staves, in_force.get(part))
                if fifths is not None and not (bar.is_first and in_force.get(part) == fifths):
                    printed[part] = fifths
                    in_force[part] = fifths
            if number == 0:  # a key without signs is printed where music begins
                printed = {part: printed.get(part, 0) for part in range(len(self.sizes))}
                if self.wishes.fifths is not None:
                    printed = dict.fromkeys(printed, self.wishes.fifths)
                in_force = {**printed, **in_force}
            keys.append(printed)
        return keys

    def _columns(self, number: int, decided: Sequence[Decided], done: AssembledBar) -> Columns:
        choice = decided[number]
        reading = choice.readings[done.taken]
        places: dict[int, float] = {}
        for placed in reading.placed:
            x = choice.events[placed.event].x
            places[placed.onset] = min(places.get(placed.onset, x), x)
        onsets = sorted(places)
        xs = tuple(places[onset] for onset in onsets)
        return Columns(done.left, done.right, xs, tuple(map(divs_to_quarters, onsets)), done.readings[done.taken].length)

    def _directions(self, decided: Sequence[Decided], assembled: Sequence[AssembledBar]) -> list[tuple[int, int, Direction]]:
        systems, numbers = [], []
        for system, found in enumerate(self.found):
            numbers.append([number for number, (where, _) in enumerate(self.bars) if where == system])
            columns = [self._columns(number, decided, assembled[number]) for number in numbers[-1]]
            systems.append((found.signs, found.system.words, columns, found.layout, found.system.middle_lines.tolist()))
        return [
            (numbers[system][bar], part, direction)
            for system, directions in enumerate(system_directions(systems))
            for bar, part, direction in directions
        ]

    def _endings(self) -> dict[int, Ending]:
        spans = [(system, bar.span) for system, bar in self.bars]
        return seen_endings([(found.signs, found.system.words) for found in self.found], spans)

    def _breaks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        systems, pages = [], []
        for number, (system, bar) in enumerate(self.bars):
            if bar.is_first:
                systems.append(number)
                page = self.found[system].system.page
                if number == 0 or page != self.found[self.bars[number - 1][0]].system.page:
                    pages.append(number)
        return tuple(systems), tuple(pages)


def _first_clefs(system: SeenSystem) -> list[str]:
    """Kind of the leftmost clef of each staff, "" where none was seen."""
    names = [""] * system.staves
    places = [float("inf")] * system.staves
    kinds = {index: name for index, name in enumerate(KINDS) if name in CLEFS}
    for kind, x, staff in zip(
        system.signs["kind"].tolist(), system.signs["x"].tolist(), system.signs["staff"].tolist(), strict=True
    ):
        if kind in kinds and 0 <= staff < system.staves and x < places[staff]:
            names[staff], places[staff] = kinds[kind], x
    return names


def _onset_from(x: float, staff: int, choice: Decided, done: AssembledBar) -> Fraction:
    """Where the first event of a staff right of ``x`` begins, the bar's end where there is none; 0 before all its music."""
    reading = choice.readings[done.taken]
    seen = [(choice.events[placed.event], placed.onset) for placed in reading.placed]
    if x <= done.left or all(event.x > x for event, _ in seen):
        return Fraction(0)
    after = [onset for event, onset in seen if event.staff == staff and event.x > x]
    return divs_to_quarters(min(after)) if after else done.readings[done.taken].length


def _evidence(choice: Decided, reading: Reading) -> tuple[float, float]:
    """Sum of the logarithms of the probabilities of the signs that a reading uses, and the nats that it paid beyond them."""
    logs = doubts = 0.0
    used = {placed.event for placed in reading.placed}
    for placed in reading.placed:
        doubts += placed.length.cost
        for row in choice.events[placed.event].rows:
            logs -= chance_cost(row.probability)
    skipped = sum(event.absent for index, event in enumerate(choice.events) if index not in used)
    return logs - doubts, max(reading.cost - doubts - max(skipped, 0.0), 0.0)
