"""Ornament signs played out: ``ornaments`` (trill, mordents, turns) and ``tremolo``.

Neighbour notes are those of the key signature and of accidentals earlier in the bar, or what an accidental at the sign says. A
trill goes at about 13 notes a second, its first note a little longer, and ends on the main note; it starts on the main note (the
custom since Hummel, 1828) or on the upper one (before), as asked. Names are those of MusicXML: its *inverted-mordent* is the
short shake upwards (Pralltriller), its *mordent* goes down. Notes too short for a sign are played plain.

A tremolo is measured as it is written, but no faster than ``TREMOLO_S``.
"""

from __future__ import annotations

from typing import Final, Literal

from corpora.musicxml.marks import NoteMarks
from corpora.musicxml.spelling import key_alters
from corpora.musicxml.walker import STEP_SEMITONES
from render.perform.draft import Draft, Figure, Stroke

__all__ = ["TrillStart", "apply_ornaments", "apply_tremolo"]

TrillStart = Literal["main", "upper"]

TRILL_S, SHAKE_S, TURN_S = 0.075, 0.07, 0.1
FIRST_STROKE = 1.5  # length of a trill's first note, in others
SHORTEST_STROKE_S = 0.035
NEIGHBOUR_DB = -1.5
TREMOLO_S = 0.06
MAX_STROKES = 512
_STEPS: Final = "CDEFGAB"
_FLAGS: Final = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5}
_ACCIDENTALS: Final = {"sharp": 1, "flat": -1, "natural": 0, "double-sharp": 2, "flat-flat": -2, "sharp-sharp": 2}
_KNOWN: Final = frozenset(
    {"trill-mark", "mordent", "inverted-mordent", "turn", "inverted-turn", "delayed-turn", "delayed-inverted-turn", "shake"}
)


def apply_ornaments(draft: Draft, strength: float) -> None:
    """Trills, mordents and turns as their notes; a greater strength makes them quicker."""
    if draft.marks is None:
        return
    neighbours = _Neighbours(draft)
    seconds = draft.seconds_per_div(draft.onset)
    pace = strength**-0.5
    for row, marks in enumerate(draft.note_marks):
        if marks is None or not marks.ornaments:
            continue
        unknown = [name for name in marks.ornaments if name not in _KNOWN]
        draft.not_understood.update(unknown)
        known = [name for name in marks.ornaments if name in _KNOWN]
        length_s = float((draft.end[row] - draft.onset[row]) * seconds[row])
        if not known or length_s <= 0:
            continue
        up, down = neighbours.of(row, 1), neighbours.of(row, -1)
        figure = _figure(known[0], up, down, length_s, pace, draft.trill_start)
        if figure is not None:
            draft.figures[row] = figure


def _figure(name: str, up: int, down: int, length_s: float, pace: float, trill_start: TrillStart) -> Figure | None:
    if name in ("trill-mark", "shake"):
        return _trill(up, length_s, TRILL_S * pace, trill_start)
    if name in ("mordent", "inverted-mordent"):
        each = min(SHAKE_S * pace, length_s / 4)
        return _run("mordent", [0, down if name == "mordent" else up, 0], each, length_s)
    order = [up, 0, down, 0] if name.endswith("delayed-turn") or name == "turn" else [down, 0, up, 0]
    if name.startswith("delayed"):
        each = min(TURN_S * pace, length_s / 8)
        start = 1 - 4 * each / length_s
        strokes = [
            Stroke(0.0, start),
            *(_stroke(start, index, semitones, each / length_s) for index, semitones in enumerate(order)),
        ]
        return Figure("turn", tuple(strokes)) if each >= SHORTEST_STROKE_S else None
    return _run("turn", order, min(TURN_S * pace, length_s / 5), length_s)


def _stroke(start: float, index: int, semitones: int, each: float) -> Stroke:
    return Stroke(start + index * each, start + (index + 1) * each, semitones, NEIGHBOUR_DB if semitones else 0.0)


def _run(name: str, order: list[int], each_s: float, length_s: float) -> Figure | None:
    """Quick notes of which the last is held."""
    if each_s < SHORTEST_STROKE_S:
        return None
    each = each_s / length_s
    strokes = [_stroke(0.0, index, semitones, each) for index, semitones in enumerate(order)]
    strokes[-1] = Stroke(strokes[-1].start, 1.0)
    return Figure(name, tuple(strokes), order.index(0) if order[0] else 0)


def _trill(up: int, length_s: float, each_s: float, start: TrillStart) -> Figure | None:
    count = min(int(length_s / each_s - (FIRST_STROKE - 1)), MAX_STROKES)
    fewest = 3 if start == "main" else 4
    if count < fewest:
        count = fewest
        if length_s / (count + FIRST_STROKE - 1) < SHORTEST_STROKE_S:
            return None
    count -= (count - fewest) % 2  # so that it ends on the main note
    each = 1.0 / (count + FIRST_STROKE - 1)
    edges = [0.0, *(each * (FIRST_STROKE + index) for index in range(count - 1)), 1.0]
    first_is_main = start == "main"
    strokes = []
    for index in range(count):
        is_main = (index % 2 == 0) == first_is_main
        strokes.append(Stroke(edges[index], edges[index + 1], 0 if is_main else up, 0.0 if is_main else NEIGHBOUR_DB))
    return Figure("trill", tuple(strokes), 0 if first_is_main else 1)


