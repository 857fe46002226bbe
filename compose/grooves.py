"""Drum parts of our own making for any music: what a drummer who knows a few styles would play to these bars and notes.

Training hears drums this way (``compose.train_compose``): the data have none. A drummer picks a style that suits meter, tempo and
subdivision (``compose.groove_styles``), keeps to it in phrases of four or eight bars, closes some of them with a fill and opens the
next with a crash, leaves ghost notes out at will, lets the kick go with the bass now and then, is silent in pickups, and ends with
the others. A part is a pure function of its arguments.

Conventions: times are steps of the writing grid (24 a quarter), pitches keys of General MIDI percussion. A hit lasts to the next
one, at most to the end of its beat, so that a part is written in one voice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.canvas import STEPS_PER_QUARTER
from compose.groove_styles import FILLS, KIT, STYLES, Cell, Family, Style
from compose.step_scores import StepScore
from compose.vocabulary.measured_fields import CONTINUED, meter_of, tempo_of
from corpora.piece import Part

__all__ = ["DRUM_PART", "GrooveBar", "add_drums", "groove"]

DRUM_PART = Part("Drums", is_drum=True)

LINES = tuple(KIT)
KICK, CRASH = LINES.index("kick"), LINES.index("crash")
TIMEKEEPERS = tuple(LINES.index(line) for line in ("hat", "open_hat", "ride", "bell"))
ALWAYS, GHOST, OPTIONAL = range(3)  # how surely a slot is played
STROKES = {"X": (112, ALWAYS), "x": (88, ALWAYS), "r": (76, ALWAYS), "o": (42, GHOST), "?": (80, OPTIONAL)}  # velocity
FILL_GROWTH = 5  # velocity, a beat of a fill
JITTER = 4.0  # velocity

Rows = NDArray[np.int32]


class GrooveBar(NamedTuple):
    """A bar: start and length in steps, and its meter (``beats`` 0 where it is not known)."""

    start: int
    length: int
    beats: int
    beat_type: int


class _Meter(NamedTuple):
    """What a drummer counts: family of styles, beats a bar, steps a beat."""

    family: Family
    beats: int
    steps: int


def _meter(bar: GrooveBar) -> _Meter:
    whole = 4 * STEPS_PER_QUARTER
    if not bar.beats:
        beats, rest = divmod(bar.length, STEPS_PER_QUARTER)
        return (
            _Meter("odd", max(2 * bar.length // STEPS_PER_QUARTER, 1), 12) if rest else _Meter("simple", beats, STEPS_PER_QUARTER)
        )
    if bar.beat_type <= 4:
        return _Meter("simple", bar.beats, whole // bar.beat_type)
    if bar.beats % 3 == 0:
        return _Meter("compound", bar.beats // 3, max(3 * whole // bar.beat_type, 1))
    if bar.beats in (2, 4):
        return _Meter("simple", bar.beats // 2, max(2 * whole // bar.beat_type, 1))
    return _Meter("odd", bar.beats, max(whole // bar.beat_type, 1))


def _cut(cell: Cell, first: int, last: int) -> Cell:
    return {line: slots.replace(" ", "")[first:last] for line, slots in cell.items()}


def _joined(parts: Sequence[tuple[Cell, int]]) -> Cell:
    """Cells one after the other; each comes with its number of slots."""
    lines = {line for cell, _ in parts for line in cell}
    return {line: "".join(cell.get(line, "").replace(" ", "").ljust(slots, ".") for cell, slots in parts) for line in sorted(lines)}


def _groups(beats: int, threes_first: bool) -> list[int]:
    """An odd bar in groups of two and three: 5 = 3 + 2, 7 = 3 + 2 + 2, 8 = 3 + 3 + 2."""
    threes = (
        beats % 2 if beats < 8 else next(t for t in range(beats // 3, -1, -1) if beats - 3 * t >= 2 and (beats - 3 * t) % 2 == 0)
    )
    groups = [3] * threes + [2] * ((beats - 3 * threes + 1) // 2)
    return groups if threes_first else groups[::-1]


def _cell(style: Style, beats: int, variant: int, threes_first: bool) -> Cell:
    """The cell of a style for a number of beats, put together from others where it is not written out."""
    slots = style.slots
    if style.family == "odd":
        groups = _groups(beats, threes_first)
        roles = [0] + [1] * (len(groups) - 2) + [2] * (len(groups) > 1)
        return _joined([(style.cells[size][role], size * slots) for size, role in zip(groups, roles, strict=True)])
    if beats in style.cells:
        return style.cells[beats][variant % len(style.cells[beats])]
    if beats == 1:
        return _cut(_cell(style, 2, variant, threes_first), 0, slots)
    if beats == 2:
        return _cut(style.cells[4 if 4 in style.cells else 3][variant % len(style.cells[max(style.cells)])], 0, 2 * slots)
    first = {3: 2, 4: 2, 5: 3 if threes_first else 2, 6: 3, 9: 3}.get(beats, 4)
    rest = beats - first
    after = (
        _cut(_cell(style, 2, variant, threes_first), slots, 2 * slots) if rest == 1 else _cell(style, rest, variant, threes_first)
    )
    return _joined([(_cell(style, first, variant, threes_first), first * slots), (after, rest * slots)])


def _rows(cell: Cell, slots: int, beat_steps: int) -> Rows:
    """The strokes of a cell, (strokes, 4): offset, line, velocity, how surely."""
    out: list[tuple[int, int, int, int]] = []
    for line, text in cell.items():
        for slot, stroke in enumerate(text.replace(" ", "")):
            if stroke != ".":
                for half in range(2 if stroke == "r" else 1):
                    out.append(((2 * slot + half) * beat_steps // (2 * slots), LINES.index(line), *STROKES[stroke]))
    return np.array(out, dtype=np.int32).reshape(-1, 4)


@lru_cache(maxsize=4096)
def _bar_rows(style: int, variant: int, meter: _Meter, threes_first: bool) -> Rows:
    chosen = STYLES[style]
    return _rows(_cell(chosen, meter.beats, variant, threes_first), chosen.slots, meter.steps)


@lru_cache(maxsize=1024)
def _fill_rows(slots: int, index: int, beat_steps: int) -> Rows:
    return _rows(FILLS[slots][index], slots, beat_steps)


def _suits(style: Style, meter: _Meter, beats_per_minute: float, triplets: float) -> float:
    """How gladly a drummer picks a style: a weight from 0.

    Args:
        style: The style.
        meter: Of most bars.
        beats_per_minute: In beats of the meter.
        triplets: Share of triplets among the onsets inside beats.
    """
    if style.family != meter.family:
        return 0.0
    if style.family == "simple":
        duple = 2 in style.cells or 4 in style.cells
        if (meter.beats % 3 == 0 and 3 not in style.cells) or (meter.beats % 3 and not duple):
            return 0.01
        if meter.beats in (5, 7, 11) and not (duple and 3 in style.cells):
            return 0.1
    slowest, fastest = style.beats_per_minute
    away = max(slowest / beats_per_minute, beats_per_minute / fastest, 1.0)
    weight = float(away**-4)
    if style.slots == 3 and style.family == "simple":
        weight *= 0.6 + 8 * triplets
    elif style.family == "simple":
        weight *= 1 - 0.8 * triplets
    return weight


def _triplets(notes: Rows, starts: Rows) -> float:
    """Share of onsets on triplets among those inside a quarter; 0 where there are none."""
    inside = (notes[:, 0] - starts[np.maximum(np.searchsorted(starts, notes[:, 0], side="right") - 1, 0)]) % STEPS_PER_QUARTER
    inside = inside[inside > 0]
    return float(np.isin(inside, (8, 16)).mean()) if len(inside) else 0.0


@dataclass(frozen=True)
class _Drummer:
    """The choices that hold for a whole piece."""

    styles: dict[Family, int]
    threes_first: bool
    phrase: int  # bars
    enters: int  # bar
    rests_with_others: bool
    chances: NDArray[np.float64]  # of strokes by how surely they are played
    follows: float
    level: float  # of velocities
    pitches: NDArray[np.int32]  # of lines


def _drummer(meters: Sequence[_Meter], quarters_per_minute: float, triplets: float, rng: np.random.Generator) -> _Drummer:
    counted = Counter(meters)
    styles: dict[Family, int] = {}
    for meter in sorted(counted, key=lambda meter: -counted[meter]):
        if meter.family not in styles:
            beats_per_minute = quarters_per_minute * STEPS_PER_QUARTER / meter.steps
            weights = np.array([_suits(style, meter, beats_per_minute, triplets) for style in STYLES])
            styles[meter.family] = int(rng.choice(len(STYLES), p=weights / weights.sum()))
    phrase = 8 if rng.random() < 0.3 else 4
    return _Drummer(
        styles,
        bool(rng.random() < 0.6),
        phrase,
        int(rng.choice([0, phrase, 2 * phrase], p=[0.8, 0.15, 0.05])) if len(meters) > 4 * phrase else 0,
        bool(rng.random() < 0.6),
        np.array([1.0, rng.uniform(0.2, 1.0), rng.uniform(0.0, 0.7)]),
        float(rng.uniform(0.0, 1.5)),
        float(rng.uniform(0.75, 1.1)),
        np.array(
            [keys[int(die * len(keys))] for keys, die in zip(KIT.values(), rng.random(len(KIT)), strict=True)], dtype=np.int32
        ),
    )


def _fill(style: Style, meter: _Meter, beats: int, rng: np.random.Generator) -> Rows:
    """The last beats of a bar as a fill, down the kit; as ``_rows``."""
    slots = 6 if style.slots == 3 and style.family == "compound" and rng.random() < 0.4 else style.slots
    chosen = np.sort(rng.integers(0, len(FILLS[slots]), beats)).tolist()
    out = []
    for beat, index in enumerate(chosen):
        rows = _fill_rows(slots, index, meter.steps).copy()
        rows[:, 0] += (meter.beats - beats + beat) * meter.steps
        rows[:, 2] += FILL_GROWTH * beat
        out.append(rows)
    return np.concatenate(out)


def groove(bars: Sequence[GrooveBar], quarters_per_minute: float, notes: Rows, rng: np.random.Generator) -> Rows:
    """A drum part to a piece, (hits, 4) int32 by onset and pitch: onset, pitch, duration, velocity.

    Args:
        bars: The bars, contiguous.
        quarters_per_minute: Tempo.
        notes: (notes, 4 or more) what the others play by onset: onset, lane, pitch, duration. The lane that is lowest on average
            is the bass.
        rng: Source of all choices.

    Example:
        >>> four = [GrooveBar(96 * bar, 96, 4, 4) for bar in range(4)]
        >>> part = groove(four, 120.0, np.zeros((0, 5), dtype=np.int32), np.random.default_rng(3))
        >>> bool((part[:, 0] < 384).all() and (part[:, 1] >= 35).all())
        True
    """
    if not bars:
        return np.zeros((0, 4), dtype=np.int32)
    starts = np.array([bar.start for bar in bars], dtype=np.int32)
    meters = [_meter(bar) for bar in bars]
    drummer = _drummer(meters, quarters_per_minute, _triplets(notes, starts), rng)
    lengths = np.array([bar.length for bar in bars], dtype=np.int32)
    dice = rng.random((len(bars), 6))
    live = np.zeros(len(bars), dtype=np.bool_)
    homes = np.searchsorted(starts, notes[:, 0], side="right") - 1
    live[homes[homes >= 0]] = True
    if not drummer.rests_with_others or not len(notes):
        live[:] = True
    live[: drummer.enters] = False

    beat_steps = np.zeros(len(bars), dtype=np.int32)
    skipped = np.zeros(len(bars), dtype=np.int32)  # steps of the pattern that lie before a bar's start
    fill_from = np.zeros(len(bars), dtype=np.int32)
    crashes: list[int] = []
    played: list[Rows] = []
    fills: list[Rows] = []
    fill_bars: list[int] = []
    variant = other = 0
    for index, (bar, meter) in enumerate(zip(bars, meters, strict=True)):
        style_index = drummer.styles[meter.family]
        style = STYLES[style_index]
        nominal = meter.beats * meter.steps
        beat_steps[index], fill_from[index] = meter.steps, nominal + 1
        if bar.length < nominal:
            if index == 0:
                live[0] = False  # a pickup
            elif lengths[index - 1] + bar.length <= nominal and index > 1:
                skipped[index] = lengths[index - 1]  # a bar that a repeat sign cuts in two
        place = index % drummer.phrase
        if place == 0 and (index == 0 or dice[index, 0] < 0.35):
            variant, other = (int(9 * value) for value in dice[index, 1:3])
        last = place == drummer.phrase - 1
        played.append(_bar_rows(style_index, other if last or dice[index, 3] < 0.15 else variant, meter, drummer.threes_first))
        if last and live[index] and dice[index, 4] < style.fills and bar.length >= nominal:
            beats = min(int(np.searchsorted((0.45, 0.85), dice[index, 5])) + 1, meter.beats)
            fills.append(_fill(style, meter, 2 * beats if meter.family == "odd" and 2 * beats <= meter.beats else beats, rng))
            fill_bars.append(index)
            fill_from[index] = int(fills[-1][:, 0].min())
            if index + 1 < len(bars) and rng.random() < 0.3 + 0.6 * style.fills:
                crashes.append(index + 1)

    home = np.repeat(np.arange(len(bars)), [len(rows) for rows in played])
    rows = np.concatenate(played)
    kept = (rows[:, 0] < fill_from[home]) & (rng.random(len(rows)) < drummer.chances[rows[:, 3]])
    home, rows = home[kept], rows[kept]
    if fills:
        home = np.concatenate([home, np.repeat(fill_bars, [len(fill) for fill in fills])])
        rows = np.concatenate([rows, *fills])
    bass = _bass(notes, starts, beat_steps, fill_from)
    follows = drummer.follows * np.array([STYLES[drummer.styles[meter.family]].follows for meter in meters])
    bass = bass[rng.random(len(bass)) < follows[bass[:, 0]]]
    home = np.concatenate([home, bass[:, 0], np.array(crashes, dtype=np.int64), np.array(crashes, dtype=np.int64)])
    added = np.zeros((len(bass) + 2 * len(crashes), 4), dtype=np.int32)
    added[: len(bass), 0] = bass[:, 1] + skipped[bass[:, 0]]
    added[: len(bass), 1:3] = (KICK, 84)
    added[len(bass) :, 0] = skipped[crashes + crashes]
    added[len(bass) :, 1:3] = np.repeat(((CRASH, 112), (KICK, 104)), len(crashes), axis=0)
    rows = np.concatenate([rows, added])

    offset = rows[:, 0] - skipped[home]
    crashed = np.isin(home, crashes) & (offset == 0) & np.isin(rows[:, 1], TIMEKEEPERS)
    kept = (offset >= 0) & (offset < lengths[home]) & live[home] & ~crashed
    onset, line, velocity = (starts[home] + offset)[kept], rows[kept, 1], rows[kept, 2]
    if len(notes):  # the end: with the last of the others
        end = int(notes[:, 0].max())
        kept = onset <= end
        onset, line, velocity = onset[kept], line[kept], velocity[kept]
        if live[homes[-1]] and len(onset) and rng.random() < 0.6:
            onset, line = np.append(onset, end), np.append(line, KICK)
            velocity = np.append(velocity, 100)
    loud = velocity * drummer.level + rng.normal(0.0, JITTER, len(velocity))
    hits = np.stack([onset, drummer.pitches[line], np.zeros_like(onset), np.clip(loud, 1, 127)], axis=1).astype(np.int32)
    return _with_durations(hits, starts, lengths, beat_steps)


def _bass(notes: Rows, starts: Rows, beat_steps: Rows, fill_from: Rows) -> NDArray[np.int64]:
    """Where the bass begins a note on a beat or half a beat outside fills, (places, 2): bar, offset."""
    if not len(notes):
        return np.zeros((0, 2), dtype=np.int64)
    count = np.bincount(notes[:, 1])
    mean = np.where(count > 0, np.bincount(notes[:, 1], weights=notes[:, 2]) / np.maximum(count, 1), np.inf)
    onsets = np.unique(notes[notes[:, 1] == int(mean.argmin()), 0])
    home = np.searchsorted(starts, onsets, side="right") - 1
    onsets, home = onsets[home >= 0], home[home >= 0]
    offset = onsets - starts[home]
    even = (offset % np.maximum(beat_steps[home] // 2, 1) == 0) & (offset < fill_from[home])
    return np.stack([home[even], offset[even]], axis=1)


def _with_durations(hits: Rows, starts: Rows, lengths: Rows, beat_steps: Rows) -> Rows:
    """Hits in order, of doubles the loudest, each to the next onset or the end of its beat or bar."""
    hits = hits[np.lexsort((-hits[:, 3], hits[:, 1], hits[:, 0]))]
    if len(hits):
        again = np.zeros(len(hits), dtype=np.bool_)
        again[1:] = (hits[1:, :2] == hits[:-1, :2]).all(axis=1)
        hits = hits[~again]
        home = np.searchsorted(starts, hits[:, 0], side="right") - 1
        offset = hits[:, 0] - starts[home]
        until = np.minimum((offset // beat_steps[home] + 1) * beat_steps[home], lengths[home]) + starts[home]
        places, first = np.unique(hits[:, 0], return_inverse=True)
        following = np.append(places[1:], np.iinfo(np.int32).max)[first]
        hits[:, 2] = np.minimum(until, following) - hits[:, 0]
    return hits


def add_drums(score: StepScore, rng: np.random.Generator) -> StepScore:
    """A score with a drum part of ours as its last lane.

    Args:
        score: A piece on the writing grid.
        rng: Source of all choices.
    """
    bars: list[GrooveBar] = []
    for chunk in score.bars:
        if chunk.meter == CONTINUED and bars:
            bars[-1] = bars[-1]._replace(length=bars[-1].length + chunk.length)
        else:
            bars.append(GrooveBar(chunk.start, chunk.length, *(meter_of(chunk.meter) or (0, 4))))
    bars = [bar for bar in bars if bar.length > 0]
    hits = groove(bars, tempo_of(score.bars[0].tempo), score.notes, rng)
    lane = np.full(len(hits), len(score.parts), dtype=np.int32)
    columns = (hits[:, 0], lane, hits[:, 1], hits[:, 2], hits[:, 3])
    notes = np.concatenate([score.notes, np.stack(columns, axis=1).astype(np.int32)])
    return StepScore((*score.parts, DRUM_PART), score.bars, notes[np.lexsort(notes.T[3::-1])])
