"""Bar arithmetic: the events of one bar to voices and onsets, by a beam search from left to right.

A hypothesis is a set of voices with the times at which they end. Events come in order of ``x``; each begins either in the column
that is being filled or in the next one, whose time is normally the earliest end of a voice (on any staff: columns are shared by the
whole system). An event continues a voice that ends there or opens one; direction of stem, beam, staff and height say which,
at costs. Lengths have their probabilities, tuplets may be there or not, a sign may be false, a voice may stop without a rest.
What is left at the end must be as long as the meter says, or pays for it.

Times are integers (``omr.assembly.lengths.DIVS`` to a quarter), costs are nats.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from omr.assembly import costs
from omr.assembly.chords import Length, SeenEvent
from omr.assembly.lengths import DIVS
from omr.assembly.tuplets import TupletGroup

__all__ = ["BarTask", "Placed", "Reading", "decode_bar"]

WORST_BEHIND = 12.0  # nats behind the best at which a hypothesis is given up
KEPT_FOR_ONE = 2  # hypotheses that are looked at for each that is kept
SAME_STATE = 3  # hypotheses kept that agree in what can follow
MAX_STEPS_AHEAD = 4  # ends of voices that the next column may pass over, and one
PHANTOM_LENGTHS = tuple(DIVS * eighths // 2 for eighths in (1, 2, 3, 4, 6, 8))
NEW_VOICE_LATER = 1.5
NEW_STAFF_LATER = 3.0
UPPER_NEW_VOICE = 1.0
READY_VOICE = 1.0  # a new voice where another of the staff ends just then
HEIGHT_COST, MOST_HEIGHT_COST = 0.02, 1.0  # by half spaces
LENGTHS_STRICT, LENGTHS_LOOSE, WORST_LENGTH = 3, 4, 5.0  # readings of a length that are tried, nats behind the best
HOME = 32  # place of the bits of first staves
MAX_VOICES = 12  # of all staves

# A voice: end, staff, direction of its last stem, its beam, its tuplet, height of its last event, whether it has lapsed, bits of
# the staves that it has been on and, higher, of its first, number.
_Voice = tuple[int, int, str, int, int, float, bool, int, int]
# A hypothesis: cost, time and x of the column, voices, tuplets under way with their ratios, whether it is too long, trail.
_Trail = tuple[Any, int, int, Length, int, int, int, int] | None  # first the trail before
_State = tuple[float, int, float, tuple[_Voice, ...], tuple[tuple[int, int], ...], bool, _Trail]


@dataclass(frozen=True, slots=True)
class BarTask:
    """What is known of a bar before it is read.

    Args:
        events: Chords and rests in order of ``x``, without grace chords and rests that fill the bar.
        part_of_staff: Part of each staff.
        meter: Divisions that the bar should last, None where unknown.
        escape: Nats if it is shorter; longer bars pay ``costs.ESCAPE``.
        tuplets: What may be tuplets.
        beam_width: Hypotheses kept.
        is_loose: Whether signs may be missing too.
    """

    events: Sequence[SeenEvent]
    part_of_staff: Sequence[int]
    meter: int | None
    escape: float
    tuplets: Sequence[TupletGroup] = ()
    beam_width: int = 24
    is_loose: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """An event in its place: index in the bar, onset in divisions, length, tuplet (actual, normal, its group or -1), voice."""

    event: int
    onset: int
    length: Length
    actual: int
    normal: int
    group: int
    voice: int

    @property
    def end(self) -> int:
        """Division at which it ends."""
        return self.onset + self.length.divs * self.normal // self.actual


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the bar: its events in order of ``x``, its length in divisions, its cost."""

    placed: tuple[Placed, ...]
    length: int
    cost: float


def decode_bar(task: BarTask) -> list[Reading]:
    """The readings of a bar, cheapest first; at least one.

    Args:
        task: The bar; with no events the one reading is empty and as long as the meter (four quarters where unknown).
    """
    if not task.events:
        return [Reading((), task.meter or 4 * DIVS, 0.0)]
    search = _Search(task)
    states: list[_State] = [(0.0, -1, 0.0, (), (), False, None)]
    for index in range(len(task.events)):
        states = _pruned(search.expand(states, index), task.beam_width)
    readings: dict[tuple[Placed, ...], Reading] = {}
    for state in states:
        reading = search.closed(state)
        kept = readings.get(reading.placed)
        if kept is None or reading.cost < kept.cost:
            readings[reading.placed] = reading
    return sorted(readings.values(), key=lambda reading: reading.cost)


