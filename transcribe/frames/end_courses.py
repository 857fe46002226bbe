"""What the reader of ends learns from: the notes that are heard in clips, each along its course, as ``Course``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int, Int8
from numpy.typing import NDArray
from torch import Tensor

from corpora.piece import Table
from transcribe.frames.end_views import Along, Begun, seen_along
from transcribe.frames.known_frames import KnownFrames, begun_of
from transcribe.frames.model import FrameModel
from transcribe.frames.notes import NoteReader
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.stream import hear
from transcribe.heard import DRUMS
from transcribe.measures.matching import match_notes
from transcribe.spectra.timing import FRAME_RATE_HZ
from transcribe.training_audio.gathering import gather
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["Course", "course_of", "gather_courses"]

MOST_NOTES = 300_000  # of a store, some 20 kB each
FEWEST_NOTES = 8
LOGIT_STEPS, LEVEL_STEPS, CELL_STEPS = 13.0, 14.0, 24.0  # a unit in bytes; of cells, a standard deviation
LEAST_SPREAD = 1e-3
LARGEST = 127
EACH = 20  # one cell of so many tells what is usual


@dataclass(frozen=True, eq=False)
class Course:
    """The notes of a clip by onset; most of it in bytes, since there is much.

    Args:
        told, levels: As ``Along`` has them, times ``LOGIT_STEPS`` and ``LEVEL_STEPS``.
        pedal: Logits, float16.
        cells: Those along each note, one note after the other.
        cell_mean, cell_step: What a byte of each number stands for.
        begun: The notes.
        ends: Frames from the onset to the true end; NaN of a note that is none.
    """

    told: Int8[Tensor, "3 time 88"]
    levels: Int8[Tensor, "2 time semitone"]
    pedal: Float[Tensor, " time"]
    cells: Int8[Tensor, "place width"]
    cell_mean: Float[Tensor, " width"]
    cell_step: Float[Tensor, " width"]
    begun: Begun
    ends: Float[Tensor, " note"]

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def teaches(self) -> bool:
        """Whether the end of any note is known."""
        return not bool(torch.isnan(self.ends).all())

    @cached_property
    def lengths(self) -> Int[Tensor, " note"]:
        """How many frames are seen of each note."""
        return seen_along(self.begun, len(self.pedal))

    @cached_property
    def _starts(self) -> Int[Tensor, " note"]:
        return torch.cumsum(self.lengths, 0) - self.lengths

    def along(self, first: int, last: int) -> Along:
        """Some of its frames."""
        told, levels = self.told[:, first:last].float() / LOGIT_STEPS, self.levels[:, first:last].float() / LEVEL_STEPS
        return Along(told, levels, self.pedal[first:last].float())

    def cells_along(self, chosen: Int[Tensor, " some"]) -> Float[Tensor, "some width time"]:
        """The cells of some notes."""
        own = self.lengths[chosen]
        steps = torch.minimum(torch.arange(int(own.max())), own[:, None] - 1)
        cells = self.cells[self._starts[chosen][:, None] + steps].float() * self.cell_step + self.cell_mean
        return cells.transpose(1, 2)

    def some_cells(self) -> Float[Tensor, "some width"]:
        """One of many, to know what is usual."""
        return self.cells[::EACH].float() * self.cell_step + self.cell_mean


@torch.inference_mode()
def course_of(model: FrameModel, settings: DecoderSettings, sound: NDArray[np.float32], notes: Table) -> Course | None:
    """What is to be learned from a sound; None where few notes are heard in it, or none that were played.

    Args:
        model: In evaluation mode.
        settings: Of its decoder.
        sound: Mono at 16 kHz.
        notes: HEARD_DTYPE rows, what was played.
    """
    frames, reader = KnownFrames(), NoteReader(settings)
    for heard in hear([sound], model, for_ends=True):
        frames.add(heard)
        reader.feed(heard)
    reader.finish()
    rows = reader.each()
    ends = _true_ends(rows, notes)
    if len(rows) < FEWEST_NOTES or np.isnan(ends).all():
        return None
    begun = begun_of(rows)
    cells = torch.cat([along.T for along in frames.cells_of_each(begun)])
    mean, step = cells.mean(0), (cells.std(0) + LEAST_SPREAD) / CELL_STEPS
    along = frames.along()
    return Course(
        told=_bytes(along.told * LOGIT_STEPS),
        levels=_bytes(along.levels * LEVEL_STEPS),
        pedal=along.pedal.half(),
        cells=_bytes((cells - mean) / step),
        cell_mean=mean,
        cell_step=step,
        begun=begun,
        ends=torch.from_numpy(ends * FRAME_RATE_HZ).float() - begun.frame,
    )


def _bytes(values: Tensor) -> Tensor:
    return values.round().clamp(-LARGEST, LARGEST).to(torch.int8)


def _true_ends(rows: Table, notes: Table) -> NDArray[np.float64]:
    """Seconds; NaN where what was heard was not played."""
    pitched = notes[notes["family"] != DRUMS]
    pairs = match_notes(pitched, rows)
    ends = np.full(len(rows), np.nan)
    ends[pairs[:, 1]] = pitched["offset_s"][pairs[:, 0]]
    return ends


def gather_courses(
    model: FrameModel,
    settings: DecoderSettings,
    store: SoundStore,
    minutes: float,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> list[Course]:
    """Of a store's clips in random order, most of them augmented, until the time is used.

    Args:
        model: In evaluation mode.
        settings: Of its decoder.
        store: Of sound.
        minutes: Wall time.
        seed: Of order and augmentation.
        say: Hears how many notes there are now and then.
    """
    return gather(store, minutes, lambda sound, own: course_of(model, settings, sound, own), MOST_NOTES, seed, say)
