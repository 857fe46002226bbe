"""What a user knows of a recording, as limits of the grammar: instruments, range, key, notes at once."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from compose.constraints.scales import parse_scale
from compose.vocabulary.arrival import NUM_PITCHES
from compose.vocabulary.mt3_events import NUM_PROGRAMS
from compose.vocabulary.mt3_grammar import NO_LIMIT, Limits
from corpora.errors import RequestError
from transcribe.families import FAMILIES
from transcribe.frames.drums import DRUM_CLASSES
from transcribe.frames.targets import HIGHEST_PITCH, LOWEST_PITCH

__all__ = ["limits_of"]


def limits_of(
    families: Collection[int] = (),
    low: int = LOWEST_PITCH,
    high: int = HIGHEST_PITCH,
    *,
    drums: bool = True,
    scale: str = "",
    max_notes: int = 0,
) -> Limits:
    """Limits for the token model: families and drums that there are, and what of pitch the user knows.

    Args:
        families: Indices into ``transcribe.families.FAMILIES``, the only ones there are; empty for any.
        low, high: Lowest and highest pitch, MIDI; those of a piano at most, which is what models hear.
        drums: Whether there may be drums.
        scale: Such as "G major"; "" for any pitch.
        max_notes: How many notes sound at once at most, drums aside; 0 for any number.

    Raises:
        RequestError: A scale that is not known, no pitch between the two, or a number below 0.
    """
    if low > high:
        raise RequestError(f"range: expected a lowest pitch below the highest, got {low} and {high}")
    if max_notes < 0:
        raise RequestError(f"notes at once: expected 1 or more, or 0 for any number, got {max_notes}")
    pitches = np.arange(NUM_PITCHES)
    allowed = (pitches >= max(low, LOWEST_PITCH)) & (pitches <= min(high, HIGHEST_PITCH))
    if scale:
        allowed &= np.isin(pitches % 12, list(parse_scale(scale)[1]))
    if not allowed.any():
        raise RequestError(f"range and scale: no pitch is left of {low} to {high}" + (f" in {scale}" if scale else ""))
    programs = [family.program for index, family in enumerate(FAMILIES) if not families or index in families]
    keys = [sounds.keys[0] for sounds in DRUM_CLASSES] if drums else []
    return Limits(
        programs=np.isin(np.arange(NUM_PROGRAMS), programs),
        pitches=allowed,
        drums=np.isin(pitches, keys),
        max_notes=max_notes or NO_LIMIT,
    )
