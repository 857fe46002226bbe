"""A plain engraver for tests: written scores to the signs that a perfect reader would see, and random scores to draw.

Columns are six staff spaces apart, one system holds ``bars_per_system`` bars; every staff of a system is 12 spaces below the last.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from compose.notation.written import Bar, Clef, Event, Head, Key, Part, Time, Voice, WrittenScore
from omr.signs import BEAMS, DURATIONS, GRACES, KIND_INDEX, STEMS, Brace, SeenSystem, empty_signs

COLUMN, HEAD_WIDTH, STAFF_DISTANCE = 5.0, 1.2, 12.0
BOTTOMS = {("G", 2): 30, ("F", 4): 18, ("C", 3): 24, ("C", 4): 22}
CLEF_KINDS = {"G": "clef_g", "F": "clef_f", "C": "clef_c"}
ACCIDENTAL_KINDS = {
    "sharp": "sharp",
    "flat": "flat",
    "natural": "natural",
    "double-sharp": "double_sharp",
    "flat-flat": "double_flat",
}
MARK_KINDS = {"staccato": "staccato", "accent": "accent", "fermata": "fermata", "tenuto": "tenuto", "trill-mark": "trill"}
LINE_KINDS = {"": "bar_single", "light-light": "bar_double", "light-heavy": "bar_final", "dashed": "bar_dashed"}
FLAT_STEPS = (6, 2, 5, 1, 4, 0, 3)


class Drawing:
    """The signs of one system while it is drawn."""

    def __init__(self, staves: int, page: int, number: int) -> None:
        self.rows: list[tuple[float, dict[str, object]]] = []
        self.staves, self.page, self.number = staves, page, number
        self.x = 0.0

    def add(self, kind: str, x: float, staff: int, place: float, **fields: object) -> None:
        width = float(fields.pop("width", HEAD_WIDTH))  # type: ignore[arg-type]
        height = float(fields.pop("height", 1.0))  # type: ignore[arg-type]
        y = STAFF_DISTANCE * staff + 2.0 - place / 2.0
        values = {"kind": KIND_INDEX[kind], "probability": 1.0, "x": x, "y": y, "width": width, "height": height}
        self.rows.append((x, {**values, "staff": staff, "place": place, **fields}))

    def system(self, braces: Sequence[Brace]) -> SeenSystem:
        signs = empty_signs(len(self.rows))
        for index, (_, values) in enumerate(sorted(self.rows, key=lambda row: row[0])):
            for name, value in values.items():
                signs[name][index] = value
        middles = np.arange(self.staves, dtype=np.float32) * np.float32(STAFF_DISTANCE)
        lines = np.full(self.staves, 5, dtype=np.int64)
        corners = np.zeros((5 * self.staves, 2, 2), dtype=np.float32)
        return SeenSystem(self.page, self.number, middles, lines, self.x, signs, corners, tuple(braces))


def one_hot(names: Sequence[str], name: str) -> list[float]:
    return [float(other == name) for other in names]


def draw(score: WrittenScore, bars_per_system: int = 4) -> list[SeenSystem]:
    """The systems of a score."""
    clefs: dict[tuple[int, int], Clef] = {}
    keys: dict[int, int] = {}
    systems = []
    count = len(score.parts[0].bars)
    for start in range(0, count, bars_per_system):
        drawing = Drawing(sum(part.staves for part in score.parts), 0, len(systems))
        for number in range(start, min(start + bars_per_system, count)):
            draw_bar(drawing, score, number, number == start, clefs, keys)
        braces, first = [], 0
        for part in score.parts:
            if part.staves > 1:
                braces.append(Brace(first, first + part.staves - 1, "brace"))
            first += part.staves
        systems.append(drawing.system(braces))
    return systems


def draw_bar(
    drawing: Drawing, score: WrittenScore, number: int, heads_line: bool, clefs: dict[tuple[int, int], Clef], keys: dict[int, int]
) -> None:
    drawing.x += 2.0
    bars = [part.bars[number] for part in score.parts]
    offsets = np.cumsum([0, *(part.staves for part in score.parts)]).tolist()
    for index, (part, bar) in enumerate(zip(score.parts, bars, strict=True)):
        for clef in bar.clefs:
            if clef.onset == 0:
                clefs[index, clef.staff] = clef
        keys[index] = bar.key.fifths if bar.key else keys.get(index, 0)
        for staff in range(1, part.staves + 1):
            x, row = drawing.x, offsets[index] + staff - 1
            printed = clefs[index, staff]
            if heads_line or any(clef.onset == 0 and clef.staff == staff for clef in bar.clefs):
                drawing.add(CLEF_KINDS[printed.sign], x, row, 2 * (printed.line - 1), width=2.5)
            if heads_line or bar.key:
                draw_key(drawing, keys[index], x + 3.0, row, BOTTOMS[printed.sign, printed.line])
            if bar.time:
                for height, value in ((6, bar.time.beats), (2, bar.time.beat_type)):
                    for place, digit in enumerate(str(value)):
                        drawing.add(f"time_{digit}", x + 12.0 + place, row, height)
    drawing.x += 18.0
    onsets = sorted({event.onset for bar in bars for voice in bar.voices for event in voice.events} | {Fraction(0)})
    columns = {onset: drawing.x + COLUMN * place for place, onset in enumerate(onsets)}
    end = drawing.x + COLUMN * len(onsets)
    for index, bar in enumerate(bars):
        for clef in bar.clefs:
            if clef.onset > 0:
                drawing.add(CLEF_KINDS[clef.sign], columns[clef.onset] - 2.5, offsets[index] + clef.staff - 1, 2 * (clef.line - 1))
        changes = {staff: [(Fraction(0), clefs[index, staff])] for staff in range(1, score.parts[index].staves + 1)}
        for clef in bar.clefs:
            if clef.onset > 0:
                changes[clef.staff].append((clef.onset, clef))
                clefs[index, clef.staff] = clef
        for voice in bar.voices:
            draw_voice(drawing, voice, columns, offsets[index], changes, (drawing.x + end) / 2)
    for bar, first, last in zip(bars, offsets[:-1], offsets[1:], strict=True):
        middle = STAFF_DISTANCE * (first + last - 1) / 2
        height = STAFF_DISTANCE * (last - 1 - first) + 4.0
        kind = "bar_repeat_end" if bar.repeat_end else LINE_KINDS[bar.right]
        place = 4.0 - 2.0 * (middle - STAFF_DISTANCE * first)
        drawing.add(kind, end, first, place, width=0.2, height=height)
    drawing.x = end


def draw_key(drawing: Drawing, fifths: int, x: float, staff: int, bottom: int) -> None:
    steps = FLAT_STEPS[:-fifths] if fifths < 0 else FLAT_STEPS[::-1][:fifths]
    for place, step in enumerate(steps):
        height = next(height for height in range(1, 8) if (height + bottom) % 7 == step)
        drawing.add("key_flat" if fifths < 0 else "key_sharp", x + 0.9 * place, staff, height, width=0.8)


def draw_voice(
    drawing: Drawing,
    voice: Voice,
    columns: dict[Fraction, float],
    first_staff: int,
    changes: dict[int, list[tuple[Fraction, Clef]]],
    middle: float,
) -> None:
    tuplet_left, graces = 0.0, 0
    for index, event in enumerate(voice.events):
        staff = first_staff + event.staff - 1
        x = columns[event.onset]
        clef = [clef for onset, clef in changes[event.staff] if onset <= event.onset][-1]
        bottom = BOTTOMS[clef.sign, clef.line]
        if event.grace:
            graces += 1
            later = sum(bool(other.grace) and other.onset == event.onset for other in voice.events[index:])
            x -= 1.6 * later
        fields = {
            "duration": one_hot(DURATIONS, event.type),
            "dots": [float(event.dots == count) for count in range(4)],
        }
        if not event.heads:
            name = {"eighth": "8th", "": "whole"}.get(event.type, event.type)
            if not event.type:
                fields["duration"], x = one_hot(DURATIONS, "whole"), middle
            place = {"up": 6.0, "down": 2.0}.get(event.stem, 4.0)
            drawing.add(f"rest_{name}", x, staff, place, **fields)
        for head in event.heads:
            place = head.place - bottom
            kind = {"whole": "head_whole", "half": "head_half"}.get(event.type, "head_black")
            drawing.add(
                kind,
                x,
                staff,
                place,
                **fields,
                stem=one_hot(STEMS, event.stem),
                beam=one_hot(BEAMS, event.beams[0] if event.beams else ""),
                grace=one_hot(GRACES, event.grace),
                tie_start=float(head.tie_start),
                tie_stop=float(head.tie_stop),
                slur_start=float(event.slur_starts > 0 and head is event.heads[0]),
                slur_stop=float(event.slur_stops > 0 and head is event.heads[0]),
            )
            if head.accidental:
                drawing.add(ACCIDENTAL_KINDS[head.accidental], x - 1.4, staff, place)
        for mark in event.marks:  # outside, beyond the stem where that points there
            height = event.heads[-1].place - bottom + 9 if event.stem == "up" else event.heads[0].place - bottom - 9
            drawing.add(MARK_KINDS[mark], x, staff, height)
        if event.tuplet_starts:
            tuplet_left = x
        if event.tuplet_stops:
            above = event.stem != "down"
            drawing.add(f"tuplet_{event.actual}", (tuplet_left + x) / 2, staff, 14.0 if above else -6.0)


def head(place: int, **fields: object) -> Head:
    return Head(place, **fields)  # type: ignore[arg-type]


def random_score(rng: np.random.Generator, bars: int = 4) -> WrittenScore:
    """One or two parts of one or two staves in a random meter, with rests, chords, triplets, dots and second voices."""
    beats, beat_type = [(4, 4), (3, 4), (2, 4), (6, 8)][rng.integers(4)]
    length = Fraction(4 * beats, beat_type)
    parts = []
    for _ in range(rng.integers(1, 3)):
        staves = int(rng.integers(1, 3))
        fifths = int(rng.integers(-4, 5))
        made = []
        for number in range(bars):
            streams = []
            for staff in range(1, staves + 1):
                two = rng.random() < 0.3
                for layer in range(1 + two):
                    stem = ("up", "down")[layer] if two else ""
                    streams.append(random_voice(rng, length, staff, stem, beat_type))
            streams.sort(
                key=lambda events: (events[0].staff, events[0].onset, -next((e.heads[-1].place for e in events if e.heads), -1))
            )
            first = number == 0
            clefs = (Clef(Fraction(0), 1, "G", 2), Clef(Fraction(0), 2, "F", 4))[:staves] if first else ()
            made.append(
                Bar(
                    tuple(Voice(index, events) for index, events in enumerate(streams, 1)),
                    length,
                    clefs,
                    Key(fifths) if first else None,
                    Time(beats, beat_type) if first else None,
                    right="light-heavy" if number == bars - 1 else "",
                )
            )
        parts.append(Part(tuple(made), staves))
    return WrittenScore(tuple(parts), systems=tuple(range(0, bars, 4)), pages=(0,))


def random_voice(rng: np.random.Generator, length: Fraction, staff: int, stem: str, beat_type: int) -> tuple[Event, ...]:
    lengths = {"half": Fraction(2), "quarter": Fraction(1), "eighth": Fraction(1, 2), "16th": Fraction(1, 4)}
    bottom = 30 if staff == 1 else 18
    centre = bottom + {"up": 7, "down": 0}.get(stem, 4)
    if rng.random() < 0.08:
        return (Event(Fraction(0), length, staff=staff),) if not stem else random_voice(rng, length, staff, stem, beat_type)
    events: list[Event] = []
    time = Fraction(0)

    def chord(onset: Fraction, duration: Fraction, kind: str, **fields: object) -> Event:
        count = int(rng.integers(1, 3))
        places = sorted({int(centre + rng.integers(-2, 3)) * 1 for _ in range(count)})
        own = stem or ("up" if places[0] < bottom + 4 else "down")
        heads = tuple(Head(place, str(rng.choice(["", "", "", "sharp", "flat", "natural"]))) for place in places)
        marks = ("staccato",) if rng.random() < 0.1 else ()
        return Event(onset, duration, heads, kind, staff=staff, stem=own, marks=marks, **fields)  # type: ignore[arg-type]

    while time < length:
        left = length - time
        roll = rng.random()
        if roll < 0.12 and left >= 1 and time.denominator == 1:
            third = Fraction(1, 3)
            three = [chord(time + index * third, third, "eighth", actual=3, normal=2) for index in range(3)]
            for index, event in enumerate(three):
                beam = ("begin", "continue", "end")[index]
                events.append(
                    replace_event(event, stem=three[0].stem, beams=(beam,), tuplet_starts=index == 0, tuplet_stops=index == 2)
                )
            time += 1
            continue
        if roll < 0.25 and left >= Fraction(3, 2) and time.denominator == 1:
            events.append(replace_event(chord(time, Fraction(3, 2), "quarter"), dots=1))
            time += Fraction(3, 2)
            continue
        fitting = [name for name, value in lengths.items() if value <= left and (time / value).denominator == 1]
        kind = str(rng.choice(fitting))
        if rng.random() < 0.12 and (not stem or stem == "up"):
            events.append(Event(time, lengths[kind], type=kind, staff=staff))
        else:
            events.append(chord(time, lengths[kind], kind))
        time += lengths[kind]
    return tuple(events)


def replace_event(event: Event, **fields: object) -> Event:
    from dataclasses import replace

    return replace(event, **fields)  # type: ignore[arg-type]


@pytest.fixture
def engraved() -> Callable[..., list[SeenSystem]]:
    return draw


@pytest.fixture
def make_score() -> Callable[..., WrittenScore]:
    return random_score
