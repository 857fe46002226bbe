from __future__ import annotations

import io
from collections import Counter
from fractions import Fraction

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.errors import InputError
from corpora.midi import read_midi, write_midi
from corpora.midi.writer import LaneMessage, assign_channels
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, NOTE_DTYPE, TEMPO_DTYPE, Part, Piece, sort_notes


def make_piece(rows, divs=4, parts=("Violin",), measures=((0, 16, "1", 4, 4),), tempos=(), keys=()):
    """A piece of (onset, duration, pitch, velocity, lane) rows."""
    notes = np.array([(*row, 0, f"n{index}", 0) for index, row in enumerate(rows)], dtype=NOTE_DTYPE)
    return Piece(
        notes=sort_notes(notes),
        divs_per_quarter=divs,
        parts=tuple(part if isinstance(part, Part) else Part(part) for part in parts),
        measures=np.array(list(measures), dtype=MEASURE_DTYPE),
        tempos=np.array(list(tempos), dtype=TEMPO_DTYPE),
        keys=np.array(list(keys), dtype=KEY_DTYPE),
    )


def heard(piece, graces=True):
    """Multiset of (onset, duration, in quarters, pitch, velocity, name of the lane)."""
    found = Counter()
    for row in piece.notes:
        if row["duration_div"] or graces:
            onset, duration = (Fraction(int(row[name]), piece.divs_per_quarter) for name in ("onset_div", "duration_div"))
            found[onset, duration, int(row["pitch"]), int(row["velocity"]), piece.parts[row["part"]].name] += 1
    return found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 12), st.integers(60, 62), st.integers(1, 127), st.integers(0, 1)),
        max_size=25,
    ),
    divs=st.sampled_from([1, 3, 4, 24, 96, 480, 10080]),
)
def test_reading_what_was_written(rows, divs):
    piece = make_piece(rows, divs, ("Violin", Part("Drums", is_drum=True)))
    again = read_midi(write_midi(piece))
    assert heard(again) == heard(piece)
    assert again.divs_per_quarter % divs == 0


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12), st.integers(60, 62), st.integers(1, 127), st.just(0)), max_size=15)
)
def test_grace_notes_take_nothing_from_the_others(rows):
    piece = make_piece(rows)
    again = read_midi(write_midi(piece))
    assert heard(again) >= heard(piece, graces=False)
    assert len(again.notes) == len(piece.notes)
    assert (again.notes["duration_div"] > 0).all()


def test_grace_notes_come_before_their_beat_in_the_order_of_their_ids():
    piece = make_piece([(4, 4, 60, 80, 0)])
    graces = np.array([(4, 0, 62, 80, 0, 0, "n10", 0), (4, 0, 59, 80, 0, 0, "n9", 0)], dtype=NOTE_DTYPE)
    notes = read_midi(write_midi(piece.with_notes(np.concatenate([piece.notes, graces])))).notes
    eighth_of_quarter = 96 // 8
    assert notes[["onset_div", "duration_div", "pitch"]].tolist() == [
        (96 - 2 * eighth_of_quarter, eighth_of_quarter, 59),
        (96 - eighth_of_quarter, eighth_of_quarter, 62),
        (96, 96, 60),
    ]


def test_grace_notes_at_the_start_share_what_room_there_is():
    notes = read_midi(write_midi(make_piece([(0, 0, 62, 80, 0), (0, 4, 60, 80, 0)]))).notes
    assert notes[["onset_div", "duration_div", "pitch"]].tolist() == [(0, 96, 60), (0, 12, 62)]


def test_timeline():
    piece = make_piece(
        [(0, 4, 60, 80, 0)],
        measures=[(0, 4, "0", 4, 4), (4, 20, "1", 4, 4), (20, 32, "2", 3, 4), (32, 44, "3", 3, 4), (44, 47, "4", 6, 8)],
        tempos=[(0, 60.0), (20, 133.0)],
        keys=[(0, -3, -1), (20, 4, 1)],
    )
    again = read_midi(write_midi(piece))
    factor = again.divs_per_quarter // 4
    for name in ("start_div", "end_div"):
        assert (again.measures[name][:4] == piece.measures[name][:4] * factor).all()
    assert again.measures[["number", "beats", "beat_type"]].tolist() == piece.measures[["number", "beats", "beat_type"]].tolist()
    assert again.measures["start_div"][4] == 44 * factor
    assert again.tempos["onset_div"].tolist() == [0, 20 * factor]
    assert again.tempos["quarters_per_minute"] == pytest.approx(piece.tempos["quarters_per_minute"], rel=1e-5)
    assert again.keys.tolist() == [(0, -3, -1), (20 * factor, 4, 1)]


