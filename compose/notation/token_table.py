"""The tokens of written music: about 400 names, their ids, and the groups that a grammar speaks of.

A name is a group and a value, "type:quarter", or a word of its own, "bar". Ids are ranks in ``TOKEN_NAMES``. A place is a token of
its own ("place:C4" for the diatonic place 28). Times are whole *ticks*: ``TICKS_PER_QUARTER`` is a multiple of every division that
the shortest note and all tuplet ratios here can make.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from compose.notation.names import (
    ACCIDENTALS,
    BAR_STYLES,
    BEAMS,
    DYNAMICS,
    MARKS,
    SHAPES,
    STEPS,
    TYPE_QUARTERS,
)
from corpora.musicxml.harmony import KIND_SYMBOLS

__all__ = [
    "GRID_TICKS",
    "GROUPS",
    "MAX_STAVES",
    "OTHER_WORDS",
    "RATIOS",
    "TICKS_PER_QUARTER",
    "TOKEN_IDS",
    "TOKEN_NAMES",
    "TYPES",
    "WORDS",
    "id_of",
    "ids_of",
    "is_among",
    "place_name",
    "ticks_of",
    "value_of",
]

TYPES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th")
MAX_STAVES = 4  # of a part
MAX_BEATS = 32
MAX_FIFTHS = 7
MAX_ENDING = 9
OCTAVES = range(9)
# Actual notes in the time of normal ones; the first is no tuplet. 2:1 and the like stand under tremolos between two notes.
RATIOS = (
    *((1, 1), (3, 2), (6, 4), (2, 1), (2, 3), (4, 6), (5, 4), (7, 4), (4, 3), (5, 3), (7, 8), (9, 8), (9, 4), (10, 8), (10, 4)),
    *((12, 8), (5, 2), (3, 4), (5, 6), (7, 6), (8, 6), (11, 8), (7, 2), (12, 4), (15, 8), (4, 1), (11, 4), (3, 1), (7, 3), (6, 2)),
)
GRID_TICKS = 13_860  # a 128th note; a multiple of every reduced ``actual``
TICKS_PER_QUARTER = 32 * GRID_TICKS
OTHER_WORDS = "…"
WORDS = (
    *("a tempo", "a Tempo", "Tempo I", "Tempo I.", "accel.", "accelerando", "ad lib.", "agitato", "allargando", "Allegretto"),
    *("Allegro", "Andante", "Andantino", "animato", "arco", "calando", "cantabile", "colla voce", "con anima", "con espressione"),
    *(
        "con fuoco",
        "con moto",
        "cresc.",
        "cresc. molto",
        "cresc. poco a poco",
        "dim.",
        "decresc.",
        "dolce",
        "D.C. al Fine",
        "espr.",
    ),
    *(
        "espress.",
        "espressivo",
        "Fine",
        "Largo",
        "leggiero",
        "legato",
        "Lento",
        "marcato",
        "marc.",
        "meno mosso",
        "Moderato",
        "molto",
    ),
    *(
        "molto cresc.",
        "molto rit.",
        "morendo",
        "pesante",
        "più mosso",
        "pizz.",
        "poco",
        "poco a poco cresc.",
        "poco rit.",
        "Presto",
    ),
    *("rall.", "rit.", "ritard.", "sempre", "sempre cresc.", "simile", "smorz.", "sost.", "sostenuto", "sotto voce", "stacc."),
    *("stretto", "stringendo", "ten.", "tranquillo", "una corda", "Vivace", "più", "subito", OTHER_WORDS),
)
CLEFS = (
    *("G:2:0", "G:2:-1", "G:2:1", "G:2:-2", "G:1:0", "F:4:0", "F:4:-1", "F:4:1", "F:3:0", "F:5:0"),
    *(f"C:{line}:0" for line in range(1, 6)),
    "percussion:3:0",
)
ALTERS = ("b", "#", "bb", "##")


def place_name(place: int) -> str:
    """Step and octave of a diatonic place.

    >>> place_name(28)
    'C4'
    """
    return f"{STEPS[place % 7]}{place // 7}"


_GROUP_VALUES: dict[str, tuple[str, ...]] = {
    "end": (),
    "bar": (),
    "part": (),
    "voice": (),
    "aside": (),
    "irregular": (),
    "staves": tuple(str(number) for number in range(1, MAX_STAVES + 1)),
    "staff": tuple(str(number) for number in range(1, MAX_STAVES + 1)),
    "ending": tuple(str(number) for number in range(1, MAX_ENDING + 1)),
    "repeat-start": (),
    "left": BAR_STYLES[1:],
    "ending-stop": (),
    "repeat-end": (),
    "right": BAR_STYLES[1:],
    "key": tuple(str(fifths) for fifths in range(-MAX_FIFTHS, MAX_FIFTHS + 1)),
    "time": ("common", "cut"),
    "beats": tuple(str(beats) for beats in range(1, MAX_BEATS + 1)),
    "beat-type": tuple(str(2**power) for power in range(6)),
    "clef": CLEFS,
    "rest": (),
    "bar-rest": (),
    "skip": (),
    "grace": (),
    "slashed": (),
    "type": TYPES,
    "dot": (),
    "ratio": tuple(f"{actual}:{normal}" for actual, normal in RATIOS[1:]),
    "tuplet-start": (),
    "tuplet-stop": (),
    "stem": ("up", "down"),
    "beam": BEAMS,
    "place": tuple(place_name(7 * octave + step) for octave in OCTAVES for step in range(7)),
    "accidental": tuple(ACCIDENTALS),
    "tie-stop": (),
    "tie-start": (),
    "shape": SHAPES,
    "slur-stop": (),
    "slur-start": (),
    "mark": MARKS,
    "above": (),
    "dynamics": DYNAMICS,
    "wedge": ("crescendo", "diminuendo", "stop"),
    "pedal": ("start", "stop"),
    "octave-shift": ("8 down", "8 up", "15 down", "15 up", "stop"),
    "segno": (),
    "coda": (),
    "words": WORDS,
    "tempo": (),
    "rehearsal": (),
    "harmony": (),
    "no-chord": (),
    "letter": tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "digit": tuple("0123456789"),
    "alter": ALTERS,
    "kind": KIND_SYMBOLS,
    "bass": (),
}
TOKEN_NAMES: tuple[str, ...] = tuple(
    name for group, values in _GROUP_VALUES.items() for name in ([f"{group}:{value}" for value in values] if values else [group])
)
TOKEN_IDS: dict[str, int] = {name: index for index, name in enumerate(TOKEN_NAMES)}
GROUPS: tuple[str, ...] = tuple(name.partition(":")[0] for name in TOKEN_NAMES)  # of each id


_IDS_OF = {group: range(GROUPS.index(group), GROUPS.index(group) + GROUPS.count(group)) for group in _GROUP_VALUES}
_ID_OF = {name: range(index, index + 1) for name, index in TOKEN_IDS.items()}


def ids_of(group: str) -> range:
    """The ids of a group, in the order of its values."""
    return _IDS_OF[group]


def id_of(name: str) -> range:
    """The id of a name, as a range of one."""
    return _ID_OF[name]


def is_among(token: int, ranges: Iterable[range]) -> bool:
    """Whether an id is in one of the ranges."""
    return any(token in ids for ids in ranges)


def value_of(token: int) -> str:
    """The value of an id, "" where its name is a word of its own."""
    return TOKEN_NAMES[token].partition(":")[2]


def ticks_of(quarters: Fraction) -> int | None:
    """A time in ticks, None where it is no whole number of them."""
    ticks = quarters * TICKS_PER_QUARTER
    return ticks.numerator if ticks.denominator == 1 else None


assert all(GRID_TICKS * normal % actual == 0 for actual, normal in RATIOS)
assert all(TYPE_QUARTERS[name] * TICKS_PER_QUARTER % GRID_TICKS == 0 for name in TYPES)
