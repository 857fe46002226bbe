from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.errors import RequestError
from corpora.musicxml.beams import Beamable, beam_groups
from corpora.musicxml.notation import NOTE_TYPES, Meter, notate, symbol_of, tuplet_windows
from corpora.musicxml.spelling import key_alters, spell

F = Fraction
COMMON = Meter(4, 4)


def shown(start: F, end: F, meter: Meter = COMMON, is_rest: bool = False) -> list[str]:
    """Types and dots, without tuplets."""
    return [symbol.type + "." * symbol.dots for symbol in notate(start, end, meter, [], is_rest)]


@pytest.mark.parametrize(
    ("start", "end", "meter", "is_rest", "expected"),
    [
        (F(0), F(4), COMMON, False, ["whole"]),
        (F(0), F(3), Meter(3, 4), False, ["half."]),
        (F(1, 2), F(3, 2), COMMON, False, ["quarter"]),  # a syncopation inside the half bar stays one note
        (F(3, 2), F(5, 2), COMMON, False, ["eighth", "eighth"]),  # over the middle of the bar it does not
        (F(0), F(5, 2), COMMON, False, ["half", "eighth"]),
        (F(0), F(5), Meter(5, 4), False, ["whole", "quarter"]),
        (F(1), F(3), COMMON, True, ["quarter", "quarter"]),
        (F(1, 2), F(4), COMMON, True, ["eighth", "quarter", "half"]),
        (F(0), F(3, 2), Meter(6, 8), False, ["quarter."]),
        (F(1), F(2), Meter(6, 8), False, ["eighth", "eighth"]),  # not over the beat
        (F(0), F(7, 4), COMMON, False, ["quarter.."]),
    ],
)
def test_durations_are_written_as_usual(start: F, end: F, meter: Meter, is_rest: bool, expected: list[str]) -> None:
    assert shown(start, end, meter, is_rest) == expected


def test_a_pickup_keeps_the_beats_of_its_meter() -> None:
    assert shown(F(0), F(3, 2), Meter(4, 4, shift=F(5, 2)), is_rest=True) == ["eighth", "quarter"]
    assert shown(F(0), F(3, 2), Meter(4, 4), is_rest=True) == ["quarter", "eighth"]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([F(0), F(1, 3), F(2, 3), F(1)], (F(0), F(1), 3, 2)),
        ([F(0), F(2, 3), F(4, 3), F(2)], (F(0), F(2), 3, 2)),
        ([F(1), F(6, 5), F(7, 5), F(8, 5), F(9, 5), F(2)], (F(1), F(2), 5, 4)),
        ([F(1, 2), F(2, 3), F(5, 6), F(1)], (F(1, 2), F(1), 3, 2)),
    ],
)
def test_the_smallest_aligned_window_is_the_tuplet(times: list[F], expected: tuple[F, F, int, int]) -> None:
    spans = list(pairwise(times))
    assert [tuple(window) for window in tuplet_windows(times, spans, COMMON, F(4))] == [expected]


def test_power_of_two_times_need_no_tuplet() -> None:
    assert tuplet_windows([F(0), F(3, 16), F(1)], [], COMMON, F(4)) == []


def test_what_is_finer_than_any_symbol_is_refused() -> None:
    with pytest.raises(RequestError, match="no note symbol is short enough"):
        notate(F(0), F(1, 2048), COMMON, [])


@given(
    times=st.lists(st.integers(1, 95), max_size=8, unique=True),
    meter=st.sampled_from([COMMON, Meter(2, 2), Meter(12, 8), Meter(8, 8), Meter(4, 4, shift=F(1))]),
    is_rest=st.booleans(),
)
def test_symbols_fill_their_time_exactly_and_sound_as_long_as_they_say(times: list[int], meter: Meter, is_rest: bool) -> None:
    length = meter.bar - meter.shift
    edges = sorted({F(0), length, *(F(t, 24) for t in times if F(t, 24) < length)})
    spans = list(pairwise(edges))
    windows = tuplet_windows(edges, spans, meter, length)
    for before, after in pairwise(windows):
        assert before.end <= after.start
    for start, end in spans:
        reached = start
        for symbol in notate(start, end, meter, windows, is_rest):
            assert symbol.start == reached
            plain = F(2) ** (NOTE_TYPES.index("quarter") - NOTE_TYPES.index(symbol.type)) * (2 - F(1, 2**symbol.dots))
            assert symbol.duration == plain * F(symbol.normal, symbol.actual)
            reached += symbol.duration
        assert reached == end


def test_symbols_of_single_lengths() -> None:
    assert symbol_of(F(3, 2)) == ("quarter", 1)
    assert symbol_of(F(7, 4)) == ("quarter", 2)
    assert symbol_of(F(5, 4)) is None
    assert symbol_of(F(1, 3)) is None


def test_beams_stay_in_the_beat_and_sixteenths_get_their_second() -> None:
    row = [
        Beamable(F(0), "eighth", True),
        Beamable(F(1, 2), "16th", True),
        Beamable(F(3, 4), "16th", True),
        Beamable(F(1), "eighth", True),
    ]
    assert beam_groups(row, COMMON) == [["begin"], ["continue", "begin"], ["end", "end"], []]
    dotted = [Beamable(F(0), "eighth", True), Beamable(F(3, 4), "16th", True)]
    assert beam_groups(dotted, COMMON) == [["begin"], ["end", "backward hook"]]
    assert beam_groups([dotted[0], dotted[1]._replace(is_free=False)], COMMON) == [[], []]


@pytest.mark.parametrize(
    ("pitch", "fifths", "after", "expected"),
    [
        (66, 0, 67, "F1"),
        (61, 0, 62, "C1"),
        (61, 0, 60, "D-1"),
        (70, 0, 71, "A1"),
        (70, 0, None, "B-1"),
        (68, 0, 69, "G1"),
        (68, 0, 67, "A-1"),
        (63, 3, None, "D1"),  # the raised fourth of A
        (60, 4, 61, "B1"),  # the leading tone of C sharp minor
        (59, -6, None, "C-1"),
    ],
)
def test_chromatic_notes_follow_key_and_melody(pitch: int, fifths: int, after: int | None, expected: str) -> None:
    step, alter, octave = spell(pitch, fifths, after)
    assert f"{step}{alter}" == expected
    assert 12 * (octave + 1) + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[step] + alter == pitch


@given(pitch=st.integers(0, 127), fifths=st.integers(-7, 7), after=st.none() | st.integers(0, 127))
def test_every_spelling_sounds_as_its_pitch(pitch: int, fifths: int, after: int | None) -> None:
    step, alter, octave = spell(pitch, fifths, after)
    assert abs(alter) <= 1
    assert 12 * (octave + 1) + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[step] + alter == pitch
    scale = {(60 + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[s] + a) % 12: a for s, a in key_alters(fifths).items()}
    if pitch % 12 in scale:  # scale tones are never written as others
        assert scale[pitch % 12] == alter
