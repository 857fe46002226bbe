"""Drum parts in MusicXML: added empty, written with the right lines and heads, read back by their instruments."""

import re
import warnings

import music21
import numpy as np
import pytest

from corpora.errors import RequestError
from corpora.files import edit_piece, parse_piece, score_bytes
from corpora.general_midi import DRUM_NAMES, FIRST_DRUM, LAST_DRUM
from corpora.musicxml import read_musicxml
from corpora.musicxml.add_part import NewPart, add_part
from corpora.musicxml.drum_notation import DRUM_DISPLAY
from corpora.musicxml.percussion import drum_keys
from corpora.partitura_quietly import partitura
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, Part, Piece, empty_notes

DRUMS = NewPart("Drums", clefs=("percussion",))
BAR = 96


@pytest.fixture(scope="module")
def tune():
    """A pickup and twelve bars of 4/4 in D major for one violin, from a MusicXML file."""
    measures = np.array(
        [(0, 24, "0", 4, 4), *((24 + n * BAR, 24 + (n + 1) * BAR, str(n + 1), 4, 4) for n in range(12))], MEASURE_DTYPE
    )
    notes = empty_notes(49)
    notes["onset_div"], notes["duration_div"] = np.arange(49) * 24, 24
    notes["pitch"], notes["velocity"] = 62 + np.arange(49) % 7, 80
    notes["id"] = [f"n{index}" for index in range(49)]
    piece = Piece(notes, 24, (Part("Violin", program=40),), measures, keys=np.array([(0, 2, 1)], KEY_DTYPE))
    return parse_piece(score_bytes(piece, ".musicxml"), "tune.musicxml")


@pytest.fixture(scope="module")
def with_drums(tune):
    return read_musicxml(add_part(tune, DRUMS), "tune.musicxml")


def played(piece, hits):
    """The piece with hits (onset in quarters, length in quarters, key) in its last lane."""
    piece = piece.rescaled(int(np.lcm(piece.divs_per_quarter, 24)))
    rows = empty_notes(len(hits))
    rows["onset_div"] = [round(onset * piece.divs_per_quarter) for onset, _, _ in hits]
    rows["duration_div"] = [round(length * piece.divs_per_quarter) for _, length, _ in hits]
    rows["pitch"], rows["part"] = [key for _, _, key in hits], len(piece.parts) - 1
    return edit_piece(piece, (), rows)


def hits_of(piece):
    rows = piece.notes[piece.notes["part"] == len(piece.parts) - 1]
    divs = piece.divs_per_quarter
    return sorted((row["onset_div"] / divs, row["duration_div"] / divs, int(row["pitch"])) for row in rows)


def test_every_drum_has_a_name_and_a_look_of_its_own():
    assert list(DRUM_NAMES) == list(range(35, 82)) == list(DRUM_DISPLAY)
    assert len(set(DRUM_NAMES.values())) == len(DRUM_NAMES)
    assert len(set(DRUM_DISPLAY.values())) == len(DRUM_DISPLAY)
    assert {DRUM_DISPLAY[key].head for key in (42, 49, 51, 57)} == {"x"}
    assert all(not DRUM_DISPLAY[key].head for key in (35, 36, 38, 41, 43, 45, 47, 48, 50))


def test_a_new_drum_part_leaves_every_byte_and_has_no_key(tune, with_drums):
    assert (with_drums.parts[-1].name, with_drums.parts[-1].is_drum) == ("Drums", True)
    data = with_drums.source.data
    listing, body = (
        re.search(pattern, data, re.DOTALL)
        for pattern in (rb'<score-part id="P2">.*?</score-part>\n', rb'<part id="P2">.*?</part>\n')
    )
    assert data.replace(listing[0], b"").replace(body[0], b"") == tune.source.data
    assert b"<key>" not in body[0]
    assert body[0].count(b"<clef><sign>percussion</sign></clef>") == 1
    assert listing[0].count(b"<midi-unpitched>") == len(DRUM_NAMES)
    assert listing[0].count(b"<midi-channel>10</midi-channel>") == len(DRUM_NAMES)
    assert with_drums.keys.tolist() == tune.keys.tolist()


