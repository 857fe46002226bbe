"""``partimento train omr``: a detector from scores of the packs, as a run in a folder.

The folder holds ``pages-train/`` and ``pages-valid/`` (``omr.pages``, unless stores are named), ``state.pt`` and the curve
(``compose.training``), and once it is done ``model/``, a checkpoint that ``--weights FOLDER/model`` takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from compose.curves import read_curve
from compose.run_folder import check_run_folder
from compose.training import TrainingPlan
from corpora.errors import RequestError
from corpora.safe_text import safe_text
from omr.detector.model import Detector
from omr.detector.reader import SignReader
from omr.detector.training import PRESETS, train_detector
from omr.pages.making import make_store
from omr.pages.store import SystemStore

__all__ = ["MODEL_FOLDER", "finish_run", "run_omr"]

LEARNING_RATE = 3e-3
PICTURES = {"tiny": 4, "cpu": 4, "gpu": 48}  # in a batch
VALIDATION_SHARE = 1 / 40  # of the systems that are engraved for training
MODEL_FOLDER = "model"

CARD = """# {name}: the signs of engraved music

The detector of `omr.detector`, preset `{preset}`, {parameters:,} weights: heads, rests, accidentals, clefs, signatures, bar lines
and marks of straightened systems, and of heads duration, dots, stem, beam, grace, ties and slurs.

| | |
|---|---|
| data | {systems} systems of the packs' train split (works kept for evaluation apart), engraved by verovio in {fonts} |
| validation | {held_out} systems of the packs' valid split |
| training | {minutes:g} minutes, {steps} steps, seed {seed} |
| command | `partimento train omr --preset {preset} --minutes {minutes:g} --seed {seed}` |
| licence of the weights | Apache-2.0; the scores are CC0 and CC BY 4.0 (The Fryderyk Chopin Institute) |

Trained on engraved pages alone, printed cleanly and worn by rule; hand-written music is not read.

## Losses on the validation pages (nats a sign)

| figure | value |
|---|---|
{figures}
"""


def run_omr(
    folder: Path,
    minutes: float,
    *,
    preset: str = "cpu",
    systems: int = 4000,
    stores: Sequence[Path] = (),
    validation: Path | None = None,
    seed: int = 0,
    workers: int = 2,
    resume: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Engrave pages, train, and write the checkpoint.

    Args:
        folder: Of the run; made when missing.
        minutes: Wall time of the training, over all resumes; engraving comes before.
        preset: In ``PRESETS``.
        systems: To engrave for training, where there is no store.
        stores: Stores of pages that are there already.
        validation: Likewise for validation.
        seed: Of weights, crops and pages.
        workers: Processes that engrave, and make batches.
        resume: Go on with the run in the folder.
        say: Hears what is being done.

    Returns:
        JSON values: where the checkpoint is, its size and its losses.

    Raises:
        RequestError: No such preset; or the folder holds a run and ``resume`` is false, or the other way round.
        InputError: A store cannot be used, or PARTIMENTO_DATA names no packs.
    """
    if preset not in PRESETS:
        raise RequestError(f"preset '{safe_text(preset)}' is not known: expected one of {', '.join(PRESETS)}")
    check_run_folder(folder, resume=resume)
    told = say or (lambda what: None)

    def made(name: str, split: str, count: int) -> Path:
        def share_done(share: float) -> None:
            told(f"{split} pages: {share:.0%}")

        make_store(folder / name, count=count, split=split, seed=seed, workers=workers, progress=share_done)
        return folder / name

    learned = list(stores) or [made("pages-train", "train", systems)]
    held_out = validation or made("pages-valid", "valid", max(round(systems * VALIDATION_SHARE), 1))
    told("training")
    plan = TrainingPlan(
        minutes=minutes,
        learning_rate=LEARNING_RATE,
        weight_decay=0.01,
        averaging=0.9985,
        evaluate_every_s=600.0,
        bfloat16=preset == "gpu",
    )
    model, figures = train_detector(
        folder, learned, held_out, plan, PRESETS[preset], seed=seed, batch=PICTURES[preset], workers=workers
    )
    return finish_run(folder, model, figures, learned, held_out, preset=preset, minutes=minutes, seed=seed)


def finish_run(
    folder: Path,
    model: Detector,
    figures: dict[str, float],
    stores: Sequence[Path],
    validation: Path,
    *,
    preset: str,
    minutes: float,
    seed: int,
) -> dict[str, Any]:
    """Write the checkpoint of a trained model; arguments as ``run_omr``."""
    learned = [SystemStore(store) for store in stores]
    parameters = sum(weight.numel() for weight in model.parameters())
    about = {"preset": preset, "minutes": minutes, "seed": seed, "losses": figures}
    card = CARD.format(
        name="signs",
        preset=preset,
        parameters=parameters,
        systems=f"{sum(len(store) for store in learned):,}",
        fonts=", ".join(sorted({system.font for store in learned for system in store.systems})),
        held_out=len(SystemStore(validation)),
        minutes=minutes,
        steps=max((int(line["step"]) for line in read_curve(folder)), default=0),
        seed=seed,
        figures="\n".join(f"| {name.replace('_', ' ')} | {value} |" for name, value in figures.items()),
    )
    SignReader(model.eval()).save_pretrained(folder / MODEL_FOLDER, card, about)
    return {"model": str(folder / MODEL_FOLDER), "parameters": parameters, **figures}
