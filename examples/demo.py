"""The main job on two chorales: ``make demo``, or ``python examples/demo.py``.

Rewrites alto and tenor of some bars under constraints and writes, for each chorale, a folder in ``demo/`` with scores, MIDI,
pictures and sound of before and after, a piano roll, and ``demo/report.json``. Then the sound of the result is transcribed back to
MIDI, a score and a picture, and its engraved page is read back to a score and played from what was read. One chorale is a setting
of our own (``examples/old-hundredth.musicxml``), one is Bach's, out of the music21 package and not among those that the model
learned from.
"""

import importlib.util
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from compose.infilling import Infill, Request, infill
from compose.notation.reading import read_written
from corpora.atomic import atomic_write
from corpora.errors import ToolError
from corpora.files import read_piece
from corpora.piece import Piece
from corpora.process import exit_status
from omr.evaluation.alignment import count_aligned
from omr.page_files import read_to_files
from omr.read_paths import ReadPaths
from render.engrave import engrave
from render.results import ResultPaths, engraved_change, result_files, write_together
from transcribe.beats.wishes import BeatWishes
from transcribe.listening import transcribe
from transcribe.measures.matching import score_notes
from transcribe.played_midi import heard_of_midi
from transcribe.results import HeardPaths, heard_files
from transcribe.score.notate import notate

HOUSE = Path(__file__).parent.parent
FOLDER = HOUSE / "demo"
PAGE_DPI = 200
PIPE_COLUMNS = 120  # width of a table that nobody watches


@dataclass(frozen=True)
class Task:
    """What to rewrite.

    Args:
        name: Folder of the results.
        score: The piece.
        bars: As printed, first and last.
        constraints: Wishes that must hold.
    """

    name: str
    score: Path
    bars: str
    constraints: tuple[str, ...]
    parts: tuple[str, ...] = ("Alto", "Tenor")
    seed: int = 7


def bach_chorale(number: str) -> Path:
    """A chorale in the installed music21, found without importing it."""
    spec = importlib.util.find_spec("music21")
    if spec is None or spec.origin is None:
        raise ToolError("music21 is not installed: run ./setup")
    return Path(spec.origin).parent / "corpus" / "bach" / f"{number}.mxl"


def tasks() -> list[Task]:
    """The two rewritings of the demonstration."""
    ranges = "range: Alto G3-D5, Tenor C3-G4"
    return [
        Task(
            "old-hundredth",
            HOUSE / "examples" / "old-hundredth.musicxml",
            "5-6",
            ("scale: G major", ranges, "no parallels", "no crossing"),
        ),
        Task("bwv269", bach_chorale("bwv269"), "5-8", ("scale: G major", ranges, "no parallels", "no crossing", "grid: 1/8")),
    ]


def untouched(before: Piece, after: Piece) -> str:
    """In words how many measures of the file were rewritten; all that is between the others is equal byte for byte."""
    assert before.source is not None
    assert after.source is not None
    old, new = (re.split(rb"(?=<measure[ >])", piece.source.data) for piece in (before, after) if piece.source)
    if len(old) != len(new):
        raise AssertionError(f"{len(old) - 1} measures before, {len(new) - 1} after")
    changed = sum(left != right for left, right in zip(old, new, strict=True))
    return f"{changed} of {len(old) - 1} measures rewritten, the rest is equal byte for byte"


def save(task: Task, before: Piece, answer: Infill) -> list[Path]:
    """Write all files of one task together."""
    folder = FOLDER / task.name
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[Path, bytes] = {}
    for stage, piece, other in (("before", before, answer.piece), ("after", answer.piece, before)):
        paths = ResultPaths(score=folder / f"{stage}.musicxml", midi=folder / f"{stage}.mid", audio=folder / f"{stage}.flac")
        files |= result_files(other, piece, paths)
        colour = {} if stage == "after" else {"colour": None}
        files[folder / f"{stage}.png"] = engraved_change(piece, other, ".png", **colour)
    files |= result_files(before, answer.piece, ResultPaths(piano_roll=folder / "piano-roll.png"))
    write_together(files)
    return list(files)


