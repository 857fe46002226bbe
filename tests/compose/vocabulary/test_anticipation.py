import mido
import numpy as np
import pytest
import symusic

from compose.vocabulary.anticipation import Anticipation, piece_to_events
from compose.vocabulary.arrival import NUM_PITCHES, REST_NOTE, ids_to_events
from compose.vocabulary.base import LossKind
from corpora.piece import Part, Piece, Source

VOCABULARY = Anticipation()


def test_golden_piece(build_piece):
    # 24 divs a quarter, 120 then 60 quarters a minute from the third beat on: C4 at 0 s for 0.5 s, E4 at 0.5 s held over the change
    # for 0.5 + 1 s, cello G2 at 1.5 s... the third beat starts at 1 s, the fourth at 2 s
    piece = build_piece(
        [(0, 24, 60, 0), (24, 48, 64, 0), (72, 12, 43, 1), (72, 3, 38, 2)],
        parts=(Part("Piano"), Part("Cello", program=42), Part("Kit", is_drum=True)),
        tempos=((0, 120.0), (48, 60.0)),
    )
    assert VOCABULARY.encode(piece).tokens.ids.tolist() == [
        *(0, 10050, 11060),
        *(50, 10150, 11064),
        *(200, 10050, 11000 + 128 * 42 + 43),
        *(200, 10012, 11000 + 128 * 128 + 38),  # 125 ms: 12.5 ticks, half to even
    ]


def test_order_is_onset_then_note_whatever_the_lanes(build_piece):
    rows = [(0, 24, 60, 0), (0, 24, 64, 1), (24, 24, 59, 1), (24, 12, 59, 0)]
    swapped = [(onset, duration, pitch, 1 - lane) for onset, duration, pitch, lane in rows]
    parts = (Part("Violin"), Part("Violin"))
    ids = VOCABULARY.encode(build_piece(rows, parts)).tokens.ids
    assert ids.tolist() == VOCABULARY.encode(build_piece(swapped, parts)).tokens.ids.tolist()
    assert ids[2::3].tolist() == [11060, 11064, 11059, 11059]  # the unison stays two notes


def test_encoding_the_decoded_piece_gives_the_same_ids(long_piece):
    ids = VOCABULARY.encode(long_piece).tokens.ids
    np.testing.assert_array_equal(VOCABULARY.encode(VOCABULARY.decode(ids)).tokens.ids, ids)


def test_long_piece_keeps_every_note(long_piece):
    encoding = VOCABULARY.encode(long_piece)
    assert long_piece.div_to_seconds(long_piece.end_div) > 420
    assert encoding.tokens.ids.max() < 27513  # no onset runs into the controls
    assert (encoding.tokens.ids[2::3] == 27512).sum() >= 2  # the two-minute rests are bridged
    decoded = encoding.tokens.decode()
    instruments = np.array([40, 40, 128])
    before = sorted(
        zip(
            np.rint(100 * long_piece.div_to_seconds(long_piece.notes["onset_div"])).astype(int).tolist(),
            instruments[long_piece.notes["part"]].tolist(),
            long_piece.notes["pitch"].tolist(),
            strict=True,
        )
    )
    lanes = np.array([128 if part.is_drum else part.program for part in decoded.parts])
    after = sorted(
        zip(
            decoded.notes["onset_div"].tolist(),
            lanes[decoded.notes["part"]].tolist(),
            decoded.notes["pitch"].tolist(),
            strict=True,
        )
    )
    assert after == before
    assert encoding.report.lost_notes == 0


def test_report_is_complete_and_exact(build_piece):
    piece = build_piece(
        [(0, 24 * 24, 60, 0), (1, 1, 62, 1), (24, 0, 64, 1), (24, 24, 65, 2)],
        parts=(Part("Alto", program=52), Part("Tenor", program=52), Part("Kit", is_drum=True), Part("Silent")),
        tempos=((0, 120.0), (96, 100.0)),
        keys=((0, -3, -1),),
    )
    report = VOCABULARY.encode(piece).report
    clipped = report.get(LossKind.DURATIONS_CLIPPED)
    assert (clipped.count, clipped.examples) == (1, ("C4 in bar 1 (Alto)",))
    # 4 quarters at 120 and 20 at 100: 2 s + 12 s, of which 9.99 s stay
    assert clipped.largest == pytest.approx(14 - 9.99)
    moved = report.get(LossKind.ONSETS_MOVED)
    assert moved.count == 1
    assert moved.largest == pytest.approx(0.5 / 24 - 0.02)
    assert report.count(LossKind.DURATIONS_ROUNDED) == 1
    assert report.count(LossKind.VELOCITIES_IGNORED) == 4
    assert report.count(LossKind.LANES_MERGED) == 1
    assert report.count(LossKind.LANES_EMPTY) == 1
    assert report.count(LossKind.TEMPOS_IGNORED) == 1
    assert report.count(LossKind.KEYS_IGNORED) == 1
    assert report.count(LossKind.METERS_IGNORED) == len(piece.measures)
    assert report.lost_notes == 0


