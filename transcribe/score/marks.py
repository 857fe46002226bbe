"""What stands beside the notes: dynamics and hairpins from velocities, pedal marks, tempo marks from the grid.

Conventions: places in divs of the score. The velocities of the marks are those with which the house plays them
(``corpora.musicxml.instruments``), pp to ff.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.instruments import DYNAMIC_VELOCITY
from corpora.musicxml.writer import PlacedMark
from corpora.piece import TEMPO_DTYPE, Table

__all__ = ["dynamic_marks", "pedal_marks", "tempo_marks"]

Array = NDArray[np.float64]
MARKS = ("pp", "p", "mp", "mf", "f", "ff")
LEVELS = np.array([DYNAMIC_VELOCITY[mark] for mark in MARKS], dtype=np.float64)
VELOCITY_NOISE = 10.0  # of the mean of a beat around its mark
MARK_COST = 6.0  # nats for a change of dynamics
MIN_SLOPE = 12.0  # velocity steps that a hairpin rises or falls at least
MIN_STRAIGHTNESS = 0.8  # of its velocities: correlation with time
MAX_HAIRPIN_BEATS, MIN_HAIRPIN_BEATS = 8, 3
LONGEST_SILENCE_BEATS = 2  # inside a hairpin
TEMPO_NOISE = 0.12  # octaves of a bar's tempo around that of its section
SECTION_COST = 12.0
MIN_TEMPO_CHANGE = 0.18  # octaves
MIN_SECTION_BARS = 4


def dynamic_marks(beats: NDArray[np.int64], velocities: Array, beat_divs: int, lane: int) -> list[PlacedMark]:
    """Dynamics and hairpins of one instrument.

    Args:
        beats: Beat that each note begins in, shape (notes,).
        velocities: Shape (notes,).
        beat_divs: Length of a beat.
        lane: Whose marks they are.
    """
    if not len(beats):
        return []
    used = np.unique(beats)
    means = np.array([velocities[beats == beat].mean() for beat in used])
    path = _steps(-0.5 * ((means[:, None] - LEVELS[None]) / VELOCITY_NOISE) ** 2, MARK_COST)
    marks: list[PlacedMark] = []
    said = 0  # where the last mark stands: no hairpin begins before it
    for index, (beat, level) in enumerate(zip(used.tolist(), path, strict=True)):
        if index and path[index - 1] == level:
            continue
        if index:
            marks += _hairpin(used[said:index], means[said : index + 1], beat, beat_divs, lane, rises=level > path[index - 1])
        said = index
        marks.append(PlacedMark(beat * beat_divs, lane, "dynamics", MARKS[level]))
    return marks


def _hairpin(before: NDArray[np.int64], means: Array, beat: int, beat_divs: int, lane: int, *, rises: bool) -> list[PlacedMark]:
    """The hairpin that leads to a new mark, where the beats before it climb or fall steadily."""
    reach = before[before >= beat - MAX_HAIRPIN_BEATS]
    for count in range(len(reach), MIN_HAIRPIN_BEATS - 1, -1):
        places, values = np.append(reach[-count:], beat), means[-count - 1 :]
        change = float(values[-1] - values[0])
        if abs(change) < MIN_SLOPE or (change > 0) != rises or np.diff(places).max() > LONGEST_SILENCE_BEATS:
            continue
        if abs(float(np.corrcoef(places, values)[0, 1])) >= MIN_STRAIGHTNESS:
            kind = "crescendo" if rises else "diminuendo"
            start = int(places[0]) * beat_divs
            return [PlacedMark(start, lane, "wedge", kind), PlacedMark(beat * beat_divs, lane, "wedge", "stop")]
    return []


def pedal_marks(downs: Array, ups: Array, beat_divs: int, lane: int, end_div: int) -> list[PlacedMark]:
    """Pedal marks on half beats; a pedal that is changed ends and begins at one place.

    Args:
        downs, ups: In beats of the score, shape (pedals,).
        beat_divs: Length of a beat.
        lane: Whose marks they are.
        end_div: Where the music ends.
    """
    half = beat_divs // 2
    spans: list[list[int]] = []
    for down, up in zip(np.rint(downs * 2).astype(int).tolist(), np.rint(ups * 2).astype(int).tolist(), strict=True):
        start, end = max(down * half, 0), min(up * half, end_div)
        if spans and start < spans[-1][1]:
            start = spans[-1][1]
        if end > start:
            spans.append([start, end])
    return [PlacedMark(place, lane, "pedal", text) for start, end in spans for place, text in ((start, "start"), (end, "stop"))]


def tempo_marks(bar_starts: NDArray[np.int64], bar_quarters_per_minute: Array) -> tuple[Table, list[PlacedMark]]:
    """One tempo for each section, and words for what is too short to be one.

    Args:
        bar_starts: In divs, shape (bars,).
        bar_quarters_per_minute: Shape (bars,).

    Returns:
        TEMPO_DTYPE rows in whole quarters a minute; and "rit." or "accel." where a few bars are slower or quicker than the section
        before them, with "a tempo" after them.
    """
    logs = np.log2(bar_quarters_per_minute)
    choices = np.arange(np.floor(logs.min() * 10) / 10, logs.max() + 0.1, 0.1)
    path = _steps(-0.5 * ((logs[:, None] - choices[None]) / TEMPO_NOISE) ** 2, SECTION_COST)
    starts = [bar for bar in range(len(logs)) if bar == 0 or path[bar] != path[bar - 1]]
    rows: list[tuple[int, float]] = []
    words: list[PlacedMark] = []
    strayed = False
    for first, after in zip(starts, [*starts[1:], len(logs)], strict=True):
        place, tempo = int(bar_starts[first]), float(2 ** np.median(logs[first:after]))
        change = np.log2(tempo / rows[-1][1]) if rows else 0.0
        if rows and abs(change) < MIN_TEMPO_CHANGE:
            words += [PlacedMark(place, 0, "words", "a tempo")] if strayed else []
            strayed = False
        elif rows and after - first < MIN_SECTION_BARS:
            words.append(PlacedMark(place, 0, "words", "rit." if change < 0 else "accel."))
            strayed = True
        else:
            rows.append((place, float(max(round(tempo), 1))))
            strayed = False
    return np.array(rows, dtype=TEMPO_DTYPE), words


def _steps(scores: Array, change_cost: float) -> list[int]:
    """The best path through scores (times, choices) that pays for each change."""
    count, choices = scores.shape
    total, back = scores[0], np.zeros((count, choices), dtype=np.int64)
    for time in range(1, count):
        best = int(total.argmax())
        changes = total[best] - change_cost > total
        back[time] = np.where(changes, best, np.arange(choices))
        total = np.where(changes, total[best] - change_cost, total) + scores[time]
    path = [int(total.argmax())]
    for time in range(count - 1, 0, -1):
        path.append(int(back[time][path[-1]]))
    return path[::-1]
