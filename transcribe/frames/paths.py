"""The likeliest path of each pitch through silence and sound, block by block: what is decided is given out as soon as it is.

A key is off or on. It goes on by an onset, may be struck again, and goes off; each has a score (``DecoderSettings``), and the
best path of all is found by dynamic programming (Viterbi), every pitch on its own. An onset may only be where the mass of its
triangle has a peak. Blocks of any lengths give the same path: after each block the part is given out on which the best paths to
both states agree, since whatever follows cannot change it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transcribe.frames.settings import DecoderSettings

__all__ = ["Evidence", "PathFinder", "Span", "logit", "onset_mass"]

LIMIT = 1e-4  # probabilities are kept this far from 0 and 1
BEAM = 40.0  # a path that is so far behind the best of its key is given up
STAYED, STRUCK, RESTRUCK = 0, 1, 2  # how a key came to be on

Floats = NDArray[np.float32]


class Evidence(NamedTuple):
    """What is known of the keys: float32 (frames, keys) each.

    Args:
        onset: Score of an onset here; -inf where there can be none.
        frame: Score of sounding here.
        offset: Score of ending here (the first frame that is silent).
    """

    onset: Floats
    frame: Floats
    offset: Floats


class Span(NamedTuple):
    """A key is on from frame ``first`` to frame ``last`` (exclusive)."""

    key: int
    first: int
    last: int


def logit(probability: Floats) -> Floats:
    """Log odds, within +-9.2."""
    kept = np.clip(probability, LIMIT, 1.0 - LIMIT)
    return np.asarray(np.log(kept) - np.log1p(-kept), dtype=np.float32)


def onset_mass(onset: Floats, before: Floats, after: Floats) -> Floats:
    """Half the sum of three frames about each: 1 at an onset's place, wherever it is between frames.

    Args:
        onset: Probabilities, (frames, keys).
        before, after: Those of the frames before and after, (1, keys) each.
    """
    wide = np.concatenate([before, onset, after])
    return np.asarray((wide[:-2] + wide[1:-1] + wide[2:]) / 2, dtype=np.float32)


class PathFinder:
    """Paths of some keys; feed it evidence in order, then finish.

    Args:
        keys: How many.
        settings: Scores.
    """

    def __init__(self, keys: int, settings: DecoderSettings) -> None:
        self._settings = settings
        self._base = 0  # frame of the first row that is kept
        self._came_on = np.zeros((0, keys), dtype=np.int8)
        self._came_off = np.zeros((0, keys), dtype=np.bool_)  # whether from on
        self._off = np.zeros(keys, dtype=np.float32)
        self._on = np.full(keys, -np.inf, dtype=np.float32)
        self._decided = np.zeros(keys, dtype=np.int64)  # frames before this are given out
        self._open = np.full(keys, -1, dtype=np.int64)  # where a sounding note began that has been decided to sound

    @property
    def horizon(self) -> int:
        """No span that is still to come begins before this frame."""
        return int(np.where(self._open >= 0, np.minimum(self._open, self._decided), self._decided).min())

    @property
    def decided(self) -> NDArray[np.int64]:
        """Frames of each key before which all is decided, (keys,)."""
        return self._decided

    @property
    def open_since(self) -> NDArray[np.int64]:
        """Where the note of each key began that sounds on where its decided frames end; -1 for none, (keys,)."""
        return self._open

    @property
    def frames(self) -> int:
        """How many have been fed."""
        return self._base + len(self._came_on)

    def feed(self, evidence: Evidence) -> list[Span]:
        """Spans that are decided now, by their ends."""
        frames, keys = evidence.frame.shape
        came_on = np.zeros((frames, keys), dtype=np.int8)
        came_off = np.zeros((frames, keys), dtype=np.bool_)
        off, on = self._off, self._on
        restrike = np.float32(self._settings.restrike_bias)
        for row in range(frames):
            struck, again = off + evidence.onset[row], on + evidence.onset[row] + restrike
            new_off = np.maximum(off, on + evidence.offset[row])
            came_off[row] = new_off > off
            best = np.maximum(np.maximum(struck, again), on)
            came_on[row] = np.where(on >= best, STAYED, np.where(struck >= again, STRUCK, RESTRUCK))
            off, on = new_off, best + evidence.frame[row]
            largest = np.maximum(off, on)
            off, on = off - largest, on - largest
            off[off < -BEAM] = -np.inf
            on[on < -BEAM] = -np.inf
        self._off, self._on = off, on
        self._came_on = np.concatenate([self._came_on, came_on])
        self._came_off = np.concatenate([self._came_off, came_off])
        return self._give_out(final=False)

    def finish(self) -> list[Span]:
        """What is left: keys that are on end with the music."""
        spans = self._give_out(final=True)
        for key in np.flatnonzero(self._open >= 0).tolist():
            spans.append(Span(key, int(self._open[key]), self.frames))
        self._open[:] = -1
        return spans

    def _give_out(self, *, final: bool) -> list[Span]:
        rows, keys = self._came_on.shape
        if not rows:
            return []
        states = np.zeros((rows, keys), dtype=np.bool_)  # of the path to the better state
        agreed = np.zeros((rows, keys), dtype=np.bool_)
        best, other = self._on > self._off, self._on <= self._off
        for row in range(rows - 1, -1, -1):
            states[row] = best
            agreed[row] = best == other
            best, other = self._before(best, row), self._before(other, row)
        agreed[:, np.isinf(self._on) | np.isinf(self._off)] = True  # there is one path only
        if final:
            agreed[:] = True
        ends = self._base + np.where(agreed.any(0), rows - np.argmax(agreed[::-1], axis=0), 0)
        ends = np.maximum(ends, self._decided)
        spans = self._spans(states, ends)
        self._decided = ends
        keep = int(ends.min()) - self._base
        self._came_on, self._came_off = self._came_on[keep:], self._came_off[keep:]
        self._base += keep
        return spans

    def _before(self, on: NDArray[np.bool_], row: int) -> NDArray[np.bool_]:
        """States a frame earlier."""
        return np.asarray(np.where(on, self._came_on[row] != STRUCK, self._came_off[row]), dtype=np.bool_)

    def _spans(self, states: NDArray[np.bool_], ends: NDArray[np.int64]) -> list[Span]:
        """What is decided between the last decision and ``ends``."""
        spans = []
        strikes = states & (self._came_on != STAYED)
        before = np.concatenate([(self._open_before())[None], states[:-1]])
        stops = (before & ~states) | (strikes & (self._came_on == RESTRUCK))
        frames = self._base + np.arange(len(states))[:, None]
        now = (frames >= self._decided) & (frames < ends)
        for row, key in np.argwhere((strikes | stops) & now).tolist():
            frame = self._base + row
            if stops[row, key] and self._open[key] >= 0:
                spans.append(Span(key, int(self._open[key]), frame))
                self._open[key] = -1
            if strikes[row, key]:
                self._open[key] = frame
        return spans

    def _open_before(self) -> NDArray[np.bool_]:
        """Whether each key is on just before the first row that is kept, as far as that is decided."""
        return self._open >= 0
