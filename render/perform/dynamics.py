"""Dynamic marks and hairpins as a level for every place: ``dynamics`` and ``hairpins``.

A mark holds until the next one. It stands for all staves of its part, unless another staff has one of its own at the same place.
A hairpin, or a *cresc.* or *dim.*, is a ramp in dB: to the level of the mark at its end, when that lies in its direction, else by
one step (``STEP_DB``, about p to mp), or more where it is long. The words reach to their dashes' end, else to the next mark or
ramp, at most ``MAX_WORD_BARS``. A hairpin that leads to no mark is a swell: when none follows it, the level comes back to the
last mark within a bar; after words it stays, and words of one direction that follow each other without a mark start again from
the last mark once they have gone ``MAX_DRIFT_DB`` away from it. sf and the like are accents of their notes; fp and sfp fall back
within a quarter note.

A part without any dynamics takes those of the part that has most (a singer follows the piano).

All of this is worked out in the time of the written score and looked up through the bars in playing order: after a leap back the
level is the one that stands there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.marks import Direction, Marks
from corpora.piece import Piece
from render.perform.draft import Draft, LevelCurve
from render.perform.levels import BASE_LEVEL_DB, MARK_LEVEL_DB
from render.perform.words import parse_words

__all__ = ["KNOWN_MARKS", "LaneLevels", "apply_dynamics", "apply_hairpins", "read_levels"]

Array = NDArray[np.float64]

STEP_DB = 5.0
LONG_STEP_DB = 8.0  # of ramps over two bars and more
MAX_DRIFT_DB = 10.0
QUIETEST_DB, LOUDEST_DB = -34.0, -0.2
ATTACK_DB = 8.0  # of fp above what follows, at most
MAX_WORD_BARS = 8
OPEN_HAIRPIN_BARS = 2  # reach of one that never ends
SF_DB = {"sf": 5.0, "sfz": 5.0, "fz": 5.0, "rf": 4.0, "rfz": 4.0, "sff": 7.0, "sffz": 7.0, "sfff": 8.0, "sfp": 5.0, "sfpp": 5.0}
ATTACK_THEN = {
    "fp": ("f", "p"),
    "ffp": ("ff", "p"),
    "pf": ("p", "f"),
    "sfp": ("", "p"),
    "sfpp": ("", "pp"),
    "mfp": ("mf", "p"),
    "fpp": ("f", "pp"),
}
KNOWN_MARKS = frozenset({*MARK_LEVEL_DB, *SF_DB, *ATTACK_THEN})


class _Step(NamedTuple):
    place: int
    mark: str
    staff: int


class _Ramp(NamedTuple):
    start: int
    stop: int
    sign: int
    amount: float
    is_words: bool
    staff: int


@dataclass
class LaneLevels:
    """The level of one lane over the written score: piecewise linear, with jumps.

    ``starts`` and ``stops`` (divs), ``before`` and ``after`` (dB at either end) have one entry a piece; pieces follow each other.
    """

    starts: list[float] = field(default_factory=lambda: [0.0])
    stops: list[float] = field(default_factory=lambda: [0.0])
    before: list[float] = field(default_factory=lambda: [BASE_LEVEL_DB])
    after: list[float] = field(default_factory=lambda: [BASE_LEVEL_DB])

    def add(self, start: int, stop: int, before: float, after: float) -> None:
        """From ``start`` on, a ramp up to ``stop``, then ``after``; what began at ``start`` or later is overruled."""
        while len(self.starts) > 1 and self.starts[-1] >= start:
            for column in (self.starts, self.stops, self.before, self.after):
                column.pop()
        self.starts.append(float(start))
        self.stops.append(float(max(stop, start)))
        self.before.append(before)
        self.after.append(after)

    def at(self, places: Array) -> Array:
        """Level in dB at each written place; at a jump the new level."""
        starts, stops = np.array(self.starts), np.array(self.stops)
        before, after = np.array(self.before), np.array(self.after)
        piece = np.clip(np.searchsorted(starts, places, side="right") - 1, 0, None)
        length = np.maximum(stops - starts, 1e-9)[piece]
        share = np.clip((places - starts[piece]) / length, 0.0, 1.0)
        share = np.where(stops[piece] > starts[piece], share, 1.0)
        return np.asarray(before[piece] + share * (after - before)[piece])


@dataclass
class Levels:
    """Levels of all lanes from the marks alone (``steps``) and with ramps (``full``), accents, and what was not understood.

    ``accents`` has, for each lane, written places and dB; ``borrowed`` the parts that follow another one.
    """

    steps: list[LaneLevels]
    full: list[LaneLevels]
    accents: list[dict[int, float]]
    not_understood: Counter[str]


def read_levels(piece: Piece, marks: Marks) -> Levels:
    """The levels that a score's marks ask for; ``piece`` is the written one."""
    unknown: Counter[str] = Counter()
    levels = Levels([], [], [], unknown)
    by_part: list[tuple[list[_Step], list[_Ramp]]] = []
    for part in range(len(marks.document.parts)):
        directions = [direction for direction in marks.directions if direction.part == part]
        by_part.append((_steps(directions, marks, part, piece), _ramps(directions, piece, unknown)))
    richest = max(range(len(by_part)), key=lambda part: len(by_part[part][0]))
    for part, walked in enumerate(marks.document.parts):
        has_own = bool(by_part[part][0] or by_part[part][1])
        steps, ramps = by_part[part] if has_own else by_part[richest]
        for staff in range(1, walked.num_staves + 1):
            own_steps = _of_staff(steps, staff if has_own else 1)
            own_ramps = _ramps_of_staff(ramps, staff if has_own else 1)
            levels.steps.append(_curve(own_steps, [], piece))
            levels.full.append(_curve(own_steps, own_ramps, piece))
            levels.accents.append({step.place: SF_DB[step.mark] for step in own_steps if step.mark in SF_DB} if has_own else {})
    return levels


