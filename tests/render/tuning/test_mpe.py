"""MPE files, read back by the house's own reader and event by event."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest

from corpora.errors import InputError, RequestError
from corpora.files import read_piece
from corpora.gate import check_midi
from corpora.midi.reader import read_midi
from corpora.piece import Part, Piece
from render.played import play
from render.tuning import retuned_piece, write_mpe
from render.tuning.tunings import EqualDivision

EXAMPLES = Path(__file__).parent.parent.parent.parent / "examples"


@pytest.fixture(scope="module")
def chorale() -> Piece:
    return retuned_piece(read_piece(EXAMPLES / "old-hundredth.musicxml"), EqualDivision(19))


def heights(piece: Piece) -> list[tuple[float, int, float]]:
    """Onset in quarters, duration in quarters and height in semitones of all notes."""
    notes = piece.notes
    quarters = np.stack([notes["onset_div"], notes["duration_div"]]) / piece.divs_per_quarter
    return sorted(zip(*quarters.tolist(), (notes["pitch"] + notes["cents"] / 100.0).tolist(), strict=True))


@pytest.mark.parametrize(("bend_range", "tolerance_cents"), [(48, 0.294), (2, 0.0123), (1, 0.0062)])
def test_what_is_written_is_read_back(chorale: Piece, bend_range: int, tolerance_cents: float) -> None:
    data = write_mpe(chorale, bend_range_semitones=bend_range)
    check_midi(data, "chorale.mid")
    back = read_midi(data)
    assert [part.name for part in back.parts] == [part.name for part in chorale.parts]
    assert [part.program for part in back.parts] == [part.program for part in chorale.parts]
    assert len(back.notes) == len(chorale.notes)
    np.testing.assert_allclose(heights(back), heights(chorale), atol=tolerance_cents / 100 + 1e-6)
    assert (back.measures["beats"] == chorale.measures["beats"]).all()
    last = (int(piece.notes["onset_div"].max()) for piece in (back, chorale))
    assert back.div_to_seconds(next(last)) == pytest.approx(chorale.div_to_seconds(next(last)), rel=1e-5)


def test_the_engines_hear_the_same_tuning(chorale: Piece) -> None:
    played, exported = play(chorale, sample_rate_hz=44_100), play(write_mpe(chorale, bend_range_semitones=2), sample_rate_hz=44_100)
    sounding = []
    for music in (played, exported):
        notes = music.notes
        bends = [float(music.bend_cents(int(row["channel"])).at(int(row["onset_sample"]))) for row in notes]
        sounding.append(
            sorted(zip(notes["onset_sample"].tolist(), (notes["key"] + (notes["cents"] + bends) / 100).tolist(), strict=True))
        )
    np.testing.assert_allclose(sounding[1], sounding[0], atol=2e-4)


def test_the_zone_is_configured_before_the_first_note(make_piece: Callable[..., Piece]) -> None:
    data = write_mpe(make_piece([(0, 4, 60, 0)], lanes=("Solo",)))
    track = mido.MidiFile(file=io.BytesIO(data)).tracks[1]
    told = [(m.channel, m.control, m.value) for m in track if m.type == "control_change"]
    # M1-100-UM, section 2.1.1: RPN 6 on channel 1 with the number of member channels
    assert told[:3] == [(0, 101, 0), (0, 100, 6), (0, 6, 15)]
    assert told[5:9] == [(1, 101, 0), (1, 100, 0), (1, 6, 48), (1, 38, 0)]
    kinds = [m.type for m in track if not m.is_meta]
    assert kinds.index("note_on") == len(kinds) - 2


def test_no_two_notes_share_a_channel_at_once(chorale: Piece, make_piece: Callable[..., Piece]) -> None:
    dense = make_piece(
        [(onset, 12, 40 + (7 * onset + 13 * voice) % 50, 0) for onset in range(40) for voice in range(1)], lanes=("Piano",)
    )
    for piece in (chorale, dense):
        for track in mido.MidiFile(file=io.BytesIO(write_mpe(piece))).tracks[1:]:
            sounding: defaultdict[int, int] = defaultdict(int)
            for message in track:
                if message.type == "note_on":
                    sounding[message.channel] += 1
                    assert sounding[message.channel] == 1
                    assert message.channel not in (0, 9)
                elif message.type == "note_off":
                    sounding[message.channel] -= 1


def test_notes_of_one_bend_share_when_there_are_many(make_piece: Callable[..., Piece]) -> None:
    piece = make_piece([(0, 4, 30 + key, 0) for key in range(20)], lanes=("Piano",))
    assert heights(read_midi(write_mpe(piece))) == heights(piece)
    notes = piece.notes.copy()
    notes["cents"] = np.arange(20)
    with pytest.raises(InputError, match="part Piano, quarter 0: expected at most 14 notes of different bends at once"):
        write_mpe(replace(piece, notes=notes))
    unison = make_piece([(0, 4, 60, 0)] * 15, lanes=("Piano",))  # one key cannot sound twice on a channel
    with pytest.raises(InputError, match="at most 14 notes"):
        write_mpe(unison)


def test_drums_are_plain(make_piece: Callable[..., Piece]) -> None:
    piece = make_piece([(0, 4, 36, 0), (0, 4, 60, 1)])
    piece = replace(piece, parts=(Part("Kit", is_drum=True), Part("Piano", program=4)))
    back = read_midi(write_mpe(piece))
    assert [(part.name, part.is_drum, part.program) for part in back.parts] == [("Kit", True, 0), ("Piano", False, 4)]
    channels = {m.channel for m in mido.MidiFile(file=io.BytesIO(write_mpe(piece))).tracks[1] if not m.is_meta}
    assert channels == {9}


def test_what_does_not_fit_is_refused(make_piece: Callable[..., Piece]) -> None:
    with pytest.raises(RequestError, match="bend range: expected 1 to 96 semitones, got 0"):
        write_mpe(make_piece([(0, 4, 60, 0)]), bend_range_semitones=0)
    with pytest.raises(InputError, match="at most 16 staves, one for each MIDI port, got 17"):
        write_mpe(make_piece([(0, 4, 60, lane) for lane in range(17)], lanes=tuple(f"P{lane}" for lane in range(17))))


def test_the_same_piece_is_the_same_bytes(chorale: Piece) -> None:
    assert write_mpe(chorale) == write_mpe(chorale)
