"""A ``remi`` model at work beside its writer: the bars before and the one that is written, up to the present place.

The vocabulary shows nothing ahead: kept notes of the region come in when their place does. Ids are what
``compose.vocabulary.remi`` makes of the notes that are known; meters, tempos and velocities are given. Lanes of one program share
its likelihood evenly until a pitch is to be chosen.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, Note
from compose.flat_scorer import UNKNOWN, StreamReader, lane_shares, program_of
from compose.flat_step import FlatStep
from compose.vocabulary.beat_table import VELOCITY_WIDTH
from compose.vocabulary.measured_fields import DRUMS
from compose.vocabulary.remi import BAR, DRUM, NUM_IDS, PITCH, POSITION, PROGRAM, TEMPO, VELOCITY, Remi
from compose.writers.base import Slot
from compose.writers.remi import RemiWriter
from corpora.piece import NOTE_DTYPE, sort_notes

__all__ = ["CONTEXT_BARS", "RemiScorer"]

CONTEXT_BARS: Final = 8


class RemiScorer:
    """Scores a ``RemiWriter``'s slots.

    Args:
        model: The model's weights for single steps.
        writer: Whose canvas is read.
        cached: See ``StreamReader``.
    """

    def __init__(self, model: FlatStep, writer: RemiWriter, cached: bool = True) -> None:
        self.model = model
        self.writer = writer
        self._reader = StreamReader(model, cached)
        self._shares = lane_shares(writer.canvas)
        self._piece = writer.canvas.piece.rescaled(writer.canvas.ticks_per_quarter)
        self._known: tuple[list[Note], int, int] | None = None  # what the stream was made of
        self._stream = np.zeros(0, dtype=np.int64)

    def stream(self) -> NDArray[np.int64]:
        """The ids of what is known up to the writer's place, from ``CONTEXT_BARS`` before the present bar on."""
        known = (list(self.writer.canvas.written), self.writer.bar, self.writer.place)
        if known != self._known:
            self._known, self._stream = known, self._make_stream()
        return self._stream

    def _make_stream(self) -> NDArray[np.int64]:
        writer, canvas = self.writer, self.writer.canvas
        first = max(writer.bar - CONTEXT_BARS, 0)
        tick = canvas.ticks_per_step
        since = writer.bars[first].start * tick
        # Half a step more: times are rounded to the nearest one.
        until = (writer.bars[writer.bar].start + max(writer.place, 0)) * tick + tick // 2
        notes = [note for note in (*canvas.fixed, *canvas.written) if since - tick <= note.onset <= until]
        rows = np.zeros(len(notes), dtype=NOTE_DTYPE)
        for index, note in enumerate(notes):
            rows[index] = (note.onset, note.duration, note.pitch, note.velocity, note.lane, 0, f"k{index}", 0)
        ids = Remi().encode(self._piece.with_notes(sort_notes(rows))).tokens.ids
        lines = np.flatnonzero(ids == BAR)
        end = int(lines[writer.bar + 1]) if writer.bar + 1 < len(lines) else len(ids)
        here = ids[lines[writer.bar] : end]
        later = np.flatnonzero((here > POSITION + writer.place) & (here >= POSITION) & (here < TEMPO))
        here = here[: later[0]] if later.size else here
        places = here[(here >= POSITION) & (here < TEMPO)]
        if writer.place >= 0 and (not len(places) or places[-1] != POSITION + writer.place):
            here = np.append(here, POSITION + writer.place)
        return np.concatenate([ids[lines[first] : lines[writer.bar]], here])

    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids."""
        writer, canvas = self.writer, self.writer.canvas
        stream = self.stream()
        if not writer.partial:
            out = self.model.log_probabilities(0, self._reader.states(stream)[-1])
            programs = {lane: program_of(canvas, lane) for lane in canvas.region.lanes}
            said = out[PROGRAM:PITCH].copy()
            out[PROGRAM:PITCH] = UNKNOWN
            for lane, program in programs.items():
                alike = sum(other == program for other in programs.values())
                out[PROGRAM + writer.instruments[lane]] = said[program] - np.log(alike)
            return out
        lane, *pitch = writer.partial
        program = program_of(canvas, lane)
        first = DRUM if program == DRUMS else PITCH
        begun = [PROGRAM + program]
        if pitch:
            loudness = max(writer.velocity(lane) - 1, 0) // VELOCITY_WIDTH
            begun += [first + pitch[0], VELOCITY + loudness]
            return self.model.log_probabilities(0, self._reader.states(np.append(stream, begun))[-1])
        said = self.model.log_probabilities(0, self._reader.states(np.append(stream, begun))[-1])
        out = np.full(NUM_IDS, UNKNOWN)
        asked = DRUM if writer.instruments[lane] == DRUMS else PITCH
        out[asked : asked + NUM_PITCHES] = said[first : first + NUM_PITCHES] + self._shares[lane]
        return out