def _steps(directions: list[Direction], marks: Marks, part: int, piece: Piece) -> list[_Step]:
    steps = [_Step(d.onset, d.text, d.staff) for d in directions if d.kind == "dynamics" and d.text in KNOWN_MARKS]
    for direction in directions:
        if direction.kind != "words":
            continue
        if direction.text in KNOWN_MARKS:
            steps.append(_Step(direction.onset, direction.text, direction.staff))
        steps += [_Step(direction.onset, m.mark, direction.staff) for m in parse_words(direction.text) if m.kind == "dynamics"]
    onset_of = dict(zip(piece.notes["id"].tolist(), piece.notes["onset_div"].tolist(), strict=True))
    for identity, note in marks.notes.items():
        if note.part == part and note.dynamics in KNOWN_MARKS:
            steps.append(_Step(onset_of[identity], note.dynamics, note.staff))
    return sorted(steps, key=lambda step: step.place)


def _ramps(directions: list[Direction], piece: Piece, unknown: Counter[str]) -> list[_Ramp]:
    """Hairpins and words with where they stop; words without dashes stop at the end of their longest reach."""
    ramps: list[_Ramp] = []
    open_ones: dict[str, Direction] = {}

    def close(start: Direction, stop: int) -> None:
        if stop > start.onset:
            ramps.append(_Ramp(start.onset, stop, 1 if start.text == "crescendo" else -1, 1.0, False, start.staff))

    for direction in directions:
        if direction.kind == "wedge" and direction.text in ("crescendo", "diminuendo"):
            if direction.number in open_ones:  # never closed: it ends where the next one begins
                unknown["hairpin without end"] += 1
                close(open_ones[direction.number], direction.onset)
            open_ones[direction.number] = direction
        elif direction.kind == "wedge" and direction.text == "stop":
            if direction.number in open_ones:
                close(open_ones.pop(direction.number), direction.onset)
            else:
                unknown["hairpin end without start"] += 1
    for start in open_ones.values():
        unknown["hairpin without end"] += 1
        close(start, _bars_later(piece, start.onset, OPEN_HAIRPIN_BARS))
    dashes = [direction for direction in directions if direction.kind == "dashes"]
    for direction in directions:
        if direction.kind != "words":
            continue
        for meaning in parse_words(direction.text):
            if meaning.kind not in ("louder", "softer"):
                continue
            stop = _bars_later(piece, direction.onset, MAX_WORD_BARS)
            if any(dash.text == "start" and dash.onset == direction.onset for dash in dashes):
                stop = min([stop, *(dash.onset for dash in dashes if dash.text == "stop" and dash.onset > direction.onset)])
            ramps.append(_Ramp(direction.onset, stop, 1 if meaning.kind == "louder" else -1, meaning.amount, True, direction.staff))
    return sorted(ramps)


def _bars_later(piece: Piece, place: int, bars: int) -> int:
    last = min(piece.measure_at(place) + bars, len(piece.measures) - 1)
    return int(piece.measures["end_div"][last])


def _of_staff(steps: list[_Step], staff: int) -> list[_Step]:
    """The marks that count for a staff: its own, and those of others where it has none at that place."""
    own = {step.place for step in steps if step.staff == staff}
    return [step for step in steps if step.staff in (0, staff) or step.place not in own]


def _ramps_of_staff(ramps: list[_Ramp], staff: int) -> list[_Ramp]:
    own = [ramp for ramp in ramps if ramp.staff == staff]
    return [
        ramp
        for ramp in ramps
        if ramp.staff in (0, staff) or not any(other.start < ramp.stop and ramp.start < other.stop for other in own)
    ]


