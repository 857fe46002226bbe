"""Written music between scores and ids: one flat sequence, bar by bar and part by part, that says what is printed.

The sequence is stateless but for meters, which hold until the next, so that a system is read by itself: pitches are places with
their printed accidentals, lengths are note types with dots and ratios. ``compose.notation.grammar`` gives its form.
Source: it follows LMX, "linearized MusicXML" (Mayer, Straka, Hajič and Pecina, "Practical end-to-end optical music recognition for
pianoform music", ICDAR 2024, arXiv:2403.13763), relative to which it adds staves inside parts, directions, repeats and endings,
slurs, marks and exact bars.

What it does not hold is left out by ``holdable`` and by nothing else: titles, part names, breaks of systems and pages, and words
that are on no list (they become "…"). Scores with bars that it cannot say are refused.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from compose.notation.decoding import score_of_names
from compose.notation.encoding import token_names
from compose.notation.grammar import NotationGrammar
from compose.notation.slicing import DEFAULT_METER_QUARTERS, meter_before, slice_bars
from compose.notation.token_table import OTHER_WORDS, TOKEN_IDS, TOKEN_NAMES, WORDS, ticks_of
from compose.notation.written import Bar, WrittenScore, in_order
from corpora.errors import InputError

__all__ = ["decode", "encode", "grammar_for", "holdable"]


def encode(score: WrittenScore, bars: slice | None = None) -> NDArray[np.int64]:
    """The ids of a score, or of some of its bars as one system shows them (``slice_bars``).

    Args:
        score: Written music in canonical form.
        bars: Which bars; all as they stand without.

    Returns:
        int64, shape (tokens,).

    Raises:
        InputError: A bar says what tokens cannot say; names the bar.
        RequestError: As ``slice_bars``.
    """
    before = DEFAULT_METER_QUARTERS
    if bars is not None:
        first, last, _ = bars.indices(len(score.parts[0].bars) if score.parts else 0)
        before = meter_before(score, first)
        score = slice_bars(score, first, last)
    grammar = grammar_for(before)
    ids: list[int] = []
    bar = 0
    try:
        for name in token_names(score):
            bar += name == "bar"
            if name not in TOKEN_IDS:
                raise InputError(f"{name!r} has no token")
            ids.append(TOKEN_IDS[name])
            grammar.push(ids[-1])
    except (InputError, ValueError) as error:
        raise InputError(f"written music: bar {bar}: {error}") from None
    return np.array(ids, dtype=np.int64)


def decode(ids: NDArray[np.int64], bar_quarters: Fraction = DEFAULT_METER_QUARTERS) -> WrittenScore:
    """The score that ids say.

    Args:
        ids: int64, shape (tokens,).
        bar_quarters: Quarters of the meter in force before the first bar.

    Raises:
        ValueError: The grammar does not allow them, or they do not end.
    """
    grammar = grammar_for(bar_quarters)
    grammar.push_all(ids)
    if not grammar.may_end:
        raise ValueError(f"notation: expected ids that end, got {len(ids)} without an end")
    return score_of_names([TOKEN_NAMES[token] for token in ids.tolist()], bar_quarters)


def grammar_for(bar_quarters: Fraction = DEFAULT_METER_QUARTERS, parts: tuple[int, ...] | None = None) -> NotationGrammar:
    """The grammar at the start of a sequence.

    Args:
        bar_quarters: Quarters of the meter in force before the first bar.
        parts: Staves of each part where that is known.

    Raises:
        ValueError: The meter's length is no multiple of a 128th note.
    """
    ticks = ticks_of(bar_quarters)
    if not ticks or ticks < 0:
        raise ValueError(f"notation: expected a meter of whole 128th notes, got {bar_quarters} quarters")
    return NotationGrammar(ticks, parts)


def holdable(score: WrittenScore) -> WrittenScore:
    """The score as tokens hold it: without names and breaks, with "…" for words that are on no list."""
    parts = (replace(part, name="", bars=tuple(map(_with_known_words, part.bars))) for part in score.parts)
    return WrittenScore(tuple(parts))


def _with_known_words(bar: Bar) -> Bar:
    if all(said.kind != "words" or said.value in WORDS for said in bar.directions):
        return bar
    directions = [
        replace(said, value=OTHER_WORDS) if said.kind == "words" and said.value not in WORDS else said for said in bar.directions
    ]
    return replace(bar, directions=in_order(directions))
