"""Sound that a run of training makes for itself: ``TrainingSound``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.errors import RequestError
from transcribe.training_audio.making import make_store

__all__ = ["TrainingSound"]


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

        Raises:
            RequestError: There are no fonts.
        """
        if not fonts:
            raise RequestError(f"expected a store of sound or SoundFonts for the {split} music, got neither")

        def told(share: float) -> None:
            self.say(f"{split} sound: {share:.0%}")

        make_store(folder, fonts=fonts, split=split, hours=hours, seed=self.seed, workers=self.workers, kind=kind, progress=told)
        return folder
