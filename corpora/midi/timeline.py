"""Tempo, meter and key of a MIDI file, and the bars that follow from them.

Conventions: times in ticks from the start. Events of all tracks count; of several at one tick the last in file order holds.
A time signature that comes before its bar is full cuts the bar short there: so a pickup is a first bar followed by the same
time signature again.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from corpora.errors import InputError
from corpora.midi.events import META, MidiFile
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, TEMPO_DTYPE, Table

__all__ = ["MAX_BARS", "Meter", "Timeline", "bars", "read_timeline"]

TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x51, 0x58, 0x59
MICROSECONDS_PER_MINUTE = 60_000_000
MAX_BARS = 50_000


class Meter(NamedTuple):
    """A time signature from a place on."""

    onset: int  # ticks
    beats: int
    beat_type: int


class Timeline(NamedTuple):
    """What the meta events of all tracks say about time."""

    tempos: Table  # TEMPO_DTYPE
    keys: Table  # KEY_DTYPE
    meters: list[Meter]  # increasing onsets
    end: int  # last event of any track, in ticks


def _body(data: bytes, place: int, after: int) -> bytes:
    """Content of the meta event whose type stands at ``place`` and that ends before ``after``."""
    place += 1
    while data[place] & 0x80:
        place += 1
    return data[place + 1 : after]


def read_timeline(file: MidiFile, name: str = "") -> Timeline:
    """Tempos, keys and meters of all tracks.

    Raises:
        InputError: a tempo or a meter is zero or cut short.
    """
    label = name or "MIDI"
    tempos: dict[int, float] = {}
    meters: dict[int, Meter] = {}
    keys: dict[int, tuple[int, int]] = {}
    for track in file.tracks:
        for event, status in enumerate(track.statuses):
            if status != META:
                continue
            start = track.starts[event] + 1
            kind, tick = file.data[start], track.ticks[event]
            if kind not in (TEMPO, TIME_SIGNATURE, KEY_SIGNATURE):
                continue
            body = _body(file.data, start, track.delta_starts[event + 1])
            if kind == TEMPO:
                microseconds = int.from_bytes(body[:3], "big")
                if len(body) < 3 or not microseconds:
                    raise InputError(f"{label}: tick {tick}: expected a tempo above zero, came {body.hex() or 'nothing'}")
                tempos[tick] = MICROSECONDS_PER_MINUTE / microseconds
            elif kind == TIME_SIGNATURE:
                if len(body) < 2 or not body[0] or body[1] > 7:
                    raise InputError(f"{label}: tick {tick}: expected a time signature, came {body.hex() or 'nothing'}")
                meters[tick] = Meter(tick, body[0], 1 << body[1])
            elif len(body) >= 2:
                fifths = int.from_bytes(body[:1], "big", signed=True)
                if -7 <= fifths <= 7 and body[1] <= 1:
                    keys[tick] = (fifths, -1 if body[1] else 1)
    return Timeline(
        np.array(sorted(tempos.items()), dtype=TEMPO_DTYPE),
        np.array([(tick, *keys[tick]) for tick in sorted(keys)], dtype=KEY_DTYPE),
        [meters[tick] for tick in sorted(meters)],
        max((track.ticks[-1] for track in file.tracks if track.ticks), default=0),
    )


def bars(meters: list[Meter], ticks_per_quarter: int, music_end: int, file_end: int, name: str = "") -> Table:
    """The bars from tick 0, MEASURE_DTYPE.

    Args:
        meters: Time signatures, increasing; before the first, and without any, 4/4.
        ticks_per_quarter: Time resolution.
        music_end: End of the last note: the bars cover it.
        file_end: End of the file: bars that are full before it, or begin with a new meter before it, are there although empty.
        name: File name for messages.

    Raises:
        InputError: there would be more than MAX_BARS bars.
    """
    if not meters or meters[0].onset > 0:
        meters = [Meter(0, 4, 4), *meters]
    rows: list[tuple[int, int, str, int, int]] = []
    pickup = len(meters) > 1 and meters[0][1:] == meters[1][1:]
    for index, (onset, beats, beat_type) in enumerate(meters):
        last = index + 1 == len(meters)
        stop = file_end if last else meters[index + 1].onset
        # a bar may be no whole number of ticks: places are rounded, the sum stays exact
        bar = max(Fraction(4 * ticks_per_quarter * beats, beat_type), Fraction(1))
        spans = Fraction(max(stop - onset, 0)) / bar
        count = int(spans) if last else -int(-spans // 1)
        if last:
            count = max(count, -int(-Fraction(max(music_end - onset, 0)) / bar // 1), int(not rows or stop > onset))
        if len(rows) + count > MAX_BARS:
            raise InputError(f"{name or 'MIDI'}: expected at most {MAX_BARS} bars, came {len(rows) + count}")
        for number in range(count):
            start, end = onset + round(number * bar), onset + round((number + 1) * bar)
            if not last:
                end = min(end, stop)
            if end == start:  # a rest of a bar below half a tick
                continue
            if not rows:
                pickup = pickup and end - start < int(bar)
            rows.append((start, end, str(len(rows) + (0 if pickup else 1)), beats, beat_type))
    return np.array(rows, dtype=MEASURE_DTYPE)
