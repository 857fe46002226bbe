"""Training runs as commands: a folder for the run, the data, the training, and at the end a checkpoint with its model card.

A run's folder holds ``state.pt`` and ``curve.jsonl`` (``compose.training``) and, once it is done, ``model/``, a checkpoint that
``--model FOLDER/model`` takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compose.flat_layouts import LAYOUTS
from compose.flat_model import FlatModel
from compose.measured_model import MeasuredModel
from compose.models import MeasuredComposer, load_model, save_model
from compose.music_transformer import ATTENTION_BACKENDS
from compose.parallel import is_first
from compose.run_folder import check_run_folder
from compose.train_chorale import CHORALE_CONFIG, train_chorale
from compose.train_compose import CPU_CONFIG, GPU_CONFIG, train_compose
from compose.train_flat import flat_config, train_flat
from compose.train_voices import train_voices
from compose.training import TrainingPlan
from compose.voices_model import VoicesModel
from corpora.datasets.chorales import bach_chorales
from corpora.datasets.note_store import NoteStore
from corpora.errors import RequestError

__all__ = ["run_chorale", "run_compose", "run_flat", "run_voices"]

CARD = """# {title}

{what}

| | |
|---|---|
| data | {data} |
| split | {split} |
| training | {minutes:g} minutes, seed {seed} |
| command | `partimento train {verb} --minutes {minutes:g} --seed {seed}` |
| licence of the weights | Apache-2.0 |

## Figures on the held-out split