def test_a_bar_longer_than_its_meter():
    piece = make_piece([(0, 40, 60, 80, 0)], measures=[(0, 20, "1", 4, 4), (20, 36, "2", 4, 4), (36, 52, "3", 4, 4)])
    again = read_midi(write_midi(piece))
    assert (again.measures["start_div"] // 24).tolist() == [0, 20, 36]
    assert again.measures[["beats", "beat_type"]].tolist() == [(5, 4), (4, 4), (4, 4)]


def test_other_readers_agree():
    piece = make_piece(
        [(0, 4, 60, 80, 0), (4, 4, 60, 90, 0), (0, 8, 36, 100, 1), (2, 2, 72, 70, 2)],
        parts=(Part("Flöte", program=73), Part("Drums", is_drum=True), Part("Cello", program=42)),
        tempos=[(0, 90.0)],
    )
    data = write_midi(piece)
    score = symusic.Score.from_midi(data)
    assert [(track.name, track.program, track.is_drum) for track in score.tracks] == [
        ("Flöte", 73, False),
        ("Drums", 0, True),
        ("Cello", 42, False),
    ]
    assert score.ticks_per_quarter == 96
    assert [(n.time, n.duration, n.pitch, n.velocity) for n in score.tracks[0].notes] == [(0, 96, 60, 80), (96, 96, 60, 90)]
    file = mido.MidiFile(file=io.BytesIO(data))
    assert file.type == 1
    assert all(track[-1].type == "end_of_track" for track in file.tracks)
    assert [sum(message.time for message in track) for track in file.tracks] == [16 * 24] * 4
    assert file.length == pytest.approx(float(piece.div_to_seconds(16)), abs=1e-5)


def test_a_repeated_note_is_ended_before_it_starts_again():
    file = mido.MidiFile(file=io.BytesIO(write_midi(make_piece([(0, 4, 60, 80, 0), (4, 4, 60, 80, 0)]))))
    kinds = [message.type for message in file.tracks[1] if message.type.startswith("note")]
    assert kinds == ["note_on", "note_off", "note_on", "note_off"]


def test_what_midi_cannot_tell_apart_goes_to_a_further_track():
    piece = make_piece([(0, 8, 60, 80, 0), (2, 2, 60, 90, 0), (1, 8, 60, 70, 0)], parts=(Part("Piano", program=4),))
    again = read_midi(write_midi(piece))
    assert heard(again) == heard(piece)
    assert [(part.name, part.program, part.staff) for part in again.parts] == [("Piano", 4, 0), ("Piano", 4, 1)]


def test_channels():
    drums = Part("Drums", is_drum=True)
    assert assign_channels([Part("a"), drums, Part("b"), drums]) == [0, 9, 1, 9]
    assert assign_channels([Part(str(lane), program=lane) for lane in range(15)]) == [*range(9), *range(10, 16)]
    full = [Part(str(lane), program=8 * lane) for lane in range(15)]
    same, kin, other = Part("same", program=16), Part("kin", program=33), Part("other", program=127)
    assert assign_channels([*full, same, kin, other, other])[15:] == [2, 4, 0, 0]


def test_sixteen_lanes_keep_their_notes():
    piece = make_piece(
        [(lane, 4, 60, 80, lane) for lane in range(40)], parts=[Part(f"P{lane}", program=lane) for lane in range(40)]
    )
    again = read_midi(write_midi(piece))
    assert heard(again) == heard(piece)
    assert [part.program for part in again.parts] == list(range(40))


def test_same_piece_same_bytes():
    rows = [(0, 4, 60, 80, 0), (2, 4, 62, 80, 0)]
    assert write_midi(make_piece(rows)) == write_midi(make_piece(rows))


def test_refuses_what_is_too_long():
    with pytest.raises(InputError, match="too long for MIDI"):
        write_midi(make_piece([(2**31, 1, 60, 80, 0)], divs=480))
    with pytest.raises(InputError, match="gap of more than"):
        write_midi(make_piece([(2**28, 1, 60, 80, 0)], divs=480))


def test_an_empty_piece():
    again = read_midi(write_midi(make_piece([])))
    assert len(again.notes) == 0
    assert again.measures["end_div"].tolist() == [384]


def test_divs_finer_than_midi_are_rounded():
    piece = make_piece([(0, 40320, 60, 80, 0), (40320, 13440, 62, 80, 0)], divs=40320, measures=[(0, 161280, "1", 4, 4)])
    assert heard(read_midi(write_midi(piece))) == heard(piece)


@pytest.mark.parametrize("stem", ["bwv269", "bwv29.8", "bwv10.7"])
def test_a_chorale(stem):
    from corpora.datasets.chorales import chorale_files, read_chorale

    (path,) = [path for path in chorale_files() if path.stem == stem]
    piece = read_chorale(path).piece
    again = read_midi(write_midi(piece))
    assert heard(again) == heard(piece)
    assert (
        again.measures["start_div"].tolist()
        == (piece.measures["start_div"] * again.divs_per_quarter // piece.divs_per_quarter).tolist()
    )


def test_messages_go_to_the_channel_of_their_lane_before_the_notes():
    piece = make_piece([(0, 4, 60, 80, 0), (4, 4, 62, 80, 0), (0, 8, 48, 80, 1)], parts=("Violin", "Cello"))
    messages = [
        LaneMessage(4, 1, 0xB0, bytes([11, 90])),
        LaneMessage(4, 0, 0xB0, bytes([64, 127])),
        LaneMessage(4, 0, 0xC0, bytes([45])),
    ]
    file = mido.MidiFile(file=io.BytesIO(write_midi(piece, messages)))
    found = []
    for track in file.tracks[1:]:
        tick = 0
        for message in track:
            tick += message.time
            if message.type in ("control_change", "program_change", "note_on"):
                found.append((message.channel, tick, message.type, message.bytes()[1:]))
    assert [row for row in found if row[1] == 96] == [
        (0, 96, "control_change", [64, 127]),
        (0, 96, "program_change", [45]),
        (0, 96, "note_on", [62, 80]),
        (1, 96, "control_change", [11, 90]),
    ]
    assert write_midi(piece, []) == write_midi(piece)
