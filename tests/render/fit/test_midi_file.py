from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from render.fit.midi_file import played_to_midi
from render.midi_events import PlayEvent
from render.played import PLAYED_DTYPE, PlayedMusic, play

RATE_HZ = 44_100


def music(channels: int, *, drums: frozenset[int] = frozenset()) -> PlayedMusic:
    """Three notes a channel, the last of them one key struck again before it is let go."""
    rows = np.zeros(3 * channels, dtype=PLAYED_DTYPE)
    for index, row in enumerate(rows):
        channel, step = divmod(index, 3)
        onset = 10_007 * step + 13 * channel
        row["onset_sample"], row["release_sample"], row["end_sample"] = onset, onset + 15_000, onset + 15_000
        row["key"], row["velocity"], row["cents"] = 60 if step else 48, 20 + index % 100, 0.0 if channel in drums else 12.5 + step
        row["channel"], row["stem"], row["is_drum"], row["id"] = channel, channel, channel in drums, f"n{index}"
    events = tuple(PlayEvent(0, "program_change", channel, 40) for channel in range(channels) if channel not in drums)
    order = np.lexsort((rows["key"], rows["channel"], rows["onset_sample"]))
    stems = tuple(f"part {channel}" for channel in range(channels))
    return PlayedMusic(rows[order], events, stems, tuple(range(channels)), drums, RATE_HZ, "music")


@pytest.mark.parametrize(("channels", "drums"), [(1, frozenset()), (4, frozenset({2})), (20, frozenset({0, 9}))])
def test_it_plays_the_same(channels: int, drums: frozenset[int]) -> None:
    before = music(channels, drums=drums)
    after = play(played_to_midi(before, tuning_cents=12.5), sample_rate_hz=RATE_HZ)
    assert len(after.notes) == len(before.notes)
    assert sorted(after.stems) == sorted(before.stems)
    for note in before.notes:
        (same,) = after.notes[(after.notes["velocity"] == note["velocity"]) & (after.notes["key"] == note["key"])]
        assert same["onset_sample"] == pytest.approx(note["onset_sample"], abs=2)
        assert same["is_drum"] == note["is_drum"]
        assert after.stems[same["stem"]] == before.stems[note["stem"]]
        if not note["is_drum"]:
            assert same["program"] == 40
            bend = float(after.bend_cents(int(same["channel"])).at(int(same["onset_sample"])))
            assert bend == pytest.approx(float(note["cents"]), abs=0.02)


def test_own_bends_stay_alone() -> None:
    bent = replace(music(1), events=(PlayEvent(0, "pitchwheel", 0, 4_096),))
    after = play(played_to_midi(bent), sample_rate_hz=RATE_HZ)
    assert after.bend_cents(0).values.tolist() == [100.0]
