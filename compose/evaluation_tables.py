"""The figures of ``evaluate compose`` as tables for reading: the README shows them as they come from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compose.evaluation_tasks import DRUMS

__all__ = ["PACK_TITLES", "PLAIN_ROWS", "TASK_ROWS", "Section", "compose_sections", "markdown"]

PACK_TITLES = {
    "nifc-chopin-first-editions": "Chopin",
    "nifc-polish-scores": "Polish scores",
    "openscore-lieder": "Lieder",
    "openscore-orchestra": "orchestra",
    "openscore-string-quartets": "quartets",
}
PLAIN_ROWS = (
    ("all", "nats_per_note"),
    ("place or bar line", "next"),
    ("lane", "lane"),
    ("pitch", "pitch"),
    ("duration", "duration"),
    ("bits a second of music", "bits_per_second"),
)
TASKS_TEXT = """\
Infills of four bars (two where all parts go), drawn at {drawn}. Nats per note are of what stood there: with the other parts and
what follows known ahead (controls); as the autoregressive baseline has it, the other parts' notes events like all others,
nothing known ahead, what it costs not to write before them not counted (backfill); with controls that come no earlier than
their time (delta 0); with nothing but what came before (without). Distances are of the shares of pitch classes and of (place,
duration), 0 alike to 1 different; copy puts the bars before in the region, retrieval the passage of training music that fits
best. Bar after: nats per note of the first bar after the region by plain continuation, given what stands in the region. Leaps
are in semitones. Runs (interval and distance) of a written line that stand in the training music, and the share of its runs of
five notes that the nearest line there has: median, maximum."""
DRUMS_TEXT = """
Of drums the keys stand for pitch classes; the originals are made by rule (`compose/grooves.py`), as no pack has any drums."""
LEAPS_TEXT = """\
Steps from onset to onset of a part in these regions, original and model: from highest note to highest note how many, how large in
semitones, and how many are leaps; wide leaps between the nearest notes of the two onsets; and where the number of notes changes."""
LEAP_COLUMNS = (
    ("leaps", "more than a fifth"),
    ("wide_leaps", "more than an octave"),
    ("wide_leaps_nearest", "of nearest notes"),
    ("resized", "number changes"),
)
Cell = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Section:
    """A table and what has to be said about it.

    Args:
        text: Above the table; lines of Markdown.
        columns: Titles, the first that of the rows.
        rows: Cells, as many as there are columns.
    """

    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _numbers(name: str, kinds: Sequence[str], places: int = 2) -> Cell:
    """Figures of some fillings with commas between them."""

    def cell(figures: Mapping[str, Any]) -> str:
        found = figures.get(name, {})
        return ", ".join(f"{found[kind]:.{places}f}" if kind in found else "-" for kind in kinds)

    return cell


def _median_and_maximum(name: str, kind: str, places: int) -> Cell:
    def cell(figures: Mapping[str, Any]) -> str:
        found = figures.get(name, {}).get(kind)
        return f"{found['median']:.{places}f}, {found['max']:.{places}f}" if found else "-"

    return cell


TASK_ROWS: tuple[tuple[str, Cell], ...] = (
    ("tasks, satisfied", lambda figures: f"{figures['tasks']}, {figures['satisfied']}"),
    ("nats per note: with controls", _numbers("nats_per_note", ["with_controls"])),
    ("nats per note: backfill", _numbers("nats_per_note", ["backfill"])),
    ("nats per note: delta 0", _numbers("nats_per_note", ["delta_0"])),
    ("nats per note: without", _numbers("nats_per_note", ["without"])),
    ("pitch classes: model, copy, retrieval", _numbers("pitch_class_distance", ["model", "copy", "retrieval"])),
    ("rhythm: model, copy, retrieval", _numbers("rhythm_distance", ["model", "copy", "retrieval"])),
    ("bar after: original, model", _numbers("nats_per_note_after", ["original", "model"])),
    ("bar after: copy, retrieval", _numbers("nats_per_note_after", ["copy", "retrieval"])),
    ("leap at a join: original, model", _numbers("join_leap", ["original", "model"], 1)),
    ("leap at a join: copy, retrieval", _numbers("join_leap", ["copy", "retrieval"], 1)),
    ("differ between two of eight", lambda figures: _share(figures.get("diversity_of_8", {}).get("model"))),
    ("longest run: model", _median_and_maximum("longest_run", "model", 0)),
    ("longest run: original", _median_and_maximum("longest_run", "original", 0)),
    ("nearest line: model", _median_and_maximum("likeness", "model", 2)),
    ("nearest line: original", _median_and_maximum("likeness", "original", 2)),
)


def _share(value: float | None, places: int = 0) -> str:
    return "-" if value is None else f"{100 * value:.{places}f}%"


def _plain(figures: Mapping[str, Any]) -> Section:
    plain = figures["plain"]
    packs = [pack for pack in figures["pieces"] if pack in plain]
    rows = [
        (title, *(f"{plain[pack][name]:.{0 if name == 'bits_per_second' else 2}f}" for pack in packs)) for title, name in PLAIN_ROWS
    ]
    stores = " --store FOLDER" * figures["stores"]
    count = ", ".join(f"{PACK_TITLES.get(pack, pack)} {number}" for pack, number in figures["pieces"].items())
    text = (
        f"`partimento evaluate compose --pieces {figures['pieces_asked']}{stores}`, model `{figures['model']}`,"
        f" {max(round(figures['processor_seconds'] / 60), 1)} minutes of one core. Pieces of the test splits: {count}.\n"
        "Plain continuation, nats per note:"
    )
    return Section(text, ("", *(PACK_TITLES.get(pack, pack) for pack in packs)), tuple(rows))


def _tasks(figures: Mapping[str, Any]) -> Section:
    tasks = figures["tasks"]
    drawn = f"temperature {figures['temperature']:g} and top_p {figures['top_p']:g}"
    rows = tuple((title, *(cell(row) for row in tasks.values())) for title, cell in TASK_ROWS)
    return Section(TASKS_TEXT.format(drawn=drawn) + DRUMS_TEXT * (DRUMS in tasks), ("", *tasks), rows)


def _leaps(figures: Mapping[str, Any]) -> Section:
    rows = []
    for pack, kinds in figures["leaps"].items():
        both = [kinds[kind] for kind in ("original", "model")]
        rows.append(
            (
                PACK_TITLES.get(pack, pack),
                ", ".join(str(found["steps"]) for found in both),
                ", ".join(f"{found['mean']:.1f}" for found in both),
                *(", ".join(_share(found[name], 1) for found in both) for name, _ in LEAP_COLUMNS),
            )
        )
    return Section(LEAPS_TEXT, ("", "steps", "mean", *(title for _, title in LEAP_COLUMNS)), tuple(rows))


def compose_sections(figures: Mapping[str, Any]) -> tuple[Section, ...]:
    """Tables of what ``evaluate_compose`` gives, in the order of reading."""
    return _plain(figures), _tasks(figures), _leaps(figures)


def markdown(sections: Sequence[Section]) -> str:
    """The sections as they stand between the marks of the README, a line end after the last."""
    blocks = []
    for section in sections:
        head, *rows = (
            "|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|" for row in (section.columns, *section.rows)
        )
        blocks.append("\n".join([section.text, "", head, "|" + "---|" * len(section.columns), *rows]))
    return "\n\n".join(blocks) + "\n"
