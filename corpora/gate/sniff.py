"""What a file holds, told by its first bytes; the suffix is only ever checked against that, never trusted."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from typing import Final, Literal

from corpora.errors import InputError
from corpora.safe_text import safe_text

__all__ = ["DESCRIPTIONS", "FileKind", "expect_kind", "sniff"]

ScoreKind = Literal["midi", "musicxml", "mxl", "kern", "abc"]
AudioKind = Literal["wav", "flac", "ogg", "mp3"]
ImageKind = Literal["png", "jpeg", "tiff", "webp", "bmp", "gif"]
FileKind = Literal[ScoreKind, AudioKind, ImageKind, "pdf", "safetensors", "json", "unknown"]

DESCRIPTIONS: Final[dict[FileKind, str]] = {
    "midi": "a MIDI file",
    "musicxml": "MusicXML",
    "mxl": "compressed MusicXML (MXL)",
    "kern": "Humdrum kern",
    "abc": "ABC notation",
    "wav": "WAV audio",
    "flac": "FLAC audio",
    "ogg": "Ogg audio",
    "mp3": "MP3 audio",
    "png": "a PNG image",
    "jpeg": "a JPEG image",
    "tiff": "a TIFF image",
    "webp": "a WebP image",
    "bmp": "a BMP image",
    "gif": "a GIF image",
    "pdf": "a PDF document",
    "safetensors": "safetensors weights",
    "json": "JSON",
    "unknown": "nothing that is known here",
}

SUFFIXES: Final[dict[str, FileKind]] = {
    **dict.fromkeys((".mid", ".midi", ".smf", ".kar"), "midi"),
    **dict.fromkeys((".xml", ".musicxml"), "musicxml"),
    ".mxl": "mxl",
    **dict.fromkeys((".krn", ".kern"), "kern"),
    ".abc": "abc",
    **dict.fromkeys((".wav", ".wave"), "wav"),
    ".flac": "flac",
    **dict.fromkeys((".ogg", ".oga", ".opus"), "ogg"),
    ".mp3": "mp3",
    ".png": "png",
    **dict.fromkeys((".jpg", ".jpeg"), "jpeg"),
    **dict.fromkeys((".tif", ".tiff"), "tiff"),
    ".webp": "webp",
    ".bmp": "bmp",
    ".gif": "gif",
    ".pdf": "pdf",
    ".safetensors": "safetensors",
    ".json": "json",
}

MAGIC: Final[tuple[tuple[bytes, FileKind], ...]] = (
    (b"MThd", "midi"),
    (b"PK\x03\x04", "mxl"),
    (b"PK\x05\x06", "mxl"),
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"%PDF-", "pdf"),
)

HEAD_BYTES: Final = 1 << 16
BMP_HEADER_BYTES: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # two letters alone say little
XML_START: Final = re.compile(r"\s*<[?!A-Za-z_]")
JSON_START: Final = re.compile(r"\s*[\[{]")
KERN_START: Final = re.compile(r"(?:(?:!.*|\s*)\r?\n)*\*\*[a-z]")
ABC_START: Final = re.compile(r"(?:(?:%.*|[ABCDFGHILMNORSUZmr]:.*|\s*)\r?\n)*X:\s*\d")


def sniff(data: bytes) -> FileKind:
    """What ``data`` holds by its first bytes, "unknown" when nothing fits. All XML counts as MusicXML, all ZIP as MXL.

    Example:
        >>> sniff(b"MThd"), sniff(b"<score-partwise/>"), sniff(b"hello")
        ('midi', 'musicxml', 'unknown')
    """
    for magic, kind in MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in BMP_HEADER_BYTES:
        return "bmp"
    if len(data) > 8 and data[8:9] == b"{" and 2 <= int.from_bytes(data[:8], "little") <= 1 << 32:
        return "safetensors"
    text = _head_text(data)
    if text is not None:
        if XML_START.match(text):
            return "musicxml"
        if JSON_START.match(text):
            return "json"
        if KERN_START.match(text):
            return "kern"
        if ABC_START.match(text):
            return "abc"
    if len(data) > 3 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[2] >> 4 not in (0, 15) and data[2] & 0x0C != 0x0C:
        return "mp3"  # MPEG frame sync, layer III, a legal bit rate and sample rate
    return "unknown"


def expect_kind(data: bytes, name: str, allowed: Collection[FileKind]) -> FileKind:
    """The kind of ``data``, when it is one of ``allowed`` and does not belie the suffix of ``name``.

    A suffix that nothing is known of says nothing and is let through.

    Raises:
        InputError: Something else is in the file, for example "score.mid holds a PNG image; expected a MIDI file".
    """
    kind = sniff(data)
    suffix = os.path.splitext(name)[1].lower()
    promised = SUFFIXES.get(suffix)
    if promised is not None and promised in allowed and promised != kind:
        wanted = DESCRIPTIONS[promised]
    elif kind not in allowed or (promised is not None and promised != kind):
        wanted = " or ".join(DESCRIPTIONS[item] for item in DESCRIPTIONS if item in allowed)
        if kind in allowed:
            wanted += " with a suffix of its own"
    else:
        return kind
    raise InputError(f"{safe_text(name)} holds {DESCRIPTIONS[kind]}; expected {wanted}")


def _head_text(data: bytes) -> str | None:
    """The first 64 KiB as text, in UTF-16 when marked so, else UTF-8 or Latin-1; None for bytes that are no text."""
    head = data[:HEAD_BYTES]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) & ~1].decode("utf-16", "replace")
    if head.startswith((b"<\x00", b"\x00<")):
        return head[: len(head) & ~1].decode("utf-16-le" if head[1] == 0 else "utf-16-be", "replace")
    if b"\x00" in head[:64]:
        return None
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
