"""The job behind ``partimento perform``: a score file in; MIDI or sound, match file and picture out, all or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpora.atomic import atomic_outputs
from corpora.audio import AUDIO_SUFFIXES
from corpora.errors import InputError, RequestError
from corpora.files import read_piece
from corpora.gate.files import read_bytes
from corpora.gate.strict_json import strict_json
from corpora.musicxml.marks import read_marks
from corpora.piece import Piece
from corpora.safe_text import safe_text
from render.output_paths import check_output
from render.perform.graces import Appoggiaturas
from render.perform.match import save_match
from render.perform.ornaments import TrillStart
from render.perform.perform import perform
from render.perform.performance import Performance
from render.perform.plot import PLOT_SUFFIX, plot_performance
from render.perform.rules import strengths_of
from render.pipeline import Told
from render.results import MIDI_SUFFIXES
from render.sound_files import render_to_file

__all__ = ["PerformOptions", "perform_file", "read_strengths"]

MATCH_SUFFIX = ".match"
MAX_SETTINGS_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class PerformOptions:
    """How to play and what to write beside the music; fields as in ``perform``.

    Args:
        match: .match.
        plot: .png.
        font: SoundFont for sound; None for the best that is installed.
        told: Hears how much of the sound is done.
    """

    strengths: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    repeats: bool = True
    trill_start: TrillStart = "main"
    appoggiaturas: Appoggiaturas = "long"
    swing: bool = False
    match: Path | None = None
    plot: Path | None = None
    font: Path | None = None
    told: Told | None = None


def read_strengths(path: Path) -> dict[str, float]:
    """Strengths of rules out of a JSON file, ``{"phrase arch": 0.5, "swing": 0}``; "all" stands for those not named.

    Raises:
        InputError: The file cannot be read, or is no object of numbers.
    """
    name = str(path)
    found = strict_json(read_bytes(name, MAX_SETTINGS_BYTES), name, limit_bytes=MAX_SETTINGS_BYTES)
    if not isinstance(found, dict):
        raise InputError(f"{safe_text(name)}: expected an object of rule names and strengths, got {type(found).__name__}")
    for key, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                f"{safe_text(name)}: expected a number as strength of {safe_text(key)!r}, got {safe_text(repr(value), 40)}"
            )
    return {key: float(value) for key, value in found.items()}


def perform_file(source: Path, target: Path, options: PerformOptions) -> dict[str, Any]:
    """Play a score file into a MIDI or sound file. Gives a report of JSON values.

    Args:
        source: Any score that ``read_piece`` reads.
        target: .mid, or a sound file.
        options: How, and what else to write.

    Raises:
        InputError, RequestError, ToolError: As ``read_piece``, ``perform``, ``render_to_file``; or a name that no file can have.
    """
    check_output(target, (*MIDI_SUFFIXES, *AUDIO_SUFFIXES), "performance")
    if options.match is not None:
        check_output(options.match, (MATCH_SUFFIX,), "match file")
    if options.plot is not None:
        check_output(options.plot, (PLOT_SUFFIX,), "picture")
    strengths_of(options.strengths)  # mistakes in names are found before the work
    piece = read_piece(source)
    if options.match is not None and (piece.source is None or piece.source.format != "musicxml"):
        raise RequestError(f"match file: expected a score with notes of its own, {safe_text(str(source))} is MIDI")
    played = perform(
        piece,
        strengths=options.strengths,
        seed=options.seed,
        repeats=options.repeats,
        trill_start=options.trill_start,
        appoggiaturas=options.appoggiaturas,
        swing=options.swing,
    )
    writers = {target: _write_music, options.match: _write_match, options.plot: _write_plot}
    wanted = [path for path in writers if path is not None]
    with atomic_outputs(wanted) as places:
        for path, place in zip(wanted, places, strict=True):
            writers[path](piece, played, place, options)
    return {"files": [str(path) for path in wanted], **played.report()}


def _write_music(piece: Piece, played: Performance, path: Path, options: PerformOptions) -> None:
    if path.suffix.lower() in MIDI_SUFFIXES:
        path.write_bytes(played.midi)
    else:
        name = (piece.source.name if piece.source else "") or "piece"
        render_to_file(played.midi, path, font=options.font, name=name, told=options.told)


def _write_match(piece: Piece, played: Performance, path: Path, options: PerformOptions) -> None:
    del options
    assert piece.source is not None  # checked at the door
    save_match(played, read_marks(piece.source.data, piece.source.name), path, title=Path(piece.source.name).stem)


def _write_plot(piece: Piece, played: Performance, path: Path, options: PerformOptions) -> None:
    del piece, options
    plot_performance(played, path)
