"""The verbs of this room, ``partimento corpora ...``; what they need is loaded when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpora.console import doing, print_json, print_records, print_table
from corpora.options import JsonFlag
from corpora.process import EXIT_MISTAKE

__all__ = ["add_commands"]


def corpora_list(as_json: JsonFlag = False) -> None:
    """List the packs: what each holds, its licence, and how it is split."""
    from corpora.datasets.packs import corpora_list as records

    print_records(records(), as_json)


def corpora_verify(as_json: JsonFlag = False) -> None:
    """Compare every file of every pack with the checksum in its manifest; status 2 when one differs."""
    from corpora.datasets.packs import corpora_verify as records

    with doing("comparing checksums"):
        found = records()
    print_records(found, as_json)
    if not all(record.whole for record in found):
        raise typer.Exit(EXIT_MISTAKE)


def corpora_stats(
    notes: Annotated[bool, typer.Option("--notes", help="Also read every score and count its notes (minutes).")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Count files, works, composers and bytes of every pack and split."""
    from corpora.datasets.packs import corpora_stats as records

    with doing("counting"):
        found = records(notes=notes)
    print_records(found, as_json)


def corpora_store(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the store goes.", show_default=False)],
    pack: Annotated[
        list[str] | None, typer.Option("--pack", help="A pack; may be repeated; all when neither packs nor folders are named.")
    ] = None,
    scores: Annotated[
        list[Path] | None, typer.Option("--folder", help="A folder of score files, with all its folders; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many files of each, a random sample; 0 takes all.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Batches of files read at the same time by threads.")] = 2,
    engine: Annotated[str, typer.Option(help="threads, or ray for all cores of a machine or cluster.")] = "threads",
    as_json: JsonFlag = False,
) -> None:
    """Read packs or folders of scores once into memory-mapped tables of notes, from which models are trained."""
    from corpora.datasets.note_store import build_store
    from corpora.datasets.packs import list_packs

    folders = scores or []
    packs = pack or ([] if folders else [found.name for found in list_packs()])
    limits = dict.fromkeys([*packs, *(path.resolve().name for path in folders)], limit) if limit else None
    with doing("reading scores"):
        figures = build_store(folder, packs, folders=folders, limits=limits, workers=workers, engine=engine)
    if as_json:
        print_json(figures)
    else:
        print_table(("source", "pieces", "notes", "refused"), [(name, *map(str, row.values())) for name, row in figures.items()])


def add_commands(corpora: typer.Typer) -> None:
    """Add the verbs to ``partimento corpora``."""
    corpora.command(name="list", epilog="Example: partimento corpora list")(corpora_list)
    corpora.command(name="verify", epilog="Example: partimento corpora verify")(corpora_verify)
    corpora.command(name="stats", epilog="Example: partimento corpora stats --notes")(corpora_stats)
    corpora.command(name="store", epilog="Example: partimento corpora store ~/store --pack openscore-lieder --limit 200")(
        corpora_store
    )
