"""The ``train`` and ``evaluate`` verbs of this room; what they need is loaded when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpora.console import print_figures, progress
from corpora.options import EvaluationOut, JsonFlag, Minutes, Model, Resume, RunFolder, Seed, Temperature, TopP

__all__ = ["add_commands"]


def train_compose(
    out: RunFolder,
    store: Annotated[list[Path], typer.Option("--store", help="A folder of 'partimento corpora store'; may be repeated.")],
    start: Annotated[
        str,
        typer.Option("--from", help="A model of the same sizes to begin with, by name or folder."),
    ] = "",
    preset: Annotated[str, typer.Option(help="Sizes: cpu or gpu.")] = "cpu",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that make batches; a GPU wants several.")] = 1,
    attention: Annotated[str, typer.Option(help="skew, sdpa, or flex on a GPU: the same numbers.")] = "skew",
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Less memory for a third more time; the same gradients.")
    ] = False,
    strategy: Annotated[str, typer.Option(help="Of several processes under torchrun: ddp or fsdp.")] = "",
    minutes: Minutes = 10.0,
    seed: Seed = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Train the general model: any score, any question, on the packs of one or more stores."""
    from compose.parallel import is_first
    from compose.runs import run_compose

    figures = run_compose(
        out,
        store,
        minutes,
        preset=preset,
        start=start,
        seed=seed,
        resume=resume,
        workers=workers,
        attention=attention,
        gradient_checkpointing=gradient_checkpointing,
        strategy=strategy,
    )
    if is_first():
        print_figures(figures, as_json)


def train_flat(
    out: RunFolder,
    store: Annotated[list[Path], typer.Option("--store", help="A folder of 'partimento corpora store'; may be repeated.")],
    vocabulary: Annotated[str, typer.Option(help="Whose ids the model reads and writes.")] = "anticipation",
    minutes: Minutes = 10.0,
    seed: Seed = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a model of a flat vocabulary, which infill and continue take by --model FOLDER/model."""
    from compose.runs import run_flat

    print_figures(run_flat(out, store, minutes, vocabulary=vocabulary, seed=seed, resume=resume), as_json)


def train_voices(
    out: RunFolder, minutes: Minutes = 10.0, seed: Seed = 0, resume: Resume = False, as_json: JsonFlag = False
) -> None:
    """Train the benchmark model of the JSB chorales: four voices on a grid of sixteenths."""
    from compose.runs import run_voices

    print_figures(run_voices(out, minutes, seed=seed, resume=resume), as_json)


def train_chorale(
    out: RunFolder, minutes: Minutes = 10.0, seed: Seed = 0, resume: Resume = False, as_json: JsonFlag = False
) -> None:
    """Train the model that infill and continue use, on the Bach chorales of music21 in all keys."""
    from compose.runs import run_chorale

    print_figures(run_chorale(out, minutes, seed=seed, resume=resume), as_json)


def evaluate_jsb(model: Model = "voices", as_json: JsonFlag = False) -> None:
    """Nats per voice slot on the valid split of the JSB chorales."""
    from compose.evaluate import evaluate_jsb as evaluate

    print_figures(evaluate(model), as_json)


def evaluate_chorale(
    model: Model = "chorale",
    pieces: Annotated[int, typer.Option(min=1, help="How many held-out chorales.")] = 50,
    seed: Seed = 0,
    as_json: JsonFlag = False,
) -> None:
    """Rewrite inner voices of held-out chorales: pitch accuracy, voice leading beside Bach's, memorised runs."""
    from compose.evaluate import evaluate_chorale as evaluate

    print_figures(evaluate(model, pieces=pieces, seed=seed), as_json)


def evaluate_roundtrip(
    vocabulary: Annotated[str, typer.Option(help="measured, anticipation or voices.")] = "measured",
    pieces: Annotated[int, typer.Option(min=1, help="How many pieces of the packs.")] = 200,
    seed: Seed = 0,
    as_json: JsonFlag = False,
) -> None:
    """Encode and decode a sample of the packs: what is lost, and whether the report names it."""
    from compose.evaluate import evaluate_roundtrip as evaluate

    print_figures(evaluate(vocabulary, pieces=pieces, seed=seed), as_json)


def evaluate_compose(
    model: Model = "general",
    pieces: Annotated[int, typer.Option(min=1, help="Test pieces of each pack.")] = 6,
    store: Annotated[list[Path] | None, typer.Option("--store", help="Training data, to look for memorised runs.")] = None,
    seed: Seed = 0,
    temperature: Temperature = 0.7,
    top_p: TopP = 0.9,
    output: EvaluationOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Likelihood and infills of the packs' test splits: by field, by task, beside a copy and a retrieval."""
    from compose.evaluate_general import evaluate_compose as evaluate
    from compose.evaluation_output import tell_evaluation
    from compose.evaluation_tables import compose_sections
    from compose.sampler import SamplerSettings

    settings = SamplerSettings(temperature=temperature, top_p=top_p)
    with progress() as say:
        figures = evaluate(model, pieces=pieces, stores=store or (), seed=seed, settings=settings, say=say)
    tell_evaluation(compose_sections(figures), figures, output, as_json)


def add_commands(train: typer.Typer, evaluate: typer.Typer) -> None:
    """Add this room's verbs to the command line; those that write music also engrave and play it, and are ``partimento``'s own.

    Args:
        train: ``train compose``, ``flat``, ``voices`` and ``chorale``.
        evaluate: ``evaluate jsb``, ``chorale``, ``roundtrip`` and ``compose``.
    """
    train.command(name="compose", epilog="Example: partimento train compose --store ~/store --minutes 100 --out runs/general")(
        train_compose
    )
    train.command(name="flat", epilog="Example: partimento train flat --vocabulary anticipation --store ~/store --out runs/flat")(
        train_flat
    )
    train.command(name="voices", epilog="Example: partimento train voices --minutes 30 --out runs/voices")(train_voices)
    train.command(name="chorale", epilog="Example: partimento train chorale --minutes 30 --out runs/chorale")(train_chorale)
    evaluate.command(name="jsb", epilog="Example: partimento evaluate jsb --model voices")(evaluate_jsb)
    evaluate.command(name="chorale", epilog="Example: partimento evaluate chorale --pieces 50")(evaluate_chorale)
    evaluate.command(name="roundtrip", epilog="Example: partimento evaluate roundtrip --vocabulary measured --pieces 200")(
        evaluate_roundtrip
    )
    evaluate.command(name="compose", epilog="Example: partimento evaluate compose --pieces 6 --store ~/store")(evaluate_compose)
