"""A piece of music as the rooms hand it on: one note table, its lanes, its bars, and the file it came from.

Conventions: time is counted in integer *divs*, ``divs_per_quarter`` to the quarter note, from the start of the piece as
written (repeats are not unfolded). Pitches are sounding MIDI numbers. One row a sounding note: tied notes are one row.
A grace note has duration 0. Field names are those of partitura's ``note_array`` wherever partitura has the field.
What lies between the keys is in ``cents``, above (or below) the pitch: -100 < cents < 100, 0 in twelve equal steps. Readers of
notation choose the nearest pitch, so that -50 < cents <= 50 (``nearest_pitch``); a MIDI note keeps the key that it is played with.
A *lane* (field ``part``, an index into ``Piece.parts``) is one staff of a MusicXML part, or one channel of a MIDI track.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import symusic
from numpy.typing import NDArray

__all__ = [
    "KEY_DTYPE",
    "MEASURE_DTYPE",
    "NOTE_DTYPE",
    "TEMPO_DTYPE",
    "Part",
    "Piece",
    "Source",
    "Table",
    "empty_notes",
    "nearest_pitch",
    "sort_notes",
]

Table: TypeAlias = NDArray[Any]  # rows of a structured dtype; type checkers at run time take no ``np.void``

NOTE_DTYPE = np.dtype(
    [
        ("onset_div", np.int64),
        ("duration_div", np.int64),
        ("pitch", np.int32),
        ("velocity", np.int32),
        ("part", np.int32),  # lane: index into Piece.parts
        ("voice", np.int32),  # MusicXML voice, 0 where the source has none
        ("id", "U24"),  # unique within the piece
        ("cents", np.float32),  # what the note sounds above its pitch
    ]
)
MEASURE_DTYPE = np.dtype(
    [
        ("start_div", np.int64),
        ("end_div", np.int64),
        ("number", "U16"),  # as printed: "0" or "X1" for a pickup, "12a" ...
        ("beats", np.int32),  # of the meter in force, which a pickup bar does not fill
        ("beat_type", np.int32),
    ]
)
TEMPO_DTYPE = np.dtype([("onset_div", np.int64), ("quarters_per_minute", np.float64)])
KEY_DTYPE = np.dtype([("onset_div", np.int64), ("fifths", np.int32), ("mode", np.int32)])  # mode: 1 major, -1 minor, 0 unknown

DEFAULT_QUARTERS_PER_MINUTE = 120.0
DEFAULT_VELOCITY = 80
CENTS_PER_SEMITONE = 100
CENTS_DECIMALS = 4  # what float32 holds of a hundred; alterations in files are written with two more


@dataclass(frozen=True)
class Part:
    """One lane: a staff of a MusicXML part, or a channel of a MIDI track.

    Args:
        name: What the player reads, for example "Alto" or "Piano". Lanes of one part share it.
        key: Where it lives in the source: the MusicXML part id, or the MIDI track index as text.
        staff: Staff within the MusicXML part, from 1; for MIDI the channel, 0-15.
        program: General MIDI program 0-127 (ignored for drums).
        is_drum: Whether pitches are drum keys; their cents mean nothing.
    """

    name: str
    key: str = ""
    staff: int = 1
    program: int = 0
    is_drum: bool = False


@dataclass(frozen=True)
class Source:
    """The file behind a piece, kept so that an edit can leave every other byte (MusicXML) or event (MIDI) alone.

    Args:
        format: What ``data`` is.
        data: The MusicXML text (already taken out of an .mxl) or the MIDI file, as bytes.
        name: File name for messages.
        container: The whole .mxl file when ``data`` came out of one, else empty.
    """

    format: Literal["musicxml", "midi"]
    data: bytes
    name: str = ""
    container: bytes = b""


def empty_notes(count: int = 0) -> Table:
    """A note table of ``count`` zeroed rows, dtype NOTE_DTYPE."""
    return np.zeros(count, dtype=NOTE_DTYPE)


def sort_notes(notes: Table) -> Table:
    """The rows in the house's canonical order: onset, lane, pitch, duration."""
    return notes[np.lexsort((notes["duration_div"], notes["cents"], notes["pitch"], notes["part"], notes["onset_div"]))]


def nearest_pitch(semitones: float) -> tuple[int, float]:
    """A sounding height in MIDI semitones as the nearest pitch and the cents above it, -50 < cents <= 50.

    >>> nearest_pitch(60.5), nearest_pitch(61.75)
    ((60, 50.0), (62, -25.0))

    Raises:
        ValueError, OverflowError: Not a number, or infinite.
    """
    pitch = math.ceil(round(semitones - 0.5, CENTS_DECIMALS + 2))
    return pitch, round((semitones - pitch) * CENTS_PER_SEMITONE, CENTS_DECIMALS) + 0.0  # no -0.0


