"""Combs linked into staves: each is joined with its next of kin in the columns to its right while both agree.

Sources: C. Dalitz, M. Droettboom, B. Pranzas, I. Fujinaga: "A comparative study of staff removal algorithms", IEEE Trans. PAMI 30
(2008), for linking short pieces of lines; J. S. Cardoso et al.: "Staff detection with stable paths", IEEE Trans. PAMI 31 (2009),
for stability: a link holds only if each end is the other's best. Relative to both, what is linked here are not pieces of one
line but whole combs of five, so that text, beams and ledger lines have no say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omr.layout.combs import Combs
from omr.layout.frame import FRAME_INTERLINE

__all__ = ["Chain", "link"]

REACH_CELLS = 8  # columns without a comb that a chain steps over
JOIN_CELLS = 40  # that a join steps over
TOLERANCE, SPREAD = 0.3, 0.04  # spaces off the line of the chain, at once and for each column stepped over
MAX_TOLERANCE = 1.0
MAX_SLOPE = 0.3  # of a staff in the frame
MAX_CHAINS = 300  # the best so many; more are noise
SLOPE_CELLS = 8  # columns that the slope at a chain's end is told by
LEAST_CELLS = 5  # combs in a staff
STAFF_SPACES = 4.9  # middle lines are at least so far apart
MOST_SHARED = 0.3  # of a chain's combs that may lie in another staff
LEAST_SHARE = 0.3  # of a chain's columns that have a comb


@dataclass
class Chain:
    """A staff as a row of combs: columns, heights of the middle line, spacings and likeness."""

    columns: list[int] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    spacings: list[float] = field(default_factory=list)
    likeness: list[float] = field(default_factory=list)

    def add(self, column: int, height: float, spacing: float, likeness: float) -> None:
        """One more comb at the right end."""
        self.columns.append(column)
        self.heights.append(height)
        self.spacings.append(spacing)
        self.likeness.append(likeness)

    def ahead(self, column: int) -> float:
        """The height expected in a column to the right."""
        return _along(self.columns[-SLOPE_CELLS:], self.heights[-SLOPE_CELLS:], column, self.columns[-1], self.heights[-1])

    def behind(self, column: int) -> float:
        """The height expected in a column to the left."""
        return _along(self.columns[:SLOPE_CELLS], self.heights[:SLOPE_CELLS], column, self.columns[0], self.heights[0])


def _along(columns: list[int], heights: list[float], column: int, from_column: int, from_height: float) -> float:
    """Height in ``column`` on the straight line of these points; few points say little of the slope."""
    if len(columns) < 3:
        return from_height
    across = np.asarray(columns, dtype=np.float64)
    down = np.asarray(heights, dtype=np.float64)
    across_mean, down_mean = across.mean(), down.mean()
    slope = float(((across - across_mean) * (down - down_mean)).sum() / (((across - across_mean) ** 2).sum() + 4.0))
    return float(down_mean) + slope * (column - float(across_mean))


def link(combs: Combs) -> list[Chain]:
    """Chains of at least ``LEAST_CELLS`` combs, best first."""
    done: list[Chain] = []
    open_chains: list[Chain] = []
    for column, (heights, likeness, spacings) in enumerate(zip(combs.heights, combs.likeness, combs.spacings, strict=True)):
        done += [chain for chain in open_chains if column - chain.columns[-1] > REACH_CELLS]
        open_chains = [chain for chain in open_chains if column - chain.columns[-1] <= REACH_CELLS]
        taken = _pairs(open_chains, heights, column)
        for chain, index in taken:
            open_chains[chain].add(column, float(heights[index]), float(spacings[index]), float(likeness[index]))
        used = {index for _, index in taken}
        for index in range(len(heights)):
            if index not in used:
                open_chains.append(Chain())
                open_chains[-1].add(column, float(heights[index]), float(spacings[index]), float(likeness[index]))
    chains = _joined(_apart([chain for chain in done + open_chains if len(chain.columns) >= 3]))
    return [
        chain
        for chain in _apart(chains)
        if len(chain.columns) >= max(LEAST_CELLS, LEAST_SHARE * (chain.columns[-1] - chain.columns[0] + 1))
    ]


def _apart(chains: list[Chain]) -> list[Chain]:
    """Chains, best first, without those in the lines of a better one, as where beams and ledger lines go on beside a staff."""
    kept: list[Chain] = []
    boxes = np.empty((len(chains), 4))  # of what is kept: first and last column, highest and lowest
    near = STAFF_SPACES * FRAME_INTERLINE
    for chain in sorted(chains, key=lambda chain: -sum(chain.likeness)):
        first, last, top, bottom = _box(chain)
        beside = (boxes[: len(kept), 1] < first) | (boxes[: len(kept), 0] > last)
        beside |= (boxes[: len(kept), 3] < top - near) | (boxes[: len(kept), 2] > bottom + near)
        if all(_shared(chain, kept[other]) <= MOST_SHARED for other in np.flatnonzero(~beside).tolist()):
            boxes[len(kept)] = first, last, top, bottom
            kept.append(chain)
    return kept


def _box(chain: Chain) -> tuple[float, float, float, float]:
    return float(chain.columns[0]), float(chain.columns[-1]), min(chain.heights), max(chain.heights)


def _shared(chain: Chain, other: Chain) -> float:
    """The share of a chain's combs that lie within the staff of another."""
    columns, heights = np.asarray(chain.columns), np.asarray(chain.heights)
    inside = (columns >= other.columns[0]) & (columns <= other.columns[-1])
    near = np.abs(np.interp(columns, other.columns, other.heights) - heights) < STAFF_SPACES * FRAME_INTERLINE
    return float(np.mean(inside & near))


