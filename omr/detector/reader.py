"""A detector that has been trained, as reader of straightened systems: ``SignReader``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corpora.checkpoints import StoreAs, find_weights, load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError
from omr.detector.model import Detector, DetectorConfig
from omr.detector.octave_clefs import with_octave_clefs
from omr.detector.peaks import read_signs
from omr.detector.second_stems import with_second_stems
from omr.signs import Signs

__all__ = ["DEFAULT_WEIGHTS", "SignReader", "load_sign_reader"]

DEFAULT_WEIGHTS = "signs"
KIND = "signs"


class SignReader:
    """Finds the signs of systems.

    Args:
        model: In evaluation mode.
        name: For reports.

    Example:
        >>> reader = SignReader(Detector(DetectorConfig.tiny()).eval())
        >>> len(reader.read(np.full((160, 400), 255, dtype=np.uint8), 12, (24.0, 96.0), np.zeros(1, dtype=np.float32)))
        0
    """

    def __init__(self, model: Detector, name: str = "") -> None:
        self.model, self.name = model, name

    def read(
        self, image: NDArray[np.uint8], interline_px: int | float, origin_px: tuple[float, float], middle_lines: NDArray[np.float32]
    ) -> Signs:
        """The signs of a straight system, in order of ``x``; rows of ``SIGN_DTYPE``.

        Args:
            image: Grey, 255 white.
            interline_px: Its pixels between staff lines.
            origin_px: The left end of the middle line of the first staff, ``(x, y)``.
            middle_lines: ``y`` of the staves' middle lines in spaces, the first 0.
        """
        scale = self.model.config.interline_px / interline_px
        size = max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)
        signs = read_signs(self.model, small, (origin_px[0] * scale, origin_px[1] * scale), middle_lines)
        signs = with_second_stems(signs, image, interline_px, origin_px)
        return with_octave_clefs(signs, image, interline_px, origin_px, middle_lines)

    def save_pretrained(self, folder: str | Path, card: str, about: dict[str, Any], store_as: StoreAs = "fp16") -> None:
        """Write weights, config and model card as a checkpoint folder.

        Args:
            folder: Where to.
            card: Text of the model card.
            about: How it was trained, as JSON values; kept in the config.
            store_as: Form of the numbers.

        Raises:
            CheckpointError: As ``corpora.checkpoints.save_checkpoint``.
        """
        config = {"kind": KIND, "model": self.model.config.to_dict(), "about": about}
        save_checkpoint(folder, self.model.state_dict(), config, card, store_as=store_as)

    @classmethod
    def from_pretrained(cls, name: str | Path = DEFAULT_WEIGHTS) -> SignReader:
        """By the name of weights that come with the package, or from a folder.

        Raises:
            CheckpointError: Not there, or weights and config do not fit.
        """
        checkpoint = load_checkpoint(find_weights(name))
        if checkpoint.config.get("kind") != KIND:
            raise CheckpointError(f"{name}: config.json says kind {checkpoint.config.get('kind')!r}, expected {KIND!r}")
        try:
            model = Detector(DetectorConfig.from_dict(checkpoint.config["model"]))
            model.load_state_dict(checkpoint.tensors)
        except (TypeError, ValueError, KeyError, RuntimeError) as error:
            raise CheckpointError(f"{name}: weights and config do not fit: {error}") from None
        return cls(model.eval(), str(name))


@lru_cache(maxsize=2)
def load_sign_reader(name: str = DEFAULT_WEIGHTS) -> SignReader:
    """``SignReader.from_pretrained``, kept."""
    return SignReader.from_pretrained(name)
