from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.errors import InputError
from render.fluid import MAX_CHANNELS, MAX_GROUPS
from render.played import PLAYED_DTYPE, PlayedMusic
from render.soundfont.timeline import KINDS, NOTE_OFF, NOTE_ON, make_timeline
from render.soundfont.virtual_channels import allot_channels


def music(rows: list[tuple[int, int, int, int]], stem_of_channel: tuple[int, ...], drums: tuple[int, ...] = ()) -> PlayedMusic:
    """Notes of (onset, end, key, channel)."""
    notes = np.zeros(len(rows), dtype=PLAYED_DTYPE)
    for place, (onset, end, key, channel) in enumerate(sorted(rows)):
        notes[place] = (onset, end, end, key, 80, 0.0, channel, 0, 0, channel in drums, stem_of_channel[channel], f"n{place}")
    stems = tuple(f"Part {stem}" for stem in range(max(stem_of_channel) + 1))
    return PlayedMusic(notes, (), stems, stem_of_channel, frozenset(drums), 44_100, "song.mid")


def test_a_unison_has_a_channel_more() -> None:
    found = allot_channels(music([(0, 100, 60, 0), (50, 80, 60, 0), (50, 80, 61, 0), (100, 200, 60, 0)], (0,)), stems=False)
    assert found.of_note.tolist() == [0, 1, 0, 0]
    assert found.of_channel == ((0, 1),)
    assert found.stem_of_pair == (0,)
    assert found.count == 2


def test_drums_keep_one_channel() -> None:
    found = allot_channels(music([(0, 100, 38, 1), (50, 80, 38, 1), (0, 9, 60, 0)], (0, 1), drums=(1,)), stems=True)
    assert len(found.of_channel[1]) == 1
    assert found.drums == frozenset(found.of_channel[1])


def test_a_channel_without_notes_has_none() -> None:
    found = allot_channels(music([(0, 100, 60, 2)], (-1, -1, 0)), stems=True)
    assert found.of_channel == ((), (), (0,))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 60), st.integers(60, 63), st.integers(0, 5)), min_size=1, max_size=80
    ),
    stems=st.booleans(),
)
def test_every_stem_has_pairs_of_its_own_and_no_key_is_held_twice(rows: list[tuple[int, int, int, int]], stems: bool) -> None:
    stem_of_channel = (0, 0, 1, 2, 2, 2)
    played = music([(onset, onset + length, key, channel) for onset, length, key, channel in rows], stem_of_channel)
    found = allot_channels(played, stems=stems)
    pairs = len(found.stem_of_pair)
    for channel, own in enumerate(found.of_channel):
        for virtual in own:
            assert found.stem_of_pair[virtual % pairs] == (stem_of_channel[channel] if stems else 0)
    every = [virtual for own in found.of_channel for virtual in own]
    assert len(set(every)) == len(every)
    held: dict[tuple[int, int], int] = {}
    for virtual, note in zip(found.of_note.tolist(), played.notes, strict=True):
        assert virtual in found.of_channel[int(note["channel"])]
        assert held.get((virtual, int(note["key"])), -1) <= note["onset_sample"]
        held[virtual, int(note["key"])] = int(note["end_sample"])


def test_too_many_unisons_share_the_last_channel() -> None:
    rows = [(place, 1000, 60, channel) for channel in range(16) for place in range(40)]
    found = allot_channels(music(rows, tuple(range(16))), stems=True)
    assert found.count <= MAX_CHANNELS
    assert len(found.stem_of_pair) <= MAX_GROUPS
    assert all(len(own) == MAX_CHANNELS // 16 for own in found.of_channel)
    timeline = make_timeline(music(rows, tuple(range(16))), found)
    assert np.count_nonzero(timeline["kind"] == NOTE_ON) == len(rows)
    assert np.count_nonzero(timeline["kind"] == NOTE_OFF) == found.count, "the last one lets go"


def test_more_stems_than_pairs_are_refused() -> None:
    rows = [(0, 100, 60, channel) for channel in range(200)]
    with pytest.raises(InputError, match=r"song\.mid: 200 stems on 200 channels are more than FluidSynth keeps apart"):
        allot_channels(music(rows, tuple(range(200))), stems=True)
    assert allot_channels(music(rows, tuple(range(200))), stems=False).count == 200


def test_the_timeline_is_in_blocks_and_lets_go_before_it_strikes() -> None:
    played = music([(0, 6400, 60, 0), (6400, 6500, 60, 0)], (0,))
    rows = make_timeline(played, allot_channels(played, stems=False))
    assert rows["block"].tolist() == [0, 100, 100, 102]
    assert rows["kind"].tolist() == [NOTE_ON, NOTE_OFF, NOTE_ON, NOTE_OFF]
    assert len(KINDS) == NOTE_ON
