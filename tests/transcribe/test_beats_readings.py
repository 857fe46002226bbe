"""What other meters and tempi are told."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from transcribe.beats.combining import with_beats
from transcribe.beats.note_model import METERS, PERIODS_S
from transcribe.beats.readings import likely_readings
from transcribe.beats.wishes import BeatWishes
from transcribe.commands import _other_readings
from transcribe.heard import HEARD_DTYPE, HeardMusic


def together(meters: dict[tuple[int, int], float], *peaks: tuple[float, float]) -> NDArray[np.float32]:
    """Log probabilities of tempo and meter, apart from each other: shares of meters, and a peak for each (seconds, share)."""
    shares = np.array([meters.get(meter, 0.0) for meter in METERS])
    bells = [(share, np.exp(-0.5 * (np.log(PERIODS_S / seconds) / 0.06) ** 2)) for seconds, share in peaks]
    tempi = sum(share * bell / bell.sum() for share, bell in bells)
    return np.log(np.outer(tempi, shares) + 1e-12).astype(np.float32)


def test_likely_ones_come_first_with_their_shares():
    found = likely_readings(together({(6, 8): 0.3, (3, 4): 0.6, (2, 4): 0.05, (4, 4): 0.05}, (0.5, 0.25), (1.0, 0.75)))
    assert [meter for meter, _ in found.meters] == [(3, 4), (6, 8)]
    assert [share for _, share in found.meters] == pytest.approx([0.6, 0.3])
    assert [tempo for tempo, _ in found.tempi] == pytest.approx([60, 120], rel=0.03)
    assert [share for _, share in found.tempi] == pytest.approx([0.75, 0.25], abs=0.02)


def test_meters_without_a_name_are_not_told():
    values = together({(0, 0): 0.88, (4, 4): 0.12}, (0.5, 1.0))
    assert [meter for meter, _ in likely_readings(values).meters] == [(4, 4)]


def test_what_the_user_knows_is_not_doubted():
    wishes = BeatWishes(meter=(3, 4), slowest_bpm=50, fastest_bpm=70)
    found = likely_readings(together({(6, 8): 0.5, (3, 4): 0.5}, (0.5, 0.5), (1.0, 0.5)), wishes)
    assert found.meters == ()
    assert [tempo for tempo, _ in found.tempi] == pytest.approx([60], rel=0.03)


def test_beats_come_with_readings():
    notes = np.zeros(64, dtype=HEARD_DTYPE)
    notes["onset_s"] = np.arange(64) * 0.5
    notes["offset_s"], notes["pitch"], notes["velocity"], notes["confidence"] = notes["onset_s"] + 0.45, 60, 80, 1.0
    notes["pitch"][::4] = 48
    music = with_beats(HeardMusic(notes, 33.0))
    assert music.readings.tempi
    assert sum(share for _, share in music.readings.tempi) <= 1.0 + 1e-6
    assert with_beats(HeardMusic(notes, 33.0), wishes=BeatWishes(meter=(4, 4))).readings.meters == ()


def test_the_summary_names_options_that_differ():
    report = {
        "meter": "3/4",
        "tempo": 120.0,
        "readings": {
            "meters": [{"meter": "3/4", "share": 0.6}, {"meter": "6/8", "share": 0.3}],
            "tempi": [{"tempo": 121.0, "share": 0.7}, {"tempo": 60.4, "share": 0.2}],
        },
    }
    assert _other_readings(report) == [("or", "--meter 6/8 (30%), --tempo 60 (20%)")]
    report["readings"] = {"meters": [{"meter": "3/4", "share": 1.0}], "tempi": []}
    assert _other_readings(report) == []
