"""How well signs are found: precision and recall of each kind, and how often what is told of heads is right.

A sign is found when one of its kind lies within ``REACH`` spaces of it; each counts for one. Signs that the detector does not look
for (``omr.detector.channels``) do not count, nor do those whose probability is below a half.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from omr.detector.channels import ENDS, POINTS
from omr.signs import HEADS, KIND_INDEX, KINDS, RESTS, Signs

__all__ = ["SignTally", "tally_signs"]

REACH = 0.5  # spaces, of the middles
REACH_OF_LONG = 2.0  # of the middles of spanners
SAME = 0.2  # spaces, of what stands in one place
CERTAIN = 0.5

_LONG = frozenset(kind for kind, _ in ENDS)
_LOOKED_FOR = frozenset(KIND_INDEX[kind] for kind in (*POINTS, *_LONG))
_HEADS = frozenset(KIND_INDEX[kind] for kind in HEADS)
_NOTED = _HEADS | {KIND_INDEX[kind] for kind in RESTS}
_CLASSES = ("duration", "dots", "stem", "beam", "grace")
_FLAGS = ("tie_start", "tie_stop", "slur_start", "slur_stop")


@dataclass
class SignTally:
    """Counts over systems.

    Args:
        found: Signs that were found, by kind.
        missed: Signs that were not.
        false: Signs that are not there.
        told: Of heads (and rests, for duration and dots) that were found, how many were asked of each attribute.
        right: How many of them were right.
        staff: How many signs that were found were given to the right staff.
    """

    found: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    staff: int = 0

    def recall(self, kind: str) -> float:
        """Share of the signs of a kind that were found; 1 where there are none."""
        there = self.found[kind] + self.missed[kind]
        return self.found[kind] / there if there else 1.0

    def f1(self, kind: str = "") -> float:
        """F measure of a kind, or of all signs; 1 where there are none."""
        kinds = [kind] if kind else sorted({*self.found, *self.missed, *self.false})
        found, missed, false = (sum(counts[one] for one in kinds) for counts in (self.found, self.missed, self.false))
        return 2 * found / (2 * found + missed + false) if found + missed + false else 1.0

    def accuracy(self, name: str) -> float:
        """Share of the attribute that is right; 1 where it was never asked."""
        return self.right[name] / self.told[name] if self.told[name] else 1.0


def tally_signs(tally: SignTally, got: Signs, wanted: Signs) -> None:
    """Count one system.

    Args:
        tally: Is added to.
        got: Signs that were read, rows of ``SIGN_DTYPE``.
        wanted: Signs that are there.
    """
    got = got[got["probability"] >= CERTAIN]
    for kind in sorted(_LOOKED_FOR & {*got["kind"].tolist(), *wanted["kind"].tolist()}):
        name = KINDS[kind]
        is_bar = name.startswith("bar_")
        here, there = got[got["kind"] == kind], _distinct(wanted[wanted["kind"] == kind], is_bar=is_bar)
        pairs = _pairs(here, there, REACH_OF_LONG if name in _LONG else REACH, is_bar=is_bar)
        tally.found[name] += len(pairs)
        tally.missed[name] += len(there) - len(pairs)
        tally.false[name] += len(here) - len(pairs)
        for left, right in pairs:
            _compare(tally, here[left], there[right], kind)


def _distinct(signs: Signs, *, is_bar: bool) -> Signs:
    """Signs of one kind without those that stand where another one does: unisons, and bar lines of the staves of one system."""
    kept: list[int] = []
    for index in range(len(signs)):
        across = np.abs(signs["x"][kept] - signs["x"][index])
        down = np.zeros_like(across) if is_bar else np.abs(signs["y"][kept] - signs["y"][index])
        if not (np.maximum(across, down) < SAME).any():
            kept.append(index)
    return signs[kept]


def _pairs(got: Signs, wanted: Signs, reach: float, *, is_bar: bool) -> list[tuple[int, int]]:
    """Nearest first, each sign once; bar lines by ``x`` alone."""
    across = np.abs(got["x"][:, None] - wanted["x"][None, :])
    down = np.zeros_like(across) if is_bar else np.abs(got["y"][:, None] - wanted["y"][None, :])
    distance = np.maximum(across, down)
    pairs: list[tuple[int, int]] = []
    free_left, free_right = set(range(len(got))), set(range(len(wanted)))
    for flat in np.argsort(distance, axis=None, kind="stable").tolist():
        left, right = divmod(flat, len(wanted))
        if distance[left, right] > reach:
            break
        if left in free_left and right in free_right:
            pairs.append((left, right))
            free_left.discard(left)
            free_right.discard(right)
    return pairs


def _compare(tally: SignTally, got: np.void, wanted: np.void, kind: int) -> None:
    tally.staff += bool(got["staff"] == wanted["staff"])
    if kind not in _NOTED:
        return
    names = _CLASSES + _FLAGS if kind in _HEADS else _CLASSES[:2]
    for name in names:
        tally.told[name] += 1
        if name in _FLAGS:
            tally.right[name] += bool((got[name] > CERTAIN) == (wanted[name] > CERTAIN))
        else:
            tally.right[name] += bool(got[name].argmax() == wanted[name].argmax())
