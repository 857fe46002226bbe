"""The ``compound`` vocabulary: one step a bar line, a place in the bar or a note, each of eight fields (compound words).

| field    | bar (family 0)  | place (family 0)        | note (family 1)      |
|----------|-----------------|-------------------------|----------------------|
| family   | METRIC          | METRIC                  | NOTE                 |
| beat     | 1, the bar line | 2 + place in the bar    |                      |
| pitch    |                 |                         | 1 + pitch            |
| velocity |                 |                         | 1 + bin              |
| duration |                 |                         | 1 + class            |
| program  |                 |                         | 1 + program          |
| tempo    |                 | the tempo in force      |                      |
| meter    | 1 + meter       |                         |                      |

0 means "ignored" in all fields but the first. Field by field these are the words of MidiTok's CPWord with programs, tempos and
meters, but that drums have no pitches of their own (the program says it); times, meters and durations are those of ``remi``. The
fields of a step are decided in the order of the table.

Source: Hsiao et al., "Compound Word Transformer" (arXiv 2101.02402), section 3.
"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, STEPS_PER_QUARTER
from compose.vocabulary.base import Encoding, GrammarState, Grid, Meaning, Tokens, Vocabulary
from compose.vocabulary.beat_table import (
    NUM_METERS,
    NUM_PROGRAMS,
    NUM_TEMPOS,
    NUM_VELOCITIES,
    bar_steps,
    from_piece,
    make_table,
    meter_is_known,
    to_piece,
)
from compose.vocabulary.measured_fields import CHUNK_STEPS, DURATION_STEPS, tempo_id
from corpora.piece import DEFAULT_QUARTERS_PER_MINUTE, Piece

__all__ = ["BAR_LINE", "FIELD_SIZES", "METRIC", "NOTE", "Compound", "CompoundGrammar"]

FAMILY, BEAT, PITCH, VELOCITY, DURATION, PROGRAM, TEMPO, METER = range(8)
METRIC, NOTE = 0, 1
BAR_LINE: Final = 1
FIELD_SIZES: Final = (
    2,
    2 + CHUNK_STEPS,
    1 + NUM_PITCHES,
    1 + NUM_VELOCITIES,
    1 + len(DURATION_STEPS),
    1 + NUM_PROGRAMS,
    NUM_TEMPOS,
    1 + NUM_METERS,
)
_MEANINGS: Final = (
    Meaning.TIME_STATE,
    Meaning.ONSET,
    Meaning.PITCH,
    Meaning.VELOCITY,
    Meaning.DURATION,
    Meaning.INSTRUMENT,
    Meaning.TIME_STATE,
    Meaning.TIME_STATE,
)
_METERS: Final = np.array([False, *(meter_is_known(meter) for meter in range(NUM_METERS))])
DEFAULT_TEMPO: Final = tempo_id(DEFAULT_QUARTERS_PER_MINUTE)


class Compound(Vocabulary):
    """See the module's text.

    Example:
        >>> len(Compound().field_sizes)
        8
    """

    name: ClassVar[str] = "compound"

    @property
    def field_sizes(self) -> tuple[int, ...]:
        """Sizes of the eight fields."""
        return FIELD_SIZES

    @property
    def grid(self) -> Grid:
        """24 steps to the quarter."""
        return Grid(Fraction(1, STEPS_PER_QUARTER), "quarters")

    def encode(self, piece: Piece) -> Encoding:
        """The piece as steps, shape (steps, 8); every note whose pitch is 0-127 is kept."""
        table, report = from_piece(piece)
        notes, tempos = table.notes, table.tempos
        moments = np.unique(np.concatenate([notes[:, :2], tempos[:, :2]]), axis=0)
        width = CHUNK_STEPS + 1
        at = moments[:, 0] * width + 1 + moments[:, 1]
        lines = np.zeros((len(table.meters), 8), dtype=np.int64)
        lines[:, BEAT], lines[:, METER] = BAR_LINE, 1 + table.meters
        places = np.zeros((len(moments), 8), dtype=np.int64)
        places[:, BEAT] = 2 + moments[:, 1]
        in_force = np.searchsorted(tempos[:, 0] * width + 1 + tempos[:, 1], at, side="right")
        places[:, TEMPO] = np.concatenate([[DEFAULT_TEMPO], tempos[:, 2]])[in_force]
        words = np.zeros((len(notes), 8), dtype=np.int64)
        words[:, FAMILY] = NOTE
        words[:, PROGRAM], words[:, PITCH] = 1 + notes[:, 2], 1 + notes[:, 3]
        words[:, DURATION], words[:, VELOCITY] = 1 + notes[:, 4], 1 + notes[:, 5]
        keys = np.concatenate(
            [
                3 * np.arange(len(lines), dtype=np.int64) * width,
                3 * at + 1,
                3 * (notes[:, 0] * width + 1 + notes[:, 1]) + 2,
            ]
        )
        steps = np.concatenate([lines, places, words])
        return Encoding(Tokens(steps[np.argsort(keys, kind="stable")], self), report)

    def decode(self, ids: NDArray[np.int64]) -> Piece:
        """The piece that steps say; see ``beat_table.to_piece``. A tempo that a place repeats is no change.

        Raises:
            ValueError: Steps that are no music; names the step and what was expected.
        """
        steps = np.asarray(ids, dtype=np.int64).reshape(-1, 8)
        if len(steps) and not ((steps >= 0) & (steps < np.array(FIELD_SIZES))).all():
            bad = int(np.flatnonzero(((steps < 0) | (steps >= np.array(FIELD_SIZES))).any(axis=1))[0])
            raise ValueError(f"step {bad}: an id outside its field, sizes {FIELD_SIZES}")
        meters: list[int] = []
        tempos: list[tuple[int, int, int]] = []
        notes: list[tuple[int, ...]] = []
        place, tempo = -1, DEFAULT_TEMPO
        for index, (family, beat, pitch, velocity, duration, program, fast, meter) in enumerate(steps.tolist()):
            if family == NOTE:
                if place < 0 or not (pitch and velocity and duration and program):
                    raise ValueError(f"step {index}: a note stands after a place and has pitch, velocity, duration and program")
                notes.append((len(meters) - 1, place, program - 1, pitch - 1, duration - 1, velocity - 1))
            elif beat == BAR_LINE:
                if not _METERS[meter]:
                    raise ValueError(f"step {index}: a bar line needs a meter")
                meters.append(meter - 1)
                place = -1
            else:
                if not meters or beat < BAR_LINE or beat - 2 >= bar_steps(meters[-1]) or not fast:
                    raise ValueError(f"step {index}: expected a place of the bar and a tempo")
                place = beat - 2
                if fast != tempo:
                    tempos.append((len(meters) - 1, place, fast))
                    tempo = fast
        return to_piece(make_table(meters, tempos, notes))

    def grammar(self) -> CompoundGrammar:
        """The grammar of a stream: see ``CompoundGrammar``."""
        return CompoundGrammar()


class CompoundGrammar(GrammarState):
    """Which ids may come next: those that ``Compound.encode`` could have written. Notes of a place rise, and so do places."""

    def __init__(self) -> None:
        self._step: list[int] = []
        self._bar_steps = 0
        self._place = -1  # of the bar, -1 at its line
        self._note = (-1, -1)  # program and pitch of the note before at this place
        self._has_notes = True  # whether the place has one
        self._tempo = DEFAULT_TEMPO
        self._changed = False  # whether the place changed the tempo, which is reason enough for it

    @property
    def field(self) -> int:
        """Which field is under construction, 0 to 7."""
        return len(self._step)

    @property
    def meaning(self) -> Meaning:
        """What the field decides."""
        return Meaning.START if not self._bar_steps and not self._step else _MEANINGS[self.field]

    @property
    def may_end(self) -> bool:
        """True after a bar line, and after a place that has a note or changes the tempo."""
        return not self._step and self._bar_steps > 0 and (self._has_notes or self._changed)

    def mask(self) -> NDArray[np.bool_]:
        """Which ids of the field may come, shape (ids of the field,)."""
        allowed = np.zeros(FIELD_SIZES[self.field], dtype=np.bool_)
        if self.field == FAMILY:
            allowed[METRIC] = not self._bar_steps or self._has_notes or self._changed
            allowed[NOTE] = self._place >= 0 and self._note != (NUM_PROGRAMS - 1, NUM_PITCHES)
            return allowed
        if self._step[FAMILY] == NOTE:
            if self.field in (BEAT, TEMPO, METER):
                allowed[0] = True
            elif self.field == PROGRAM:
                # The pitch is decided before the program: one that does not rise needs a later program.
                last_program, last_pitch = self._note
                allowed[1 + max(last_program, 0) + (self._step[PITCH] - 1 < last_pitch) :] = True
            elif self.field == PITCH:
                allowed[1 + (max(self._note[1], 0) if self._note[0] == NUM_PROGRAMS - 1 else 0) :] = True
            else:
                allowed[1:] = True
            return allowed
        is_line = self.field > BEAT and self._step[BEAT] == BAR_LINE
        if self.field == BEAT:
            allowed[BAR_LINE] = True
            allowed[2 + self._place + 1 : 2 + self._bar_steps] = True
        elif self.field == TEMPO and not is_line:
            allowed[1:] = True
        elif self.field == METER and is_line:
            allowed[:] = _METERS
        else:
            allowed[0] = True
        return allowed

    def push(self, token: int) -> None:
        """Take the next id.

        Raises:
            ValueError: The grammar does not allow it here.
        """
        mask = self.mask()
        if not 0 <= token < len(mask) or not mask[token]:
            raise ValueError(f"id {token} in field {self.field}: expected one of {np.flatnonzero(mask)[:8].tolist()}...")
        self._step.append(token)
        if len(self._step) == len(FIELD_SIZES):
            self._close()

    def _close(self) -> None:
        family, beat, pitch, _, _, program, tempo, meter = self._step
        self._step = []
        if family == NOTE:
            self._note, self._has_notes = (program - 1, pitch - 1), True
        elif beat == BAR_LINE:
            self._bar_steps, self._place, self._has_notes = bar_steps(meter - 1), -1, True
        else:
            self._place, self._note, self._has_notes = beat - 2, (-1, -1), False
            self._changed = tempo != self._tempo
            self._tempo = tempo
