"""What a command gives to its user: the score, and the same as MIDI, sound, picture and piano roll, all files or none.

A file's suffix decides its format. Of several variations the first (the likeliest) has the name that was asked for, the others
carry their rank: ``song.musicxml``, ``song-2.musicxml``, ``song-3.musicxml``.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.atomic import atomic_outputs
from corpora.audio import AUDIO_SUFFIXES, audio_bytes
from corpora.errors import RequestError
from corpora.files import WRITE_SUFFIXES, read_piece, score_bytes
from corpora.midi import read_midi_with_report
from corpora.musicxml import NEW_NOTE_COLOUR, colour_notes, read_musicxml, write_musicxml
from corpora.piece import Piece
from corpora.safe_text import safe_text
from render.engrave import IMAGE_SUFFIXES, engrave
from render.output_paths import check_output
from render.piano_roll import PLOT_SUFFIXES, plot_piano_roll

__all__ = [
    "ResultPaths",
    "changed_span",
    "convert_file",
    "engraved_change",
    "new_notes",
    "result_files",
    "same_resolution",
    "write_together",
]

MIDI_SUFFIXES = (".mid", ".midi")
BARS_AROUND = 1  # shown on each side of a change
LONGEST_PAGE_MM = 2000.0  # one picture for a change, however many staves it has


@dataclass(frozen=True, kw_only=True)
class ResultPaths:
    """Where the files of one variation go; None where a kind is not wanted.

    Args:
        score: .musicxml, .xml, .mxl or .mid.
        midi: .mid.
        audio: .flac, .wav, .ogg, .opus or .mp3.
        image: The changed bars and one on each side, new notes in red: .png or .svg.
        piano_roll: Before and after: .png, .svg or .pdf.
    """

    score: Path | None = None
    midi: Path | None = None
    audio: Path | None = None
    image: Path | None = None
    piano_roll: Path | None = None

    def wanted(self) -> tuple[Path, ...]:
        """The files that are wanted."""
        return tuple(path for path in astuple(self) if path is not None)

    def ranked(self, rank: int) -> ResultPaths:
        """The paths of the variation with this rank, 0 the best."""
        if not rank:
            return self
        named = {name: path.with_stem(f"{path.stem}-{rank + 1}") for name, path in vars(self).items() if path is not None}
        return replace(self, **named)

    def check(self) -> None:
        """Find mistakes in the names before any work is done.

        Raises:
            RequestError: A suffix that the kind cannot have, a folder that is not there, or two files of one name.
        """
        allowed = (WRITE_SUFFIXES, MIDI_SUFFIXES, AUDIO_SUFFIXES, IMAGE_SUFFIXES, PLOT_SUFFIXES)
        for (kind, path), suffixes in zip(vars(self).items(), allowed, strict=True):
            if path is not None:
                check_output(path, suffixes, kind.replace("_", " "))
        paths = self.wanted()
        for path in paths:
            if paths.count(path) > 1:
                raise RequestError(f"{safe_text(str(path))} is named for two outputs, expected a file each")


def same_resolution(first: Piece, second: Piece) -> tuple[Piece, Piece]:
    """Both pieces with the coarsest ``divs_per_quarter`` that holds both."""
    divs = math.lcm(first.divs_per_quarter, second.divs_per_quarter)
    return first.rescaled(divs), second.rescaled(divs)


def _keys(piece: Piece, by_name: bool) -> list[tuple[int, int, int, float, object]]:
    """Each note's onset and duration in divs, pitch, cents, and lane: as its file names it, or its number."""
    lanes: list[object] = [(part.key, part.staff) for part in piece.parts] if by_name else list(range(len(piece.parts)))
    columns = (piece.notes[name].tolist() for name in ("onset_div", "duration_div", "pitch", "cents"))
    return list(zip(*columns, (lanes[lane] for lane in piece.notes["part"].tolist()), strict=True))


def _one_format(first: Piece, second: Piece) -> bool:
    """Whether two pieces name their lanes in one way."""
    return first.source is not None and second.source is not None and first.source.format == second.source.format


def new_notes(before: Piece, after: Piece) -> NDArray[np.bool_]:
    """For each note of ``after``, whether ``before`` lacks it (same onset, duration, pitch, cents and lane); shape (notes,).

    In files of one format a lane goes by its name there, since a part may have been added above it.
    """
    before, after = same_resolution(before, after)
    by_name = _one_format(before, after)
    left = Counter(_keys(before, by_name))
    marks = np.zeros(len(after.notes), dtype=np.bool_)
    for index, key in enumerate(_keys(after, by_name)):
        marks[index] = left[key] <= 0
        left[key] -= 1
    return marks


def changed_span(before: Piece, after: Piece) -> tuple[int, int] | None:
    """Start and end of what one piece has and the other lacks, in the divs of ``same_resolution``; None when nothing differs."""
    before, after = same_resolution(before, after)
    rows = np.concatenate([before.notes[new_notes(after, before)], after.notes[new_notes(before, after)]])
    if not len(rows):
        return None
    start, end = int(rows["onset_div"].min()), int((rows["onset_div"] + rows["duration_div"]).max())
    return start, max(end, start + 1)


