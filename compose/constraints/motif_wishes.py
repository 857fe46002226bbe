"""Motifs in text: notes with their values, or a place of the piece."""

from __future__ import annotations

import re
from fractions import Fraction

from compose.canvas import Note
from compose.constraints.base import Constraint
from compose.constraints.contour import top_line
from compose.constraints.motif import Motif
from compose.constraints.motif_figure import Figure, MotifNote
from compose.constraints.names import PITCH_CLASS_PATTERN, parse_pitch, parse_pitch_class, pitch_name
from compose.constraints.parts import find_lanes, quote
from compose.constraints.places import SPAN_PATTERN, find_span
from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["motif"]

VALUES = {"w": Fraction(4), "h": Fraction(2), "q": Fraction(1), "e": Fraction(1, 2), "s": Fraction(1, 4), "t": Fraction(1, 8)}
TRIPLET = Fraction(2, 3)
MAX_NOTES, MAX_TIMES = 32, 9
_NOTE = re.compile(rf"(?P<name>{PITCH_CLASS_PATTERN})(?P<octave>-?\d)?")
_VALUE = re.compile(r"(?P<value>[whqest])(?P<triplet>3?)(?P<dots>\.{0,2})")
_REST = "r"
_EXAMPLE = "for example 'motif: C4 q D4 e E4 e F4 h' or 'motif: Violin 1 1:1-2:3'"


def motif(value: str, piece: Piece) -> Constraint:
    """``C4 q D4 e E4 e F4 h``: notes with w, h, q, e, s or t (a dot behind for half more, a 3 for triplets), ``r`` for a rest; or
    ``Violin 1 1:1-2:3``: what stands in a place. Then ``x2`` (so often), ``diatonic``, ``in Alto`` in any order.

    A note without a value has the one before it, without an octave the one nearest to the note before it.

    Raises:
        RequestError: Not understood, or no notes there.
    """
    body, times, diatonic, lanes, options = _options(value, piece)
    words = body.split()
    if not words:
        raise RequestError(f"motif: expected notes, {_EXAMPLE}")
    if not (_is_note(words[0]) and all(_is_note(word) or _VALUE.fullmatch(word) for word in words)):
        text, notes, phase = _from_place(words, piece)
    else:
        text, notes, phase = *_from_notes(words), Fraction(0)
    if not 2 <= len(notes) <= MAX_NOTES:
        raise RequestError(f"motif: a figure of {len(notes)} notes: expected 2 to {MAX_NOTES}")
    return Motif(f"motif: {text}{options}", Figure(notes, diatonic, phase), times, lanes)


def _is_note(word: str) -> bool:
    return bool(_NOTE.fullmatch(word)) or word.casefold() == _REST


def _options(value: str, piece: Piece) -> tuple[str, int, bool, tuple[int, ...] | None, str]:
    """What is left of the value, and the options behind it, with their normal form."""
    times, diatonic, lanes, name = 1, False, None, ""
    while True:
        if found := re.fullmatch(r"(?P<rest>.*\S)\s+x\s?(?P<times>\d)", value, re.IGNORECASE):
            times = int(found["times"])
        elif found := re.fullmatch(r"(?P<rest>.*\S)\s+diatonic", value, re.IGNORECASE):
            diatonic = True
        elif (found := re.fullmatch(r"(?P<rest>.*\S)\s+in\s+(?P<part>\S.*)", value, re.IGNORECASE)) and _is_part(
            found["part"], piece
        ):
            lanes = find_lanes(piece, found["part"])
            name = quote(piece.parts[lanes[0]].name)
        else:
            break
        value = found["rest"]
    if times < 1:
        raise RequestError(f"motif: x{times}: expected x1 to x{MAX_TIMES}")
    shown = (f" x{times}" if times > 1 else "") + (" diatonic" if diatonic else "") + (f" in {name}" if name else "")
    return value, times, diatonic, lanes, shown


def _is_part(name: str, piece: Piece) -> bool:
    try:
        return bool(find_lanes(piece, name))
    except RequestError:
        return False


def _from_notes(words: list[str]) -> tuple[str, tuple[MotifNote, ...]]:
    """The figure of notes as written, and its normal form."""
    notes: list[MotifNote] = []
    texts: list[str] = []
    place, length, shown = Fraction(0), VALUES["q"], "q"
    index = 0
    while index < len(words):
        name = words[index]
        if not _is_note(name):
            raise RequestError(f"motif: '{name}' stands where a note should: expected notes with their values, {_EXAMPLE}")
        index += 1
        if index < len(words) and (found := _VALUE.fullmatch(words[index])):
            shown = found.group()
            length = VALUES[found["value"]] * (TRIPLET if found["triplet"] else 1)
            length *= Fraction(2 ** (len(found["dots"]) + 1) - 1, 2 ** len(found["dots"]))
            index += 1
        if name.casefold() == _REST:
            texts.append(f"r {shown}")
        else:
            pitch = _pitch(name, notes[-1].pitch if notes else None)
            notes.append(MotifNote(place, length, pitch))
            texts.append(f"{pitch_name(pitch)} {shown}")
        place += length
    if notes:
        first = notes[0].offset
        notes = [MotifNote(note.offset - first, note.length, note.pitch) for note in notes]
    return " ".join(texts), tuple(notes)


def _pitch(name: str, before: int | None) -> int:
    found = _NOTE.fullmatch(name)
    assert found is not None
    if found["octave"] is not None:
        return parse_pitch(name)
    near = 60 if before is None else before - 6
    return near + (parse_pitch_class(found["name"]) - near) % 12


def _from_place(words: list[str], piece: Piece) -> tuple[str, tuple[MotifNote, ...], Fraction]:
    """The highest notes that start in a place of a part, its normal form, and where in its bar the first stands (quarters)."""
    if len(words) < 2 or not re.fullmatch(SPAN_PATTERN, words[-1]) or not any(c.isdigit() for c in words[-1]):
        raise RequestError(
            f"motif: '{' '.join(words)}' is not understood: expected notes with their values or a part and a place, {_EXAMPLE}"
        )
    lanes = find_lanes(piece, " ".join(words[:-1]))
    start, end = find_span(piece, words[-1])
    rows = piece.notes[(piece.notes["part"] == lanes[0]) & (piece.notes["onset_div"] >= start) & (piece.notes["onset_div"] < end)]
    line = top_line([Note(int(r["onset_div"]), lanes[0], int(r["pitch"]), int(r["duration_div"])) for r in rows], lanes[0])
    if not line:
        raise RequestError(f"motif: {piece.parts[lanes[0]].name} has no notes in {words[-1]}")
    first = line[0].onset
    notes = tuple(MotifNote(piece.quarters(n.onset - first), piece.quarters(n.duration), n.pitch) for n in line)
    bar = int(piece.measures["start_div"][piece.measure_at(first)])
    return f"{quote(piece.parts[lanes[0]].name)} {words[-1]}", notes, piece.quarters(first - bar)
