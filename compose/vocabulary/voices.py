"""``voices``: four monophonic parts on a grid of sixteenths, one step a frame, one field a part, for the chorale benchmark.

Ids are 0 for silence and 1.. for MIDI pitches from 30 (F#1) to 87 (D#6). Held and repeated notes are not told apart
(the JSB sixteenth-grid data does not either): a repeated pitch is one longer note, and the report counts it as merged.
"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from compose.canvas import STEPS_PER_QUARTER
from compose.vocabulary.bars import to_steps
from compose.vocabulary.base import Encoding, GrammarState, Grid, Loss, LossKind, LossReport, Meaning, Tokens, Vocabulary
from compose.vocabulary.losses import cents_loss
from corpora.errors import InputError
from corpora.piece import DEFAULT_VELOCITY, MEASURE_DTYPE, NOTE_DTYPE, Part, Piece, sort_notes

__all__ = [
    "FRAMES_PER_QUARTER",
    "LOWEST_PITCH",
    "NUM_PITCH_IDS",
    "NUM_VOICES",
    "STEPS_PER_FRAME",
    "Voices",
    "frame_ids",
    "frame_pitches",
]

NUM_VOICES = 4
FRAMES_PER_QUARTER = 4
STEPS_PER_FRAME = STEPS_PER_QUARTER // FRAMES_PER_QUARTER
LOWEST_PITCH = 30  # MIDI pitch of id 1
NUM_PITCH_IDS = 58
PART_NAMES = ("Soprano", "Alto", "Tenor", "Bass")
VOICE_PROGRAM = 52  # choir aahs


def frame_ids(frames: NDArray[np.int16]) -> NDArray[np.int64]:
    """Ids of frames (frames, 4) of MIDI pitches, -1 silent."""
    return np.where(frames < 0, 0, frames - (LOWEST_PITCH - 1)).astype(np.int64)


def frame_pitches(ids: NDArray[np.int64]) -> NDArray[np.int16]:
    """MIDI pitches of ids, -1 silent; inverse of ``frame_ids``."""
    return np.where(ids == 0, -1, ids + (LOWEST_PITCH - 1)).astype(np.int16)


def _runs(line: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First frame, length and id of every run of equal ids that is not silent."""
    starts = np.flatnonzero(np.diff(line, prepend=-1))
    lengths = np.diff(starts, append=len(line))
    sounding = line[starts] > 0
    return starts[sounding], lengths[sounding], line[starts][sounding]


