"""A reading of a bar as voices of written events, in the canonical order of ``compose.notation``.

Voices are numbered from 1 within the bar of a part in the order of the staff of their first event, then of its onset, then of
the height of their first chord (highest first, voices of rests last). A chord stands on the staff of most of its heads. Beams
beyond the first follow from the lengths under one beam; a single shorter note has a hook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from compose.notation.written import Event, Head, Voice
from omr.assembly.attaching import Attached
from omr.assembly.chords import SeenEvent
from omr.assembly.decoding import Placed, Reading
from omr.assembly.lengths import divs_to_quarters
from omr.assembly.parts import Layout
from omr.assembly.tuplets import TupletGroup

__all__ = ["BarMusic", "write_voices"]

LEVELS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5}
TRUE = 0.5  # probability from which a tie or slur is taken
GRACE_REACH = 12.0  # staff spaces between a grace chord and what it leads to


@dataclass(frozen=True, slots=True)
class BarMusic:
    """What is to be written of a bar, beside its reading.

    Args:
        events: What the reading's indices count.
        graces: Grace chords in order of ``x``.
        bar_rests: Rests that fill the bar.
        tuplets: As they were given to the search.
        tremolos: Those of them that are tremolos between two chords, with their strokes.
        layout: Of the system.
        attached: Of the system.
        bottom: Diatonic place of the bottom line of a staff at an ``x``.
    """

    events: Sequence[SeenEvent]
    graces: Sequence[SeenEvent]
    bar_rests: Sequence[SeenEvent]
    tuplets: Sequence[TupletGroup]
    tremolos: Mapping[TupletGroup, int]
    layout: Layout
    attached: Attached
    bottom: Callable[[int, float], int]


def write_voices(music: BarMusic, reading: Reading, length: Fraction) -> dict[int, tuple[Voice, ...]]:
    """The voices of each part that has any.

    Args:
        music: The bar.
        reading: Of ``music.events``.
        length: Quarters of the bar.
    """
    voices: dict[tuple[int, int], list[tuple[Placed, Event]]] = {}
    for placed in reading.placed:
        seen = music.events[placed.event]
        part = music.layout.part_of_staff[seen.staff]
        voices.setdefault((part, placed.voice), []).append((placed, _event(music, seen, placed)))
    written: dict[int, list[list[Event]]] = {}
    graces = _graces(music, reading)
    for (part, _), placed_events in voices.items():
        placed_events.sort(key=lambda item: item[0].onset)
        events = _with_tuplets(music, placed_events)
        events = _with_graces(music, [placed for placed, _ in placed_events], events, graces)
        written.setdefault(part, []).append(events)
    for rest in music.bar_rests:
        part = music.layout.part_of_staff[rest.staff]
        written.setdefault(part, []).append([_bar_rest(music, rest, length)])
    return {part: _numbered(found, length) for part, found in written.items()}


def _numbered(streams: list[list[Event]], length: Fraction) -> tuple[Voice, ...]:
    def rank(events: list[Event]) -> tuple[int, Fraction, int, bool]:
        first = next((event for event in events if event.heads), None)
        top = -1000 if first is None else first.heads[-1].place
        return events[0].staff, events[0].onset, -top, first is not None and first.stem == "down"

    finished = (_with_bar_rest(_with_beams(events), length) for events in sorted(streams, key=rank))
    return tuple(Voice(number, tuple(events)) for number, events in enumerate(finished, 1))


def _with_bar_rest(events: list[Event], length: Fraction) -> list[Event]:
    """A lone whole rest as long as the bar is the rest of the bar, which looks the same."""
    only = events[0]
    if len(events) == 1 and not only.heads and only.type == "whole" and only.onset == 0 and only.duration == length:
        return [replace(only, type="", dots=0)]
    return events


def _bar_rest(music: BarMusic, rest: SeenEvent, length: Fraction) -> Event:
    marks = tuple(sorted(music.attached.marks.get(rest.number, ())))
    return Event(Fraction(0), length, staff=music.layout.staff_in_part[rest.staff], marks=marks, source=rest.rows[0].row)


def _heads(music: BarMusic, seen: SeenEvent) -> tuple[Head, ...]:
    heads = []
    for row, shape in zip(seen.rows, seen.shapes, strict=True):
        place = music.bottom(row.staff, row.x) + round(row.place) + music.attached.shifts.get(row.row, 0)
        accidental = music.attached.accidentals.get(row.row, "")
        heads.append(Head(place, accidental, row.tie_start >= TRUE, row.tie_stop >= TRUE, shape, row.row))
    return tuple(sorted(heads, key=lambda head: (head.place, head.accidental)))


def _event(music: BarMusic, seen: SeenEvent, placed: Placed) -> Event:
    length = placed.length
    event = Event(
        divs_to_quarters(placed.onset),
        divs_to_quarters(placed.end - placed.onset),
        type=length.type,
        dots=length.dots,
        actual=placed.actual,
        normal=placed.normal,
        staff=music.layout.staff_in_part[seen.staff],
        marks=tuple(sorted(music.attached.marks.get(seen.number, ()))),
    )
    return replace(event, source=seen.rows[0].row) if seen.is_rest else _as_chord(music, seen, event)


def _as_chord(music: BarMusic, seen: SeenEvent, event: Event) -> Event:
    beams = (seen.beam, str(seen.beam_group)) if seen.beam else ()  # finished by _with_beams
    return replace(
        event,
        heads=_heads(music, seen),
        stem=seen.stem,
        beams=beams,
        slur_starts=_slurs([row.slur_start for row in seen.rows], music.attached.slur_starts.get(seen.number, 0)),
        slur_stops=_slurs([row.slur_stop for row in seen.rows], music.attached.slur_stops.get(seen.number, 0)),
    )


def _slurs(chances: list[float], drawn: int) -> int:
    """Slurs at an end: as many as are drawn there, if the chord says that there are any."""
    return max(drawn, 1) if max(chances) >= TRUE else 0


def _with_tuplets(music: BarMusic, placed_events: list[tuple[Placed, Event]]) -> list[Event]:
    """The events with starts and stops of the tuplets that are printed."""
    events = [event for _, event in placed_events]
    ends: dict[int, list[int]] = {}
    for index, (placed, _) in enumerate(placed_events):
        if placed.group >= 0 and music.tuplets[placed.group].printed:
            ends.setdefault(placed.group, []).append(index)
    for members in ends.values():
        events[members[0]] = replace(events[members[0]], tuplet_starts=True)
        events[members[-1]] = replace(events[members[-1]], tuplet_stops=True)
    for group, strokes in music.tremolos.items():
        members = [
            index for index, (placed, _) in enumerate(placed_events) if placed.group >= 0 and music.tuplets[placed.group] is group
        ]
        for index, end in zip(members, ("start", "stop"), strict=False):
            marks = {*events[index].marks, f"tremolo-{strokes}-{end}"}
            events[index] = replace(events[index], marks=tuple(sorted(marks)))
    return events


def _graces(music: BarMusic, reading: Reading) -> dict[int, list[SeenEvent]]:
    """Grace chords by the index of the chord that they lead to; those of one beam lead to one chord."""
    result: dict[int, list[SeenEvent]] = {}
    chords = [placed.event for placed in reading.placed if not music.events[placed.event].is_rest]
    groups: dict[int, list[SeenEvent]] = {}
    for grace in music.graces:
        groups.setdefault(grace.beam_group if grace.beam_group >= 0 else -2 - grace.number, []).append(grace)
    for graces in groups.values():
        last = graces[-1]
        after = [index for index in chords if 0.0 < music.events[index].x - last.x < GRACE_REACH]
        same = [index for index in after if music.events[index].staff == last.staff]
        if same:
            first = min(music.events[index].x for index in same)
            column = [index for index in same if music.events[index].x - first < 1.0]
            target = min(column, key=lambda index: _distance(music.events[index], last))
            result.setdefault(target, []).extend(graces)
    return {target: sorted(graces, key=lambda grace: grace.x) for target, graces in result.items()}


def _distance(chord: SeenEvent, grace: SeenEvent) -> float:
    return min(abs(row.place - other.place) for row in chord.rows for other in grace.rows)


def _with_graces(music: BarMusic, placed: list[Placed], events: list[Event], graces: dict[int, list[SeenEvent]]) -> list[Event]:
    result = []
    for item, event in zip(placed, events, strict=True):
        for grace in graces.get(item.event, ()):
            length = grace.lengths[0]
            staff = music.layout.staff_in_part[grace.staff]
            marks = tuple(sorted(music.attached.marks.get(grace.number, ())))
            chord = Event(event.onset, Fraction(0), type=length.type, dots=length.dots, staff=staff, grace=grace.grace, marks=marks)
            result.append(_as_chord(music, grace, chord))
        result.append(event)
    return result


def _with_beams(events: list[Event]) -> list[Event]:
    """The beams of all levels, from the groups that ``_as_chord`` left in their place."""
    groups: dict[tuple[str, bool], list[int]] = {}
    for index, event in enumerate(events):
        if event.beams:
            groups.setdefault((event.beams[1], bool(event.grace)), []).append(index)
    result = [replace(event, beams=()) if event.beams else event for event in events]
    for members in groups.values():
        if len(members) < 2:
            continue
        levels = [LEVELS.get(events[index].type, 1) for index in members]
        for position, index in enumerate(members):
            leads = _leads(events[index])
            beams = tuple(_beam(levels, position, level, leads) for level in range(1, levels[position] + 1))
            result[index] = replace(result[index], beams=beams)
    return result


def _leads(event: Event) -> bool:
    """Whether a chord begins a pair with what follows it, as a short one before a dotted one does: by its place in the bar."""
    return (event.onset / (2 * event.duration)).denominator == 1 if event.duration else False


def _beam(levels: list[int], position: int, level: int, leads: bool) -> str:
    before = position > 0 and levels[position - 1] >= level
    after = position + 1 < len(levels) and levels[position + 1] >= level
    if before and after:
        return "continue"
    if before:
        return "end"
    if after:
        return "begin"
    return "forward hook" if position == 0 or (leads and position + 1 < len(levels)) else "backward hook"
