"""Expression as MIDI controllers, as far as these can say it, so that a performance can be edited in any sequencer.

Each note's volume beyond what its velocity gives goes to controller 11 (with 7 for all notes together), depth of vibrato to 1,
brightness beyond what velocity and controller 11 give to 74, all at its onset. Vibrato rate, fluctuation, peak and attack have no
controller. ``render.ddsp.playing`` reads them back, in the steps of 7 bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from corpora.errors import RequestError
from corpora.piece import Table
from render.ddsp.expressing import DB_PER_DECADE, expression
from render.ddsp.instrument import Instrument
from render.ddsp.measures import NoteExpression
from render.ddsp.playing import BRIGHTNESS_CENTRE, FULL_EXPRESSION, FULL_VOLUME, WHEEL_CENTS
from render.midi_events import PlayEvent

__all__ = ["expression_events"]

VIBRATO, VOLUME, EXPRESSION, BRIGHTNESS = 1, 7, 11, 74
LARGEST = 127


def expression_events(
    notes: Table, expressions: Sequence[NoteExpression], instrument: Instrument, sample_rate_hz: int
) -> tuple[PlayEvent, ...]:
    """The controllers of one voice.

    Args:
        notes: PLAYED_DTYPE rows of the voice in order; the events go to the channel of each note.
        expressions: One a note.
        instrument: That plays: what its notes are like without controllers is left unsaid.
        sample_rate_hz: Of the places in ``notes``.

    Returns:
        Events by sample.

    Raises:
        RequestError: Not one expression a note.
    """
    if len(expressions) != len(notes):
        raise RequestError(f"expected an expression for each of {len(notes)} notes, got {len(expressions)}")
    usual = expression(notes, instrument, sample_rate_hz)
    louder = [asked.volume_db - plain.volume_db for asked, plain in zip(expressions, usual, strict=True)]
    most = max(louder, default=0.0)
    volume = _limited(FULL_VOLUME * 10 ** (most / DB_PER_DECADE))
    common_db = DB_PER_DECADE * math.log10(volume / FULL_VOLUME)
    events = []
    for index, (note, asked, plain) in enumerate(zip(notes, expressions, usual, strict=True)):
        swell = max(1, _limited(FULL_EXPRESSION * 10 ** ((louder[index] - common_db) / DB_PER_DECADE)))
        softer = instrument.config.brightness_per_velocity * int(note["velocity"]) * (swell / FULL_EXPRESSION - 1)
        octaves = math.log2(asked.brightness / plain.brightness) - softer
        values = {
            EXPRESSION: swell,
            VIBRATO: _limited(asked.vibrato_cents / WHEEL_CENTS * LARGEST),
            BRIGHTNESS: _limited(BRIGHTNESS_CENTRE * (1 + octaves)),
        }
        if index == 0:
            values[VOLUME] = max(1, volume)
        sample, channel = int(note["onset_sample"]), int(note["channel"])
        events += [PlayEvent(sample, "control_change", channel, number, value) for number, value in values.items()]
    return tuple(events)


def _limited(value: float) -> int:
    return min(max(round(value), 0), LARGEST)
