"""Bar arithmetic on bars set out by hand."""

from omr.assembly.chords import Length, SeenEvent
from omr.assembly.costs import NEVER
from omr.assembly.decoding import BarTask, Reading, decode_bar
from omr.assembly.lengths import DIVS, TYPE_DIVS, dotted
from omr.assembly.rows import Sign
from omr.assembly.tuplets import TupletGroup


def note(x: int | float, *types: str, stem: str = "up", staff: int = 0, place: float = 4.0, absent: float = NEVER) -> SeenEvent:
    x = float(x)
    y = 12.0 * staff + 2.0 - place / 2
    row = Sign(0, "head_black", 1.0, x, y, 1.2, 1.0, staff, place, (), (), (), (), (), 0.0, 0.0, 0.0, 0.0, -1, -1)
    lengths = tuple(Length(name, 0, TYPE_DIVS[name], float(cost)) for cost, name in enumerate(types))
    return SeenEvent(x, staff, (row,), False, lengths, absent, stem, shapes=("",))


def onsets(reading: Reading) -> list[float]:
    return [placed.onset / DIVS for placed in reading.placed]


def best(events: list[SeenEvent], quarters: int, tuplets: tuple[TupletGroup, ...] = (), is_loose: bool = False) -> Reading:
    staves = (0,) * (1 + max(event.staff for event in events))
    return decode_bar(BarTask(events, staves, quarters * DIVS, 6.0, tuplets, is_loose=is_loose))[0]


def test_the_sum_of_the_bar_chooses_between_lengths() -> None:
    events = [note(0, "eighth", "quarter"), note(5, "quarter"), note(10, "quarter"), note(15, "quarter")]
    assert onsets(best(events, 4)) == [0, 1, 2, 3]
    assert best(events, 4).length == 4 * DIVS


def test_columns_are_shared_by_all_staves() -> None:
    events = [
        note(0, "half"),
        note(0, "quarter", staff=1),
        note(5, "quarter", staff=1),
        note(10, "half"),
        note(10, "half", staff=1),
    ]
    assert onsets(best(events, 4)) == [0, 0, 1, 2, 2]


def test_two_directions_of_stems_are_two_voices() -> None:
    events = [note(0, "quarter"), note(0, "half", stem="down", place=0.0), note(5, "quarter"), note(10, "half"),
              note(10, "half", stem="down", place=0.0)]  # fmt: skip
    reading = best(events, 4)
    assert onsets(reading) == [0, 0, 1, 2, 2]
    assert [placed.voice for placed in reading.placed] == [0, 1, 0, 0, 1]


def test_a_false_sign_is_left_out_where_the_bar_asks_for_it() -> None:
    events = [note(0, "half"), note(5, "quarter", absent=0.5), note(10, "half")]
    assert [placed.event for placed in best(events, 4).placed] == [0, 2]


def test_a_triplet_counts_two_of_three_eighths() -> None:
    events = [note(x, "eighth") for x in (0, 5, 10)] + [note(15, "quarter")]
    group = TupletGroup((0, 1, 2), ((3, 2, 0.0),), 7.0, True)
    reading = best(events, 2, (group,))
    assert [placed.onset for placed in reading.placed] == [0, DIVS // 3, 2 * DIVS // 3, DIVS]
    assert reading.length == 2 * DIVS


def test_a_bar_that_cannot_add_up_escapes_at_a_price() -> None:
    reading = best([note(0, "quarter"), note(5, "quarter"), note(10, "quarter")], 4)
    assert reading.length == 3 * DIVS
    assert reading.cost >= 6.0


def test_lengths_are_exact() -> None:
    assert dotted(TYPE_DIVS["quarter"], 2) * 4 == 7 * DIVS
    assert all(TYPE_DIVS[name] % (8 * 315) == 0 for name in TYPE_DIVS)
