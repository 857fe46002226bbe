"""Takes: the same for the same seed, without jumps, and learned from what notes did."""

from dataclasses import replace

import numpy as np
import torch

from render.ddsp.analysis import analyse_note
from render.ddsp.instrument import TAKE_FRAMES, Instrument, InstrumentConfig
from render.ddsp.learned_notes import LearnedNote
from render.ddsp.measures import measure_note
from render.ddsp.synthesis import synthesise
from render.ddsp.wandering import learn_takes, read_take


def test_takes_go_on_without_end_or_jump(instrument):
    times = np.arange(3 * TAKE_FRAMES) / 125
    level, cents, weights = read_take(instrument, 69.0, 5, times)
    assert weights.shape == (len(times), 2)
    take = instrument.take_curves[:, 0].diff(dim=-1).abs().max()
    assert np.abs(np.diff(level)).max() <= float(take) + 1e-6
    again = read_take(instrument, 69.0, 5, times)
    np.testing.assert_array_equal(level, again[0])
    np.testing.assert_array_equal(cents, again[1])
    assert not np.array_equal(level, read_take(instrument, 69.0, 6, times)[0])


def test_level_of_takes_has_the_unrest_of_the_note(make_controls):
    time = np.arange(376) / 125
    unrest = 1.5 * np.sin(2 * np.pi * 1.3 * time)
    controls = make_controls(220.0, 3.0)
    controls = replace(controls, level_db=controls.level_db + unrest)
    sound = synthesise(controls).samples[0].astype(np.float64)
    found = analyse_note(sound, 220.0)
    expression = measure_note(found.f0_hz, found.amplitudes, found.bands)
    note = LearnedNote(
        name="a",
        key=57.0,
        velocity=0,
        analysis=found,
        release_frame=found.frames,
        expression=expression,
        sound=sound.astype(np.float32),
    )
    torch.manual_seed(0)
    made = Instrument(InstrumentConfig.tiny()).eval()
    learn_takes(made, [note])
    level = made.take_curves[0, 0].numpy()
    lines = np.abs(np.fft.rfft(level[:340] * np.hanning(340)))
    assert np.fft.rfftfreq(340, 1 / 125)[lines.argmax()] == np.fft.rfftfreq(340, 1 / 125)[round(1.3 * 340 / 125)]
    assert abs(level.std() - 1) < 0.3


def test_short_notes_leave_takes_empty():
    made = Instrument(InstrumentConfig.tiny())
    learn_takes(made, [])
    assert not made.take_curves.any()