class Voices(Vocabulary):
    """See the module's text."""

    name: ClassVar[str] = "voices"

    @property
    def field_sizes(self) -> tuple[int, ...]:
        return (1 + NUM_PITCH_IDS,) * NUM_VOICES

    @property
    def grid(self) -> Grid:
        return Grid(Fraction(1, FRAMES_PER_QUARTER), "quarters")

    def encode(self, piece: Piece) -> Encoding:
        """The piece as frames, shape (frames, 4); a frame holds what sounds at its beginning, the highest note of a lane.

        Raises:
            InputError: The piece does not have four lanes.
        """
        if len(piece.parts) != NUM_VOICES:
            raise InputError(f"the voices vocabulary holds {NUM_VOICES} parts of one staff each, the piece has {len(piece.parts)}")
        notes = piece.notes
        onset = to_steps(notes["onset_div"], piece.divs_per_quarter)
        end = to_steps(notes["onset_div"] + notes["duration_div"], piece.divs_per_quarter)
        first = -((STEPS_PER_FRAME // 2 - 1 - onset) // STEPS_PER_FRAME)  # nearest frame, halves down
        last = -((STEPS_PER_FRAME // 2 - 1 - end) // STEPS_PER_FRAME)
        ids = np.zeros(
            (-(-int(to_steps(np.array([piece.end_div]), piece.divs_per_quarter)[0]) // STEPS_PER_FRAME), NUM_VOICES), dtype=np.int64
        )
        pitch_ids = notes["pitch"].astype(np.int64) - (LOWEST_PITCH - 1)
        fits = (pitch_ids >= 1) & (pitch_ids <= NUM_PITCH_IDS)
        for index in np.flatnonzero(fits):  # ascending pitch within an onset: the highest stays
            ids[first[index] : last[index], notes["part"][index]] = pitch_ids[index]
        starts = [{(int(f), int(p)) for f, _, p in zip(*_runs(ids[:, lane]), strict=True)} for lane in range(NUM_VOICES)]
        rows = zip(first.tolist(), pitch_ids.tolist(), notes["part"].tolist(), strict=True)
        found = np.array([(f, p) in starts[lane] for f, p, lane in rows], dtype=np.bool_)
        held = np.array(
            [ids[f, lane] == p if f < len(ids) else False for f, p, lane in zip(first, pitch_ids, notes["part"], strict=True)]
        )
        moved = np.abs(onset - first * STEPS_PER_FRAME) / STEPS_PER_QUARTER
        lost = ~found if len(found) else np.zeros(0, dtype=np.bool_)
        repeated = lost & held if len(held) else lost
        report = LossReport.of(
            [
                Loss(LossKind.NOTES_DROPPED, int((lost & ~repeated).sum())),
                Loss(LossKind.NOTES_MERGED, int(repeated.sum()), examples=("repeated pitches are held",) if repeated.any() else ()),
                Loss(LossKind.ONSETS_MOVED, int((moved[~lost] > 0).sum()), float(moved.max(initial=0)), "quarters"),
                Loss(LossKind.VELOCITIES_IGNORED, len(notes)),
                cents_loss(piece),
                Loss(LossKind.METERS_IGNORED, len(piece.measures)),
                Loss(LossKind.TEMPOS_IGNORED, len(piece.tempos)),
                Loss(LossKind.KEYS_IGNORED, len(piece.keys)),
                Loss(LossKind.NAMES_IGNORED, sum(bool(part.name) for part in piece.parts)),
            ]
        )
        return Encoding(Tokens(ids, self), report)

    def decode(self, ids: NDArray[np.int64]) -> Piece:
        """The piece that frames say, four divs to the quarter, in bars of 4/4.

        Raises:
            ValueError: Another shape than (frames, 4), or ids out of range.
        """
        ids = np.asarray(ids, dtype=np.int64)
        if ids.ndim != 2 or ids.shape[1] != NUM_VOICES or (ids < 0).any() or (ids > NUM_PITCH_IDS).any():
            raise ValueError(f"voices ids have shape (frames, {NUM_VOICES}) and lie in 0..{NUM_PITCH_IDS}, got {ids.shape}")
        notes: list[tuple[int, int, int, int, int, int, str, float]] = []
        for lane in range(NUM_VOICES):
            for start, length, pitch in zip(*_runs(ids[:, lane]), strict=True):
                notes.append((start, length, pitch + LOWEST_PITCH - 1, DEFAULT_VELOCITY, lane, 1, f"n{len(notes)}", 0.0))
        bar = 4 * FRAMES_PER_QUARTER
        measures = np.zeros(-(-len(ids) // bar), dtype=MEASURE_DTYPE)
        measures["start_div"] = np.arange(len(measures)) * bar
        measures["end_div"] = measures["start_div"] + bar
        measures["number"] = [str(1 + index) for index in range(len(measures))]
        measures["beats"], measures["beat_type"] = 4, 4
        parts = tuple(Part(name, str(lane), 1, VOICE_PROGRAM) for lane, name in enumerate(PART_NAMES))
        return Piece(sort_notes(np.array(notes, dtype=NOTE_DTYPE)), FRAMES_PER_QUARTER, parts, measures)

    def grammar(self) -> GrammarState:
        return VoicesGrammar()


class VoicesGrammar(GrammarState):
    """Any id in any voice; a stream may end between frames."""

    def __init__(self) -> None:
        self._voice = 0

    @property
    def field(self) -> int:
        return self._voice

    @property
    def meaning(self) -> Meaning:
        return Meaning.PITCH

    @property
    def may_end(self) -> bool:
        return self._voice == 0

    def mask(self) -> NDArray[np.bool_]:
        return np.ones(1 + NUM_PITCH_IDS, dtype=np.bool_)

    def push(self, token: int) -> None:
        if not 0 <= token <= NUM_PITCH_IDS:
            raise ValueError(f"voice {self._voice}: id {token} may not come here, expected 0..{NUM_PITCH_IDS}")
        self._voice = (self._voice + 1) % NUM_VOICES
