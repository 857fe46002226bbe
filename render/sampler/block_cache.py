"""A cache of blocks of samples in one array, so that what is kept for long does not lie scattered among what is not.

(Blocks kept where they were computed, between larger arrays that come and go, left holes of ten times their size.)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockCache"]


class BlockCache:
    """Blocks by key; the one that was used longest ago makes room.

    Args:
        blocks: How many are kept; memory is taken as they come.
        samples: Length of each.
    """

    def __init__(self, blocks: int, samples: int) -> None:
        self._table = np.empty((blocks, samples), dtype=np.float32)
        self._places: OrderedDict[Hashable, int] = OrderedDict()

    def get(self, key: Hashable) -> NDArray[np.float32] | None:
        """The block of a key, or None; to be used before the next ``put``."""
        place = self._places.get(key)
        if place is None:
            return None
        self._places.move_to_end(key)
        return np.asarray(self._table[place])

    def put(self, key: Hashable, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Copy a block, and give the copy."""
        place = self._places.pop(key, None)
        if place is None:
            place = len(self._places) if len(self._places) < len(self._table) else self._places.popitem(last=False)[1]
        self._places[key] = place
        self._table[place] = block
        return np.asarray(self._table[place])
