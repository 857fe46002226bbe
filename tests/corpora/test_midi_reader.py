from __future__ import annotations

import contextlib
import io
import time

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.errors import InputError
from corpora.midi import read_midi
from corpora.midi.events import encode_quantity, split_events
from corpora.midi.timeline import MAX_BARS, Meter, bars


def save(tracks, kind=1, division=480):
    """Bytes of a file of mido messages with delta times."""
    file = mido.MidiFile(type=kind, ticks_per_beat=division, tracks=[mido.MidiTrack(track) for track in tracks])
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def on(pitch, time=0, channel=0, velocity=64):
    return mido.Message("note_on", note=pitch, time=time, channel=channel, velocity=velocity)


def off(pitch, time=0, channel=0):
    return mido.Message("note_off", note=pitch, time=time, channel=channel)


def raw(body, division="01E0", kind="0001"):
    """A file of one track with this body, in hexadecimal."""
    content = bytes.fromhex(body)
    return b"MThd" + bytes.fromhex("00000006" + kind + "0001" + division) + b"MTrk" + len(content).to_bytes(4, "big") + content


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "00"), (0x7F, "7F"), (0x80, "8100"), (0x3FFF, "FF7F"), (0x4000, "818000"), (0xFFFFFFF, "FFFFFF7F")],
)
def test_quantities_of_the_standard(value, encoded):
    assert encode_quantity(value) == bytes.fromhex(encoded)
    body = encoded + "FF2F00"
    assert split_events(raw(body)).tracks[0].ticks == [value]


@pytest.mark.parametrize("value", [-1, 1 << 28])
def test_quantity_limits(value):
    with pytest.raises(ValueError, match="2\\^28"):
        encode_quantity(value)


def test_lanes():
    tracks = [
        [mido.MetaMessage("track_name", name="Song"), mido.Message("program_change", program=40, channel=3)],
        [mido.MetaMessage("track_name", name="Violine für Gis"), on(60, channel=3), off(60, 10, channel=3)],
        [mido.Message("program_change", program=7), on(60), off(60, 5), on(36, channel=9), off(36, 5, channel=9)],
        [on(60), mido.Message("program_change", program=5, time=1), off(60, 9)],
    ]
    piece = read_midi(save(tracks), "song.mid")
    lanes = [(part.name, part.key, part.staff, part.program, part.is_drum) for part in piece.parts]
    assert lanes == [
        ("Violine für Gis", "1", 3, 40, False),  # the program stands in another track
        ("Track 3 (channel 1)", "2", 0, 7, False),
        ("Track 3 (channel 10)", "2", 9, 0, True),
        ("Track 4", "3", 0, 7, False),  # its own program comes late: that of the channel holds
    ]
    assert piece.notes["part"].tolist() == [0, 1, 3, 2]
    assert piece.notes["id"].tolist() == ["t1c3n0", "t2c0n0", "t3c0n0", "t2c9n0"]
    assert piece.source.data == save(tracks)
    assert piece.source.name == "song.mid"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_in_both_encodings(encoding):
    name = "Flöte\n1\x00".encode(encoding)
    data = raw(f"00FF03{len(name):02X}{name.hex()} 00903C40 10803C40 00FF2F00")
    assert read_midi(data).parts[0].name == "Flöte1"


def test_first_on_is_first_off():
    notes = read_midi(save([[on(60), on(60, 10), off(60, 10), off(60, 10)]])).notes
    assert notes[["onset_div", "duration_div"]].tolist() == [(0, 20), (10, 20)]


def test_a_note_on_of_velocity_zero_ends():
    assert read_midi(save([[on(60), on(60, 10, velocity=0)]])).notes["duration_div"].tolist() == [10]


def test_an_unended_note_lasts_to_the_end_of_its_track():
    piece = read_midi(save([[on(60, 5), on(62, 10), off(62, 20), mido.MetaMessage("end_of_track", time=7)]]))
    assert piece.notes[["onset_div", "duration_div"]].tolist() == [(5, 37), (15, 20)]


def test_timeline():
    conductor = [
        mido.MetaMessage("set_tempo", tempo=400_000),
        mido.MetaMessage("key_signature", key="F#m"),
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
        mido.MetaMessage("set_tempo", tempo=1_000_000, time=1440),
        mido.MetaMessage("set_tempo", tempo=500_000),
        mido.MetaMessage("time_signature", numerator=6, denominator=8, time=1440),
        mido.MetaMessage("key_signature", key="Eb"),
    ]
    piece = read_midi(save([conductor, [on(60), off(60, 4320)]]))
    assert piece.tempos.tolist() == [(0, 150.0), (1440, 120.0)]  # of two at one tick the last holds
    assert piece.keys.tolist() == [(0, 3, -1), (2880, -3, 1)]
    assert piece.measures.tolist() == [(0, 1440, "1", 3, 4), (1440, 2880, "2", 3, 4), (2880, 4320, "3", 6, 8)]
    assert float(piece.div_to_seconds(2880)) == pytest.approx(3 * 0.4 + 3 * 0.5)


def test_bars_without_a_meter():
    piece = read_midi(save([[on(60), off(60, 1921)]]))
    assert piece.measures.tolist() == [(0, 1920, "1", 4, 4), (1920, 3840, "2", 4, 4)]
    assert read_midi(save([[]])).measures.tolist() == [(0, 1920, "1", 4, 4)]


