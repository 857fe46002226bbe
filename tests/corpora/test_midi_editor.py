from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import replace

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.errors import InputError
from corpora.midi import edit_midi, read_midi
from corpora.piece import NOTE_DTYPE, Piece

# -- files ------------------------------------------------------------------------------------------------------------


def events_of(data):
    """All events as mido sees them, with absolute ticks, one list a track: the independent witness."""
    file = mido.MidiFile(file=io.BytesIO(data))
    tracks = []
    for track in file.tracks:
        tick = 0
        rows = []
        for message in track:
            tick += message.time
            rows.append((tick, message.copy(time=0)))
        tracks.append(rows)
    return file.type, file.ticks_per_beat, tracks


def others(rows):
    """The events that are not notes."""
    return [(tick, message) for tick, message in rows if message.type not in ("note_on", "note_off")]


def table(piece):
    """The notes as a multiset of what is heard."""
    names = ("onset_div", "duration_div", "pitch", "velocity", "part")
    return Counter(zip(*(piece.notes[name].tolist() for name in names), strict=True))


def midi_bytes(tracks, kind=1, division=96):
    file = mido.MidiFile(type=kind, ticks_per_beat=division)
    for events in tracks:
        track = mido.MidiTrack()
        now = 0
        for tick, message in sorted(events, key=lambda event: event[0]):
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def note(tick, duration, pitch, channel=0, velocity=64):
    return [
        (tick, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)),
        (tick + duration, mido.Message("note_off", note=pitch, channel=channel)),
    ]


other_messages = st.one_of(
    st.builds(lambda v, c: mido.Message("control_change", control=64, value=v, channel=c), st.integers(0, 127), st.integers(0, 2)),
    st.builds(lambda v, c: mido.Message("pitchwheel", pitch=v, channel=c), st.integers(-8192, 8191), st.integers(0, 2)),
    st.builds(lambda v, c: mido.Message("program_change", program=v, channel=c), st.integers(0, 127), st.integers(0, 2)),
    st.builds(lambda v: mido.Message("aftertouch", value=v, channel=0), st.integers(0, 127)),
    st.builds(lambda v: mido.Message("polytouch", note=60, value=v, channel=0), st.integers(0, 127)),
    st.builds(lambda v: mido.MetaMessage("set_tempo", tempo=v), st.integers(1, 2**24 - 1)),
    st.builds(lambda v: mido.MetaMessage("lyrics", text=v), st.text(alphabet="aé ü\x01", max_size=4)),
    st.builds(lambda n: mido.MetaMessage("time_signature", numerator=n, denominator=4), st.integers(1, 12)),
    st.builds(lambda k: mido.MetaMessage("key_signature", key=k), st.sampled_from(["C", "F#m", "Eb"])),
    st.builds(lambda v: mido.Message("sysex", data=v), st.lists(st.integers(0, 127), max_size=4)),
    # mido reads the unknown meta events without their delta times: they have an example of their own below
    st.builds(lambda v: mido.MetaMessage("sequencer_specific", data=v), st.lists(st.integers(0, 255), max_size=200)),
)


@st.composite
def files(draw):
    """Files with notes that may overlap and touch, controllers at the ticks of the notes, and unknown events."""
    tracks = []
    for _ in range(draw(st.integers(1, 3))):
        events = []
        ticks = st.integers(0, 40)
        for _ in range(draw(st.integers(0, 10))):
            pitch, channel = draw(st.integers(60, 63)), draw(st.sampled_from([0, 0, 1, 9]))
            events += note(draw(ticks), draw(st.integers(0, 12)), pitch, channel, draw(st.integers(1, 127)))
        for _ in range(draw(st.integers(0, 6))):
            events.append((draw(ticks), draw(other_messages)))
        if draw(st.booleans()):
            events.append((draw(ticks), mido.Message("note_on", note=draw(st.integers(60, 63)), velocity=0, channel=0)))
        if draw(st.booleans()):
            events.append((draw(ticks), mido.Message("note_on", note=draw(st.integers(60, 63)), channel=0)))
        events = draw(st.permutations(events))
        tracks.append([*events, (60, mido.MetaMessage("end_of_track"))])
    return midi_bytes(tracks, kind=0 if len(tracks) == 1 and draw(st.booleans()) else 1)