def hear_back(folder: Path, played: Piece) -> dict[str, Any]:
    """Transcribe the sound of a result to MIDI, a score and a picture beside it, and count how many of its notes were heard."""
    sound = folder / "after.flac"
    bar = played.measures[len(played.measures) // 2]
    known = BeatWishes(meter=(int(bar["beats"]), int(bar["beat_type"])))  # a choir and its meter: what a listener would say
    heard = transcribe(sound, instruments="voice", beats=known)
    notation = notate(heard.music)
    paths = HeardPaths(midi=folder / "heard.mid", score=folder / "heard.musicxml", image=folder / "heard.png")
    files = heard_files(heard.music, notation, heard.beat_logits, heard.model, paths)
    write_together(files)
    score = score_notes(heard_of_midi(played).notes, heard.music.notes)
    return {
        "sound": sound.relative_to(HOUSE).as_posix(),
        "notes": score.reference,
        "onset_f1": round(score.f1, 4),
        "meter": heard.report()["meter"],
        "work_s": round(heard.work_s, 2),
        "files": [path.relative_to(HOUSE).as_posix() for path in files],
    }


def read_back(folder: Path, musicxml: bytes) -> dict[str, Any]:
    """Read the engraved pages of a score to a score, a performance and pictures of what was read; count what came back."""
    pages = []
    for number, picture in enumerate(engrave(musicxml, dpi=PAGE_DPI).png, 1):
        pages.append(folder / f"page-{number}.png")
        atomic_write(pages[-1], picture)
    paths = ReadPaths(score=folder / "read.musicxml", audio=folder / "read.flac", overlay=folder / "read.png")
    printed = read_written(musicxml)
    report = read_to_files(pages, paths)
    counts, _ = count_aligned(printed, read_written(paths.score.read_bytes()))
    return {
        "notes": counts.wanted,
        "note_f1": round(counts.f1, 4),
        "bars": counts.bars,
        "bars_exact": counts.exact,
        "mean_probability": report["mean_probability"],
        "files": [path.relative_to(HOUSE).as_posix() for path in (*pages, *map(Path, report["files"]))],
    }


def main() -> None:
    """Do both tasks and show what was asked and what holds."""
    started = time.perf_counter()
    progress = Console(stderr=True)
    table = Table(title="What was asked, and what holds", title_justify="left")
    for column in ("piece", "asked", "holds", "measured"):
        table.add_column(column, overflow="fold")
    reports: list[dict[str, Any]] = []
    for task in tasks():
        progress.print(f"{task.name}: bars {task.bars}, {' and '.join(task.parts)}")
        before = read_piece(task.score)
        request = Request(before, region=task.bars, parts=task.parts, constraints=task.constraints, seed=task.seed)
        (answer,) = infill(request)
        kept = untouched(before, answer.piece)
        files = save(task, before, answer)
        named = [path.relative_to(HOUSE).as_posix() for path in files]
        reports.append({"piece": task.name, "bars": task.bars, "untouched": kept, **answer.report(), "files": named})
        label = f"{task.name}, bars {task.bars}\n{', '.join(task.parts)}"
        for asked in answer.satisfied:
            table.add_row(label, asked.constraint, "yes" if asked.satisfied else "no", asked.measured)
            label = ""
        table.add_row("", "every other byte of the file", "yes", kept)
        progress.print(f"{task.name}: listening to its own sound")
        back = reports[-1]["heard_back"] = hear_back(FOLDER / task.name, answer.piece)
        told = f"{100 * back['onset_f1']:.0f} % of {back['notes']} notes (F1); told: voices, {back['meter']}"
        table.add_row("", "its sound, transcribed back", "", told)
        progress.print(f"{task.name}: reading its own page")
        assert answer.piece.source is not None  # it was read from a file
        seen = reports[-1]["read_back"] = read_back(FOLDER / task.name, answer.piece.source.data)
        exact = f"{seen['bars_exact']} of {seen['bars']} bars exact"
        read = f"{100 * seen['note_f1']:.0f} % of {seen['notes']} notes (F1), {exact}"
        table.add_row("", "its page, read back", "", read, end_section=True)
    atomic_write(FOLDER / "report.json", json.dumps(reports, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)
    print(f"{len(reports)} chorales in {time.perf_counter() - started:.0f} s; scores, pictures, sound and report.json are in demo/")


if __name__ == "__main__":
    sys.exit(exit_status(main, "demo"))
