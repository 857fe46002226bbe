"""What ``partimento transcribe`` gives: MIDI as it was played, a score, a picture of it, and what was heard; all files or none."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError
from corpora.files import WRITE_SUFFIXES
from corpora.musicxml.mxl import pack_mxl
from render.engrave import IMAGE_SUFFIXES, engrave
from render.output_paths import check_output
from transcribe.heard import HeardMusic
from transcribe.heard_files import HEARD_SUFFIX, heard_bytes
from transcribe.midi_file import heard_to_midi
from transcribe.score.notate import Notation

__all__ = ["MIDI_SUFFIXES", "SCORE_SUFFIXES", "HeardPaths", "heard_files"]

MIDI_SUFFIXES = (".mid", ".midi")
SCORE_SUFFIXES = tuple(suffix for suffix in WRITE_SUFFIXES if suffix not in MIDI_SUFFIXES)


@dataclass(frozen=True, kw_only=True)
class HeardPaths:
    """Where the files go; None where a kind is not wanted.

    Args:
        midi: .mid: the notes as they were played, with bars that follow the beats.
        score: .musicxml or .mxl.
        image: The score engraved, .png or .svg; further pages are NAME-2, NAME-3 ...
        keep: .json: what was heard, to be notated again.
    """

    midi: Path | None = None
    score: Path | None = None
    image: Path | None = None
    keep: Path | None = None

    def check(self) -> None:
        """Find names that cannot be written, before any work is done.

        Raises:
            RequestError: A suffix is none of its kind, or two names are the same.
            InputError: A folder is missing.
        """
        kinds = (MIDI_SUFFIXES, SCORE_SUFFIXES, IMAGE_SUFFIXES, (HEARD_SUFFIX,))
        for path, suffixes, kind in zip(astuple(self), kinds, ("MIDI", "score", "picture", "record"), strict=True):
            if path is not None:
                check_output(path, suffixes, kind)
        given = [path.resolve() for path in astuple(self) if path is not None]
        if len(set(given)) < len(given):
            raise RequestError("expected a name of its own for each file, got one twice")

    @property
    def wants_score(self) -> bool:
        """Whether anything has to be notated."""
        return self.score is not None or self.image is not None


def heard_files(
    music: HeardMusic, notation: Notation | None, logits: NDArray[np.float32] | None, model: str, paths: HeardPaths
) -> dict[Path, bytes]:
    """The bytes of each file.

    Args:
        music: What was heard.
        notation: The score; needed where one is wanted.
        logits: Of the beats, for what is kept.
        model: Which model heard it.
        paths: Where to.
    """
    files: dict[Path, bytes] = {}
    if paths.midi is not None:
        files[paths.midi] = heard_to_midi(music)
    if notation is not None and paths.score is not None:
        files[paths.score] = pack_mxl(notation.musicxml) if paths.score.suffix == ".mxl" else notation.musicxml
    if notation is not None and paths.image is not None:
        engraving = engrave(notation.musicxml, name=music.name)
        pages = engraving.png if paths.image.suffix == ".png" else [page.encode("utf-8") for page in engraving.svg]
        for number, page in enumerate(pages, start=1):
            files[paths.image.with_stem(f"{paths.image.stem}-{number}") if number > 1 else paths.image] = page
    if paths.keep is not None:
        files[paths.keep] = heard_bytes(music, logits, model)
    return files