def rows(values):
    """NOTE_DTYPE rows of (onset, duration, pitch, velocity, lane)."""
    return np.array([(*value, 0, "", 0) for value in values], dtype=NOTE_DTYPE)


def edited(piece, removed_ids, added):
    """The edited file, or None where notes of one pitch cannot be told apart; any other refusal fails."""
    with contextlib.suppress(InputError):
        return edit_midi(piece, removed_ids, added)
    with pytest.raises(InputError, match="cannot tell them apart"):
        edit_midi(piece, removed_ids, added)
    return None


# -- laws -------------------------------------------------------------------------------------------------------------


@settings(max_examples=70, deadline=None, derandomize=True)
@given(files(), st.data())
def test_an_edit_changes_the_notes_asked_for_and_nothing_else(data, choose):
    piece = read_midi(data)
    count = len(piece.notes)
    removed = choose.draw(st.sets(st.integers(0, max(count - 1, 0)), max_size=count) if count else st.just(set()))
    lanes = st.integers(0, len(piece.parts) - 1)
    new = st.tuples(st.integers(0, 80), st.integers(0, 20), st.integers(60, 64), st.integers(1, 127), lanes)
    added = choose.draw(st.lists(new, max_size=6) if piece.parts else st.just([]))
    result = edited(piece, [str(piece.notes["id"][index]) for index in removed], rows(added))
    if result is None:
        return
    assert others_equal(data, result)
    gone = Counter(map(tuple, piece.notes[sorted(removed)][["onset_div", "duration_div", "pitch", "velocity", "part"]].tolist()))
    kept_lanes = [lane for lane, _ in enumerate(piece.parts)]
    expected = table(piece) - gone + Counter(added)
    again = read_midi(result)
    assert sound(again) == sound_of(piece, expected, kept_lanes, again)
    if not removed and not added:
        assert result == data


def sound(piece):
    """Multiset of (onset, duration, pitch, velocity, track, channel)."""
    return Counter({(*key[:4], piece.parts[key[4]].key, piece.parts[key[4]].staff): n for key, n in table(piece).items()})


def sound_of(piece, keys, lanes, again):
    """The same of a table in the lanes of the piece before; unended notes last as long as their track does now."""
    moved = Counter()
    unended = unended_notes(piece)
    for (onset, duration, pitch, velocity, lane), number in keys.items():
        part = piece.parts[lane]
        ends = unended.get((part.key, part.staff, pitch, onset, onset + duration))
        end = track_end(again.source.data, int(part.key)) if ends else onset + duration
        moved[(onset, end - onset, pitch, velocity, part.key, part.staff)] += number
    return moved


def track_end(data, track):
    return events_of(data)[2][track][-1][0]


def unended_notes(piece):
    """Notes that last to the end of a track that no note-off ends there, by mido."""
    found = {}
    for index, track in enumerate(events_of(piece.source.data)[2]):
        last = track[-1][0]
        offs = {
            (message.channel, message.note) for tick, message in track if tick == last and message.type in ("note_on", "note_off")
        }
        for row in piece.notes:
            part = piece.parts[row["part"]]
            end = int(row["onset_div"] + row["duration_div"])
            if part.key == str(index) and end == last and (part.staff, int(row["pitch"])) not in offs:
                found[(part.key, part.staff, int(row["pitch"]), int(row["onset_div"]), end)] = True
    return found


def others_equal(before, after):
    """File head and all events but notes equal, at equal ticks and in equal order; only the end of a track may move back."""
    kind, division, tracks = events_of(before)
    new_kind, new_division, new_tracks = events_of(after)
    assert (kind, division, len(tracks)) == (new_kind, new_division, len(new_tracks))
    for old, new in zip(tracks, new_tracks, strict=True):
        assert others(old)[:-1] == others(new)[:-1]
        assert others(old)[-1][1].type == others(new)[-1][1].type == "end_of_track"
        assert others(old)[-1][0] <= others(new)[-1][0]
    return True


