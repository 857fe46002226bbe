"""What the score says of each note, rest, slur and staff that verovio draws, by the ids that its MEI and its SVG share.

Conventions: bars count from 0 in the order written; staves by MEI's ``n``; durations, beams and graces are indices into the
contract's ``DURATIONS``, ``BEAMS`` and ``GRACES`` (``omr.signs``), -1 for a duration that has none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from defusedxml import ElementTree

from omr.signs import BEAMS, DURATIONS, GRACES

__all__ = ["Event", "ScoreFacts", "read_facts"]

MEI = "{http://www.music-encoding.org/ns/mei}"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
MEI_DURATIONS = {name: index for index, name in enumerate(("breve", "1", "2", "4", "8", "16", "32", "64", "128"))}
EVENTS = frozenset({"note", "chord", "rest", "mRest", "multiRest"})
BEAM_START, BEAM_MIDDLE, BEAM_END = (BEAMS.index(name) for name in ("begin", "continue", "end"))


@dataclass(slots=True)
class Event:
    """A note or chord with one stem, or a rest.

    Args:
        number: Counts the events of the score from 0.
        staff: Staff that it is printed on.
        duration: Note type.
        dots: Augmentation dots.
        grace: Whether a grace note, and slashed.
        beam: Its part in the outermost beam.
        beam_group: Number of its beam, -1 without.
        slur_start: Whether a slur begins here; ``slur_stop`` likewise.
    """

    number: int
    staff: int
    duration: int = -1
    dots: int = 0
    grace: int = 0
    beam: int = 0
    beam_group: int = -1
    slur_start: bool = False
    slur_stop: bool = False


@dataclass(slots=True)
class ScoreFacts:
    """Facts by id.

    Args:
        bars: Index of each measure's first and last bar; rests of many bars are one measure.
        staff_numbers: ``n`` of each ``staff`` element.
        events: Of each note (its chord's, within a chord), chord and rest.
        staves: Staff on which each note, chord and rest is printed.
        tie_starts: Notes that a tie leaves; ``tie_stops`` those that one comes to.
        beam_groups: Number of each beam and beam over bar lines.
        beam_events: A first event of each beam.
        ends: First and last note or chord of each slur and tie.
        attributes: Attributes of everything else that a kind depends on (hairpins, octave lines, brackets).
    """

    bars: dict[str, tuple[int, int]] = field(default_factory=dict)
    staff_numbers: dict[str, int] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    staves: dict[str, int] = field(default_factory=dict)
    tie_starts: set[str] = field(default_factory=set)
    tie_stops: set[str] = field(default_factory=set)
    beam_groups: dict[str, int] = field(default_factory=dict)
    beam_events: dict[str, Event] = field(default_factory=dict)
    ends: dict[str, tuple[str, str]] = field(default_factory=dict)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the reader is in the tree."""

    staff: int = 0
    layer: str = ""
    event: Event | None = None
    beam: str = ""
    grace: str = ""


class _Reader:
    def __init__(self) -> None:
        self.facts = ScoreFacts()
        self.count = 0
        self.bar = -1
        self.beams: dict[str, list[Event]] = {}
        self.order: dict[tuple[int, str], list[Event]] = defaultdict(list)
        self.spans: list[Element] = []
        self.slurs: list[tuple[str, str]] = []

    def visit(self, element: Element, place: _Place) -> None:
        tag = element.tag.removeprefix(MEI)
        identifier = element.get(XML_ID, "")
        facts = self.facts
        if tag == "measure":
            rests = [int(rest.get("num", "1")) for rest in element.iter(f"{MEI}multiRest")]
            facts.bars[identifier] = (self.bar + 1, self.bar + max(rests, default=1))
            self.bar = facts.bars[identifier][1]
        elif tag == "staff":
            place = _Place(staff=int(element.get("n", "0")))
            facts.staff_numbers[identifier] = place.staff
        elif tag == "layer":
            place = _Place(staff=place.staff, layer=element.get("n", ""))
        elif tag == "beam":
            self.beams[identifier] = []
            place = _Place(place.staff, place.layer, None, identifier, place.grace)
        elif tag == "graceGrp":
            place = _Place(place.staff, place.layer, None, place.beam, element.get("grace", "unknown"))
        elif tag in EVENTS:
            place = self._event(element, tag, identifier, place)
        elif tag in ("slur", "tie", "lv"):
            self._curve(element, tag, identifier)
        elif tag == "beamSpan":
            self.spans.append(element)
        else:
            facts.attributes[identifier] = dict(element.attrib)
        for child in element:
            self.visit(child, place)

    def _event(self, element: Element, tag: str, identifier: str, place: _Place) -> _Place:
        event = place.event
        staff = int(element.get("staff", event.staff if event is not None else place.staff))
        if event is None:
            event = Event(self.count, staff, dots=int(element.get("dots", "0")))
            self.count += 1
            event.duration = DURATIONS.index("whole") if tag == "mRest" else MEI_DURATIONS.get(element.get("dur", ""), -1)
            grace = element.get("grace") or place.grace
            event.grace = 0 if not grace else GRACES.index("slashed" if grace == "unacc" else "grace")
            if tag in ("note", "chord"):
                self.order[place.staff, place.layer].append(event)
                if place.beam:
                    self.beams[place.beam].append(event)
        self.facts.events[identifier] = event
        self.facts.staves[identifier] = staff
        if tag == "note" and (tie := element.get("tie", "")):
            self.facts.tie_starts.update({identifier} if tie[0] in "im" else ())
            self.facts.tie_stops.update({identifier} if tie[0] in "mt" else ())
        return _Place(place.staff, place.layer, event, place.beam, place.grace)

    def _curve(self, element: Element, tag: str, identifier: str) -> None:
        start, stop = (element.get(key, "").removeprefix("#") for key in ("startid", "endid"))
        self.facts.ends[identifier] = (start, stop)
        if tag == "slur":
            self.slurs.append((start, stop))
        else:
            self.facts.tie_starts.add(start)
            self.facts.tie_stops.add(stop)

    def finish(self) -> ScoreFacts:
        """What is known only when all is read: beams, and slurs on events."""
        facts = self.facts
        for span in self.spans:
            start, stop = (span.get(key, "").removeprefix("#") for key in ("startid", "endid"))
            self.beams[span.get(XML_ID, "")] = self._between(start, stop)
        for number, (identifier, events) in enumerate(self.beams.items()):
            facts.beam_groups[identifier] = number
            full = [event for event in events if not event.grace]
            members = full or events  # grace notes within a beam of others do not belong to it
            if members:
                facts.beam_events[identifier] = members[0]
            if len(members) < 2:
                continue
            for event in members:
                event.beam, event.beam_group = BEAM_MIDDLE, number
            members[0].beam, members[-1].beam = BEAM_START, BEAM_END
        for start, stop in self.slurs:
            if start in facts.events:
                facts.events[start].slur_start = True
            if stop in facts.events:
                facts.events[stop].slur_stop = True
        return facts

    def _between(self, start: str, stop: str) -> list[Event]:
        """Events from one to another of the same layer, in order; empty when they do not follow one another there."""
        first, last = self.facts.events.get(start), self.facts.events.get(stop)
        for events in self.order.values():
            numbers = [event.number for event in events]
            if first is not None and last is not None and first.number in numbers and last.number in numbers:
                return events[numbers.index(first.number) : numbers.index(last.number) + 1]
        return []


def read_facts(mei: str) -> ScoreFacts:
    """The facts of a score from verovio's MEI text."""
    reader = _Reader()
    reader.visit(ElementTree.fromstring(mei), _Place())
    return reader.finish()
