"""Scores of the packs for training: which files, in which order, and how one is read.

Files past ``LARGEST`` are left out, as they take minutes to read, and so are kern files that are only the beginning of a piece.
kern is read through verovio (``corpora.kern_notes``), whose music has bars but no marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from corpora.datasets.packs import PackFile, find_pack, iter_pack
from corpora.errors import InputError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_notes
from corpora.kern_text import has_metronome, kern_words
from corpora.piece import Piece
from transcribe.training_audio.likely_tempo import with_likely_tempo

__all__ = ["PACK_WEIGHTS", "Scores", "read_score"]

PACK_WEIGHTS: Mapping[str, float] = {
    "openscore-lieder": 0.55,
    "nifc-chopin-first-editions": 0.12,
    "nifc-polish-scores": 0.15,
    "openscore-string-quartets": 0.12,
    "openscore-orchestra": 0.06,
}
KERN = ".krn"
LARGEST = 420_000  # bytes
KERN_BYTES = range(4_000, 120_000)
MAX_FILES = 600  # of a pack


@dataclass(frozen=True)
class Scores:
    """Files of packs in memory.

    Args:
        files: For each pack, (path, bytes) in the order of paths.
        weights: How often each pack is drawn.
    """

    files: Mapping[str, tuple[tuple[str, bytes], ...]]
    weights: Mapping[str, float]

    @staticmethod
    def load(split: str, weights: Mapping[str, float], seed: int, most: int = MAX_FILES) -> Scores:
        """The files of a split, at most so many of each pack.

        Raises:
            InputError: A pack is missing or broken, or no pack has files of the split.
        """
        files: dict[str, tuple[tuple[str, bytes], ...]] = {}
        for pack in weights:
            paths = sorted(
                row.path
                for row in find_pack(pack).files
                if row.split == split and (row.bytes in KERN_BYTES if row.path.endswith(KERN) else row.bytes <= LARGEST)
            )
            if len(paths) > most:
                chosen = np.random.default_rng([seed, *pack.encode()]).choice(len(paths), most, replace=False)
                paths = sorted(paths[index] for index in chosen.tolist())
            found = {row.path: data for row, data in iter_pack(pack, split=split, where=_among(frozenset(paths)))}
            if found:
                files[pack] = tuple(sorted(found.items()))
        if not files:
            raise InputError(f"packs {', '.join(weights)}: expected files of the split {split}, got none")
        return Scores(files, {pack: weights[pack] for pack in files})

    def draw(self, seed: int) -> Iterator[tuple[str, str, bytes]]:
        """Pack, path and bytes, for ever: packs by weight, the files of each pack in a random order, again and again."""
        rng = np.random.default_rng([seed, len(self.files)])
        packs = list(self.files)
        shares = np.array([self.weights[pack] for pack in packs])
        waiting: dict[str, list[int]] = {pack: [] for pack in packs}
        while True:
            pack = packs[int(rng.choice(len(packs), p=shares / shares.sum()))]
            if not waiting[pack]:
                waiting[pack] = rng.permutation(len(self.files[pack])).tolist()
            path, data = self.files[pack][waiting[pack].pop()]
            yield pack, path, data


def _among(paths: frozenset[str]) -> Callable[[PackFile], bool]:
    return lambda row: row.path in paths


def read_score(data: bytes, path: str) -> Piece:
    """A file of a pack; one of kern always has a tempo (``transcribe.training_audio.likely_tempo``).

    Raises:
        InputError: It is refused.
        ToolError: verovio died or ran out of its limits.
    """
    if not path.endswith(KERN):
        return parse_piece(data, path)
    piece, text = read_kern_notes(data, path), data.decode("utf-8", "replace")
    return piece if has_metronome(text) else with_likely_tempo(piece, kern_words(text))
