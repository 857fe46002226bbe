"""The sustain pedal: ``pedal``.

Pedal marks of the score are kept. Where a keyboard part has none at all, or none for more than ``MARK_GAP_BARS`` it gets pedal
from its harmony: beat by beat, the pitch classes that begin or sound are looked at; as long as they fit one triad or seventh
chord the pedal stays, at a new harmony or a new bass that does not fit it is changed. A beat whose own notes fit no chord (a
scale) has none, nor has one where staccato prevails, and the pedal never goes on through a rest of the whole part. It goes down
``CATCH_S`` after the chord and up with the next (syncopated pedalling).

*Una corda* and *tre corde* move the soft pedal; *con ped.* and *senza ped.* switch the pedal from harmony on and off.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from corpora.musicxml.marks import Direction
from render.perform.draft import Draft, Message, beat_quarters, is_keyboard
from render.perform.words import parse_words

__all__ = ["apply_pedal"]

SUSTAIN, SOFT = 64, 67
CONTROL = 0xB0
DOWN, UP = 127, 0
CATCH_S = 0.08
NO_BASS = 128  # above every pitch
MARK_GAP_BARS = 8  # after more bars without a mark the pedal goes on as before ("simile")
STACCATO_SHARE = 0.5  # of the notes of a beat, from which on there is no pedal
_CHORDS: Final = tuple(
    frozenset((root + step) % 12 for step in steps)
    for steps in (
        (0, 4, 7),
        (0, 3, 7),
        (0, 3, 6),
        (0, 4, 8),
        (0, 4, 7, 10),
        (0, 4, 7, 11),
        (0, 3, 7, 10),
        (0, 3, 6, 10),
        (0, 3, 6, 9),
    )
    for root in range(12)
)


class _Beat(NamedTuple):
    start: int
    end: int
    pitch_classes: frozenset[int]
    bass: int  # lowest pitch that begins, or -1
    is_dry: bool


def apply_pedal(draft: Draft, strength: float) -> None:
    """Marks where there are any, else from harmony; below strength 0.5 the pedal is half down."""
    value = DOWN if strength >= 0.5 else 80
    parts: dict[int, list[int]] = {}
    for lane, part in enumerate(draft.part_of_lane):
        parts.setdefault(part, []).append(lane)
    for part, lanes in parts.items():
        if not is_keyboard(draft.piece.parts[lanes[0]].program) or draft.piece.parts[lanes[0]].is_drum:
            continue
        if any(message.status == CONTROL and message.first == SUSTAIN and message.lane in lanes for message in draft.messages):
            continue  # a MIDI file that has its own
        directions = [d for d in draft.marks.directions if d.part == part] if draft.marks is not None else []
        _soft_pedal(draft, directions, lanes)
        marked = _marked_spans(draft, directions)
        if marked:
            _marked(draft, directions, lanes, value)
        _from_harmony(draft, directions, lanes, value, marked)


def _send(draft: Draft, lanes: list[int], place: int | float, value: int, shift_s: float = 0.0, controller: int = SUSTAIN) -> None:
    draft.messages += [Message(lane, place, CONTROL, controller, value, shift_s) for lane in lanes]


def _soft_pedal(draft: Draft, directions: list[Direction], lanes: list[int]) -> None:
    for direction in directions:
        if direction.kind != "words":
            continue
        kinds = {meaning.kind for meaning in parse_words(direction.text)}
        for kind, value in (("una corda", DOWN), ("tre corde", UP)):
            if kind in kinds:
                for place in draft.score.played_places(direction.onset, direction.measure):
                    _send(draft, lanes, place, value, controller=SOFT)


def _marked_spans(draft: Draft, directions: list[Direction]) -> list[tuple[int, int]]:
    """Played spans that the score's own pedal marks look after: gaps of up to ``MARK_GAP_BARS`` between them included."""
    measures, order = draft.piece.measures, draft.score.order
    marked = {direction.measure for direction in directions if direction.kind == "pedal"}
    bars = [played for played, bar in enumerate(order) if bar in marked]
    spans: list[tuple[int, int]] = []
    for played in bars:
        start, end = int(measures["start_div"][played]), int(measures["end_div"][played])
        first = int(np.searchsorted(measures["end_div"], spans[-1][1])) if spans else -1
        if spans and played - first <= MARK_GAP_BARS:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return spans


def _marked(draft: Draft, directions: list[Direction], lanes: list[int], value: int) -> None:
    """The marks as they stand; every leap lifts the pedal."""
    starts = draft.piece.measures["start_div"]
    for played, (before, after) in enumerate(pairwise(draft.score.order), 1):
        if after != before + 1:
            _send(draft, lanes, float(starts[played]), UP)
    for direction in directions:
        if direction.kind != "pedal":
            continue
        for place in draft.score.played_places(direction.onset, direction.measure):
            if direction.text in ("start", "resume", "sostenuto"):
                _send(draft, lanes, place, value, CATCH_S / 4)
            elif direction.text in ("stop", "discontinue"):
                _send(draft, lanes, place, UP)
            elif direction.text == "change":
                _send(draft, lanes, place, UP)
                _send(draft, lanes, place, value, CATCH_S)
    _send(draft, lanes, float(draft.piece.end_div), UP)


