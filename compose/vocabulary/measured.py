"""``measured``: anticipation in musical time. One step a note, its fields decoded in order inside the step.

A stream is START, one PART step a lane, then bars: a BAR step (length, meter, key, tempo) and the notes of the bar by place,
lane, pitch, duration. Notes known in advance stand in the stream as CONTROL steps, early by a delta in beats
(``compose.stream``). Time is 24 steps to the quarter; fields and classes are in ``measured_fields``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, STEPS_PER_QUARTER
from compose.vocabulary.bars import Chunk, chunks, to_steps
from compose.vocabulary.base import Encoding, GrammarState, Grid, Loss, LossKind, LossReport, Meaning, Tokens, Vocabulary
from compose.vocabulary.losses import cents_loss
from compose.vocabulary.measured_fields import (
    BAR,
    CHUNK_STEPS,
    CONTINUED,
    CONTROL,
    DRUMS,
    DURATION_STEPS,
    END,
    FIELD_SIZES,
    FIELDS,
    MAX_LANES,
    OTHER_METER,
    PART,
    START,
    VELOCITY_WIDTH,
    duration_class,
    meter_id,
    meter_of,
    tempo_id,
    tempo_of,
)
from corpora.errors import InputError
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, NOTE_DTYPE, TEMPO_DTYPE, Part, Piece, Table, sort_notes

__all__ = ["Measured", "bar_row", "end_row", "header_rows", "note_rows"]

NEXT, LANE, PITCH, DURATION, VELOCITY, PLACE, AHEAD, METER, KEY, TEMPO, PROGRAM = range(len(FIELDS))

# Fields that each kind of step fills after ``next``, in the order in which they are decided.
_FILLED = {
    "note": (LANE, PITCH, DURATION, VELOCITY),
    "bar": (DURATION, METER, KEY, TEMPO),
    "part": (LANE, PROGRAM),
    "control": (LANE, PITCH, DURATION, VELOCITY, PLACE, AHEAD),
    "mark": (),
}
_MEANINGS = {
    LANE: Meaning.LANE,
    PITCH: Meaning.PITCH,
    DURATION: Meaning.DURATION,
    VELOCITY: Meaning.VELOCITY,
    PROGRAM: Meaning.INSTRUMENT,
}


def _kind(token: int) -> str:
    return "note" if token < CHUNK_STEPS else {BAR: "bar", PART: "part", CONTROL: "control"}.get(token, "mark")


def header_rows(parts: tuple[Part, ...]) -> NDArray[np.int64]:
    """START and a PART step a lane, shape (1 + lanes, fields).

    Raises:
        InputError: More than 64 lanes.
    """
    if len(parts) > MAX_LANES:
        raise InputError(f"the piece has {len(parts)} lanes (staves or channels); the measured vocabulary holds {MAX_LANES}")
    rows = np.zeros((1 + len(parts), len(FIELDS)), dtype=np.int64)
    rows[0, NEXT] = START
    rows[1:, NEXT] = PART
    rows[1:, LANE] = np.arange(1, 1 + len(parts))
    rows[1:, PROGRAM] = [1 + (DRUMS if part.is_drum else part.program) for part in parts]
    return rows


def bar_row(chunk: Chunk) -> NDArray[np.int64]:
    """The BAR step of a bar or of a further part of one, shape (fields,)."""
    row = np.zeros(len(FIELDS), dtype=np.int64)
    row[[NEXT, DURATION, METER, KEY, TEMPO]] = (BAR, 1 + chunk.length, chunk.meter, chunk.key, chunk.tempo)
    return row


def end_row() -> NDArray[np.int64]:
    """The END step, shape (fields,)."""
    row = np.zeros(len(FIELDS), dtype=np.int64)
    row[NEXT] = END
    return row


def note_rows(
    place: NDArray[np.int64],
    lane: NDArray[np.int64],
    pitch: NDArray[np.int64],
    duration: NDArray[np.int64],
    velocity: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Note steps, shape (notes, fields), from places and durations in steps (velocity 0-127)."""
    rows = np.zeros((len(place), len(FIELDS)), dtype=np.int64)
    rows[:, NEXT] = place
    rows[:, LANE] = 1 + lane
    rows[:, PITCH] = 1 + pitch
    rows[:, DURATION] = duration_class(duration)
    rows[:, VELOCITY] = 1 + velocity // VELOCITY_WIDTH
    return rows


