from __future__ import annotations

from collections.abc import Callable

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.errors import InputError
from render.midi_events import midi_to_events

RATE_HZ = 44_100


def test_a_beat_at_120_is_half_a_second(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    events = midi_to_events(midi_file(note(480, 960)), RATE_HZ)
    assert [(event.sample, event.kind, event.first) for event in events] == [(22_050, "note_on", 69), (44_100, "note_off", 69)]


def test_tempo_changes_count_from_where_they_stand(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    tempos = [(480, mido.MetaMessage("set_tempo", tempo=1_000_000)), (720, mido.MetaMessage("set_tempo", tempo=250_000))]
    data = midi_file(tempos, note(480, 720) + note(1200, 1680, 71))  # the tempo track comes first, as in any type 1 file
    seconds = [event.sample / RATE_HZ for event in midi_to_events(data, RATE_HZ)]
    assert seconds == pytest.approx([0.5, 1.0, 1.25, 1.5], abs=1 / RATE_HZ)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(1, 400), st.integers(100_000, 1_500_000)), min_size=1, max_size=60))
def test_many_tempo_changes_do_not_drift(
    midi_file: Callable[..., bytes], note: Callable[..., list], changes: list[tuple[int, int]]
) -> None:
    """The last note stands at the exact sum of all spans, rounded once."""
    tick, exact, tempo = 0, 0, 500_000
    tempos = []
    for gap, new_tempo in changes:
        exact += gap * tempo
        tick += gap
        tempo = new_tempo
        tempos.append((tick, mido.MetaMessage("set_tempo", tempo=tempo)))
    events = midi_to_events(midi_file(tempos, note(tick, tick + 1)), RATE_HZ)
    assert abs(events[0].sample - exact * RATE_HZ / (480 * 1_000_000)) <= 0.5


def test_a_unison_of_two_tracks_sounds_until_the_last_lets_go(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    events = midi_to_events(midi_file(note(0, 960), note(480, 1920)), RATE_HZ)
    assert [(event.sample, event.kind) for event in events] == [(0, "note_on"), (22_050, "note_on"), (88_200, "note_off")]


def test_a_repeated_note_shared_by_tracks_is_not_cut_at_its_start(
    midi_file: Callable[..., bytes], note: Callable[..., list]
) -> None:
    """Track 1 starts the key at the tick where track 2 lets it go; in file order the note-off comes after the note-on."""
    events = midi_to_events(midi_file(note(480, 960), note(0, 480)), RATE_HZ)
    assert [(event.sample, event.kind) for event in events] == [(0, "note_on"), (22_050, "note_on"), (44_100, "note_off")]


def test_two_voices_in_unison_on_one_track(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    events = midi_to_events(midi_file(note(0, 1920) + note(480, 960)), RATE_HZ)
    assert [(event.sample, event.kind) for event in events][-1] == (88_200, "note_off")
    assert sum(event.kind == "note_off" for event in events) == 1


def test_a_stray_note_on_does_not_hang(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    stray = [(0, mido.Message("note_on", note=69, velocity=90))]
    events = midi_to_events(midi_file(stray + note(480, 960)), RATE_HZ)
    assert [event.sample for event in events if event.kind == "note_off"] == [44_100]


def test_all_notes_off_forgets_what_was_held(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    silence = [(240, mido.Message("control_change", control=123, value=0))]
    events = midi_to_events(midi_file(note(0, 1920), silence, note(480, 960)), RATE_HZ)
    assert [event.sample for event in events if event.kind == "note_off"] == [44_100, 88_200]


def test_everything_a_player_sends_arrives(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    sent = [
        mido.Message("program_change", channel=3, program=40),
        mido.Message("control_change", channel=3, control=64, value=127),
        mido.Message("pitchwheel", channel=3, pitch=-4096),
        mido.Message("aftertouch", channel=3, value=50),
        mido.Message("polytouch", channel=3, note=69, value=51),
        mido.Message("sysex", data=(0x7E, 0x7F, 0x09, 0x01)),
    ]
    events = midi_to_events(midi_file([(0, message) for message in sent] + note(480, 960, channel=3)), RATE_HZ)
    assert [(e.kind, e.channel, e.first, e.second, e.data) for e in events[:6]] == [
        ("program_change", 3, 40, 0, b""),
        ("control_change", 3, 64, 127, b""),
        ("pitchwheel", 3, -4096, 0, b""),
        ("aftertouch", 3, 50, 0, b""),
        ("polytouch", 3, 69, 51, b""),
        ("sysex", 0, 0, 0, b"\x7e\x7f\x09\x01"),
    ]


def test_ports_are_further_channels(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    second = [(0, mido.MetaMessage("midi_port", port=1)), *note(0, 480, channel=2)]
    assert {event.channel for event in midi_to_events(midi_file(note(0, 480, channel=2), second), RATE_HZ)} == {2, 18}


@pytest.mark.parametrize(
    "data", [b"", b"MThd", b"RIFF" + bytes(40), b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\x00\x10\x00"]
)
def test_what_is_no_midi_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"song\.mid: expected a Standard MIDI File"):
        midi_to_events(data, RATE_HZ, "song.mid")


def test_no_notes_and_too_much_music_are_refused(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    with pytest.raises(InputError, match="got no notes"):
        midi_to_events(midi_file([(0, mido.Message("note_on", note=60, velocity=0))]), RATE_HZ, "song.mid")
    with pytest.raises(InputError, match="at most 7200 s of music, got 10000 s"):
        midi_to_events(midi_file(note(0, 480 * 20_000)), RATE_HZ, "song.mid")
