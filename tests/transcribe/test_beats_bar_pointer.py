"""The bar pointer finds what was put there, exactly, and the best path of a search through all paths."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from transcribe.beats.bar_pointer import BarPointer, activation_scores

RATE = 62.5


def activations(times_s: NDArray[np.float64], numbers: NDArray[np.int64], duration_s: float) -> NDArray[np.float32]:
    out = np.full((int(duration_s * RATE) + 1, 2), 0.02, dtype=np.float32)
    frames = np.rint(times_s * RATE).astype(np.int64)
    out[frames, 0] = 0.9
    out[frames, 1] = np.where(numbers == 1, 0.85, 0.03)
    return out


def pointer(sizes: tuple[int, ...] = (2, 3, 4, 5, 7)) -> BarPointer:
    return BarPointer(sizes, [0.0] * len(sizes), 15, 125)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("bpm", [44, 97, 151])
def test_steady_beats_of_every_bar_size_come_back(size: int, bpm: int) -> None:
    times_s = 0.31 + np.arange(12 * size + 1) * 60 / bpm
    numbers = (np.arange(len(times_s)) + 1) % size + 1  # begins on an upbeat
    path = pointer().decode(activation_scores(activations(times_s, numbers, times_s[-1] + 0.1)))
    assert path.frames.tolist() == np.rint(times_s * RATE).astype(int).tolist()
    assert (path.positions + 1).tolist() == numbers.tolist()
    assert set(path.bar_sizes.tolist()) == {size}


def test_missing_beats_are_filled_and_false_ones_left_out() -> None:
    times_s = 0.2 + np.arange(64) * 0.5
    heard = activations(times_s, np.arange(64) % 4 + 1, 31.9)
    frames = np.rint(times_s * RATE).astype(int)
    heard[frames[[9, 30, 45]]] = 0.02  # silence on these
    heard[frames[20] + 11] = (0.8, 0.02)  # a false one
    path = pointer().decode(activation_scores(heard))
    assert np.abs(path.frames - frames).max() <= 2
    assert (path.positions == np.arange(64) % 4).all()


def test_tempo_that_drifts_and_breaks_is_followed() -> None:
    lengths_s = np.concatenate([0.5 * 1.015 ** np.arange(40), [1.9], np.full(40, 0.4)])  # a ritard, a fermata, another tempo
    times_s = 0.1 + np.concatenate([[0.0], np.cumsum(lengths_s)])
    numbers = np.arange(len(times_s)) % 3 + 1
    path = pointer().decode(activation_scores(activations(times_s, numbers, times_s[-1] + 0.05)))
    assert path.frames.tolist() == np.rint(times_s * RATE).astype(int).tolist()
    assert (path.positions + 1).tolist() == numbers.tolist()


def test_meter_may_change() -> None:
    numbers = np.array([*(list(range(1, 4)) * 16), *(list(range(1, 5)) * 16)])
    times_s = 0.1 + np.arange(len(numbers)) * 0.6
    path = pointer().decode(activation_scores(activations(times_s, numbers, times_s[-1] + 0.05)))
    assert (path.positions + 1).tolist() == numbers.tolist()
    assert set(path.bar_sizes[:48].tolist()) == {3}
    assert set(path.bar_sizes[48:].tolist()) == {4}


def test_windows_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    times_s = 0.4 + np.cumsum(0.55 * np.exp(0.05 * rng.standard_normal(300)))
    heard = activations(times_s, np.arange(300) % 3 + 1, times_s[-1] + 0.3)
    heard = np.clip(heard + rng.uniform(0, 0.3, heard.shape), 0, 1).astype(np.float32)
    whole = pointer().decode(activation_scores(heard))
    monkeypatch.setattr("transcribe.beats.bar_pointer.WINDOW_FRAMES", 2500)
    monkeypatch.setattr("transcribe.beats.bar_pointer.OVERLAP_FRAMES", 900)
    split = pointer().decode(activation_scores(heard))
    assert split.frames.tolist() == whole.frames.tolist()
    assert split.positions.tolist() == whole.positions.tolist()


def test_anchor_is_the_first_downbeat() -> None:
    times_s = 0.4 + np.arange(60) * 0.5
    heard = activations(times_s, np.full(60, 2), 31.0)  # no downbeat is heard
    anchor = round(times_s[3] * RATE)
    path = pointer((4,)).decode(activation_scores(heard), anchor)
    downbeats = path.frames[path.positions == 0]
    assert downbeats[0] == anchor
    assert path.frames[0] == round(times_s[0] * RATE)


def told(tempi: NDArray[np.float32]) -> Callable[[int, int], NDArray[np.float32]]:
    return lambda begin, stop: tempi[begin:stop]


def test_no_path_through_a_small_space_is_better() -> None:
    rng = np.random.default_rng(0)
    small = BarPointer((1, 2), [-0.2, -1.7], 3, 5, looseness=0.2, break_price=-3.0, change_price=-2.0, sharpness=1.0)
    assert small.intervals.tolist() == [3, 4, 5]
    for turn in range(12):
        heard = rng.uniform(0.05, 0.95, (14, 2)).astype(np.float32)
        scores = activation_scores(heard)
        tempi = rng.normal(0, 2, (14, 3)).astype(np.float32) * np.float32(turn % 2)
        fits = rng.normal(0, 2, (2, 3)).astype(np.float32) * np.float32(turn % 3)
        best = max(scored(small, scores, tempi, fits, path) for path in all_paths(small, len(scores)))
        assert small.decode(scores, tempi=told(tempi), fits=fits).score == pytest.approx(best, abs=1e-4)


def test_what_is_known_of_the_tempo_decides_between_octaves() -> None:
    times_s = 0.1 + np.arange(80) * 0.4
    scores = activation_scores(np.clip(activations(times_s, np.arange(80) % 4 + 1, 32.2), 0, 0.5))
    space = pointer((2, 4))
    seconds = space.intervals / RATE
    for beat_s in (0.4, 0.8):
        tempi = np.tile(-40 * seconds * np.abs(np.log(seconds / beat_s)), (len(scores), 1)).astype(np.float32)
        assert set(np.diff(space.decode(scores, tempi=told(tempi)).frames).tolist()) == {round(beat_s * RATE)}


def all_paths(space: BarPointer, count: int) -> list[list[tuple[int, int, int]]]:
    """Every path of (frame, way, position) that begins and ends within an interval of the edges."""
    ways, positions = range(len(space.intervals)), range(len(space.size_of))
    found = []
    open_paths = [[(f, w, p)] for w in ways for f in range(int(space.intervals[w])) for p in positions]
    while open_paths:
        path = open_paths.pop()
        frame, way, position = path[-1]
        if frame + space.intervals[way] >= count:
            found.append(path)
        for onward, following in itertools.product(ways, positions):
            follows = following == position + 1 if position not in space.last else following in space.first
            if follows and frame + space.intervals[onward] < count:
                open_paths.append([*path, (frame + int(space.intervals[onward]), onward, following)])
    return found


def scored(
    space: BarPointer,
    scores: NDArray[np.float32],
    tempi: NDArray[np.float32],
    fits: NDArray[np.float32],
    path: list[tuple[int, int, int]],
) -> float:
    frame, _, position = path[0]
    total = float(space.start[position] + scores[frame, space.kind[position]])
    size_index = {size: row for row, size in enumerate(dict.fromkeys(space.size_of.tolist()))}
    total += sum(float(tempi[frame, way] + fits[size_index[int(space.size_of[position])], way]) for frame, way, position in path)
    for (_, way, position), (frame, onward, following) in itertools.pairwise(path):
        total += float(space.transition[onward, way]) + float(scores[frame, space.kind[following]])
        if following in space.first and space.size_of[following] != space.size_of[position]:
            total += float(space.tolls[space.first == following][0])
    return total
