"""The ``remi`` vocabulary: bars, places in the bar and notes as a flat stream of small ids (REMI+ with programs and meters).

A stream is bars: BAR, its meter, then for every place in the bar that has something POSITION, a TEMPO where it changes, and the
notes as PROGRAM, PITCH (or DRUM), VELOCITY, DURATION, by program and pitch. Token types and their order are those of MidiTok's REMI
with programs, tempos, meters and separate drum pitches, 24 positions to the quarter and 32 velocities (``NAMES`` gives the same
names, the tests compare); beyond it bars of any length have an id, so pickups stay pickups, and notes of one program that stand
twice are two.

Source: Huang and Yang, "Pop Music Transformer" (arXiv 2002.00212), section 3; programs and meters: von Rütte et al., FIGARO
(arXiv 2201.10936), section 3.1.
"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, STEPS_PER_QUARTER
from compose.vocabulary.base import Encoding, GrammarState, Grid, Meaning, Tokens, Vocabulary
from compose.vocabulary.beat_table import (
    LENGTHS,
    NUM_METERS,
    NUM_PROGRAMS,
    NUM_TEMPOS,
    NUM_VELOCITIES,
    VELOCITY_WIDTH,
    bar_steps,
    from_piece,
    make_table,
    meter_is_known,
    to_piece,
)
from compose.vocabulary.measured_fields import CHUNK_STEPS, DRUMS, DURATION_STEPS, meter_of, tempo_of
from corpora.piece import Piece

__all__ = [
    "BAR",
    "DRUM",
    "DURATION",
    "METER",
    "NUM_IDS",
    "PITCH",
    "POSITION",
    "PROGRAM",
    "TEMPO",
    "VELOCITY",
    "Remi",
    "RemiGrammar",
    "name_of",
]

BAR: Final = 0
METER: Final = 1
POSITION: Final = METER + NUM_METERS
TEMPO: Final = POSITION + CHUNK_STEPS
PROGRAM: Final = TEMPO + NUM_TEMPOS
PITCH: Final = PROGRAM + NUM_PROGRAMS
DRUM: Final = PITCH + NUM_PITCHES
VELOCITY: Final = DRUM + NUM_PITCHES
DURATION: Final = VELOCITY + NUM_VELOCITIES
NUM_IDS: Final = DURATION + len(DURATION_STEPS)

_STARTS: Final = np.array([BAR, METER, POSITION, TEMPO, PROGRAM, PITCH, DRUM, VELOCITY, DURATION])
_TYPES: Final = ("Bar", "TimeSig", "Position", "Tempo", "Program", "Pitch", "PitchDrum", "Velocity", "Duration")
# What may follow each type; "" is the start.
_FOLLOWS: Final = {
    "": ("Bar",),
    "Bar": ("TimeSig",),
    "TimeSig": ("Bar", "Position"),
    "Position": ("Tempo", "Program"),
    "Tempo": ("Bar", "Position", "Program"),
    "Program": ("Pitch", "PitchDrum"),
    "Pitch": ("Velocity",),
    "PitchDrum": ("Velocity",),
    "Velocity": ("Duration",),
    "Duration": ("Bar", "Position", "Program"),
}
_MEANINGS: Final = {
    "": Meaning.START,
    "Bar": Meaning.TIME_STATE,
    "TimeSig": Meaning.ONSET,
    "Position": Meaning.INSTRUMENT,
    "Tempo": Meaning.INSTRUMENT,
    "Program": Meaning.PITCH,
    "Pitch": Meaning.VELOCITY,
    "PitchDrum": Meaning.VELOCITY,
    "Velocity": Meaning.DURATION,
    "Duration": Meaning.ONSET,
}


def _type_of(token: int) -> str:
    return _TYPES[int(np.searchsorted(_STARTS, token, side="right")) - 1]


def name_of(token: int) -> str:
    """An id in MidiTok's words, for example ``Pitch_60`` or ``Duration_1.0.24``; lengths of bars are in 96ths.

    Raises:
        ValueError: No id of this vocabulary.
    """
    if not 0 <= token < NUM_IDS:
        raise ValueError(f"id {token}: expected 0 to {NUM_IDS - 1}")
    kind = _type_of(token)
    value = token - int(_STARTS[_TYPES.index(kind)])
    if kind == "TimeSig":
        beats, beat_type = meter_of(value) or (value - LENGTHS + 1, 4 * STEPS_PER_QUARTER)
        return f"TimeSig_{beats}/{beat_type}"
    if kind == "Duration":
        beats, steps = divmod(int(DURATION_STEPS[value]), STEPS_PER_QUARTER)
        # From eight quarters on only whole ones are told apart.
        return f"Duration_{beats}.{steps}.{STEPS_PER_QUARTER if beats < CHUNK_STEPS // STEPS_PER_QUARTER else 1}"
    shown = {
        "Bar": "None",
        "Tempo": f"{tempo_of(value):.1f}",
        "Program": str(-1 if value == DRUMS else value),
        "Velocity": str(VELOCITY_WIDTH * value + 3),
    }
    return f"{kind}_{shown.get(kind, value)}"


class Remi(Vocabulary):
    """See the module's text.

    Example:
        >>> name_of(Remi().grammar().mask().argmax())
        'Bar_None'
    """

    name: ClassVar[str] = "remi"

    @property
    def field_sizes(self) -> tuple[int, ...]:
        """One field."""
        return (NUM_IDS,)

    @property
    def grid(self) -> Grid:
        """24 steps to the quarter."""
        return Grid(Fraction(1, STEPS_PER_QUARTER), "quarters")

    def encode(self, piece: Piece) -> Encoding:
        """The piece as ids, shape (ids,); every note whose pitch is 0-127 is kept."""
        table, report = from_piece(piece)
        notes, tempos, bars = table.notes, table.tempos, np.arange(len(table.meters), dtype=np.int64)
        moments = np.unique(np.concatenate([notes[:, :2], tempos[:, :2]]), axis=0)
        is_drum = notes[:, 2] == DRUMS
        blocks = (
            (bars * (CHUNK_STEPS + 1), 0, np.stack([np.full(len(bars), BAR), METER + table.meters], axis=1)),
            (_moment(moments), 1, POSITION + moments[:, 1:]),
            (_moment(tempos), 2, TEMPO + tempos[:, 2:]),
            (
                _moment(notes),
                3,
                np.stack(
                    [
                        PROGRAM + notes[:, 2],
                        np.where(is_drum, DRUM, PITCH) + notes[:, 3],
                        VELOCITY + notes[:, 5],
                        DURATION + notes[:, 4],
                    ],
                    axis=1,
                ),
            ),
        )
        keys = np.concatenate([np.repeat(4 * moment + rank, ids.shape[1]) for moment, rank, ids in blocks])
        ids = np.concatenate([ids.ravel() for _, _, ids in blocks])
        return Encoding(Tokens(ids[np.argsort(keys, kind="stable")], self), report)

    def decode(self, ids: NDArray[np.int64]) -> Piece:
        """The piece that ids say; see ``beat_table.to_piece``.

        Raises:
            ValueError: Ids that are no music: an unknown one, one that may not follow, a place outside its bar; names it.
        """
        tokens = np.asarray(ids, dtype=np.int64)
        if len(tokens) and not ((tokens >= 0) & (tokens < NUM_IDS)).all():
            raise ValueError(f"id {tokens[(tokens < 0) | (tokens >= NUM_IDS)][0]}: expected 0 to {NUM_IDS - 1}")
        kinds = np.searchsorted(_STARTS, tokens, side="right") - 1
        meters: list[int] = []
        tempos: list[tuple[int, int, int]] = []
        notes: list[tuple[int, ...]] = []
        place = program = pitch = velocity = 0
        before = ""
        for index, (token, number, value) in enumerate(
            zip(tokens.tolist(), kinds.tolist(), (tokens - _STARTS[kinds]).tolist(), strict=True)
        ):
            kind = _TYPES[number]
            if kind not in _FOLLOWS[before]:
                raise ValueError(f"{name_of(token)} at {index}: expected {' or '.join(_FOLLOWS[before])}")
            before = kind
            if kind == "TimeSig":
                if not meter_is_known(value):
                    raise ValueError(f"id {token} at {index} is no meter")
                meters.append(value)
            elif kind == "Position":
                place = value
                if place >= bar_steps(meters[-1]):
                    raise ValueError(f"{name_of(token)} at {index}: the bar has {bar_steps(meters[-1])} positions")
            elif kind == "Tempo":
                tempos.append((len(meters) - 1, place, value))
            elif kind == "Program":
                program = value
            elif kind in ("Pitch", "PitchDrum"):
                if (kind == "PitchDrum") != (program == DRUMS):
                    raise ValueError(f"{name_of(token)} at {index}: drum pitches belong to program -1 and to no other")
                pitch = value
            elif kind == "Velocity":
                velocity = value
            elif kind == "Duration":
                notes.append((len(meters) - 1, place, program, pitch, value, velocity))
        return to_piece(make_table(meters, tempos, notes))

    def grammar(self) -> RemiGrammar:
        """The grammar of a stream: see ``RemiGrammar``."""
        return RemiGrammar()


def _moment(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bar and place in one number that sorts like them, above the number of the bar's own ids."""
    return np.asarray(rows[:, 0] * (CHUNK_STEPS + 1) + 1 + rows[:, 1])


