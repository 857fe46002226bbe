"""Styles of drumming written out as patterns, for ``compose.grooves``.

A *cell* is some beats of one style, a line a drum. A character is one slot: ``X`` accent, ``x`` hit, ``o`` ghost note that is often
left out, ``?`` hit that is played now and then, ``r`` two quick strokes, ``.`` nothing; spaces are for the eye. A style has a
number of slots to the beat and cells for numbers of beats: those not written out are put together (``compose.grooves``). Families
say what a beat is: that of a *simple* meter (4/4, 3/4, 2/2), the three eighths of a *compound* one (6/8, 12/8), or in an *odd* one
(5/8, 7/8) the eighth, where the cell of 2 or 3 beats is a group and its variants are the first, the inner and the last group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FILLS", "KIT", "STYLES", "Cell", "Family", "Style"]

Cell = dict[str, str]
Family = Literal["simple", "compound", "odd"]

# Keys of General MIDI that a line may stand for; a piece keeps to one of them.
KIT: dict[str, tuple[int, ...]] = {
    "kick": (36, 36, 35),
    "snare": (38, 38, 40),
    "stick": (37,),
    "clap": (39,),
    "hat": (42,),
    "pedal": (44,),
    "open_hat": (46,),
    "ride": (51, 51, 59),
    "bell": (53,),
    "crash": (49, 49, 57),
    "splash": (55,),
    "high_tom": (50, 48),
    "mid_tom": (47,),
    "low_tom": (45,),
    "floor_tom": (43, 41),
    "tambourine": (54,),
    "cowbell": (56,),
    "shaker": (70, 69),
    "high_conga": (62,),
    "open_conga": (63,),
    "low_conga": (64,),
    "claves": (75,),
    "block": (76,),
    "guiro": (73,),
    "agogo": (67,),
    "triangle": (81,),
    "mute_triangle": (80,),
}


@dataclass(frozen=True)
class Style:
    """A way of drumming.

    Args:
        name: What drummers call it.
        family: Of meters.
        slots: Characters to the beat.
        beats_per_minute: Slowest and fastest tempo that suits it.
        cells: Variants for numbers of beats.
        fills: How often a phrase ends with a fill.
        follows: How readily the kick goes with the bass.
    """

    name: str
    family: Family
    slots: int
    beats_per_minute: tuple[int, int]
    cells: dict[int, tuple[Cell, ...]]
    fills: float = 0.7
    follows: float = 0.4


STYLES: tuple[Style, ...] = (
    Style(
        "rock eighths",
        "simple",
        4,
        (75, 190),
        {
            4: (
                {"hat": "X.x. x.x. X.x. x.x.", "snare": ".... X... .... X...", "kick": "X... .... X.?. ...."},
                {"hat": "X.x. x.x. X.x. x.x.", "snare": ".... X... .... X.o.", "kick": "X... ..x. x... ..?."},
                {"hat": "x.x. x.x. x.x. x.x.", "snare": ".... X..o .o.. X...", "kick": "X.x. .... ..x. ?..."},
                {"ride": "X.x. X.x. X.x. X.x.", "snare": ".... X... .... X...", "kick": "X... ..x. ..x. ...?"},
            ),
            3: (
                {"hat": "X.x. x.x. x.x.", "snare": ".... .... X...", "kick": "X... ..?. ...."},
                {"hat": "X.x. x.x. x.x.", "snare": ".... X... X...", "kick": "X... .... ..?."},
            ),
            2: ({"hat": "X.x. x.x.", "snare": ".... X...", "kick": "X.?. ...."},),
        },
    ),
    Style(
        "sixteenth funk",
        "simple",
        4,
        (70, 120),
        {
            4: (
                {"hat": "xoxo xoxo xoxo xoxo", "snare": ".... X..o .o.o X..o", "kick": "X..x ..?. ..xx ...."},
                {
                    "hat": "x.xo x.xx x.xo x.x.",
                    "open_hat": ".... .... .... ...?",
                    "snare": ".o.. X..o .o.. X.oo",
                    "kick": "X.x. ...x ..x. .?..",
                },
                {"hat": "xxxx xxxx xxxx xxxx", "snare": ".... X... .... X.o.", "kick": "X... ..xx .x.. ...?"},
            ),
            3: ({"hat": "xoxo xoxo xoxo", "snare": ".... X..o .o?.", "kick": "X..x .... ..x."},),
        },
        0.8,
        0.6,
    ),
    Style(
        "ballad",
        "simple",
        4,
        (45, 92),
        {
            4: (
                {"hat": "x.o. x.o. x.o. x.o.", "stick": ".... X... .... X...", "kick": "X... .... x... ..?."},
                {"hat": "x.o. x.o. x.o. x.o.", "stick": ".... X... .... X...", "kick": "X... ..x. x... ...."},
                {"ride": "x.o. x.o. x.o. x.o.", "snare": ".... X... .... X...", "kick": "X... ..?x .x.. ...."},
            ),
            3: (
                {"hat": "x.o. x.o. x.o.", "stick": ".... .... X...", "kick": "X... .... ...."},
                {"ride": "x.o. x.o. x.o.", "snare": ".... .... X...", "kick": "X... ..?. ...."},
            ),
        },
    ),
    Style(
        "half time",
        "simple",
        4,
        (110, 200),
        {
            4: (
                {"hat": "X.x. x.x. x.x. x.x.", "snare": ".... .... X... ....", "kick": "X... .... .... ..x."},
                {"hat": "X... x... X... x...", "snare": ".... .... X... ...o", "kick": "X... ..x. .... ?..."},
                {"crash": "x... x... x... x...", "snare": ".... .... X... ....", "kick": "X.x. .... .... x..."},
            )
        },
        0.7,
        0.5,
    ),
    Style(
        "disco",
        "simple",
        4,
        (100, 140),
        {
            4: (
                {
                    "kick": "X... X... X... X...",
                    "open_hat": "..x. ..x. ..x. ..x.",
                    "hat": "x... x... x... x...",
                    "snare": ".... X... .... X...",
                },
                {
                    "kick": "X... X... X... X...",
                    "open_hat": "..x. ..x. ..x. ..x.",
                    "hat": "xo.o xo.o xo.o xo.o",
                    "snare": ".... X... .... X..?",
                },
                {
                    "kick": "X... X... X... X...",
                    "hat": "x.x. x.x. x.x. x.x.",
                    "clap": ".... X... .... X...",
                    "tambourine": "..?. ..?. ..?. ..?.",
                },
            ),
            3: ({"kick": "X... X... X...", "open_hat": "..x. ..x. ..x.", "hat": "x... x... x..."},),
        },
        0.6,
        0.1,
    ),
    Style(
        "train beat",
        "simple",
        4,
        (80, 150),
        {
            4: (
                {"snare": "oxXo oxXo oxXo oxXo", "kick": "X... x... X... x..."},
                {"snare": "ooXo ooXo ooXo oxXx", "kick": "X... x... X... x...", "pedal": "..x. ..x. ..x. ..x."},
            ),
            3: ({"snare": "oooo oxXo oxXo", "kick": "X... .... ...."},),
            2: ({"snare": "oxXo oxXo", "kick": "X... x..."},),
        },
        0.5,
        0.2,
    ),
    Style(
        "one drop",
        "simple",
        4,
        (60, 95),
        {
            4: (
                {"hat": "x.x. x.x. x.x. x.x.", "kick": ".... .... X... ....", "stick": ".... .... X... ...."},
                {"hat": "x.xo x.x. x.xo x.x.", "kick": ".... .... X... ....", "stick": "...? ..?. X... ..x."},
                {"hat": "x.x. x.x. x.x. x.x.", "kick": "X... x... X... x...", "stick": ".... .... X... ...."},
            )
        },
        0.5,
        0.1,
    ),
    Style(
        "bossa nova",
        "simple",
        4,
        (90, 170),
        {
            4: (
                {"hat": "x.x. x.x. x.x. x.x.", "kick": "X..x X..x X..x X..x", "stick": "x..x ..x. ..x. x..."},
                {"hat": "x.x. x.x. x.x. x.x.", "kick": "X... ..x. x... ..x.", "stick": "X... ..x. .... x..."},
                {"shaker": "XoxoXoxoXoxoXoxo", "kick": "X... ..x. x... ..x.", "stick": "x... ..x. .... x..."},
            ),
            3: ({"hat": "x.x. x.x. x.x.", "kick": "X... ..x. x...", "stick": "x... ..x. ..x."},),
        },
        0.3,
        0.3,
    ),
    Style(
        "samba",
        "simple",
        4,
        (80, 130),
        {
            2: (
                {"hat": "xoox xoox", "kick": "x... X..?", "stick": "x.x. .x.x", "pedal": "..x. ..x."},
                {"shaker": "Xoox Xoox", "kick": "x..x X..x", "agogo": "x.x. xx.x"},
                {"ride": "x.xx x.xx", "kick": "x..x X..x", "snare": "o.ox .oxo"},
            ),
            4: ({"hat": "xoox xoox xoox xoox", "kick": "x..x X..x x..x X..x", "stick": "x.x. .x.x .x.x .x.."},),
        },
        0.4,
        0.1,
    ),
    Style(
        "cha-cha",
        "simple",
        4,
        (95, 140),
        {
            4: (
                {
                    "cowbell": "X... x... X... x...",
                    "guiro": "x.oo x.oo x.oo x.oo",
                    "high_conga": "x.x. .... x.x. ....",
                    "open_conga": ".... .... .... x.x.",
                    "kick": "...? .... .... ..x.",
                },
                {
                    "cowbell": "X... x... X... x...",
                    "high_conga": "o.o. X.o. o.o. ....",
                    "low_conga": ".... .... .... x.x.",
                    "claves": "..x. x... x..x ..x.",
                },
            )
        },
        0.3,
        0.2,
    ),
    Style(
        "tango",
        "simple",
        4,
        (50, 75),
        {
            2: (
                {"kick": "X... x...", "snare": "...x x.x.", "hat": "x.x. x.x."},
                {"kick": "X... ....", "snare": "X..x x.xx", "block": "x... x..."},
            ),
            4: (
                {"snare": "X... x... X... x.rx", "kick": "X... .... x... ...."},
                {"snare": "X..x ..x. X..x ..x.", "kick": "X..x .... X... ....", "hat": ".... x... .... x..."},
            ),
        },
        0.3,
        0.5,
    ),
    Style(
        "habanera",
        "simple",
        4,
        (50, 100),
        {
            2: (
                {"kick": "X... ..x.", "snare": "...x x.x.", "tambourine": "x.x. x.x."},
                {"low_conga": "X..x x.x.", "shaker": "x.xo x.xo", "claves": "x..x ..x."},
            )
        },
        0.3,
        0.4,
    ),
    Style(
        "swing",
        "simple",
        3,
        (80, 260),
        {
            4: (
                {"ride": "X.. x.x X.. x.x", "pedal": "... x.. ... x..", "kick": "o.. o.. o.. o..", "snare": "... ..o ... ..?"},
                {"ride": "X.. x.x X.. x.x", "pedal": "... x.. ... x..", "snare": "..o ... ..o o..", "kick": "... ..? ... ..."},
                {"ride": "x.. x.x x.x x..", "pedal": "... x.. ... x..", "snare": "... x.. ... x.?", "kick": "x.. ... x.? ..."},
                {"hat": "x.. ..x x.. ..x", "open_hat": "... x.. ... x..", "kick": "x.. x.. x.. x..", "stick": "... x.. ... x.."},
            ),
            3: (
                {"ride": "X.. x.x x.x", "pedal": "... x.. x..", "kick": "x.. ... ...", "snare": "... ..o ..?"},
                {"ride": "X.. x.. x.x", "pedal": "... x.. ...", "kick": "x.. ..? ...", "snare": "..o ... x.."},
            ),
            2: ({"ride": "X.. x.x", "pedal": "... x..", "kick": "x.. ?..", "snare": "... ..o"},),
        },
        0.6,
        0.2,
    ),
    Style(
        "shuffle",
        "simple",
        3,
        (70, 160),
        {
            4: (
                {"hat": "X.x X.x X.x X.x", "snare": "... X.. ... X..", "kick": "X.. ..? X.. ..?"},
                {"hat": "X.x x.x X.x x.x", "snare": "..o X.o ..o X.o", "kick": "X.x ... X.x ..."},
                {"ride": "X.x X.x X.x X.x", "snare": "... X.. ... X.x", "kick": "X.. ..x x.. ..."},
            ),
            3: ({"hat": "X.x x.x x.x", "snare": "... ... X..", "kick": "X.. ..? ..."},),
        },
        0.6,
        0.3,
    ),
    Style(
        "polka",
        "simple",
        4,
        (90, 150),
        {
            2: (
                {"kick": "X... x...", "snare": "..x. ..x.", "hat": "..x. ..x."},
                {"kick": "X... x...", "snare": "..x. ..xx"},
                {"kick": "X... x...", "snare": "..xo ..x.", "crash": "?... ...."},
            ),
            4: ({"kick": "X... x... X... x...", "snare": "..x. ..x. ..x. ..xx", "hat": "..x. ..x. ..x. ..x."},),
        },
        0.5,
        0.1,
    ),
    Style(
        "march",
        "simple",
        4,
        (90, 140),
        {
            4: (
                {"kick": "X... .... X... ....", "snare": "X.xx x.x. x.xx xxxx"},
                {"kick": "X... x... X... x...", "snare": "..x. ..x. ..x. .rrr"},
                {"kick": "X... .... x... ....", "snare": "X.rr X.rr X.x. X.x.", "crash": "?... .... .... ...."},
            ),
            2: (
                {"kick": "X... x...", "snare": "x.xx x.x."},
                {"kick": "X... x...", "snare": "..x. ..rr"},
                {"kick": "X... ....", "snare": "X.xx xxxx", "crash": "?... ...."},
            ),
            3: ({"kick": "X... .... ....", "snare": "x.xx x.x. x.rr"},),
        },
        0.6,
        0.1,
    ),
    Style(
        "waltz",
        "simple",
        4,
        (70, 220),
        {
            3: (
                {"kick": "X... .... ....", "snare": ".... x... x..."},
                {"kick": "X... .... ....", "hat": ".... x... x...", "snare": ".... o... ...."},
                {"kick": "X... .... ....", "pedal": ".... x... x...", "ride": "x... x... x..."},
                {"kick": "X... .... ....", "tambourine": ".... x... x.?.", "triangle": "?... .... ...."},
            )
        },
        0.3,
        0.1,
    ),
    Style(
        "mazurka",
        "simple",
        4,
        (90, 180),
        {
            3: (
                {"kick": "X... .... ....", "snare": "x.o. X... x..."},
                {"kick": "X... .... ....", "snare": "x..o x... X..."},
                {"kick": "X... .... x...", "tambourine": "x.x. X... x..."},
            )
        },
        0.3,
        0.1,
    ),
    Style(
        "polonaise",
        "simple",
        4,
        (60, 110),
        {
            3: (
                {"snare": "X.xx x.x. x.x.", "kick": "X... .... ...."},
                {"snare": "X.xx x.x. x.x.", "kick": "X... x... x...", "crash": "?... .... ...."},
                {"snare": "X.xx x.x. x.rr", "kick": "X... .... x..."},
            )
        },
        0.3,
        0.1,
    ),
    Style(
        "orchestra",
        "simple",
        4,
        (40, 200),
        {
            4: (
                {"kick": "x... .... .... ....", "snare": ".... .... .... ..oo"},
                {"kick": "X... .... x... ....", "crash": "?... .... .... ....", "triangle": ".... x... .... x..."},
                {"snare": "x... x.x. x... x.xx", "kick": "x... .... x... ...."},
                {"triangle": "x... .... ?... ...."},
            ),
            3: (
                {"kick": "x... .... ....", "triangle": ".... x... x..."},
                {"kick": "X... .... ....", "crash": "?... .... ....", "snare": ".... o... o.oo"},
                {"triangle": "x... .... ...."},
            ),
            2: (
                {"kick": "x... ....", "snare": "..o. x.oo"},
                {"kick": "X... ....", "crash": "?... x...", "triangle": "x.x. x.x."},
            ),
        },
        0.25,
        0.3,
    ),
    Style(
        "tambourine folk",
        "simple",
        4,
        (60, 150),
        {
            4: (
                {"tambourine": "x.o. X.o. x.o. X.o.", "kick": "x... .... x... ...."},
                {"shaker": "XoxoXoxoXoxoXoxo", "tambourine": ".... X... .... X...", "kick": "x... ..?. x... ...."},
                {"clap": ".... X... .... X...", "shaker": "x.x. x.x. x.x. x.x."},
            ),
            3: (
                {"tambourine": "X.o. x.o. x.o.", "kick": "x... .... ...."},
                {"shaker": "Xoxo xoxo xoxo", "clap": ".... x... x..."},
            ),
            2: ({"tambourine": "x.oo X.o.", "kick": "x... ...."},),
        },
        0.2,
        0.2,
    ),
    Style(
        "six-eight ballad",
        "compound",
        3,
        (30, 80),
        {
            2: (
                {"hat": "X x x x x x", "snare": ". . . X . .", "kick": "X . . . . ?"},
                {"hat": "X x x x x x", "stick": ". . . X . .", "kick": "X . x . . ."},
                {"ride": "X x x X x x", "snare": ". . . X . o", "kick": "X . . . ? x"},
            )
        },
        0.7,
        0.4,
    ),
    Style(
        "twelve-eight blues",
        "compound",
        3,
        (50, 130),
        {
            4: (
                {"ride": "X x x X x x X x x X x x", "snare": ". . . X . . . . . X . .", "kick": "X . . . . x X . . . . ?"},
                {"hat": "X . x X . x X . x X . x", "snare": ". . . X . . . . . X . o", "kick": "X . . . . . X . x . . ."},
            ),
            2: ({"hat": "X . x X . x", "snare": ". . . X . .", "kick": "X . ? . . ?"},),
        },
        0.7,
        0.4,
    ),
    Style(
        "jig",
        "compound",
        3,
        (80, 150),
        {
            2: (
                {"tambourine": "X.xX.x", "kick": "x.. x.."},
                {"tambourine": "XoxXox", "kick": "x.. ..?"},
                {"kick": "X.. x..", "snare": "..x ..x", "hat": "x.x x.x"},
            )
        },
        0.3,
        0.1,
    ),
    Style(
        "six-eight march",
        "compound",
        6,
        (80, 140),
        {
            2: (
                {"kick": "X..... x.....", "snare": "x...x. x.x.x."},
                {"kick": "X..... x.....", "snare": "x.x.x. x...rr"},
                {"kick": "X..... ......", "snare": "X.rrx. X.rrx."},
            )
        },
        0.5,
        0.1,
    ),
    Style(
        "bell six-eight",
        "compound",
        3,
        (60, 150),
        {
            4: (
                {"cowbell": "x.x .xx .x. x.x", "low_conga": "X.. .x. ..x X..", "kick": "x.. x.. x.. x.."},
                {"bell": "x.x .xx .x. x.x", "kick": "x.. ..x ..x ...", "snare": "... x.. o.. x.."},
            ),
            2: ({"cowbell": "x.x .xx", "low_conga": "X.. .xx", "kick": "x.. x.."},),
        },
        0.3,
        0.2,
    ),
    Style(
        "barcarolle",
        "compound",
        3,
        (25, 80),
        {
            2: (
                {"kick": "x.. ...", "triangle": "... x.."},
                {"kick": "x.. ..o", "snare": "..o x.o"},
                {"tambourine": "x.o x.o", "kick": "x.. ..."},
            )
        },
        0.2,
        0.3,
    ),
    Style(
        "odd rock",
        "odd",
        2,
        (100, 400),
        {
            2: (
                {"hat": "X.x.", "kick": "X..."},
                {"hat": "x.x.", "snare": "X...", "kick": "..?."},
                {"hat": "x.x.", "snare": "X...", "kick": "...."},
            ),
            3: (
                {"hat": "X.x.x.", "kick": "X...?."},
                {"hat": "x.x.x.", "snare": "x...o.", "kick": "..?..."},
                {"hat": "x.x.x.", "snare": "X...x.", "kick": "..x..."},
            ),
        },
        0.6,
        0.5,
    ),
    Style(
        "odd dance",
        "odd",
        2,
        (100, 500),
        {
            2: (
                {"kick": "X...", "tambourine": "x.x."},
                {"kick": "....", "tambourine": "X.xo", "snare": "x..."},
                {"tambourine": "X.x.", "snare": "x.xx"},
            ),
            3: (
                {"kick": "X...x.", "tambourine": "x.x.x."},
                {"tambourine": "X.x.x.", "snare": "x..o.."},
                {"tambourine": "X.x.xo", "snare": "x.x.x."},
            ),
        },
        0.3,
        0.2,
    ),
)

# One beat of a fill, by slots to the beat, from the top of the kit to the bottom.
FILLS: dict[int, tuple[Cell, ...]] = {
    2: ({"snare": "Xx"}, {"snare": "xx"}, {"high_tom": "xx"}, {"snare": "x.", "low_tom": ".x"}, {"floor_tom": "Xx"}),
    3: (
        {"snare": "Xxx"},
        {"snare": "x.x"},
        {"snare": "xx.", "kick": "..x"},
        {"high_tom": "xxx"},
        {"snare": "x..", "high_tom": ".xx"},
        {"mid_tom": "xxx"},
        {"low_tom": "x.x", "kick": ".x."},
        {"floor_tom": "xxx"},
        {"snare": "X..", "floor_tom": ".xx"},
    ),
    4: (
        {"snare": "Xxxx"},
        {"snare": "xxXx"},
        {"snare": "x.xx"},
        {"snare": "Xx..", "kick": "..xx"},
        {"snare": "X..x", "kick": ".xx."},
        {"high_tom": "xxxx"},
        {"snare": "xx..", "high_tom": "..xx"},
        {"high_tom": "xx..", "mid_tom": "..xx"},
        {"mid_tom": "xxxx"},
        {"snare": "x...", "low_tom": ".xxx"},
        {"low_tom": "x.x.", "kick": ".x.x"},
        {"floor_tom": "xxxx"},
        {"snare": "X.X.", "floor_tom": "X.X."},
    ),
    6: (
        {"snare": "xxxxxx"},
        {"snare": "X.x.x."},
        {"snare": "x.xxxx"},
        {"high_tom": "x.x.x."},
        {"snare": "x.x...", "mid_tom": "....x."},
        {"low_tom": "x.x.x."},
        {"floor_tom": "X.x.x."},
    ),
}
