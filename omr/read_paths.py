"""What comes in and where it goes, looked at before anything is read: a long reading must not end in a refusal.

Nothing here needs the network or OpenCV, so that refusals come at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.errors import InputError, RequestError
from corpora.gate.files import open_regular
from corpora.gate.image import MAX_IMAGE_BYTES, MAX_PDF_BYTES
from corpora.gate.sniff import HEAD_BYTES, FileKind, expect_kind
from corpora.safe_text import safe_text

__all__ = ["ReadPaths", "check_pages", "overlay_path"]

SCORE_SUFFIXES = (".musicxml", ".xml", ".mxl")
MIDI_SUFFIXES = (".mid", ".midi")
AUDIO_SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3")
PICTURE_SUFFIXES = (".png",)
PAGE_KINDS: tuple[FileKind, ...] = ("png", "jpeg", "tiff", "webp", "bmp", "gif", "pdf")


def check_pages(pages: Sequence[Path]) -> None:
    """Look at the first bytes of every page.

    Raises:
        InputError: One is missing, no regular file, empty, too long, or neither a picture nor a PDF document.
    """
    for page in pages:
        with open_regular(page, max(MAX_IMAGE_BYTES, MAX_PDF_BYTES)) as file:
            head = file.read(HEAD_BYTES)
        if not head:
            raise InputError(f"{safe_text(str(page))}: the file is empty")
        expect_kind(head, str(page), PAGE_KINDS)


@dataclass(frozen=True)
class ReadPaths:
    """Where what was read goes.

    Args:
        score: .musicxml, .xml or .mxl.
        midi: .mid or .midi, as it is played.
        audio: .flac, .wav, .ogg, .opus or .mp3.
        overlay: .png; further pages go beside it (``overlay_path``).
    """

    score: Path
    midi: Path | None = None
    audio: Path | None = None
    overlay: Path | None = None

    def check(self, pages: Sequence[Path] = ()) -> None:
        """Refuse what cannot be written.

        Args:
            pages: What is read; none of it may be written over.

        Raises:
            RequestError: A suffix that names no format, one path twice, or an output in the place of a page.
            InputError: A folder that is not there.
        """
        wanted = (
            ("--out", self.score, SCORE_SUFFIXES),
            ("--midi", self.midi, MIDI_SUFFIXES),
            ("--audio", self.audio, AUDIO_SUFFIXES),
            ("--overlay", self.overlay, PICTURE_SUFFIXES),
        )
        given = [path.resolve() for _, path, _ in wanted if path is not None]
        for name, path, suffixes in wanted:
            if path is None:
                continue
            if path.suffix.lower() not in suffixes:
                raise RequestError(f"{name}: expected a name ending in {', '.join(suffixes)}, got {safe_text(path.name)!r}")
            if not path.parent.is_dir():
                raise InputError(f"{safe_text(str(path))} cannot be written: there is no folder {safe_text(str(path.parent))}")
        if len(set(given)) < len(given):
            raise RequestError("expected a file of its own for each output, got one name twice")
        for page in pages:
            if page.resolve() in given or (self.overlay is not None and _is_overlay(page, self.overlay)):
                raise RequestError(f"{safe_text(str(page))} is a page to be read, expected outputs that do not write over it")


def overlay_path(overlay: Path, page: int) -> Path:
    """Where the overlay of a page goes, counted from 0: ``NAME.png``, ``NAME-2.png`` ..."""
    return overlay if page == 0 else overlay.with_name(f"{overlay.stem}-{page + 1}{overlay.suffix}")


def _is_overlay(path: Path, overlay: Path) -> bool:
    """Whether the overlay of some page may go to ``path``."""
    place, first = path.resolve(), overlay.resolve()
    further = re.fullmatch(rf"{re.escape(first.stem)}-\d+{re.escape(first.suffix)}", place.name)
    return place.parent == first.parent and further is not None
