"""Figured bass: which pitch classes sound over the notes of a given bass.

A field of figures belongs to one note of the bass; bars stand between ``|``. ``6``, ``64``, ``7``, ``65``, ``43``, ``42`` (or 2),
``9`` and so on are intervals above it in the key signature; what they imply is added (6 is 6 and 3; 7 is 7, 5 and 3). ``_`` or 5
is the plain triad. A sign in front of a figure raises it (``#6``, ``+6``), lowers it (``b7``) or makes it natural (``n3``); alone,
or after the figures (``7#``), it belongs to the third. ``4-3`` is a suspension: both in one note, each half of it. A bar
without fields has triads throughout.

The bass is the kept part whose notes lie lowest. Its notes outside the key are spelled as the nearest on the line of fifths, from
three flats to three sharps beyond the signature. What figures imply: C. P. E. Bach, "Versuch über die wahre Art das Clavier zu
spielen", part 2 (1762).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from compose.canvas import Canvas, Note
from compose.constraints.base import Constraint
from compose.constraints.parts import pitched_lanes
from compose.constraints.pitch import PitchConstraint, PitchSpan, pitches_of
from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["Figure", "FiguredBass", "figured_bass", "parse_figure"]

_SIGNS = {"#": 1, "♯": 1, "+": 1, "b": -1, "♭": -1, "n": 0, "♮": 0}
_FIGURE = re.compile(r"(?P<sign>[#♯+b♭n♮]?)(?P<digit>[2-9])|(?P<third>[#♯+b♭n♮])")
_FIELD = re.compile(r"_|(?:[#♯+b♭n♮]?[2-9]|[#♯+b♭n♮])+")
_LETTERS = "CDEFGAB"
_BY_FIFTHS = "FCGDAEB"  # F is one fifth below C
FIFTH = 7  # semitones
FLATS, SHARPS = 3, 8  # how far notes of the bass go from the signature's C on the line of fifths

Figure = tuple[tuple[int, str], ...]  # intervals above the bass, each with its sign or ""


def parse_figure(text: str) -> tuple[Figure, ...]:
    """The figures of one field, one after the other where it holds a suspension, with what they imply.

    Raises:
        RequestError: Not understood.
    """
    return tuple(_parse_one(part, text) for part in text.split("-"))


def _parse_one(text: str, whole: str) -> Figure:
    if not _FIELD.fullmatch(text):
        raise RequestError(f"figured bass: '{whole}' is not understood: expected figures, for example 6, 65, #6, 7# or 4-3")
    found: dict[int, str] = {}
    for match in _FIGURE.finditer("" if text == "_" else text):
        interval = 3 if match["third"] else int(match["digit"])
        if interval in found:
            raise RequestError(f"figured bass: '{whole}' has the {interval} twice")
        found[interval] = match["third"] or match["sign"]
    if 2 in found:
        implied: tuple[int, ...] = (4, 6)
    elif {3, 4} <= found.keys():
        implied = (6,)
    else:
        implied = (() if 4 in found else (3,)) + (() if 6 in found else (5,))
    for interval in implied:
        found.setdefault(interval, "")
    return tuple(sorted(found.items()))


def _spelled(pitch_class: int, fifths: int) -> str:
    """The letter of a note of the bass in a key signature."""
    place = next(place for place in range(fifths - FLATS, fifths + SHARPS + 1) if FIFTH * place % 12 == pitch_class)
    return _BY_FIFTHS[(place + 1) % 7]


def pitch_classes_over(pitch: int, figure: Figure, fifths: int) -> frozenset[int]:
    """What sounds over a note of the bass.

    Args:
        pitch: MIDI pitch of the note.
        figure: With all that it implies (``parse_figure``).
        fifths: Sharps of the key signature, flats negative.
    """
    bass = _LETTERS.index(_spelled(pitch % 12, fifths))
    out = {pitch % 12}
    for interval, sign in figure:
        letter = _LETTERS[(bass + interval - 1) % 7]
        natural = _BY_FIFTHS.index(letter) - 1
        if sign and _SIGNS[sign] == 0:
            out.add(FIFTH * natural % 12)
            continue
        place = next(place for place in range(fifths - 1, fifths + 6) if (place - natural) % 7 == 0)
        out.add((FIFTH * place + _SIGNS.get(sign, 0)) % 12)
    return frozenset(out)


@dataclass(frozen=True)
class FiguredBass(PitchConstraint):
    """See the module's text.

    Args:
        text: For example ``figured bass: | 6 | 7 # | 4-3 |``.
        bars: The fields of each bar of the region: the figures of a note, one after the other.
    """

    text: str = field()  # the base has a default, this has none
    bars: tuple[tuple[tuple[Figure, ...], ...], ...]

    def bass(self, canvas: Canvas) -> int | None:
        """The kept part whose notes in the region lie lowest."""
        means = []
        for lane in pitched_lanes(canvas.piece):
            notes = self._bass_notes(canvas, lane)
            if lane not in canvas.region.lanes and notes:
                means.append((sum(note.pitch for note in notes) / len(notes), lane))
        return min(means)[1] if means else None

    @staticmethod
    def _bass_notes(canvas: Canvas, lane: int) -> list[Note]:
        """The lowest kept note at each onset of a lane in the region."""
        lowest: dict[int, Note] = {}
        for note in canvas.fixed:
            if note.lane == lane and note.duration and canvas.region.start <= note.onset < canvas.region.end:
                lowest.setdefault(note.onset, note)
        return [lowest[onset] for onset in sorted(lowest)]

    def _by_bar(self, canvas: Canvas) -> list[tuple[str, list[Note]]]:
        """Number and bass notes of each bar of the region."""
        piece, scale = canvas.piece, canvas.ticks_per_div
        first = piece.measure_at(canvas.region.start // scale)
        last = piece.measure_at(max(canvas.region.end - 1, canvas.region.start) // scale)
        lane = self.bass(canvas)
        notes = [] if lane is None else self._bass_notes(canvas, lane)
        bars = range(first, last + 1)
        return [
            (str(piece.measures["number"][bar]), [n for n in notes if piece.measure_at(n.onset // scale) == bar]) for bar in bars
        ]

    def _all_spans(self, canvas: Canvas) -> tuple[PitchSpan, ...]:
        return canvas.lasting(self, "spans", lambda: self._find_spans(canvas))

    def _find_spans(self, canvas: Canvas) -> tuple[PitchSpan, ...]:
        found = []
        keys, plain = canvas.piece.keys, parse_figure("_")
        for (_, notes), fields in zip(self._by_bar(canvas), self.bars, strict=False):
            for note, figures in zip(notes, fields or (plain,) * len(notes), strict=False):
                known = keys["fifths"][keys["onset_div"] * canvas.ticks_per_div <= note.onset]
                fifths = int(known[-1]) if len(known) else 0  # a score without a signature has the naturals
                edges = [note.onset + note.duration * index // len(figures) for index in range(len(figures) + 1)]
                for figure, (start, end) in zip(figures, pairwise(edges), strict=True):
                    found.append(PitchSpan(start, end, pitches_of(pitch_classes_over(note.pitch, figure, fifths))))
        return tuple(found)

    def spans(self, canvas: Canvas, lane: int, start: int, end: int) -> tuple[PitchSpan, ...]:
        """What the figures say while notes of the bass sound; where it rests all is free."""
        return tuple(span for span in self._all_spans(canvas) if span.start < end and span.end > start)

    def conflict(self, canvas: Canvas) -> str | None:
        """A kept bass with as many notes as there are figures, bar by bar."""
        if self.bass(canvas) is None:
            return "no part with notes there is kept: a figured bass needs its bass"
        bars = self._by_bar(canvas)
        if len(bars) != len(self.bars):
            return f"figures are given for {len(self.bars)} bars, the region has {len(bars)}"
        for (number, notes), fields in zip(bars, self.bars, strict=True):
            if fields and len(fields) != len(notes):
                return f"bar {number} has {len(fields)} figures and {len(notes)} notes in the bass"
        return None

    def description(self) -> str:
        """ "as the figures say"."""
        return "as the figures say"


def figured_bass(value: str, piece: Piece) -> Constraint:
    """``6 | 7 # | 4-3``: one field a note of the bass.

    Raises:
        RequestError: Not understood.
    """
    cells = [cell.split() for cell in value.split("|")]
    # The outer bar lines are optional.
    cells = cells[1 if len(cells) > 1 and not cells[0] else 0 : -1 if len(cells) > 1 and not cells[-1] else None]
    bars = tuple(tuple(parse_figure(name) for name in cell) for cell in cells)
    if not any(bars):
        raise RequestError("figured bass: expected figures, for example 'figured bass: | 6 | 7 # | 4-3 |'")
    text = " | ".join(" ".join(cell) for cell in cells)
    return FiguredBass(" ".join(f"figured bass: | {text} |".split()), bars)
