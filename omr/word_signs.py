"""Printed words as signs of their system: which are lyrics, and of which staff, and which are said to the players.

A line of many words below a staff is a verse of its voice, and under a verse comes the next one, even if another staff is nearer.
What is said to the players is a chord symbol, one of the usual terms, or words that are surely read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

import numpy as np

from omr.assembly.chord_names import chord_name, chord_names
from omr.printed_words import BELIEVED, HALF_STAFF, PrintedWord
from omr.signs import KIND_INDEX, SeenSystem, empty_signs

__all__ = ["with_words"]

FEWEST_SYLLABLES: Final = 3
LYRIC_SPAN, LONG_SPAN = 8.0, 15.0  # spaces that they take up at least, and that words to the players seldom do
FEWEST_LETTERS, SURELY = 3, 0.85  # of words that are not known
WORD_GAP: Final = 1.1  # spaces, between words of one text
NEXT_VERSE: Final = 3.5  # spaces from one verse to the next
TERMS: Final = re.compile(
    r"\b(rit|rall|accel|string|cresc|dim|decr|dolce|legato|legg|espr|cant|marc|stacc|sost|calando|morendo|smorz|perdend|sempre|simile"
    r"|poco|molto|pi[uù]|meno|mosso|mod|tempo|ped|tutti|solo|col|fine|d\.? ?[cs]\b|coda|andant|alleg|adag|largh?|lent|prest|viv)"
)


def with_words(system: SeenSystem, words: Sequence[PrintedWord]) -> SeenSystem:
    """A system with the words among its signs: "lyric" below a staff in lines of many, else "words".

    Args:
        system: As the detector saw it.
        words: Its words.
    """
    texts: list[tuple[str, PrintedWord, int]] = []
    for _, line in groupby(words, key=lambda word: word.line):
        texts += _texts(list(line), system, texts[-1] if texts else None)
    if not texts:
        return system
    rows = empty_signs(len(texts))
    for row, (kind, word, staff) in zip(rows, texts, strict=True):
        row["kind"], row["probability"], row["staff"] = KIND_INDEX[kind], word.confidence, staff
        row["x"], row["y"] = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
        row["width"], row["height"] = word.x1 - word.x0, word.y1 - word.y0
        row["place"] = 2 * (float(system.middle_lines[staff]) + HALF_STAFF - row["y"])
    signs = np.concatenate([system.signs, rows])
    order = np.argsort(signs["x"], kind="stable")
    places = {int(row): place for place, row in enumerate(order.tolist())}
    said = {places[row]: text for row, text in system.words.items()}
    said |= {places[len(system.signs) + number]: word.text for number, (_, word, _) in enumerate(texts)}
    return replace(system, signs=signs[order], words=said)


def _texts(
    line: list[PrintedWord], system: SeenSystem, before: tuple[str, PrintedWord, int] | None
) -> list[tuple[str, PrintedWord, int]]:
    """Kind, text and staff of what a line says; under a verse comes the next one, even if another staff is nearer."""
    band = line[0].band
    above, below = band - 1, band if band < system.staves else band - 1  # staves beside the band
    middle, span = (line[0].y0 + line[0].y1) / 2, line[-1].x1 - line[0].x0
    upper, lower = (abs(middle - float(system.middle_lines[max(staff, 0)])) for staff in (above, below))
    is_next = before is not None and before[0] == "lyric" and before[1].band == band and line[0].y0 - before[1].y0 < NEXT_VERSE
    is_sung = len(line) >= FEWEST_SYLLABLES and span >= LONG_SPAN and not _are_braced(system, above, below)
    staff = above if above >= 0 and (upper <= lower or is_next or is_sung) else below
    is_lyric = staff == above and len(line) >= FEWEST_SYLLABLES and span >= LYRIC_SPAN
    if is_lyric or (is_next and not TERMS.search(" ".join(word.text for word in line).lower())):
        return [("lyric", word, staff) for word in line]
    joined: list[list[PrintedWord]] = []
    for word in line:
        if joined and word.x0 - joined[-1][-1].x1 <= WORD_GAP and chord_name(word.text) is None:
            joined[-1].append(word)
        else:
            joined.append([word])
    texts = [text for text in map(_joined, joined) if _is_said(text)]
    return [("words", replace(text, confidence=max(text.confidence, BELIEVED)), staff) for text in texts]


def _are_braced(system: SeenSystem, above: int, below: int) -> bool:
    """Whether two staves are one instrument's."""
    return above >= 0 and any(brace.kind == "brace" and brace.first <= above < below <= brace.last for brace in system.braces)


def _joined(words: Sequence[PrintedWord]) -> PrintedWord:
    """Words that stand together, as sure as they are on average."""
    top, bottom = min(word.y0 for word in words), max(word.y1 for word in words)
    confidence = sum(word.confidence for word in words) / len(words)
    text = " ".join(word.text for word in words)
    return replace(words[0], text=text, y0=top, x1=words[-1].x1, y1=bottom, confidence=confidence)


def _is_said(text: PrintedWord) -> bool:
    """Whether it is a chord, what players are often told, or words that are sure."""
    is_known = bool(chord_names(text.text)) or TERMS.search(text.text.lower()) is not None
    letters = sum(letter.isalpha() for letter in text.text)
    return is_known or (letters >= FEWEST_LETTERS and text.confidence >= SURELY)
