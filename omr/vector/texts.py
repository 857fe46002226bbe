"""Texts of a system: letters joined to words and lines, dynamics from their letters, and which text is a lyric.

Letters on one base line are one text while they are closer than a wide space; syllables of lyrics stand farther apart. Text under a
staff in upright letters is a lyric, other text is words to the players; bare numbers (bars, fingers) and what stands beside a staff
or far above it (names, titles) are left out. Lengths are staff spaces.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from omr.signs import DYNAMICS
from omr.vector.marks import Letter, Mark
from omr.vector.scene import Scene

__all__ = ["Text", "find_dynamics", "find_heading", "find_texts", "text_runs"]

SAME_BASE: Final = 0.25  # of the letters' size
WORD_GAP: Final = 0.11  # syllables may stand close
LINE_GAP: Final = 0.75
DYNAMIC_GAP: Final = 0.7
DYNAMIC_BASE: Final = 1.2
FAR_ABOVE: Final = 9.0
HEADING_SIZE: Final = 3.2  # of letters; words in the music have some 2.4
SAME_SIZE: Final = 0.95
HYPHENS: Final = "-‐‑–"
FIRST_VERSE: Final = 7.0  # below a staff, at most
NEXT_VERSE: Final = 3.5  # from one verse to the next


@dataclass(frozen=True, slots=True)
class Text:
    """A run of letters, its box, whether it is italic."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    italic: bool


def text_runs(letters: tuple[Letter, ...]) -> list[Text]:
    """Letters joined to runs, from left to right on each base line, top first."""
    rows: list[list[Letter]] = []
    for letter in sorted(letters, key=lambda letter: (letter.base, letter.x)):
        if rows and abs(letter.base - rows[-1][-1].base) <= SAME_BASE * letter.size:
            rows[-1].append(letter)
        else:
            rows.append([letter])
    runs: list[Text] = []
    for row in rows:
        run: list[Letter] = []
        for letter in sorted((letter for letter in row if letter.text.strip()), key=lambda letter: letter.x0):
            if run and letter.x0 - run[-1].x1 > LINE_GAP * letter.size:
                runs.append(_run(run))
                run = []
            run.append(letter)
        if run:
            runs.append(_run(run))
    return runs


def _run(letters: list[Letter]) -> Text:
    text = letters[0].text
    for before, letter in pairwise(letters):
        text += (" " if letter.x0 - before.x1 > WORD_GAP * letter.size else "") + letter.text
    italic = 2 * sum(letter.italic for letter in letters) > len(letters)
    top, bottom = min(letter.y0 for letter in letters), max(letter.y1 for letter in letters)
    text = unicodedata.normalize("NFKC", text)  # letters that are joined
    return Text(text, letters[0].x0, top, letters[-1].x1, bottom, italic)


def find_texts(scene: Scene) -> list[tuple[Text, str, int]]:
    """Texts with "words" or "lyric" and their staff; under a verse comes the next one, even if another staff is nearer."""
    found: list[tuple[Text, str, int]] = []
    for run in text_runs(scene.letters):
        is_hyphen = not run.text.strip(HYPHENS)
        if (
            run.x1 < 0
            or run.y1 < scene.staves[0].top - FAR_ABOVE
            or not (is_hyphen or any(letter.isalpha() for letter in run.text))
        ):
            continue
        staff = scene.nearest_staff((run.y0 + run.y1) / 2)
        under = {whose for verse, kind, whose in found if kind == "lyric" and -0.5 < run.y0 - verse.y0 < NEXT_VERSE}
        if staff and run.y1 < scene.staves[staff].top and staff - 1 in under:
            staff -= 1
        below = run.y0 - scene.staves[staff].bottom
        if staff == len(scene.staves) - 1 and below > FIRST_VERSE and staff not in under:
            continue  # a foot line
        is_lyric = below > 0 and not run.italic
        if is_hyphen and not is_lyric:
            continue
        found.append((run, "lyric" if is_lyric else "words", staff))
    return found


def find_heading(scene: Scene) -> str:
    """The line in the largest letters above a page's first system, "" where there is none larger than words in the music are."""
    above = tuple(letter for letter in scene.letters if letter.y1 < scene.staves[0].top and letter.size >= HEADING_SIZE)
    largest = max((letter.size for letter in above), default=0.0)
    lines = text_runs(tuple(letter for letter in above if letter.size >= SAME_SIZE * largest))
    base = min((line.y1 for line in lines), default=0.0)
    return " ".join(line.text for line in lines if line.y1 - base <= SAME_BASE * largest).strip()


def find_dynamics(scene: Scene) -> list[tuple[str, Mark, int]]:
    """Dynamics: name, box, nearest staff. Letters that stand together are one sign; what has no kind is left out."""
    groups: list[list[Mark]] = []
    found: list[tuple[str, Mark]] = []
    for mark in scene.marks:
        if mark.name.startswith("dynamic_"):
            found.append((mark.name, mark))
        elif mark.name.startswith("letter_"):
            near = [
                group
                for group in groups
                if -1.0 <= mark.x0 - group[-1].x1 <= DYNAMIC_GAP and abs(mark.y - group[-1].y) <= DYNAMIC_BASE
            ]
            if near:
                near[-1].append(mark)
            else:
                groups.append([mark])
    for group in groups:
        name = "".join(mark.name[-1] for mark in group)
        if name in DYNAMICS:
            box = Mark(
                f"dynamic_{name}",
                min(mark.x0 for mark in group),
                min(mark.y0 for mark in group),
                max(mark.x1 for mark in group),
                max(mark.y1 for mark in group),
            )
            found.append((box.name, box))
    return [(name, mark, scene.nearest_staff(mark.y)) for name, mark in found]