@settings(max_examples=40, deadline=None, derandomize=True)
@given(files(), st.data())
def test_putting_back_what_was_taken_out(data, choose):
    piece = read_midi(data)
    picked = choose.draw(st.sets(st.integers(0, len(piece.notes) - 1))) if len(piece.notes) else set()
    taken = piece.notes[sorted(picked)]
    emptied = edited(piece, taken["id"].tolist(), rows([]))
    assert emptied is not None  # taking out is always possible
    emptied_piece = read_midi(emptied)
    lanes = {(part.key, part.staff): lane for lane, part in enumerate(emptied_piece.parts)}
    back = taken.copy()
    for row in back:
        part = piece.parts[row["part"]]
        if (part.key, part.staff) not in lanes:
            return  # the lane went with its last note
        row["part"] = lanes[part.key, part.staff]
    result = edited(emptied_piece, [], back)
    if result is None:
        return
    if not unended_notes(piece):
        assert sound(read_midi(result)) == sound(piece)


# -- examples ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def small() -> Piece:
    track = [
        (0, mido.MetaMessage("track_name", name="Oboe")),
        (0, mido.Message("program_change", program=68)),
        *note(0, 48, 60),
        (48, mido.Message("control_change", control=64, value=127)),
        *note(48, 48, 62),
        (96, mido.Message("sysex", data=[1, 2])),
        *note(96, 48, 62),
        (144, mido.MetaMessage("end_of_track")),
    ]
    return read_midi(midi_bytes([track]), "small.mid")


def test_written_example(small):
    assert small.notes["id"].tolist() == ["t0c0n0", "t0c0n1", "t0c0n2"]
    result = edit_midi(small, ["t0c0n1"], rows([(48, 48, 64, 90, 0)]))
    heard = [(tick, str(message).removesuffix(" time=0")) for tick, message in events_of(result)[2][0]]
    assert heard == [
        (0, "MetaMessage('track_name', name='Oboe', time=0)"),
        (0, "program_change channel=0 program=68"),
        (0, "note_on channel=0 note=60 velocity=64"),
        (48, "note_off channel=0 note=60 velocity=64"),
        (48, "control_change channel=0 control=64 value=127"),
        (48, "note_on channel=0 note=64 velocity=90"),
        (96, "note_off channel=0 note=64 velocity=64"),
        (96, "sysex data=(1,2)"),
        (96, "note_on channel=0 note=62 velocity=64"),
        (144, "note_off channel=0 note=62 velocity=64"),
        (144, "MetaMessage('end_of_track', time=0)"),
    ]


def test_a_repeated_note_is_ended_before_it_starts_again(small):
    result = edit_midi(small, ["t0c0n0", "t0c0n2"], rows([(0, 48, 62, 64, 0), (96, 48, 62, 64, 0)]))
    heard = [(tick, m.type) for tick, m in events_of(result)[2][0] if m.type.startswith("note")]
    assert heard == [(tick, kind) for start in (0, 48, 96) for tick, kind in ((start, "note_on"), (start + 48, "note_off"))]


def test_running_status_and_odd_bytes_survive():
    # running status on, a delta written as 80 00, a sysex continuation (F7), junk after the end of track, an unknown chunk
    body = bytes.fromhex(
        "00 90 3C 40  8000 3E 40  30 3C 00  00 3E 00  00 F0 02 01 02  00 F7 01 F7  00 FF 60 01 FF  00 FF 2F 00  AA BB"
    )
    other = b"XFIH" + (3).to_bytes(4, "big") + b"abc"
    head = b"MThd" + bytes.fromhex("00000006 0001 0001 0060")
    data = head + other + b"MTrk" + len(body).to_bytes(4, "big") + body + other
    piece = read_midi(data)
    result = edit_midi(piece, ["t0c0n0"], rows([]))
    expected = bytes.fromhex("00 90 3E 40  30 3E 00  00 F0 02 01 02  00 F7 01 F7  00 FF 60 01 FF  00 FF 2F 00  AA BB")
    # the first event left keeps its own delta bytes, for the event before it was at the same tick
    expected = bytes.fromhex("8000 90 3E 40") + expected[4:]
    assert result == head + other + b"MTrk" + len(expected).to_bytes(4, "big") + expected + other
    assert edit_midi(piece, [], rows([])) == data


