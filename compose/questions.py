"""Questions asked of any music in training: which notes are to be written, and what is known before they are.

The kinds of Thickstun et al. (arXiv 2306.08620, section 4.2) - plain continuation, spans of time, random notes, instruments - in
musical time, and ours: bars of some lanes with both sides known, and hints (rhythm without pitch, pitch without rhythm).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compose.canvas import Note
from compose.measured_examples import Example, Question, make_example
from compose.step_scores import StepScore
from compose.stream import DELTA_STEPS, pitch_hint, rhythm_hint
from compose.vocabulary.bars import Chunk

__all__ = ["PLAIN_SHARE", "Asked", "ask_any", "draw_example", "draw_question"]

PLAIN_SHARE = 0.5  # of the questions are plain continuation: every lane, nothing known ahead
REGION_SHARE = 0.5  # of the others are about some bars with both sides known; the rest go to the end of the window
GIVEN_SHARE = 0.15  # of the others leave random notes known
HINT_SHARE = 0.2  # of the others come with hints
DRUMS_SHARE = 0.4  # of the others about music with drums ask for the drums alone
DROP_SHARE = 0.2  # of the windows lose some lanes altogether
MAX_HISTORY_BARS = 8
MAX_TRIES = 20


def _lanes(score: StepScore, notes: list[Note], rng: np.random.Generator) -> tuple[int, ...]:
    """Lanes to write: drums, one, all but one, or any number; only such as have notes in the window."""
    live = sorted({note.lane for note in notes})
    drums = [lane for lane in live if score.parts[lane].is_drum]
    if drums and rng.random() < DRUMS_SHARE:
        return (int(rng.choice(drums)),)
    kind = rng.random()
    if len(live) == 1 or kind < 0.4:
        return (int(rng.choice(live)),)
    if kind < 0.6:  # accompany: all but one, the top lane most often
        kept = live[0] if rng.random() < 0.6 else int(rng.choice(live))
        return tuple(lane for lane in live if lane != kept)
    count = int(rng.integers(1, len(live) + 1))
    return tuple(sorted(rng.choice(live, size=count, replace=False).tolist()))


def ask_any(
    score: StepScore, opening: int, first: int, last: int, rng: np.random.Generator, plain_share: float = PLAIN_SHARE
) -> Question | None:
    """A random question about a window of bars; None where the window has no notes to ask for.

    Args:
        score: The piece.
        opening: First bar that is seen.
        first: First bar that may be asked for.
        last: Bar after the last.
        rng: Source of all choices.
        plain_share: How often the question is plain continuation.
    """
    start, end = score.bars[first].start, score.bars[last - 1].start + score.bars[last - 1].length
    notes = score.window(start, end)
    if not notes:
        return None
    if rng.random() < plain_share:
        return Question(tuple(range(len(score.parts))), first, last, opening)
    lanes = _lanes(score, notes, rng)
    if rng.random() < REGION_SHARE and last - first > 1:
        length = int(rng.integers(1, min(last - first, 16) + 1))
        first = int(rng.integers(first, last - length + 1))
        last = first + length
        start, end = score.bars[first].start, score.bars[last - 1].start + score.bars[last - 1].length
        notes = [note for note in notes if start <= note.onset < end]
    question = Question(lanes, first, last, opening)
    hidden = [note for note in notes if note.lane in lanes and note.end <= end]
    kind = rng.random()
    if kind < GIVEN_SHARE:
        rate = rng.uniform(0.1, 0.9)
        given = [note for note in hidden if rng.random() < rate]
        return replace(question, given=frozenset(given))
    if kind < GIVEN_SHARE + HINT_SHARE:
        told = rhythm_hint if rng.random() < 0.7 else pitch_hint
        return replace(question, hints=tuple(told(note) for note in hidden))
    return question


def _thinned(score: StepScore, rng: np.random.Generator) -> StepScore:
    """The score without some of its lanes."""
    lanes = len(score.parts)
    kept = np.sort(rng.choice(lanes, size=int(rng.integers(1, lanes)), replace=False))
    place = np.full(lanes, -1)
    place[kept] = np.arange(len(kept))
    notes = score.notes[np.isin(score.notes[:, 1], kept)].copy()
    notes[:, 1] = place[notes[:, 1]]
    return StepScore(tuple(score.parts[lane] for lane in kept), score.bars, notes)


@dataclass(frozen=True)
class Asked:
    """A question about a window of a piece, ready to be played through.

    Args:
        score: The piece, or some lanes of it.
        bars: The bars up to the one after the window.
        notes: The notes of the window and what is known of what follows.
        question: Its bars are indices of ``bars``.
    """

    score: StepScore
    bars: list[Chunk]
    notes: list[Note]
    question: Question

    def example(self) -> Example | None:
        """The stream and its decisions; None when no note is asked for."""
        return make_example(self.score.parts, self.bars, self.notes, self.question)

    def alone(self) -> Asked:
        """The same notes asked for with nothing known but what comes before them."""
        first, last = self.bars[self.question.first], self.bars[self.question.last - 1]
        end, lanes, given = last.start + last.length, self.question.lanes, self.question.given
        kept = [n for n in self.notes if n.onset < first.start or (n.lane in lanes and n.end <= end and n not in given)]
        return replace(self, notes=kept, question=replace(self.question, given=frozenset(), hints=()))


def draw_question(score: StepScore, rows: int, rng: np.random.Generator, plain_share: float = PLAIN_SHARE) -> Asked | None:
    """A random question of a piece, in a window of about ``rows`` steps at most; None where none was found.

    Args:
        score: The piece.
        rows: Bound on the steps of the stream.
        rng: Source of all choices.
        plain_share: How often the question is plain continuation.
    """
    if len(score.parts) > 1 and rng.random() < DROP_SHARE:
        score = _thinned(score, rng)
    bars = score.bars
    for _ in range(MAX_TRIES):
        room = rows - 2 - len(score.parts)
        opening = int(rng.integers(0, len(bars)))
        if rng.random() < 0.15:
            opening = 0  # how pieces begin
        last = opening
        while (
            last < len(bars)
            and score.count(bars[opening].start, bars[last].start + bars[last].length + DELTA_STEPS) + (last + 1 - opening) <= room
        ):
            last += 1
        if last == opening:
            continue
        first = opening + int(rng.integers(0, min(MAX_HISTORY_BARS, last - opening - 1) + 1))
        question = ask_any(score, opening, first, last, rng, plain_share)
        if question is None or not question.lanes:
            continue
        end = bars[question.last - 1].start + bars[question.last - 1].length
        if len(question.lanes) < len(score.parts) or question.given or question.last < last:
            end += DELTA_STEPS  # what follows is known; in plain continuation nothing is
        return Asked(score, bars[: question.last + 1], score.window(bars[opening].start, end), question)
    return None


def draw_example(score: StepScore, rows: int, rng: np.random.Generator, plain_share: float = PLAIN_SHARE) -> Example | None:
    """A random question with its answer and that of its history, as training asks it; arguments and None as ``draw_question``."""
    for _ in range(MAX_TRIES):
        asked = draw_question(score, rows, rng, plain_share)
        if asked is None:
            return None
        example = replace(asked, question=replace(asked.question, ask_history=True)).example()
        if example is not None and len(example.rows) <= rows * 5 // 4:
            return example
    return None
