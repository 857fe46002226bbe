"""Fit the probabilities of bars that were read from pictures (``omr.assembly.confidence.PICTURES``) on pages of the valid split.

Songs and single parts of quartets are engraved by verovio and read clean and worn at one level each; a bar is right when all its
notes are and there are no others. Prints the calibration, and the expected calibration error level by level.

Run: ``PARTIMENTO_DATA=... python tests/bench/fit_confidence.py [--songs 22] [--parts 10]`` (six minutes of one core)
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from compose.notation.reading import read_written
from corpora.datasets.packs import iter_pack
from corpora.errors import PartimentoError
from omr.assembly.assembling import assemble
from omr.assembly.confidence import PICTURES, Calibration, expected_calibration_error, fit_calibration
from omr.evaluation.alignment import count_aligned
from omr.pages.engraved import engraved_pages
from omr.pages.options import random_options
from omr.pages.other_engravers import first_bars
from omr.pages.recipes import degraded_page
from omr.pages.sources import draw_parts, score_text
from omr.reading import see_page

CLEAN, WORN = "clean", ("mild", "medium", "photo")
BARS = {"openscore-lieder": 14, "openscore-string-quartets": 40}
INTERLINE_PX = 12.0
SEED = 5


@dataclass(frozen=True)
class Recorder(Calibration):
    """A calibration that keeps what it is asked of, reading by reading."""

    asked: list[tuple[float, float, float]] = field(default_factory=list)

    def probability(self, share: float, sign_logs: float, paid: float) -> float:
        """As ``Calibration.probability``."""
        self.asked.append((math.log(max(share, 1e-9)), sign_logs, paid))
        return super().probability(share, sign_logs, paid)


def pieces(songs: int, parts: int) -> Iterator[tuple[str, list[NDArray[np.uint8]]]]:
    """MusicXML and pages of valid pieces."""
    rng = np.random.default_rng(SEED)
    for pack, count in (("openscore-lieder", songs), ("openscore-string-quartets", parts)):
        for row, data in iter_pack(pack, split="valid", limit=count, seed=SEED):
            try:
                text = score_text(data, row.path)
                text = first_bars(text if pack == "openscore-lieder" else draw_parts(text, rng)[0], BARS[pack])
                yield text, [page.image for page in engraved_pages(text, random_options(rng, interline_px=INTERLINE_PX))]
            except PartimentoError as error:
                print(f"left out: {error}", file=sys.stderr)


def main() -> None:
    """Read, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=22)
    parser.add_argument("--parts", type=int, default=10)
    options = parser.parse_args()
    features: list[tuple[float, float, float]] = []
    correct: list[bool] = []
    levels: list[str] = []
    for number, (text, pages) in enumerate(pieces(options.songs, options.parts)):
        reference = read_written(text.encode())
        for level in (CLEAN, WORN[number % len(WORN)]):
            rng = np.random.default_rng([SEED, number])
            shown = [image if level == CLEAN else degraded_page(image, level, rng, INTERLINE_PX).image for image in pages]
            seen = [system for place, image in enumerate(shown) for system in see_page(image, page=place)]
            if not seen:
                continue
            recorder = Recorder(PICTURES.bias, PICTURES.share, PICTURES.signs, PICTURES.paid)
            read = assemble(seen, None, recorder)
            notes, pairs = count_aligned(reference, read.score)
            right = {got: exact for _, got, exact in pairs}
            firsts = np.cumsum([0, *(len(bar.readings) for bar in read.bars)])[:-1]
            features += [recorder.asked[first] for first in firsts]
            correct += [right.get(bar, False) for bar in range(len(read.bars))]
            levels += [level] * len(read.bars)
            print(
                f"{number}, {level}: note F1 {notes.f1:.3f}, {notes.exact} of {notes.bars} bars exact", file=sys.stderr, flush=True
            )
    table, truth, where = np.array(features), np.array(correct), np.array(levels)
    fitted = fit_calibration(table, truth)
    print(f"{len(truth)} bars, {truth.mean():.3f} right: {fitted}")
    print("| level | bars | right | ECE of PICTURES | ECE of the fit |\n|---|---:|---:|---:|---:|")
    for level in (CLEAN, *WORN):
        chosen = where == level
        if chosen.any():
            errors = [
                expected_calibration_error(
                    np.array([one.probability(math.exp(share), signs, paid) for share, signs, paid in table[chosen].tolist()]),
                    truth[chosen],
                )
                for one in (PICTURES, fitted)
            ]
            print(f"| {level} | {chosen.sum()} | {truth[chosen].mean():.3f} | {errors[0]:.3f} | {errors[1]:.3f} |")


if __name__ == "__main__":
    main()
