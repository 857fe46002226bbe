"""The stream's making: controls come by the rule and not before, and a step back leaves nothing behind."""

import numpy as np
import pytest

from compose.canvas import Note
from compose.stream import DELTA_STEPS, Stream
from compose.vocabulary.bars import Chunk
from compose.vocabulary.measured import Measured
from compose.vocabulary.measured_fields import BAR, CHUNK_STEPS, CONTROL, END, FIELDS, PART, START, meter_id, tempo_id
from corpora.piece import Part

PARTS = (Part("Soprano", program=52), Part("Bass", program=52))
BARS = [Chunk(index * 96, 96, meter_id(4, 4), 8, tempo_id(120.0), index) for index in range(6)]
CONTROLS = [Note(onset, 1, 40 + onset // 48, 48) for onset in range(0, 576, 48)]
NEXT, PLACE, AHEAD = FIELDS.index("next"), FIELDS.index("place"), FIELDS.index("ahead")


def built(controls=CONTROLS, delta=DELTA_STEPS, events=()):
    """Steps, and for each the time of the event that brought it."""
    stream, times = Stream(PARTS, BARS, controls, (0,), delta), [-1] * 3
    waiting = sorted(events)
    for bar in BARS:
        stream.push_bar()
        times += [stream.now] * (len(stream.rows) - len(times))
        while waiting and waiting[0].onset < bar.start + bar.length:
            stream.push_note(waiting.pop(0))
            times += [stream.now] * (len(stream.rows) - len(times))
    stream.push_end()
    return stream, [*times, stream.now]


EVENTS = [Note(onset, 0, 60 + onset % 7, 24) for onset in range(0, 576, 36)]


def test_beginning_written_out():
    stream, _ = built(delta=48)
    heads = [int(row[NEXT]) for row in stream.rows]
    assert heads[:8] == [START, PART, PART, BAR, CONTROL, CONTROL, BAR, CONTROL]
    assert heads[-1] == END
    first = stream.rows[4]
    assert first.tolist() == [CONTROL, 2, 41, 49, 21, 1, 1, 0, 0, 0, 0]
    assert stream.rows[7].tolist() == [CONTROL, 2, 43, 49, 21, 1, 1, 0, 0, 0, 0]  # the next bar's first


@pytest.mark.parametrize("delta", [0, 24, 96, DELTA_STEPS, 10_000])
def test_controls_come_with_the_first_event_within_delta(delta):
    """s_k = the first event whose time is at least the control's onset less delta (arXiv 2306.08620, section 3.2)."""
    stream, times = built(delta=delta, events=EVENTS)
    moments = sorted({bar.start for bar in BARS} | {note.onset for note in EVENTS})
    shown = [time for row, time in zip(stream.rows, times, strict=True) if row[NEXT] == CONTROL]
    expected = [next(m for m in moments if m >= c.onset - delta) for c in CONTROLS if c.onset - delta <= moments[-1]]
    assert shown == expected


def test_whatever_the_delta_the_stream_decodes_to_the_same_notes():
    pieces = [Measured().decode(np.stack(built(delta=delta, events=EVENTS)[0].rows)) for delta in (0, 96, DELTA_STEPS)]
    for piece in pieces:
        rows = [(int(n["onset_div"]), int(n["part"]), int(n["pitch"]), int(n["duration_div"])) for n in piece.notes]
        late = CONTROLS[-1].onset  # with delta 0 the last control has no event after it to come with
        assert [row for row in rows if row[0] < late] == sorted(tuple(n[:4]) for n in EVENTS + CONTROLS if n.onset < late)


def test_a_control_changes_nothing_before_it_is_shown():
    other = [note._replace(pitch=90, duration=12) if note.onset == 480 else note for note in CONTROLS]
    (one, times), (two, _) = built(events=EVENTS), built(other, events=EVENTS)
    first = next(index for index, rows in enumerate(zip(one.rows, two.rows, strict=True)) if (rows[0] != rows[1]).any())
    assert times[first] >= 480 - DELTA_STEPS
    assert times[first - 1] <= times[first]

    a, b = Stream(PARTS, BARS, CONTROLS, (0,)), Stream(PARTS, BARS, other, (0,))
    for stream in (a, b):
        stream.push_bar()
        stream.push_bar()
    place = a.now + 90
    np.testing.assert_array_equal(a.situation.moment(place), b.situation.moment(place))
    for mine, others in zip(a.situation.note(place, 0), b.situation.note(place, 0), strict=True):
        np.testing.assert_array_equal(mine, others)


def state(stream):
    asked = [stream.situation.moment(p) for p in range(stream.now, stream.now + 200, 9)]
    asked += [part for p in range(stream.now, stream.now + 200, 9) for part in stream.situation.note(p, 0)]
    return np.stack(stream.rows), np.concatenate([part.astype(np.int64) for part in asked]), stream.now, stream.bar


def test_rewind_restores_everything(rng):
    stream = Stream(PARTS, BARS, CONTROLS, (0,))
    stream.push_bar()
    events = iter(EVENTS)
    trail = []
    for note in events:
        if note.onset >= stream.chunk.start + stream.chunk.length:
            trail.append((stream.mark(), state(stream)))
            stream.push_bar()
        trail.append((stream.mark(), state(stream)))
        stream.push_note(note)
    while trail:
        index = int(rng.integers(max(len(trail) - 4, 0), len(trail)))
        mark, before = trail[index]
        del trail[index:]
        stream.rewind(mark)
        for mine, kept in zip(state(stream), before, strict=True):
            np.testing.assert_array_equal(mine, kept)


def test_controls_of_far_bars_and_long_bars_fit_their_fields():
    far = [Note(20 * 96, 1, 50, 24)]
    bars = [Chunk(i * 96, 96, meter_id(4, 4), 8, tempo_id(120.0), i) for i in range(21)]
    stream = Stream(PARTS, bars, far, (0,), delta=10_000)
    stream.push_bar()
    row = stream.rows[-1]
    assert row[NEXT] == CONTROL
    assert row[AHEAD] == 16  # capped at fifteen bars
    assert 1 <= row[PLACE] <= CHUNK_STEPS
