from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mido
import numpy as np
import pytest

from corpora.errors import InputError
from corpora.midi.reader import read_midi
from corpora.midi.writer import write_midi
from corpora.piece import TEMPO_DTYPE, Piece
from render.midi_events import PlayEvent
from render.played import PlayedMusic, play

RATE_HZ = 48_000
Events = list[tuple[int, mido.Message]]


def control(tick: int, controller: int, value: int, channel: int = 0) -> tuple[int, mido.Message]:
    return tick, mido.Message("control_change", channel=channel, control=controller, value=value)


def places(played: PlayedMusic) -> list[tuple[int, int, int]]:
    """Onset, release and end of each note in beats of 120 a minute."""
    beat = RATE_HZ / 2
    return [tuple(row[name] / beat for name in ("onset_sample", "release_sample", "end_sample")) for row in played.notes]  # type: ignore[misc]


def test_a_file_plays_with_the_ids_of_its_piece(midi_file: Callable[..., bytes], note: Callable[..., Events]) -> None:
    data = midi_file(note(0, 480, 60) + note(480, 960, 62, channel=3), note(240, 480, 50))
    piece = read_midi(data)
    played = play(piece, sample_rate_hz=RATE_HZ)
    assert sorted(played.notes["id"]) == sorted(piece.notes["id"])
    keys = dict(zip(played.notes["id"], played.notes["key"], strict=True))
    assert [keys[row["id"]] for row in piece.notes] == piece.notes["pitch"].tolist()
    again = play(data, sample_rate_hz=RATE_HZ)
    assert np.array_equal(again.notes, played.notes)


def test_the_sustain_pedal_holds_what_is_let_go_while_it_is_down(
    midi_file: Callable[..., bytes], note: Callable[..., Events]
) -> None:
    pedal = [control(240, 64, 127), control(1440, 64, 0)]
    played = play(midi_file(pedal + note(0, 120, 60) + note(0, 480, 62) + note(480, 1920, 64)), sample_rate_hz=RATE_HZ)
    assert places(played) == [(0, 0.25, 0.25), (0, 1, 3), (1, 4, 4)]


def test_a_key_struck_again_under_the_pedal_ends_there(midi_file: Callable[..., bytes], note: Callable[..., Events]) -> None:
    pedal = [control(0, 64, 127), control(1920, 64, 0)]
    played = play(midi_file(pedal + note(0, 240, 60) + note(480, 720, 60)), sample_rate_hz=RATE_HZ)
    assert places(played) == [(0, 0.5, 1), (1, 1.5, 4)]


def test_the_sostenuto_pedal_holds_only_keys_that_are_down(midi_file: Callable[..., bytes], note: Callable[..., Events]) -> None:
    pedal = [control(240, 66, 127), control(1920, 66, 0)]
    played = play(midi_file(pedal + note(0, 480, 60) + note(480, 960, 62)), sample_rate_hz=RATE_HZ)
    assert places(played) == [(0, 1, 4), (1, 2, 2)]


def test_all_notes_off_lifts_keys_and_all_sound_off_pedalled_notes_too(
    midi_file: Callable[..., bytes], note: Callable[..., Events]
) -> None:
    pedal = control(0, 64, 127)
    notes = note(0, 1920, 60)
    assert places(play(midi_file([control(480, 123, 0), *notes]), sample_rate_hz=RATE_HZ)) == [(0, 1, 1)]
    held = play(midi_file([pedal, control(480, 123, 0), control(960, 120, 0), *notes]), sample_rate_hz=RATE_HZ)
    assert places(held) == [(0, 1, 1)]
    held = play(midi_file([pedal, control(480, 123, 0), control(960, 64, 0), *notes, *note(960, 1920, 62)]), sample_rate_hz=RATE_HZ)
    assert places(held)[0] == (0, 1, 2)


def test_programs_and_banks_in_force(midi_file: Callable[..., bytes], note: Callable[..., Events]) -> None:
    changes = [
        control(0, 0, 8),
        (0, mido.Message("program_change", program=40)),
        control(240, 0, 0),
        (480, mido.Message("program_change", program=41)),
    ]
    played = play(midi_file(changes + note(0, 120) + note(240, 360) + note(480, 600)), sample_rate_hz=RATE_HZ)
    assert played.notes[["program", "bank"]].tolist() == [(40, 8), (40, 8), (41, 0)]