def test_all_drums_are_written_and_read_back(with_drums):
    hits = [(index, 1.0, key) for index, key in enumerate(DRUM_NAMES)]
    after = played(with_drums, hits)
    assert hits_of(after) == hits
    assert hits_of(read_musicxml(after.source.data)) == hits
    text = after.source.data.decode()
    for key in (36, 38, 42, 46, 53):
        (note,) = [n for n in re.findall(r"<note>.*?</note>", text, re.DOTALL) if f'<instrument id="P2-I{key + 1}"/>' in n]
        shown = DRUM_DISPLAY[key]
        assert f"<display-step>{shown.step}</display-step>" in note
        assert f"<display-octave>{shown.octave}</display-octave>" in note
        assert (f"<notehead>{shown.head}</notehead>" in note) == bool(shown.head)
        assert note.index("<type>") < note.index("<notehead>") if shown.head else "<notehead" not in note


def test_chords_of_drums_are_one_voice_and_open_in_music21(with_drums):
    hits = [(1 + beat + half, 0.5, key) for beat in range(8) for half, key in ((0, 42), (0.5, 42), (0, 36 if beat % 2 else 38))]
    after = played(with_drums, hits)
    assert hits_of(after) == sorted(hits)
    assert set(after.notes["voice"][after.notes["part"] == 1].tolist()) == {1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = music21.converter.parse(after.source.data.decode(), format="musicxml").parts[1]
    assert type(part.recurse().getElementsByClass("Clef").first()).__name__ == "PercussionClef"
    heads = [note.notehead for found in part.recurse().notes for note in getattr(found, "notes", [found])]
    assert sorted(heads) == ["normal"] * 8 + ["x"] * 16


def test_single_hits_open_in_partitura(with_drums, tmp_path):
    """Chords of drums are more than its version 1.9.0 reads: its notes without pitch have no ``is_grace_chord``."""
    hits = [(1 + beat, 1.0, (36, 38, 42, 49)[beat % 4]) for beat in range(8)]
    path = tmp_path / "drums.musicxml"
    path.write_bytes(played(with_drums, hits).source.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = partitura.load_musicxml(path)[1]
    found = [(note.start.t, note.step, note.octave) for note in part.iter_all(partitura.score.UnpitchedNote)]
    assert [row[1:] for row in found] == [DRUM_DISPLAY[key][:2] for _, _, key in hits]


def test_new_hits_look_like_those_that_are_there(with_drums):
    text = played(with_drums, [(1, 1.0, 38)]).source.data.decode()
    plain = "<display-step>C</display-step>"
    place = text.index(plain, text.index('<part id="P2">'))
    text = text[:place] + "<display-step>E</display-step>" + text[place + len(plain) :]
    place = text.index("<type>quarter</type>", place) + len("<type>quarter</type>")
    text = text[:place] + '<notehead filled="no">triangle</notehead>' + text[place:]
    after = played(read_musicxml(text.encode()), [(2, 1.0, 38)])
    notes = re.findall(r"<note>.*?</note>", after.source.data.decode().split('<part id="P2">')[1], re.DOTALL)
    alike = [note for note in notes if "<display-step>E</display-step>" in note]
    assert len(alike) == 2
    assert all('<notehead filled="no">triangle</notehead>' in note for note in alike)


def test_a_part_can_write_the_drums_it_has(with_drums):
    assert drum_keys(with_drums) == {1: frozenset(range(FIRST_DRUM, LAST_DRUM + 1))}
    few = re.sub(rb'<(score|midi)-instrument id="P2-I(?!37"|39")\d+">.*?</\1-instrument>\n?', b"", with_drums.source.data)
    piece = read_musicxml(few)
    assert drum_keys(piece) == {1: frozenset({36, 38})}
    with pytest.raises(RequestError, match="no instrument for the drum 42"):
        played(piece, [(1, 1.0, 42)])


def test_drums_from_elsewhere_are_written_the_same_way(tune):
    notes = empty_notes(3)
    notes["onset_div"], notes["duration_div"], notes["velocity"] = (0, 24, 48), 24, 80
    notes["pitch"], notes["id"] = (36, 42, 49), ("a", "b", "c")
    piece = Piece(notes, 24, (Part("Kit", is_drum=True),), tune.measures[:1], keys=tune.keys)
    text = score_bytes(piece, ".musicxml").decode()
    assert text.count("<notehead>x</notehead>") == 2
    assert "<instrument-name>Crash Cymbal</instrument-name>" in text
    assert "<key>" not in text
    assert read_musicxml(text.encode()).notes["pitch"].tolist() == [36, 42, 49]
