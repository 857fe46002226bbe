"""What the network of note beats learns from: performed scores with their beats, and ways to vary them.

Conventions: seconds. ``BAR_BEAT_DTYPE`` rows are beats with the meter that they stand in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Piece, Table
from render.perform import Performance, perform
from transcribe.beats.score_beats import score_beats
from transcribe.heard import DRUMS, HEARD_DTYPE
from transcribe.training_audio.performing import FASTEST, SLOWEST

__all__ = ["BAR_BEAT_DTYPE", "BeatExample", "beat_example", "perform_freely", "varied"]

BAR_BEAT_DTYPE = np.dtype([("time_s", np.float64), ("number", np.int32), ("beats", np.int32), ("beat_type", np.int32)])
FREEDOM: Mapping[str, tuple[float, float]] = {  # from least to greatest strength of the rules that training draws
    "metrical accent": (0.0, 1.6),
    "phrase arch": (0.3, 2.0),
    "timing noise": (0.5, 3.0),
    "final ritard": (0.0, 1.6),
    "level noise": (0.5, 2.5),
    "melody lead": (0.0, 1.5),
}
TEMPO_SPREAD = 0.06  # of the log factor of the whole: tempi say what a beat is ...
ANY_TEMPO = 0.45  # ... but in this share of windows players take one of their own
DRUMS_LOST, DRUMS_FALSE = 0.35, 0.15  # at most
WOBBLE_STEP_S = 1.5  # from knot to knot of the wandering tempo
KICK, SNARE, HAT, CRASH, TOMS = 36, 38, 42, 49, (45, 47)


@dataclass(frozen=True, eq=False)
class BeatExample:
    """A performance as it is heard, with its beats.

    Args:
        notes: HEARD_DTYPE rows by onset.
        parts: Of each note the lane that plays it, shape (notes,).
        beats: BAR_BEAT_DTYPE rows by time, to the last note's end.
    """

    notes: Table
    parts: NDArray[np.int32]
    beats: Table

    @property
    def duration_s(self) -> float:
        """To the end of the last note."""
        return float(self.notes["offset_s"].max(initial=0.0))


def beat_example(performance: Performance) -> BeatExample:
    """The notes and beats of a performance; a note ends where its key is let go."""
    rows, played = performance.notes, performance.played
    notes = np.zeros(len(rows), dtype=HEARD_DTYPE)
    notes["onset_s"], notes["offset_s"] = rows["onset_s"], rows["onset_s"] + rows["duration_s"]
    notes["pitch"], notes["velocity"], notes["confidence"] = rows["pitch"], rows["velocity"], 1.0
    is_drum = np.array([part.is_drum for part in played.parts], dtype=np.bool_)
    notes["family"] = np.where(is_drum[rows["part"]], DRUMS, 0)
    written = score_beats(played)
    beats = np.zeros(len(written), dtype=BAR_BEAT_DTYPE)
    beats["time_s"] = played.div_to_seconds(written["onset_div"])
    for name in ("number", "beats", "beat_type"):
        beats[name] = written[name]
    order = np.argsort(notes["onset_s"], kind="stable")
    return BeatExample(notes[order], rows["part"][order].astype(np.int32), beats[beats["time_s"] < performance.duration_s])


def perform_freely(piece: Piece, seed: int) -> BeatExample:
    """A performance whose rules are as strong as the seed has it, without repeats."""
    rng = np.random.default_rng(seed)
    strengths = {name: float(rng.uniform(least, most)) for name, (least, most) in FREEDOM.items()}
    return beat_example(perform(piece, strengths=strengths, seed=seed, repeats=False))


def varied(example: BeatExample, rng: np.random.Generator) -> BeatExample:
    """The same music in another tempo that wanders, with other levels, another key, fewer parts, and faults of a transcription."""
    notes, parts = example.notes.copy(), example.parts
    kept = np.ones(len(notes), dtype=np.bool_)
    if rng.random() < 0.2:
        present = np.unique(parts)
        kept &= np.isin(parts, rng.choice(present, size=int(rng.integers(1, len(present) + 1)), replace=False))
    if rng.random() < 0.6:
        kept &= rng.random(len(notes)) > rng.uniform(0.0, 0.15)
    kept &= (notes["family"] != DRUMS) | (rng.random(len(notes)) > rng.uniform(0.0, DRUMS_LOST))
    notes, parts = notes[kept], parts[kept]
    before, after = _wandering_time(example.duration_s, rng)
    beats = example.beats.copy()
    beats["time_s"] = np.interp(beats["time_s"], before, after)
    for name in ("onset_s", "offset_s"):
        notes[name] = np.interp(notes[name], before, after)
    length_s = np.maximum(notes["offset_s"] - notes["onset_s"], 0.02)
    if rng.random() < 0.5:
        length_s = length_s * rng.uniform(0.4, 2.0) * np.exp(0.2 * rng.standard_normal(len(notes)))
    notes["onset_s"] += rng.uniform(0.0, 0.012) * rng.standard_normal(len(notes))
    notes["offset_s"] = notes["onset_s"] + length_s
    drums = notes["family"] == DRUMS
    notes["pitch"] = np.where(drums, notes["pitch"], np.clip(notes["pitch"] + rng.integers(-6, 7), 0, 127))
    notes = _other_levels(notes, rng)
    added = [notes]
    if rng.random() < 0.4:
        added.append(_ghosts(notes[notes["family"] != DRUMS], rng))
    if drums.any():
        added.append(_false_drums(notes[drums], rng))
    elif rng.random() < 0.1:
        added.append(_groove(beats, rng))
    together = np.concatenate(added)
    extra = np.full(len(together) - len(parts), -1, dtype=np.int32)
    order = np.argsort(together["onset_s"], kind="stable")
    return BeatExample(together[order], np.concatenate([parts, extra])[order], beats)


def _wandering_time(duration_s: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times before and after: another tempo that follows a random walk drawn back to its middle."""
    knots = np.arange(0.0, duration_s + 2 * WOBBLE_STEP_S, WOBBLE_STEP_S)
    step = rng.choice([0.0, 0.02, 0.05, 0.08])
    log_pace = np.zeros(len(knots) - 1)
    for index in range(1, len(log_pace)):
        log_pace[index] = 0.85 * log_pace[index - 1] + step * rng.standard_normal()
    factor = TEMPO_SPREAD * rng.standard_normal()
    if rng.random() < ANY_TEMPO:
        factor = rng.uniform(-np.log(FASTEST), -np.log(SLOWEST))
    lengths = WOBBLE_STEP_S * np.exp(log_pace + factor)
    return knots, np.concatenate([[0.0], np.cumsum(lengths)])