@dataclass(frozen=True)
class Piece:
    """Music in time with its bars, and the file it came from.

    Args:
        notes: NOTE_DTYPE rows in canonical order (``sort_notes``).
        divs_per_quarter: Time resolution.
        parts: The lanes, in score order (top staff first).
        measures: MEASURE_DTYPE rows, contiguous, covering every note onset.
        tempos: TEMPO_DTYPE rows, increasing; empty means 120.
        keys: KEY_DTYPE rows, increasing; may be empty.
        source: The file it was read from, or None.
    """

    notes: Table
    divs_per_quarter: int
    parts: tuple[Part, ...]
    measures: Table
    tempos: Table = field(default_factory=lambda: np.zeros(0, dtype=TEMPO_DTYPE))
    keys: Table = field(default_factory=lambda: np.zeros(0, dtype=KEY_DTYPE))
    source: Source | None = None

    @property
    def end_div(self) -> int:
        """End of the last bar or the last note, whichever is later, in divs."""
        last_note = int((self.notes["onset_div"] + self.notes["duration_div"]).max()) if len(self.notes) else 0
        last_bar = int(self.measures["end_div"][-1]) if len(self.measures) else 0
        return max(last_note, last_bar)

    @cached_property
    def _tempo_knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Tempo change places in divs, the seconds at each, and seconds per div from there on."""
        divs = [0.0]
        qpm = [DEFAULT_QUARTERS_PER_MINUTE]
        for row in self.tempos:
            if row["onset_div"] <= divs[-1]:
                qpm[-1] = float(row["quarters_per_minute"])
            else:
                divs.append(float(row["onset_div"]))
                qpm.append(float(row["quarters_per_minute"]))
        places = np.array(divs)
        seconds_per_div = 60.0 / (np.array(qpm) * self.divs_per_quarter)
        seconds = np.concatenate([[0.0], np.cumsum(np.diff(places) * seconds_per_div[:-1])])
        return places, seconds, seconds_per_div

    def div_to_seconds(self, div: NDArray[np.int64] | NDArray[np.float64] | int) -> NDArray[np.float64]:
        """Seconds from the start of the piece at each place in divs, through the tempo map."""
        places, seconds, slope = self._tempo_knots
        values = np.asarray(div, dtype=np.float64)
        knot = np.clip(np.searchsorted(places, values, side="right") - 1, 0, None)
        return np.asarray(seconds[knot] + (values - places[knot]) * slope[knot])

    def seconds_to_div(self, time_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Places in divs (not rounded) at each time in seconds; inverse of ``div_to_seconds``."""
        places, seconds, slope = self._tempo_knots
        values = np.asarray(time_s, dtype=np.float64)
        knot = np.clip(np.searchsorted(seconds, values, side="right") - 1, 0, None)
        return np.asarray(places[knot] + (values - seconds[knot]) / slope[knot])

    def quarters(self, div: int) -> Fraction:
        """A place or length in divs as an exact number of quarter notes."""
        return Fraction(int(div), self.divs_per_quarter)

    def measure_at(self, div: int) -> int:
        """Index of the bar that contains this place (the last bar for places after the end)."""
        found = int(np.searchsorted(self.measures["start_div"], div, side="right")) - 1
        return min(max(found, 0), len(self.measures) - 1)

    def key_at(self, div: int) -> tuple[int, int]:
        """Key signature in force: fifths (-7 flats to 7 sharps; 0 when the piece has none) and mode (1, -1 or 0)."""
        found = int(np.searchsorted(self.keys["onset_div"], div, side="right")) - 1
        if found < 0:
            return 0, 0
        return int(self.keys["fifths"][found]), int(self.keys["mode"][found])

    def with_notes(self, notes: Table, source: Source | None = None) -> Piece:
        """The same piece with other notes (and the file that holds them, when there is one)."""
        return replace(self, notes=sort_notes(notes), source=source)

    def rescaled(self, divs_per_quarter: int) -> Piece:
        """The same piece with a finer resolution, a multiple of the present one (ValueError otherwise)."""
        factor, rest = divmod(divs_per_quarter, self.divs_per_quarter)
        if rest or factor < 1:
            raise ValueError(f"divs_per_quarter must be a multiple of {self.divs_per_quarter}, got {divs_per_quarter}")
        if factor == 1:
            return self
        tables = {}
        for name in ("notes", "measures", "tempos", "keys"):
            table = getattr(self, name).copy()
            for column in table.dtype.names:
                if column.endswith("_div"):
                    table[column] *= factor
            tables[name] = table
        return replace(self, divs_per_quarter=divs_per_quarter, **tables)

    def to_score(self) -> symusic.core.ScoreTick:
        """The piece as a ``symusic.Score`` in ticks, one track a lane; cents stay behind, as a track has but one bend at a time.

        Ticks are divs; ``ticks_per_quarter`` is ``divs_per_quarter``. Raises OverflowError past symusic's 2^31 ticks.
        """
        if self.end_div >= 2**31:
            raise OverflowError(f"symusic holds ticks below 2^31, the piece ends at div {self.end_div}")
        score = symusic.Score(self.divs_per_quarter)
        for lane, part in enumerate(self.parts):
            rows = self.notes[self.notes["part"] == lane]
            track = symusic.Track(part.name, part.program, part.is_drum)
            track.notes = symusic.Note.from_numpy(
                rows["onset_div"].astype(np.int32),
                rows["duration_div"].astype(np.int32),
                rows["pitch"].astype(np.int8),
                rows["velocity"].astype(np.int8),
            )
            score.tracks.append(track)
        for row in self.tempos:
            score.tempos.append(symusic.Tempo(int(row["onset_div"]), float(row["quarters_per_minute"])))
        meter: tuple[int, int] | None = None
        for row in self.measures:
            if (int(row["beats"]), int(row["beat_type"])) != meter:
                meter = (int(row["beats"]), int(row["beat_type"]))
                score.time_signatures.append(symusic.TimeSignature(int(row["start_div"]), *meter))
        for row in self.keys:
            score.key_signatures.append(symusic.KeySignature(int(row["onset_div"]), int(row["fifths"]), int(row["mode"] < 0)))
        return score
