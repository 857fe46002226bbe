"""Lyrics: which chord each syllable is sung to, and voices with them.

Syllables of one height under a staff are one verse; each is sung to a chord near above its middle, in the same order, with as
little distance in all as can be. Hyphens between syllables, and within words that were read as one, say that a word goes on. A
line of few under the first is something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from compose.notation.written import Event, Voice
from omr.assembly.rows import Sign
from omr.signs import HEADS

__all__ = ["sung", "system_lyrics"]

BELIEVED = 0.5
SAME_LINE = 1.0  # spaces between the middles of syllables in one line
SAME_CHORD = 1.2  # spaces between heads of one chord
FEWEST = 3  # syllables of a verse after the first
LEFT_OUT = 6.0  # spaces that it costs to sing a syllable to no chord
HYPHENS = re.compile(r"[-‐‑–—­]+")

Lyrics = Mapping[int, Mapping[int, str]]  # by row of a head: text by verse, from 0


class _Syllable(NamedTuple):
    x: float
    text: str


class _Chord(NamedTuple):
    x: float
    rows: tuple[int, ...]


def system_lyrics(signs: Sequence[Sign], words: Mapping[int, str]) -> dict[int, dict[int, str]]:
    """Syllables by the rows of the heads that they are sung to, and by verse, with hyphens as ``Event.lyrics`` has them.

    Args:
        signs: Of a system, in order of ``x``.
        words: Texts by row.
    """
    found: dict[int, dict[int, str]] = {}
    lyrics = [sign for sign in signs if sign.kind == "lyric" and words.get(sign.row, "").strip()]
    for staff in sorted({sign.staff for sign in lyrics}):
        chords = _chords([sign for sign in signs if sign.staff == staff])
        for verse, line in enumerate(_verses([sign for sign in lyrics if sign.staff == staff])):
            syllables = _syllables([(sign, words[sign.row].strip()) for sign in line])
            if verse and len(syllables) < FEWEST:
                continue
            for chord, syllable in _matched(chords, syllables):
                for row in chord.rows:
                    found.setdefault(row, {})[verse] = syllable.text
    return found


def sung(voices: Sequence[Voice], lyrics: Lyrics) -> tuple[Voice, ...]:
    """Voices of one bar with the syllables of their heads."""
    return tuple(replace(voice, events=tuple(_sung(event, lyrics) for event in voice.events)) for voice in voices)


def _sung(event: Event, lyrics: Lyrics) -> Event:
    verses = next((lyrics[head.source] for head in event.heads if head.source in lyrics), None)
    if verses is None or event.grace:
        return event
    return replace(event, lyrics=tuple(verses.get(verse, "") for verse in range(max(verses) + 1)))


def _chords(signs: Sequence[Sign]) -> list[_Chord]:
    """Heads that stand together, without grace notes."""
    heads = [sign for sign in signs if sign.kind in HEADS and sign.probability >= BELIEVED and sign.grace[0] >= BELIEVED]
    chords: list[list[Sign]] = []
    for head in sorted(heads, key=lambda head: head.x):
        if chords and head.x - chords[-1][0].x <= SAME_CHORD:
            chords[-1].append(head)
        else:
            chords.append([head])
    return [_Chord(sum(head.x for head in chord) / len(chord), tuple(head.row for head in chord)) for chord in chords]


def _verses(syllables: Sequence[Sign]) -> list[list[Sign]]:
    """Lines from the top."""
    lines: list[list[Sign]] = []
    for sign in sorted(syllables, key=lambda sign: sign.y):
        if lines and sign.y - lines[-1][-1].y <= SAME_LINE:
            lines[-1].append(sign)
        else:
            lines.append([sign])
    return lines


def _syllables(line: Sequence[tuple[Sign, str]]) -> list[_Syllable]:
    """Syllables from left to right; words that were read in one are parted at their hyphens."""
    found: list[_Syllable] = []
    for sign, text in sorted(line, key=lambda item: item[0].x):
        parts = list(_parted(text))
        if not parts and HYPHENS.search(text) and found and not found[-1].text.endswith("-"):
            found[-1] = found[-1]._replace(text=found[-1].text + "-")
        for start, end, part in parts:
            goes_on = HYPHENS.match(text[end:].lstrip()) is not None
            x = sign.left + sign.width * (start + end) / 2 / len(text)
            before = "-" * (bool(found) and found[-1].text.endswith("-"))
            found.append(_Syllable(x, before + part + "-" * goes_on))
    return found


def _parted(text: str) -> list[tuple[int, int, str]]:
    """First and last place of the parts of a text between spaces, hyphens and underscores, with letters in them."""
    spans = [(found.start(), found.end(), found.group()) for found in re.finditer(r"[^-‐‑–—­_\s]+", text)]
    return [span for span in spans if any(letter.isalnum() for letter in span[2])]


def _matched(chords: Sequence[_Chord], syllables: Sequence[_Syllable]) -> list[tuple[_Chord, _Syllable]]:
    """Chords and the syllables that are sung to them: both in order, with the least distance in all."""
    costs = [[LEFT_OUT * place for place in range(len(syllables) + 1)]]
    for chord in chords:
        row = [0.0]
        for place, syllable in enumerate(syllables):
            taken = costs[-1][place] + abs(chord.x - syllable.x)
            row.append(min(costs[-1][place + 1], row[place] + LEFT_OUT, taken))
        costs.append(row)
    pairs = []
    number, place = len(chords), len(syllables)
    while number and place:
        if costs[number][place] == costs[number - 1][place]:
            number -= 1
        elif costs[number][place] == costs[number][place - 1] + LEFT_OUT:
            place -= 1
        else:
            pairs.append((chords[number - 1], syllables[place - 1]))
            number, place = number - 1, place - 1
    return pairs[::-1]
