"""Drums for passages: what ``compose.grooves`` plays to their bars, a groove alone, or hits without any order.

In grooves the hi-hat is struck with nearly everything, so that a model might hear it wherever there is a drum; in ``random_drums``
every drum goes its own way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compose.canvas import STEPS_PER_QUARTER
from compose.grooves import GrooveBar, groove
from corpora.piece import MEASURE_DTYPE
from transcribe.frames.drums import DRUM_CLASSES
from transcribe.heard import BEAT_DTYPE
from transcribe.training_audio.passages import CONTROL_DTYPE, PASSAGE_DTYPE, Passage, PassagePart, beats_of

__all__ = ["SETS", "drum_passage", "random_drums", "with_drums"]

METERS = ((4, 4), (3, 4), (2, 4), (6, 8), (12, 8), (5, 4), (7, 8))
METER_SHARES = (0.6, 0.12, 0.06, 0.1, 0.04, 0.04, 0.04)
SETS = (0, 8, 16, 24, 25, 32, 40)  # standard, room, power, electronic, TR-808, jazz, brush
SET_SHARES = (0.5, 0.12, 0.1, 0.08, 0.05, 0.08, 0.07)
MIN_LENGTH_S = 0.05
FEWEST, MOST = 2, 7  # classes of drums that play without order
GAP_S = (0.12, 2.5)  # mean time between the hits of one
STEADY = 0.4  # share of those that keep a beat of their own


def with_drums(passage: Passage, rng: np.random.Generator) -> Passage:
    """A passage that has bars, with a drum kit as its last part."""
    steps, seconds = passage.grid[:, 0], passage.grid[:, 1]
    rows = np.zeros((len(passage.notes), 4), dtype=np.int32)
    rows[:, 0] = np.rint(np.interp(passage.notes["onset_s"], seconds, steps))
    rows[:, 1], rows[:, 2], rows[:, 3] = passage.notes["part"], passage.notes["pitch"], 1
    bars = [GrooveBar(*bar) for bar in passage.bars.tolist() if bar[1] > 0]
    quarters_per_minute = 60 * (steps[-1] / STEPS_PER_QUARTER) / max(seconds[-1], 1e-3)
    hits = groove(bars, float(quarters_per_minute), rows[np.argsort(rows[:, 0], kind="stable")], rng)
    lateness = rng.normal(0.0, rng.uniform(0.0, 0.006), len(hits))
    notes = np.zeros(len(hits), dtype=PASSAGE_DTYPE)
    notes["onset_s"] = np.clip(np.interp(hits[:, 0], steps, seconds) + lateness, 0.0, None)
    notes["release_s"] = np.maximum(np.interp(hits[:, 0] + hits[:, 2], steps, seconds), notes["onset_s"] + MIN_LENGTH_S)
    notes["pitch"], notes["part"] = hits[:, 1], len(passage.parts)
    notes["velocity"] = np.clip(hits[:, 3] * rng.uniform(0.6, 1.1), 8, 127)
    notes = notes[notes["onset_s"] < passage.duration_s]
    every = np.concatenate([passage.notes, notes])
    kit = PassagePart(int(rng.choice(SETS, p=SET_SHARES)), is_drum=True)
    return replace(passage, notes=every[np.argsort(every["onset_s"], kind="stable")], parts=(*passage.parts, kit))


def drum_passage(rng: np.random.Generator, duration_s: float) -> Passage:
    """A groove alone."""
    beats, beat_type = METERS[int(rng.choice(len(METERS), p=METER_SHARES))]
    quarters_per_minute = float(np.exp(rng.uniform(np.log(66), np.log(180))))
    quarters = 4 * beats / beat_type
    bars = max(int(duration_s * quarters_per_minute / 60 / quarters), 2)
    length = round(quarters * STEPS_PER_QUARTER)
    measures = np.zeros(bars, dtype=MEASURE_DTYPE)
    measures["start_div"] = np.arange(bars) * length
    measures["end_div"] = measures["start_div"] + length
    measures["beats"], measures["beat_type"] = beats, beat_type
    places = beats_of(measures, STEPS_PER_QUARTER)
    steps = np.arange(0, bars * length + 6, 6, dtype=np.float64)
    drift = np.cumsum(rng.normal(0.0, rng.uniform(0.0, 0.004), len(steps)))
    each = 6 / STEPS_PER_QUARTER * 60 / quarters_per_minute * np.exp(drift)
    seconds = np.concatenate([[0.0], np.cumsum(each)[:-1]])
    table = np.zeros(len(places), dtype=BEAT_DTYPE)
    table["time_s"] = np.interp([place for place, _ in places], steps, seconds)
    table["number"] = [number for _, number in places]
    grid: NDArray[np.float64] = np.stack([steps, seconds], axis=1)
    return with_drums(
        Passage(
            notes=np.zeros(0, dtype=PASSAGE_DTYPE),
            controls=np.zeros(0, dtype=CONTROL_DTYPE),
            parts=(),
            duration_s=float(np.interp(bars * length, steps, seconds)),
            beats=table,
            beats_per_bar=beats,
            beat_type=beat_type,
            bars=np.array([(bar * length, length, beats, beat_type) for bar in range(bars)], dtype=np.int64),
            grid=grid,
        ),
        rng,
    )


def random_drums(rng: np.random.Generator, duration_s: float) -> Passage:
    """Some drums, each struck by itself: at random, or in a beat that no other one shares."""
    classes = rng.choice(len(DRUM_CLASSES), int(rng.integers(FEWEST, MOST + 1)), replace=False)
    rows: list[tuple[float, float, int, int, int]] = []
    for place in classes.tolist():
        gap_s = float(np.exp(rng.uniform(*np.log(GAP_S))))
        count = int(2 * duration_s / gap_s) + 2
        gaps = np.full(count, gap_s) if rng.random() < STEADY else MIN_LENGTH_S + rng.exponential(gap_s, count)
        onsets = rng.uniform(0.0, gap_s) + np.cumsum(gaps) - gaps[0]
        keys = DRUM_CLASSES[place].keys
        kept = keys[: int(rng.integers(1, min(len(keys), 3) + 1))]
        level, scatter = rng.uniform(45, 115), rng.uniform(0, 22)
        for onset in onsets[onsets < duration_s].tolist():
            velocity = int(np.clip(rng.normal(level, scatter), 8, 127))
            rows.append((onset, onset + MIN_LENGTH_S, int(rng.choice(kept)), velocity, 0))
    notes = np.array(sorted(rows), dtype=PASSAGE_DTYPE)
    return Passage(
        notes=notes,
        controls=np.zeros(0, dtype=CONTROL_DTYPE),
        parts=(PassagePart(int(rng.choice(SETS, p=SET_SHARES)), is_drum=True),),
        duration_s=duration_s,
        beats=np.zeros(0, dtype=BEAT_DTYPE),
        beats_per_bar=4,
        beat_type=4,
        bars=np.zeros((0, 4), dtype=np.int64),
        grid=np.zeros((0, 2), dtype=np.float64),
    )
