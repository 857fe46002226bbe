"""A performance in the making: what the rules change.

Conventions. Score time is divs of the played (unfolded) piece. Tempo lives on a *grid* of places: between two neighbours (a
*cell*) it is constant, the score's tempo times ``exp(log_tempo)``, and ``extra_s`` is added to the time that takes (fermatas).
Where a note stands is said in two ways, for two purposes: ``onset`` and ``end`` in divs (graces, swing, staccato),
``onset_shift_s`` and ``end_shift_s`` for what is a matter of milliseconds (melody lead, legato). Levels are dB re velocity 127
(``render.perform.levels``).

Rules add to what is there. A tempo deviation of ``log_tempo`` 0.01 is about one percent faster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.marks import Marks, NoteMarks
from corpora.piece import DEFAULT_QUARTERS_PER_MINUTE, Piece, Table
from render.perform.levels import BASE_LEVEL_DB, level_of_value
from render.perform.unfolding import Unfolded

__all__ = ["Draft", "Figure", "LevelCurve", "Message", "Stroke", "beat_quarters", "is_keyboard", "is_sustaining", "is_voice"]

Array = NDArray[np.float64]
LevelCurve = Callable[[int, Array], Array]  # lane, played places in divs -> dB to add

CELLS_PER_BEAT = 4  # so that a ritard is smooth under long notes too
_KEYBOARDS = range(0, 6)  # General MIDI programs, zero-based: those with a sustain pedal
_SUSTAINING = frozenset([*range(16, 24), *range(40, 45), *range(48, 55), *range(56, 80), *range(80, 96), 109, 110, 111])
_VOICES = range(52, 55)


@dataclass(frozen=True, slots=True)
class Stroke:
    """One sounding note of a figure: start and end as fractions of the note's length, semitones from it, dB from it."""

    start: float
    end: float
    semitones: int = 0
    level_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """What is played in the place of one note: its strokes, in order, and what they are called ("trill" ...).

    ``main`` is the index of the stroke that counts as the note of the score; the others are ornaments.
    """

    name: str
    strokes: tuple[Stroke, ...]
    main: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """A channel message for a lane at a place (divs of the played piece) and a shift in seconds.

    ``status`` is 0xB0 for a controller (``first`` its number, ``second`` its value), 0xC0 for a program (``first``).
    """

    lane: int
    place: int | float
    status: int
    first: int
    second: int = 0
    shift_s: float = 0.0