| figure | value |
|---|---|
{figures}
"""


def _finish(folder: Path, model: MeasuredModel | VoicesModel | FlatModel, figures: dict[str, float], **card: Any) -> dict[str, Any]:
    rows = "\n".join(f"| {name.replace('_', ' ')} | {value} |" for name, value in figures.items())
    if is_first():
        save_model(folder / "model", model, CARD.format(figures=rows, **card))
    return {"model": str(folder / "model"), "parameters": sum(p.numel() for p in model.parameters()), **figures}


def run_voices(folder: Path, minutes: float, *, seed: int = 0, resume: bool = False) -> dict[str, Any]:
    """Train the JSB benchmark model.

    Args:
        folder: Of the run; made when missing.
        minutes: Wall time of the whole run, over all resumes.
        seed: Of weights and batches.
        resume: Go on with the run in the folder.

    Returns:
        JSON values: where the checkpoint is, and its figures on the valid split.

    Raises:
        RequestError: The folder holds a run and ``resume`` is false, or the other way round.
        InputError: PARTIMENTO_DATA does not name the folder of the data.
    """
    check_run_folder(folder, resume=resume)
    model, figures = train_voices(folder, minutes, seed)
    return _finish(
        folder,
        model,
        figures,
        title="voices: JSB chorales on a grid of sixteenths",
        what="Predicts soprano, alto, tenor and bass of each sixteenth in turn.",
        data="JSB chorales, sixteenth grid (`jsb-chorales-16th.json`)",
        split="its own train and valid",
        verb="voices",
        minutes=minutes,
        seed=seed,
    )


PRESETS = {"cpu": CPU_CONFIG, "gpu": GPU_CONFIG}
FIRST_RATE, FURTHER_RATE = 4e-3, 2e-3  # from random weights; from trained ones


def run_compose(
    folder: Path,
    stores: Sequence[Path],
    minutes: float,
    *,
    preset: str = "cpu",
    start: str = "",
    seed: int = 0,
    resume: bool = False,
    workers: int = 1,
    attention: str = "skew",
    gradient_checkpointing: bool = False,
    strategy: str = "",
) -> dict[str, Any]:
    """Train the general model; arguments, value and errors as ``run_voices``, and:

    Args:
        folder, minutes, seed, resume: As ``run_voices``.
        stores: Folders of note stores (``partimento corpora store``).
        preset: "cpu" or "gpu": sizes.
        start: Name or folder of a model of the same sizes to begin with; random weights when empty.
        workers: Processes that make batches.
        attention: Back end of ``compose.music_transformer``.
        gradient_checkpointing, strategy: See ``TrainingPlan``.

    Raises:
        RequestError: As ``run_voices``; the model to begin with is of another kind or size; or the preset, back end or strategy is
            unknown, or cannot be had here.
        ToolError: Several processes without Lightning Fabric.
    """
    if preset not in PRESETS:
        raise RequestError(f"preset '{preset}' is not known: expected one of {', '.join(PRESETS)}")
    if attention not in ATTENTION_BACKENDS:
        raise RequestError(f"attention '{attention}' is not known: expected one of {', '.join(ATTENTION_BACKENDS)}")
    check_run_folder(folder, resume=resume)
    packs = sorted({piece.pack for store in stores for piece in NoteStore(store).pieces})
    composer = load_model(start) if start else None
    if composer is not None and not isinstance(composer, MeasuredComposer):
        raise RequestError(f"model '{start}' is not a measured model: training cannot begin with it")
    plan = TrainingPlan(
        minutes=minutes,
        learning_rate=FURTHER_RATE if start else FIRST_RATE,
        averaging=0.99,
        bfloat16=True,
        muon=True,
        evaluate_every_s=900.0,
        gradient_checkpointing=gradient_checkpointing,
        strategy=strategy,
    )
    model, figures = train_compose(
        folder,
        [str(store) for store in stores],
        plan,
        seed,
        PRESETS[preset],
        start=composer.model if composer else None,
        workers=workers,
        backend=attention,
    )
    return _finish(
        folder,
        model,
        figures,
        title="general: missing notes of any score",
        what="Writes notes into a region of any score, seeing what surrounds it, in the `measured` vocabulary.",
        data=f"the train splits of {', '.join(packs)} (CC0 1.0 and CC BY 4.0) and the Bach chorales of music21",
        split="by work, as in the packs' manifests; the pieces of the JSB valid and test sets are left out",
        verb=f"compose --preset {preset}{f' --from {start}' if start else ''}",
        minutes=minutes,
        seed=seed,
    )


def run_flat(
    folder: Path, stores: Sequence[Path], minutes: float, *, vocabulary: str = "anticipation", seed: int = 0, resume: bool = False
) -> dict[str, Any]:
    """Train a model of a flat vocabulary; arguments, value and errors as ``run_voices``, and:

    Args:
        folder, minutes, seed, resume: As ``run_voices``.
        stores: Folders of note stores (``partimento corpora store``).
        vocabulary: Whose ids it reads and writes, one of ``compose.flat_layouts.LAYOUTS``.
    """
    if vocabulary not in LAYOUTS:
        raise RequestError(f"vocabulary '{vocabulary}' has no flat model: expected one of {', '.join(sorted(LAYOUTS))}")
    check_run_folder(folder, resume=resume)
    packs = sorted({piece.pack for store in stores for piece in NoteStore(store).pieces})
    plan = TrainingPlan(minutes=minutes, bfloat16=True, evaluate_every_s=600.0)
    model, figures = train_flat(folder, [str(store) for store in stores], plan, flat_config(vocabulary), seed)
    return _finish(
        folder,
        model,
        figures,
        title=f"flat: any music, in the `{vocabulary}` vocabulary",
        what=f"Writes notes into a region of any piece, in the `{vocabulary}` vocabulary.",
        data=f"the train splits of {', '.join(packs)} (CC0 1.0 and CC BY 4.0) and the Bach chorales of music21",
        split="by work, as in the packs' manifests; the pieces of the JSB valid and test sets are left out",
        verb=f"flat --vocabulary {vocabulary}",
        minutes=minutes,
        seed=seed,
    )


def run_chorale(folder: Path, minutes: float, *, seed: int = 0, resume: bool = False) -> dict[str, Any]:
    """Train the model that infill and continue use; arguments, value and errors as ``run_voices``."""
    check_run_folder(folder, resume=resume)
    pieces = [chorale.piece for chorale in bach_chorales("train")]
    held_out = [chorale.piece for chorale in bach_chorales("valid")]
    model, figures = train_chorale(folder, minutes, pieces, held_out, seed, CHORALE_CONFIG)
    return _finish(
        folder,
        model,
        figures,
        title="chorale: missing voices and bars of four-part chorales",
        what="Writes notes into a region of a piece, seeing what surrounds it, in the `measured` vocabulary.",
        data=f"{len(pieces)} Bach chorales of the music21 corpus, in all keys that keep the voices in their ranges",
        split="pieces of the JSB valid and test sets are left out of training",
        verb="chorale",
        minutes=minutes,
        seed=seed,
    )
