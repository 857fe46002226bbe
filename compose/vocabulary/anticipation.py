"""The ``anticipation`` vocabulary: a piece as arrival-time triples (onset, duration, instrument and pitch) on a 10 ms grid.

Conventions: onsets and lengths go through the piece's tempo map to seconds, then to ticks: round(100 * seconds), half to even, as
the published conversion does. A lane's instrument is its program, or 128 for drums; lanes of one instrument cannot be told apart.
Triples stand by onset, then note, then duration. Velocity, tempo, meter, key and voices are not in this vocabulary; a decoded
piece has 50 divs a quarter at 120 quarters a minute (a div is a tick), 4/4 bars and velocity 72, as the published decoder writes.

Source: see ``compose.vocabulary.arrival``, which holds the layout and says what happens past 100 s.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.anticipation_grammar import AnticipationGrammar
from compose.vocabulary.arrival import (
    DRUM_INSTRUMENT,
    MAX_DURATION_TICKS,
    NUM_IDS,
    NUM_PITCHES,
    REST_NOTE,
    TICKS_PER_SECOND,
    Events,
    bridge_gaps,
    empty_events,
    events_to_ids,
    ids_to_events,
    sort_events,
)
from compose.vocabulary.base import Encoding, Grid, Loss, LossKind, LossReport, Tokens, Vocabulary
from compose.vocabulary.losses import cents_loss, controller_loss, note_loss
from corpora.piece import MEASURE_DTYPE, TEMPO_DTYPE, Part, Piece, empty_notes, sort_notes

__all__ = ["Anticipation", "events_to_piece", "piece_to_events"]

DECODED_DIVS_PER_QUARTER: Final = 50
DECODED_QUARTERS_PER_MINUTE: Final = 120.0  # 50 divs * 2 quarters a second = 100 ticks a second
DECODED_VELOCITY: Final = 72
DECODED_DIVS_PER_BAR: Final = 4 * DECODED_DIVS_PER_QUARTER
ROUNDING_NOISE_TICKS: Final = 1e-6  # below it a time is on the grid

Floats = NDArray[np.float64]


class Anticipation(Vocabulary):
    """Arrival-time triples, id-exact with the published layout of 55,028 ids."""

    name: ClassVar[str] = "anticipation"

    @property
    def field_sizes(self) -> tuple[int, ...]:
        """One field of 55,028 ids."""
        return (NUM_IDS,)

    @property
    def grid(self) -> Grid:
        """10 ms."""
        return Grid(Fraction(1, TICKS_PER_SECOND), "seconds")

    def encode(self, piece: Piece) -> Encoding:
        """The piece as triples without flag, any length; every note whose pitch is 0-127 is kept.

        Models read windows of it: ``compose.vocabulary.arrival_windows``. A rest of 100 s or more is bridged by RESTs.
        """
        events, report = piece_to_events(piece)
        return Encoding(Tokens(events_to_ids(bridge_gaps(events)), self), report)

    def decode(self, ids: NDArray[np.int64]) -> Piece:
        """The piece that ids say: controls as notes, RESTs left out, pieces between SEPARATORs one after another.

        Args:
            ids: Shape (steps,): triples, with or without a flag in front.

        Raises:
            ValueError: Ids that are no whole triples; names the triple and what was expected.
        """
        tables = ids_to_events(np.asarray(ids, dtype=np.int64))
        start = 0
        for table in tables:
            table["onset_tick"] += start
            start = int((table["onset_tick"] + table["duration_tick"]).max(initial=start))
        return events_to_piece(np.concatenate(tables) if tables else empty_events())

    def grammar(self) -> AnticipationGrammar:
        """The grammar of one window: see ``AnticipationGrammar``."""
        return AnticipationGrammar()


def piece_to_events(piece: Piece) -> tuple[Events, LossReport]:
    """The notes of a piece as an event table, onsets of any size, and all that the table does not hold.

    Args:
        piece: Any piece.

    Returns:
        EVENT_DTYPE rows by onset, note, duration; and the report.
    """
    notes = piece.notes
    onsets = piece.div_to_seconds(notes["onset_div"]) * TICKS_PER_SECOND
    lengths = piece.div_to_seconds(notes["onset_div"] + notes["duration_div"]) * TICKS_PER_SECOND - onsets
    onset_ticks = np.rint(onsets).astype(np.int64)
    length_ticks = np.rint(lengths).astype(np.int64)
    instruments = np.array([DRUM_INSTRUMENT if part.is_drum else part.program for part in piece.parts], dtype=np.int64)
    fits = (notes["pitch"] >= 0) & (notes["pitch"] < NUM_PITCHES)

    events = empty_events(len(notes))
    events["onset_tick"] = onset_ticks
    events["duration_tick"] = np.minimum(length_ticks, MAX_DURATION_TICKS - 1)
    if len(notes):
        events["note"] = instruments[notes["part"]] * NUM_PITCHES + notes["pitch"]
    kept = events if fits.all() else events[fits]
    return sort_events(kept), _report(piece, instruments, fits, onsets - onset_ticks, lengths - length_ticks, length_ticks)


def _report(
    piece: Piece,
    instruments: NDArray[np.int64],
    fits: NDArray[np.bool_],
    onset_shift: Floats,
    length_shift: Floats,
    ticks: NDArray[np.int64],
) -> LossReport:
    """What the event table of a piece does not hold; shifts in ticks."""
    notes = piece.notes
    clipped = ticks >= MAX_DURATION_TICKS
    emptied = (ticks == 0) & (notes["duration_div"] > 0)
    rounded = (np.abs(length_shift) > ROUNDING_NOISE_TICKS) & ~clipped & ~emptied
    used = np.unique(notes["part"])
    silent = len(piece.parts) - len(used)
    merged = len(used) - len(np.unique(instruments[used]))
    names = tuple(piece.parts[lane].name for lane in used)
    tempos = sum(1 for row in piece.tempos if row["onset_div"] > 0 or row["quarters_per_minute"] != DECODED_QUARTERS_PER_MINUTE)
    return LossReport.of(
        [
            note_loss(LossKind.NOTES_DROPPED, piece, ~fits),
            note_loss(
                LossKind.ONSETS_MOVED,
                piece,
                np.abs(onset_shift) > ROUNDING_NOISE_TICKS,
                onset_shift / TICKS_PER_SECOND,
                "s",
            ),
            note_loss(LossKind.DURATIONS_ROUNDED, piece, rounded, length_shift / TICKS_PER_SECOND, "s"),
            note_loss(
                LossKind.DURATIONS_CLIPPED,
                piece,
                clipped,
                (ticks + length_shift - (MAX_DURATION_TICKS - 1)) / TICKS_PER_SECOND,
                "s",
            ),
            note_loss(LossKind.DURATIONS_EMPTIED, piece, emptied, length_shift / TICKS_PER_SECOND, "s"),
            note_loss(LossKind.VELOCITIES_IGNORED, piece, notes["velocity"] != DECODED_VELOCITY),
            note_loss(LossKind.VOICES_IGNORED, piece, notes["voice"] != 0),
            Loss(LossKind.LANES_MERGED, merged, examples=names[:3] if merged else ()),
            Loss(LossKind.LANES_EMPTY, silent),
            Loss(LossKind.NAMES_IGNORED, len(used), examples=names[:3]),
            Loss(LossKind.TEMPOS_IGNORED, tempos),
            Loss(LossKind.METERS_IGNORED, len(piece.measures)),
            Loss(LossKind.KEYS_IGNORED, len(piece.keys)),
            cents_loss(piece),
            controller_loss(piece),
        ]
    )


def events_to_piece(events: Events) -> Piece:
    """An event table as a piece: one lane an instrument (drums last), RESTs left out, one div a tick.

    Args:
        events: EVENT_DTYPE rows in any order; controls are notes like others.
    """
    events = events[events["note"] != REST_NOTE]
    instruments, lanes = np.unique(events["note"] // NUM_PITCHES, return_inverse=True)
    parts = tuple(_part(int(instrument)) for instrument in instruments)
    notes = empty_notes(len(events))
    notes["onset_div"] = events["onset_tick"]
    notes["duration_div"] = events["duration_tick"]
    notes["pitch"] = events["note"] % NUM_PITCHES
    notes["velocity"] = DECODED_VELOCITY
    notes["part"] = lanes
    notes = sort_notes(notes)
    notes["id"] = np.char.add("n", np.arange(len(notes)).astype("U20"))
    tempos = np.array([(0, DECODED_QUARTERS_PER_MINUTE)], dtype=TEMPO_DTYPE)
    last = max(int((notes["onset_div"] + notes["duration_div"]).max(initial=1)), int(notes["onset_div"].max(initial=0)) + 1)
    return Piece(notes, DECODED_DIVS_PER_QUARTER, parts, _bars(-(-last // DECODED_DIVS_PER_BAR)), tempos)


def _part(instrument: int) -> Part:
    """The lane of an instrument number."""
    if instrument == DRUM_INSTRUMENT:
        return Part("Drums", key=str(instrument), is_drum=True)
    return Part(f"Program {instrument}", key=str(instrument), program=instrument)


def _bars(count: int) -> NDArray[Any]:
    """That many 4/4 bars."""
    bars = np.zeros(count, dtype=MEASURE_DTYPE)
    bars["start_div"] = np.arange(count) * DECODED_DIVS_PER_BAR
    bars["end_div"] = bars["start_div"] + DECODED_DIVS_PER_BAR
    bars["number"] = (np.arange(count) + 1).astype("U16")
    bars["beats"] = bars["beat_type"] = 4
    return bars