def _merge_doubles(notes: Table, onset: NDArray[np.int64], duration: NDArray[np.int64]) -> NDArray[np.intp]:
    """Order of writing (onset, lane, pitch, duration), of doubles at one place only the longest (grace notes stand apart)."""
    order = np.lexsort((duration, notes["pitch"], notes["part"], onset))
    key = np.stack([onset[order], notes["part"][order], notes["pitch"][order], duration[order] > 0], axis=1)
    same_as_following = np.zeros(len(order), dtype=np.bool_)
    same_as_following[:-1] = (key[1:] == key[:-1]).all(axis=1)
    return np.asarray(order[~same_as_following])


class Measured(Vocabulary):
    """See the module's text.

    Example:
        >>> Measured().field_sizes[0]
        197
    """

    name: ClassVar[str] = "measured"

    @property
    def field_sizes(self) -> tuple[int, ...]:
        return FIELD_SIZES

    @property
    def grid(self) -> Grid:
        return Grid(Fraction(1, STEPS_PER_QUARTER), "quarters")

    def encode(self, piece: Piece) -> Encoding:
        """The piece as steps, shape (steps, 11).

        Raises:
            InputError: More than 64 lanes.
        """
        bars = chunks(piece)
        notes = piece.notes
        onset = to_steps(notes["onset_div"], piece.divs_per_quarter)
        duration = to_steps(notes["duration_div"], piece.divs_per_quarter)
        duration = np.where(notes["duration_div"] > 0, np.maximum(duration, 1), 0)
        kept = _merge_doubles(notes, onset, duration)
        starts = np.array([chunk.start for chunk in bars], dtype=np.int64)
        home = np.searchsorted(starts, onset[kept], side="right") - 1
        rows = note_rows(
            onset[kept] - starts[home],
            notes["part"][kept].astype(np.int64),
            notes["pitch"][kept].astype(np.int64),
            duration[kept],
            np.clip(notes["velocity"][kept].astype(np.int64), 0, 127),
        )
        lines = np.stack([bar_row(chunk) for chunk in bars]) if bars else np.zeros((0, len(FIELDS)), dtype=np.int64)
        # each bar line before its notes: insert it at the index of the bar's first note
        body = np.insert(rows, np.searchsorted(home, np.arange(len(bars))), lines, axis=0)
        ids = np.concatenate([header_rows(piece.parts), body, end_row()[None]])
        return Encoding(Tokens(ids, self), self._report(piece, bars, onset, duration, kept, rows))

    def _report(
        self,
        piece: Piece,
        bars: list[Chunk],
        onset: NDArray[np.int64],
        duration: NDArray[np.int64],
        kept: NDArray[np.intp],
        rows: NDArray[np.int64],
    ) -> LossReport:
        """What the steps do not hold."""
        notes, divs = piece.notes, piece.divs_per_quarter
        moved = np.abs(onset * divs - notes["onset_div"] * STEPS_PER_QUARTER) / (divs * STEPS_PER_QUARTER)
        exact = notes["duration_div"][kept] * STEPS_PER_QUARTER / divs
        held = DURATION_STEPS[rows[:, DURATION] - 1]
        changed = np.abs(held - exact) / STEPS_PER_QUARTER
        clipped = exact > DURATION_STEPS[-1]
        rounded = (changed > 0) & ~clipped
        quantised = notes["velocity"][kept] % VELOCITY_WIDTH != 0
        tempos = np.array([tempo_of(tempo_id(float(t))) for t in piece.tempos["quarters_per_minute"]])
        odd = [m for m in piece.measures if meter_id(int(m["beats"]), int(m["beat_type"])) == OTHER_METER]
        off_tempo = np.abs(tempos - piece.tempos["quarters_per_minute"]) if len(tempos) else np.zeros(0)
        return LossReport.of(
            [
                Loss(LossKind.NOTES_MERGED, len(notes) - len(kept)),
                Loss(LossKind.ONSETS_MOVED, int((moved > 0).sum()), float(moved.max(initial=0)), "quarters"),
                Loss(LossKind.DURATIONS_ROUNDED, int(rounded.sum()), float(changed[rounded].max(initial=0)), "quarters"),
                Loss(LossKind.DURATIONS_CLIPPED, int(clipped.sum()), float(changed[clipped].max(initial=0)), "quarters"),
                Loss(LossKind.VELOCITIES_QUANTISED, int(quantised.sum()), float(VELOCITY_WIDTH - 1), "of 127"),
                Loss(LossKind.VOICES_IGNORED, int((notes["voice"] > 0).sum())),
                cents_loss(piece),
                Loss(LossKind.NAMES_IGNORED, sum(bool(part.name) for part in piece.parts)),
                Loss(LossKind.TEMPOS_ROUNDED, int((off_tempo > 0).sum()), float(off_tempo.max(initial=0)), "quarters a minute"),
                Loss(LossKind.METERS_IGNORED, len(odd)),
            ]
        )

    def decode(self, ids: NDArray[np.int64]) -> Piece:
        """The piece that steps say, 24 divs to the quarter; controls are notes too, at their own place.

        Raises:
            ValueError: Steps that the grammar does not allow.
        """
        ids = np.asarray(ids, dtype=np.int64)
        if ids.ndim != 2 or ids.shape[1] != len(FIELDS):
            raise ValueError(f"measured ids have shape (steps, {len(FIELDS)}), got {ids.shape}")
        if (ids < 0).any() or (ids >= np.array(FIELD_SIZES)).any():
            step, column = np.argwhere((ids < 0) | (ids >= np.array(FIELD_SIZES)))[0]
            raise ValueError(f"step {step}: {FIELDS[column]} {ids[step, column]} is outside 0..{FIELD_SIZES[column] - 1}")
        is_bar = ids[:, NEXT] == BAR
        lengths = np.where(is_bar, DURATION_STEPS[np.maximum(ids[:, DURATION] - 1, 0)], 0)
        starts = np.cumsum(lengths) - lengths
        chunk = np.cumsum(is_bar) - 1  # index of the chunk that each step stands in
        chunk_starts = starts[is_bar]
        sounding = (ids[:, NEXT] < CHUNK_STEPS) | (ids[:, NEXT] == CONTROL)
        if (chunk[sounding] < 0).any():
            raise ValueError(f"step {int(np.flatnonzero(sounding)[0])}: a note before the first bar")
        control = ids[:, NEXT] == CONTROL
        home = chunk + np.where(control, ids[:, AHEAD] - 1, 0)
        if (home[sounding] >= len(chunk_starts)).any() or (home[sounding] < 0).any():
            raise ValueError("a control lies in a bar that the stream does not have")
        place = np.where(control, ids[:, PLACE] - 1, ids[:, NEXT])
        parts_rows = ids[ids[:, NEXT] == PART]
        lanes = max(int(ids[sounding, LANE].max(initial=0)), len(parts_rows))
        notes = np.zeros(int(sounding.sum()), dtype=NOTE_DTYPE)
        notes["onset_div"] = chunk_starts[home[sounding]] + place[sounding]
        notes["duration_div"] = DURATION_STEPS[ids[sounding, DURATION] - 1]
        notes["pitch"] = ids[sounding, PITCH] - 1
        notes["velocity"] = np.clip((ids[sounding, VELOCITY] - 1) * VELOCITY_WIDTH, 1, 127)
        notes["part"] = ids[sounding, LANE] - 1
        notes["id"] = [f"n{index}" for index in range(len(notes))]
        programs = {int(row[LANE]) - 1: int(row[PROGRAM]) - 1 for row in parts_rows}
        parts = tuple(
            Part(f"Part {lane + 1}", str(lane), 1, programs.get(lane, 0) % DRUMS, programs.get(lane, 0) == DRUMS)
            for lane in range(lanes)
        )
        bars = ids[is_bar]
        return Piece(
            sort_notes(notes),
            STEPS_PER_QUARTER,
            parts,
            _measures(bars, chunk_starts),
            _tempos(bars, chunk_starts),
            _keys(bars, chunk_starts),
        )

    def grammar(self) -> GrammarState:
        return MeasuredGrammar()


