"""Training examples for ``measured`` models: a piece, a question asked of it, and the steps that answer it.

Each example hides some lanes in a run of bars. What came before is history; the other lanes, and all that follows, are controls
that come early by delta (``compose.stream``). Hiding all lanes to the end of the piece is plain autoregressive training; hiding
a lane throughout is harmonisation. The history can be asked for too: up to the hidden bars every lane is being written, as if it
were plain continuation, so that few steps of an example teach nothing. Situations do not depend on the model, so examples are made
once and transposed on the fly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, Note
from compose.measured_model import Decisions
from compose.situation import MOMENT_BITS, NOTE_BITS, NOTE_NUMBERS, NUM_REFERENCES, ONSET_BITS, ROLL_BITS
from compose.stream import DELTA_STEPS, Stream
from compose.vocabulary.bars import Chunk, to_steps
from compose.vocabulary.measured import KEY, LANE, PITCH
from corpora.piece import Part, Piece

__all__ = ["Example", "Question", "ask", "collate", "make_example", "piece_notes", "transpose"]

CONTEXT_BARS = 8


@dataclass(frozen=True)
class Question:
    """Which lanes are hidden, in which bars.

    Args:
        lanes: Hidden lanes.
        first: Index of the first hidden bar (among ``chunks``).
        last: Index after the last.
        opening: Index of the first bar that is seen; None takes up to eight bars of history.
        given: Notes of the hidden lanes and bars that are controls all the same.
        hints: Controls that tell of hidden notes in part (``compose.stream``).
        ask_history: Whether the notes and bar lines of the history are asked for too, all but the first bar line.
    """

    lanes: tuple[int, ...]
    first: int
    last: int
    opening: int | None = None
    given: frozenset[Note] = frozenset()
    hints: tuple[Note, ...] = ()
    ask_history: bool = False


@dataclass(frozen=True)
class Example:
    """A stream and the steps of it that are predicted; bits are packed eight to a byte.

    Args:
        rows: (steps, 11) int16.
        places: (decisions,) indices of predicted steps.
        moment, onset, rolls: (decisions, bits/8) uint8.
        numbers: (decisions, NOTE_NUMBERS) int16.
    """

    rows: NDArray[np.int16]
    places: NDArray[np.int32]
    moment: NDArray[np.uint8]
    onset: NDArray[np.uint8]
    rolls: NDArray[np.uint8]
    numbers: NDArray[np.int16]


def piece_notes(piece: Piece) -> list[Note]:
    """The notes of a piece on the writing grid, in canonical order; grace notes left out."""
    onset = to_steps(piece.notes["onset_div"], piece.divs_per_quarter)
    duration = np.maximum(to_steps(piece.notes["duration_div"], piece.divs_per_quarter), 1)
    sounding = piece.notes["duration_div"] > 0
    columns = (onset, piece.notes["part"], piece.notes["pitch"], duration, piece.notes["velocity"])
    return sorted(Note(*map(int, row)) for row in zip(*(column[sounding] for column in columns), strict=True))


def ask(num_lanes: int, num_bars: int, rng: np.random.Generator) -> Question:
    """A random question: one time in three the whole piece, else two to ten bars; one to all lanes, few more often than many."""
    count = int(min(rng.choice([1, 2, 3, 4], p=[0.3, 0.3, 0.2, 0.2]), num_lanes))
    lanes = tuple(sorted(rng.choice(num_lanes, size=count, replace=False).tolist()))
    if rng.random() < 1 / 3:
        return Question(lanes, 0, num_bars)
    length = int(rng.integers(2, 11))
    first = int(rng.integers(0, max(num_bars - length, 0) + 1))
    return Question(lanes, first, min(first + length, num_bars))


def make_example(
    parts: tuple[Part, ...], bars: list[Chunk], notes: list[Note], question: Question, delta: int = DELTA_STEPS
) -> Example | None:
    """Play the stream of a question through and note every decision; None when nothing is hidden there.

    Args:
        parts: The lanes.
        bars: Of the piece, one after the hidden bars at least unless those end it.
        notes: In canonical order, in steps.
        question: What is hidden.
        delta: How early controls come, in steps; 0 tells of each only when its time is reached.
    """
    start, end = bars[question.first].start, bars[question.last - 1].start + bars[question.last - 1].length
    opening = max(question.first - CONTEXT_BARS, 0) if question.opening is None else question.opening
    hidden = [n for n in notes if n.lane in question.lanes and start <= n.onset < end and n.end <= end and n not in question.given]
    if not hidden:
        return None
    gone = set(hidden)
    window = [n for n in notes if n.onset >= bars[opening].start]
    past = [n for n in window if n.onset < start]
    controls = [*(n for n in window if n.onset >= start and n not in gone), *question.hints]
    asked_from = bars[opening].start if question.ask_history else start
    since = start if question.ask_history else None
    stream = Stream(parts, bars[opening:], controls, question.lanes, delta, since)
    events = sorted(past + hidden)
    records: list[tuple[int, NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]] = []
    no_onset, no_rolls = np.zeros(ONSET_BITS, dtype=np.uint8), np.zeros(NOTE_BITS, dtype=np.uint8)
    no_numbers = np.zeros(NOTE_NUMBERS, dtype=np.int64)
    place = 0
    for bar in stream.bars[: question.last - opening]:
        if bar.start > asked_from:  # the first bar asked for is given; each further bar line is a decision
            records.append((len(stream.rows), stream.situation.moment(stream.now), no_onset, no_rolls, no_numbers))
        stream.push_bar()
        while place < len(events) and events[place].onset < bar.start + bar.length:
            note = events[place]
            place += 1
            if note.onset >= asked_from:
                rolls, numbers = stream.situation.note(note.onset, note.lane)
                moment, onset = stream.situation.moment(stream.now), stream.situation.onset(note.onset)
                records.append((len(stream.rows), moment, onset, rolls, numbers))
            stream.push_note(note)
    records.append((len(stream.rows), stream.situation.moment(stream.now), no_onset, no_rolls, no_numbers))
    stream.push_end()  # leaving the last hidden bar is a decision too
    places, moment_bits, onset_bits, rolls_bits, all_numbers = zip(*records, strict=True)
    return Example(
        np.stack(stream.rows).astype(np.int16),
        np.array(places, dtype=np.int32),
        np.packbits(np.stack(moment_bits), axis=1),
        np.packbits(np.stack(onset_bits), axis=1),
        np.packbits(np.stack(rolls_bits), axis=1),
        np.stack(all_numbers).astype(np.int16),
    )


def transpose(example: Example, semitones: int) -> Example:
    """The same question and answer ``semitones`` higher; the caller keeps the notes inside 0..127.

    References to pitches that no note has (where a parallel would lead) are dropped when they leave 0..127.
    """
    if semitones == 0:
        return example
    rows = example.rows.copy()
    rows[:, PITCH] = np.where(rows[:, PITCH] > 0, rows[:, PITCH] + semitones, 0)
    fifths = rows[:, KEY] - 8 + 7 * semitones
    rows[:, KEY] = np.where(rows[:, KEY] > 0, (fifths + 5) % 12 - 5 + 8, 0)  # five flats to six sharps
    numbers = example.numbers.copy()
    pitches = numbers[:, : NUM_REFERENCES + 1]
    higher = np.where(pitches > 0, pitches + semitones, 0)
    numbers[:, : NUM_REFERENCES + 1] = np.where((higher >= 1) & (higher <= NUM_PITCHES), higher, 0)
    absolute, centred = example.rolls[:, : ROLL_BITS // 8], example.rolls[:, ROLL_BITS // 8 :]
    rolls = np.unpackbits(absolute, axis=1).reshape(len(absolute), -1, NUM_PITCHES)
    moved = np.packbits(np.roll(rolls, semitones, axis=2).reshape(len(rolls), -1), axis=1)
    return Example(
        rows,
        example.places,
        example.moment,
        example.onset,
        np.concatenate([moved, centred], axis=1),
        numbers,
    )


def _bits(packed: list[NDArray[np.uint8]], count: int) -> torch.Tensor:
    return torch.from_numpy(np.unpackbits(np.concatenate(packed), axis=1, count=count)).float()


def collate(examples: list[Example]) -> tuple[torch.Tensor, Decisions]:
    """Streams padded at the end to one (batch, time, 11) tensor, and all their decisions."""
    longest = max(len(example.rows) for example in examples)
    rows = np.zeros((len(examples), longest, examples[0].rows.shape[1]), dtype=np.int64)
    for index, example in enumerate(examples):
        rows[index, : len(example.rows)] = example.rows
    stream = np.concatenate([np.full(len(example.places), index) for index, example in enumerate(examples)])
    place = np.concatenate([example.places for example in examples]).astype(np.int64)
    targets = np.concatenate([example.rows[example.places] for example in examples]).astype(np.int64)
    numbers = np.concatenate([example.numbers for example in examples]).astype(np.int64)
    assert targets[:, LANE].any()
    return torch.from_numpy(rows), Decisions(
        torch.from_numpy(stream),
        torch.from_numpy(place),
        torch.from_numpy(targets),
        _bits([example.moment for example in examples], MOMENT_BITS),
        _bits([example.onset for example in examples], ONSET_BITS),
        _bits([example.rolls for example in examples], NOTE_BITS),
        torch.from_numpy(numbers),
    )
