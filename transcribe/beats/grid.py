"""Beats as a grid of musical time: ``beat_grid``, and what can be said of its regularity.

Conventions: seconds of the recording, and quarters of the music from the bar line at or before the first beat. Both ways are
linear between beats and go on beyond them at the tempo there. MIDI has no upbeats, so that a grid begins with a whole bar; where
the music begins late, whole bars of rest lie before it. Recipe for irregular beats, steadiness and lag: facts known of
MuScriptor's grid (least squares, circular means), in our own words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.piece import MEASURE_DTYPE, TEMPO_DTYPE, Table
from transcribe.beats.score_beats import tactus_quarters
from transcribe.beats.wishes import beats_a_bar

__all__ = ["BeatGrid", "beat_grid", "onset_lag", "regular_beats", "steady_bar", "steady_beat"]

TOO_CLOSE, MOST_MISSING = 0.7, 8  # of the median interval; beats put into one gap
STEADY = 0.05  # standard deviation of beats about a line, in beats
SAME_BARS = 0.9  # share of bars that must agree for a meter
DIVISIONS = (1, 2, 3, 4, 6, 8, 12, 16, 24)  # of a beat, whose phases onsets are tried on
LEAST_CONCENTRATION, LEAST_ONSETS, MOST_LAG_S = 0.5, 40, 0.040
Seconds = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BeatGrid:
    """Musical time of a recording.

    Args:
        knot_s: Times, ascending, shape (knots,), at least two.
        knot_quarters: Quarters at each, ascending, same shape.
        downbeat_quarters: Bar lines, ascending; the first is 0.
        beats_per_bar, beat_type: The meter, as written.
    """

    knot_s: Seconds
    knot_quarters: Seconds
    downbeat_quarters: Seconds
    beats_per_bar: int
    beat_type: int

    def quarters_at(self, time_s: Seconds) -> Seconds:
        """Quarters at times, same shape; negative before the first bar line."""
        return _along(time_s, self.knot_s, self.knot_quarters)

    def seconds_at(self, quarters: Seconds) -> Seconds:
        """Times of quarters; inverse of ``quarters_at``."""
        return _along(quarters, self.knot_quarters, self.knot_s)

    @property
    def start_s(self) -> float:
        """Time of quarter 0: what a file that begins there is early by."""
        return float(self.seconds_at(np.zeros(1))[0])

    def tempos(self, divs_per_quarter: int) -> Table:
        """TEMPO_DTYPE rows from quarter 0 on, one a beat, equal neighbours joined."""
        quarters = np.concatenate([[0.0], self.knot_quarters[self.knot_quarters > 0]])
        seconds = self.seconds_at(quarters)
        places = np.rint(quarters * divs_per_quarter).astype(np.int64)
        rows = np.zeros(len(places) - 1, dtype=TEMPO_DTYPE)
        rows["onset_div"] = places[:-1]
        rows["quarters_per_minute"] = 60 * np.diff(places) / divs_per_quarter / np.diff(seconds)
        changed = np.abs(np.diff(np.log(rows["quarters_per_minute"]), prepend=np.inf)) > 1e-6
        kept: Table = rows[changed]
        return kept

    def measures(self, divs_per_quarter: int, end_s: float) -> Table:
        """MEASURE_DTYPE rows from quarter 0 on, contiguous, to the bar that holds ``end_s``; numbered from 1."""
        full = 4 * self.beats_per_bar / self.beat_type
        lines = list(self.downbeat_quarters)
        end = float(self.quarters_at(np.array([end_s]))[0])
        while lines[-1] < end - 1e-6 or len(lines) < 2:
            lines.append(lines[-1] + full)
        lines = [line for index, line in enumerate(lines) if index < 2 or lines[index - 1] < end - 1e-6]
        rows = np.zeros(len(lines) - 1, dtype=MEASURE_DTYPE)
        places = np.rint(np.array(lines) * divs_per_quarter).astype(np.int64)
        rows["start_div"], rows["end_div"] = places[:-1], places[1:]
        rows["number"] = [str(number + 1) for number in range(len(rows))]
        rows["beats"], rows["beat_type"] = self.beats_per_bar, self.beat_type
        units = np.rint(np.diff(lines) * self.beat_type / 4).astype(np.int64)  # a bar of another size says so itself
        rows["beats"] = np.where(units > 0, units, self.beats_per_bar)
        return rows


def beat_grid(beats: Table, beats_per_bar: int, beat_type: int, first_onset_s: float = np.inf) -> BeatGrid:
    """The grid of beats.

    Args:
        beats: BEAT_DTYPE rows, at least two; the first may be any beat of its bar.
        beats_per_bar, beat_type: The meter as written.
        first_onset_s: Of the music, which may begin before the first beat: then bars are added in front of it.

    Raises:
        InputError: Fewer than two beats.
    """
    if len(beats) < 2:
        raise InputError(f"beats: expected at least 2 to lay a grid, got {len(beats)}")
    beat, size = float(tactus_quarters(beats_per_bar, beat_type)), beats_a_bar(beats_per_bar, beat_type)
    times, numbers = beats["time_s"].astype(np.float64), beats["number"].astype(np.int64)
    bar_s = size * float(np.median(np.diff(times[: 2 * size + 1])))
    start_s = times[0] - (int(numbers[0]) - 1) * bar_s / size  # the bar line before the first beat
    ahead = 0
    if start_s > min(first_onset_s, start_s) + bar_s / size / 2:
        ahead = int(np.ceil((start_s - first_onset_s) / bar_s))
    knots = times
    lead = round(start_s / bar_s) if ahead == 0 and start_s > 0 else 0
    if lead:  # whole bars of rest from the start of the recording
        ahead = lead
        knots = np.concatenate([[0.0], times])
    offset = (int(numbers[0]) - 1 + ahead * size) * beat
    quarters = np.asarray(offset + beat * np.arange(len(times)), dtype=np.float64)
    lines = np.concatenate([np.arange(ahead + (numbers[0] > 1), dtype=np.float64) * size * beat, quarters[numbers == 1]])
    if lead:
        quarters = np.concatenate([[0.0], quarters])
    bar_lines = np.asarray(lines if len(lines) else np.zeros(1), dtype=np.float64)
    return BeatGrid(knots, np.asarray(quarters, dtype=np.float64), bar_lines, beats_per_bar, beat_type)


def regular_beats(beats: Table) -> Table:
    """Beats without those that come too soon after another, and with those that are missing in gaps.

    A beat less than 0.7 of the median interval after the last is dropped (unless it is the downbeat of the two); a gap of about n
    intervals is filled evenly. Those put in have the numbers that follow.
    """
    if len(beats) < 3:
        return beats
    usual_s = float(np.median(np.diff(beats["time_s"])))
    kept: list[tuple[float, int]] = []
    for time_s, number in zip(beats["time_s"].tolist(), beats["number"].tolist(), strict=True):
        if kept and time_s - kept[-1][0] < TOO_CLOSE * usual_s:
            if number == 1 and kept[-1][1] != 1:
                kept[-1] = (time_s, number)
            continue
        if kept:
            before_s, before = kept[-1]
            missing = min(round((time_s - before_s) / usual_s) - 1, MOST_MISSING)
            for index in range(missing):
                kept.append((before_s + (index + 1) * (time_s - before_s) / (missing + 1), before + index + 1))
        kept.append((time_s, number))
    return np.array(kept, dtype=beats.dtype)


def steady_beat(times_s: Seconds) -> tuple[float, float] | None:
    """Length of a beat and time of the first, by least squares, of three or more beats that keep a steady tempo; None of others."""
    if len(times_s) < 3:
        return None
    index = np.arange(len(times_s))
    length_s, first_s = np.polyfit(index, times_s, 1)
    if np.std(times_s - (first_s + length_s * index)) > STEADY * length_s:
        return None
    return float(length_s), float(first_s)


def steady_bar(beats: Table) -> int | None:
    """Beats from downbeat to downbeat, where nine bars in ten agree; None otherwise, and then no meter should be written."""
    sizes = np.diff(np.flatnonzero(beats["number"] == 1))
    if not len(sizes):
        return None
    values, counts = np.unique(sizes, return_counts=True)
    return int(values[counts.argmax()]) if counts.max() >= SAME_BARS * len(sizes) else None


def onset_lag(onsets_s: Seconds, grid: BeatGrid) -> float | None:
    """How much later than the grid the onsets are as a whole, in seconds; None where they do not say.

    The onsets' places in the beat are points on a circle, once for each division of the beat; where they lie close together (length
    of their mean at least 0.5), the mean's angle is the lag. The finest division that does is believed.
    """
    if len(onsets_s) < LEAST_ONSETS:
        return None
    beat = float(tactus_quarters(grid.beats_per_bar, grid.beat_type))
    beats = grid.quarters_at(onsets_s) / beat
    beat_s = float(np.median(np.diff(grid.seconds_at(np.arange(0.0, max(beats.max(), 2.0)) * beat))))
    best: tuple[float, float] | None = None
    for division in DIVISIONS:
        mean = np.exp(2j * np.pi * beats * division).mean()
        lag_s = float(np.angle(mean)) / (2 * np.pi * division) * beat_s
        if abs(mean) >= LEAST_CONCENTRATION and abs(lag_s) <= MOST_LAG_S and (best is None or abs(mean) > best[0]):
            best = (float(abs(mean)), lag_s)
    return best[1] if best else None


def _along(values: Seconds, known: Seconds, other: Seconds) -> Seconds:
    """Linear interpolation that goes on beyond both ends."""
    inside = np.interp(values, known, other)
    below = other[0] + (values - known[0]) * (other[1] - other[0]) / (known[1] - known[0])
    above = other[-1] + (values - known[-1]) * (other[-1] - other[-2]) / (known[-1] - known[-2])
    return np.asarray(np.where(values < known[0], below, np.where(values > known[-1], above, inside)), dtype=np.float64)