def _measures(bars: NDArray[np.int64], starts: NDArray[np.int64]) -> Table:
    """The bar table, continued bars joined; the first is bar 0 when it is shorter than its meter."""
    first = bars[:, METER] != CONTINUED
    first[:1] = True
    rows = np.zeros(int(first.sum()), dtype=MEASURE_DTYPE)
    if not len(rows):
        return rows
    end = int(starts[-1] + DURATION_STEPS[bars[-1, DURATION] - 1])
    rows["start_div"] = starts[first]
    rows["end_div"] = np.append(starts[first][1:], end)
    for row, meter in zip(rows, bars[first, METER], strict=True):
        length = int(row["end_div"] - row["start_div"])
        row["beats"], row["beat_type"] = meter_of(int(meter)) or (max(length // STEPS_PER_QUARTER, 1), 4)
    full = rows["beats"][0] * 4 * STEPS_PER_QUARTER // rows["beat_type"][0]
    pickup = len(rows) > 1 and rows["end_div"][0] - rows["start_div"][0] < full
    rows["number"] = [str(index) for index in range(0 if pickup else 1, len(rows) + (0 if pickup else 1))]
    return rows


def _changes(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    changed = np.ones(len(values), dtype=np.bool_)
    changed[1:] = values[1:] != values[:-1]
    return changed


def _tempos(bars: NDArray[np.int64], starts: NDArray[np.int64]) -> Table:
    changed = _changes(bars[:, TEMPO])
    rows = np.zeros(int(changed.sum()), dtype=TEMPO_DTYPE)
    rows["onset_div"] = starts[changed]
    rows["quarters_per_minute"] = [tempo_of(int(tempo)) for tempo in bars[changed, TEMPO]]
    return rows


def _keys(bars: NDArray[np.int64], starts: NDArray[np.int64]) -> Table:
    changed = _changes(bars[:, KEY])
    rows = np.zeros(int(changed.sum()), dtype=KEY_DTYPE)
    rows["onset_div"] = starts[changed]
    rows["fifths"] = bars[changed, KEY] - 8
    return rows


class MeasuredGrammar(GrammarState):
    """Field by field: all eleven fields of a step are pushed in order, those that the step does not use as 0."""

    def __init__(self) -> None:
        self._row: list[int] = []
        self._stage = "start"  # start, parts, bars, ended
        self._lanes = 0
        self._length = 0  # of the current bar, steps
        self._last = (-1, 0, 0, 1)  # place, lane, pitch, duration ids of the last note in this bar

    @property
    def field(self) -> int:
        return len(self._row)

    @property
    def meaning(self) -> Meaning:
        if self._stage == "ended":
            return Meaning.END
        if not self._row:
            return Meaning.START if self._stage == "start" else Meaning.ONSET
        return _MEANINGS.get(self.field, Meaning.TIME_STATE)

    @property
    def may_end(self) -> bool:
        return self._stage == "ended"

    def mask(self) -> NDArray[np.bool_]:
        allowed = np.zeros(FIELD_SIZES[self.field], dtype=np.bool_)
        if self._stage == "ended":
            return allowed
        if not self._row:
            self._mask_next(allowed)
        elif self.field not in _FILLED[_kind(self._row[0])]:
            allowed[0] = True
        else:
            self._mask_field(allowed)
        return allowed

    def _mask_next(self, allowed: NDArray[np.bool_]) -> None:
        if self._stage == "start":
            allowed[START] = True
        elif self._stage == "parts":
            allowed[PART] = self._lanes < MAX_LANES
            allowed[BAR] = self._lanes > 0
        else:
            allowed[[BAR, END]] = True
            place, lane, pitch, duration = self._last
            first = max(place, 0)
            if (
                lane == self._lanes and pitch == NUM_PITCHES and duration > 1
            ):  # nothing comes after the highest note of the last lane
                first += 1
            allowed[first : self._length] = True

    def _mask_field(self, allowed: NDArray[np.bool_]) -> None:
        head, last = self._row[0], self._last
        allowed[1:] = True
        if head == PART:
            if self.field == LANE:
                allowed[:] = False
                allowed[self._lanes + 1] = True
        elif head == BAR:
            if self.field == DURATION:
                allowed[CHUNK_STEPS + 2 :] = False
        elif self.field == LANE:
            allowed[self._lanes + 1 :] = False
            if head == last[0]:
                full = last[2] == NUM_PITCHES and last[3] > 1
                allowed[: last[1] + full] = False
        elif self.field == PITCH and (head, self._row[LANE]) == last[:2]:
            allowed[: last[2] + (last[3] > 1)] = False  # a double only beside a grace note
        elif self.field == DURATION and (head, *self._row[1:3]) == last[:3]:
            allowed[1] = False  # after the grace note, the note itself

    def push(self, token: int) -> None:
        allowed = self.mask()
        if not 0 <= token < len(allowed) or not allowed[token]:
            choices = np.flatnonzero(allowed)
            span = f"{choices[0]}..{choices[-1]} ({len(choices)} ids)" if len(choices) else "nothing"
            raise ValueError(f"{FIELDS[self.field]} {token} may not come here, expected {span}")
        self._row.append(int(token))
        if len(self._row) == len(FIELDS):
            self._finish(self._row)
            self._row = []

    def _finish(self, row: list[int]) -> None:
        head = row[0]
        if head == START:
            self._stage = "parts"
        elif head == PART:
            self._lanes += 1
        elif head == BAR:
            self._stage = "bars"
            self._length = row[DURATION] - 1
            self._last = (-1, 0, 0, 1)
        elif head == END:
            self._stage = "ended"
        elif head < CHUNK_STEPS:
            self._last = (head, row[LANE], row[PITCH], row[DURATION])