class _Neighbours:
    """The notes a step above and below, as key, bar and sign have them."""

    def __init__(self, draft: Draft) -> None:
        assert draft.marks is not None  # signs come from scores
        self.draft = draft
        self.document = draft.marks.document
        self.onsets = dict(zip(draft.written_ids, draft.written_notes["onset_div"].tolist(), strict=True))
        self.seen: dict[tuple[int, int, int, str, int], list[tuple[int, float]]] = {}
        for identity, marks in draft.marks.notes.items():
            if identity in self.onsets and marks.step:
                key = (marks.part, marks.staff, marks.measure, marks.step, marks.octave)
                self.seen.setdefault(key, []).append((self.onsets[identity], marks.alter))

    def of(self, row: int, direction: int) -> int:
        """Semitones from a note to its upper (1) or lower (-1) neighbour."""
        marks = self.draft.note_marks[row]
        if marks is None or not marks.step:
            return 2 * direction
        place = _STEPS.index(marks.step) + direction
        step, octave = _STEPS[place % 7], marks.octave + place // 7
        alter = self._alter(marks, self.onsets[self.draft.written_ids[row]], step, octave, direction)
        height = STEP_SEMITONES[step] + alter + 12 * (octave - marks.octave)
        semitones = round(height - STEP_SEMITONES[marks.step] - marks.alter)
        return semitones if 1 <= semitones * direction <= 3 else 2 * direction

    def _alter(self, marks: NoteMarks, onset: int, step: str, octave: int, direction: int) -> float:
        named = marks.ornament_alters[0 if direction > 0 else 1]
        if named in _ACCIDENTALS:
            return float(_ACCIDENTALS[named])
        earlier = [
            entry for entry in self.seen.get((marks.part, marks.staff, marks.measure, step, octave), []) if entry[0] <= onset
        ]
        if earlier:
            return max(earlier)[1]
        part = self.document.parts[marks.part]
        key = part.key_at(marks.measure, onset - self.document.starts[marks.measure], marks.staff)
        if key.alters is not None:
            return dict(key.alters).get(step, 0.0)
        return float(key_alters(key.fifths)[step])


def apply_tremolo(draft: Draft, strength: float) -> None:
    """Strokes through stems as repeated or alternating notes; a greater strength makes them quicker where they are unmeasured."""
    seconds = draft.seconds_per_div(draft.onset)
    starts: dict[tuple[int, int], list[int]] = {}
    for row, marks in enumerate(draft.note_marks):
        if marks is None or not marks.tremolo or not draft.notes["duration_div"][row]:
            continue
        key = int(draft.notes["part"][row]), int(draft.notes["voice"][row])
        shortest = TREMOLO_S / strength / float(seconds[row])
        stroke = draft.piece.divs_per_quarter * 2.0 ** -(marks.tremolo + _FLAGS.get(marks.type, 0))
        stroke = max(stroke, shortest, 1e-9)
        length = float(draft.notes["duration_div"][row])
        if marks.tremolo_pair == "start":
            starts.setdefault(key, []).append(row)
        elif marks.tremolo_pair == "stop":
            partners = [other for other in starts.get(key, []) if _ends_at(draft, other, row)]
            _alternate(draft, partners, row, stroke)
        elif length >= 2 * stroke:
            count = min(max(round(length / stroke), 2), MAX_STROKES)
            _restore(draft, row)
            draft.figures[row] = Figure("tremolo", tuple(Stroke(i / count, (i + 0.95) / count) for i in range(count)))


def _ends_at(draft: Draft, first: int, second: int) -> bool:
    notes = draft.notes
    return bool(notes["onset_div"][first] + notes["duration_div"][first] == notes["onset_div"][second])


def _restore(draft: Draft, row: int) -> None:
    """The note is held for its whole length again: its strokes divide that."""
    draft.end[row] = draft.onset[row] + draft.notes["duration_div"][row]
    draft.end_shift_s[row] = 0.0


def _alternate(draft: Draft, partners: list[int], row: int, stroke: float) -> None:
    """Two notes (or chords) that alternate over both their lengths, the first one first."""
    if not partners:
        return
    notes = draft.notes
    before, own = float(notes["duration_div"][partners[0]]), float(notes["duration_div"][row])
    pairs = min(max(round((before + own) / stroke / 2), 1), MAX_STROKES // 2)
    slot = (before + own) / (2 * pairs)
    for partner in partners:
        _restore(draft, partner)
        strokes = [Stroke(2 * index * slot / before, (2 * index + 0.95) * slot / before) for index in range(pairs)]
        draft.figures[partner] = Figure("tremolo", tuple(strokes))
    _restore(draft, row)
    places = [(2 * index + 1) * slot - before for index in range(pairs)]
    main = next((index for index, place in enumerate(places) if place >= -1e-6), pairs - 1)
    strokes = [Stroke(place / own, (place + 0.95 * slot) / own) for place in places]
    draft.figures[row] = Figure("tremolo", tuple(strokes), main)
