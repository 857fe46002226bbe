"""The ``mt3`` vocabulary: what a recording is written down in, segments of 4 s with time, programs, velocities, pedal and beats.

``compose.vocabulary.mt3_events`` has the ids and their order, ``compose.vocabulary.mt3_grammar`` the grammar. A piece is its
segments one after another. Notes of one program and pitch cannot overlap: a later one ends the earlier, and of two with one onset
the longer (then the louder) stays. Drums have no length. The beats of a piece's bars are in its ids; pedals come from recordings
alone (``transcribe.tokens.segments``). A decoded piece has a div a tick, 4/4 bars at 120 and one lane a program, as that of
``performance``: to fit notes to beats is the work of notation.

Source: Gardner et al., "MT3: Multi-Task Multitrack Music Transcription" (arXiv 2111.03017), section 3.2.
"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.anticipation import DECODED_QUARTERS_PER_MINUTE, ROUNDING_NOISE_TICKS, events_to_piece
from compose.vocabulary.arrival import NUM_PITCHES, TICKS_PER_SECOND, empty_events
from compose.vocabulary.base import Encoding, Grid, Loss, LossKind, LossReport, Tokens, Vocabulary
from compose.vocabulary.losses import cents_loss, controller_loss, note_loss
from compose.vocabulary.mt3_beats import beats_of
from compose.vocabulary.mt3_events import (
    DRUM_PROGRAM,
    NUM_IDS,
    SEGMENT_TICKS,
    TICK_NOTE_DTYPE,
    TickMusic,
    bin_velocity,
    segments_of,
    sort_ticks,
    velocity_bin,
)
from compose.vocabulary.mt3_grammar import Mt3Grammar
from compose.vocabulary.mt3_reader import SegmentReader, split_segments
from corpora.piece import Piece, Table

__all__ = ["Mt3"]

Integers = NDArray[np.int64]


class Mt3(Vocabulary):
    """See the module's text.

    Example:
        >>> Mt3().field_sizes
        (824,)
    """

    name: ClassVar[str] = "mt3"

    @property
    def field_sizes(self) -> tuple[int, ...]:
        """One field of 824 ids."""
        return (NUM_IDS,)

    @property
    def grid(self) -> Grid:
        """10 ms."""
        return Grid(Fraction(1, TICKS_PER_SECOND), "seconds")

    def encode(self, piece: Piece) -> Encoding:
        """The piece as ids of any length, shape (steps,)."""
        ticks = _Ticks(piece)
        beats = beats_of(piece)
        last = max(int(ticks.end[ticks.kept].max(initial=1)), int(beats["tick"].max(initial=0)) + 1)
        music = TickMusic(sort_ticks(ticks.rows()), -(-last // SEGMENT_TICKS), beats=beats)
        ids = np.concatenate(segments_of(music))
        return Encoding(Tokens(ids, self), _report(piece, ticks))

    def decode(self, ids: NDArray[np.int64]) -> Piece:
        """The piece that ids say, one lane a program; what nothing ends sounds to the end of the last segment.

        Args:
            ids: Shape (steps,), whole segments.

        Raises:
            ValueError: Ids that are no music; names the segment, the place in it and what was expected.
        """
        reader = SegmentReader()
        for segment in split_segments(np.asarray(ids, dtype=np.int64)):
            reader.read(segment)
        rows = reader.music().notes
        events = empty_events(len(rows))
        events["onset_tick"] = rows["onset_tick"]
        events["duration_tick"] = rows["end_tick"] - rows["onset_tick"]
        events["note"] = rows["program"] * NUM_PITCHES + rows["pitch"]
        piece = events_to_piece(events)
        notes = piece.notes.copy()  # by onset, lane and pitch, as the rows are
        notes["velocity"] = bin_velocity(rows["velocity_bin"])
        return piece.with_notes(notes)

    def grammar(self) -> Mt3Grammar:
        """The grammar of a stream: see ``Mt3Grammar``."""
        return Mt3Grammar()


class _Ticks:
    """Notes of a piece on the grid; ``kept`` are the places of those that are written."""

    def __init__(self, piece: Piece) -> None:
        notes = piece.notes
        exact = piece.div_to_seconds(notes["onset_div"]) * TICKS_PER_SECOND
        self.lengths = piece.div_to_seconds(notes["onset_div"] + notes["duration_div"]) * TICKS_PER_SECOND - exact
        self.onset = np.rint(exact).astype(np.int64)
        self.shift = exact - self.onset
        self.end = self.onset + np.maximum(np.rint(self.lengths).astype(np.int64), 1)
        programs = np.array([DRUM_PROGRAM if part.is_drum else part.program for part in piece.parts], dtype=np.int64)
        self.program = programs[notes["part"]] if len(notes) else np.zeros(0, dtype=np.int64)
        self.pitch = notes["pitch"].astype(np.int64)
        self.velocity = notes["velocity"].astype(np.int64)
        self.drum = self.program == DRUM_PROGRAM
        self.end[self.drum] = self.onset[self.drum] + 1
        self.fits = (self.pitch >= 0) & (self.pitch < NUM_PITCHES)
        self.told = self.end.copy()  # ends as they are written
        self.kept = self._settle()

    def _settle(self) -> NDArray[np.intp]:
        """One note a program, pitch and tick, ended by the next."""
        found = np.flatnonzero(self.fits)
        loudest = (-self.end[found], -self.velocity[found])
        order = found[np.lexsort((*loudest, self.onset[found], self.pitch[found], self.program[found]))]
        keys = np.stack([self.program[order], self.pitch[order], self.onset[order]])
        order = order[np.concatenate([[True], (np.diff(keys) != 0).any(axis=0)])] if len(order) else order
        same = (np.diff(self.program[order]) == 0) & (np.diff(self.pitch[order]) == 0)
        followed = order[:-1][same]
        self.told[followed] = np.minimum(self.end[followed], self.onset[order[1:][same]])
        return order

    def rows(self) -> Table:
        """TICK_NOTE_DTYPE rows of what is kept."""
        table = np.zeros(len(self.kept), dtype=TICK_NOTE_DTYPE)
        columns = (self.onset, self.told, self.program, self.pitch, velocity_bin(self.velocity))
        for name, column in zip(TICK_NOTE_DTYPE.names or (), columns, strict=True):
            table[name] = column[self.kept]
        return table


def _report(piece: Piece, ticks: _Ticks) -> LossReport:
    """What the ids of a piece do not hold."""
    notes = piece.notes
    kept = np.zeros(len(notes), dtype=np.bool_)
    kept[ticks.kept] = True
    pitched = kept & ~ticks.drum
    clipped = pitched & (ticks.told < ticks.end)
    change = ticks.lengths - (ticks.told - ticks.onset)
    used = np.unique(notes["part"])
    names = tuple(piece.parts[lane].name for lane in used)
    merged = len(used) - len(np.unique(ticks.program[ticks.fits]))
    tempos = sum(1 for row in piece.tempos if row["onset_div"] > 0 or row["quarters_per_minute"] != DECODED_QUARTERS_PER_MINUTE)
    off_bin = kept & (ticks.velocity != bin_velocity(velocity_bin(ticks.velocity)))
    return LossReport.of(
        [
            note_loss(LossKind.NOTES_DROPPED, piece, ~ticks.fits),
            note_loss(LossKind.NOTES_MERGED, piece, ticks.fits & ~kept),
            note_loss(
                LossKind.ONSETS_MOVED,
                piece,
                kept & (np.abs(ticks.shift) > ROUNDING_NOISE_TICKS),
                ticks.shift / TICKS_PER_SECOND,
                "s",
            ),
            note_loss(
                LossKind.DURATIONS_ROUNDED,
                piece,
                pitched & ~clipped & (notes["duration_div"] > 0) & (np.abs(change) > ROUNDING_NOISE_TICKS),
                change / TICKS_PER_SECOND,
                "s",
            ),
            note_loss(
                LossKind.DURATIONS_CLIPPED,
                piece,
                clipped | (kept & ticks.drum & (ticks.lengths > 1 + ROUNDING_NOISE_TICKS)),
                change / TICKS_PER_SECOND,
                "s",
            ),
            note_loss(LossKind.GRACE_NOTES, piece, kept & (notes["duration_div"] == 0)),
            Loss(LossKind.VELOCITIES_QUANTISED, int(off_bin.sum()), 2.0 if off_bin.any() else 0.0, "of 127"),
            note_loss(LossKind.VOICES_IGNORED, piece, notes["voice"] != 0),
            Loss(LossKind.LANES_MERGED, max(merged, 0), examples=names[:3] if merged > 0 else ()),
            Loss(LossKind.LANES_EMPTY, len(piece.parts) - len(used)),
            Loss(LossKind.NAMES_IGNORED, len(used), examples=names[:3]),
            Loss(LossKind.TEMPOS_IGNORED, tempos),
            Loss(LossKind.METERS_IGNORED, len(piece.measures)),
            Loss(LossKind.KEYS_IGNORED, len(piece.keys)),
            cents_loss(piece),
            controller_loss(piece),
        ]
    )
