"""The front door for scores: one call from a path to bytes that a reader may have."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, Literal

from corpora.gate.files import read_bytes
from corpora.gate.midi import MAX_MIDI_BYTES, MidiExtent, check_midi
from corpora.gate.musicxml import MusicXmlExtent, check_musicxml
from corpora.gate.mxl import MAX_MXL_BYTES, open_mxl
from corpora.gate.sniff import FileKind, expect_kind
from corpora.gate.text_scores import MAX_ABC_BYTES, MAX_KERN_BYTES, TextScoreExtent, check_abc, check_kern
from corpora.gate.xml_events import MAX_XML_BYTES

__all__ = ["CheckedScore", "check_score", "open_score"]

SCORE_KINDS: Final[tuple[FileKind, ...]] = ("midi", "musicxml", "mxl", "kern", "abc")
MAX_SCORE_BYTES: Final = max(MAX_MIDI_BYTES, MAX_XML_BYTES, MAX_MXL_BYTES, MAX_KERN_BYTES, MAX_ABC_BYTES)


@dataclass(frozen=True)
class CheckedScore:
    """A score that has passed the gate.

    Args:
        format: What ``data`` is.
        data: The file, or the MusicXML document out of an .mxl.
        name: The file as the user named it, for messages.
        extent: What was found in it.
        container: The whole .mxl file when ``data`` came out of one, else empty.
    """

    format: Literal["midi", "musicxml", "kern", "abc"]
    data: bytes
    name: str
    extent: MidiExtent | MusicXmlExtent | TextScoreExtent
    container: bytes = b""


def open_score(path: str | os.PathLike[str]) -> CheckedScore:
    """Read and check the score at ``path``: MIDI, MusicXML, MXL, kern or ABC, told by content.

    Raises:
        InputError: The file cannot be read, holds something else than its suffix says or than a score, or is refused by its door.
    """
    name = os.fspath(path)
    return check_score(read_bytes(name, MAX_SCORE_BYTES), name)


def check_score(data: bytes, name: str) -> CheckedScore:
    """As ``open_score``, for bytes that are already here.

    Raises:
        InputError: As ``open_score``.
    """
    kind = expect_kind(data, name, SCORE_KINDS)
    if kind == "midi":
        return CheckedScore("midi", data, name, check_midi(data, name))
    if kind == "kern":
        return CheckedScore("kern", data, name, check_kern(data, name))
    if kind == "abc":
        return CheckedScore("abc", data, name, check_abc(data, name))
    if kind == "mxl":
        document = open_mxl(data, name)
        return CheckedScore("musicxml", document, name, check_musicxml(document, name), container=data)
    return CheckedScore("musicxml", data, name, check_musicxml(data, name))