def _tolerance(step: int) -> float:
    return min(TOLERANCE + SPREAD * step, MAX_TOLERANCE) * FRAME_INTERLINE


def _pairs(chains: list[Chain], heights: NDArray[np.float64], column: int) -> list[tuple[int, int]]:
    """Chains and combs that are each other's nearest, and near enough."""
    if not chains or not len(heights):
        return []
    expected = np.array([chain.ahead(column) for chain in chains])
    allowed = np.array([_tolerance(column - chain.columns[-1]) for chain in chains])
    weight = np.array([min(len(chain.columns), SLOPE_CELLS) for chain in chains])
    off = np.abs(expected[:, None] - heights[None, :])
    off = np.where(off <= allowed[:, None], off - weight[:, None] * 0.1, np.inf)  # of two chains as near, the longer
    pairs = []
    for chain in range(len(chains)):
        index = int(np.argmin(off[chain]))
        if np.isfinite(off[chain, index]) and int(np.argmin(off[:, index])) == chain:
            pairs.append((chain, index))
    return pairs


def _joined(chains: list[Chain]) -> list[Chain]:
    """Chains that go on in each other, made one, nearest ends first."""
    chains = sorted(chains, key=lambda chain: -sum(chain.likeness))[:MAX_CHAINS]
    while True:
        starts = np.array([chain.columns[0] for chain in chains])
        stops = np.array([chain.columns[-1] for chain in chains])
        first = np.array([chain.heights[0] for chain in chains])
        last = np.array([chain.heights[-1] for chain in chains])
        steps = starts[None, :] - stops[:, None]
        likely = (steps > 0) & (steps <= JOIN_CELLS)
        likely &= np.abs(first[None, :] - last[:, None]) <= FRAME_INTERLINE * (MAX_TOLERANCE + MAX_SLOPE * steps)
        best: tuple[float, int, int] | None = None
        for left, right in np.argwhere(likely).tolist():
            step, middle = int(steps[left, right]), int(starts[right] + stops[left]) // 2
            off = abs(chains[left].ahead(middle) - chains[right].behind(middle))
            if off <= _tolerance(step) and (best is None or step + off < best[0]):
                best = (step + off, left, right)
        if best is None:
            return chains
        _, left, right = best
        whole, rest = chains[left], chains[right]
        for values in zip(rest.columns, rest.heights, rest.spacings, rest.likeness, strict=True):
            whole.add(*values)
        del chains[right]
