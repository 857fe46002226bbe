"""Heads that two voices share: one head with two stems is one sign on the page and two notes in the music.

Readers that see one sign give its stem both directions alike. Where a reader sees one direction, a stem that points another way
than the chord at whose head it begins belongs to a second chord of that head; its length is not seen but for what its beam says,
so that bar arithmetic has to tell it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from omr.assembly.chords import DOWN, SHARED, Length, SeenEvent, is_shared, likely_lengths
from omr.assembly.costs import DISPLACED_HEAD, NEVER
from omr.assembly.lengths import TYPE_DIVS, dotted
from omr.assembly.rows import Sign
from omr.signs import BEAMS, DURATIONS

__all__ = ["shared_heads"]

BELIEVED = 0.5
SURE_STEM = 0.75
UNBEAMED = BEAMS.index("")
FLAGGED = frozenset(DURATIONS[DURATIONS.index("eighth") :])
BESIDE = (0.2, 1.0)  # staff spaces between the middle of a head and its stem
AT_END = 0.8  # staff spaces between the height of a head and the end of its stem
BEAM_REACH = 14.0
# Type, dots, nats: of a filled head, and of a half note's.
FILLED = (("eighth", 0, 1.0), ("quarter", 0, 1.0), ("16th", 0, 1.5), ("quarter", 1, 2.0), ("eighth", 1, 2.5))
OPEN = (("half", 0, 0.3), ("half", 1, 1.5))
OF_BEAM = 0.3
UNLIKE_THE_BEAM = 1.5  # nats for a length that no other chord of the beam has


def shared_heads(events: Sequence[SeenEvent], signs: Iterable[Sign]) -> list[SeenEvent]:
    """Chords that are heard beside those seen, because a head has a second stem.

    Args:
        events: Of the system, with their beams numbered; a chord of the other direction in a shared head's column gets it too.
        signs: Of the system.
    """
    return [*_of_both_directions(events), *_of_second_stems(events, signs)]


def _of_both_directions(events: Sequence[SeenEvent]) -> list[SeenEvent]:
    """From heads whose stem points up and down alike."""
    found = []
    for event in events:
        shared = [row for row in event.rows if is_shared(row)]
        if event.is_rest or event.grace or not shared:
            continue
        own = [row for row in event.rows if row not in shared]
        event.stem = "down" if own and max(own[0].stem) == own[0].stem[DOWN] else "up"
        is_beamed_once = event.beam != "" and shared[0].beam[UNBEAMED] >= SHARED
        if is_beamed_once and not own:
            event.stem = _stem_of_beam(event, events)
        other = "down" if event.stem == "up" else "up"
        column = [
            chord
            for chord in events
            if chord.stem == other
            and chord.staff == event.staff
            and not chord.is_rest
            and not chord.grace
            and chord is not event
            and abs(chord.x - event.x) < DISPLACED_HEAD
        ]
        if column:
            rows = sorted({row.row: row for row in (*column[0].rows, *shared)}.values(), key=lambda row: row.place)
            column[0].rows, column[0].shapes = tuple(rows), ("",) * len(rows)
            continue
        if is_beamed_once:
            second = _without_the_beam(event, shared[0], other, events)
        else:
            second = _second(event, shared[0], other, events)
            if second.beam == "":
                second.lengths = event.lengths
        second.rows, second.shapes = _without_slurs(shared) if is_beamed_once else tuple(shared), ("",) * len(shared)
        found.append(second)
    return found


def _stem_of_beam(event: SeenEvent, events: Sequence[SeenEvent]) -> str:
    """The direction of most stems under an event's beam, of those whose head is not shared where there are any; "up" without."""
    others = [other for other in events if other.beam_group == event.beam_group and other is not event and not other.grace]
    sure = [other for other in others if max(other.rows[0].stem) >= SURE_STEM] or others
    down = sum(other.stem == "down" for other in sure)
    return "down" if 2 * down > len(sure) else "up"


