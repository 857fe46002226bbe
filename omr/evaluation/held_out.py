"""Pages of the packs' test split, engraved when they are asked for: what ``evaluate omr`` reads when no folder is named."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpora.child import Limits, run_limited
from corpora.datasets.packs import iter_pack
from omr.pages.other_engravers import first_bars
from omr.pages.sources import score_text

__all__ = ["engrave_piece", "page_folders"]

PACK, PIECES, BARS = "openscore-lieder", 8, 24
FONT, INTERLINE_PX = "Leipzig", 12.0
LIMITS = Limits(memory_bytes=3 << 30, cpu_s=300, wall_s=600)


def engrave_piece(musicxml: str, stem: str) -> int:
    """Write the pages of a score as ``STEM-1.png`` ..., and say how many there are; for a child process."""
    import cv2  # the child's own

    from omr.pages.engraved import engraved_pages
    from omr.pages.options import EngravingOptions

    pages = engraved_pages(musicxml, EngravingOptions(font=FONT, interline_px=INTERLINE_PX))
    for number, page in enumerate(pages, 1):
        cv2.imwrite(f"{stem}-{number}.png", page.image)
    return len(pages)


@contextlib.contextmanager
def page_folders(named: Sequence[Path], say: Callable[[str], None]) -> Iterator[Mapping[str, Path]]:
    """Folders of pieces by name: those that were named, else one that is made and goes with the context.

    Args:
        named: Folders.
        say: Hears what is being done.

    Raises:
        InputError: PARTIMENTO_DATA names no packs.
        ToolError: A page cannot be engraved.
    """
    if named:
        yield {"/".join(path.parts[-2:]): path for path in named}
        return
    with tempfile.TemporaryDirectory(prefix="partimento-") as made:
        folder = Path(made)
        for number, (row, data) in enumerate(iter_pack(PACK, split="test", limit=PIECES)):
            say(f"engraving {number + 1} of {PIECES}")
            text = first_bars(score_text(data, row.path), BARS)
            stem = folder / f"{number:03d}"
            stem.with_suffix(".musicxml").write_text(text, encoding="utf-8")
            arguments: dict[str, Any] = {"musicxml": text, "stem": str(stem)}
            run_limited("omr.evaluation.held_out:engrave_piece", arguments, limits=LIMITS, tool="verovio", subject=row.path)
        yield {"test songs": folder}
