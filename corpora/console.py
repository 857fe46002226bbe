"""What the command line prints: progress on stderr, reports on stdout, and nothing of a file's text that could move a terminal."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from corpora.process import complain
from corpora.safe_text import safe_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["doing", "print_figures", "print_json", "print_records", "print_table", "progress", "telling"]

PIPE_PAUSE_S = 10.0  # between lines of progress that nobody watches
PIPE_COLUMNS = 120  # width of tables that nobody watches


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Says on stderr what takes time, while a person is there to read it."""
    console = Console(stderr=True)
    with console.status(escape(safe_text(what))) if console.is_terminal else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """As ``doing`` for work that says what it has come to: a line that changes where a person reads, lines elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield complain
        return
    with console.status("") as status:
        yield lambda what: status.update(escape(safe_text(what)))


@contextlib.contextmanager
def telling(name: str) -> Iterator[Callable[[str, float], None]]:
    """Says how far the parts of a long work are: at once where a person reads, now and then elsewhere."""
    pause_s = 0.1 if sys.stderr.isatty() else PIPE_PAUSE_S
    last = time.monotonic()
    with progress() as say:

        def told(what: str, share: float) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= pause_s:
                last = now
                say(f"{what} {name}: {share:.0%}")

        yield told


def print_json(report: Any) -> None:
    """A report as JSON."""
    print(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table; what is in the cells is made safe."""
    table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(safe_text(str(cell), 400)) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)


def print_records(records: Sequence[DataclassInstance], as_json: bool) -> None:
    """Small dataclasses of one kind as a table, or as JSON."""
    dicts = [asdict(record) for record in records]
    if as_json:
        print_json(dicts)
    elif dicts:
        print_table([name.replace("_", " ") for name in dicts[0]], [list(entry.values()) for entry in dicts])


def print_figures(figures: Mapping[str, Any], as_json: bool) -> None:
    """Figures by name, as a table or as JSON."""
    if as_json:
        print_json(dict(figures))
    else:
        print_table(("figure", "value"), [(name.replace("_", " "), value) for name, value in figures.items()])