def _pruned(states: list[_State], width: int) -> list[_State]:
    """The best, few of those that agree in what can follow."""
    kept: dict[tuple[object, ...], int] = {}
    best: list[_State] = []
    for state in sorted(states, key=lambda state: state[0]):
        if len(best) >= width or (best and state[0] > best[0][0] + WORST_BEHIND):
            break
        key = (state[1], state[4], state[5], *sorted(voice[:8] for voice in state[3]))
        if kept.get(key, 0) < SAME_STATE:
            kept[key] = kept.get(key, 0) + 1
            best.append(state)
    return best


class _Best:
    """States as they are found, and the cost from which others need not be looked at."""

    def __init__(self, most: int) -> None:
        self.states: list[_State] = []
        self.limit = costs.NEVER
        self._most = most
        self._costs: list[float] = []  # of the best, negative, worst first

    def add(self, state: _State) -> None:
        """Keep a state."""
        self.states.append(state)
        if len(self._costs) < self._most:
            heapq.heappush(self._costs, -state[0])
        else:
            heapq.heappushpop(self._costs, -state[0])
        if len(self._costs) == self._most:
            self.limit = -self._costs[0]


class _Search:
    def __init__(self, task: BarTask) -> None:
        self.task = task
        self.last_of_beam: dict[int, int] = {}
        self.beam_staves: dict[int, int] = {}  # bits
        for index, event in enumerate(task.events):
            if event.beam_group >= 0:
                self.last_of_beam[event.beam_group] = index
                self.beam_staves[event.beam_group] = self.beam_staves.get(event.beam_group, 0) | 1 << event.staff
        most = LENGTHS_LOOSE if task.is_loose else LENGTHS_STRICT
        self.lengths = [
            tuple(length for length in event.lengths[:most] if length.cost <= event.lengths[0].cost + WORST_LENGTH)
            for event in task.events
        ]
        self.starting: dict[int, list[int]] = {}
        self.members = [frozenset(group.members) for group in task.tuplets]
        for number, group in enumerate(task.tuplets):
            self.starting.setdefault(group.members[0], []).append(number)
        self.staves_of_part = {part: [*task.part_of_staff].count(part) for part in task.part_of_staff}

    def expand(self, states: list[_State], index: int) -> list[_State]:
        """All that can follow, but for what is surely worse than ``KEPT_FOR_ONE`` times as many as are kept."""
        event, meter = self.task.events[index], self.task.meter
        best = _Best(KEPT_FOR_ONE * self.task.beam_width)
        for state in states:  # cheapest first
            cost, time, column_x, voices, running, over, trail = state
            if event.absent < costs.NEVER:
                best.add((cost + event.absent, time, column_x, voices, running, over, trail))
            for onset, extra, x, kept in self._onsets(event, time, column_x, voices):
                if cost + extra >= best.limit:
                    continue
                for lengths_cost, length, actual, normal, group, now_running in self._lengths(index, running):
                    end = onset + length.divs * normal // actual
                    now_over, price = over, cost + extra + lengths_cost
                    if meter is not None and end > meter and not over:
                        now_over = True
                        price += costs.ESCAPE
                    if price >= best.limit:
                        continue
                    for voice_cost, before, rest in self._voices(event, index, onset, kept, group):
                        if price + voice_cost >= best.limit:
                            continue
                        voice = self._continued(event, index, before, end, group)
                        step = (trail, index, onset, length, actual, normal, group, voice[8])
                        best.add((price + voice_cost, onset, x, (*rest, voice), now_running, now_over, step))
        return best.states

    def _continued(self, event: SeenEvent, index: int, before: _Voice | None, end: int, group: int) -> _Voice:
        """The voice after this event."""
        been = 1 << event.staff
        if before is None:
            return (end, event.staff, event.stem, event.beam_group, group, event.height, False, been | been << HOME, index)
        beam = event.beam_group
        if event.is_rest and before[3] >= 0 and self.last_of_beam[before[3]] > index:
            beam = before[3]  # a rest within a beam
        return (end, event.staff, event.stem or before[2], beam, group, event.height, False, been | before[7], before[8])

    def _onsets(
        self, event: SeenEvent, time: int, column_x: float, voices: tuple[_Voice, ...]
    ) -> Iterator[tuple[int, float, float, tuple[_Voice, ...]]]:
        """Times at which it may begin, with costs, the column's x and the voices as they are then."""
        if time < 0:
            yield 0, 0.0, event.x, voices
            return
        offset = event.x - column_x
        same = costs.same_column_cost(offset)
        if same < costs.NEVER:
            yield time, same, column_x, voices
        ends = sorted({voice[0] for voice in voices if voice[0] > time})
        apart = costs.next_column_cost(offset)
        for end in ends[:MAX_STEPS_AHEAD]:
            lapse, kept = self._advanced(voices, end)
            yield end, apart + lapse, event.x, kept
        if self.task.is_loose:
            for length in PHANTOM_LENGTHS:
                onset = time + length
                if onset not in ends and (self.task.meter is None or onset < self.task.meter):
                    lapse, kept = self._advanced(voices, onset)
                    yield onset, apart + lapse + costs.PHANTOM, event.x, kept

    def _advanced(self, voices: tuple[_Voice, ...], onset: int) -> tuple[float, tuple[_Voice, ...]]:
        """Cost of the voices that ended before and were not continued, and all voices with those marked."""
        cost = 0.0
        kept = voices
        for voice in voices:
            if voice[0] < onset and not voice[6]:
                cost += self._lapse(voice, voices)
                if kept is voices:
                    kept = tuple(
                        other if other[0] >= onset or other[6] else (*other[:6], True, other[7], other[8]) for other in voices
                    )
        return cost, kept

    def _lapse(self, voice: _Voice, voices: tuple[_Voice, ...]) -> float:
        part = self.task.part_of_staff[voice[1]]
        for other in voices:
            if other[0] > voice[0] and other[1] == voice[1]:
                return costs.LAPSE_BESIDE_ANOTHER
        if self.staves_of_part[part] > 1:
            return costs.LAPSE_OF_THE_LAST - 1.0
        return costs.LAPSE_OF_THE_LAST

    def _lengths(
        self, index: int, running: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[float, Length, int, int, int, tuple[tuple[int, int], ...]]]:
        """Readings of its length with their costs, ratio, tuplet, and the tuplets under way after it."""
        tuplets = self.task.tuplets
        for number, ratio in running:
            if index in self.members[number]:
                actual, normal, _ = tuplets[number].ratios[ratio]
                after = running if index != tuplets[number].members[-1] else tuple(item for item in running if item[0] != number)
                for length in self.lengths[index]:
                    yield length.cost, length, actual, normal, number, after
                return
        starting = self.starting.get(index, ())
        absent = sum(tuplets[number].absent for number in starting)
        lent = self._lent_ratios(index, running)
        for length in self.lengths[index]:
            yield length.cost + absent, length, 1, 1, -1, running
            for actual, normal in lent:
                yield length.cost + absent, length, actual, normal, -1, running
        for number in starting:
            if any(self.members[number] & self.members[other] for other, _ in running):
                continue
            for ratio, (actual, normal, cost) in enumerate(tuplets[number].ratios):
                after = (*running, (number, ratio))
                price = cost + absent - tuplets[number].absent
                for length in self.lengths[index]:
                    yield length.cost + price, length, actual, normal, number, after

    def _lent_ratios(self, index: int, running: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
        """Ratios of the tuplets of other voices of its staff within which an event begins."""
        event, tuplets = self.task.events[index], self.task.tuplets
        ratios = []
        for number, ratio in running:
            first = self.task.events[tuplets[number].members[0]]
            if first.staff == event.staff and event.x > first.x + costs.CLOSEST_COLUMNS:
                ratios.append(tuplets[number].ratios[ratio][:2])
        return ratios

    def _voices(
        self, event: SeenEvent, index: int, onset: int, voices: tuple[_Voice, ...], group: int
    ) -> Iterator[tuple[float, _Voice | None, tuple[_Voice, ...]]]:
        """Voices that it may continue, or None for a new one, with costs and the other voices."""
        part_of_staff = self.task.part_of_staff
        part, staff = part_of_staff[event.staff], event.staff
        on_staff = sounding = ready = 0
        for place, voice in enumerate(voices):
            if voice[1] == staff:
                on_staff += 1
                sounding += voice[0] > onset
                ready += voice[0] == onset
            if voice[0] > onset or part_of_staff[voice[1]] != part:
                continue
            if voice[0] < onset and not voice[6]:
                continue
            cost = self._change(voice, event, index, group, onset, voices)
            if voice[6]:
                cost += costs.RESUME
            yield cost, voice, voices[:place] + voices[place + 1 :]
        if onset == 0:
            cost = costs.new_voice_cost(on_staff)
        elif on_staff:
            cost = NEW_VOICE_LATER + costs.new_voice_cost(sounding) + READY_VOICE * (ready > 0)
            if event.stem == "up":  # where one voice becomes two, the upper one goes on
                cost += UPPER_NEW_VOICE
        else:
            cost = NEW_STAFF_LATER
        if event.beam_group >= 0 and any(voice[3] == event.beam_group for voice in voices):
            cost += costs.OTHER_BEAM
        if group >= 0 and any(voice[4] == group for voice in voices):
            cost += costs.OTHER_BEAM
        if len(voices) >= MAX_VOICES:
            cost += costs.OTHER_BEAM
        yield cost, None, voices

    def _change(self, voice: _Voice, event: SeenEvent, index: int, group: int, onset: int, voices: tuple[_Voice, ...]) -> float:
        """Of this event after that voice's last."""
        _, staff, stem, beam, tuplet, height, _, been, _ = voice
        same_beam = beam >= 0 and beam == event.beam_group
        cost = min(HEIGHT_COST * abs(height - event.height), MOST_HEIGHT_COST)
        if not same_beam:
            if beam >= 0 and self.last_of_beam[beam] > index and not event.is_rest:
                cost += costs.OTHER_BEAM
            if event.beam_group >= 0 and any(other[3] == event.beam_group for other in voices):
                cost += costs.OTHER_BEAM
            if been >> event.staff + HOME & 1:
                cost += 0.0 if staff == event.staff else costs.OTHER_STAFF_AGAIN
            elif staff == event.staff:
                cost += costs.OTHER_STAFF_AGAIN
            else:
                if been >> event.staff & 1:
                    cost += costs.OTHER_STAFF_AGAIN
                elif self.beam_staves.get(event.beam_group, 0) >> staff & 1:
                    cost += costs.OTHER_STAFF_OF_BEAM
                else:
                    cost += costs.OTHER_STAFF
        if tuplet != group:
            if tuplet >= 0 and self.task.tuplets[tuplet].members[-1] > index:
                cost += costs.OTHER_BEAM
            if group >= 0 and any(other[4] == group for other in voices):
                cost += costs.OTHER_BEAM
        if same_beam:
            return cost
        began_before = event.x - costs.DISPLACED_HEAD  # a voice that opens in this column does not bind the stems before
        beside = any(
            other[1] == event.staff and other[0] > onset and self.task.events[other[8]].x < began_before for other in voices
        )
        if event.is_rest:
            if beside and ((stem == "up" and event.low < 3) or (stem == "down" and event.low > 5)):
                cost += costs.REST_ON_THE_WRONG_SIDE
        elif stem and event.stem and stem != event.stem:
            cost += costs.OTHER_STEM_BESIDE_ANOTHER if beside else costs.OTHER_STEM_ALONE
        return cost

    def closed(self, state: _State) -> Reading:
        """The reading at the end of the bar."""
        cost, _, _, voices, _, over, trail = state
        if not voices:
            return Reading((), self.task.meter or 4 * DIVS, cost)
        length = max(voice[0] for voice in voices)
        cost += self._advanced(voices, length)[0]
        if self.task.meter is not None and length != self.task.meter and not over:
            cost += self.task.escape
        placed = []
        while trail is not None:
            trail, index, onset, chosen, actual, normal, group, voice = trail
            placed.append(Placed(index, onset, chosen, actual, normal, group, voice))
        return Reading(tuple(reversed(placed)), length, cost)