def _beats(draft: Draft, lanes: list[int]) -> list[_Beat]:
    """What sounds in each beat of the piece; beats in which nothing at all sounds have no pitch classes."""
    piece = draft.piece
    in_part = np.isin(draft.notes["part"], lanes) & (draft.notes["duration_div"] > 0)
    rows = np.flatnonzero(in_part)
    onsets, ends = draft.notes["onset_div"][rows], (draft.notes["onset_div"] + draft.notes["duration_div"])[rows]
    pitches = draft.notes["pitch"][rows]
    short = np.array(
        [
            (marks := draft.note_marks[row]) is not None and any("stacc" in name for name in marks.articulations)
            for row in rows.tolist()
        ],
        dtype=np.bool_,
    )
    longest = int((ends - onsets).max()) if len(rows) else 0
    beats: list[_Beat] = []
    for measure in piece.measures:
        step = beat_quarters(int(measure["beats"]), int(measure["beat_type"])) * piece.divs_per_quarter
        edges = np.unique(
            np.rint(np.append(np.arange(measure["start_div"], measure["end_div"], step), measure["end_div"])).astype(np.int64)
        )
        for start, end in pairwise(edges.tolist()):
            first, last = np.searchsorted(onsets, start - longest), np.searchsorted(onsets, end)
            here = np.arange(first, last)[ends[first:last] > start]
            begun = here[onsets[here] >= start]
            bass = int(pitches[begun].min()) if len(begun) else -1
            dry = bool(len(begun)) and float(short[begun].mean()) >= STACCATO_SHARE
            beats.append(_Beat(start, end, frozenset((pitches[here] % 12).tolist()), bass, dry))
    return beats


def _is_chord(pitch_classes: frozenset[int]) -> bool:
    return any(pitch_classes <= chord for chord in _CHORDS)


def _from_harmony(draft: Draft, directions: list[Direction], lanes: list[int], value: int, marked: list[tuple[int, int]]) -> None:
    dry_spans = _dry_spans(draft, directions) + marked
    spans: list[list[int]] = []  # start and end of each pedal
    held: frozenset[int] = frozenset()
    lowest = NO_BASS
    for beat in _beats(draft, lanes):
        dry = beat.is_dry or any(start < beat.end and beat.start < end for start, end in dry_spans)
        if not beat.pitch_classes or dry or not _is_chord(beat.pitch_classes):
            held, lowest = frozenset(), NO_BASS
            continue
        fits = bool(held) and _is_chord(held | beat.pitch_classes)
        if not fits or not (beat.bass < 0 or beat.bass >= lowest or beat.bass % 12 in held):
            spans.append([beat.start, beat.end])
            held, lowest = frozenset(), NO_BASS
        spans[-1][1] = beat.end
        held |= beat.pitch_classes
        lowest = min(lowest, beat.bass if beat.bass >= 0 else NO_BASS)
    for start, end in _without_rests(spans, _rests(draft, lanes)):
        if np.diff(draft.seconds_at(np.array([start, end])))[0] < 3 * CATCH_S:  # over before it has caught anything
            continue
        _send(draft, lanes, start, value, CATCH_S)
        _send(draft, lanes, end, UP)


def _rests(draft: Draft, lanes: list[int]) -> list[tuple[int, int]]:
    """Where nothing of the part sounds for a sixteenth or more."""
    rows = np.isin(draft.notes["part"], lanes) & (draft.notes["duration_div"] > 0)
    onsets = draft.notes["onset_div"][rows]  # by onset already
    reached = np.maximum.accumulate(np.append(0, onsets + draft.notes["duration_div"][rows]))
    starts, ends = reached, np.append(onsets, draft.piece.end_div)
    long = ends - starts >= draft.piece.divs_per_quarter / 4
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


def _without_rests(spans: list[list[int]], rests: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans with the rests cut out, those that are left of any length."""
    starts = np.array([start for start, _ in rests])
    for start, end in spans:
        place = start
        for index in range(max(int(np.searchsorted(starts, start, side="right")) - 1, 0), len(rests)):
            silent, again = rests[index]
            if silent >= end:
                break
            if again <= place:
                continue
            if silent > place:
                yield place, silent
            place = again
        if place < end:
            yield place, end


def _dry_spans(draft: Draft, directions: list[Direction]) -> list[tuple[int, int]]:
    """Played spans between *senza ped.* and *con ped.*"""
    switches: list[tuple[int, bool]] = []
    for direction in directions:
        if direction.kind != "words":
            continue
        kinds = {meaning.kind for meaning in parse_words(direction.text)}
        if kinds & {"pedal", "no pedal"}:
            places = draft.score.played_places(direction.onset, direction.measure)
            switches += [(place, "no pedal" in kinds) for place in places]
    return [(place, end) for (place, dry), (end, _) in pairwise([*sorted(switches), (draft.piece.end_div, False)]) if dry]
