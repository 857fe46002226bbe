"""Heads to chords, and rests: the events of a system as they were seen, each with the lengths that it may have.

Heads of one chord stand on one stem: at the same ``x`` (but for seconds, which stand on both sides of it), on the same staff, with
the same direction of stem and the same length. Where the reader knows which heads share a stem (``chord`` numbers), that is taken.
Two rests on one place are two readings of one rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from omr.assembly.costs import LEAST_PROBABILITY, NEVER, chance_cost
from omr.assembly.lengths import REST_TYPES, TYPE_DIVS, dotted
from omr.assembly.rows import Sign
from omr.signs import BEAMS, DURATIONS, GRACES, HEADS, MAX_DOTS, RESTS, STEMS

__all__ = ["DOWN", "MIN_PROBABILITY", "SHARED", "Length", "SeenEvent", "is_shared", "likely_lengths", "seen_events"]

MIN_PROBABILITY = 0.15  # signs less probable are not looked at
SAME_STEM = 2.1  # staff spaces between the centres of any heads on both sides of a stem
TOUCHING = 1.25  # head widths between them, and some more
NARROWEST_HEAD = 1.1
SAME_SIDE = 0.45  # between those on one side
SURE_STEM = 0.75
SURE_BEAM = 0.9
SHARED = 0.3  # probability from which each of two things that a head says is what one of two voices says
UP, DOWN = STEMS.index("up"), STEMS.index("down")
_HEAD_TYPES = {"head_whole": "whole", "head_half": "half", "head_breve": "breve"}
_SHAPES = {"head_x": "x", "head_diamond": "diamond"}


@dataclass(frozen=True, slots=True)
class Length:
    """One reading of a length: type, dots, divisions, and its cost in nats."""

    type: str
    dots: int
    divs: int
    cost: float


@dataclass(slots=True)
class SeenEvent:
    """A chord, grace chord or rest.

    Args:
        x: Where it stands, staff spaces.
        staff: Staff of most of its heads, from 0 within the system.
        rows: Its heads from low to high, or the rest.
        is_rest: Whether it is a rest.
        lengths: Readings, cheapest first; none of a grace chord's count.
        absent: Nats if it is not there at all, against its being there.
        stem: "up", "down" or "" where none was seen.
        beam: Whether a beam begins, goes on or ends here, "" for none.
        grace: "", "grace" or "slashed".
        beam_group: Number of its beam within the system, -1 for none.
        shapes: MusicXML's name of the shape of each head.
        number: Its index within the system.
    """

    x: float
    staff: int
    rows: tuple[Sign, ...]
    is_rest: bool
    lengths: tuple[Length, ...]
    absent: float
    stem: str = ""
    beam: str = ""
    grace: str = ""
    beam_group: int = -1
    shapes: tuple[str, ...] = ()
    number: int = -1

    @property
    def low(self) -> float:
        """Place of its lowest head or of the rest."""
        return self.rows[0].place

    @property
    def height(self) -> float:
        """Half spaces above the first staff's middle line, of its lowest head or of the rest."""
        return -2.0 * self.rows[0].y

    @property
    def high(self) -> float:
        """Place of its highest head or of the rest."""
        return self.rows[-1].place


def seen_events(signs: Iterable[Sign]) -> list[SeenEvent]:
    """The events of a system in order of ``x``."""
    heads, rests = [], []
    for sign in signs:
        if sign.probability < MIN_PROBABILITY:
            continue
        if sign.kind in HEADS:
            heads.append(sign)
        elif sign.kind in RESTS:
            rests.append(sign)
    events = [_chord(chord) for chord in _chords(heads)]
    events += [_rest(rest) for rest in _same_places(rests)]
    return sorted(events, key=lambda event: (event.x, event.staff, event.low))


def _likeliest(names: tuple[str, ...], values: Iterable[tuple[float, ...]]) -> str:
    sums = [sum(column) for column in zip(*values, strict=True)]
    best = max(range(len(sums)), key=sums.__getitem__)
    return names[best] if sums[best] > 0 else ""


