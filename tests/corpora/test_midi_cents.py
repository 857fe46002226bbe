"""Cents in MIDI: bends that hold still are read as cents, cents are written as bends on channels of their own."""

from __future__ import annotations

import io
from collections import Counter
from fractions import Fraction

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.errors import InputError
from corpora.files import parse_piece, score_bytes
from corpora.midi import edit_midi, read_midi, read_midi_with_report, write_midi
from corpora.midi.bends import bend_of_cents
from corpora.musicxml import read_musicxml, write_musicxml
from corpora.piece import MEASURE_DTYPE, Part, Piece, empty_notes, sort_notes

STEP_CENTS = 200 / 8192


def midi_bytes(*tracks):
    """A file of tracks of (tick, message)."""
    file = mido.MidiFile(type=1, ticks_per_beat=96)
    for events in tracks:
        track, now = mido.MidiTrack(), 0
        for tick, message in sorted(events, key=lambda event: event[0]):
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def note(tick, duration, pitch, channel=0):
    return [
        (tick, mido.Message("note_on", note=pitch, velocity=64, channel=channel)),
        (tick + duration, mido.Message("note_off", note=pitch, channel=channel)),
    ]


def bend(tick, value, channel=0):
    return tick, mido.Message("pitchwheel", pitch=value, channel=channel)


def control(tick, number, value, channel=0):
    return tick, mido.Message("control_change", control=number, value=value, channel=channel)


def bend_range(tick, semitones, cents=0, channel=0):
    return [control(tick, number, value, channel) for number, value in ((101, 0), (100, 0), (6, semitones), (38, cents))]


def cents(data):
    return read_midi(data).notes["cents"].tolist()


def piece_of(rows, parts=("Ney",), divs=4):
    """A piece of (onset, duration, pitch, cents, lane) rows."""
    notes = empty_notes(len(rows))
    for index, (onset, duration, pitch, deviation, lane) in enumerate(rows):
        notes[index] = (onset, duration, pitch, 80, lane, 0, f"n{index}", deviation)
    lanes = tuple(part if isinstance(part, Part) else Part(part) for part in parts)
    return Piece(sort_notes(notes), divs, lanes, np.array([(0, 4 * divs, "1", 4, 4)], dtype=MEASURE_DTYPE))


def heard(piece):
    """Multiset of (onset, duration, pitch, bend, lane's name), times in quarters."""
    found = Counter()
    for row in piece.notes:
        times = (Fraction(int(row[name]), piece.divs_per_quarter) for name in ("onset_div", "duration_div"))
        found[*times, int(row["pitch"]), bend_of_cents(float(row["cents"])), piece.parts[row["part"]].name] += 1
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


def test_a_bend_before_the_note_is_its_cents():
    assert cents(midi_bytes([bend(0, 2048), *note(0, 96, 60), bend(96, -1024), *note(96, 96, 62)])) == [50.0, -25.0]


def test_a_bend_in_another_track_and_after_the_note_on_of_its_tick_counts():
    assert cents(midi_bytes(note(0, 96, 60), [bend(0, 2048)])) == [50.0]


def test_a_bend_that_moves_is_left_and_counted():
    data = midi_bytes([bend(0, 2048), *note(0, 96, 60), bend(48, 0), *note(96, 96, 62)])
    piece, report = read_midi_with_report(data)
    assert piece.notes["cents"].tolist() == [0.0, 0.0]
    assert report.bent_notes == 1
    assert piece.source.data == data


def test_a_bend_said_again_and_one_at_the_end_do_not_move():
    piece, report = read_midi_with_report(midi_bytes([bend(0, 2048), *note(0, 96, 60), bend(48, 2048), bend(96, 0)]))
    assert (piece.notes["cents"].tolist(), report.bent_notes) == ([50.0], 0)


def test_a_whole_semitone_is_no_tuning():
    piece, report = read_midi_with_report(midi_bytes([bend(0, 4096), *note(0, 96, 60), bend(96, 4095), *note(96, 96, 60)]))
    assert piece.notes["pitch"].tolist() == [60, 60]
    assert piece.notes["cents"].tolist() == [0.0, pytest.approx(99.9756, abs=1e-3)]
    assert report.bent_notes == 1