def _other_levels(notes: Table, rng: np.random.Generator) -> Table:
    """Velocities softer, louder, flatter, or all alike."""
    depth = 0.0 if rng.random() < 0.15 else rng.uniform(0.5, 1.5)
    middle = float(np.median(notes["velocity"])) if len(notes) else 0.0
    levels = (
        middle + depth * (notes["velocity"] - middle) + rng.uniform(-25, 25) + rng.uniform(0, 6) * rng.standard_normal(len(notes))
    )
    notes["velocity"] = np.clip(np.rint(levels), 1, 127)
    return notes


def _ghosts(notes: Table, rng: np.random.Generator) -> Table:
    """False notes as transcribers hear them: partials of notes, and a few anywhere."""
    false = notes[rng.random(len(notes)) < rng.uniform(0.0, 0.06)].copy()
    false["pitch"] = np.clip(false["pitch"] + rng.choice([-12, 12, 19, 24], size=len(false)), 0, 127)
    anywhere = rng.random(len(false)) < 0.3
    shift_s = np.where(anywhere, rng.uniform(-1.0, 1.0, len(false)), 0.01 * rng.standard_normal(len(false)))
    false["onset_s"] = np.maximum(false["onset_s"] + shift_s, 0.0)
    false["offset_s"] = false["onset_s"] + rng.uniform(0.05, 0.4, len(false))
    return false


def _false_drums(drums: Table, rng: np.random.Generator) -> Table:
    """Strokes taken for other drums, and some where there are none."""
    false = drums[rng.random(len(drums)) < rng.uniform(0.0, DRUMS_FALSE)].copy()
    elsewhere = rng.random(len(false)) < 0.5
    false["pitch"] = rng.choice([KICK, SNARE, HAT, *TOMS, CRASH], size=len(false))
    false["onset_s"] = np.maximum(false["onset_s"] + np.where(elsewhere, rng.uniform(-0.5, 0.5, len(false)), 0.0), 0.0)
    false["offset_s"] = false["onset_s"] + 0.1
    return false


def _groove(beats: Table, rng: np.random.Generator) -> Table:
    """Drums along the beats: the kick on odd beats, the snare on even ones, hi-hats on beats and between them."""
    rows: list[tuple[float, int]] = []
    twice = rng.random() < 0.7
    times = beats["time_s"].tolist()
    for index, (time_s, number) in enumerate(zip(times, beats["number"].tolist(), strict=True)):
        rows += [(time_s, HAT), (time_s, KICK if number % 2 else SNARE)]
        if twice and index + 1 < len(times):
            rows.append(((time_s + times[index + 1]) / 2, HAT))
    drums = np.zeros(len(rows), dtype=HEARD_DTYPE)
    kept = rng.random(len(rows)) > rng.uniform(0.0, 0.3)
    drums["onset_s"] = np.array([time_s for time_s, _ in rows]) + 0.006 * rng.standard_normal(len(rows))
    drums["offset_s"] = drums["onset_s"] + 0.1
    drums["pitch"] = [key for _, key in rows]
    drums["velocity"], drums["family"] = rng.integers(50, 120, len(rows)), DRUMS
    return drums[kept]