def test_180_tempo_changes_in_10_minutes_do_not_drift(make_piece: Callable[..., Piece]) -> None:
    """Against exact sums, for the note table and for the file that is written of it."""
    rng = np.random.default_rng(5)
    divs, quarters, changes = 4, 1260, 180
    every = quarters * divs // changes
    piece = make_piece([(divs * beat, 1, 60 + beat % 12, 0) for beat in range(quarters)], bars=quarters // 4)
    tempos = np.zeros(changes, dtype=TEMPO_DTYPE)
    tempos["onset_div"] = np.arange(changes) * every
    microseconds = rng.integers(300_000, 700_000, changes)
    tempos["quarters_per_minute"] = 60e6 / microseconds
    piece = replace(piece, tempos=tempos)
    elapsed = np.concatenate([[0], np.cumsum(np.repeat(microseconds, every))])  # whole numbers, four times a div
    exact = (2 * elapsed[::divs][:quarters] * RATE_HZ + 4_000_000) // 8_000_000
    assert exact[-1] > 9 * 60 * RATE_HZ
    assert np.array_equal(play(piece, sample_rate_hz=RATE_HZ).notes["onset_sample"], exact)
    assert np.array_equal(play(write_midi(piece), sample_rate_hz=RATE_HZ).notes["onset_sample"], exact)


def test_a_piece_keeps_its_cents_beside_the_key_and_drums_have_none(make_piece: Callable[..., Piece]) -> None:
    piece = make_piece([(0, 4, 60, 0), (0, 4, 36, 1)])
    notes = piece.notes.copy()
    notes["cents"] = 31.25
    parts = (replace(piece.parts[0], program=40), replace(piece.parts[1], is_drum=True))
    played = play(replace(piece, notes=notes, parts=parts), sample_rate_hz=RATE_HZ)
    assert played.notes[["key", "cents", "is_drum", "program"]].tolist() == [(60, 31.25, False, 40), (36, 0.0, True, 0)]
    assert played.drum_channels == {1}


def test_staves_of_one_part_are_one_stem(make_piece: Callable[..., Piece]) -> None:
    piece = make_piece([(0, 4, 60, 0), (0, 4, 48, 1), (0, 4, 40, 2)], lanes=("Piano", "Piano", "Piano"))
    parts = tuple(replace(part, key=key) for part, key in zip(piece.parts, ("P1", "P1", "P2"), strict=True))
    played = play(replace(piece, parts=parts), sample_rate_hz=RATE_HZ)
    assert played.stems == ("Piano", "Piano 2")
    assert played.stem_of_channel == (0, 0, 1)


def test_tracks_that_share_a_channel_are_one_stem(midi_file: Callable[..., bytes], note: Callable[..., Events]) -> None:
    played = play(midi_file(note(0, 480, 60), note(0, 480, 62), note(0, 480, 64, channel=1)), sample_rate_hz=RATE_HZ)
    assert played.stem_of_channel[:2] == (0, 1)
    assert set(played.stem_of_channel[2:]) == {-1}
    assert played.notes["stem"].tolist() == [0, 0, 1]


def test_curves_start_where_general_midi_puts_them(midi_file: Callable[..., bytes], note: Callable[..., Events]) -> None:
    events = [control(480, 7, 20), control(480, 11, 64), control(960, 121, 0)]
    played = play(midi_file(events + note(0, 1920)), sample_rate_hz=RATE_HZ)
    beats = np.array([0, 1, 2]) * RATE_HZ // 2
    assert played.curve(0, 7).at(beats).tolist() == [100, 20, 20]  # volume is not reset
    assert played.curve(0, 11).at(beats).tolist() == [127, 64, 127]
    assert played.curve(0, 10).at(beats).tolist() == [64, 64, 64]


def test_the_wheel_follows_its_range_and_the_tuning_parameters(
    midi_file: Callable[..., bytes], note: Callable[..., Events]
) -> None:
    wheel = (0, mido.Message("pitchwheel", pitch=4096))
    wide = [control(480, 101, 0), control(480, 100, 0), control(480, 6, 12)]
    fine = [control(960, 100, 1), control(960, 101, 0), control(960, 6, 96)]
    coarse = [control(1440, 100, 2), control(1440, 6, 63)]
    played = play(midi_file([wheel, *wide, *fine, *coarse, *note(0, 1920)]), sample_rate_hz=RATE_HZ)
    beats = np.arange(4) * RATE_HZ // 2
    assert played.bend_cents(0).at(beats).tolist() == [100, 600, 650, 550]


def test_note_map_says_where_each_note_is(make_piece: Callable[..., Piece]) -> None:
    played = play(make_piece([(0, 4, 60, 0), (4, 8, 62, 1)]), sample_rate_hz=RATE_HZ)
    assert played.note_map().tolist() == [("n0", 0, 24_000, 0), ("n1", 24_000, 72_000, 1)]


def test_music_without_notes_is_refused(make_piece: Callable[..., Piece]) -> None:
    with pytest.raises(InputError, match="piece: expected music to play, got no notes"):
        play(make_piece([]), sample_rate_hz=RATE_HZ)


def test_two_hours_are_the_most(make_piece: Callable[..., Piece]) -> None:
    with pytest.raises(InputError, match="expected at most 7200 s of music, got"):
        play(make_piece([(0, 60_000, 60, 0)], bars=4000), sample_rate_hz=RATE_HZ)


def test_other_events_keep_their_order(midi_file: Callable[..., bytes], note: Callable[..., Events]) -> None:
    played = play(midi_file([control(0, 7, 50), *note(0, 480)], [control(0, 7, 60, channel=1)]), sample_rate_hz=RATE_HZ)
    assert played.events == (PlayEvent(0, "control_change", 0, 7, 50), PlayEvent(0, "control_change", 1, 7, 60))
