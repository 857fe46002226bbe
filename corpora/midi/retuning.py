"""Channels for new notes of a MIDI file: one of their lane that has their tuning, or that can be given it while they sound.

A note of 0 cents takes its channel as it finds it, as MIDI notes do (of a lane with several, one that stands at 0 where there is
one). A note of other cents gets a bend at its onset, taken back at its end, on a channel where nothing else sounds meanwhile; so no
other note is touched. Times in ticks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from corpora.errors import InputError
from corpora.midi.bends import BEND_CENTRE, Bends, bend_message, bend_of_cents
from corpora.midi.events import PairedNote

__all__ = ["BendEvent", "Retuning"]

TOLERANCE_CENTS = 1e-3  # beside half a step of the wheel


@dataclass(frozen=True)
class BendEvent:
    """A bend to insert: ``is_start`` before the notes that begin at its tick, else after those that end there."""

    track: int
    tick: int
    is_start: bool
    message: bytes


@dataclass
class _Span:
    """A stretch in which a channel sounds new notes; ``bend`` is None where they take it as it is."""

    onset: int
    end: int
    bend: int | None
    track: int


class Retuning:
    """Places new notes one after another.

    Args:
        bends: The tunings of the file before.
        kept: The notes that stay, by track.
        label: Of the file, for messages.
    """

    def __init__(self, bends: Bends, kept: Sequence[Sequence[PairedNote]], label: str) -> None:
        self._bends = bends
        self._label = label
        self._kept: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for track, notes in enumerate(kept):
            for note in notes:
                self._kept[bends.ports[track], note.channel].append((note.onset, note.end))
        self._spans: dict[tuple[int, int], list[_Span]] = defaultdict(list)

    def place(self, track: int, channels: Sequence[int], onset: int, end: int, cents: float) -> tuple[int, float | None]:
        """A channel for a new note, and the cents that it has there as the reader says them (None where the bend moves).

        Raises:
            InputError: No channel can be given the tuning.
        """
        for channel in channels:
            has = self._bends.of_note(track, channel, onset, end)
            half_step = self._bends.range_at(track, channel, onset) / BEND_CENTRE / 2
            if abs((has or 0.0) - cents) <= half_step + TOLERANCE_CENTS and self._is_free(track, channel, onset, end, None):
                return self._take(track, channel, onset, end, None), has
        if not cents and self._is_free(track, channels[0], onset, end, None):
            return self._take(track, channels[0], onset, end, None), self._bends.of_note(track, channels[0], onset, end)
        for channel in channels:
            range_cents = self._bends.range_at(track, channel, onset)
            if abs(cents) > range_cents or end == onset or not self._bends.is_still(track, channel, onset, end):
                continue
            bend = bend_of_cents(cents, range_cents)
            if self._is_free(track, channel, onset, end, bend):
                return self._take(track, channel, onset, end, bend), bend * range_cents / BEND_CENTRE
        raise InputError(
            f"{self._label}: track {track}, tick {onset}: a new note of {cents:g} cents finds no channel of its lane where nothing "
            "else sounds or bends until its end: a MIDI channel has one tuning at a time"
        )

    def events(self) -> list[BendEvent]:
        """The bends that the notes placed so far need."""
        out = []
        for (_, channel), spans in self._spans.items():
            tuned = sorted((span for span in spans if span.bend is not None), key=lambda span: (span.onset, span.end))
            merged: list[_Span] = []
            for span in tuned:
                if merged and merged[-1].bend == span.bend and span.onset <= merged[-1].end:
                    merged[-1].end = max(merged[-1].end, span.end)
                else:
                    merged.append(_Span(span.onset, span.end, span.bend, span.track))
            for span in merged:
                assert span.bend is not None
                before = self._bends.wheel_at(span.track, channel, span.onset)
                out.append(BendEvent(span.track, span.onset, True, bend_message(channel, span.bend)))
                out.append(BendEvent(span.track, span.end, False, bend_message(channel, before)))
        return out

    def _is_free(self, track: int, channel: int, onset: int, end: int, bend: int | None) -> bool:
        """Whether a note may sound there with this bend: beside new notes of the same, and beside kept ones if it changes none."""
        key = self._bends.ports[track], channel
        if bend is not None and any(start < end and stop > onset for start, stop in self._kept[key]):
            return False
        return not any(span.onset < end and span.end > onset and span.bend != bend for span in self._spans[key])

    def _take(self, track: int, channel: int, onset: int, end: int, bend: int | None) -> int:
        self._spans[self._bends.ports[track], channel].append(_Span(onset, end, bend, track))
        return channel
