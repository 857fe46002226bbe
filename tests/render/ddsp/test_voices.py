"""Sharing notes out to voices, and what flows into what."""

from render.ddsp.voices import allot_voices, is_joined, joins, sounding_end

RATE_HZ = 44_100


def test_a_line_is_one_voice_and_a_chord_several(voice):
    assert len(allot_voices(voice((0, 1, 60), (1, 2, 62), (2, 3, 64)), RATE_HZ)) == 1
    assert len(allot_voices(voice((0, 1, 60), (0, 1, 64), (0, 1, 67)), RATE_HZ)) == 3


def test_lines_stay_together(voice):
    rows = voice((0, 1, 48), (0, 1, 72), (1, 2, 50), (1, 2, 71), (2, 3, 52), (2, 3, 69))
    assert [set(part["key"].tolist()) for part in allot_voices(rows, RATE_HZ)] == [{48, 50, 52}, {72, 71, 69}]


def test_a_little_overlap_is_legato_and_much_is_another_voice(voice):
    assert len(allot_voices(voice((0, 1.04, 60), (1, 2, 62)), RATE_HZ)) == 1
    assert len(allot_voices(voice((0, 1.2, 60), (1, 2, 62)), RATE_HZ)) == 2
    assert len(allot_voices(voice((0, 0.06, 60), (0.02, 1, 62)), RATE_HZ)) == 2


def test_touching_notes_are_joined_but_not_one_key_twice(voice):
    rows = voice((0, 1, 60), (1.02, 2, 62), (2, 3, 62), (3.1, 4, 64))
    assert joins(rows, RATE_HZ) == [False, True, False, False]
    assert not is_joined(rows[1], rows[2], RATE_HZ)


def test_a_repeated_key_leaves_a_gap_and_a_join_none(voice):
    rows = voice((0, 1, 60), (1, 2, 60), (2, 3, 62))
    assert sounding_end(rows[0], rows[1], False, RATE_HZ) == 44_100 - 1_323
    assert sounding_end(rows[1], rows[2], True, RATE_HZ) == 88_200
    assert sounding_end(rows[2], None, False, RATE_HZ) == 132_300
