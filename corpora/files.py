"""Scores in and out: any file that the house reads as a Piece, and any Piece as a file.

Reading goes through the gate, then to the reader of the format that the content shows. Writing keeps what is there: a piece
that was read from MusicXML is written to MusicXML as the text that it came from, one from MIDI to MIDI likewise.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from corpora.atomic import atomic_write
from corpora.errors import InputError
from corpora.gate.score import CheckedScore, check_score, open_score
from corpora.midi.editor import edit_midi
from corpora.midi.reader import read_midi
from corpora.midi.writer import write_midi
from corpora.musicxml.editor import edit_musicxml
from corpora.musicxml.mxl import pack_mxl, repack_mxl
from corpora.musicxml.reader import read_musicxml
from corpora.musicxml.writer import write_musicxml
from corpora.piece import Piece, Table
from corpora.safe_text import safe_text
from corpora.text_scores import text_score_to_musicxml

__all__ = ["READ_SUFFIXES", "WRITE_SUFFIXES", "edit_piece", "parse_piece", "read_piece", "score_bytes", "write_piece"]

MIDI_SUFFIXES = (".mid", ".midi")
MUSICXML_SUFFIXES = (".musicxml", ".xml")
MXL_SUFFIX = ".mxl"
WRITE_SUFFIXES = (*MUSICXML_SUFFIXES, MXL_SUFFIX, *MIDI_SUFFIXES)
READ_SUFFIXES = (*WRITE_SUFFIXES, ".smf", ".kar", ".krn", ".kern", ".abc")


def read_piece(path: str | os.PathLike[str]) -> Piece:
    """The score at ``path``: MusicXML, MXL, MIDI, kern or ABC, told by its content.

    kern and ABC become MusicXML first (``corpora.text_scores``): the piece's source is that text.

    Raises:
        InputError: the file cannot be read, is no score, or is refused; one line says what, where and why.
        ToolError: music21 gave up on a kern or ABC file.
    """
    return _piece_of(open_score(path))


def parse_piece(data: bytes, name: str) -> Piece:
    """As ``read_piece``, for the bytes of a file with this name.

    Raises:
        InputError, ToolError: as ``read_piece``.
    """
    return _piece_of(check_score(data, name))


def _piece_of(score: CheckedScore) -> Piece:
    if score.format == "midi":
        return read_midi(score.data, score.name)
    if score.format == "musicxml":
        return read_musicxml(score.data, score.name, score.container)
    return read_musicxml(text_score_to_musicxml(score.data, score.format, score.name), score.name)


def edit_piece(piece: Piece, removed_ids: Collection[str], added: Table) -> Piece:
    """The piece without some notes and with others, edited in its source and read again.

    Args:
        piece: Any piece. Without a source only its note table changes.
        removed_ids: Ids of notes to take out.
        added: NOTE_DTYPE rows in divs of the piece; ``part`` is the lane. Ids are given anew where there is a source.

    Returns:
        A new piece with a new source. Its divs may be finer, and note ids are those of the new source.

    Raises:
        InputError: an id is unknown, or the notes do not fit the format (``edit_midi``, ``edit_musicxml``).
    """
    source = piece.source
    if source is None:
        unknown = set(removed_ids) - set(piece.notes["id"].tolist())
        if unknown:
            raise InputError(f"there is no note {safe_text(min(unknown))}")
        kept = piece.notes[~np.isin(piece.notes["id"], list(removed_ids))]
        return piece.with_notes(np.concatenate([kept, added]))
    if source.format == "midi":
        return read_midi(edit_midi(piece, removed_ids, added), source.name)
    xml = edit_musicxml(piece, removed_ids, added)
    return read_musicxml(xml, source.name, repack_mxl(source.container, xml) if source.container else b"")


def score_bytes(piece: Piece, suffix: str) -> bytes:
    """The file that ``write_piece`` writes for a suffix of WRITE_SUFFIXES.

    Raises:
        InputError: another suffix, or the piece does not fit the format.
    """
    source = piece.source
    wanted = suffix.lower()
    if wanted in MIDI_SUFFIXES:
        return source.data if source is not None and source.format == "midi" else write_midi(piece)
    if wanted not in (*MUSICXML_SUFFIXES, MXL_SUFFIX):
        raise InputError(f"expected a suffix of {', '.join(WRITE_SUFFIXES)}, came {safe_text(suffix) or 'none'}")
    xml = source.data if source is not None and source.format == "musicxml" else write_musicxml(piece)
    if wanted != MXL_SUFFIX:
        return xml
    return source.container if source is not None and source.container else pack_mxl(xml)


def write_piece(piece: Piece, path: str | os.PathLike[str]) -> None:
    """Write the piece in the format of the path's suffix (WRITE_SUFFIXES), whole or not at all.

    Raises:
        InputError: another suffix, a place that cannot be written, or a piece that does not fit the format.
    """
    suffix = Path(path).suffix
    if suffix.lower() not in WRITE_SUFFIXES:
        shown = safe_text(os.fspath(path))
        raise InputError(f"{shown}: expected a suffix of {', '.join(WRITE_SUFFIXES)}, came {safe_text(suffix) or 'none'}")
    atomic_write(path, score_bytes(piece, suffix))
