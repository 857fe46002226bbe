"""n-grams with back-off: every context length mixed by Witten and Bell's rule, counted by sorting hashes.

p_k(id | last k ids) = (count(context, id) + kinds(context) · p_{k-1}(id | last k-1 ids)) / (count(context) + kinds(context)), where
kinds is how many different ids followed the context; p_0 mixes the counts of the field with the uniform distribution over
its ids. Source: Witten and Bell, IEEE Trans. Information Theory 37(4), 1991, method C; Moffat's escape estimate for PPM.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compose.baselines.flat_stream import FIELD_OF, FIELD_START, FlatStream

__all__ = ["NGram"]

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
Hashes = NDArray[np.uint64]


def _mix(hashes: Hashes, ids: NDArray[np.int64]) -> Hashes:
    """One more id in each hash."""
    mixed = (hashes ^ (ids.astype(np.uint64) + np.uint64(1))) * MULTIPLIER
    return mixed ^ (mixed >> np.uint64(29))


class NGram:
    """Counts of contexts up to a length; the tables of one length are made, used and dropped, so that many notes fit in memory.

    Args:
        streams: Training music.
        order: Ids of context at most.
    """

    def __init__(self, streams: Sequence[FlatStream], order: int = 12) -> None:
        self.order = order
        self._streams = [stream.ids for stream in streams]

    @staticmethod
    def _hashes(ids: NDArray[np.int64], length: int) -> tuple[Hashes, Hashes]:
        """Hash of the last ``length`` ids before each place (with the field of the id there), and of these with the id."""
        hashes = FIELD_OF[ids].astype(np.uint64) * MULTIPLIER + np.uint64(length)
        padded = np.concatenate([np.full(length, -1), ids])
        for back in range(1, length + 1):
            hashes = _mix(hashes, padded[length - back : length - back + len(ids)])
        return hashes, _mix(hashes, ids)

    def _table(self, length: int) -> tuple[Hashes, Hashes, Hashes]:
        """Sorted contexts, sorted pairs of context and id, and the sorted contexts of each different pair."""
        contexts, pairs = zip(*(self._hashes(ids.astype(np.int64), length) for ids in self._streams), strict=True)
        context, pair = np.concatenate(contexts), np.concatenate(pairs)
        order = np.argsort(pair, kind="stable")
        pair = pair[order]
        first = np.diff(pair, prepend=~pair[:1]) != 0
        kinds = np.sort(context[order][first])
        return np.sort(context), pair, kinds

    def nats(self, streams: Sequence[FlatStream]) -> list[NDArray[np.float64]]:
        """Negative log-likelihood of each scored id of each stream, nats."""
        every = [stream.ids.astype(np.int64) for stream in streams]
        probabilities = [1.0 / (FIELD_START[FIELD_OF[ids] + 1] - FIELD_START[FIELD_OF[ids]]) for ids in every]
        for length in range(self.order + 1):
            table = self._table(length)
            for place, ids in enumerate(every):
                context, pair = self._hashes(ids, length)
                total, seen, different = (
                    np.searchsorted(sorted_hashes, key, side="right") - np.searchsorted(sorted_hashes, key)
                    for sorted_hashes, key in zip(table, (context, pair, context), strict=True)
                )
                mixed = (seen + different * probabilities[place]) / np.maximum(total + different, 1)
                probabilities[place] = np.where(total > 0, mixed, probabilities[place])
        return [-np.log(found[stream.scored]) for found, stream in zip(probabilities, streams, strict=True)]