_METERS: Final = np.array([meter_is_known(meter) for meter in range(NUM_METERS)])


class RemiGrammar(GrammarState):
    """Which ids may come next: those that ``Remi.encode`` could have written."""

    def __init__(self) -> None:
        self._before = ""
        self._bar_steps = 0
        self._place = -1
        self._program = self._pitch = -1  # of the note before at this place
        self._tempo = -1

    @property
    def meaning(self) -> Meaning:
        """What most of the ids that may come decide."""
        return _MEANINGS[self._before]

    @property
    def may_end(self) -> bool:
        """True when every bar, place and note begun is complete."""
        return self._before in ("TimeSig", "Tempo", "Duration")

    def mask(self) -> NDArray[np.bool_]:
        """Which ids may come, shape (ids,)."""
        allowed = np.zeros(NUM_IDS, dtype=np.bool_)
        for kind in _FOLLOWS[self._before]:
            if kind == "Bar":
                allowed[BAR] = True
            elif kind == "TimeSig":
                allowed[METER:POSITION] = _METERS
            elif kind == "Position":
                allowed[POSITION + self._place + 1 : POSITION + self._bar_steps] = True
            elif kind == "Tempo":
                allowed[TEMPO + 1 : PROGRAM] = True
                if self._tempo >= 0:
                    allowed[TEMPO + self._tempo] = False
            elif kind == "Program":
                allowed[PROGRAM:PITCH] = True
            elif kind == "Pitch" and self._program != DRUMS:
                allowed[PITCH + max(self._pitch, 0) : DRUM] = True
            elif kind == "PitchDrum" and self._program == DRUMS:
                allowed[DRUM + max(self._pitch, 0) : VELOCITY] = True
            elif kind == "Velocity":
                allowed[VELOCITY:DURATION] = True
            elif kind == "Duration":
                allowed[DURATION:] = True
        return allowed

    def push(self, token: int) -> None:
        """Take the next id.

        Raises:
            ValueError: The grammar does not allow it here.
        """
        if not 0 <= token < NUM_IDS or not self.mask()[token]:
            raise ValueError(
                f"id {token} after {self._before or 'nothing'}: expected {' or '.join(_FOLLOWS[self._before])} in order"
            )
        kind = _type_of(token)
        value = token - int(_STARTS[_TYPES.index(kind)])
        if kind == "TimeSig":
            self._bar_steps, self._place = bar_steps(value), -1
        elif kind == "Position":
            self._place, self._program, self._pitch = value, -1, -1
        elif kind == "Tempo":
            self._tempo = value
        elif kind == "Program":
            if value != self._program:
                self._program, self._pitch = value, -1
        elif kind in ("Pitch", "PitchDrum"):
            self._pitch = value
        self._before = kind
