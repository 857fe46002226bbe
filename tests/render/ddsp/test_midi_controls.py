"""Expression to controllers and back through the player, within the steps of 7 bits."""

from dataclasses import replace

import numpy as np
import pytest

from corpora.errors import RequestError
from render.controllers import controller_curve
from render.ddsp.expressing import expression
from render.ddsp.midi_controls import expression_events
from render.ddsp.playing import ChannelCurves, controls

RATE_HZ = 44_100


def test_controllers_say_what_was_asked(voice, instrument):
    rows = voice((0.0, 1.0, 69, 60), (1.5, 2.5, 72, 90), (3.0, 4.0, 74, 110))
    usual = expression(rows, instrument, RATE_HZ)
    changes = ((3.0, 40.0, 1.5), (-8.0, 0.0, 0.7), (1.0, 12.0, 1.0))
    asked = [
        replace(one, volume_db=one.volume_db + db, vibrato_cents=cents, brightness=one.brightness * factor)
        for one, (db, cents, factor) in zip(usual, changes, strict=True)
    ]
    events = expression_events(rows, asked, instrument, RATE_HZ)
    assert [event.sample for event in events] == sorted(event.sample for event in events)
    curve = {number: controller_curve(events, number) for number in (1, 7, 11, 74)}
    told = ChannelCurves(volume=curve[7], expression=curve[11], vibrato=curve[1], brightness=curve[74])
    by_controllers = controls(rows, usual, instrument, RATE_HZ, told)
    by_expression = controls(rows, asked, instrument, RATE_HZ)
    for first, second in zip(by_controllers, by_expression, strict=True):
        inner = slice(20, 100)
        level = first.frames.level_db[inner] - second.frames.level_db[inner]
        assert np.abs(level).max() < 0.5
        cents = 1200 * np.log2(first.frames.f0_hz[inner] / second.frames.f0_hz[inner])
        assert np.abs(cents).max() < 0.5
        spectrum = 20 * np.log10(first.frames.harmonics[inner, :10] / second.frames.harmonics[inner, :10])
        assert np.abs(spectrum).max() < 0.5


def test_one_expression_a_note(voice, instrument):
    with pytest.raises(RequestError, match="each of 1 notes, got 0"):
        expression_events(voice((0, 1, 60)), [], instrument, RATE_HZ)
