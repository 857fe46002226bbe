"""From notes through expression and controls to sound: places, joins, tuning, and that each level can be edited."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from corpora.errors import RequestError
from render.controllers import Curve
from render.ddsp.analysis import analyse_note
from render.ddsp.expressing import expression
from render.ddsp.measures import measure_note
from render.ddsp.pitch_refinement import refine_pitch
from render.ddsp.playing import ChannelCurves, controls, note_parts
from render.ddsp.synthesis import synthesise

RATE_HZ = 44_100


def curve(*points):
    return Curve(np.array([place for place, _ in points]), np.array([float(value) for _, value in points]))


def test_phrases_begin_at_onsets_and_joined_notes_at_theirs(voice, instrument):
    rows = voice((0.1, 0.5, 60), (0.5, 0.9001, 62), (1.2, 1.5, 64))
    phrases = controls(rows, expression(rows, instrument, RATE_HZ), instrument, RATE_HZ)
    assert [phrase.first_sample for phrase in phrases] == [4_410, 52_920]
    edges = 4_410 + np.concatenate([[0], np.cumsum(phrases[0].frames.lengths)])
    assert 22_050 in edges
    assert max(phrases[0].frames.lengths) <= 353


def test_joined_notes_have_no_click(voice, instrument):
    rows = voice((0.0, 0.5, 69), (0.5, 1.0, 76))
    (phrase,) = controls(rows, expression(rows, instrument, RATE_HZ), instrument, RATE_HZ)
    sound = synthesise(phrase.frames).samples[0].astype(np.float64)
    jumps = np.abs(np.diff(sound, n=2))
    join = jumps[22_050 - 400 : 22_050 + 400].max()
    assert join < 1.3 * max(jumps[15_000:20_000].max(), jumps[30_000:40_000].max())


def test_pitch_obeys_key_cents_and_bend(voice, instrument):
    rows = voice((0.0, 1.0, 69))
    rows["cents"] = 31.0
    asked = [replace(expression(rows, instrument, RATE_HZ)[0], vibrato_cents=0.0)]
    bend = ChannelCurves(bend_cents=curve((0, 0.0), (22_050, -200.0)))
    (phrase,) = controls(rows, asked, instrument, RATE_HZ, bend)
    sound = synthesise(phrase.frames).samples[0].astype(np.float64)
    found, _ = refine_pitch(sound, phrase.frames.f0_hz.mean(), RATE_HZ, 353)
    cents = 1200 * np.log2(found / 440)
    takes = 5.0  # how far the takes of this instrument stray
    assert np.median(cents[20:55]) == pytest.approx(31.0, abs=takes)
    assert np.median(cents[70:110]) == pytest.approx(-169.0, abs=takes)
    assert np.median(cents[20:55]) - np.median(cents[70:110]) == pytest.approx(200.0, abs=takes)


def test_expression_that_was_edited_is_heard(voice, instrument):
    rows = voice((0.0, 1.6, 69))
    (typical,) = expression(rows, instrument, RATE_HZ)
    found = {}
    for name, asked in (("as it is", typical), ("edited", replace(typical, volume_db=typical.volume_db - 12, vibrato_cents=45.0))):
        (phrase,) = controls(rows, [asked], instrument, RATE_HZ)
        sound = synthesise(phrase.frames).samples[0].astype(np.float64)
        parts = analyse_note(sound, 440.0, 0, round(1.6 * RATE_HZ))
        found[name] = measure_note(parts.f0_hz, parts.amplitudes, parts.bands)
    assert found["as it is"].volume_db - found["edited"].volume_db == pytest.approx(12.0, abs=0.5)
    assert found["as it is"].volume_db == pytest.approx(typical.volume_db, abs=1.5)
    assert found["edited"].vibrato_cents == pytest.approx(45.0, rel=0.15)
    assert found["edited"].vibrato_hz == pytest.approx(typical.vibrato_hz, abs=0.2)


def test_controllers_change_level_and_vibrato(voice, instrument):
    rows = voice((0.0, 1.0, 69))
    asked = expression(rows, instrument, RATE_HZ)
    (rest,) = controls(rows, asked, instrument, RATE_HZ)
    (half,) = controls(rows, asked, instrument, RATE_HZ, ChannelCurves(expression=curve((0, 127), (22_050, 127 / 2))))
    change = half.frames.level_db - rest.frames.level_db
    assert change[40] == 0
    assert change[100] == pytest.approx(40 * np.log10(0.5))
    (mute,) = controls(rows, asked, instrument, RATE_HZ, ChannelCurves(volume=curve((0, 0))))
    assert not synthesise(mute.frames).samples.any()
    (straight,) = controls(rows, asked, instrument, RATE_HZ, ChannelCurves(vibrato=curve((0, 0))))
    assert np.ptp(straight.frames.f0_hz[60:100]) < np.ptp(rest.frames.f0_hz[60:100])


def test_louder_notes_are_louder_and_brighter(voice, instrument):
    rows = voice((0, 1, 69, 40), (2, 3, 69, 80), (4, 5, 69, 120))
    soft, medium, loud = expression(rows, instrument, RATE_HZ)
    assert medium.volume_db - soft.volume_db == pytest.approx(40 * np.log10(2))
    assert soft.brightness < medium.brightness < loud.brightness


def test_articulation_follows_from_the_notes(voice, instrument):
    rows = voice((0, 1, 60), (1, 2, 62), (3, 3.1, 64))
    assert [one.articulation for one in expression(rows, instrument, RATE_HZ)] == ["detached", "legato", "staccato"]


def test_the_same_seed_gives_the_same_controls(voice, instrument):
    rows = voice((0.0, 1.0, 69))
    asked = expression(rows, instrument, RATE_HZ)
    first, again, other = (controls(rows, asked, instrument, RATE_HZ, seed=seed)[0].frames for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.level_db, again.level_db)
    assert not np.array_equal(first.level_db, other.level_db)


def test_one_expression_a_note(voice, instrument):
    with pytest.raises(RequestError, match="each of 1 notes, got 0"):
        controls(voice((0, 1, 60)), [], instrument, RATE_HZ)


def test_long_notes_come_in_parts_that_join(voice, instrument):
    rows = voice((0.0, 40.0, 69), (40.0, 40.5, 71))
    asked = expression(rows, instrument, RATE_HZ)
    parts = list(note_parts(rows, asked, instrument, RATE_HZ, ChannelCurves(), 0))
    assert [begins for _, begins, _ in parts] == [True, False, False, False]
    assert all(part.lengths.size <= 2048 for _, _, part in parts)
    (phrase,) = controls(rows, asked, instrument, RATE_HZ)
    assert phrase.frames.samples == sum(part.samples for _, _, part in parts)
    for (first, _, part), (following, _, after) in itertools.pairwise(parts):
        assert following == first + part.samples
        assert part.level_db[-1] == after.level_db[0]
        assert part.f0_hz[-1] == after.f0_hz[0]
