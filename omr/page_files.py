"""Pages to files: the score, its performance as MIDI and sound, and the overlay; all of them or none."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from compose.notation.writing import write_written
from corpora.atomic import atomic_outputs
from corpora.musicxml.mxl import pack_mxl
from omr.arranging import arranged
from omr.assembly.wishes import Wishes
from omr.detector.reader import load_sign_reader
from omr.layout.opening import iter_pages
from omr.overlay import draw_overlay
from omr.read_paths import ReadPaths, check_pages, overlay_path
from omr.reading import Reading, Told, read

__all__ = ["read_to_files"]

POINTS_PER_INCH = 72.0


def read_to_files(
    pages: Sequence[Path],
    paths: ReadPaths,
    wishes: Wishes | None = None,
    *,
    weights: str = "signs",
    as_pictures: bool = False,
    arrange: str = "",
    seed: int = 0,
    told: Told | None = None,
) -> dict[str, Any]:
    """Read pages and write what is wanted of them.

    Args:
        pages: Pictures and PDF documents in the order of the music.
        paths: Outputs.
        wishes: What the user knows better; nothing when None.
        weights: Name or folder of the detector.
        as_pictures: Read PDF documents from their pixels.
        arrange: What is written to it (``omr.arranging``), "voices" or an instrument; nothing when empty.
        seed: Of the arrangement and the performance.
        told: Hears what is being done.

    Returns:
        ``Reading.report`` with the names of the files.

    Raises:
        InputError, RequestError, ToolError: As ``omr.read_paths``, ``omr.reading.read``, ``omr.arranging.arranged`` and
            ``render.perform.job.perform_file``.
        CheckpointError: No such weights.
    """
    paths.check(pages)
    check_pages(pages)
    reading = read(pages, wishes, reader=load_sign_reader(weights), as_pictures=as_pictures, told=told)
    musicxml = write_written(reading.assembled.score)
    if arrange:
        if told is not None:
            told(f"writing {arrange} to", 1.0)
        musicxml = arranged(musicxml, arrange, seed)
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        made = _performed(Path(folder), musicxml, paths, seed, told)
        made[paths.score] = pack_mxl(musicxml) if paths.score.suffix.lower() == ".mxl" else musicxml
        if paths.overlay is not None:
            made.update(_overlays(pages, reading, paths.overlay))
        ordered = sorted(made, key=lambda path: (path != paths.score, str(path)))
        with atomic_outputs(ordered) as places:
            for place, path in zip(places, ordered, strict=True):
                place.write_bytes(made[path])
    return {**reading.report(), "files": [str(path) for path in ordered]}


def _performed(folder: Path, musicxml: bytes, paths: ReadPaths, seed: int, told: Told | None) -> dict[Path, bytes]:
    """The score as it is played, as MIDI and sound."""
    from render.perform.job import PerformOptions, perform_file  # loads the engines of sound

    source = folder / "read.musicxml"
    source.write_bytes(musicxml)
    made = {}
    for path in (paths.midi, paths.audio):
        if path is not None:
            played = folder / f"played{path.suffix.lower()}"
            perform_file(source, played, PerformOptions(seed=seed, told=told))
            made[path] = played.read_bytes()
    return made


def _overlays(pages: Sequence[Path], reading: Reading, overlay: Path) -> dict[Path, bytes]:
    """A picture of each page with what was read, by path."""
    made = {}
    number = 0
    for path in pages:
        for picture in iter_pages(path):
            glyphs = reading.pages[number].way == "glyphs"
            scale = (picture.dpi or POINTS_PER_INCH) / POINTS_PER_INCH if glyphs else 1.0
            drawn = draw_overlay(reading, number, picture.grey, scale)
            made[overlay_path(overlay, number)] = cv2.imencode(".png", drawn)[1].tobytes()
            number += 1
    return made
