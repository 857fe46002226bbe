"""Models by name: weights that come with the package, or a folder of the user's own, loaded once and kept.

A checkpoint's ``config.json`` says which kind of model it is (``"kind": "measured"``, ``"voices"`` or ``"flat"``); each kind brings
the writer and the scorer that put it to work. ``random`` is a model without weights for every kind: the worst there is, for tests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

from compose.anticipation_scorer import AnticipationScorer
from compose.canvas import Canvas
from compose.constraints.base import Constraint
from compose.constraints.instruments import instrument_of
from compose.flat_model import FlatModel, FlatModelConfig
from compose.flat_step import FlatStep
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.measured_scorer import MeasuredScorer
from compose.measured_step import MeasuredStep
from compose.performance_scorer import PerformanceScorer
from compose.remi_scorer import RemiScorer
from compose.request import is_monophonic
from compose.sampler import Scorer
from compose.voices_model import VoicesModel, VoicesModelConfig
from compose.voices_scorer import VoicesScorer
from compose.writers.anticipation import AnticipationWriter
from compose.writers.base import Writer
from compose.writers.measured import MeasuredWriter
from compose.writers.performance import PerformanceWriter
from compose.writers.remi import RemiWriter
from compose.writers.voices import VoicesWriter
from corpora.checkpoints import find_weights, load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError
from corpora.piece import Piece

__all__ = ["AUTO", "Composer", "FlatComposer", "MeasuredComposer", "VoicesComposer", "choose_model", "load_model", "save_model"]

AUTO = "auto"  # the name that stands for ``choose_model``
CHOIR = {"soprano", "alto", "tenor", "bass"}


class Composer(ABC):
    """A model with the writer and scorer that put it to work."""

    name: str

    @abstractmethod
    def open(self, canvas: Canvas, constraints: Sequence[Constraint]) -> tuple[Writer, Scorer]:
        """A writer on this canvas and the scorer beside it."""


class MeasuredComposer(Composer):
    """A ``measured`` model: any piece."""

    def __init__(self, name: str, model: MeasuredModel) -> None:
        self.name = name
        self.model = model.eval()
        self.step = MeasuredStep(model)

    def open(self, canvas: Canvas, constraints: Sequence[Constraint]) -> tuple[Writer, Scorer]:
        writer = MeasuredWriter(canvas, constraints, hints=self.model.config.hints)
        return writer, MeasuredScorer(self.step, writer)


class VoicesComposer(Composer):
    """A ``voices`` model: four monophonic parts on a grid of sixteenths; it does not see what comes after the region."""

    def __init__(self, name: str, model: VoicesModel) -> None:
        self.name = name
        self.model = model.eval()

    def open(self, canvas: Canvas, constraints: Sequence[Constraint]) -> tuple[Writer, Scorer]:
        writer = VoicesWriter(canvas, constraints)
        return writer, VoicesScorer(self.model, writer)


FLAT: dict[str, tuple[Any, Any]] = {  # writer and scorer of each flat vocabulary
    "anticipation": (AnticipationWriter, AnticipationScorer),
    "performance": (PerformanceWriter, PerformanceScorer),
    "remi": (RemiWriter, RemiScorer),
}


class FlatComposer(Composer):
    """A model of a flat vocabulary: any piece."""

    def __init__(self, name: str, model: FlatModel) -> None:
        self.name = name
        self.model = model.eval()
        self.step = FlatStep(model)

    def open(self, canvas: Canvas, constraints: Sequence[Constraint]) -> tuple[Writer, Scorer]:
        writer_type, scorer_type = FLAT[self.model.config.vocabulary]
        writer: Writer = writer_type(canvas, constraints)
        scorer: Scorer = scorer_type(self.step, writer)
        return writer, scorer


KINDS: dict[str, tuple[Any, Any, Any]] = {
    "measured": (MeasuredModelConfig, MeasuredModel, MeasuredComposer),
    "voices": (VoicesModelConfig, VoicesModel, VoicesComposer),
    "flat": (FlatModelConfig, FlatModel, FlatComposer),
}


def save_model(folder: Path, model: MeasuredModel | VoicesModel | FlatModel, card: str, store_as: Any = "int8") -> None:
    """Write weights, config and model card as a checkpoint folder."""
    kind = next(name for name, (_, model_type, _) in KINDS.items() if isinstance(model, model_type))
    save_checkpoint(folder, model.state_dict(), {"kind": kind, **model.config.to_dict()}, card, store_as=store_as)


def choose_model(piece: Piece) -> str:
    """The shipped model for a piece: "chorale" for four voices of a choir, one note at a time in each; "general" for all else."""
    voices = {instrument_of(part) for part in piece.parts}
    if len(piece.parts) == len(CHOIR) and voices == CHOIR and all(is_monophonic(piece, lane) for lane in range(len(CHOIR))):
        return "chorale"
    return "general"


@lru_cache(maxsize=4)
def load_model(name: str) -> Composer:
    """The model of this name or in this folder, ready to write.

    Raises:
        CheckpointError: Not there, or weights and config do not fit.
    """
    checkpoint = load_checkpoint(find_weights(name))
    config = dict(checkpoint.config)
    kind = config.pop("kind", None)
    if kind not in KINDS:
        raise CheckpointError(f"{name}: config.json says kind {kind!r}, expected one of {', '.join(KINDS)}")
    config_type, model_type, composer_type = KINDS[kind]
    try:
        model: nn.Module = model_type(config_type.from_dict(config), backend="sdpa")
        model.load_state_dict(checkpoint.tensors)
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{name}: weights and config do not fit: {error}") from None
    composer: Composer = composer_type(name, model)
    return composer