def _chords(heads: list[Sign]) -> list[list[Sign]]:
    known: dict[tuple[int, str], list[Sign]] = {}
    chords: list[list[Sign]] = []
    by_staff: dict[tuple[int, bool], list[list[Sign]]] = {}
    for head in heads:
        grace = _likeliest(GRACES, [head.grace])
        if head.chord >= 0:
            known.setdefault((head.chord, grace), []).append(head)
            continue
        open_chords = by_staff.setdefault((head.staff, bool(grace)), [])
        open_chords[:] = [chord for chord in open_chords if head.x - chord[0].x <= SAME_STEM]
        if any(abs(head.x - other.x) <= SAME_SIDE and abs(head.place - other.place) < 0.5 and _stems_agree(head, other)
               for chord in open_chords for other in chord):  # fmt: skip
            continue  # the same head again, as another kind
        fitting = [chord for chord in open_chords if _fits(head, chord)]
        if fitting:
            min(fitting, key=lambda chord: min(abs(head.place - other.place) for other in chord)).append(head)
        else:
            open_chords.append([head])
            chords.append(open_chords[-1])
    chords = _joined(chords)
    return [sorted(chord, key=lambda head: (head.place, head.x)) for chord in (*known.values(), *chords)]


def _joined(chords: list[list[Sign]]) -> list[list[Sign]]:
    """Chords with those made one that a second had parted: heads on both sides of the stem come before others on one of them."""
    joined: list[list[Sign]] = []
    for chord in chords:
        other = next((other for other in joined if _is_one_chord(chord, other)), None)
        if other is None:
            joined.append(chord)
        else:
            other += chord
    return joined


def _is_one_chord(one: list[Sign], other: list[Sign]) -> bool:
    alike = one[0].staff == other[0].staff and _likeliest(GRACES, [one[0].grace]) == _likeliest(GRACES, [other[0].grace])
    on_one_side = any(abs(head.x - there.x) <= SAME_SIDE for head in one for there in other)
    return alike and on_one_side and all(_agrees(head, other) for head in one)


def _stems_agree(head: Sign, other: Sign) -> bool:
    mine, theirs = max(head.stem), max(other.stem)
    if min(mine, theirs) < SURE_STEM:
        return True
    return head.stem.index(mine) == other.stem.index(theirs)


def _beams_agree(head: Sign, other: Sign) -> bool:
    """Whether one beam can do with both what it does with each: where it surely begins at one, it does not end at the other."""
    mine, theirs = max(head.beam), max(other.beam)
    if min(mine, theirs) < SURE_BEAM:
        return True
    return head.beam.index(mine) == other.beam.index(theirs)


def _agrees(head: Sign, chord: list[Sign]) -> bool:
    """Whether stem, beam and length of a head can be those of a chord."""
    same = all(_stems_agree(head, other) and _beams_agree(head, other) for other in chord)
    return same and math.isclose(_agreement(head, chord[0]), 1.0, abs_tol=0.9)


def _fits(head: Sign, chord: list[Sign]) -> bool:
    """Whether the head can be on the chord's stem."""
    if not _agrees(head, chord):
        return False
    offsets = [abs(head.x - other.x) for other in chord]
    if min(offsets) <= SAME_SIDE:
        return True
    return any(_is_second(head, other) for other in chord)


def _is_second(one: Sign, other: Sign) -> bool:
    """Whether two heads can stand on both sides of one stem: they touch it, and the higher one stands on its right."""
    low, high = sorted((one, other), key=lambda head: head.place)
    apart = high.x - low.x
    return high.place - low.place <= 1.3 and 0.0 < apart <= TOUCHING * max(low.width, high.width, NARROWEST_HEAD)


def _agreement(head: Sign, other: Sign) -> float:
    """How probable it is that both have one length and as many dots."""
    length = sum(mine * theirs for mine, theirs in zip(_durations(head), _durations(other), strict=True))
    return length * sum(mine * theirs for mine, theirs in zip(_dots(head), _dots(other), strict=True))


def _durations(sign: Sign) -> tuple[float, ...]:
    """Probabilities of the note types; those of its kind where the reader says nothing."""
    total = sum(sign.duration)
    if total > 0:
        return tuple(value / total for value in sign.duration)
    own = REST_TYPES.get(sign.kind) or _HEAD_TYPES.get(sign.kind, "quarter")
    return tuple(float(name == own) for name in DURATIONS)


