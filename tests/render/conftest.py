"""Small pieces of music, and a way to find where their notes begin in the sound."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import mido
import numpy as np
import pytest

from corpora.piece import MEASURE_DTYPE, NOTE_DTYPE, Part, Piece, sort_notes

TICKS_PER_QUARTER = 480


@pytest.fixture
def midi_file() -> Callable[..., bytes]:
    """Builds a Standard MIDI File; each track is a list of (tick, message), in any order, stable within a tick."""

    def build(*tracks: Sequence[tuple[int, mido.Message | mido.MetaMessage]], ticks_per_quarter: int = TICKS_PER_QUARTER) -> bytes:
        file = mido.MidiFile(type=1, ticks_per_beat=ticks_per_quarter)
        for events in tracks:
            track = mido.MidiTrack()
            now = 0
            for tick, message in sorted(events, key=lambda event: event[0]):
                track.append(message.copy(time=tick - now))
                now = tick
            file.tracks.append(track)
        stream = io.BytesIO()
        file.save(file=stream)
        return stream.getvalue()

    return build


@pytest.fixture
def note() -> Callable[..., list[tuple[int, mido.Message]]]:
    """The two events of one note: (start tick, end tick, key)."""

    def events(start: int, end: int, key: int = 69, channel: int = 0, velocity: int = 100) -> list[tuple[int, mido.Message]]:
        return [
            (start, mido.Message("note_on", channel=channel, note=key, velocity=velocity)),
            (end, mido.Message("note_off", channel=channel, note=key)),
        ]

    return events


@pytest.fixture
def make_piece() -> Callable[..., Piece]:
    """A piece in 4/4 at 120 with 4 divs a quarter out of (onset, duration, pitch, lane) rows."""

    def build(rows: Sequence[tuple[int, int, int, int]], lanes: Sequence[str] = ("Soprano", "Bass"), bars: int = 4) -> Piece:
        notes = np.zeros(len(rows), dtype=NOTE_DTYPE)
        for index, (onset, duration, pitch, lane) in enumerate(rows):
            notes[index] = (onset, duration, pitch, 80, lane, 1, f"n{index}")
        measures = np.zeros(bars, dtype=MEASURE_DTYPE)
        for bar in range(bars):
            measures[bar] = (16 * bar, 16 * (bar + 1), str(bar + 1), 4, 4)
        return Piece(sort_notes(notes), 4, tuple(Part(name, f"P{lane + 1}") for lane, name in enumerate(lanes)), measures)

    return build
