"""Sound that a run of training makes for itself: ``TrainingSound``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.errors import RequestError
from transcribe.training_audio.making import TRAIN, make_store
from transcribe.training_audio.remade_pianos import has_keyboards, make_remade_fonts

__all__ = ["TrainingSound"]

MOST_REMADE = 24  # fonts of pianos that are made for a training store beside those that are given, one for each hour
PIANOS = "pianos"  # where they lie, beside the store


@dataclass(frozen=True)
class TrainingSound:
    """Makes stores of sound for a run.

    Args:
        seed: Of the music.
        workers: Processes.
        say: Hears how far it is.
    """

    seed: int
    workers: int
    say: Callable[[str], None]

    def make(self, folder: Path, fonts: Sequence[Path], split: str, hours: float, kind: str = "mixed") -> Path:
        """The folder, filled; arguments as ``make_store``.

        Pianos that are made of those of the fonts (``transcribe.training_audio.remade_pianos``) play in a training store as well.

        Raises:
            RequestError: There are no fonts.
        """
        if not fonts:
            raise RequestError(f"expected a store of sound or SoundFonts for the {split} music, got neither")
        if split == TRAIN and any(map(has_keyboards, fonts)):
            self.say("making pianos")
            count = min(math.ceil(hours), MOST_REMADE)
            fonts = [*fonts, *make_remade_fonts(fonts, folder.parent / PIANOS, count, seed=self.seed, workers=self.workers)]

        def told(share: float) -> None:
            self.say(f"{split} sound: {share:.0%}")

        make_store(folder, fonts=fonts, split=split, hours=hours, seed=self.seed, workers=self.workers, kind=kind, progress=told)
        return folder
