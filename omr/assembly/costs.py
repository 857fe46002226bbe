"""What the search pays for what it takes to be so: costs in nats, the negative logarithms of how often such things are seen.

The figures were set by hand on pages engraved from the train split; probabilities of bars are calibrated apart
(``omr.assembly.confidence``).
"""

from __future__ import annotations

import math

__all__ = [
    "CLOSEST_COLUMNS",
    "DISPLACED_HEAD",
    "ESCAPE",
    "EXPECTED_ESCAPE",
    "IMPLIED_TUPLET",
    "LAPSE_BESIDE_ANOTHER",
    "LAPSE_OF_THE_LAST",
    "LEAST_PROBABILITY",
    "NEVER",
    "OTHER_BEAM",
    "OTHER_STAFF",
    "OTHER_STAFF_AGAIN",
    "OTHER_STAFF_OF_BEAM",
    "OTHER_STEM_ALONE",
    "OTHER_STEM_BESIDE_ANOTHER",
    "PHANTOM",
    "REPEATED_TUPLET",
    "REST_ON_THE_WRONG_SIDE",
    "RESUME",
    "UNUSUAL_RATIO",
    "chance_cost",
    "new_voice_cost",
    "next_column_cost",
    "same_column_cost",
]

LEAST_PROBABILITY = 1e-3  # readings less likely than this are not looked at
NEVER = math.inf

ESCAPE = 6.0  # a bar that is longer or shorter than its meter
EXPECTED_ESCAPE = 2.0  # the same where pieces and repeats begin and end
LAPSE_BESIDE_ANOTHER = 1.2  # a voice stops without a rest while another of its staff goes on
LAPSE_OF_THE_LAST = 4.0  # the only voice of its staff stops: a sign is missing
RESUME = 0.5  # a voice that stopped goes on
PHANTOM = 1.5  # a column stands where no voice ended, beside the lapses that this brings
OTHER_STAFF = 4.5  # a voice changes its staff without a beam
OTHER_STAFF_OF_BEAM = 1.5  # the same to a beam that has been on its staff
OTHER_STAFF_AGAIN = 0.5  # back to a staff that it was on
OTHER_BEAM = 8.0  # a beam or tuplet is shared by two voices
OTHER_STEM_ALONE = 0.4
OTHER_STEM_BESIDE_ANOTHER = 2.5
REST_ON_THE_WRONG_SIDE = 1.0
IMPLIED_TUPLET = 4.0  # a tuplet whose number is not printed
REPEATED_TUPLET = 1.5  # the same after printed tuplets of this kind
UNUSUAL_RATIO = 1.5  # 7 in the time of 8 rather than of 4, and the like
_NEW_VOICES = (0.0, 1.0, 3.0, 6.0)  # by the number of voices that the staff has already

FREE_OFFSET = 0.6  # of x within a column, in staff spaces
DISPLACED_HEAD = 1.6  # a head that stands on the other side of its stem, or makes room for another voice
WIDEST_COLUMN = 3.2
CLOSEST_COLUMNS = 1.1


def chance_cost(probability: float) -> float:
    """Nats of something so probable, at most those of ``LEAST_PROBABILITY``."""
    return -math.log(max(probability, LEAST_PROBABILITY))


def same_column_cost(offset: float) -> float:
    """Of two signs that begin together and stand ``offset`` staff spaces apart."""
    if offset <= FREE_OFFSET:
        return 0.0
    if offset <= DISPLACED_HEAD:
        return 0.5 * (offset - FREE_OFFSET)
    if offset <= WIDEST_COLUMN:
        return 0.5 + 2.5 * (offset - DISPLACED_HEAD)
    return NEVER


def next_column_cost(offset: float) -> float:
    """Of two signs that begin one after the other and stand ``offset`` staff spaces apart."""
    return 0.0 if offset >= CLOSEST_COLUMNS else 4.0 * (CLOSEST_COLUMNS - max(offset, 0.0))


def new_voice_cost(voices_of_the_staff: int) -> float:
    """Of one more voice at the start of a bar on a staff that has so many already."""
    return _NEW_VOICES[voices_of_the_staff] if voices_of_the_staff < len(_NEW_VOICES) else 3.0 * voices_of_the_staff