def _curve(steps: list[_Step], ramps: list[_Ramp], piece: Piece) -> LaneLevels:
    curve = LaneLevels()
    quarter = piece.divs_per_quarter
    now = anchor = BASE_LEVEL_DB
    events: list[tuple[int, int, _Step | _Ramp]] = sorted(
        [(step.place, 0, step) for step in steps] + [(ramp.start, 1, ramp) for ramp in ramps], key=lambda event: event[:2]
    )
    swelled_until: int | None = None  # end of a hairpin that led to no mark
    for index, (place, _, event) in enumerate(events):
        if swelled_until is not None:
            if isinstance(event, _Step) or place > swelled_until + quarter:
                now = _relax(curve, swelled_until, place, now, anchor, piece)
            swelled_until = None
        if isinstance(event, _Step):
            level = MARK_LEVEL_DB.get(event.mark)
            if event.mark in ATTACK_THEN:
                attack, level = _attack(event.mark, now)
                curve.add(place, place + quarter, attack, level)
            elif level is not None:
                curve.add(place, place, level, level)
            if level is not None:
                now = anchor = level
            continue
        stop, target = _aim(event, events[index + 1 :], now, quarter)
        if stop <= place:
            continue
        is_open = target is None
        if target is None:
            is_long = stop - place >= 2 * _bar_length(piece, place)
            step_db = event.sign * event.amount * (LONG_STEP_DB if is_long else STEP_DB)
            if abs(now + step_db - anchor) > MAX_DRIFT_DB and (now - anchor) * event.sign > 0:
                now = anchor
            target = now + step_db
        target = min(max(target, QUIETEST_DB), LOUDEST_DB)
        swelled_until = stop if is_open and not event.is_words else None
        curve.add(place, stop, now, target)
        now = target
    if swelled_until is not None:
        _relax(curve, swelled_until, piece.end_div, now, anchor, piece)
    return curve


def _relax(curve: LaneLevels, start: int, stop: int, now: float, anchor: float, piece: Piece) -> float:
    """Back to the last mark within a bar, up to ``stop``."""
    back = min(start + _bar_length(piece, start), stop)
    if back > start:
        curve.add(start, back, now, anchor)
    return anchor


def _attack(mark: str, now: float) -> tuple[float, float]:
    """Levels of fp and the like: at first, and after that."""
    first, second = ATTACK_THEN[mark]
    level = MARK_LEVEL_DB[second]
    return min(MARK_LEVEL_DB[first] if first else now, level + ATTACK_DB), level


def _bar_length(piece: Piece, place: int) -> int:
    row = piece.measures[piece.measure_at(place)]
    return int(row["end_div"] - row["start_div"])


def _aim(ramp: _Ramp, later: Iterable[tuple[int, int, _Step | _Ramp]], now: float, quarter: int) -> tuple[int, float | None]:
    """Where a ramp really stops, and the level that a mark there asks for, None where no mark says so."""
    for place, _, event in later:
        if place > ramp.stop + quarter:
            break
        if isinstance(event, _Ramp):
            if place > ramp.start and (ramp.is_words or not event.is_words):
                return min(place, ramp.stop), None
            continue
        level = _attack(event.mark, now)[0] if event.mark in ATTACK_THEN else MARK_LEVEL_DB.get(event.mark)
        if level is None or place <= ramp.start:
            continue
        if (level - now) * ramp.sign > 0:
            return place, level
        return min(place, ramp.stop), None  # a crescendo to a sudden piano
    return ramp.stop, None


def _add(draft: Draft, strength: float, curve: LevelCurve) -> None:
    """Adds a curve to all notes and to what is sent as expression."""

    def scaled(lane: int, places: Array) -> Array:
        return strength * curve(lane, places)

    lanes = draft.notes["part"]
    for lane in range(len(draft.piece.parts)):
        rows = np.flatnonzero(lanes == lane)
        draft.level_db[rows] += scaled(lane, draft.notes["onset_div"][rows].astype(np.float64))
    draft.curves.append(scaled)


def apply_dynamics(draft: Draft, strength: float) -> None:
    """Marks as levels, sf as accents."""
    if draft.marks is None:
        return
    levels = read_levels(draft.score.written, draft.marks)
    _add(draft, strength, lambda lane, places: levels.steps[lane].at(draft.score.to_written(places)) - BASE_LEVEL_DB)
    onsets = draft.written_notes["onset_div"].tolist()
    for row, (lane, onset) in enumerate(zip(draft.notes["part"].tolist(), onsets, strict=True)):
        draft.level_db[row] += strength * levels.accents[lane].get(onset, 0.0)


def apply_hairpins(draft: Draft, strength: float) -> None:
    """Hairpins, cresc. and dim. as ramps between the marks."""
    if draft.marks is None:
        return
    levels = read_levels(draft.score.written, draft.marks)
    draft.not_understood.update(levels.not_understood)

    def ramps(lane: int, places: Array) -> Array:
        written = draft.score.to_written(places)
        return levels.full[lane].at(written) - levels.steps[lane].at(written)

    _add(draft, strength, ramps)
