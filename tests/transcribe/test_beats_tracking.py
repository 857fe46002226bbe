"""Tracking: what the user fixes holds, names of meters, mixing, refusals."""

import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.errors import RequestError
from transcribe.beats.note_model import METERS, PERIODS_S
from transcribe.beats.tracking import mix_activations, track_beats
from transcribe.beats.wishes import BeatWishes, parse_meter

RATE = 62.5


def heard(size: int, bpm: float, beats: int = 48, start_s: float = 0.3) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    times_s = start_s + np.arange(beats) * 60 / bpm
    out = np.full((int((times_s[-1] + 0.1) * RATE) + 1, 2), 0.02, dtype=np.float32)
    out[np.rint(times_s * RATE).astype(int)] = (0.9, 0.03)
    out[np.rint(times_s[::size] * RATE).astype(int)] = (0.9, 0.8)
    return times_s, out


def shares(*likely: tuple[int, int]) -> NDArray[np.float32]:
    """Log probabilities (periods, meters), the tempo unknown."""
    out = np.array([1.0 if meter in likely else 0.02 for meter in METERS], dtype=np.float32)
    return np.tile(np.log(out / out.sum() / len(PERIODS_S)), (len(PERIODS_S), 1))


@pytest.mark.parametrize("meter", [(2, 4), (3, 4), (4, 4), (5, 4), (7, 4)])
def test_simple_meters_are_named(meter: tuple[int, int]) -> None:
    times_s, activations = heard(meter[0], 84)
    tracked = track_beats(activations)
    assert (tracked.beats_per_bar, tracked.beat_type) == meter
    assert tracked.beats["time_s"] == pytest.approx(times_s, abs=0.5 / RATE)
    assert tracked.beats["number"].tolist() == (np.arange(48) % meter[0] + 1).tolist()
    assert tracked.confidence == pytest.approx(0.9)


@pytest.mark.parametrize("meter", [(6, 8), (9, 8), (12, 8), (2, 2), (3, 8)])
def test_compound_meters_are_named_by_their_shares(meter: tuple[int, int]) -> None:
    size = {6: 2, 9: 3, 12: 4, 2: 2, 3: 3}[meter[0]]
    tracked = track_beats(heard(size, 60)[1], tempo_meter=shares(meter))
    assert (tracked.beats_per_bar, tracked.beat_type) == meter
    assert tracked.beats["number"].max() == size


@pytest.mark.parametrize(("size", "meter"), [(2, (6, 4)), (3, (3, 2))])
def test_meters_that_the_network_has_no_name_for_are_told_by_their_size(size: int, meter: tuple[int, int]) -> None:
    tracked = track_beats(heard(size, 60)[1], tempo_meter=shares((0, 0)))
    assert (tracked.beats_per_bar, tracked.beat_type) == meter


def test_a_name_of_the_network_goes_before_one_that_it_has_not() -> None:
    tracked = track_beats(heard(3, 60)[1], tempo_meter=shares((0, 0), (3, 4)))
    assert (tracked.beats_per_bar, tracked.beat_type) == (3, 4)


def test_shares_decide_where_downbeats_do_not() -> None:
    _, activations = heard(1, 90)
    activations[:, 1] = np.where(activations[:, 0] > 0.5, 0.45, 0.02)  # every beat may be one
    for meter in ((2, 4), (3, 4), (4, 4)):
        tracked = track_beats(activations, tempo_meter=shares(meter))
        assert (tracked.beats_per_bar, tracked.beat_type) == meter


def test_a_meter_is_likely_for_the_beat_that_goes_with_it() -> None:
    _, activations = heard(3, 150)
    bars = activations.copy()
    bars[:, 0] = bars[:, 1] * 0.99  # only downbeats are beats, 50 a minute: two or three of them, or four, are a bar
    bars[:, 1] = np.where(bars[:, 0] > 0.5, 0.45, 0.02)
    tempo_meter = np.full((len(PERIODS_S), len(METERS)), np.log(1e-3), dtype=np.float32)
    tempo_meter[PERIODS_S < 0.7, METERS.index((3, 4))] = 0.0
    tempo_meter[PERIODS_S > 0.7, METERS.index((6, 8))] = 0.0
    found = [track_beats(given, tempo_meter=tempo_meter) for given in (activations, bars)]
    assert [(tracked.beats_per_bar, tracked.beat_type) for tracked in found] == [(3, 4), (6, 8)]


def test_two_beats_are_named_by_the_note_that_a_beat_is_in_other_meters_too() -> None:
    tempo_meter = np.full((len(PERIODS_S), len(METERS)), np.log(1e-3), dtype=np.float32)
    for meter, share in (((2, 2), 0.3), ((2, 4), 0.25), ((4, 4), 0.45)):
        tempo_meter[:, METERS.index(meter)] = np.log(share)
    tracked = track_beats(heard(2, 60)[1], tempo_meter=tempo_meter)
    assert (tracked.beats_per_bar, tracked.beat_type) == (2, 4)
    tempo_meter[:, METERS.index((4, 4))] = np.log(0.01)
    tracked = track_beats(heard(2, 60)[1], tempo_meter=tempo_meter)
    assert (tracked.beats_per_bar, tracked.beat_type) == (2, 2)


