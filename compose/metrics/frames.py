"""Frame arrays: music of fixed voices on an even grid.

Conventions: integer arrays of shape (frames, voices), MIDI pitches, -1 for a rest, voices in score order (soprano first).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["REST", "Frames", "collapse_repeats"]

REST = -1

Frames = NDArray[np.integer[Any]]


def collapse_repeats(frames: Frames) -> Frames:
    """The frames that differ from the one before them, and the first: shape (<= frames, voices)."""
    changed = np.ones(len(frames), dtype=np.bool_)
    changed[1:] = (frames[1:] != frames[:-1]).any(axis=1)
    return frames[changed]
