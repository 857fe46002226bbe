"""What composers come for, from files to files: accompany, rewrite, harmonise, go on, a change of meter, variations and undo."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import partimento
from compose.infilling import Request, continue_piece, infill
from compose.session import Session
from compose.verbs import accompany, harmonise, vary
from corpora.datasets import iter_pack
from corpora.errors import RequestError
from corpora.files import parse_piece, read_piece, score_bytes, write_piece
from corpora.general_midi import FIRST_DRUM, LAST_DRUM
from corpora.piece import MEASURE_DTYPE, Part, Piece, empty_notes

TUNE = Path(__file__).parent.parent / "examples" / "folk-tune.musicxml"


@pytest.fixture
def meters() -> Piece:
    """A tune of quarters for one violin from a MusicXML file: a pickup, two bars of 3/4, two of 6/8."""
    bars = [(1, 4), (3, 4), (3, 4), (6, 8), (6, 8)]
    measures = np.zeros(len(bars), dtype=MEASURE_DTYPE)
    place = 0
    for index, (beats, kind) in enumerate(bars):
        length = 24 * 4 * beats // kind
        measures[index] = (place, place + length, str(index), *((3, 4) if index == 0 else (beats, kind)))
        place += length
    notes = empty_notes(place // 24)
    notes["onset_div"], notes["duration_div"] = np.arange(len(notes)) * 24, 24
    notes["pitch"], notes["velocity"] = 67 + np.arange(len(notes)) % 5, 80
    notes["id"] = [f"n{index}" for index in range(len(notes))]
    return parse_piece(score_bytes(Piece(notes, 24, (Part("Violin", program=40),), measures), ".musicxml"), "meters.musicxml")


def pack_piece(pack, limit, bars):
    if "PARTIMENTO_DATA" not in os.environ:
        pytest.skip("PARTIMENTO_DATA is not set: the packs are not there")
    for row, data in iter_pack(pack, split="test", where=lambda row: row.bytes < limit):
        piece = parse_piece(data, row.path.rsplit("/", 1)[-1])
        if len(piece.measures) >= bars:
            return piece
    raise AssertionError("no such piece")


def keys(piece, lanes):
    rows = piece.notes[np.isin(piece.notes["part"], lanes)]
    scale = 1 / piece.divs_per_quarter
    return [
        (round(o * scale, 6), round(d * scale, 6), int(p))
        for o, d, p in zip(rows["onset_div"], rows["duration_div"], rows["pitch"], strict=True)
    ]


def test_a_new_accompaniment_for_a_song_keeps_the_melody(tmp_path):
    song = pack_piece("openscore-lieder", 200_000, 16)
    (answer,) = infill(Request(song, "#5-#12", [song.parts[-1].name], ["range: auto"], seed=2))
    assert answer.holds
    assert answer.model == "general"
    path = tmp_path / "song.musicxml"
    write_piece(answer.piece, path)
    after = read_piece(path)
    assert keys(after, [0]) == keys(song, [0])
    assert len(answer.added) >= 8
    lanes = [lane for lane, part in enumerate(song.parts) if part.name == song.parts[-1].name]
    assert set(answer.added["part"].tolist()) <= set(lanes)


def test_the_viola_of_a_quartet_gets_other_notes_in_its_rhythm():
    quartet = pack_piece("openscore-string-quartets", 400_000, 16)
    (answer,) = vary(quartet, "9-16", ["Viola"], seed=3, constraints=["range: auto"])
    assert answer.holds
    assert [k[:2] for k in keys(answer.piece, [2])] == [k[:2] for k in keys(quartet, [2])]
    assert keys(answer.piece, [2]) != keys(quartet, [2])
    for lane in (0, 1, 3):
        assert keys(answer.piece, [lane]) == keys(quartet, [lane])


def test_a_folk_tune_in_four_voices_from_its_chord_symbols(tmp_path, capsys):
    out = tmp_path / "four.musicxml"
    assert partimento.main(["harmonise", str(TUNE), "-o", str(out), "--seed", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)[0]
    assert report["holds"], report["satisfied"]
    before, after = read_piece(TUNE), read_piece(out)
    assert [part.name for part in after.parts] == [before.parts[0].name, "Alto", "Tenor", "Bass"]
    assert keys(after, [0]) == keys(before, [0])
    for lane in (1, 2, 3):
        assert (after.notes["part"] == lane).sum() >= len(after.measures)
    assert any("chords: | N.C." in entry["constraint"] or "chords:" in entry["constraint"] for entry in report["satisfied"])


def test_a_tune_gets_a_piano_part():
    answers = accompany(read_piece(TUNE), "piano", seed=4)
    assert answers[0].holds
    assert [part.name for part in answers[0].piece.parts] == [read_piece(TUNE).parts[0].name, "Piano", "Piano"]


def test_an_accompaniment_rests_in_the_pickup():
    tune = read_piece(TUNE)
    bars = tune.measures
    assert bars["end_div"][0] - bars["start_div"][0] < bars["end_div"][1] - bars["start_div"][1]
    (answer,) = accompany(tune, "piano", seed=4)
    assert answer.holds
    assert any(entry.constraint.startswith("chords: | G | G | C") for entry in answer.satisfied)
    start = answer.piece.measures["start_div"][1] / answer.piece.divs_per_quarter
    assert (answer.added["onset_div"] / answer.piece.divs_per_quarter >= start - 1e-9).all()


def test_eight_more_bars_end_on_the_tonic():
    piece = read_piece(TUNE)
    (answer,) = continue_piece(piece, 8, constraints=["end on: G"], seed=5, model="general")
    assert answer.holds
    assert len(answer.piece.measures) == len(piece.measures) + 8
    last = answer.piece.notes[answer.piece.notes["onset_div"] == answer.piece.notes["onset_div"].max()]
    assert set((last["pitch"] % 12).tolist()) == {7}


def test_a_pickup_and_a_change_of_meter(tmp_path, meters):
    answers = infill(Request(meters, "#1-#5", (), ["scale: G major"], model="general", seed=6))
    assert answers[0].holds
    bars = answers[0].piece.measures
    lengths = (bars["end_div"] - bars["start_div"]) / answers[0].piece.divs_per_quarter
    assert lengths.tolist() == [1, 3, 3, 3, 3]
    path = tmp_path / "meters.musicxml"
    write_piece(answers[0].piece, path)
    assert read_piece(path).measures["beat_type"].tolist() == [4, 4, 4, 8, 8]


def test_three_variations_take_one_and_undo_it():
    piece = read_piece(TUNE)
    session = Session(piece)
    before = score_bytes(piece, ".musicxml")
    answers = infill(Request(session.piece, "3-4", (), model="general", seed=7, count=3))
    assert len({tuple(keys(answer.piece, [0])) for answer in answers}) == 3
    session.take(answers[1])
    assert keys(session.piece, [0]) == keys(answers[1].piece, [0])
    assert score_bytes(session.undo(), ".musicxml") == before
    assert session.redo() is answers[1].piece
    session.undo()
    session.take(answers[2])
    with pytest.raises(RequestError, match="nothing to do again"):
        session.redo()
    session.undo()
    with pytest.raises(RequestError, match="nothing to undo"):
        session.undo()


def test_new_parts_are_refused_by_name():
    piece = read_piece(TUNE)
    with pytest.raises(RequestError, match="no instrument"):
        accompany(piece, "kazoo")
    with pytest.raises(RequestError, match="rhythm or contour"):
        vary(piece, "1-2", keep="mood")
    twice = accompany(piece, "cello", region="1-2", seed=1)[0].piece
    with pytest.raises(RequestError, match="already"):
        accompany(twice, "cello")
    with pytest.raises(RequestError, match="no parts"):
        harmonise(replace(piece, parts=()))


def percussion(piece, name="Drums"):
    """The pitches of the drum lane, which must be keys of General MIDI percussion."""
    (lane,) = [lane for lane, part in enumerate(piece.parts) if part.name == name]
    assert piece.parts[lane].is_drum
    pitches = piece.notes["pitch"][piece.notes["part"] == lane]
    assert ((pitches >= FIRST_DRUM) & (pitches <= LAST_DRUM)).all()
    return pitches.tolist()


@pytest.mark.parametrize("suffix", [".musicxml", ".mid"])
def test_a_tune_gets_a_drum_part(tmp_path, capsys, suffix):
    tune, out = tmp_path / f"tune{suffix}", tmp_path / f"song{suffix}"
    write_piece(read_piece(TUNE), tune)
    wish = ["--constraint", "density: 1-8 per bar"]
    assert partimento.main(["accompany", str(tune), "--instrument", "drums", "-o", str(out), "--seed", "2", "--json", *wish]) == 0
    report = json.loads(capsys.readouterr().out)[0]
    assert report["holds"], report["satisfied"]
    before, after = read_piece(tune), read_piece(out)
    assert [part.name for part in after.parts] == [before.parts[0].name, "Drums"]
    assert keys(after, [0]) == keys(before, [0])
    assert len(percussion(after)) == report["notes_added"] >= len(before.measures)
    assert {entry["part"] for entry in report["diff"]} == {"Drums"}
    assert max(entry["quarters"] for entry in report["diff"]) <= 3  # no longer than a bar


@pytest.mark.parametrize("suffix", [".musicxml", ".mid"])
def test_drums_alone_are_rewritten(tmp_path, capsys, suffix):
    song, out = tmp_path / f"song{suffix}", tmp_path / f"again{suffix}"
    written = accompany(read_piece(TUNE), "drums", seed=2, constraints=["density: 2-8 per bar"])[0].piece
    write_piece(written, song)
    before = read_piece(song)
    wishes = ["--constraint", "density: 1-8 per bar", "--constraint", "scale: G major"]
    command = ["infill", str(song), "--parts", "Drums", "--bars", "3-5", "-o", str(out), "--seed", "4", "--json", *wishes]
    assert partimento.main(command) == 0
    report = json.loads(capsys.readouterr().out)[0]
    assert report["holds"], report["satisfied"]
    after = read_piece(out)
    assert after.parts == before.parts
    percussion(after)
    first, last = before.measures["number"].tolist().index("3"), before.measures["number"].tolist().index("5")
    start = before.measures["start_div"][first] / before.divs_per_quarter
    end = before.measures["end_div"][last] / before.divs_per_quarter
    assert keys(after, [0]) == keys(before, [0])
    old, new = ([key for key in keys(piece, [1]) if not start <= key[0] < end] for piece in (before, after))
    assert old == new
    inside = [key for key in keys(after, [1]) if start <= key[0] < end]
    assert len(inside) == report["notes_added"] >= 3
    assert {entry["bar"] for entry in report["diff"]} <= {"3", "4", "5"}


def test_a_midi_tune_gets_a_piano_part_and_three_voices(tmp_path):
    tune = tmp_path / "tune.mid"
    write_piece(read_piece(TUNE), tune)
    before = read_piece(tune)
    (song,) = accompany(before, "piano", seed=3)
    assert song.holds
    assert [part.name for part in song.piece.parts] == [before.parts[0].name, "Piano", "Piano"]
    (choir,) = harmonise(before, "| G | G | G | C | C | Am | G | D7 | G |", seed=3)
    assert choir.holds
    assert [part.name for part in choir.piece.parts] == [before.parts[0].name, "Alto", "Tenor", "Bass"]
    for answer in (song, choir):
        assert keys(answer.piece, [0]) == keys(before, [0])
        assert answer.piece.source.data[14 : len(before.source.data)] == before.source.data[14:]
    # a lane of its own for each hand, which says what is played there
    assert len({part.staff for part in song.piece.parts}) == 3
