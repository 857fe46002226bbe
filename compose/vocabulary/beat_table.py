"""A piece as ``remi`` and ``compound`` see it: bars with a meter, tempo changes and notes by place in the bar, lanes as programs.

Conventions: time is 24 steps to the quarter; a program is 0-127, or 128 for drums, and lanes of one program are one. Bars are those
of the score. A *meter* id says how long a bar is: below ``LENGTHS`` it is a meter of ``measured_fields.meter_id``; from there on a
length of 1 to 192 steps, for bars that are not as long as their meter says (pickups, the two halves of a split bar).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, STEPS_PER_QUARTER
from compose.vocabulary.bars import Chunk, chunks, to_steps
from compose.vocabulary.base import Loss, LossKind, LossReport
from compose.vocabulary.losses import cents_loss, controller_loss, note_loss
from compose.vocabulary.measured_fields import (
    CHUNK_STEPS,
    DRUMS,
    DURATION_STEPS,
    FIELD_SIZES,
    duration_class,
    meter_of,
    tempo_id,
    tempo_of,
)
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, TEMPO_DTYPE, Part, Piece, empty_notes, sort_notes

__all__ = [
    "LENGTHS",
    "NUM_METERS",
    "NUM_PROGRAMS",
    "NUM_TEMPOS",
    "NUM_VELOCITIES",
    "BeatTable",
    "bar_steps",
    "from_piece",
    "make_table",
    "meter_is_known",
    "to_piece",
]

Integers = NDArray[np.int64]

LENGTHS: Final = FIELD_SIZES[7]  # first meter id that is a length
NUM_METERS: Final = LENGTHS + CHUNK_STEPS
NUM_TEMPOS: Final = FIELD_SIZES[9]
NUM_PROGRAMS: Final = DRUMS + 1
NUM_VELOCITIES: Final = 32
VELOCITY_WIDTH: Final = 4


@dataclass(frozen=True)
class BeatTable:
    """Bars, tempos and notes; all int64.

    Args:
        meters: Meter id of each bar, shape (bars,).
        tempos: Rows bar, place, tempo id in order of time, shape (changes, 3).
        notes: Rows bar, place, program, pitch, duration class (from 0), velocity bin; in order of bar, place, program, pitch,
            duration; shape (notes, 6).
    """

    meters: Integers
    tempos: Integers
    notes: Integers


def bar_steps(meter: int) -> int:
    """Length in steps of a bar of this meter id; 0 where the id stands for none."""
    if meter >= LENGTHS:
        return meter - LENGTHS + 1
    found = meter_of(meter)
    return found[0] * 4 * STEPS_PER_QUARTER // found[1] if found else 0


def _fitting_meter(length: int, meter: int) -> int:
    """The meter itself where the bar is as long as it says and no longer than 192 steps, else the length."""
    found = meter_of(meter)
    exact = found is not None and found[0] * 4 * STEPS_PER_QUARTER == length * found[1]
    return meter if exact else LENGTHS + length - 1


def from_piece(piece: Piece) -> tuple[BeatTable, LossReport]:
    """The table of a piece and all that it does not hold."""
    plain = replace(piece, tempos=np.zeros(0, TEMPO_DTYPE), keys=np.zeros(0, KEY_DTYPE))
    bars = chunks(plain)
    starts = np.array([bar.start for bar in bars], dtype=np.int64)
    meters = np.array([_fitting_meter(bar.length, bar.meter) for bar in bars], dtype=np.int64)
    notes = piece.notes
    onset = to_steps(notes["onset_div"], piece.divs_per_quarter)
    duration = to_steps(notes["duration_div"], piece.divs_per_quarter)
    duration = np.where(notes["duration_div"] > 0, np.maximum(duration, 1), 0)
    fits = (notes["pitch"] >= 0) & (notes["pitch"] < NUM_PITCHES)
    programs = np.array([DRUMS if part.is_drum else part.program for part in piece.parts], dtype=np.int64)
    rows = np.zeros((int(fits.sum()), 6), dtype=np.int64)
    if len(rows):
        home = np.searchsorted(starts, onset[fits], side="right") - 1
        rows[:, 0], rows[:, 1] = home, onset[fits] - starts[home]
        rows[:, 2], rows[:, 3] = programs[notes["part"][fits]], notes["pitch"][fits]
        rows[:, 4] = duration_class(duration[fits]) - 1
        # Values 3, 7 ... 127: those of MidiTok for 32 velocities.
        rows[:, 5] = np.clip((np.clip(notes["velocity"][fits].astype(np.int64), 0, 127) - 1) // VELOCITY_WIDTH, 0, None)
        rows = rows[np.lexsort((rows[:, 5], rows[:, 4], rows[:, 3], rows[:, 2], rows[:, 1], rows[:, 0]))]
    table = BeatTable(meters, _tempos(piece, starts, int(meters.size)), rows)
    return table, _report(piece, table, bars, onset, duration, fits, programs)


def _tempos(piece: Piece, starts: Integers, bars: int) -> Integers:
    """Tempo changes by bar and place; of several at one step the last, of equal ones the first."""
    if not bars or not len(piece.tempos):
        return np.zeros((0, 3), dtype=np.int64)
    steps = to_steps(piece.tempos["onset_div"], piece.divs_per_quarter)
    at_step = {
        step: tempo_id(value) for step, value in zip(steps.tolist(), piece.tempos["quarters_per_minute"].tolist(), strict=True)
    }
    rows: list[tuple[int, int, int]] = []
    for step, tempo in sorted(at_step.items()):
        home = int(np.searchsorted(starts, step, side="right")) - 1
        if home >= 0 and step - starts[home] < CHUNK_STEPS and (not rows or rows[-1][2] != tempo):
            rows.append((home, step - int(starts[home]), tempo))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _report(
    piece: Piece,
    table: BeatTable,
    bars: list[Chunk],
    onset: Integers,
    duration: Integers,
    fits: NDArray[np.bool_],
    programs: Integers,
) -> LossReport:
    """What the table does not hold."""
    notes, divs = piece.notes, piece.divs_per_quarter
    moved = (onset * divs - notes["onset_div"] * STEPS_PER_QUARTER) / (divs * STEPS_PER_QUARTER)
    exact = notes["duration_div"] * STEPS_PER_QUARTER / divs
    changed = (DURATION_STEPS[duration_class(duration) - 1] - exact) / STEPS_PER_QUARTER
    clipped = exact > DURATION_STEPS[-1]
    used = np.unique(notes["part"])
    names = tuple(piece.parts[lane].name for lane in used)
    values = piece.tempos["quarters_per_minute"]
    off_tempo = np.array([tempo_of(tempo_id(float(value))) - float(value) for value in values])
    off_bin = (np.clip(notes["velocity"].astype(np.int64), 0, 127) - 3) % VELOCITY_WIDTH != 0
    held = {int(bar.bar) for bar, meter in zip(bars, table.meters.tolist(), strict=True) if meter < LENGTHS}
    return LossReport.of(
        [
            note_loss(LossKind.NOTES_DROPPED, piece, ~fits),
            note_loss(LossKind.ONSETS_MOVED, piece, moved != 0, moved, "quarters"),
            note_loss(LossKind.DURATIONS_ROUNDED, piece, (changed != 0) & ~clipped, changed, "quarters"),
            note_loss(LossKind.DURATIONS_CLIPPED, piece, clipped, changed, "quarters"),
            Loss(LossKind.VELOCITIES_QUANTISED, int(off_bin.sum()), float(VELOCITY_WIDTH - 2), "of 127"),
            note_loss(LossKind.VOICES_IGNORED, piece, notes["voice"] != 0),
            Loss(LossKind.LANES_MERGED, len(used) - len(np.unique(programs[used])), examples=names[:3]),
            Loss(LossKind.LANES_EMPTY, len(piece.parts) - len(used)),
            Loss(LossKind.NAMES_IGNORED, len(used), examples=names[:3]),
            Loss(
                LossKind.TEMPOS_ROUNDED, int((off_tempo != 0).sum()), float(np.abs(off_tempo).max(initial=0)), "quarters a minute"
            ),
            Loss(LossKind.TEMPOS_IGNORED, len(values) - len(table.tempos)),
            Loss(LossKind.METERS_IGNORED, len(piece.measures) - len(held)),
            Loss(LossKind.KEYS_IGNORED, len(piece.keys)),
            cents_loss(piece),
            controller_loss(piece),
        ]
    )


def to_piece(table: BeatTable) -> Piece:
    """The piece of a table: one lane a program (drums last), 24 divs to the quarter."""
    lengths = np.array([bar_steps(meter) for meter in table.meters.tolist()], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    programs, lanes = np.unique(table.notes[:, 2], return_inverse=True)
    parts = tuple(
        Part("Drums", key="drums", is_drum=True)
        if program == DRUMS
        else Part(f"Program {program}", key=str(program), program=program)
        for program in programs.tolist()
    )
    notes = empty_notes(len(table.notes))
    notes["onset_div"] = starts[table.notes[:, 0]] + table.notes[:, 1] if len(notes) else 0
    notes["duration_div"] = DURATION_STEPS[table.notes[:, 4]]
    notes["pitch"] = table.notes[:, 3]
    notes["velocity"] = VELOCITY_WIDTH * table.notes[:, 5] + 3
    notes["part"] = lanes
    notes = sort_notes(notes)
    notes["id"] = np.char.add("n", np.arange(len(notes)).astype("U20"))
    measures = np.zeros(len(lengths), dtype=MEASURE_DTYPE)
    measures["start_div"], measures["end_div"] = starts, starts + lengths
    measures["number"] = (np.arange(len(lengths)) + 1).astype("U16")
    meters = [meter_of(meter) if meter < LENGTHS else None for meter in table.meters.tolist()]
    # A bar given by its length is in 96ths.
    shown = [meter or (length, 4 * STEPS_PER_QUARTER) for meter, length in zip(meters, lengths.tolist(), strict=True)]
    measures["beats"] = [beats for beats, _ in shown]
    measures["beat_type"] = [kind for _, kind in shown]
    tempos = np.zeros(len(table.tempos), dtype=TEMPO_DTYPE)
    if len(tempos):
        tempos["onset_div"] = starts[table.tempos[:, 0]] + table.tempos[:, 1]
        tempos["quarters_per_minute"] = [tempo_of(tempo) for tempo in table.tempos[:, 2].tolist()]
    return Piece(notes, STEPS_PER_QUARTER, parts, measures, tempos)


def make_table(meters: list[int], tempos: list[tuple[int, int, int]], notes: list[tuple[int, ...]]) -> BeatTable:
    """A table from lists of rows."""
    return BeatTable(
        np.array(meters, dtype=np.int64),
        np.array(tempos, dtype=np.int64).reshape(-1, 3),
        np.array(notes, dtype=np.int64).reshape(-1, 6),
    )


def meter_is_known(meter: int) -> bool:
    """Whether a meter id may stand at a bar: it says a length of 1 to 192 steps in whole steps."""
    if meter >= LENGTHS:
        return meter < NUM_METERS
    found = meter_of(meter)
    if found is None:
        return False
    steps, rest = divmod(found[0] * 4 * STEPS_PER_QUARTER, found[1])
    return not rest and 1 <= steps <= CHUNK_STEPS
