"""Music that nobody wrote: keys at random, so that a model hears what sounds and does not guess what is likely.

Stretches of a few seconds follow each other: scattered notes, chords, runs, repeated notes, trills and octaves over the whole
range of the instrument, with lengths, levels and pedal at random. There are no beats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from render.controllers import SUSTAIN
from transcribe.heard import BEAT_DTYPE
from transcribe.training_audio.instruments import draw_piano, range_of
from transcribe.training_audio.passages import CONTROL_DTYPE, PASSAGE_DTYPE, Passage, PassagePart

__all__ = ["random_passage"]

SHORTEST_STRETCH_S, LONGEST_STRETCH_S = 1.5, 6.0
KINDS = ("scatter", "chords", "run", "repeated", "trill", "octaves", "held")
PEDALS = 0.45  # share of passages with pedal
Row = tuple[float, float, int, int]


def random_passage(rng: np.random.Generator, duration_s: float, programs: tuple[int, ...] = ()) -> Passage:
    """A passage of random music.

    Args:
        rng: Source of all choices.
        duration_s: How long.
        programs: Who plays; a piano where it is empty.
    """
    parts = programs or (draw_piano(rng),)
    tables = []
    for index, program in enumerate(parts):
        low, high = (21, 108) if program < 8 else range_of(program)
        rows: list[Row] = []
        start = float(rng.uniform(0.0, 0.5))
        while start < duration_s - 1:
            length = min(float(rng.uniform(SHORTEST_STRETCH_S, LONGEST_STRETCH_S)), duration_s - start - 0.5)
            if rng.random() > 0.1 * len(parts):
                rows += _stretch(rng, start, length, low, high, dense=len(parts) == 1)
            start += length
        table = np.array([(*row, index) for row in rows], dtype=PASSAGE_DTYPE)
        tables.append(table)
    notes = np.concatenate(tables)
    notes["release_s"] = np.minimum(notes["release_s"], duration_s)
    controls = _pedal(rng, duration_s) if parts[0] < 8 and rng.random() < PEDALS else np.zeros(0, dtype=CONTROL_DTYPE)
    nothing: NDArray[np.int64] = np.zeros((0, 4), dtype=np.int64)
    return Passage(
        notes=notes[np.argsort(notes["onset_s"], kind="stable")],
        controls=controls,
        parts=tuple(PassagePart(program) for program in parts),
        duration_s=duration_s,
        beats=np.zeros(0, dtype=BEAT_DTYPE),
        beats_per_bar=0,
        beat_type=0,
        bars=nothing,
        grid=np.zeros((0, 2)),
    )


def _pedal(rng: np.random.Generator, duration_s: float) -> Table:
    rows, place = [], float(rng.uniform(0.0, 2.0))
    while place < duration_s:
        until = place + float(np.exp(rng.uniform(np.log(0.25), np.log(4.0))))
        rows += [(place, 0, SUSTAIN, 127), (until, 0, SUSTAIN, 0)]
        place = until + float(np.exp(rng.uniform(np.log(0.05), np.log(1.5))))
    return np.array([row for row in rows if row[0] < duration_s], dtype=CONTROL_DTYPE)


def _stretch(rng: np.random.Generator, start: float, length: float, low: int, high: int, *, dense: bool) -> list[Row]:
    """Notes of one kind: onset, release, pitch, velocity."""
    kind = str(rng.choice(KINDS, p=[0.28, 0.22, 0.16, 0.1, 0.06, 0.08, 0.1]))
    level, scatter = rng.uniform(25, 115), rng.uniform(0, 22)
    centre = rng.uniform(low, high)
    span = rng.uniform(4, high - low) if dense else rng.uniform(4, max(18, (high - low) / 2))
    sounding = float(np.exp(rng.uniform(np.log(0.15), np.log(2.5))))  # length of a note in gaps between onsets

    def velocity() -> int:
        return int(np.clip(rng.normal(level, scatter), 10, 127))

    def pitch() -> int:
        return int(np.clip(round(rng.uniform(centre - span / 2, centre + span / 2)), low, high))

    def gap() -> float:
        return float(np.exp(rng.uniform(np.log(0.06), np.log(0.5))))

    rows: list[Row] = []
    place, step, steady = start, gap(), bool(rng.random() < 0.6)
    key, way = pitch(), int(rng.choice([-2, -1, 1, 2]))
    voices = int(rng.integers(1, 7)) if dense else int(rng.integers(1, 4))
    while place < start + length:
        space = step if steady else gap()
        if kind == "scatter":
            rows.append((place, place + max(0.04, rng.exponential(0.5)), pitch(), velocity()))
            space /= 2 if dense else 1
        elif kind in ("chords", "held"):
            space *= 6 if kind == "held" else 2
            spread = rng.uniform(0, 0.015)
            for own in {pitch() for _ in range(voices)}:
                rows.append((place + rng.uniform(0, spread), place + space * min(sounding, 1.2) + 0.02, own, velocity()))
        elif kind == "octaves":
            rows += [(place, place + space * sounding, own, velocity()) for own in (key, key + 12) if low <= own <= high]
            key = int(np.clip(key + rng.integers(-4, 5), low, high))
        else:
            rows.append((place, place + max(space * (sounding if kind == "run" else min(sounding, 0.9)), 0.03), key, velocity()))
            if kind == "run":
                key += way
                if not low <= key <= high:
                    way = -way
                    key += 2 * way
            elif kind == "trill":
                key += way if (len(rows) % 2) else -way
                key = int(np.clip(key, low, high))
                space = min(space, 0.12)
            else:
                space = max(space, 0.08)
        place += max(space, 0.045)
    return rows
