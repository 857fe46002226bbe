"""What is known of successive frames and of the notes heard in them, as the reader of ends takes it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from corpora.piece import Table
from transcribe.frames.end_views import NEVER, Along, Begun, seen_along
from transcribe.frames.paths import logit
from transcribe.frames.stream import HeardFrames
from transcribe.frames.targets import LOWEST_PITCH, MAX_VELOCITY
from transcribe.spectra.timing import FRAME_RATE_HZ

__all__ = ["KnownFrames", "begun_of", "onset_frames"]


def begun_of(rows: Table, strokes: Table | None = None) -> Begun:
    """Notes as the reader of ends takes them.

    Args:
        rows: HEARD_DTYPE rows, pitched.
        strokes: All that may end them, rows with the fields ``pitch`` and ``onset_s``; ``rows`` when None.
    """
    frame = onset_frames(rows)
    struck = rows if strokes is None else strokes
    key, at = struck["pitch"].astype(np.int64), onset_frames(struck)
    until = np.full(len(rows), NEVER, dtype=np.int64)
    for pitch in np.unique(rows["pitch"]).tolist():
        own = np.flatnonzero(rows["pitch"] == pitch)
        later = np.append(np.unique(at[key == pitch]), np.iinfo(np.int64).max)
        next_one = later[np.searchsorted(later, frame[own], side="right")]
        until[own] = np.minimum(next_one - frame[own], NEVER)
    return Begun(
        frame=torch.from_numpy(frame),
        pitch=torch.from_numpy(rows["pitch"].astype(np.int64) - LOWEST_PITCH),
        until=torch.from_numpy(until),
        velocity=torch.from_numpy(rows["velocity"].astype(np.float32) / MAX_VELOCITY),
        family=torch.from_numpy(rows["family"].astype(np.int64)),
    )


def onset_frames(rows: Table) -> NDArray[np.int64]:
    """The frame of each onset, of rows with the field ``onset_s``."""
    return np.rint(rows["onset_s"] * FRAME_RATE_HZ).astype(np.int64)


@dataclass
class KnownFrames:
    """What is known of successive frames, from ``first`` on."""

    first: int = 0
    _parts: list[tuple[Along, Float[Tensor, "width time 88"]]] = field(default_factory=list)

    def add(self, heard: HeardFrames) -> None:
        """The frames that follow.

        Raises:
            ValueError: They were not heard for ends.
        """
        if heard.course is None:
            raise ValueError("expected frames that were heard for ends")
        told = np.stack([logit(part) for part in (heard.onset, heard.frame, heard.offset)])
        pedal = logit(heard.pedal)
        along = Along(torch.from_numpy(told), torch.from_numpy(heard.course.levels), torch.from_numpy(pedal))
        self._parts.append((along, torch.from_numpy(heard.course.cells)))

    @property
    def last(self) -> int:
        """The frame after the last one."""
        return self.first + sum(len(along.pedal) for along, _ in self._parts)

    def drop(self, before: int) -> None:
        """Forget the frames before one, block by block."""
        while self._parts and self.first + len(self._parts[0][0].pedal) <= before:
            self.first += len(self._parts.pop(0)[0].pedal)

    def along(self) -> Along:
        """All that is kept, without the cells."""
        alongs = [along for along, _ in self._parts]
        return Along(
            torch.cat([along.told for along in alongs], 1),
            torch.cat([along.levels for along in alongs], 1),
            torch.cat([along.pedal for along in alongs]),
        )

    def cells_of_each(self, begun: Begun) -> list[Float[Tensor, "width time"]]:
        """The cells along each note, whose frames count from the first that is kept."""
        lengths = seen_along(begun, self.last - self.first)
        places = zip(begun.frame.tolist(), begun.pitch.tolist(), lengths.tolist(), strict=True)
        return [self._cells(frame, frame + length, pitch) for frame, pitch, length in places]

    def _cells(self, first: int, last: int, pitch: int) -> Float[Tensor, "width time"]:
        """Of one key, in frames that count from the first that is kept."""
        found, start = [], 0
        for _, cells in self._parts:
            stop = start + cells.shape[1]
            if first < stop and last > start:
                found.append(cells[:, max(first - start, 0) : last - start, pitch])
            start = stop
        return torch.cat(found, 1).float()