def _musicxml_of(piece: Piece) -> bytes:
    if piece.source is not None and piece.source.format == "musicxml":
        return piece.source.data
    return write_musicxml(piece)


def _name_of(piece: Piece) -> str:
    return (piece.source.name if piece.source else "") or "piece"


def engraved_change(piece: Piece, other: Piece, suffix: str, *, colour: str | None = NEW_NOTE_COLOUR) -> bytes:
    """A picture of the bars where two versions of a piece differ and ``BARS_AROUND`` on each side (of all bars when none does).

    Args:
        piece: The version to engrave.
        other: The version to compare with.
        suffix: ".png" or ".svg".
        colour: "#rrggbb" for the notes that ``other`` lacks; None leaves them black.

    Raises:
        RequestError: The bars do not fit a picture.
        ToolError: The engraver failed.
    """
    score = _musicxml_of(piece)
    if colour is not None:
        drawn = read_musicxml(score, _name_of(piece))
        score = colour_notes(score, drawn.notes["id"][new_notes(other, drawn)].tolist(), colour)
    other, piece = same_resolution(other, piece)
    span = changed_span(other, piece)
    bars = None
    if span is not None:
        first, last = piece.measure_at(span[0]), piece.measure_at(span[1] - 1)
        bars = (max(first - BARS_AROUND, 0) + 1, min(last + BARS_AROUND, len(piece.measures) - 1) + 1)
    engraving = engrave(score, bars=bars, page_height_mm=LONGEST_PAGE_MM, name=_name_of(piece))
    if len(engraving.png) > 1:
        raise RequestError(f"picture: bars {bars} of {_name_of(piece)} do not fit one picture of {LONGEST_PAGE_MM:g} mm height")
    return engraving.png[0] if suffix.lower() == ".png" else engraving.svg[0].encode()


def _piano_roll(before: Piece, after: Piece, suffix: str) -> bytes:
    before, after = same_resolution(before, after)
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        path = Path(folder) / f"roll{suffix.lower()}"
        plot_piano_roll(before, after, changed_span(before, after), path)
        return path.read_bytes()


def result_files(before: Piece, after: Piece, paths: ResultPaths) -> dict[Path, bytes]:
    """The content of every wanted file of one variation.

    Args:
        before: The piece as it was.
        after: The variation.
        paths: Which files (``ResultPaths.check`` has passed them).

    Raises:
        RequestError: The change does not fit a picture.
        ToolError: The synthesiser or the engraver failed.
    """
    files: dict[Path, bytes] = {}
    if paths.score is not None:
        files[paths.score] = score_bytes(after, paths.score.suffix)
    if paths.midi is not None:
        files[paths.midi] = score_bytes(after, paths.midi.suffix)
    if paths.image is not None:
        files[paths.image] = engraved_change(after, before, paths.image.suffix)
    if paths.piano_roll is not None:
        files[paths.piano_roll] = _piano_roll(before, after, paths.piano_roll.suffix)
    if paths.audio is not None:
        from render.rendering import render  # loads SciPy's filters, for which a refusal should not wait

        files[paths.audio] = audio_bytes(render(after).audio, paths.audio.suffix)
    return files


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write all files, or none when one cannot be written (``corpora.atomic.atomic_outputs``)."""
    with atomic_outputs(list(files)) as places:
        for place, data in zip(places, files.values(), strict=True):
            place.write_bytes(data)


def convert_file(source: Path, target: Path) -> dict[str, Any]:
    """Write a score file in another format, or engrave all of it (page 2 of ``a.png`` is ``a-2.png``).

    Gives a report of JSON values; ``lost`` says in words what the other format has no place for.
    """
    check_output(target, (*WRITE_SUFFIXES, *IMAGE_SUFFIXES), "score")
    piece = read_piece(source)
    suffix = target.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        engraving = engrave(_musicxml_of(piece), name=_name_of(piece))
        pages = engraving.png if suffix == ".png" else tuple(page.encode() for page in engraving.svg)
        files = {target if not page else target.with_stem(f"{target.stem}-{page + 1}"): data for page, data in enumerate(pages)}
    else:
        files = {target: score_bytes(piece, suffix)}
    write_together(files)
    return {
        "files": [str(path) for path in files],
        "notes": len(piece.notes),
        "bars": len(piece.measures),
        "parts": len(piece.parts),
        "lost": [] if suffix in MIDI_SUFFIXES else _lost_bends(piece),
    }


def _lost_bends(piece: Piece) -> list[str]:
    """What a score cannot say of the bends of a MIDI file, in words: those that hold still are cents, which it can."""
    if piece.source is None or piece.source.format != "midi":
        return []
    bent = read_midi_with_report(piece.source.data, piece.source.name)[1].bent_notes
    return [f"bends that move or pass a semitone, under {bent} notes"] if bent else []