@dataclass(eq=False)
class Draft:
    """The played piece with everything that rules may change.

    Args:
        score: The unfolded piece.
        marks: The marks of the written piece; None where the source has none.
        seed: Of what is drawn at random.
        trill_start: Which note a trill begins with.
        appoggiaturas: Whether an unslashed grace note may be long.
        swing_throughout: Whether eighths swing although the score does not say so.

    All arrays of notes have shape (notes,), in the order of ``score.piece.notes``; ``grid`` (cells + 1,), those of cells (cells,).
    """

    score: Unfolded
    marks: Marks | None
    seed: int
    trill_start: Literal["main", "upper"] = "main"
    appoggiaturas: Literal["long", "short"] = "long"
    swing_throughout: bool = False
    onset: Array = field(init=False)
    end: Array = field(init=False)
    onset_shift_s: Array = field(init=False)
    end_shift_s: Array = field(init=False)
    level_db: Array = field(init=False)
    grid: NDArray[np.int64] = field(init=False)
    quarters_per_minute: Array = field(init=False)
    log_tempo: Array = field(init=False)
    extra_s: Array = field(init=False)
    curves: list[LevelCurve] = field(init=False, default_factory=list)
    figures: dict[int, Figure] = field(init=False, default_factory=dict)
    messages: list[Message] = field(init=False, default_factory=list)
    releases_repeated: bool = field(init=False, default=False)  # keys are let go before they are struck again
    slurred: tuple[set[str], set[str]] | None = field(init=False, default=None)  # see articulation.under_slurs
    not_understood: Counter[str] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        notes = self.notes
        self.onset = notes["onset_div"].astype(np.float64)
        self.end = self.onset + notes["duration_div"]
        self.onset_shift_s = np.zeros(len(notes))
        self.end_shift_s = np.zeros(len(notes))
        has_own_levels = self.marks is None
        self.level_db = (
            level_of_value(np.clip(notes["velocity"], 1, 127).astype(np.float64))
            if has_own_levels
            else np.full(len(notes), BASE_LEVEL_DB)
        )
        self.grid = self._grid()
        self.quarters_per_minute = self._tempo_of_score()
        self.log_tempo = np.zeros(len(self.grid) - 1)
        self.extra_s = np.zeros(len(self.grid) - 1)

    @property
    def piece(self) -> Piece:
        """The played piece."""
        return self.score.piece

    @property
    def notes(self) -> Table:
        """Its notes."""
        return self.score.piece.notes

    @cached_property
    def written_notes(self) -> Table:
        """For each note the written one, shape (notes,)."""
        return self.score.written.notes[self.score.rows]

    @cached_property
    def written_ids(self) -> list[str]:
        """For each note the id of the written one."""
        ids: list[str] = self.written_notes["id"].tolist()
        return ids

    @cached_property
    def note_marks(self) -> list[NoteMarks | None]:
        """For each note what stands on it; None where the source has no marks."""
        if self.marks is None:
            return [None] * len(self.notes)
        return [self.marks.notes[identity] for identity in self.written_ids]

    @cached_property
    def part_of_lane(self) -> list[int]:
        """For each lane the index of its part in ``marks``."""
        if self.marks is None:
            return list(range(len(self.piece.parts)))
        return [part for part, walked in enumerate(self.marks.document.parts) for _ in range(walked.num_staves)]

    @cached_property
    def groups(self) -> dict[tuple[int, int], NDArray[np.int64]]:
        """Rows of each (lane, voice), by onset."""
        found: dict[tuple[int, int], list[int]] = {}
        for row, (lane, voice) in enumerate(zip(self.notes["part"].tolist(), self.notes["voice"].tolist(), strict=True)):
            found.setdefault((lane, voice), []).append(row)
        return {key: np.array(rows, dtype=np.int64) for key, rows in found.items()}

    def _grid(self) -> NDArray[np.int64]:
        """Places at which tempo may change: onsets, ends, bar lines, quarters of beats, tempo changes."""
        piece = self.piece
        places = [np.unique(piece.notes["onset_div"]), np.unique(piece.notes["onset_div"] + piece.notes["duration_div"])]
        for row in piece.measures:
            step = max(beat_quarters(int(row["beats"]), int(row["beat_type"])) * piece.divs_per_quarter / CELLS_PER_BEAT, 1.0)
            places.append(np.rint(np.arange(int(row["start_div"]), int(row["end_div"]), step)).astype(np.int64))
        places += [piece.tempos["onset_div"], np.array([0, max(piece.end_div, 1)])]
        grid = np.unique(np.concatenate(places))
        return np.asarray(grid[grid >= 0], dtype=np.int64)

    def _tempo_of_score(self) -> Array:
        tempos = self.piece.tempos
        found = np.searchsorted(tempos["onset_div"], self.grid[:-1], side="right") - 1
        values = np.append(tempos["quarters_per_minute"], DEFAULT_QUARTERS_PER_MINUTE)  # -1 takes the last
        return np.asarray(values[found], dtype=np.float64)

    @property
    def cell_s(self) -> Array:
        """Seconds of each cell."""
        quarters = np.diff(self.grid) / self.piece.divs_per_quarter
        return np.asarray(quarters * 60.0 / (self.quarters_per_minute * np.exp(self.log_tempo)) + self.extra_s)

    @property
    def middles(self) -> Array:
        """The middle of each cell, in divs."""
        return np.asarray((self.grid[:-1] + self.grid[1:]) / 2)

    def cell_at(self, places: Array | NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the cell that holds each place (the last one for places past the end)."""
        found = np.searchsorted(self.grid, places, side="right") - 1
        return np.asarray(np.clip(found, 0, len(self.grid) - 2), dtype=np.int64)

    def seconds_at(self, places: Array | NDArray[np.int64]) -> Array:
        """Time of places under the present tempo, shifts left out."""
        cells = self.cell_s
        starts = np.concatenate([[0.0], np.cumsum(cells)])
        cell = self.cell_at(places)
        return np.asarray(starts[cell] + (np.asarray(places) - self.grid[cell]) * cells[cell] / np.diff(self.grid)[cell])

    def still_seconds_at(self, places: Array | NDArray[np.int64]) -> Array:
        """Time of places at the tempo that the score says, no rule applied."""
        return self.piece.div_to_seconds(np.asarray(places, dtype=np.float64))

    def seconds_per_div(self, places: Array | NDArray[np.int64]) -> Array:
        """Seconds of a div at each place under the present tempo."""
        return np.asarray((self.cell_s / np.diff(self.grid))[self.cell_at(places)])

    def bar_of(self, places: Array | NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the played bar that holds each place."""
        found = np.searchsorted(self.piece.measures["start_div"], places, side="right") - 1
        return np.asarray(np.clip(found, 0, None), dtype=np.int64)

    def rng(self, name: str) -> np.random.Generator:
        """A generator for one rule: switching other rules off leaves what it draws as it was."""
        return np.random.default_rng([self.seed, *name.encode()])


def beat_quarters(beats: int, beat_type: int) -> float:
    """Length of a beat in quarter notes: three units in compound time (6/8, 9/8, 12/8 ...), else one."""
    unit = 4 / beat_type
    return 3 * unit if beats % 3 == 0 and beats > 3 and beat_type >= 4 else unit


def is_keyboard(program: int) -> bool:
    """Whether a General MIDI program has strings, hammers and a pedal."""
    return program in _KEYBOARDS


def is_sustaining(program: int) -> bool:
    """Whether a player of this program can change the level of a note that sounds."""
    return program in _SUSTAINING


def is_voice(program: int) -> bool:
    """Whether somebody sings."""
    return program in _VOICES