def test_short_notes_that_vanish_are_named_and_grace_notes_stay(build_piece):
    piece = build_piece([(0, 1, 60, 0), (480, 0, 62, 0)], divs_per_quarter=480)
    encoding = VOCABULARY.encode(piece)
    assert encoding.report.count(LossKind.DURATIONS_EMPTIED) == 1
    assert encoding.tokens.ids[1::3].tolist() == [10000, 10000]
    assert encoding.tokens.decode().notes["duration_div"].tolist() == [0, 0]


def test_pitches_outside_midi_are_dropped_by_name(build_piece):
    encoding = VOCABULARY.encode(build_piece([(0, 24, 128, 0), (0, 24, 60, 0)]))
    assert encoding.report.lost_notes == 1
    assert len(encoding.tokens) == 3


def test_controllers_of_the_file_are_counted(build_piece):
    score = symusic.Score(24)
    track = symusic.Track("Piano", 0, False)
    track.notes.append(symusic.Note(0, 24, 60, 72))
    track.controls.append(symusic.ControlChange(0, 64, 127))
    track.pitch_bends.append(symusic.PitchBend(12, 100))
    score.tracks.append(track)
    plain = build_piece([(0, 24, 60, 0)], velocity=72)
    with_file = Piece(
        plain.notes, 24, plain.parts, plain.measures, plain.tempos, plain.keys, Source("midi", bytes(score.dumps_midi()), "a.mid")
    )
    assert VOCABULARY.encode(with_file).report.count(LossKind.CONTROLLERS_IGNORED) == 2
    assert VOCABULARY.encode(plain).report.count(LossKind.CONTROLLERS_IGNORED) == 0
    assert VOCABULARY.encode(plain).report.count(LossKind.VELOCITIES_IGNORED) == 0


def test_empty_piece(build_piece):
    encoding = VOCABULARY.encode(build_piece([]))
    assert encoding.tokens.ids.shape == (0,)
    assert len(encoding.tokens.decode().notes) == 0


def test_decoded_pieces_are_whole(long_piece):
    piece = VOCABULARY.encode(long_piece).tokens.decode()
    assert piece.measures["start_div"].tolist() == [0, *piece.measures["end_div"][:-1].tolist()]
    assert piece.measures["end_div"][-1] >= piece.end_div
    assert len(set(piece.notes["id"].tolist())) == len(piece.notes)
    assert [part.is_drum for part in piece.parts] == [False, True]
    assert len(piece.to_score().tracks) == 2


def test_controls_and_separators_decode(build_piece):
    control = [27513 + 100, 27513 + 10050, 27513 + 11060]
    ids = [55027, *control, 0, 10050, 11062, 100, 10000, 27512, 55025, 55025, 55025, 10, 10050, 11064]
    notes = VOCABULARY.decode(np.array(ids, dtype=np.int64)).notes
    # the second piece starts where the last note of the first ends, at 150
    assert list(zip(notes["onset_div"].tolist(), notes["pitch"].tolist(), strict=True)) == [(0, 62), (100, 60), (160, 64)]


def test_parity_with_a_plain_reading_of_the_midi_file(long_piece, tmp_path):
    """An independent route: write MIDI, walk its messages in real time with mido, round(100 t), notes closed first in first out."""
    path = tmp_path / "long.mid"
    rows = long_piece.notes
    rows = rows[np.unique(np.stack([rows["onset_div"], rows["pitch"], rows["part"] // 2]), axis=1, return_index=True)[1]]
    rows = rows.copy()
    rows["duration_div"] = 1  # no overlaps of one pitch, which first in first out would re-pair
    piece = long_piece.with_notes(rows)
    piece.to_score().dump_midi(str(path))
    expected, time_s, open_notes = [], 0.0, {}
    programs = {}
    for message in mido.MidiFile(path):
        time_s += message.time
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on" and message.velocity:
            instrument = 128 if message.channel == 9 else programs[message.channel]
            open_notes.setdefault((message.channel, message.note), []).append((time_s, instrument))
        elif message.type in ("note_on", "note_off"):
            start_s, instrument = open_notes[message.channel, message.note].pop(0)
            expected.append((round(100 * start_s), round(100 * (time_s - start_s)), instrument * NUM_PITCHES + message.note))
    (events,) = ids_to_events(VOCABULARY.encode(piece).tokens.ids)
    events = events[events["note"] != REST_NOTE]
    ours = events[["onset_tick", "duration_tick", "note"]].tolist()
    expected = sorted(expected, key=lambda event: (event[0], event[2], event[1]))
    assert [note for _, _, note in ours] == [note for _, _, note in expected]
    # MIDI holds tempos in whole microseconds a quarter, so a few onsets fall on the other side of a half
    assert max(abs(a[0] - b[0]) for a, b in zip(ours, expected, strict=True)) <= 1
    assert np.mean([a == b for a, b in zip(ours, expected, strict=True)]) > 0.98


def test_events_of_a_piece_are_absolute(long_piece):
    events, _ = piece_to_events(long_piece)
    assert events["onset_tick"].max() > 42_000
