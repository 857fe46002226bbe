"""Passages: some bars of a performance in seconds, before anybody has said which instruments play them.

Conventions: seconds from the start of the passage. A *part* is what one player plays: the staves of a piano are one. Controllers
are MIDI's, with the state at the start given at 0. ``grid`` says where the writing grid (24 steps a quarter, step 0 at the first
bar) falls in time, for drums that are added later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from compose.canvas import STEPS_PER_QUARTER
from corpora.piece import Piece, Table
from render.perform.draft import beat_quarters
from render.perform.performance import Performance
from transcribe.heard import BEAT_DTYPE

__all__ = ["CONTROL_DTYPE", "DRUM_PROGRAM", "PASSAGE_DTYPE", "Passage", "PassagePart", "bar_spans", "beats_of", "cut_passage"]

DRUM_PROGRAM = -1  # stands for drums among programs

PASSAGE_DTYPE = np.dtype(
    [
        ("onset_s", np.float64),
        ("release_s", np.float64),  # where the key goes up
        ("pitch", np.int32),
        ("velocity", np.int32),
        ("part", np.int32),  # index into Passage.parts
    ]
)
CONTROL_DTYPE = np.dtype([("time_s", np.float64), ("part", np.int32), ("controller", np.int32), ("value", np.int32)])
CONTROL = 0xB0


@dataclass(frozen=True)
class PassagePart:
    """Who plays: a General MIDI program (from 0), or a drum kit, whose ``program`` is the number of its set."""

    program: int
    is_drum: bool = False

    @property
    def instrument(self) -> int:
        """The program, or ``DRUM_PROGRAM`` for any drum kit."""
        return DRUM_PROGRAM if self.is_drum else self.program


@dataclass(frozen=True, eq=False)
class Passage:
    """Music in seconds.

    Args:
        notes: PASSAGE_DTYPE rows by onset.
        controls: CONTROL_DTYPE rows by time.
        parts: Who plays.
        duration_s: Where the last bar ends; notes begin before it.
        beats: BEAT_DTYPE rows; empty for music without beats.
        beats_per_bar: Of the meter of most bars, as in ``transcribe.heard.HeardMusic``.
        beat_type: Likewise.
        bars: (bars, 4) int64: start and length in steps, beats and beat type.
        grid: (places, 2) float64, increasing: steps, seconds.
    """

    notes: Table
    controls: Table
    parts: tuple[PassagePart, ...]
    duration_s: float
    beats: Table
    beats_per_bar: int
    beat_type: int
    bars: NDArray[np.int64]
    grid: NDArray[np.float64]

    def faster(self, factor: float) -> Passage:
        """The same at ``factor`` times the speed."""
        notes, controls, beats, grid = self.notes.copy(), self.controls.copy(), self.beats.copy(), self.grid.copy()
        for table, columns in ((notes, ("onset_s", "release_s")), (controls, ("time_s",)), (beats, ("time_s",))):
            for column in columns:
                table[column] /= factor
        grid[:, 1] /= factor
        return replace(self, notes=notes, controls=controls, beats=beats, grid=grid, duration_s=self.duration_s / factor)


def beats_of(measures: Table, divs_per_quarter: int) -> list[tuple[float, int]]:
    """Place in divs and number of every tactus of some bars (``render.perform.draft.beat_quarters``).

    The beats of a first bar that is too short are its last ones; a short bar after a short one goes on counting where both together
    make a whole bar.
    """
    out: list[tuple[float, int]] = []
    before = 0.0  # length of a short bar that this one may complete
    for index, row in enumerate(measures):
        beats, beat_type = int(row["beats"]), int(row["beat_type"])
        start, end = float(row["start_div"]), float(row["end_div"])
        step = beat_quarters(beats, beat_type) * divs_per_quarter
        whole = beats * 4 * divs_per_quarter / beat_type
        length = end - start
        skipped = 0.0
        if length < whole:
            if index == 0:
                skipped = whole - length
            elif before and before + length <= whole:
                skipped = before
        before = length if length < whole and not skipped else 0.0
        number = int(np.ceil(skipped / step - 1e-9))
        place = start + number * step - skipped
        while place < end - 1e-9:
            out.append((place, number + 1))
            place += step
            number += 1
    return out


def bar_spans(measures: Table, seconds: NDArray[np.float64], shortest_s: float, longest_s: float) -> Iterator[tuple[int, int]]:
    """Bars cut into spans of about equal length, first and last (exclusive) bar each.

    Args:
        measures: MEASURE_DTYPE rows.
        seconds: (bars + 1,) where bars begin, and the last one ends.
        shortest_s: A rest of the piece that is shorter than this is left out, unless it is all there is.
        longest_s: No span of more than one bar is longer.
    """
    first = 0
    while first < len(measures):
        last = int(np.searchsorted(seconds, seconds[first] + longest_s, side="right")) - 1
        last = min(max(last, first + 1), len(measures))
        if seconds[last] - seconds[first] >= shortest_s or (first == 0 and last == len(measures)):
            yield first, last
        first = last


def _main_meter(measures: Table) -> tuple[int, int]:
    meters, counts = np.unique(np.stack([measures["beats"], measures["beat_type"]], axis=1), axis=0, return_counts=True)
    beats, beat_type = meters[counts.argmax()].tolist()
    return int(beats), int(beat_type)


def cut_passage(
    performance: Performance, span: tuple[int, int], part_of_lane: Sequence[int], parts: Sequence[PassagePart]
) -> Passage:
    """Bars of a performance as a passage.

    Args:
        performance: The whole.
        span: Indices into ``performance.played.measures``: the first bar, and one past the last.
        part_of_lane: For each lane the part that plays it; -1 for lanes that are left out.
        parts: Who plays.
    """
    played = performance.played
    bars = played.measures[slice(*span)]
    start_s, end_s = played.div_to_seconds(np.array([bars["start_div"][0], bars["end_div"][-1]])).tolist()
    lanes = np.array(part_of_lane)
    rows = performance.notes
    rows = rows[(rows["onset_s"] >= start_s) & (rows["onset_s"] < end_s) & (lanes[rows["part"]] >= 0)]
    notes = np.zeros(len(rows), dtype=PASSAGE_DTYPE)
    notes["onset_s"] = rows["onset_s"] - start_s
    notes["release_s"] = np.minimum(rows["onset_s"] + rows["duration_s"], end_s) - start_s
    notes["pitch"], notes["velocity"], notes["part"] = rows["pitch"], rows["velocity"], lanes[rows["part"]]
    places = beats_of(bars, played.divs_per_quarter)
    beats = np.zeros(len(places), dtype=BEAT_DTYPE)
    beats["time_s"] = played.div_to_seconds(np.array([place for place, _ in places])) - start_s
    beats["number"] = [number for _, number in places]
    return Passage(
        notes=notes[np.argsort(notes["onset_s"], kind="stable")],
        controls=_controls(performance, start_s, end_s, lanes),
        parts=tuple(parts),
        duration_s=end_s - start_s,
        beats=beats,
        beats_per_bar=_main_meter(bars)[0],
        beat_type=_main_meter(bars)[1],
        bars=_bars_in_steps(bars, played.divs_per_quarter),
        grid=_grid(played, bars, start_s),
    )


def _controls(performance: Performance, start_s: float, end_s: float, lanes: NDArray[np.int64]) -> Table:
    """The controllers of a span; what stood before it stands at its start. The lanes of a part are told alike, once."""
    played = performance.played
    messages = [m for m in performance.messages if m.status == CONTROL and lanes[m.lane] >= 0]
    times = played.div_to_seconds(np.array([m.onset_div for m in messages], dtype=np.int64)) - start_s
    state: dict[tuple[int, int], int] = {}
    rows: list[tuple[float, int, int, int]] = []
    for message, time_s in zip(messages, times.tolist(), strict=True):
        key = int(lanes[message.lane]), message.data[0]
        if time_s < 0:
            state[key] = message.data[1]
        elif time_s < end_s - start_s:
            rows.append((time_s, *key, message.data[1]))
    rows = [(0.0, *key, value) for key, value in state.items()] + rows
    return np.array(list(dict.fromkeys(rows)), dtype=CONTROL_DTYPE)


def _bars_in_steps(bars: Table, divs_per_quarter: int) -> NDArray[np.int64]:
    first = bars["start_div"][0]
    edges = np.rint((np.append(bars["start_div"], bars["end_div"][-1:]) - first) * STEPS_PER_QUARTER / divs_per_quarter)
    return np.stack([edges[:-1], np.diff(edges), bars["beats"], bars["beat_type"]], axis=1).astype(np.int64)


def _grid(played: Piece, bars: Table, start_s: float) -> NDArray[np.float64]:
    """Every quarter of a beat of the bars."""
    first, end = int(bars["start_div"][0]), int(bars["end_div"][-1])
    steps = np.arange(0, (end - first) * STEPS_PER_QUARTER / played.divs_per_quarter + 6, 6, dtype=np.float64)
    seconds = played.div_to_seconds(first + steps * played.divs_per_quarter / STEPS_PER_QUARTER) - start_s
    return np.stack([steps, seconds], axis=1)
