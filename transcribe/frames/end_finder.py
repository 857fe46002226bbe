"""Ends of notes while the sound comes in: ``EndFinder``, the reader of ends over notes as they become known."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from compose.devices import device_of
from corpora.piece import Table
from transcribe.frames.end_views import LONGEST, Begun, Seen, seen_along, views
from transcribe.frames.ends import EndReader, likeliest_ends
from transcribe.frames.known_frames import KnownFrames, begun_of, onset_frames
from transcribe.frames.stream import HeardFrames
from transcribe.frames.targets import LOWEST_PITCH
from transcribe.heard import HEARD_DTYPE
from transcribe.spectra.timing import FRAME_RATE_HZ, frames_to_seconds

__all__ = ["EndFinder"]

TOGETHER = 32  # notes, of like lengths, that are read at once
MOST_KEPT = 4 * LONGEST  # frames; a note whose beginning is gone keeps its end
SURE = LONGEST - 6  # frames beyond which an end may be farther than a note is followed


class EndFinder:
    """Finds the ends of notes as soon as the frames are known along which they may sound.

    Args:
        reader: In evaluation mode.
    """

    def __init__(self, reader: EndReader) -> None:
        self._reader = reader
        self._frames = KnownFrames()
        self._waiting = np.zeros(0, dtype=HEARD_DTYPE)
        self._numbers = np.zeros(0, dtype=np.int64)
        self._count = 0  # of notes
        self.ends_s: dict[int, float] = {}  # by the number of the note, in the order in which they were given

    def feed(self, heard: HeardFrames, notes: Table, decided: NDArray[np.int64], open_since: NDArray[np.int64]) -> None:
        """More frames, and the notes that have become known with them.

        Args:
            heard: The frames that follow.
            notes: HEARD_DTYPE rows, one a note, with ends as the frame model hears them.
            decided: Up to which frame the notes of each key are known, (88,).
            open_since: Where the note began that has not ended by then, -1 for none, (88,).
        """
        self._frames.add(heard)
        self._add(notes)
        key = self._waiting["pitch"] - LOWEST_PITCH
        known = np.minimum(decided[key], self._frames.last) >= onset_frames(self._waiting) + LONGEST
        self._find(known, open_since)
        oldest = min([int(decided.min()), *onset_frames(self._waiting).tolist(), *open_since[open_since >= 0].tolist()])
        self._frames.drop(max(oldest, self._frames.last - MOST_KEPT) - 1)

    def finish(self, notes: Table) -> None:
        """The notes that are left; the sound is over."""
        self._add(notes)
        self._find(np.ones(len(self._waiting), dtype=np.bool_), np.full(0, -1))

    def _add(self, notes: Table) -> None:
        self._waiting = np.concatenate([self._waiting, notes])
        self._numbers = np.concatenate([self._numbers, self._count + np.arange(len(notes))])
        self._count += len(notes)

    def _find(self, known: NDArray[np.bool_], open_since: NDArray[np.int64]) -> None:
        if not known.any():
            return
        opened = np.zeros(int((open_since >= 0).sum()), dtype=HEARD_DTYPE)
        opened["pitch"] = np.flatnonzero(open_since >= 0) + LOWEST_PITCH
        opened["onset_s"] = open_since[open_since >= 0] / FRAME_RATE_HZ
        begun = begun_of(self._waiting, np.concatenate([self._waiting, opened]))
        length = (self._waiting["offset_s"] - self._waiting["onset_s"]) * FRAME_RATE_HZ
        read = (
            known & (length < LONGEST) & (begun.frame.numpy() >= self._frames.first) & (begun.frame.numpy() < self._frames.last - 1)
        )
        if read.any():
            own = torch.from_numpy(np.flatnonzero(read))
            ends = self._ends(begun.of(own).later(-self._frames.first))
            plain = length[read]
            ends = np.where(ends > SURE, np.maximum(ends, plain), ends)
            ends = np.minimum(ends, begun.until.numpy()[read])
            starts = begun.frame.numpy()[read]
            for number, frame in zip(self._numbers[read].tolist(), (starts + ends).tolist(), strict=True):
                self.ends_s[number] = frames_to_seconds(frame)
        self._waiting, self._numbers = self._waiting[~known], self._numbers[~known]

    @torch.inference_mode()
    def _ends(self, begun: Begun) -> NDArray[np.float64]:
        """Frames from the onset on, of notes whose frames count from the first that is kept."""
        along, place = self._frames.along(), device_of(self._reader)
        out = np.zeros(len(begun.frame))
        for own in torch.split(torch.argsort(seen_along(begun, along.told.shape[1])), TOGETHER):
            some = begun.of(own)
            seen, there = views(along, some)
            cells = [each.T for each in self._frames.cells_of_each(some)]
            padded = torch.nn.utils.rnn.pad_sequence(cells, batch_first=True).transpose(1, 2)
            told = self._reader(Seen(seen.to(place), padded.to(place), some.family.to(place), there.to(place)))
            out[own.numpy()] = likeliest_ends(told).cpu().numpy()
        return out
