"""Which drums a recording has, by all of its strokes: ``settled_drums``.

A drum that is there is struck clearly now and then; where one is told only by strokes that are all half believed, another drum
sounds somewhat like it (a bright snare like a hi-hat, a shaker like one too). So a class is believed as far as its surest strokes
are, and its others with it.
"""

from __future__ import annotations

import numpy as np

from corpora.piece import Table
from transcribe.frames.paths import logit

__all__ = ["settled_drums"]

# Chosen on kits of Hydrogen and an FM chip, which nothing was trained on, and on a font that was: mean F1 of the three 0.720.
LEAST = 0.2  # log odds from which a stroke is one
SUREST = 0.25  # share of a class's strokes
SURE = 1.5  # log odds that the surest have at least where nothing is doubtful
WEIGHT = 1.5  # of what is missing to that


def settled_drums(drums: Table) -> Table:
    """The strokes that are believed when all of a recording are known.

    Args:
        drums: HEARD_DTYPE rows with the first key of their class as pitch, and their probabilities as confidence.

    Returns:
        Some of the rows, in the same order.
    """
    odds = logit(drums["confidence"].astype(np.float32))
    kept = odds > LEAST
    for key in np.unique(drums["pitch"][kept]).tolist():
        own = kept & (drums["pitch"] == key)
        doubt = WEIGHT * max(SURE - float(np.quantile(odds[own], 1 - SUREST)), 0.0)
        kept &= ~own | (odds - doubt > LEAST)
    return drums[kept]
