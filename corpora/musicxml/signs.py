"""Which accidental sign an alteration is written with: whole semitones, quarter tones, commas.

Names are accidental values of MusicXML 4.0 (W3C Music Notation Community Group, 2021). The quarter-tone signs are those that the
specification calls Tartini-style, with arrows where it has no other; the slashed signs are the Turkish ones, in commas of 1/53
octave (four and eight down, five and eight up). Other alterations have no sign of their own: the nearest semitone's stands for them
where a sign is needed, and ``<alter>`` alone says the rest.
"""

from __future__ import annotations

from corpora.piece import nearest_pitch

__all__ = ["SIGN_NAMES", "sign_of"]

SEMITONES_PER_COMMA = 12 / 53
TOLERANCE_SEMITONES = 0.01
SIGN_NAMES: dict[float, str] = {
    -2.5: "flat-flat-down",
    -2.0: "flat-flat",
    -8 * SEMITONES_PER_COMMA: "double-slash-flat",
    -1.5: "three-quarters-flat",
    -1.0: "flat",
    -4 * SEMITONES_PER_COMMA: "slash-flat",
    -0.5: "quarter-flat",
    0.0: "natural",
    0.5: "quarter-sharp",
    1.0: "sharp",
    5 * SEMITONES_PER_COMMA: "slash-quarter-sharp",
    1.5: "three-quarters-sharp",
    8 * SEMITONES_PER_COMMA: "slash-sharp",
    2.0: "double-sharp",
    2.5: "double-sharp-up",
}


def sign_of(alter: float) -> float:
    """The alteration that is shown for one: a key of SIGN_NAMES less than a cent away, else the nearest whole semitone.

    >>> sign_of(0.5), sign_of(-0.9057) == -48 / 53, sign_of(1.33)
    (0.5, True, 1.0)
    """
    nearest = min(SIGN_NAMES, key=lambda sign: abs(sign - alter))
    return nearest if abs(nearest - alter) < TOLERANCE_SEMITONES else float(nearest_pitch(alter)[0])
