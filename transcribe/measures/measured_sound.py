"""Stores of sound to measure on: those that are there, or new ones from the packs' test split."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from corpora.errors import ToolError
from render.fonts import font_in_wheel
from transcribe.training_audio.making import make_store
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["measured_stores"]

KINDS = ("piano", "ensemble", "drums")


@contextlib.contextmanager
def measured_stores(
    folders: Sequence[Path], *, font: Path | None, minutes: float, seed: int, say: Callable[[str], None]
) -> Iterator[dict[str, SoundStore]]:
    """Stores by name; new ones are kept as long as the block lasts.

    Args:
        folders: Of stores; with none, one of each kind is made.
        font: That plays; TimGM6mb of the pretty_midi wheel, which no model of ours was trained on, when None.
        minutes: Of each new store.
        seed: Of its music.
        say: Hears what is being done.

    Raises:
        InputError: A folder is no store, or PARTIMENTO_DATA names no packs.
        ToolError: There is no font.
    """
    if folders:
        yield {folder.resolve().name: SoundStore(folder) for folder in folders}
        return
    chosen = font or font_in_wheel()
    if chosen is None:
        raise ToolError("no SoundFont to measure with: expected TimGM6mb.sf2 in pretty_midi, or one named by --font")
    with tempfile.TemporaryDirectory(prefix="partimento-") as scratch:
        stores = {}
        for kind in KINDS:
            say(f"making {minutes:g} minutes of {kind}")
            folder = Path(scratch) / kind
            make_store(folder, fonts=[chosen], split="test", hours=minutes / 60, seed=seed, kind=kind)
            stores[kind] = SoundStore(folder)
        yield stores
