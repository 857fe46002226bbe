"""The verb ``fit``: a score and a recording, as files, to a MIDI file and a report, written together or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.audio import read_audio
from corpora.files import read_piece
from render.fit.fitting import fit_performance
from render.fit.result import Fit, NoteFit
from render.output_paths import check_output
from render.results import write_together

__all__ = ["FIT_COLUMNS", "FittedFiles", "fit_files"]

MIDI_SUFFIXES, REPORT_SUFFIXES = (".mid", ".midi"), (".json",)
FIT_COLUMNS = ("part", "notes", "gain (dB)", "velocities told", "mean change", "onsets told", "mean shift (ms)")


@dataclass(frozen=True, eq=False)
class FittedFiles:
    """What the verb made.

    Args:
        fit: The fit.
        files: What was written.
    """

    fit: Fit
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {**self.fit.to_dict(), "files": [str(path) for path in self.files]}

    def title(self) -> str:
        """The fit in one line."""
        fit = self.fit
        return (
            f"{len(fit.notes)} notes, tuning {fit.tuning_cents:+.1f} cents, loss {fit.loss_before:.2f} before and"
            f" {fit.loss_after:.2f} after, {fit.likeness:.2f} like the recording, {fit.fit_s:.0f} s"
        )

    def rows(self) -> list[tuple[object, ...]]:
        """A row of ``FIT_COLUMNS`` for each part."""
        return [
            (name, *_row([note for note in self.fit.notes if note.part == name], gain))
            for name, gain in self.fit.part_gains_db.items()
        ]


def _row(notes: list[NoteFit], gain_db: float) -> tuple[object, ...]:
    told = [note for note in notes if note.velocity_is_told]
    placed = [note for note in notes if note.onset_is_told]
    change = sum(abs(note.velocity - note.score_velocity) for note in told) / max(len(told), 1)
    shift = sum(note.shift_ms for note in placed) / max(len(placed), 1)
    return len(notes), f"{gain_db:+.1f}", len(told), f"{change:.1f}", len(placed), f"{shift:+.1f}"


def fit_files(
    score: Path,
    recording: Path,
    out: Path,
    *,
    report: Path | None = None,
    font: Path | None = None,
    told: Callable[[str, float], None] | None = None,
) -> FittedFiles:
    """Fit a score to a recording and write the performance.

    Args:
        score: Any file that ``corpora.files.read_piece`` reads.
        recording: A sound file.
        out: A .mid file for the performance.
        report: A .json file for the report of each note.
        font: A .sf2 or .sf3 file.
        told: Hears what is being done.

    Raises:
        InputError: A file cannot be read; else as ``fit_performance``.
        RequestError: A suffix is another, or there is no such folder; else as ``fit_performance``.
        ToolError: As ``fit_performance``.
    """
    check_output(out, MIDI_SUFFIXES, "performance")
    if report is not None:
        check_output(report, REPORT_SUFFIXES, "report")
    piece, audio = read_piece(score), read_audio(recording)
    fit = fit_performance(piece, audio, font=font, name=score.name, told=told)
    files = {out: fit.to_midi()}
    if report is not None:
        files[report] = (json.dumps(fit.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    write_together(files)
    return FittedFiles(fit, tuple(files))
