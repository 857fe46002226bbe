"""From the draft to ticks: ``realise``.

What holds whatever the rules say: notes of one voice never change their order (an onset waits for the one before it), nothing
begins before the piece, every note lasts at least ``SHORTEST_S``, and velocities are 1 to 127.

Sustaining lanes get half of their dynamic level (in dB) as expression (CC11) and half as velocity, so that a held note follows a
hairpin; lanes that must share a channel, and instruments that cannot swell, have all of it in the velocity.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from corpora.midi.writer import MAX_TICKS_PER_QUARTER, MIN_TICKS_PER_QUARTER, LaneMessage, assign_channels, grace_places
from corpora.piece import NOTE_DTYPE, TEMPO_DTYPE, Piece, Table
from render.perform.draft import Draft, Figure, Message, Stroke, is_sustaining
from render.perform.levels import BASE_LEVEL_DB, level_of_value, value_of_level
from render.perform.performance import PERFORMED_DTYPE

__all__ = ["EXPRESSION", "realise"]

Array = NDArray[np.float64]

FINE_TICKS_PER_QUARTER = 960
MICROSECONDS_PER_MINUTE = 60_000_000
MAX_MICROSECONDS = 0xFFFFFF
SHORTEST_S = 0.02
ORDER_GAP_S = 0.002
RELEASE_GAP_S = 0.03  # before a key is struck again
EXPRESSION = 11
CONTROL = 0xB0
EXPRESSION_SHARE = 0.5
EXPRESSION_STEP_S = 0.06
EXPRESSION_LEAD_S = 0.03  # the level is there when its notes begin, early ones included
_PLAIN = Figure("", (Stroke(0.0, 1.0),))


class _Clock:
    """Ticks and seconds under the draft's tempo, rounded as MIDI has it."""

    def __init__(self, draft: Draft) -> None:
        self.factor = _factor(draft.piece.divs_per_quarter)
        self.ticks_per_quarter = draft.piece.divs_per_quarter * self.factor
        self.ticks = draft.grid * self.factor
        spans = np.diff(self.ticks)
        wanted = draft.cell_s * self.ticks_per_quarter * 1e6 / spans
        self.microseconds = np.clip(np.rint(wanted), 1, MAX_MICROSECONDS).astype(np.int64)
        whole = np.concatenate([[0], np.cumsum(spans * self.microseconds)])
        self.seconds = whole / (self.ticks_per_quarter * 1e6)

    def at(self, ticks: Array | NDArray[np.int64]) -> Array:
        """Seconds of ticks."""
        return _extended(ticks, self.ticks, self.seconds)

    def ticks_at(self, seconds: Array) -> Array:
        """Ticks (not rounded) of seconds."""
        return _extended(seconds, self.seconds, self.ticks)

    def tempos(self) -> Table:
        """The tempo map in ticks."""
        changes = np.flatnonzero(np.append(True, np.diff(self.microseconds) != 0))
        rows = zip(self.ticks[changes].tolist(), (MICROSECONDS_PER_MINUTE / self.microseconds[changes]).tolist(), strict=True)
        return np.array(list(rows), dtype=TEMPO_DTYPE)


def _extended(values: Array | NDArray[np.int64], source: Array | NDArray[np.int64], target: Array | NDArray[np.int64]) -> Array:
    """Linear interpolation that goes on past both ends with the slope there."""
    piece = np.clip(np.searchsorted(source, values, side="right") - 1, 0, len(source) - 2)
    slope = (target[piece + 1] - target[piece]) / (source[piece + 1] - source[piece])
    return np.asarray(target[piece] + (values - source[piece]) * slope)