def _dots(sign: Sign) -> tuple[float, ...]:
    total = sum(sign.dots)
    return tuple(value / total for value in sign.dots) if total > 0 else (1.0, *[0.0] * MAX_DOTS)


def _lengths(weighed: list[tuple[Sign, float]], combine: Callable[[list[float]], float]) -> tuple[Length, ...]:
    readings = []
    durations = [(_durations(sign), weight) for sign, weight in weighed]
    dots = [(_dots(sign), weight) for sign, weight in weighed]
    for index, name in enumerate(DURATIONS):
        chance = combine([values[index] * weight for values, weight in durations])
        if chance < LEAST_PROBABILITY:
            continue
        for count in range(MAX_DOTS + 1):
            both = chance * combine([values[count] for values, _ in dots])
            if both >= LEAST_PROBABILITY:
                readings.append(Length(name, count, dotted(TYPE_DIVS[name], count), chance_cost(both)))
    if not readings:  # no reading stands out: the likeliest alone
        name = _likeliest(DURATIONS, [values for values, _ in durations]) or "quarter"
        readings = [Length(name, 0, TYPE_DIVS[name], chance_cost(0.0))]
    return tuple(sorted(readings, key=lambda reading: reading.cost))


def likely_lengths(sign: Sign) -> tuple[Length, ...]:
    """Readings of the length of one head, cheapest first."""
    return _lengths([(sign, 1.0)], _mean_of_logs)


def _mean_of_logs(values: list[float]) -> float:
    return math.exp(sum(math.log(max(value, LEAST_PROBABILITY / 10)) for value in values) / len(values))


def _absent(probability: float) -> float:
    if 1.0 - probability < LEAST_PROBABILITY:
        return NEVER
    return math.log(probability / (1.0 - probability))


def _chord(heads: list[Sign]) -> SeenEvent:
    stems = [head.stem for head in heads]
    staves = [head.staff for head in heads]
    staff = min(set(staves), key=lambda number: (-staves.count(number), number))
    stem = _likeliest(STEMS, stems)
    xs = sorted(head.x for head in heads)
    believed = [head for head in heads if head.probability >= 0.5] or [max(heads, key=lambda head: head.probability)]
    best = max(head.probability for head in believed)
    return SeenEvent(
        x=xs[-1] if stem == "down" else xs[0],
        staff=staff,
        rows=tuple(believed),
        is_rest=False,
        lengths=_lengths([(head, 1.0) for head in believed], _mean_of_logs),
        absent=_absent(best),
        stem=stem,
        beam=_beam(heads),
        grace=_likeliest(GRACES, [head.grace for head in heads]),
        beam_group=max(head.beam_group for head in heads),
        shapes=tuple(_SHAPES.get(head.kind, "") for head in believed),
    )


def _beam(heads: list[Sign]) -> str:
    """Whether a beam begins, goes on or ends; of a head that one voice beams and another does not, what the beam does."""
    means = [sum(column) / len(heads) for column in zip(*(head.beam for head in heads), strict=True)]
    beamed = max(range(1, len(means)), key=means.__getitem__)
    least = SHARED if any(map(is_shared, heads)) else means[0]
    return BEAMS[beamed] if means[beamed] >= least and means[beamed] > 0 else ""


def is_shared(head: Sign) -> bool:
    """Whether a head has stems in both directions, and so belongs to two voices."""
    return min(head.stem[UP], head.stem[DOWN]) >= SHARED


def _same_places(rests: list[Sign]) -> list[list[Sign]]:
    groups: list[list[Sign]] = []
    for rest in rests:
        for group in groups:
            other = group[0]
            if other.staff == rest.staff and abs(other.x - rest.x) < 0.8 and abs(other.place - rest.place) < 1.6:
                group.append(rest)
                break
        else:
            groups.append([rest])
    return groups


def _rest(group: list[Sign]) -> SeenEvent:
    group = sorted(group, key=lambda rest: -rest.probability)
    total = sum(rest.probability for rest in group)
    lengths = _lengths([(rest, rest.probability / total) for rest in group], sum)
    return SeenEvent(group[0].x, group[0].staff, (group[0],), True, lengths, _absent(min(total, 1.0)))
