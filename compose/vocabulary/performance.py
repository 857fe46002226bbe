"""The ``performance`` vocabulary: the 388 events of Performance RNN on a 10 ms grid.

Layout: 0-127 note on, 128-255 note off, 256-355 time shifts of 1 to 100 ticks of 10 ms, 356-387 velocities in 32 bins of 4.
Events of one tick stand in this order: offs by pitch, then ons by pitch, a velocity before the on that changes it. A shift of more
than a second is whole seconds, then the rest. An off ends the note of its pitch that began first, so unisons and repeated notes of
two lanes stay two notes. There is one stream for all lanes: instruments, meter, key and tempo are not in this vocabulary. A decoded
piece is in ``compose.vocabulary.anticipation``'s divs (one a tick), 4/4 bars at 120 quarters a minute.

Source: Oore et al., "This Time with Feeling" (arXiv 1808.03715), section 3; velocity bins and the pairing of offs as in Magenta's
``performance_lib``.
"""

from __future__ import annotations

from collections import defaultdict, deque
from fractions import Fraction
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.anticipation import DECODED_QUARTERS_PER_MINUTE, ROUNDING_NOISE_TICKS, events_to_piece
from compose.vocabulary.arrival import NUM_PITCHES, TICKS_PER_SECOND, empty_events
from compose.vocabulary.base import Encoding, GrammarState, Grid, Loss, LossKind, LossReport, Meaning, Tokens, Vocabulary
from compose.vocabulary.losses import cents_loss, controller_loss, note_loss
from corpora.piece import Piece

__all__ = [
    "NOTE_OFF",
    "NOTE_ON",
    "NUM_EVENTS",
    "TIME_SHIFT",
    "VELOCITY",
    "Performance",
    "PerformanceGrammar",
    "note_events",
    "velocity_bin",
]

NOTE_ON: Final = 0
NOTE_OFF: Final = NUM_PITCHES
TIME_SHIFT: Final = 2 * NUM_PITCHES
MAX_SHIFT_TICKS: Final = TICKS_PER_SECOND
VELOCITY: Final = TIME_SHIFT + MAX_SHIFT_TICKS
VELOCITY_BINS: Final = 32
VELOCITY_WIDTH: Final = 4
NUM_EVENTS: Final = VELOCITY + VELOCITY_BINS

Integers = NDArray[np.int64]


