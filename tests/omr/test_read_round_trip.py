"""Score to page to score: what the shipped weights must read of pages that they never saw, with floors below what was measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from compose.notation.bar_sums import bar_sums
from compose.notation.reading import read_written
from compose.notation.writing import write_written
from corpora.child import Limits, run_limited
from corpora.datasets.packs import iter_pack
from omr.assembly.assembling import assemble
from omr.assembly.confidence import PICTURES
from omr.evaluation.comparing import Comparison, compare
from omr.evaluation.held_out import LIMITS
from omr.layout.opening import iter_pages
from omr.pages.other_engravers import first_bars
from omr.pages.sources import score_text
from omr.reading import see_page

EXAMPLES = Path(__file__).parents[2] / "examples"
BARS = 10
Opens = Callable[[bytes, Path], None]
NOTE_F1, SYMBOL_ERRORS, BARS_EXACT = 0.9, 0.1, 0.64
needs_packs = pytest.mark.skipif("PARTIMENTO_DATA" not in os.environ, reason="PARTIMENTO_DATA names no data packs")


def read_back(musicxml: str, stem: Path, counts: Comparison, opens: Opens, bars: int | None = None) -> None:
    """Engrave a score, read its pages and count what came back."""
    text = musicxml if bars is None else first_bars(musicxml, bars)
    limits = Limits(memory_bytes=LIMITS.memory_bytes, cpu_s=LIMITS.cpu_s, wall_s=LIMITS.wall_s)
    pages = run_limited(
        "omr.evaluation.held_out:engrave_piece", {"musicxml": text, "stem": str(stem)}, limits=limits, tool="verovio"
    )
    seen = []
    for number in range(int(pages)):
        picture = next(iter_pages(f"{stem}-{number + 1}.png"))
        seen += see_page(picture.grey, page=number)
    read = assemble(seen, None, PICTURES)
    opens(write_written(read.score), stem.with_suffix(".read.musicxml"))
    unprinted = read.score.parts[0].bars[0].length  # the meter that was found where none is printed at the start
    assert {fault.kind for fault in bar_sums(read.score, unprinted).faults} <= {"tuplet"}  # bars add up where a tuplet is not whole
    compare(counts, read_written(text.encode()), read)


@pytest.mark.parametrize("name", ["old-hundredth", "ode-to-joy"])  # the first has a tenor's clef with an 8 below
def test_the_examples_come_back(name: str, tmp_path: Path, opens_in_three_programs: Opens) -> None:
    counts = Comparison()
    read_back((EXAMPLES / f"{name}.musicxml").read_text(), tmp_path / "page", counts, opens_in_three_programs)
    assert counts.notes.f1 >= 0.97
    assert counts.notes.exact >= 0.85 * counts.notes.bars


@needs_packs
@pytest.mark.parametrize("pages", [2, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.timeout(1800)
def test_songs_that_were_never_seen_come_back(pages: int, tmp_path: Path, opens_in_three_programs: Opens) -> None:
    counts = Comparison()
    for number, (row, data) in enumerate(islice(iter_pack("openscore-lieder", split="test", limit=pages, seed=3), pages)):
        read_back(score_text(data, row.path), tmp_path / f"song{number}", counts, opens_in_three_programs, BARS)
    print(f"{pages} songs: note F1 {counts.notes.f1:.3f}, SER {counts.symbols.rate:.3f}, exact {np.mean(counts.right):.2f}")
    assert counts.notes.f1 >= NOTE_F1
    assert counts.symbols.rate <= SYMBOL_ERRORS
    assert np.mean(counts.right) >= BARS_EXACT
