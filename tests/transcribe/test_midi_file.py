import io
from dataclasses import replace

import mido
import numpy as np
import pretty_midi
import pytest

from corpora.midi import read_midi
from transcribe.families import find_family
from transcribe.heard import BEAT_DTYPE, DRUMS, HEARD_DTYPE, HeardMusic
from transcribe.midi_file import TICKS_PER_QUARTER, heard_to_midi

TEMPO_MAP = [0.9, 1.45, 1.9, 2.5, 3.0, 3.7, 4.1, 4.8]


def played_back(data: bytes) -> pretty_midi.PrettyMIDI:
    return pretty_midi.PrettyMIDI(io.BytesIO(data))


def bar_seconds(data: bytes) -> np.ndarray:
    piece = read_midi(data)
    return piece.div_to_seconds(piece.measures["start_div"])


def test_notes_sound_when_they_did(make_heard) -> None:
    rng = np.random.default_rng(5)
    onsets = np.sort(rng.uniform(0.0, 6.0, 60))
    rows = [(on, on + rng.uniform(0.05, 1.0), int(pitch)) for on, pitch in zip(onsets, rng.permutation(60) + 30, strict=True)]
    heard = make_heard(rows, beats=TEMPO_MAP, first=4)
    notes = sorted(played_back(heard_to_midi(heard)).instruments[0].notes, key=lambda note: note.pitch)
    expected = sorted(rows, key=lambda row: row[2])
    assert [note.pitch for note in notes] == [row[2] for row in expected]
    assert np.allclose([(note.start, note.end) for note in notes], [row[:2] for row in expected], atol=1e-3)


def test_every_beat_stands_on_its_tick(make_heard) -> None:
    heard = make_heard([(0.9, 1.0, 60)], beats=TEMPO_MAP, first=4)
    piece = read_midi(heard_to_midi(heard))
    assert np.allclose(piece.div_to_seconds(np.arange(2, 10) * TICKS_PER_QUARTER), TEMPO_MAP, atol=1e-4)
    bars = piece.measures
    assert np.allclose(piece.div_to_seconds(bars["start_div"][1:3]), [1.45, 4.1 - 0.4], atol=1e-4)
    assert bars["number"].tolist()[:2] == ["0", "1"]
    assert (bars["end_div"] - bars["start_div"]).tolist()[1:] == [4 * TICKS_PER_QUARTER] * (len(bars) - 1)


@pytest.mark.parametrize("first_s", [0.0, 0.01, 0.05, 0.07, 0.3, 0.499, 7.3])
def test_where_the_first_beat_lies_moves_no_note(make_heard, first_s: float) -> None:
    rows = [(0.0, 0.2, 60), (first_s + 0.001, first_s + 0.3, 61), (first_s + 0.5, first_s + 0.6, 62)]
    heard = make_heard(rows, beats=[first_s + 0.5 * beat for beat in range(8)])
    midi = played_back(heard_to_midi(heard))
    assert np.allclose([note.start for note in midi.instruments[0].notes], [row[0] for row in rows], atol=1e-3)
    downbeats = bar_seconds(heard_to_midi(heard))
    assert min(abs(downbeats - first_s)) < 0.06
    assert min(abs(downbeats - first_s - 2.0)) < 1e-3


def test_compound_time_has_beats_of_three_eighths(make_heard) -> None:
    heard = make_heard([(0.0, 0.5, 60)], beats=[0.0, 0.6, 1.2, 1.8], per_bar=2, meter=(6, 8))
    midi = mido.MidiFile(file=io.BytesIO(heard_to_midi(heard)))
    meters = [message for message in midi.tracks[0] if message.type == "time_signature"]
    assert [(meter.numerator, meter.denominator) for meter in meters] == [(6, 8)]
    tempo = next(message.tempo for message in midi.tracks[0] if message.type == "set_tempo")
    assert tempo == 400_000


def test_without_beats_the_tempo_is_a_fixed_120(make_heard) -> None:
    midi = played_back(heard_to_midi(make_heard([(0.3, 1.7, 60), (5.1, 9.0, 64)])))
    assert midi.get_tempo_changes()[1].tolist() == [120.0] * len(midi.get_tempo_changes()[1])
    assert np.allclose([(note.start, note.end) for note in midi.instruments[0].notes], [(0.3, 1.7), (5.1, 9.0)], atol=1e-3)


def test_instruments_have_their_tracks_and_drums_channel_ten() -> None:
    strings = find_family("strings")
    rows = [(0.0, 1.0, 72, 70, strings, 40, 1.0), (0.0, 1.0, 48, 60, strings, 42, 1.0), (0.0, 0.1, 38, 99, DRUMS, 0, 1.0)]
    midi = mido.MidiFile(file=io.BytesIO(heard_to_midi(HeardMusic(np.array(rows, dtype=HEARD_DTYPE), 1.0))))
    assert [track.name for track in midi.tracks[1:]] == ["Violin", "Cello", "Drums"]
    ons = [message for track in midi.tracks for message in track if message.type == "note_on"]
    assert [(message.note, message.velocity, message.channel == 9) for message in ons] == [
        (72, 70, False),
        (48, 60, False),
        (38, 99, True),
    ]
    programs = [message.program for track in midi.tracks for message in track if message.type == "program_change"]
    assert programs == [40, 42]


def test_pedal_is_controller_64_on_keyboards(make_heard) -> None:
    heard = make_heard([(0.0, 2.0, 60)], pedals=[(0.1, 0.9), (0.9, 1.9)])
    changes = played_back(heard_to_midi(heard)).instruments[0].control_changes
    assert [(change.number, change.value) for change in changes] == [(64, 127), (64, 0), (64, 127), (64, 0)]
    assert np.allclose([change.time for change in changes], [0.1, 0.9, 0.9, 1.9], atol=1e-3)


def test_a_key_struck_again_under_its_own_sound_keeps_both_notes(make_heard) -> None:
    rows = [(0.0, 2.0, 60), (0.5, 1.0, 60)]
    notes = [note for track in played_back(heard_to_midi(make_heard(rows))).instruments for note in track.notes]
    assert sorted((round(note.start, 2), round(note.end, 2)) for note in notes) == [(0.0, 2.0), (0.5, 1.0)]


def test_silence_is_a_file_too(make_heard) -> None:
    assert played_back(heard_to_midi(make_heard([], duration_s=3.0))).get_end_time() >= 0.0


def test_beats_far_apart_or_too_near_keep_the_times(make_heard) -> None:
    rows = [(0.0, 0.2, 60), (29.0, 30.0, 61), (100.0, 101.0, 62)]
    heard = make_heard(rows, beats=[0.0, 0.5, 0.52, 1.0, 1.5, 30.0, 100.0])
    notes = played_back(heard_to_midi(heard)).instruments[0].notes
    assert np.allclose([note.start for note in notes], [row[0] for row in rows], atol=0.01)
    lone = replace(heard, beats=np.array([(0.0, 1), (100.0, 2)], dtype=BEAT_DTYPE))
    assert np.allclose(
        [note.start for note in played_back(heard_to_midi(lone)).instruments[0].notes], [0.0, 29.0, 100.0], atol=0.01
    )