def test_pickup():
    rows = bars([Meter(0, 4, 4), Meter(100, 4, 4)], 100, 500, 500).tolist()
    assert rows == [(0, 100, "0", 4, 4), (100, 500, "1", 4, 4)]


def test_a_meter_before_its_bar_is_full_cuts_the_bar():
    rows = bars([Meter(0, 4, 4), Meter(600, 3, 4)], 100, 700, 700).tolist()
    assert rows == [(0, 400, "1", 4, 4), (400, 600, "2", 4, 4), (600, 900, "3", 3, 4)]


def test_empty_bars_before_the_end_of_the_file():
    assert len(bars([], 100, 400, 1600)) == 4
    assert len(bars([], 100, 400, 1601)) == 4
    assert len(bars([], 100, 401, 1599)) == 3


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    division=st.integers(1, 1000),
    meters=st.lists(st.tuples(st.integers(1, 3000), st.integers(1, 12), st.sampled_from([1, 2, 4, 8, 16, 64])), max_size=4),
    end=st.integers(0, 9000),
)
def test_bars_are_contiguous_and_cover_the_music(division, meters, end):
    places = np.cumsum([gap for gap, _, _ in meters]).tolist()
    changes = [Meter(place, beats, beat_type) for place, (_, beats, beat_type) in zip(places, meters, strict=True)]
    rows = bars(changes, division, end, end)
    assert rows["start_div"][0] == 0
    assert (rows["start_div"][1:] == rows["end_div"][:-1]).all()
    assert (rows["end_div"] > rows["start_div"]).all()
    assert rows["end_div"][-1] >= end
    assert {change.onset for change in changes if change.onset < rows["end_div"][-1]} <= set(rows["start_div"].tolist())
    exact = 4 * division * rows["beats"] / rows["beat_type"]
    assert (rows["end_div"] - rows["start_div"] <= np.maximum(exact, 1) + 1).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 50), st.booleans(), st.integers(60, 62), st.sampled_from([0, 3])), max_size=40))
def test_parity_with_symusic(events):
    messages = [(on if start else off)(pitch, time, channel) for time, start, pitch, channel in events]
    messages += [off(pitch, 100, channel) for _ in range(40) for pitch in (60, 61, 62) for channel in (0, 3)]
    data = save([messages])
    ours = sorted(read_midi(data).notes[["onset_div", "duration_div", "pitch"]].tolist())
    theirs = sorted((n.time, n.duration, n.pitch) for track in symusic.Score.from_midi(data).tracks for n in track.notes)
    assert ours == theirs


def test_format_0():
    piece = read_midi(save([[on(60), on(36, channel=9), off(60, 10), off(36, channel=9)]], kind=0))
    assert [part.staff for part in piece.parts] == [0, 9]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "its head is missing"),
        (b"RIFF" + bytes(20), "its head is missing"),
        (raw("00FF2F00", kind="0002"), "format 0 or 1, came 2"),
        (raw("00FF2F00", division="E728"), "ticks per quarter note"),
        (raw("00FF2F00", division="0000"), "ticks per quarter note"),
        (raw("00FF2F00")[:-1], "passes the end of the file"),
        (raw("00 90 3C"), "track 0"),
        (raw("80"), "ends inside an event|passes the end"),
        (raw("00 3C 40"), "running status without a status"),
        (raw("00 F4 00"), "status 0xF4"),
        (raw("00 FF 01 7F 00"), "passes the end of its track"),
        (raw("00 FF 51 03 000000 00FF2F00"), "tick 0: expected a tempo above zero"),
        (raw("00 FF 51 01 07 00FF2F00"), "tempo above zero, came 07"),
        (raw("10 FF 58 04 00021808 00FF2F00"), "tick 16: expected a time signature"),
        (raw("00 FF 58 04 04FF1808 00FF2F00"), "expected a time signature"),
        (raw("FFFFFF7F 903C40" + "FFFFFF7F 803C40" * 8 + "00FF2F00"), "expected ticks up to"),
        (raw("00 903C40 FFFFFF7F 803C40 00FF2F00", division="0001"), f"at most {MAX_BARS} bars"),
    ],
)
def test_refuses(data, words):
    with pytest.raises(InputError, match=words) as caught:
        read_midi(data, "bad.mid")
    assert str(caught.value).startswith("bad.mid: ")
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(14, 200), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 200))
def test_broken_bytes_are_read_or_refused(flips, cut):
    tracks = [[mido.MetaMessage("set_tempo", tempo=5), on(60), mido.Message("sysex", data=[1]), off(60, 9)] * 4] * 2
    data = bytearray(save(tracks))
    for place, value in flips:
        data[place % len(data)] = value
    with contextlib.suppress(InputError):
        read_midi(bytes(data[: len(data) - cut // 3]))


@pytest.mark.parametrize("count", [25_000, pytest.param(250_000, marks=pytest.mark.slow)])
def test_half_a_million_events_within_five_seconds(count):
    """And a tenth of that in a tenth of the time, with a second for a busy machine."""
    body = b"".join(b"\x03\x90%c\x40\x05\x80%c\x40" % (40 + k % 50, 40 + k % 50) for k in range(count)) + b"\x00\xff\x2f\x00"
    started = time.process_time()
    piece = read_midi(raw(body.hex()))
    assert len(piece.notes) == count
    assert time.process_time() - started < 1 + 5 * count / 250_000