def test_other_tracks_are_the_same_bytes():
    data = midi_bytes([note(0, 10, 60), note(0, 10, 61) + note(5, 20, 70), note(0, 10, 62)])
    piece = read_midi(data)
    result = edit_midi(piece, ["t1c0n0"], rows([]))
    first = data.index(b"MTrk", data.index(b"MTrk") + 1)
    third = data.rindex(b"MTrk")
    assert result[:first] == data[:first]
    assert result.endswith(data[third:])


def test_the_end_of_the_track_moves_only_when_it_must(small):
    assert events_of(edit_midi(small, ["t0c0n2"], rows([])))[2][0][-1][0] == 144
    longer = edit_midi(small, [], rows([(144, 500, 60, 64, 0)]))
    assert events_of(longer)[2][0][-1] == (644, mido.MetaMessage("end_of_track"))
    assert symusic.Score.from_midi(longer).tracks[0].notes[-1].end == 644


def test_a_stray_note_off_does_not_cut_a_new_note():
    stray = (50, mido.Message("note_off", note=60))
    piece = read_midi(midi_bytes([[*note(0, 20, 60), stray, *note(100, 20, 65)]]))
    assert (60, 30, 40) in zip(
        *(
            read_midi(edit_midi(piece, [], rows([(30, 40, 60, 64, 0)]))).notes[f].tolist()
            for f in ("pitch", "onset_div", "duration_div")
        ),
        strict=True,
    )
    untouched = edit_midi(piece, [], rows([(30, 40, 61, 64, 0)]))
    assert (50, stray[1]) in events_of(untouched)[2][0]


def test_a_shorter_unison_is_told_apart_by_its_order():
    piece = read_midi(midi_bytes([note(0, 40, 60, velocity=100)]))
    again = read_midi(edit_midi(piece, [], rows([(0, 10, 60, 30, 0)])))
    assert table(again) == Counter({(0, 40, 60, 100, 0): 1, (0, 10, 60, 30, 0): 1})


def test_a_note_inside_another_of_its_pitch_is_refused():
    piece = read_midi(midi_bytes([note(0, 40, 60)]), "x.mid")
    with pytest.raises(InputError, match=r"x\.mid: track 0, tick .* cannot tell them apart"):
        edit_midi(piece, [], rows([(10, 10, 60, 64, 0)]))
    assert len(read_midi(edit_midi(piece, [], rows([(10, 40, 60, 64, 0)]))).notes) == 2  # first on, first off


@pytest.mark.parametrize(
    ("removed", "added", "words"),
    [
        (["t0c0n3"], [], "there is no note t0c0n3"),
        (["n1"], [], "there is no note n1"),
        ([], [(0, 1, 128, 64, 0)], "pitch 128"),
        ([], [(0, 1, -1, 64, 0)], "pitch -1"),
        ([], [(0, 1, 60, 0, 0)], "velocity 0"),
        ([], [(-1, 1, 60, 64, 0)], "tick -1"),
        ([], [(0, -1, 60, 64, 0)], "length -1"),
        ([], [(2**31 - 2, 2, 60, 64, 0)], "does not fit"),
        ([], [(2**30, 2, 60, 64, 0)], "track 0: .*variable-length"),
        ([], [(0, 1, 60, 64, 1)], "lane 0-0 .* came 1"),
    ],
)
def test_refuses(small, removed, added, words):
    with pytest.raises(InputError, match=words):
        edit_midi(small, removed, rows(added))


def test_refuses_a_piece_from_elsewhere(small):
    with pytest.raises(InputError, match="read from MIDI"):
        edit_midi(replace(small, source=None), [], rows([]))
