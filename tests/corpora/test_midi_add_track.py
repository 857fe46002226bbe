"""New tracks in a MIDI file: every other byte stays, lanes are known before they have notes."""

import io
import struct

import mido
import numpy as np
import pytest

from corpora.errors import RequestError
from corpora.midi import read_midi, write_midi
from corpora.midi.add_track import add_tracks
from corpora.midi.editor import edit_midi
from corpora.piece import MEASURE_DTYPE, Part, Piece, empty_notes

DRUMS = Part("Drums", is_drum=True)


def midi_of(programs, kind=1):
    """A file of one note for each of some lanes, of format 0 or 1."""
    notes = empty_notes(len(programs))
    notes["duration_div"], notes["pitch"], notes["velocity"] = 96, 60, 80
    notes["part"], notes["id"] = np.arange(len(programs)), [f"n{index}" for index in range(len(programs))]
    parts = tuple(Part(f"Lane {index}", program=program) for index, program in enumerate(programs))
    data = write_midi(Piece(notes, 96, parts, np.array([(0, 384, "1", 4, 4)], MEASURE_DTYPE)))
    if kind == 0:
        song = mido.MidiFile(file=io.BytesIO(data))
        merged = mido.MidiFile(type=0, ticks_per_beat=96)
        merged.tracks.append(mido.merge_tracks(song.tracks))
        out = io.BytesIO()
        merged.save(file=out)
        data = out.getvalue()
    return read_midi(data, "song.mid")


@pytest.mark.parametrize("kind", [0, 1])
def test_the_file_stays_and_the_new_track_takes_notes(kind):
    piece = midi_of([0, 40], kind)
    longer = add_tracks(piece, [DRUMS, Part("Cello", program=42)])
    before, after = piece.source.data, longer.source.data
    assert after[14 : len(before)] == before[14:]
    assert struct.unpack(">HHH", after[8:14]) == (1, struct.unpack(">H", before[10:12])[0] + 2, 96)
    assert longer.parts[:2] == piece.parts
    assert [(part.name, part.staff, part.program, part.is_drum) for part in longer.parts[2:]] == [
        ("Drums", 9, 0, True),
        ("Cello", 2, 42, False),
    ]
    rows = empty_notes(2)
    rows["duration_div"], rows["pitch"], rows["velocity"], rows["part"] = 24, (36, 48), 70, (2, 3)
    again = read_midi(edit_midi(longer, (), rows))
    assert again.parts == longer.parts
    assert again.notes[["pitch", "part"]].tolist() == [(60, 0), (60, 1), (36, 2), (48, 3)]
    song = mido.MidiFile(file=io.BytesIO(edit_midi(longer, (), rows)))
    assert [track.name for track in song.tracks[-2:]] == ["Drums", "Cello"]


def test_channels_are_shared_with_the_same_program_alone():
    piece = midi_of(list(range(15)))
    (*_, lane) = add_tracks(piece, [Part("Like the third", program=2)]).parts
    assert lane.staff == piece.parts[2].staff
    with pytest.raises(RequestError, match="no MIDI channel is left for 'Flute': the file uses all 15"):
        add_tracks(piece, [Part("Flute", program=73)])
    assert add_tracks(piece, [DRUMS]).parts[-1].staff == 9


def test_other_pieces_are_refused():
    with pytest.raises(RequestError, match="from MIDI alone"):
        add_tracks(Piece(empty_notes(), 4, (), np.zeros(0, MEASURE_DTYPE)), [DRUMS])
