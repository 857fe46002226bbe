"""Good MIDI files pass with the right extent; damaged ones are refused or harmless."""

from __future__ import annotations

import io
import struct

import mido
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.errors import InputError
from corpora.gate import MidiExtent, check_midi

NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x00"
END = b"\x00\xff\x2f\x00"


def smf(*tracks: bytes, fmt: int = 0, division: int = 96) -> bytes:
    head = b"MThd" + struct.pack(">IHHH", 6, fmt, len(tracks), division)
    return head + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)


def test_extent_worked_out_by_hand() -> None:
    tempo = b"\x00\xff\x51\x03\x0f\x42\x40"  # 60 quarters a minute
    faster = b"\x60\xff\x51\x03\x03\xd0\x90"  # after one quarter, 240 a minute
    data = smf(tempo + faster + END, NOTE * 3 + b"\x60\xff\x2f\x00", fmt=1)
    assert check_midi(data, "a.mid") == MidiExtent(1, 2, 96, 3 + 7, 3, 4 * 96, 1 + 3 * 0.25)


CONTROLS = {
    "running status": smf(b"\x00\x90\x3c\x40\x60\x3c\x00\x00\x40\x40\x60\x40\x00" + END),
    "running status after a meta event": smf(b"\x00\x90\x3c\x40\x00\xff\x01\x01a\x60\x3c\x00" + END),
    "sysex": smf(b"\x00\xf0\x05\x7e\x7f\x09\x01\xf7" + NOTE + END),
    "sysex escape": smf(b"\x00\xf7\x03abc" + NOTE + END),
    "unknown meta": smf(b"\x00\xff\x70\x03abc\x00\xff\x7f\x02\x00\x41" + NOTE + END),
    "chunk of another kind": smf(NOTE + END) + b"XFIH\x00\x00\x00\x03abc",
    "padding": smf(NOTE + END) + bytes(7),
    "all channel events": smf(b"\x00\xa0\x3c\x10\x00\xb0\x40\x7f\x00\xc0\x05\x00\xd0\x40\x00\xe0\x00\x40" + NOTE + END),
    "no notes": smf(END),
    "longest delta in time": smf(b"\x81\xa8\x00\x90\x3c\x40" + NOTE + END),
    "texts in any letters": smf(b"\x00\xff\x03\x04\xff\xfe\x00\x1b" + NOTE + END),
    "key of seven flats": smf(b"\x00\xff\x59\x02\xf9\x01" + NOTE + END),
    "64th meter": smf(b"\x00\xff\x58\x04\x07\x06\x18\x08" + NOTE + END),
    "fine ticks": smf(NOTE + END, division=32767),
}


@pytest.mark.parametrize("data", CONTROLS.values(), ids=CONTROLS)
def test_controls_are_let_in_and_read(data: bytes) -> None:
    extent = check_midi(data, "a.mid")
    assert symusic.Score.from_midi(data).note_num() <= extent.notes
    assert len(mido.MidiFile(file=io.BytesIO(data)).tracks) == extent.tracks


@st.composite
def scores(draw: st.DrawFn) -> mido.MidiFile:
    """Well-formed files as mido writes them."""
    tracks = draw(st.integers(1, 3))
    file = mido.MidiFile(type=1, ticks_per_beat=draw(st.integers(1, 960)))
    for _ in range(tracks):
        track = mido.MidiTrack()
        for _ in range(draw(st.integers(0, 8))):
            time = draw(st.integers(0, 300))
            track.append(
                draw(
                    st.sampled_from(
                        [
                            mido.Message("note_on", note=60, velocity=draw(st.integers(0, 127)), time=time),
                            mido.Message("control_change", control=64, value=9, time=time),
                            mido.Message("sysex", data=(1, 2, 3), time=time),
                            mido.MetaMessage("text", text="la", time=time),
                            mido.MetaMessage("set_tempo", tempo=draw(st.integers(1, 2**20)), time=time),
                        ]
                    )
                )
            )
        file.tracks.append(track)
    return file


def as_bytes(file: mido.MidiFile) -> bytes:
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


@settings(derandomize=True, max_examples=25, deadline=None)
@given(scores())
def test_extent_agrees_with_mido(file: mido.MidiFile) -> None:
    data = as_bytes(file)
    extent = check_midi(data, "a.mid")
    file = mido.MidiFile(file=io.BytesIO(data))  # with the ends of tracks that save() adds
    events = [message for track in file.tracks for message in track]
    assert extent.events == len(events)
    assert extent.notes == sum(message.type == "note_on" and message.velocity > 0 for message in events)
    assert extent.last_tick == max(sum(message.time for message in track) for track in file.tracks)
    assert extent.seconds == pytest.approx(file.length)


WHOLE = smf(
    b"\x00\xff\x51\x03\x07\xa1\x20\x00\xff\x58\x04\x03\x02\x18\x08" + NOTE * 3 + END, b"\x00\xc0\x05" + NOTE * 4 + END, fmt=1
)


def refusal_of(data: bytes) -> str | None:
    try:
        check_midi(data, "a.mid")
    except InputError as refusal:
        return str(refusal)
    return None


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, len(WHOLE)))
def test_changed_bytes_are_refused_in_one_line_or_harmless(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    damaged = bytes(data) if cut % 4 else bytes(data[:cut])
    message = refusal_of(damaged)
    if message is not None:
        assert message.startswith("a.mid: ")
        assert message.isprintable()
    else:
        ends = [note.time + note.duration for track in symusic.Score.from_midi(damaged).tracks for note in track.notes]
        assert 0 <= max(ends, default=0) <= check_midi(damaged, "a.mid").last_tick


@pytest.mark.parametrize(
    ("data", "place"), [(b"MThd\x00\x00\x00\x07\x00\x00\x00\x01\x00\x60", "byte 4"), (smf(NOTE * 2), "track 1, byte 38")]
)
def test_refusals_tell_the_place(data: bytes, place: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.mid: {place}: expected"):
        check_midi(data, "a.mid")