def velocity_bin(velocity: Integers) -> Integers:
    """Bins 0-31 of MIDI velocities; 1-4 is the first, 0 counts as 1."""
    return np.asarray((np.clip(velocity, 1, 127) - 1) // VELOCITY_WIDTH)


class Performance(Vocabulary):
    """See the module's text.

    Example:
        >>> Performance().field_sizes
        (388,)
    """

    name: ClassVar[str] = "performance"

    @property
    def field_sizes(self) -> tuple[int, ...]:
        """One field of 388 events."""
        return (NUM_EVENTS,)

    @property
    def grid(self) -> Grid:
        """10 ms."""
        return Grid(Fraction(1, TICKS_PER_SECOND), "seconds")

    def encode(self, piece: Piece) -> Encoding:
        """The piece as events, shape (events,); every note whose pitch is 0-127 is kept, the shortest as long as one tick."""
        notes = piece.notes
        exact = piece.div_to_seconds(notes["onset_div"]) * TICKS_PER_SECOND
        lengths = piece.div_to_seconds(notes["onset_div"] + notes["duration_div"]) * TICKS_PER_SECOND - exact
        onset = np.rint(exact).astype(np.int64)
        end = onset + np.maximum(np.rint(lengths).astype(np.int64), 1)
        fits = (notes["pitch"] >= 0) & (notes["pitch"] < NUM_PITCHES)
        kept = np.flatnonzero(fits)
        kept = kept[np.lexsort((end[kept], notes["pitch"][kept], onset[kept]))]
        ids = note_events(
            onset[kept], end[kept], notes["pitch"][kept].astype(np.int64), velocity_bin(notes["velocity"][kept].astype(np.int64))
        )
        report = _report(piece, fits, exact - onset, lengths, (end - onset).astype(np.float64), kept, onset, end)
        return Encoding(Tokens(ids, self), report)

    def decode(self, ids: NDArray[np.int64]) -> Piece:
        """The piece that ids say; notes that nothing ends sound to the end.

        Args:
            ids: Shape (events,).

        Raises:
            ValueError: An id outside 0-387, or an off of a pitch that does not sound; names the place.
        """
        open_notes: dict[int, deque[int]] = defaultdict(deque)
        rows: list[list[int]] = []  # onset, end, pitch, velocity
        tick, velocity = 0, 17
        for place, event in enumerate(np.asarray(ids, dtype=np.int64).tolist()):
            if not 0 <= event < NUM_EVENTS:
                raise ValueError(f"id {event} at {place}: expected 0 to {NUM_EVENTS - 1}")
            if event < NOTE_OFF:
                open_notes[event].append(len(rows))
                rows.append([tick, -1, event, velocity])
            elif event < TIME_SHIFT:
                if not open_notes[event - NOTE_OFF]:
                    raise ValueError(f"id {event} at {place}: pitch {event - NOTE_OFF} does not sound")
                rows[open_notes[event - NOTE_OFF].popleft()][1] = tick
            elif event < VELOCITY:
                tick += event - TIME_SHIFT + 1
            else:
                velocity = event - VELOCITY
        table = empty_events(len(rows))
        if rows:
            columns = np.array(rows, dtype=np.int64)
            ends = np.where(columns[:, 1] < 0, tick, columns[:, 1])
            table["onset_tick"] = columns[:, 0]
            table["duration_tick"] = ends - columns[:, 0]
            table["note"] = columns[:, 2]
        piece = events_to_piece(table)
        if not rows:
            return piece
        # The notes of a piece stand by onset, lane, pitch: find each row's velocity in that order.
        louder = piece.notes.copy()
        order = np.lexsort((ends - columns[:, 0], columns[:, 2], columns[:, 0]))
        back = np.lexsort((louder["duration_div"], louder["pitch"], louder["onset_div"]))
        louder["velocity"][back] = 1 + VELOCITY_WIDTH * columns[order, 3]
        return piece.with_notes(louder)

    def grammar(self) -> PerformanceGrammar:
        """The grammar of a stream: see ``PerformanceGrammar``."""
        return PerformanceGrammar()


def note_events(onset: Integers, end: Integers, pitch: Integers, velocity: Integers) -> Integers:
    """Events of notes, shape (events,).

    Args:
        onset, end, pitch, velocity: Of notes sorted by onset, pitch, end; ticks of 10 ms, and velocity bins. Shape (notes,) each.
    """
    changes = np.flatnonzero(np.diff(velocity, prepend=-1))
    count = np.arange(len(onset))
    # Kinds at one tick: offs (0) before ons (1); a velocity stands half a place before its on.
    ticks = np.concatenate([end, onset[changes], onset])
    kinds = np.concatenate([np.zeros(len(end), np.int64), np.ones(len(changes) + len(onset), np.int64)])
    ranks = np.concatenate([2 * pitch, 2 * count[changes], 2 * count + 1])
    events = np.concatenate([NOTE_OFF + pitch, VELOCITY + velocity[changes], NOTE_ON + pitch])
    order = np.lexsort((ranks, kinds, ticks))
    ticks, events = ticks[order], events[order]
    gaps = np.diff(ticks, prepend=0)
    whole, rest = gaps // MAX_SHIFT_TICKS, gaps % MAX_SHIFT_TICKS
    # In front of every event: `whole` shifts of a second, then the rest.
    shifts = whole + (rest > 0)
    out = np.full(len(events) + int(shifts.sum()), TIME_SHIFT + MAX_SHIFT_TICKS - 1, dtype=np.int64)
    places = np.arange(len(events)) + np.cumsum(shifts)
    out[places] = events
    partial = rest > 0
    out[places[partial] - 1] = TIME_SHIFT + rest[partial] - 1
    return out


def _exchanged(onset: Integers, end: Integers, pitch: Integers) -> NDArray[np.bool_]:
    """Which notes (sorted by onset, pitch, end) end with another's off, as an off ends the note of its pitch that began first."""
    order = np.lexsort((end, pitch))
    begun = np.lexsort((onset, pitch))
    swapped = np.zeros(len(onset), dtype=np.bool_)
    swapped[begun] = end[begun] != end[order]
    return swapped


def _report(
    piece: Piece,
    fits: NDArray[np.bool_],
    onset_shift: NDArray[np.float64],
    lengths: NDArray[np.float64],
    ticks: NDArray[np.float64],
    kept: NDArray[np.intp],
    onset: Integers,
    end: Integers,
) -> LossReport:
    """What the events of a piece do not hold; shifts and lengths in ticks."""
    notes = piece.notes
    swapped = np.zeros(len(notes), dtype=np.bool_)
    swapped[kept] = _exchanged(onset[kept], end[kept], notes["pitch"][kept].astype(np.int64))
    used = np.unique(notes["part"])
    names = tuple(piece.parts[lane].name for lane in used)
    rounded = np.abs(lengths - ticks) > ROUNDING_NOISE_TICKS
    off_bin = (np.clip(notes["velocity"], 0, 127) - 1) % VELOCITY_WIDTH != 0
    tempos = sum(1 for row in piece.tempos if row["onset_div"] > 0 or row["quarters_per_minute"] != DECODED_QUARTERS_PER_MINUTE)
    return LossReport.of(
        [
            note_loss(LossKind.NOTES_DROPPED, piece, ~fits),
            note_loss(
                LossKind.ONSETS_MOVED, piece, np.abs(onset_shift) > ROUNDING_NOISE_TICKS, onset_shift / TICKS_PER_SECOND, "s"
            ),
            note_loss(
                LossKind.DURATIONS_ROUNDED,
                piece,
                rounded & (notes["duration_div"] > 0),
                (lengths - ticks) / TICKS_PER_SECOND,
                "s",
            ),
            note_loss(LossKind.GRACE_NOTES, piece, notes["duration_div"] == 0),
            note_loss(LossKind.DURATIONS_EXCHANGED, piece, swapped),
            Loss(LossKind.VELOCITIES_QUANTISED, int(off_bin.sum()), float(VELOCITY_WIDTH - 1), "of 127"),
            note_loss(LossKind.VOICES_IGNORED, piece, notes["voice"] != 0),
            Loss(LossKind.LANES_MERGED, max(len(used) - 1, 0), examples=names[:3] if len(used) > 1 else ()),
            Loss(LossKind.INSTRUMENTS_IGNORED, sum(piece.parts[lane].is_drum or piece.parts[lane].program > 0 for lane in used)),
            Loss(LossKind.LANES_EMPTY, len(piece.parts) - len(used)),
            Loss(LossKind.NAMES_IGNORED, len(used), examples=names[:3]),
            Loss(LossKind.TEMPOS_IGNORED, tempos),
            Loss(LossKind.METERS_IGNORED, len(piece.measures)),
            Loss(LossKind.KEYS_IGNORED, len(piece.keys)),
            cents_loss(piece),
            controller_loss(piece),
        ]
    )


class PerformanceGrammar(GrammarState):
    """Which events may come next: those that ``Performance.encode`` could have written.

    Args:
        max_open: How many notes may sound at once.
    """

    def __init__(self, max_open: int = 10 * VELOCITY_BINS) -> None:
        self.max_open = max_open
        self.open_notes = np.zeros(NUM_PITCHES, dtype=np.int64)  # how many of each pitch sound
        self.tick = 0
        self._velocity = -1  # bin in force, -1 before the first
        self._last = -1  # event before, -1 at the start
        self._off = self._on = -1  # pitches of the last off and on of this tick

    @property
    def meaning(self) -> Meaning:
        """START before the first event; then what comes may be anything: ONSET, but the pitch after a velocity."""
        if self._last < 0:
            return Meaning.START
        return Meaning.PITCH if self._last >= VELOCITY else Meaning.ONSET

    @property
    def may_end(self) -> bool:
        """True when nothing sounds, a velocity is not left alone and the stream does not end on a rest."""
        return not self.open_notes.any() and self._last < TIME_SHIFT

    def mask(self) -> NDArray[np.bool_]:
        """Which events may come, shape (388,)."""
        allowed = np.zeros(NUM_EVENTS, dtype=np.bool_)
        room = self.open_notes.sum() < self.max_open
        if room and self._velocity >= 0:
            allowed[max(self._on, 0) : NOTE_OFF] = True
        if self._last >= VELOCITY:
            return allowed
        if self._on < 0:
            sounding = self.open_notes > 0
            sounding[: max(self._off, 0)] = False
            allowed[NOTE_OFF:TIME_SHIFT] = sounding
        if not TIME_SHIFT <= self._last < VELOCITY - 1:  # only a whole second is followed by a further shift
            allowed[TIME_SHIFT:VELOCITY] = True
        if room:
            allowed[VELOCITY:] = True
            if self._velocity >= 0:
                allowed[VELOCITY + self._velocity] = False
        return allowed

    def push(self, token: int) -> None:
        """Take the next event.

        Raises:
            ValueError: The grammar does not allow it here.
        """
        if not 0 <= token < NUM_EVENTS or not self.mask()[token]:
            raise ValueError(f"id {token} after {self._last}: expected {self._expected()}")
        if token < NOTE_OFF:
            self.open_notes[token] += 1
            self._on = token
        elif token < TIME_SHIFT:
            self.open_notes[token - NOTE_OFF] -= 1
            self._off = token - NOTE_OFF
        elif token < VELOCITY:
            self.tick += token - TIME_SHIFT + 1
            self._on = self._off = -1
        else:
            self._velocity = token - VELOCITY
        self._last = token

    def _expected(self) -> str:
        if self._last >= VELOCITY:
            return f"a note on from pitch {max(self._on, 0)} up, which the velocity is for"
        return "an event of 0 to 387 in the order off, velocity, on, shift; offs for what sounds alone"
