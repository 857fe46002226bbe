"""Signs that belong to one chord or rest: accidentals, articulations and ornaments, ties and slurs, octave lines.

An accidental stands left of its head at the same height. A mark stands above, below or at its chord. Ties and slurs are what the
heads say of them. Under an octave line heads sound an octave away from where they stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from omr.assembly.chords import SeenEvent
from omr.assembly.rows import Sign
from omr.assembly.tremolos import between_chords
from omr.signs import ACCIDENTALS, MARKS

__all__ = ["Attached", "attach"]

BELIEVED = 0.5
ACCIDENTAL_REACH = 7.0  # staff spaces between an accidental and its head
ACCIDENTAL_HEIGHT = 0.8  # half spaces that they may differ in height
MARK_REACH = 1.9  # staff spaces of x between a mark and its chord
ARPEGGIO_REACH = 5.0
BREATH_REACH = 8.0
STEM_PLACES = 7.0
SLUR_REACH = 3.0
SAME_COLUMN = 1.5
_ACCIDENTALS = {
    "flat": "flat",
    "natural": "natural",
    "sharp": "sharp",
    "double_sharp": "double-sharp",
    "double_flat": "flat-flat",
}
_MARKS = {
    "staccato": "staccato",
    "staccatissimo": "staccatissimo",
    "accent": "accent",
    "marcato": "strong-accent",
    "tenuto": "tenuto",
    "fermata": "fermata",
    "trill": "trill-mark",
    "turn": "turn",
    "mordent": "mordent",
    "inverted_mordent": "inverted-mordent",
    "up_bow": "up-bow",
    "down_bow": "down-bow",
    "arpeggio": "arpeggiate",
    "tremolo_1": "tremolo-1",
    "tremolo_2": "tremolo-2",
    "tremolo_3": "tremolo-3",
    "breath": "breath-mark",
}
_NOT_ON_RESTS = frozenset(MARKS) - {"fermata", "breath"}


@dataclass(slots=True)
class Attached:
    """What was found at the events of a system.

    Args:
        accidentals: Name by row of the head.
        marks: Names by number of the event.
        shifts: Diatonic steps by which heads sound higher than they stand, by row.
        slur_starts: Slurs drawn from an event, by its number; ``slur_stops`` those drawn to it.
    """

    accidentals: dict[int, str] = field(default_factory=dict)
    marks: dict[int, set[str]] = field(default_factory=dict)
    shifts: dict[int, int] = field(default_factory=dict)
    slur_starts: dict[int, int] = field(default_factory=dict)
    slur_stops: dict[int, int] = field(default_factory=dict)


def attach(events: Sequence[SeenEvent], signs: Iterable[Sign]) -> Attached:
    """Give the signs of a system to its events.

    Args:
        events: Of the system, in order of ``x``.
        signs: Of the system.
    """
    attached = Attached()
    by_staff: dict[int, list[SeenEvent]] = {}
    for event in events:
        for staff in {row.staff for row in event.rows}:
            by_staff.setdefault(staff, []).append(event)
    best: dict[int, float] = {}
    for sign in signs:
        if sign.probability < BELIEVED:
            continue
        near = by_staff.get(sign.staff, [])
        if sign.kind in ACCIDENTALS:
            head = _head_of(sign, near)
            if head is not None and sign.probability > best.get(head.row, 0.0):
                best[head.row] = sign.probability
                attached.accidentals[head.row] = _ACCIDENTALS[sign.kind]
        elif sign.kind == "arpeggio":
            for event in _rolled(sign, events):
                attached.marks.setdefault(event.number, set()).add(_MARKS[sign.kind])
        elif sign.kind == "slur":
            _count_slur(sign, near, attached)
        elif sign.kind in _MARKS and not between_chords(sign, near):
            marked = _marked(sign, near)
            if marked is not None:
                attached.marks.setdefault(marked.number, set()).add(_MARKS[sign.kind])
        elif sign.kind in ("ottava_8", "ottava_15"):
            steps = (7 if sign.kind == "ottava_8" else 14) * (1 if sign.place > 4 else -1)
            for event in near:
                for row in event.rows:
                    if row.staff == sign.staff and sign.left - 0.6 <= row.x <= sign.right + 0.6:
                        attached.shifts[row.row] = steps
    return attached


def _head_of(sign: Sign, events: Iterable[SeenEvent]) -> Sign | None:
    """The nearest head right of an accidental, at its height."""
    heads = (
        head
        for event in events
        if not event.is_rest and -0.3 < event.x - sign.x < ACCIDENTAL_REACH + 2
        for head in event.rows
        if head.staff == sign.staff
        and 0.3 < head.x - sign.x < ACCIDENTAL_REACH
        and abs(head.place - sign.place) <= ACCIDENTAL_HEIGHT
    )
    return min(heads, key=lambda head: (head.x - sign.x) + 2.0 * abs(head.place - sign.place), default=None)


def _marked(sign: Sign, events: Iterable[SeenEvent]) -> SeenEvent | None:
    """The event that a mark belongs to."""
    if sign.kind == "breath":
        before = [event for event in events if 0.0 < sign.x - event.x < BREATH_REACH]
        return max(before, key=lambda event: event.x, default=None)
    fitting = [
        event
        for event in events
        if abs(event.x - sign.x) <= MARK_REACH and not (event.is_rest and sign.kind in _NOT_ON_RESTS) and not event.grace
    ]
    return min(fitting, key=lambda event: _distance(sign, event), default=None)


def _rolled(sign: Sign, events: Iterable[SeenEvent]) -> list[SeenEvent]:
    """The chords of the nearest column right of an arpeggio, as far up and down as it reaches."""
    top, bottom = sign.y - sign.height / 2 - 0.6, sign.y + sign.height / 2 + 0.6
    after = [
        event
        for event in events
        if not event.is_rest
        and not event.grace
        and 0.0 < event.x - sign.x < ARPEGGIO_REACH
        and all(top <= row.y <= bottom for row in event.rows)
    ]
    first = min((event.x for event in after), default=0.0)
    return [event for event in after if event.x - first < SAME_COLUMN]


def _count_slur(sign: Sign, events: Iterable[SeenEvent], attached: Attached) -> None:
    """Count a drawn slur at the chords of its ends, where these say that slurs begin or end there."""
    for x, flag, counts in ((sign.left, "slur_start", attached.slur_starts), (sign.right, "slur_stop", attached.slur_stops)):
        ends = [
            event
            for event in events
            if abs(event.x - x) <= SLUR_REACH and any(getattr(row, flag) >= BELIEVED for row in event.rows)
        ]
        if ends:
            nearest = min(ends, key=lambda event: abs(event.x - x) + 0.2 * min(abs(row.y - sign.y) for row in event.rows))
            counts[nearest.number] = counts.get(nearest.number, 0) + 1


def _distance(sign: Sign, event: SeenEvent) -> float:
    """Between a mark and a chord: across, and from the chord's end on that side."""
    low, high = event.low, event.high
    if event.stem == "up":
        high += STEM_PLACES
    elif event.stem == "down":
        low -= STEM_PLACES
    across = max(abs(event.x - sign.x) - 0.6, 0.0)
    if sign.kind.startswith("tremolo"):
        return across + (0.0 if low <= sign.place <= high else min(abs(sign.place - low), abs(sign.place - high)))
    middle = (low + high) / 2
    beyond = sign.place - high if sign.place > middle else low - sign.place
    return 2.0 * across + 0.3 * max(beyond, 0.0) + (3.0 if event.is_rest else 0.0)
