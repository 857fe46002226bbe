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
    """Counts of contexts up to a length.

    Args:
        streams: Training music.
        order: Ids of context at most.
    """

    def __init__(self, streams: Sequence[FlatStream], order: int = 12) -> None:
        self.order = order
        ids = [stream.ids.astype(np.int64) for stream in streams]
        self._tables = []
        for length in range(order + 1):
            contexts, pairs = zip(*(self._hashes(stream, length) for stream in ids), strict=True)
            _, first = np.unique(np.concatenate(pairs), return_index=True)
            every = np.sort(np.concatenate(pairs))
            kinds = np.sort(np.concatenate(contexts)[first])  # the context of each different pair
            self._tables.append((np.sort(np.concatenate(contexts)), every, kinds))

    @staticmethod
    def _hashes(ids: NDArray[np.int64], length: int) -> tuple[Hashes, Hashes]:
        """Hash of the last ``length`` ids before each place (with the field of the id there), and of these with the id."""
        hashes = FIELD_OF[ids].astype(np.uint64) * MULTIPLIER + np.uint64(length)
        padded = np.concatenate([np.full(length, -1), ids])
        for back in range(1, length + 1):
            hashes = _mix(hashes, padded[length - back : length - back + len(ids)])
        return hashes, _mix(hashes, ids)

    def nats(self, stream: FlatStream) -> NDArray[np.float64]:
        """Negative log-likelihood of each scored id, nats."""
        ids = stream.ids.astype(np.int64)
        field = FIELD_OF[ids]
        probability = 1.0 / (FIELD_START[field + 1] - FIELD_START[field])
        for length, (contexts, pairs, kinds) in enumerate(self._tables):
            context, pair = self._hashes(ids, length)
            total, seen, different = (
                np.searchsorted(table, key, side="right") - np.searchsorted(table, key)
                for table, key in ((contexts, context), (pairs, pair), (kinds, context))
            )
            known = total > 0
            mixed = (seen + different * probability) / np.maximum(total + different, 1)
            probability = np.where(known, mixed, probability)
        return np.asarray(-np.log(probability[stream.scored]))