@pytest.mark.parametrize(("meter", "beat_s"), [((3, 4), 0.5), ((6, 8), 1.5)])
def test_the_users_meter_says_which_level_is_the_beat(meter: tuple[int, int], beat_s: float) -> None:
    """In 3/4 the beat is the quarter, in 6/8 a whole bar of the same waltz."""
    _, activations = heard(3, 120)
    activations[:, 1] = np.where(activations[:, 1] > 0.5, 0.45, 0.02)
    tempo_meter = np.full((len(PERIODS_S), len(METERS)), np.log(1e-3), dtype=np.float32)
    tempo_meter[PERIODS_S < 0.7, METERS.index((3, 4))] = 0.0
    tempo_meter[PERIODS_S > 0.7, METERS.index((6, 8))] = 0.0
    tracked = track_beats(activations, BeatWishes(meter=meter), tempo_meter=tempo_meter)
    assert np.median(np.diff(tracked.beats["time_s"])) == pytest.approx(beat_s, abs=0.05)


def test_the_users_meter_holds() -> None:
    _, activations = heard(4, 100)
    for meter, size in (((3, 4), 3), ((6, 8), 2), ((12, 8), 4), ((6, 4), 2), ((11, 8), 11)):
        tracked = track_beats(activations, BeatWishes(meter=meter))
        assert (tracked.beats_per_bar, tracked.beat_type) == meter
        numbers = tracked.beats["number"]
        assert numbers.max() == size
        assert (np.diff(numbers) % size == 1 % size).all()


@pytest.mark.parametrize(("slowest", "fastest", "bpm"), [(40.0, 70.0, 60.0), (100.0, 150.0, 120.0), (200.0, 260.0, 240.0)])
def test_the_tempo_range_holds(slowest: float, fastest: float, bpm: float) -> None:
    _, activations = heard(4, 120)
    tracked = track_beats(activations, BeatWishes(slowest_bpm=slowest, fastest_bpm=fastest))
    assert 60 / np.diff(tracked.beats["time_s"]).mean() == pytest.approx(bpm, rel=0.01)


def test_the_first_downbeat_holds() -> None:
    times_s, activations = heard(4, 120)
    tracked = track_beats(activations, BeatWishes(first_downbeat_s=float(times_s[3])))
    downbeats = tracked.beats["time_s"][tracked.beats["number"] == 1]
    assert downbeats[0] == pytest.approx(times_s[3], abs=1 / RATE)
    assert tracked.beats["time_s"][0] == pytest.approx(times_s[0], abs=1 / RATE)  # an upbeat of three


def test_the_span_bounds_the_beats() -> None:
    _, activations = heard(4, 120)
    tracked = track_beats(activations, span_s=(5.0, 12.0))
    assert tracked.beats["time_s"].min() >= 4.98
    assert tracked.beats["time_s"].max() <= 12.03


def test_nothing_heard_is_no_beats() -> None:
    tracked = track_beats(np.zeros((0, 2), dtype=np.float32))
    assert (len(tracked.beats), tracked.beats_per_bar, tracked.beat_type, tracked.confidence) == (0, 0, 0, 0.0)


def test_mixing_is_the_mean_of_log_odds() -> None:
    one, other = np.full((5, 2), 0.9, dtype=np.float32), np.full((7, 2), 0.1, dtype=np.float32)
    assert mix_activations([one, other]) == pytest.approx(np.full((5, 2), 0.5), abs=1e-6)
    assert mix_activations([one, other], [3.0, 1.0]) == pytest.approx(np.full((5, 2), 0.75), abs=1e-6)  # sqrt(9) = 3 to 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"meter": (0, 4)}, "meter 0/4: expected 1 to 12 beats"),
        ({"meter": (4, 3)}, "meter 4/3"),
        ({"slowest_bpm": 200.0, "fastest_bpm": 100.0}, "tempo range: expected 10 <= slowest < fastest <= 480"),
        ({"slowest_bpm": float("nan")}, "got nan to 240"),
        ({"first_downbeat_s": -1.0}, "first downbeat: expected a time in seconds from 0, got -1"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        BeatWishes(**values)  # type: ignore[arg-type]


def test_a_downbeat_beyond_the_music_is_refused() -> None:
    with pytest.raises(RequestError, match=r"within the music \(23.90 s\), got 60 s"):
        track_beats(heard(4, 120)[1], BeatWishes(first_downbeat_s=60.0))


@pytest.mark.parametrize("text", ["", "3", "3/", "/4", "x/4", "-3/4", "3/4/4", "1111/4"])
def test_meters_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="expected one such as 3/4 or 6/8"):
        parse_meter(text)
