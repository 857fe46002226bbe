"""What tempo and meter together settle: when it is clear, what is far from it, and that beats go by it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from transcribe.beats.note_model import METERS, PERIODS_S
from transcribe.beats.settled_tempo import far_from_tempo, is_clearly_other
from transcribe.beats.tracking import track_beats
from transcribe.beats.wishes import BeatWishes

RATE = 62.5
INTERVALS = np.arange(16, 126)
TABLE = {(0.5, (4, 4)): 0.45, (1.0, (2, 4)): 0.2, (1.0, (2, 2)): 0.2, (1.0, (3, 4)): 0.1}


def nearest(period_s: float) -> int:
    return int(np.argmin(np.abs(PERIODS_S - period_s)))


def shares(table: dict[tuple[float, tuple[int, int]], float]) -> NDArray[np.float32]:
    out = np.full((len(PERIODS_S), len(METERS)), 1e-5)
    for (period_s, meter), share in table.items():
        out[nearest(period_s), METERS.index(meter)] += share
    return np.log(out / out.sum()).astype(np.float32)


def opinions(frames: int, said: dict[float, float]) -> NDArray[np.float32]:
    out = np.full(len(PERIODS_S), 1e-4)
    for period_s, share in said.items():
        out[nearest(period_s)] += share
    return np.tile(np.log(out / out.sum()), (frames, 1)).astype(np.float32)


def every(period_s: float) -> NDArray[np.int64]:
    return np.full(20, round(period_s * RATE))


def test_what_is_twice_as_likely_as_what_was_found_is_clear() -> None:
    table = shares(TABLE)
    assert is_clearly_other(every(1.0), (2, 4), table, INTERVALS)
    assert is_clearly_other(every(0.5), (2, 4), table, INTERVALS)  # the tempo alone is not enough
    assert not is_clearly_other(every(0.5), (4, 4), table, INTERVALS)


def test_what_the_user_knows_is_not_up_to_the_table() -> None:
    table = shares(TABLE)
    assert not is_clearly_other(every(1.0), (2, 4), table, INTERVALS, meter=(2, 4))
    slow = INTERVALS[INTERVALS > 0.7 * RATE]
    assert not is_clearly_other(every(1.0), (2, 4), table, slow)


def test_meters_without_a_name_are_found_but_not_gone_for() -> None:
    table = shares({(0.5, (0, 0)): 0.6, (1.0, (3, 4)): 0.3})
    assert not is_clearly_other(every(1.0), (3, 4), table, INTERVALS)
    assert not is_clearly_other(every(0.5), (5, 4), table, INTERVALS)


def test_each_moment_has_its_own_tempo() -> None:
    half = round(200 * RATE)
    periods = np.concatenate([opinions(half, {0.4: 0.9}), opinions(half, {1.2: 0.9})])
    far = far_from_tempo(periods, INTERVALS, shares({(0.4, (4, 4)): 0.5, (1.2, (4, 4)): 0.5}), (0, 2 * half))
    assert far.shape == (2 * half, len(INTERVALS))
    seconds = INTERVALS / RATE
    for frame, period_s in ((round(20 * RATE), 0.4), (round(380 * RATE), 1.2)):
        near = np.abs(np.log(seconds / period_s)) < np.log(1.5)
        assert (far[frame, near] == 0).all()
        assert (far[frame, np.abs(np.log(seconds / period_s)) > np.log(1.9)] < -4).all()


def test_a_window_is_told_what_the_whole_is() -> None:
    rng = np.random.default_rng(0)
    periods = np.log(rng.dirichlet(np.full(len(PERIODS_S), 0.3), 9000)).astype(np.float32)
    table = np.log(rng.dirichlet(np.full(len(PERIODS_S) * len(METERS), 0.3)).reshape(len(PERIODS_S), -1)).astype(np.float32)
    whole = far_from_tempo(periods, INTERVALS, table, (0, 9000))
    part = far_from_tempo(periods, INTERVALS, table, (2500, 7000))
    assert np.mean(whole[2500:7000] == part) > 0.99


@pytest.mark.parametrize(("wishes", "beat_s"), [(None, 0.5), (BeatWishes(slowest_bpm=40, fastest_bpm=80), 1.0)])
def test_beats_go_by_the_likeliest_tempo_and_meter(wishes: BeatWishes | None, beat_s: float) -> None:
    times_s = 0.3 + 0.5 * np.arange(80)
    activations = np.full((int(41 * RATE), 2), 0.02, dtype=np.float32)
    frames = np.rint(times_s * RATE).astype(int)
    activations[frames[::2]], activations[frames[1::2]] = (0.9, 0.3), (0.3, 0.02)
    periods = opinions(len(activations), {0.5: 0.4, 1.0: 0.6})
    table = shares(TABLE)
    alone = track_beats(activations, periods=periods)
    assert np.median(np.diff(alone.beats["time_s"])) == pytest.approx(1.0, abs=0.02)
    tracked = track_beats(activations, wishes, periods=periods, tempo_meter=table)
    assert np.median(np.diff(tracked.beats["time_s"])) == pytest.approx(beat_s, abs=0.02)