def _without_the_beam(event: SeenEvent, row: Sign, direction: str, events: Sequence[SeenEvent]) -> SeenEvent:
    """The chord of a head's other voice, where one voice has a beam and the other has none; each keeps the lengths that fit it."""
    usual = [other.lengths[0].type for other in events if other.beam_group == event.beam_group and other is not event]
    beamed = tuple(
        sorted(
            (length for length in event.lengths if length.type in FLAGGED),
            key=lambda length: length.cost + UNLIKE_THE_BEAM * (length.type not in usual),
        )
    )
    plain = tuple(length for length in likely_lengths(row) if length.type not in FLAGGED)
    if beamed:
        event.lengths = beamed
    if not plain:  # the other voice has flags of its own
        plain = tuple(length for length in likely_lengths(row) if length != event.lengths[0]) or event.lengths
    return SeenEvent(row.x, row.staff, (row,), False, plain, NEVER, direction, shapes=("",))


def _without_slurs(rows: Sequence[Sign]) -> tuple[Sign, ...]:
    """Heads of a voice without a beam: slurs are those of the other voice's figures."""
    return tuple(replace(row, slur_start=0.0, slur_stop=0.0) for row in rows)


def _of_second_stems(events: Sequence[SeenEvent], signs: Iterable[Sign]) -> list[SeenEvent]:
    """From stems that point another way than the chord at whose head they begin."""
    stems = [sign for sign in signs if sign.kind == "stem" and sign.probability >= BELIEVED]
    found = []
    for event in events:
        if event.is_rest or event.grace or event.stem == "" or max(event.rows[0].stem) < SURE_STEM:
            continue
        other = "down" if event.stem == "up" else "up"
        near = [stem for stem in stems if abs(stem.x - event.x) < BESIDE[1] + 1.0 and stem.staff == event.staff]
        own = {row.chord for row in event.rows} - {-1}
        if not any(_begins_at(stem, row, event.stem) for stem in near for row in event.rows):
            continue
        for row in event.rows:
            if any(_begins_at(stem, row, other) and stem.chord not in own for stem in near) and not _is_met(row, other, events):
                found.append(_second(event, row, other, events))
                break
    return found


def _begins_at(stem: Sign, head: Sign, direction: str) -> bool:
    side = stem.x - head.x if direction == "up" else head.x - stem.x
    end = stem.y + stem.height / 2 if direction == "up" else stem.y - stem.height / 2
    return BESIDE[0] < side < BESIDE[1] and abs(end - head.y) < AT_END


def _is_met(row: Sign, direction: str, events: Sequence[SeenEvent]) -> bool:
    """Whether a chord of that direction has a head on the same place already."""
    return any(
        event.stem == direction and any(abs(other.x - row.x) < AT_END and other.place == row.place for other in event.rows)
        for event in events
        if abs(event.x - row.x) < 2.0 and event.staff == row.staff
    )


def _second(event: SeenEvent, row: Sign, direction: str, events: Sequence[SeenEvent]) -> SeenEvent:
    lengths = [
        Length(name, dots, dotted(TYPE_DIVS[name], dots), cost)
        for name, dots, cost in (OPEN if row.kind == "head_half" else FILLED)
    ]
    second = SeenEvent(row.x, row.staff, (row,), False, (), NEVER, direction, shapes=("",))
    groups: dict[int, list[SeenEvent]] = {}
    for other in events:
        if other.beam_group >= 0 and other.staff == row.staff and other.stem == direction:
            groups.setdefault(other.beam_group, []).append(other)
    for number, members in groups.items():
        first, last = members[0], members[-1]
        if first.beam != "begin" and 0.0 < first.x - row.x < BEAM_REACH:
            neighbour, second.beam = first, "begin"
        elif last.beam != "end" and 0.0 < row.x - last.x < BEAM_REACH:
            neighbour, second.beam = last, "end"
        else:
            continue
        second.beam_group = number
        own = neighbour.lengths[0]
        lengths = [Length(own.type, 0, TYPE_DIVS[own.type], OF_BEAM), *(length for length in lengths if length.type != own.type)]
        break
    second.lengths = tuple(lengths)
    return second
