"""Streaming equals offline, levels are what they say, nothing sounds early."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from corpora.errors import RequestError
from render.ddsp.controls import NUM_HARMONICS, FrameControls, frame_rms, joined
from render.ddsp.synthesis import StreamingSynth, synthesise


@pytest.fixture
def controls():
    rng = np.random.default_rng(2)
    frames = 90
    harmonics = rng.uniform(0, 1, (frames, NUM_HARMONICS)) / np.arange(1, NUM_HARMONICS + 1) ** 1.5
    noise = rng.uniform(0, 0.05, (frames, 65))
    rms = frame_rms(harmonics, noise)[:, None]
    return FrameControls(
        f0_hz=np.full(frames, 196.0) * 2 ** np.cumsum(rng.normal(0, 0.003, frames)),
        level_db=-20 + np.cumsum(rng.normal(0, 0.3, frames)),
        harmonics=harmonics / rms,
        noise=noise / rms,
        lengths=np.full(frames - 1, 353),
        sample_rate_hz=44_100,
    )


@pytest.mark.parametrize("with_body", [False, True])
def test_chunks_of_any_size_give_the_offline_samples(controls, with_body):
    response = np.random.default_rng(1).normal(0, 0.05, 3_000).astype(np.float32) if with_body else None
    wanted = synthesise(controls, seed=4, response=response).samples[0]
    voice = StreamingSynth(4, response=response)
    cuts = [0, 1, 2, 30, 33, 89]
    chunks = [voice.push(controls.part(first, last)) for first, last in itertools.pairwise(cuts)]
    came = np.concatenate([*chunks, voice.finish()])
    assert came.shape == wanted.shape
    np.testing.assert_allclose(came, wanted, atol=1e-5)


def test_parts_join_to_the_whole(controls):
    whole = joined([controls.part(0, 10), controls.part(10, 89)])
    np.testing.assert_array_equal(whole.f0_hz, controls.f0_hz)
    np.testing.assert_array_equal(whole.lengths, controls.lengths)


def test_the_level_is_the_rms_of_the_sound(controls):
    steady = replace(controls, level_db=np.full(90, -20.0), f0_hz=np.full(90, 220.0))
    sound = synthesise(steady).samples[0]
    assert 20 * np.log10(np.sqrt(np.mean(sound[2_000:30_000] ** 2))) == pytest.approx(-20, abs=0.3)


def test_silence_is_silent_and_the_first_sample_is_not_late(controls):
    silent = replace(controls, level_db=np.full(90, -200.0))
    assert not synthesise(silent).samples.any()
    assert synthesise(controls).samples[0, 0] != 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level_db": np.zeros(3)}, "level_db of shape"),
        ({"f0_hz": np.full(90, 0.0)}, "f0 of 10 to"),
        ({"f0_hz": np.full(90, np.nan)}, "finite f0_hz"),
        ({"lengths": np.zeros(89, dtype=np.int64)}, "at least 1 sample"),
        ({"harmonics": np.zeros(90)}, "harmonics"),
    ],
)
def test_controls_that_cannot_be_are_refused(controls, change, message):
    with pytest.raises(RequestError, match=message):
        replace(controls, **change)
