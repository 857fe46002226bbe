"""The closed lists of names that written music is made of, and the lengths that note types say.

Names are those of MusicXML 4.0 (W3C Music Notation Community Group, 2021). What is read is brought to these lists: a sign that
stands for the same has one name ("sharp-sharp" is "double-sharp"), and what is on no list is left out.
"""

from __future__ import annotations

from fractions import Fraction

from corpora.musicxml.notation import NOTE_TYPES, QUARTER_INDEX

__all__ = [
    "ACCIDENTALS",
    "BAR_STYLES",
    "BEAMS",
    "CLEF_SIGNS",
    "DYNAMICS",
    "MARKS",
    "MICROTONES",
    "SHAPES",
    "STEPS",
    "TYPE_QUARTERS",
    "written_length",
]

STEPS = "CDEFGAB"
TYPE_QUARTERS = {name: Fraction(2) ** (QUARTER_INDEX - index) for index, name in enumerate(NOTE_TYPES)}
ACCIDENTALS = {"sharp": 1.0, "flat": -1.0, "natural": 0.0, "double-sharp": 2.0, "flat-flat": -2.0}  # semitones
MICROTONES = {"quarter-flat": -0.5, "quarter-sharp": 0.5, "three-quarters-flat": -1.5, "three-quarters-sharp": 1.5}
SHAPES = ("x", "diamond", "slash", "triangle", "cross", "circle-x")
BEAMS = ("begin", "continue", "end", "forward hook", "backward hook")
CLEF_SIGNS = ("G", "F", "C", "percussion")
BAR_STYLES = ("", "light-light", "light-heavy", "heavy-light", "heavy", "dashed", "dotted", "none")
DYNAMICS = (
    *("pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff"),
    *("sf", "sfz", "sffz", "sfp", "sfpp", "fz", "fp", "pf", "rf", "rfz"),
)
# Of <articulations>, <ornaments>, <technical> and straight in <notations>; a tremolo has its number of strokes in its name, and
# one between two notes "start" or "stop" after it; lines that begin and end at notes have that in their names.
ARTICULATIONS = (
    *("accent", "strong-accent", "soft-accent", "staccato", "staccatissimo", "spiccato", "tenuto", "detached-legato"),
    *("breath-mark", "caesura"),
)
ORNAMENTS = (
    *("trill-mark", "turn", "inverted-turn", "delayed-turn", "mordent", "inverted-mordent", "schleifer"),
    *("wavy-line-start", "wavy-line-stop"),
    *(f"tremolo-{strokes}{end}" for strokes in range(1, 5) for end in ("", "-start", "-stop")),
)
TECHNICAL = ("up-bow", "down-bow", "open-string", "harmonic", "stopped", "snap-pizzicato")
OTHER_MARKS = (
    "fermata",
    "arpeggiate",
    "non-arpeggiate",
    *(f"{line}-{end}" for line in ("glissando", "slide") for end in ("start", "stop")),
)
MARKS = tuple(sorted((*ARTICULATIONS, *ORNAMENTS, *TECHNICAL, *OTHER_MARKS)))


def written_length(type_name: str, dots: int = 0, actual: int = 1, normal: int = 1) -> Fraction:
    """Quarters that a symbol says.

    >>> written_length("quarter", 1), written_length("eighth", 0, 3, 2)
    (Fraction(3, 2), Fraction(1, 3))
    """
    return TYPE_QUARTERS[type_name] * (2 - Fraction(1, 2**dots)) * normal / actual
