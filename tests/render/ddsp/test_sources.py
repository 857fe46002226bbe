"""Where notes come from: names of files, recordings with MIDI, fonts, and what is refused."""

import mido
import numpy as np
import pytest
import soundfile

from corpora.errors import InputError
from render.ddsp.sources import font_notes, key_of_name, key_to_hz, recorded_notes, sample_notes

RATE_HZ = 44_100


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("A4", 69),
        ("As3", 58),
        ("Bb2", 46),
        ("C#5", 73),
        ("violin_G3", 55),
        ("F2 v2", 41),
        ("60", 60),
        ("C-1", 0),
        ("vln-c4-mf", 60),
    ],
)
def test_pitches_in_names(name, key):
    assert key_of_name(name) == key


@pytest.mark.parametrize("name", ["loop", "200", "H3", "Bass"])
def test_names_without_a_pitch(name):
    assert key_of_name(name) is None


def test_notes_of_a_folder_begin_where_they_sound(note_folder):
    notes = {note.name: note for note in sample_notes(note_folder)}
    assert {round(note.key) for note in notes.values()} == {57, 61, 65, 68, 72, 76}
    for note in notes.values():
        assert abs(note.first - 4_000) < 900
        assert abs(note.release - note.first - 0.8 * RATE_HZ) < 4_500
        assert note.velocity == 0


def test_recordings_are_cut_by_their_midi(tmp_path, midi_file, note):
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    sound = 0.3 * np.sin(2 * np.pi * np.where(time < 1, key_to_hz(69), key_to_hz(71)) * time)
    soundfile.write(tmp_path / "take.wav", np.stack([sound, sound], axis=1), RATE_HZ)
    tempo = [(0, mido.MetaMessage("set_tempo", tempo=500_000))]
    (tmp_path / "take.mid").write_bytes(midi_file(tempo, [*note(0, 960, 69, velocity=50), *note(960, 1900, 71)]))
    first, second = recorded_notes(tmp_path)
    assert (first.key, first.velocity, second.key) == (69.0, 50, 71.0)
    assert second.first == round(0.2 * RATE_HZ)  # a little of what was before it is kept
    assert first.last == RATE_HZ
    assert len(first.samples) <= RATE_HZ + 500


def test_what_cannot_be_used_is_named(tmp_path):
    with pytest.raises(InputError, match="expected a folder of recordings, got nothing"):
        list(sample_notes(tmp_path / "none"))
    with pytest.raises(InputError, match="expected sound files"):
        list(sample_notes(tmp_path))
    soundfile.write(tmp_path / "loop.wav", np.ones(2_000) * 0.1, RATE_HZ)
    with pytest.raises(InputError, match=r"loop\.wav: expected a file name with a pitch"):
        list(sample_notes(tmp_path))
    with pytest.raises(InputError, match=r"expected its notes beside it in loop\.mid"):
        list(recorded_notes(tmp_path))
    (tmp_path / "loop.wav").unlink()
    soundfile.write(tmp_path / "A4.wav", np.zeros(2_000), RATE_HZ)
    with pytest.raises(InputError, match="expected a note, got silence"):
        list(sample_notes(tmp_path))


@pytest.mark.usefixtures("synthesiser", "wheel_font")
def test_fonts_play_their_notes_where_they_say():
    from render.fonts import find_font

    notes = list(font_notes(find_font().path, 40, [69, 76], [50, 110]))
    assert [(note.key, note.velocity) for note in notes] == [(69.0, 50), (69.0, 110), (76.0, 50), (76.0, 110)]
    for note in notes:
        loud = np.flatnonzero(np.abs(note.samples) > 0.02 * np.abs(note.samples).max())
        assert 0 <= loud[0] - note.first < 0.05 * RATE_HZ
    soft, loud_note = (np.abs(note.samples).max() for note in notes[:2])
    assert soft < 0.5 * loud_note
