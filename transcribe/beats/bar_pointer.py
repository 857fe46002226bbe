"""The bar pointer: beats, bars and tempo of activations by a hidden Markov model, ``decode_bars``.

State: the place in the bar, the tempo (the frames from beat to beat) and the number of beats in a bar (Whiteley, Cemgil &
Godsill, "Bayesian modelling of temporal structure in musical audio", ISMIR 2006), with tempo changing at beats only (Krebs, Böck
& Widmer, "An efficient state-space model for joint tempo and meter tracking", ISMIR 2015, section 3). Between two beats a state
has one successor, so that Viterbi's recursion goes from beat to beat here and not from frame to frame: the same best path, for a
fraction of the work.

Relative to the papers: every whole number of frames is a tempo; a beat is observed in one frame, not in a sixteenth of its
length (the activations are sharp); a tempo may also break off to any other (fermatas, new movements) and a bar be followed by
one of another size, at a price. The price of a change of tempo is proportional to the size of its logarithm, so that the best
tempo before each tempo is found by running maxima, upwards and downwards, instead of by trying all.

Conventions: frames are counted from 0; activations are probabilities (frames, 2) of a beat (downbeats too) and of a downbeat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["BarPath", "BarPointer", "activation_scores"]

LEAST_PROBABILITY = 1e-3  # no single frame decides more than this
WINDOW_FRAMES, OVERLAP_FRAMES = 12_000, 3_000
Array: TypeAlias = NDArray[np.float32]
Tempi: TypeAlias = Callable[[int, int], Array]


@dataclass(frozen=True, eq=False)
class BarPath:
    """The best path.

    Args:
        frames: Of the beats, ascending, shape (beats,).
        positions: Of each in its bar, from 0, same shape.
        bar_sizes: Beats of the bar that each lies in, same shape.
        score: Log probability of the path over that of no beat anywhere, up to a constant.
    """

    frames: NDArray[np.int64]
    positions: NDArray[np.int64]
    bar_sizes: NDArray[np.int64]
    score: float


def activation_scores(activations: NDArray[np.float32]) -> Array:
    """Log odds against no beat, shape (frames, 2): of a beat inside the bar, and of a downbeat."""
    beat = np.clip(activations[:, 0].astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    downbeat = np.clip(activations[:, 1], LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    downbeat = np.minimum(downbeat, beat)
    inside = np.maximum(beat - downbeat, LEAST_PROBABILITY)
    return np.stack([np.log(inside) - np.log1p(-beat), np.log(downbeat) - np.log1p(-beat)], axis=1).astype(np.float32)


class BarPointer:
    """The state space, and Viterbi in it.

    Args:
        bar_sizes: Beats a bar, each at least 1.
        prior: Log probability of each bar size.
        shortest, longest: Frames from beat to beat, 1 <= shortest <= longest.
        looseness: Scale of the Laplace law of a beat's log interval against the one before.
        break_price, change_price: Log probability of a tempo that breaks off, and of another bar size in the next bar (on top comes
            how much less likely that size is than the likeliest).
        sharpness: What the log odds of activations are multiplied by: neighbouring frames are not independent witnesses.
    """

    def __init__(
        self,
        bar_sizes: Sequence[int],
        prior: Sequence[float],
        shortest: int,
        longest: int,
        *,
        looseness: float = 0.05,
        break_price: float = -12.0,
        change_price: float = -12.0,
        sharpness: float = 2.0,
    ) -> None:
        assert len(bar_sizes) == len(prior)
        assert 1 <= shortest <= longest
        self.sharpness = sharpness
        self.intervals = np.arange(shortest, longest + 1)
        self.size_of = np.repeat(np.array(bar_sizes), bar_sizes)  # (positions,)
        self.position_of = np.concatenate([np.arange(size) for size in bar_sizes])
        self.first = np.flatnonzero(self.position_of == 0)  # (sizes,): the downbeat of each bar size
        self.last = self.first + np.array(bar_sizes) - 1
        self.before = np.arange(len(self.size_of)) - 1
        self.before[self.first] = self.last
        self.kind = (self.position_of == 0).astype(np.int64)  # column of ``activation_scores``
        tempi = len(self.intervals)
        self.start = (np.repeat(np.array(prior) - np.log(bar_sizes), bar_sizes) - np.log(tempi)).astype(np.float32)
        self.tolls = (change_price + np.array(prior) - max(prior)).astype(np.float32)  # of a change to each size
        self.break_price = break_price - float(np.log(tempi))
        self.height = (np.log(self.intervals) / looseness).astype(np.float32)  # a change costs the difference of heights
        law = -np.abs(self.height[:, None] - self.height[None, :])  # (next, previous)
        self.norm = np.log(np.exp(law.astype(np.float64)).sum(axis=0)).astype(np.float32)  # (previous,)
        self.transition = np.maximum(law - self.norm, np.float32(self.break_price))

    def decode(self, scores: Array, anchor: int | None = None, tempi: Tempi | None = None, fits: Array | None = None) -> BarPath:
        """The best path through log odds of ``activation_scores``, window by window.

        Args:
            scores: Log odds (frames, 2).
            anchor: Frame of the first downbeat, when it is known: there is one there and none before.
            tempi: What a beat at a frame scores for the interval that follows it, asked for a stretch of frames from one to before
                another, (frames, intervals): of an hour it would be more than all else. Nothing when None.
            fits: What each beat of a bar size scores for the interval that follows it, (sizes, intervals); nothing when None.
        """
        weighed = self.sharpness * scores
        fit = np.zeros((len(self.size_of), len(self.intervals)), dtype=np.float32)  # (positions, intervals)
        if fits is not None:
            fit += fits[np.cumsum(self.position_of == 0) - 1]
        found: list[tuple[int, int]] = []  # frame and index of the position
        begin, state = 0, None
        while True:
            stop = min(begin + WINDOW_FRAMES, len(scores))
            here = None if tempi is None else tempi(begin, stop)
            path, reached = self._window(weighed[begin:stop], state, None if anchor is None else anchor - begin, here, fit)
            is_last = stop == len(scores)
            kept = [beat for beat in path if is_last or beat[0] <= stop - begin - OVERLAP_FRAMES]
            if is_last:
                found += [(begin + frame, position) for frame, position, _ in kept]
                break
            found += [(begin + frame, position) for frame, position, _ in kept[:-1]]
            frame, position, interval = kept[-1]
            begin, state = begin + frame, (interval, position)
        frames = np.array([frame for frame, _ in found], dtype=np.int64)
        places = np.array([position for _, position in found], dtype=np.int64)
        return BarPath(frames, self.position_of[places], self.size_of[places], reached)

    def _onward(self, here: Array) -> Array:
        """Best way to each (..., position, interval) that follows a beat with the scores ``here`` of the same shape."""
        level = here - self.norm
        up = np.maximum.accumulate(level + self.height, axis=-1) - self.height
        down = np.maximum.accumulate((level - self.height)[..., ::-1], axis=-1)[..., ::-1] + self.height
        onward: Array = np.maximum(up, down, out=up)
        np.maximum(onward, here.max(axis=-1, keepdims=True) + np.float32(self.break_price), out=onward)
        onward = onward[..., self.before, :]
        if len(self.first) > 1:
            ends = onward[..., self.first, :]
            onward[..., self.first, :] = np.maximum(ends, ends.max(axis=-2, keepdims=True) + self.tolls[:, None])
        return onward

    def _window(
        self, scores: Array, state: tuple[int, int] | None, anchor: int | None, tempi: Array | None, fit: Array
    ) -> tuple[list[tuple[int, int, int]], float]:
        """Beats (frame, index of position, index of interval) of one window, and the score of its best path.

        ``state`` is the interval and position of a beat at frame 0 that is known already.
        """
        count, longest = len(scores), int(self.intervals[-1])
        ways = np.arange(len(self.intervals))
        best = np.full((count + longest, len(self.size_of), len(ways)), -np.inf, dtype=np.float32)
        observed = np.concatenate([scores, np.zeros((longest, 2), dtype=np.float32)])[:, self.kind]  # (frames, positions)
        going = np.zeros((count + longest, len(ways)), dtype=np.float32)  # (frames, intervals)
        if tempi is not None:
            going[:count] = tempi
        if state is None:
            for way, interval in enumerate(self.intervals.tolist()):  # the first beat comes within an interval
                first = min(interval, count)
                best[:first, :, way] = self.start + observed[:first] + going[:first, way, None] + fit[:, way]
        else:
            best[0, state[1], state[0]] = 0.0
        together = int(self.intervals[0])  # no beat of these frames leads to another of them
        for start in range(0, count, together):
            frames = np.arange(start, min(start + together, count))
            here = best[frames[0] : frames[-1] + 1]
            if anchor is not None:
                self._bind(here, frames, anchor)
            landing = frames[:, None] + self.intervals  # (frames, intervals)
            onward = self._onward(here).swapaxes(1, 2) + observed[landing] + going[landing, ways][..., None] + fit.T
            if anchor is not None:
                onward[(frames[:, None] < anchor) & (landing > anchor)] = -np.inf
            best[landing, :, ways] = np.maximum(best[landing, :, ways], onward)  # the start may be better
        return self._trace(best, observed, going, fit, count, state is not None)

    def _bind(self, here: Array, frames: NDArray[np.int64], anchor: int) -> None:
        """Rule out downbeats before the anchor, and at it all else; ``here`` is changed, (frames, positions, intervals)."""
        is_downbeat = self.kind == 1
        here[np.ix_(frames < anchor, is_downbeat)] = -np.inf
        here[np.ix_(frames == anchor, ~is_downbeat)] = -np.inf

    def _trace(
        self, best: Array, observed: Array, going: Array, fit: Array, count: int, bound: bool
    ) -> tuple[list[tuple[int, int, int]], float]:
        """Backwards from the best beat that is the last one."""
        first = max(count - int(self.intervals[-1]), 0)
        is_last = np.arange(first, count)[:, None] + self.intervals >= count  # (frames, intervals)
        ending = np.where(is_last[:, None, :], best[first:count], -np.inf)
        if not np.isfinite(ending).any():
            return [], 0.0
        frame, position, way = (int(i) for i in np.unravel_index(int(np.argmax(ending)), ending.shape))
        frame += first
        reached = float(best[frame, position, way])
        path = [(frame, position, way)]
        while True:
            earlier = frame - int(self.intervals[way])
            from_start = self.start[position] + observed[frame, position] + going[frame, way] + fit[position, way]
            if earlier < 0 or (not bound and best[frame, position, way] == from_start):
                break
            candidates = best[earlier] + self.transition[way]  # (positions, intervals)
            allowed = np.full(len(candidates), -np.inf)
            if position in self.first:
                allowed[self.last] = self.tolls[self.first == position]
            allowed[self.before[position]] = 0.0
            candidates = candidates + allowed[:, None]
            if not np.isfinite(candidates).any():
                break
            position, way = (int(i) for i in np.unravel_index(int(np.argmax(candidates)), candidates.shape))
            frame = earlier
            path.append((frame, position, way))
        return path[::-1], reached