def _writer_factor(divs_per_quarter: int) -> int:
    """Ticks a div that ``write_midi`` would take."""
    return -(-MIN_TICKS_PER_QUARTER // divs_per_quarter)


def _factor(divs_per_quarter: int) -> int:
    """Ticks a div here: a multiple of those."""
    coarse = _writer_factor(divs_per_quarter)
    factor = coarse * -(-FINE_TICKS_PER_QUARTER // (divs_per_quarter * coarse))
    return factor if divs_per_quarter * factor <= MAX_TICKS_PER_QUARTER else 1


def realise(draft: Draft) -> tuple[Table, Piece, tuple[LaneMessage, ...]]:
    """Performed notes (PERFORMED_DTYPE), the piece in ticks, and its messages."""
    clock = _Clock(draft)
    onset, end = _ticks_of_notes(draft, clock)
    _keep_order(draft, clock, onset, end)
    if draft.releases_repeated:
        _release_before_repeats(draft, clock, onset, end)
    expression, sent = _expression(draft, clock)
    velocity = value_of_level(draft.level_db - expression)
    notes = _strike(draft, clock, onset, end, velocity)
    messages = sorted([*_placed(draft.messages, clock), *sent], key=lambda message: message.onset_div)
    piece = draft.piece
    played = replace(
        piece,
        notes=_note_table(notes),
        divs_per_quarter=clock.ticks_per_quarter,
        measures=_scaled(piece.measures, clock.factor),
        tempos=clock.tempos(),
        keys=_scaled(piece.keys, clock.factor),
        source=None,
    )
    return notes, played, tuple(messages)


def _scaled(table: Table, factor: int) -> Table:
    out = table.copy()
    for name in table.dtype.names or ():
        if name.endswith("_div"):
            out[name] *= factor
    return out


def _ticks_of_notes(draft: Draft, clock: _Clock) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each note begins and ends; grace notes that no rule has placed stand where ``write_midi`` puts them."""
    onset, end = draft.onset * clock.factor, draft.end * clock.factor
    groups: dict[tuple[int, int], list[int]] = {}
    coarse = _writer_factor(draft.piece.divs_per_quarter)
    finer = clock.factor / coarse
    for row in np.flatnonzero(_is_unplaced(draft)).tolist():
        groups.setdefault((int(draft.notes["part"][row]), int(draft.notes["onset_div"][row])), []).append(row)
    for (_, place), rows in groups.items():
        rows.sort(key=lambda row: (len(draft.notes["id"][row]), draft.notes["id"][row]))
        start, each = grace_places(place * coarse, len(rows), draft.piece.divs_per_quarter * coarse)
        for rank, row in enumerate(rows):
            onset[row], end[row] = (start + rank * each) * finer, (start + (rank + 1) * each) * finer
    moved = np.flatnonzero(draft.onset_shift_s)
    onset[moved] = clock.ticks_at(clock.at(onset[moved]) + draft.onset_shift_s[moved])
    moved = np.flatnonzero(draft.end_shift_s)
    end[moved] = clock.ticks_at(clock.at(end[moved]) + draft.end_shift_s[moved])
    return np.rint(onset).astype(np.int64), np.rint(end).astype(np.int64)


def _is_unplaced(draft: Draft) -> NDArray[np.bool_]:
    """Grace notes that no rule has given a place and a length."""
    return np.asarray((draft.notes["duration_div"] == 0) & (draft.end <= draft.onset))


def _keep_order(draft: Draft, clock: _Clock, onset: NDArray[np.int64], end: NDArray[np.int64]) -> None:
    """Nothing before the start; in a voice every place waits for the one before it; nothing is too short. In place.

    Grace notes that no rule has placed stay where ``write_midi`` puts them.
    """
    is_placed = ~_is_unplaced(draft)
    if len(onset) and onset.min() < 0:
        first = draft.onset == draft.onset[onset.argmin()]
        onset[first] -= onset.min()
    for every in draft.groups.values():
        rows = every[is_placed[every]]
        before = latest = -1
        for row in rows[np.lexsort((onset[rows], draft.onset[rows]))].tolist():
            place = draft.onset[row]
            if place != before:
                floor, before = latest, place
            if onset[row] <= floor:
                onset[row] = floor + max(round(ORDER_GAP_S * clock.ticks_per_quarter * 1e6 / clock.microseconds[0]), 1)
            latest = max(latest, int(onset[row]))
    shortest = np.ceil(clock.ticks_at(clock.at(onset) + SHORTEST_S)).astype(np.int64)
    wanted = np.maximum(np.rint((draft.onset + draft.notes["duration_div"]) * clock.factor).astype(np.int64), onset + 1)
    end[:] = np.maximum(end, np.minimum(shortest, wanted))
    end[:] = np.minimum(end, draft.piece.end_div * clock.factor)  # a release past the last bar would make a bar more
    end[:] = np.maximum(end, onset + 1)


def _release_before_repeats(draft: Draft, clock: _Clock, onset: NDArray[np.int64], end: NDArray[np.int64]) -> None:
    """A key is let go before it is struck again; notes of one key that begin together in the score do so. In place."""
    notes = draft.notes
    ordered = np.lexsort((onset, notes["onset_div"], notes["cents"], notes["pitch"], notes["part"]))
    columns = [notes[name][ordered] for name in ("part", "pitch", "cents")]
    same_key = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    together = same_key & (notes["onset_div"][ordered][1:] == notes["onset_div"][ordered][:-1])
    first_of_group = np.flatnonzero(np.append(True, ~together))
    group = np.cumsum(np.append(True, ~together)) - 1
    is_main = notes["duration_div"][ordered] > 0
    earliest = np.full(len(first_of_group), np.iinfo(np.int64).max)
    np.minimum.at(earliest, group[is_main], onset[ordered][is_main])
    onset[ordered[is_main]] = earliest[group[is_main]]
    after = np.append(first_of_group[1:], 0)
    has_after = np.append(same_key[first_of_group[1:] - 1], False)
    nexts = onset[ordered[after]][group]
    cut = has_after[group] & (end[ordered] >= nexts) & (nexts > onset[ordered])
    rows, places = ordered[cut], nexts[cut]
    room_s = clock.at(places) - clock.at(onset[rows])
    latest = clock.ticks_at(clock.at(places) - np.minimum(RELEASE_GAP_S, room_s / 4))
    end[rows] = np.maximum(latest.astype(np.int64), onset[rows] + 1)


def _expression(draft: Draft, clock: _Clock) -> tuple[Array, list[LaneMessage]]:
    """dB that each note has from its lane's expression, and the controllers that give it."""
    given = np.zeros(len(draft.notes))
    sent: list[LaneMessage] = []
    channels = assign_channels(draft.piece.parts)
    users = Counter(channels)
    for lane, part in enumerate(draft.piece.parts):
        rows = np.flatnonzero(draft.notes["part"] == lane)
        if not draft.curves or not len(rows) or part.is_drum or users[channels[lane]] > 1 or not is_sustaining(part.program):
            continue
        places = _expression_places(draft, int(draft.notes["onset_div"][rows].min()), float(draft.end[rows].max()))
        values = value_of_level(EXPRESSION_SHARE * (BASE_LEVEL_DB + _sum_of_curves(draft, lane, places)))
        onsets = draft.notes["onset_div"][rows].astype(np.float64)
        at_notes = value_of_level(EXPRESSION_SHARE * (BASE_LEVEL_DB + _sum_of_curves(draft, lane, onsets)))
        given[rows] = level_of_value(at_notes.astype(np.float64))
        changes = np.flatnonzero(np.append(True, np.diff(values) != 0))
        ticks = np.rint(clock.ticks_at(clock.at(places[changes] * clock.factor) - EXPRESSION_LEAD_S)).astype(np.int64)
        for tick, value in zip(ticks.tolist(), values[changes].tolist(), strict=True):
            sent.append(LaneMessage(max(tick, 0), lane, CONTROL, bytes([EXPRESSION, value])))
    return given, sent


def _sum_of_curves(draft: Draft, lane: int, places: Array) -> Array:
    total = np.zeros(len(places))
    for curve in draft.curves:
        total += curve(lane, places)
    return total


def _expression_places(draft: Draft, first: int, last: float) -> Array:
    """Where expression is looked at: the grid, and between its places where they are far apart."""
    parts = [np.array([float(first)])]
    counts = np.clip(np.ceil(draft.cell_s / EXPRESSION_STEP_S), 1, 64).astype(np.int64)
    for count in np.unique(counts).tolist():
        cells = np.flatnonzero(counts == count)
        widths = np.diff(draft.grid)[cells] / count
        parts += [draft.grid[cells] + widths * step for step in range(count)]
    places = np.unique(np.concatenate(parts))
    return np.asarray(places[(places >= first) & (places < last)])


def _placed(messages: list[Message], clock: _Clock) -> list[LaneMessage]:
    out = []
    for message in messages:
        tick = message.place * clock.factor
        if message.shift_s:
            tick = float(clock.ticks_at(clock.at(np.array([tick])) + message.shift_s)[0])
        data = bytes([message.first, message.second]) if message.status == CONTROL else bytes([message.first])
        out.append(LaneMessage(max(round(tick), 0), message.lane, message.status, data))
    return out


def _strike(draft: Draft, clock: _Clock, onset: NDArray[np.int64], end: NDArray[np.int64], velocity: NDArray[np.int64]) -> Table:
    """The performed notes, figures written out."""
    rows = []
    notes = draft.notes
    columns = (notes[name].tolist() for name in ("pitch", "part", "voice", "id", "onset_div", "cents"))
    for row, (pitch, part, voice, identity, place, cents) in enumerate(zip(*columns, strict=True)):
        figure = draft.figures.get(row, _PLAIN)
        start, length = int(onset[row]), int(end[row] - onset[row])
        for index, stroke in enumerate(figure.strokes):
            first = start + round(stroke.start * length)
            last = max(start + round(stroke.end * length), first + 1)
            level_db = float(level_of_value(float(velocity[row]))) + stroke.level_db if stroke.level_db else None
            struck = int(velocity[row]) if level_db is None else int(value_of_level(level_db))
            height = min(max(pitch + stroke.semitones, 0), 127)
            score_id, turn = draft.written_ids[row], int(draft.score.passes[row])
            name = identity if index == figure.main else f"{identity}.{index}"
            ornament = "" if index == figure.main else figure.name
            rows.append((0.0, 0.0, first, last - first, height, struck, part, voice, name, score_id, turn, place, ornament, cents))
    table = np.array(rows, dtype=PERFORMED_DTYPE)
    table["onset_s"] = clock.at(table["onset_tick"])
    table["duration_s"] = clock.at(table["onset_tick"] + table["duration_tick"]) - table["onset_s"]
    return table[np.lexsort((table["duration_tick"], table["cents"], table["pitch"], table["part"], table["onset_tick"]))]


def _note_table(notes: Table) -> Table:
    table = np.zeros(len(notes), dtype=NOTE_DTYPE)
    for name, source in (("onset_div", "onset_tick"), ("duration_div", "duration_tick")):
        table[name] = notes[source]
    for name in ("pitch", "velocity", "part", "voice", "cents"):
        table[name] = notes[name]
    table["id"] = notes["id"]
    return table
