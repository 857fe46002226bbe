"""Scores of the packs that pages are engraved from, and what is taken of each: all parts, the piano, the voice, or one part.

Keyboard works of Mozart, Beethoven, Haydn, Scarlatti and Joplin and Chopin's mazurkas are kept for evaluation on printed editions
and are never among the files for training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from corpora.datasets.packs import PackFile, find_pack, iter_pack
from corpora.errors import InputError
from corpora.gate.score import check_score

__all__ = ["PACK_WEIGHTS", "Scores", "draw_parts", "drawn_fifths", "is_kept_for_evaluation", "score_text", "with_octave_clefs"]

OCTAVE_CLEFS, CHANGED_CLEFS, EIGHT_BELOW = 0.1, 0.6, 0.8  # of scores, of their clefs, of their G clefs
CLEF = re.compile(r"<sign>([GF])</sign>\s*<line>[24]</line>(?!\s*<clef-octave)")

PACK_WEIGHTS: Mapping[str, float] = {
    "openscore-lieder": 0.45,
    "openscore-string-quartets": 0.22,
    "nifc-chopin-first-editions": 0.2,
    "nifc-polish-scores": 0.13,
}
KERN = ".krn"
LARGEST, LARGEST_KERN = 400_000, 100_000  # bytes of a file; what is larger takes too long to lay out
KEPT_COMPOSERS = ("mozart", "beethoven", "haydn", "scarlatti", "joplin")
KEYBOARD_PACKS = ("nifc-chopin-first-editions", "nifc-polish-scores")
PART = re.compile(r"<part id=\"([^\"]*)\".*?</part>", re.DOTALL)
SCORE_PART = re.compile(r"<score-part id=\"([^\"]*)\".*?</score-part>", re.DOTALL)
PART_GROUP = re.compile(r"<part-group\b.*?(?:</part-group>|/>)", re.DOTALL)
FIFTHS = re.compile(r"<fifths>\s*(-?\d+)\s*</fifths>")
TWO_STAVES = re.compile(r"<staves>\s*2\s*</staves>")
KERN_KEY = re.compile(r"\*k\[([a-g#-]*)\]")
MOST_FIFTHS = 7
FARTHEST_MOVE = 5
WHOLE_SHARE = 0.5


def is_kept_for_evaluation(pack: str, row: PackFile) -> bool:
    """Whether a file is a keyboard work that readers are measured on."""
    if pack not in KEYBOARD_PACKS:
        return False
    return row.composer.lower().startswith(KEPT_COMPOSERS) or "mazur" in f"{row.title} {row.path}".lower()


@dataclass(frozen=True)
class Scores:
    """Files in memory, as they lie in the packs.

    Args:
        files: For each pack, (path, bytes) in the order of paths.
        weights: How often each pack is drawn.
    """

    files: Mapping[str, tuple[tuple[str, bytes], ...]]
    weights: Mapping[str, float]

    @staticmethod
    def load(split: str, weights: Mapping[str, float]) -> Scores:
        """The files of a split.

        Raises:
            InputError: A pack is missing or broken, or there are no files of the split in it.
        """
        files = {}
        for pack in weights:
            rows = find_pack(pack).files
            kept = {
                row.path for row in rows if row.split == split and row.bytes <= LARGEST and not is_kept_for_evaluation(pack, row)
            }
            found = sorted((row.path, data) for row, data in iter_pack(pack, split=split) if row.path in kept)
            if not found:
                raise InputError(f"{pack}: expected files of the split {split!r}, there are none")
            files[pack] = tuple(found)
        return Scores(files, dict(weights))

    def draw(self, rng: np.random.Generator) -> tuple[str, bytes]:
        """A file: its pack and path, and its bytes."""
        shares = np.array([self.weights[pack] for pack in self.files])
        pack = list(self.files)[int(rng.choice(len(shares), p=shares / shares.sum()))]
        path, data = self.files[pack][int(rng.integers(len(self.files[pack])))]
        return f"{pack}/{path}", data


def _is_small(row: PackFile) -> bool:
    return row.bytes <= (LARGEST_KERN if row.path.endswith(KERN) else LARGEST)


def score_text(data: bytes, name: str) -> str:
    """The text of a score file that verovio reads.

    Raises:
        InputError: The bytes are no score.
    """
    return check_score(data, name).data.decode("utf-8")


def draw_parts(musicxml: str, rng: np.random.Generator) -> tuple[str, tuple[int, ...]]:
    """All parts of a score, or the keyboard's, or the others, or one.

    Args:
        musicxml: A partwise MusicXML text.
        rng: Source of the choice.

    Returns:
        The text with the parts that were chosen, and their places in the score, from 0.
    """
    parts = list(PART.finditer(musicxml))
    keyboards = [index for index, part in enumerate(parts) if TWO_STAVES.search(part[0])]
    others = [index for index in range(len(parts)) if index not in keyboards]
    everything = tuple(range(len(parts)))
    if len(parts) < 2 or rng.random() < WHOLE_SHARE:
        return musicxml, everything
    choices = [tuple(group) for group in (keyboards, others) if group] if keyboards else [(index,) for index in everything]
    chosen = choices[int(rng.integers(len(choices)))]
    return _with_parts(musicxml, {parts[index][1] for index in chosen}), chosen


def _with_parts(musicxml: str, names: set[str]) -> str:
    """The text with these parts alone, without groups."""

    def kept(match: re.Match[str]) -> str:
        return match[0] if match[1] in names else ""

    return PART.sub(kept, SCORE_PART.sub(kept, PART_GROUP.sub("", musicxml)))


def with_octave_clefs(musicxml: str, rng: np.random.Generator, share: float = OCTAVE_CLEFS) -> str:
    """Now and then a score some of whose clefs have an 8 below or above, which choirs need and songs rarely have.

    Args:
        musicxml: A partwise MusicXML text.
        rng: Source of the choice.
        share: How often.
    """
    if rng.random() >= share:
        return musicxml

    def changed(match: re.Match[str]) -> str:
        octaves = -1 if match[1] == "F" or rng.random() < EIGHT_BELOW else 1
        return f"{match[0]}<clef-octave-change>{octaves}</clef-octave-change>" if rng.random() < CHANGED_CLEFS else match[0]

    return CLEF.sub(changed, musicxml)


def drawn_fifths(score: str, rng: np.random.Generator) -> int:
    """A transposition in steps of the circle of fifths that leaves all key signatures within seven signs.

    Args:
        score: MusicXML or kern.
        rng: Source of the choice.
    """
    signs = KERN_KEY.findall(score)
    keys = [int(text) for text in FIFTHS.findall(score)] + [text.count("#") - text.count("-") for text in signs] or [0]
    low = max(-FARTHEST_MOVE, -MOST_FIFTHS - min(keys))
    high = min(FARTHEST_MOVE, MOST_FIFTHS - max(keys))
    return int(rng.integers(low, high + 1)) if low <= high else 0