def test_the_range_is_what_parameter_zero_says():
    assert cents(midi_bytes([*bend_range(0, 12), bend(0, 512), *note(0, 96, 60)])) == [75.0]
    assert cents(midi_bytes([*bend_range(0, 1, 50), bend(0, 4096), *note(0, 96, 60)])) == [75.0]
    assert cents(midi_bytes([bend(0, 512), *bend_range(0, 12), *note(0, 96, 60)])) == [75.0]
    assert cents(midi_bytes([*bend_range(0, 12, channel=1), bend(0, 2048), *note(0, 96, 60)])) == [50.0]


def test_data_entries_for_other_parameters_change_no_range():
    other = [control(0, 101, 0), control(0, 100, 1), control(0, 6, 12)]
    none = [*bend_range(0, 2), control(0, 101, 127), control(0, 100, 127), control(0, 6, 12)]
    unregistered = [control(0, 101, 0), control(0, 100, 0), control(0, 99, 0), control(0, 98, 0), control(0, 6, 12)]
    for events in (other, none, unregistered):
        assert cents(midi_bytes([*events, bend(0, 2048), *note(0, 96, 60)])) == [50.0]


def test_a_range_that_changes_under_a_bent_note_moves_it_but_not_one_of_a_centred_wheel():
    assert read_midi_with_report(midi_bytes([bend(0, 2048), *note(0, 96, 60), *bend_range(48, 12)]))[1].bent_notes == 1
    assert read_midi_with_report(midi_bytes([*note(0, 96, 60), *bend_range(48, 12)]))[1].bent_notes == 0


def test_reset_all_controllers_centres_the_wheel():
    assert cents(midi_bytes([bend(0, 2048), control(10, 121, 0), *note(20, 96, 60)])) == [0.0]


def test_ports_are_apart():
    other = [(0, mido.MetaMessage("midi_port", port=1)), *note(0, 96, 60)]
    assert cents(midi_bytes([bend(0, 2048), *note(0, 96, 62)], other)) == [50.0, 0.0]


def test_drums_have_no_cents():
    assert cents(midi_bytes([bend(0, 2048, 9), *note(0, 96, 38, 9)])) == [0.0]


# -- writing ----------------------------------------------------------------------------------------------------------

