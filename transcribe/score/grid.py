"""The beat grid of a recording: where its beats and bars lie in time, between the beats and beyond them.

Conventions: *beats* here are those of ``HeardMusic.beats``, a tactus each: in 6/8 a dotted quarter. A place in beats is a float64
from the grid's first beat, which is bar line 0. Between two beats time runs evenly; before the first and after the last heard beat
it goes on in the nearest beat's tempo.

What a beat tracker leaves out or has twice is mended first, in the manner of MuScriptor's grid: a beat too near the one before is
left out, and a gap of about n beats (or of more than ``MAX_BEAT_S``) gets them in even steps. ``GridReport`` counts both.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.heard import HeardMusic

__all__ = ["BeatGrid", "GridReport", "beat_grid", "tactus_of"]

MIN_BEAT_S, MAX_BEAT_S = 0.1, 6.0
GAP_BEATS = 3.5  # from here on a gap holds beats that were not heard; a fermata is shorter
LOCAL_BEATS = 8  # on either side of a gap: what its neighbours' tempo is
DEFAULT_BEAT_S = 0.5
DEFAULT_METER = (4, 4)
MAX_BEATS = 200_000
Array = NDArray[np.float64]


@dataclass(frozen=True)
class GridReport:
    """What had to be mended.

    Args:
        beats_left_out: Beats too near the one before.
        beats_put_in: Beats in gaps.
        is_assumed: No beats were heard: the grid is one of even beats.
    """

    beats_left_out: int = 0
    beats_put_in: int = 0
    is_assumed: bool = False


@dataclass(frozen=True, eq=False)
class BeatGrid:
    """Beats and bars.

    Args:
        seconds: Time of each beat, float64 (beats + 1,), increasing; the last one ends the last bar.
        bar_lines: Beat index of each bar line, int64 (bars + 1,), from 0 to ``len(seconds) - 1``.
        beats_per_bar, beat_type: The usual meter.
        tactus_quarters: Length of a beat in quarter notes.
        first_heard: Index of the first beat that was heard; below 0 where the grid begins later.
        report: What was mended.
    """

    seconds: Array
    bar_lines: NDArray[np.int64]
    beats_per_bar: int
    beat_type: int
    tactus_quarters: Fraction
    first_heard: int = 0
    report: GridReport = field(default_factory=GridReport)

    def beats_at(self, seconds: Array) -> Array:
        """Places in beats of times in seconds, of the same shape."""
        return _extended(np.asarray(seconds, dtype=np.float64), self.seconds, np.arange(len(self.seconds), dtype=np.float64))

    def seconds_at(self, beats: Array) -> Array:
        """Times in seconds of places in beats; inverse of ``beats_at``."""
        return _extended(np.asarray(beats, dtype=np.float64), np.arange(len(self.seconds), dtype=np.float64), self.seconds)

    @property
    def beats_in_usual_bar(self) -> int:
        """How many beats a full bar of the usual meter has."""
        return int(Fraction(4 * self.beats_per_bar, self.beat_type) / self.tactus_quarters)

    def meter_of(self, bar: int) -> tuple[int, int]:
        """Meter of a bar, which is the usual one unless the bar has more or fewer beats."""
        beats = int(self.bar_lines[bar + 1] - self.bar_lines[bar])
        if beats == self.beats_in_usual_bar:
            return self.beats_per_bar, self.beat_type
        units = beats * self.tactus_quarters * Fraction(self.beat_type, 4)
        assert units.denominator == 1
        return units.numerator, self.beat_type


def _extended(values: Array, x: Array, y: Array) -> Array:
    """Piecewise linear interpolation that goes on in the first and last slope outside."""
    inside = np.interp(values, x, y)
    first, last = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    before = y[0] + (values - x[0]) * first
    after = y[-1] + (values - x[-1]) * last
    return np.asarray(np.where(values < x[0], before, np.where(values > x[-1], after, inside)))


def tactus_of(beats_per_bar: int, beat_type: int, counted: int) -> Fraction:
    """Quarters of a beat in a meter whose bars are ``counted`` beats long: the unit, or three of them in compound time.

    >>> tactus_of(6, 8, 2), tactus_of(3, 4, 3)
    (Fraction(3, 2), Fraction(1, 1))
    """
    unit = Fraction(4, beat_type)
    if counted and beats_per_bar % counted == 0:
        return unit * (beats_per_bar // counted)
    return 3 * unit if beats_per_bar % 3 == 0 and beats_per_bar > 3 and beat_type >= 8 else unit


def beat_grid(heard: HeardMusic, start_s: float, end_s: float) -> BeatGrid:
    """The grid of a recording, whole bars from the one that holds ``start_s`` to the one that holds ``end_s``.

    Args:
        heard: Its beats and meter. With fewer than two beats the grid is one of 120 beats a minute in 4/4 from ``start_s``.
        start_s, end_s: What it must cover at least; no bars before or after are made.
    """
    seconds, numbers, report = _mended(heard.beats)
    if len(seconds) < 2:
        start = float(heard.beats["time_s"][0]) if len(heard.beats) else start_s
        seconds, numbers = start + DEFAULT_BEAT_S * np.arange(2.0), np.array([1, 2])
        report = GridReport(report.beats_left_out, 0, True)
    counted = _usual_count(numbers)
    beats_per_bar, beat_type = heard.beats_per_bar, heard.beat_type
    if not (beats_per_bar and beat_type):
        beats_per_bar, beat_type = (counted, 4) if counted else DEFAULT_METER
    tactus = tactus_of(beats_per_bar, beat_type, counted)
    usual = max(int(Fraction(4 * beats_per_bar, beat_type) / tactus), 1)
    lines = _bar_lines(numbers, usual)
    seconds, places = _reaching(seconds, lines, usual, start_s, end_s)
    return BeatGrid(seconds, places - places[0], beats_per_bar, beat_type, tactus, -int(places[0]), report)


def _mended(beats: Table) -> tuple[Array, NDArray[np.int64], GridReport]:
    """Times and numbers without beats that are too near, and with those that are missing in gaps (numbered 0)."""
    order = np.argsort(beats["time_s"], kind="stable")
    times, numbers = beats["time_s"][order].tolist(), beats["number"][order].tolist()
    kept_times: list[float] = []
    kept_numbers: list[int] = []
    for time, number in zip(times, numbers, strict=True):
        if kept_times and time - kept_times[-1] < MIN_BEAT_S:
            kept_numbers[-1] = 1 if 1 in (number, kept_numbers[-1]) else kept_numbers[-1]
        else:
            kept_times.append(time)
            kept_numbers.append(number)
    left_out = len(times) - len(kept_times)
    gaps = np.diff(kept_times)
    out_times, out_numbers = kept_times[:1], kept_numbers[:1]
    put_in = 0
    for index, gap in enumerate(gaps):
        near = np.concatenate([gaps[max(index - LOCAL_BEATS, 0) : index], gaps[index + 1 : index + 1 + LOCAL_BEATS]])
        usual = float(np.median(near)) if len(near) else float(gap)
        count = round(float(gap) / usual) if gap >= GAP_BEATS * usual else 1
        count = min(max(count, math.ceil(float(gap) / MAX_BEAT_S)), MAX_BEATS)
        out_times += [kept_times[index] + float(gap) * step / count for step in range(1, count)]
        out_numbers += [0] * (count - 1)
        out_times.append(kept_times[index + 1])
        out_numbers.append(kept_numbers[index + 1])
        put_in += count - 1
    return np.array(out_times), np.array(out_numbers, dtype=np.int64), GridReport(left_out, put_in)


def _usual_count(numbers: NDArray[np.int64]) -> int:
    """Beats between two downbeats as most bars have it; 0 where there are no two."""
    places = np.flatnonzero(numbers == 1)
    distances = Counter(np.diff(places).tolist())
    return max(distances, key=lambda distance: (distances[distance], distance)) if distances else 0


def _bar_lines(numbers: NDArray[np.int64], usual: int) -> NDArray[np.int64]:
    """Bar lines as beat indices, the first at or before beat 0; stretches of two bars and more are cut."""
    downbeats = np.flatnonzero(numbers == 1).tolist()
    if not downbeats:
        first = next((index for index, number in enumerate(numbers) if number > 0), 0)
        downbeats = [first - int(numbers[first] - 1 if numbers[first] > 0 else 0)]
    lines = [downbeats[0]]
    while lines[0] > 0:
        lines.insert(0, lines[0] - usual)
    for downbeat in downbeats[1:]:
        while downbeat - lines[-1] >= 2 * usual:
            lines.append(lines[-1] + usual)
        lines.append(downbeat)
    return np.array(lines, dtype=np.int64)


def _reaching(
    seconds: Array, lines: NDArray[np.int64], usual: int, start_s: float, end_s: float
) -> tuple[Array, NDArray[np.int64]]:
    """Times of the beats from the bar that holds the start to the one that holds the end, and its bar lines in heard beats."""
    index = np.arange(len(seconds), dtype=np.float64)
    first, last = (float(_extended(np.array(time), seconds, index)) for time in (start_s, end_s))
    first, last = max(first, -float(MAX_BEATS)), min(last, first + MAX_BEATS)
    out = lines.tolist()
    while out[0] > first:
        out.insert(0, out[0] - usual)
    while out[-1] < last or len(out) < 2:
        out.append(out[-1] + usual)
    while len(out) > 2 and out[1] <= first:
        del out[0]
    while len(out) > 2 and out[-2] >= last:
        del out[-1]
    places = np.arange(out[0], out[-1] + 1, dtype=np.float64)
    return _extended(places, index, seconds), np.array(out, dtype=np.int64)