tuned_rows = st.lists(
    st.tuples(
        st.integers(0, 24),
        st.integers(1, 8),
        st.integers(60, 63),
        st.one_of(st.sampled_from([0.0, 50.0, -50.0, 33.3333]), st.integers(-9999, 9999).map(lambda value: value / 100)),
        st.integers(0, 2),
    ),
    max_size=20,
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(tuned_rows)
def test_reading_what_was_written(rows):
    piece = piece_of(rows, (Part("Ney", program=72), Part("Oud", program=25), Part("Drums", is_drum=True)))
    piece.notes["cents"][piece.notes["part"] == 2] = 0
    try:
        data = write_midi(piece)
    except InputError as error:
        assert "expected at most 15 tunings" in str(error)  # noqa: PT017 - only this refusal is right
        ends = piece.notes["onset_div"] + piece.notes["duration_div"]
        together = [
            len({(r["part"], bend_of_cents(float(r["cents"]))) for r in piece.notes[(piece.notes["onset_div"] <= t) & (ends > t)]})
            for t in range(32)
        ]
        assert max(together) > 15
        return
    again, report = read_midi_with_report(data)
    assert heard(again) == heard(piece)
    assert report.bent_notes == 0
    error = np.abs(np.sort(again.notes["cents"]) - np.sort(piece.notes["cents"]))
    assert error.max(initial=0) <= STEP_CENTS / 2 + 1e-4 < 0.1


def test_a_lane_of_several_tunings_stays_one_lane():
    again = read_midi(write_midi(piece_of([(0, 4, 60, 0, 0), (4, 4, 60, 50, 0), (8, 4, 60, -30, 0)])))
    assert [(part.name, part.staff) for part in again.parts] == [("Ney", 0)]
    assert again.notes["cents"].tolist() == pytest.approx([0, 50, -30], abs=STEP_CENTS)


def test_each_channel_is_set_up_before_its_first_note():
    data = write_midi(piece_of([(0, 4, 60, 50, 0), (4, 4, 60, 0, 0)], (Part("Ney", program=72),)))
    messages = [m for m in mido.MidiFile(file=io.BytesIO(data)).tracks[1] if not m.is_meta]
    controls = [(m.control, m.value) for m in messages if m.type == "control_change" and m.channel == 0]
    assert controls == [(101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127)]
    assert [(m.channel, m.pitch) for m in messages if m.type == "pitchwheel"] == [(0, 2048), (1, 0)]
    assert [(m.channel, m.program) for m in messages if m.type == "program_change"] == [(0, 72), (1, 72)]


def test_sixteen_tunings_one_after_another_fit_but_not_at_once():
    channels = {
        m.channel
        for m in mido.MidiFile(file=io.BytesIO(write_midi(piece_of([(i, 1, 60, i, 0) for i in range(40)])))).tracks[1]
        if m.type == "note_on"
    }
    assert channels == {*range(9), *range(10, 16)}
    fifteen = [(0, 4, 60 + i, 3 * i, 0) for i in range(15)]
    assert heard(read_midi(write_midi(piece_of(fifteen)))) == heard(piece_of(fifteen))
    with pytest.raises(InputError, match="quarter 2: expected at most 15 tunings and programs that sound together"):
        write_midi(piece_of([*((0, 12, 60 + i, 3 * i, 0) for i in range(15)), (8, 4, 50, 99, 0)]))


def test_many_lanes_of_few_tunings_share_channels():
    parts = [Part(f"P{lane}", program=lane % 4) for lane in range(40)]
    piece = piece_of([(0, 4, 40 + lane, 50 * (lane % 2), lane) for lane in range(40)], parts)
    assert heard(read_midi(write_midi(piece))) == heard(piece)


def test_without_cents_no_bend_is_written():
    data = write_midi(piece_of([(0, 4, 60, 0, 0)]))
    assert all(m.type not in ("pitchwheel", "control_change") for m in mido.MidiFile(file=io.BytesIO(data)).tracks[1])


@pytest.mark.parametrize("value", [100, -100, 1e9, np.nan, np.inf])
def test_cents_beyond_a_semitone_are_refused(value):
    with pytest.raises(InputError, match="note n0: expected between -100 and 100 cents, came"):
        write_midi(piece_of([(0, 4, 60, value, 0)]))


def test_what_is_written_passes_the_gate():
    piece = piece_of([(0, 4, 60, 50, 0), (0, 4, 64, -13.7, 0)])
    assert heard(parse_piece(score_bytes(piece, ".mid"), "a.mid")) == heard(piece)


# -- between the formats ----------------------------------------------------------------------------------------------


def test_musicxml_to_midi_and_back_keeps_cents_and_lanes():
    piece = piece_of([(0, 4, 60, 50, 0), (4, 4, 61, 50, 0), (8, 4, 62, -33.3333, 0), (12, 4, 72, 12.5, 1)], ("Ney", "Oud"))
    score = read_musicxml(write_musicxml(piece))
    midi = parse_piece(score_bytes(score, ".mid"), "a.mid")
    again = parse_piece(score_bytes(midi, ".musicxml"), "a.musicxml")
    assert heard(again) == heard(midi) == heard(score) == heard(piece)
    assert len(again.parts) == 2


# -- editing ----------------------------------------------------------------------------------------------------------


def row(onset, duration, pitch, deviation, lane=0):
    rows = empty_notes(1)
    rows[0] = (onset, duration, pitch, 64, lane, 0, "", deviation)
    return rows


def other_events(data):
    """Everything but notes, with ticks, by track."""
    out = []
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        tick, events = 0, []
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off"):
                events.append((tick, str(message.copy(time=0))))
        out.append(events)
    return out


def test_a_new_note_without_cents_sounds_as_its_channel_is_bent():
    piece = read_midi(midi_bytes([bend(0, 2048), *note(0, 96, 60)]))
    edited = edit_midi(piece, (), row(0, 96, 64, 0))
    assert cents(edited) == [50.0, 50.0]
    assert other_events(edited) == other_events(piece.source.data)


def test_a_new_note_with_cents_brings_its_bend_and_takes_it_back():
    piece = read_midi(midi_bytes([bend(0, 2048), *note(0, 96, 60), *note(192, 96, 62)]))
    edited = edit_midi(piece, (), row(96, 96, 64, -25))
    assert cents(edited) == [50.0, -25.0, 50.0]
    (events,) = other_events(edited)
    (before,) = other_events(piece.source.data)
    assert [event for event in events if event not in before] == [
        (96, "pitchwheel channel=0 pitch=-1024 time=0"),
        (192, "pitchwheel channel=0 pitch=2048 time=0"),
    ]


def test_chords_of_one_tuning_share_their_bend_and_tunings_may_follow_each_other():
    piece = read_midi(midi_bytes([*note(0, 96, 60), *note(384, 96, 60)]))
    rows = np.concatenate([row(96, 96, 64, 25), row(96, 192, 67, 25), row(288, 96, 69, -25)])
    edited = read_midi(edit_midi(piece, (), rows))
    assert edited.notes[["pitch", "cents"]].tolist() == [(60, 0.0), (64, 25.0), (67, 25.0), (69, -25.0), (60, 0.0)]


def test_a_tuning_beside_kept_notes_is_refused():
    piece = read_midi(midi_bytes(note(0, 96, 60)))
    with pytest.raises(
        InputError, match="track 0, tick 48: a new note of 25 cents finds no channel of its lane where nothing else"
    ):
        edit_midi(piece, (), row(48, 96, 64, 25))
    with pytest.raises(InputError, match="a new note of 25 cents finds no channel"):
        edit_midi(piece, (), row(96, 0, 64, 25))
    moving = read_midi(midi_bytes([*note(0, 96, 60), bend(120, 100)]))
    with pytest.raises(InputError, match="where nothing else sounds or bends"):
        edit_midi(moving, (), row(96, 96, 64, 25))
    with pytest.raises(InputError, match="a new note has nan cents, expected between -100 and 100"):
        edit_midi(piece, (), row(96, 96, 64, np.nan))


def test_a_lane_of_several_channels_gives_each_new_note_the_channel_of_its_tuning():
    piece = read_midi(write_midi(piece_of([(0, 4, 60, 0, 0), (0, 4, 64, 50, 0), (8, 4, 60, 0, 0)])))
    rows = np.concatenate([row(0, 96, 67, 50), row(0, 96, 72, 0), row(96, 96, 62, 20)])
    edited = edit_midi(piece, (), rows)
    again = read_midi(edited)
    assert len(again.parts) == 1
    expected = [(60, 0), (64, 2048), (67, 2048), (72, 0), (62, bend_of_cents(20.0)), (60, 0)]
    assert [(int(n["pitch"]), bend_of_cents(float(n["cents"]))) for n in again.notes] == expected


@settings(max_examples=25, deadline=None, derandomize=True)
@given(tuned_rows, tuned_rows, st.data())
def test_an_edit_keeps_every_other_note_and_event(rows, new, choose):
    piece = piece_of([(*values[:4], 0) for values in rows])
    try:
        piece = read_midi(write_midi(piece))
    except InputError:
        return
    if not piece.parts:
        return
    removed = choose.draw(st.sets(st.sampled_from(piece.notes["id"].tolist())))
    scale = piece.divs_per_quarter // 4
    added = piece_of([(onset * scale, length * scale, pitch, deviation, 0) for onset, length, pitch, deviation, _ in new[:3]])
    kept = piece.with_notes(piece.notes[~np.isin(piece.notes["id"], list(removed))])
    try:
        data = edit_midi(piece, removed, added.notes)
    except InputError as error:
        assert "finds no channel" in str(error) or "cannot tell them apart" in str(error)  # noqa: PT017
        return
    again = read_midi(data)
    assert heard(again) >= heard(kept)
    assert len(again.notes) == len(kept.notes) + len(added.notes)
    for events, before in zip(other_events(data), other_events(piece.source.data), strict=True):
        assert not Counter(e for e in before if "end_of_track" not in e[1]) - Counter(events)
