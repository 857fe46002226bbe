"""What a command writes: names, formats, all files or none, and which notes count as new."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest

from corpora.errors import PartimentoError, RequestError
from corpora.files import edit_piece, read_piece
from corpora.midi.reader import read_midi
from corpora.musicxml import read_musicxml
from corpora.musicxml.add_part import NewPart, add_part
from corpora.piece import Piece
from render.results import (
    ResultPaths,
    changed_span,
    convert_file,
    engraved_change,
    new_notes,
    result_files,
    write_together,
)

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
RED = "#c0392b"


@pytest.fixture(scope="module")
def chorale() -> Piece:
    return read_piece(EXAMPLES / "old-hundredth.musicxml")


@pytest.fixture(scope="module")
def changed(chorale: Piece) -> Piece:
    """The chorale with the alto of bar 3 a step lower in two places."""
    start, end = chorale.measures["start_div"][3], chorale.measures["end_div"][3]
    onsets = chorale.notes["onset_div"]
    rows = chorale.notes[(chorale.notes["part"] == 1) & (onsets >= start) & (onsets < end)][:2].copy()
    removed = rows["id"].tolist()
    rows["pitch"] -= 2
    rows["id"] = ["new0", "new1"]
    return edit_piece(chorale, removed, rows)


def test_variations_are_numbered_from_two() -> None:
    paths = ResultPaths(score=Path("a/song.musicxml"), audio=Path("song.v1.flac"))
    assert paths.ranked(0) == paths
    assert paths.ranked(2) == ResultPaths(score=Path("a/song-3.musicxml"), audio=Path("song.v1-3.flac"))
    assert paths.ranked(1).wanted() == (Path("a/song-2.musicxml"), Path("song.v1-2.flac"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"score": "out.pdf"}, r"score .*out.pdf: expected a name ending in .musicxml, .xml, .mxl, .mid, .midi, got .pdf"),
        ({"score": "out"}, "got none"),
        ({"midi": "out.musicxml"}, "midi .*expected a name ending in .mid"),
        ({"audio": "out.mid"}, "audio .*expected a name ending in .wav, .flac, .ogg, .mp3"),
        ({"image": "out.jpg"}, "image .*expected a name ending in .png, .svg"),
        ({"piano_roll": "out.bmp"}, "piano roll .*expected a name ending in .png"),
        ({"score": "missing/out.mid"}, "there is no folder .*missing"),
        ({"score": "folder.mid"}, "is a folder"),
        ({"image": "same.png", "piano_roll": "same.png"}, "named for two outputs"),
    ],
)
def test_wrong_names_are_found_before_any_work(names: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(RequestError, match=message):
        ResultPaths(**{kind: tmp_path / name for kind, name in names.items()}).check()


def test_good_names_pass(tmp_path: Path) -> None:
    ResultPaths(score=tmp_path / "A.MusicXML", midi=tmp_path / "a.mid", audio=tmp_path / "a.FLAC", image=tmp_path / "a.svg").check()


def test_new_notes_are_those_that_the_other_lacks(chorale: Piece, changed: Piece) -> None:
    assert not new_notes(chorale, chorale).any()
    marks = new_notes(chorale, changed)
    assert marks.sum() == 2
    assert set(changed.notes["part"][marks]) == {1}
    assert new_notes(changed, chorale).sum() == 2


def test_new_notes_count_doubles(chorale: Piece) -> None:
    doubled = chorale.with_notes(np.concatenate([chorale.notes, chorale.notes[:1]]))
    assert new_notes(chorale, doubled).sum() == 1
    assert not new_notes(doubled, chorale).any()


def test_new_notes_do_not_depend_on_the_resolution(chorale: Piece) -> None:
    notes = chorale.notes.copy()
    for name in ("onset_div", "duration_div"):
        notes[name] *= 3
    finer = replace(chorale, notes=notes, divs_per_quarter=3 * chorale.divs_per_quarter)
    assert not new_notes(chorale, finer).any()


def test_the_changed_span_holds_both_versions(chorale: Piece, changed: Piece) -> None:
    assert changed_span(chorale, chorale) is None
    span = changed_span(chorale, changed)
    assert span == changed_span(changed, chorale)
    start = int(chorale.measures["start_div"][3])
    assert span == (start, start + 2 * chorale.divs_per_quarter)


def test_the_picture_colours_new_notes_only(chorale: Piece, changed: Piece) -> None:
    picture = engraved_change(changed, chorale, ".svg").decode().lower()
    assert RED in picture
    assert RED not in engraved_change(chorale, changed, ".svg", colour=None).decode().lower()
    assert engraved_change(changed, chorale, ".png").startswith(b"\x89PNG")


def test_every_kind_of_file_is_made(chorale: Piece, changed: Piece, tmp_path: Path) -> None:
    paths = ResultPaths(
        score=tmp_path / "a.musicxml",
        midi=tmp_path / "a.mid",
        audio=tmp_path / "a.flac",
        image=tmp_path / "a.png",
        piano_roll=tmp_path / "roll.png",
    )
    files = result_files(chorale, changed, paths)
    assert not list(tmp_path.iterdir())
    write_together(files)
    assert {path.name for path in tmp_path.iterdir()} == {"a.musicxml", "a.mid", "a.flac", "a.png", "roll.png"}
    assert changed.source is not None
    assert (tmp_path / "a.musicxml").read_bytes() == changed.source.data
    assert len(read_midi((tmp_path / "a.mid").read_bytes()).notes) == len(changed.notes)
    starts = {"a.flac": b"fLaC", "a.png": b"\x89PNG", "roll.png": b"\x89PNG"}
    assert all((tmp_path / name).read_bytes().startswith(start) for name, start in starts.items())


def test_all_files_or_none(tmp_path: Path) -> None:
    (tmp_path / "b.mid").mkdir()
    with pytest.raises(PartimentoError, match="folder"):
        write_together({tmp_path / "a.mid": b"a", tmp_path / "b.mid": b"b"})
    assert [path.name for path in tmp_path.iterdir()] == ["b.mid"]


@pytest.mark.parametrize("suffix", [".mid", ".mxl", ".musicxml"])
def test_convert_keeps_the_notes(suffix: str, chorale: Piece, tmp_path: Path) -> None:
    target = tmp_path / f"song{suffix}"
    report = convert_file(EXAMPLES / "old-hundredth.musicxml", target)
    assert report == {"files": [str(target)], "notes": 128, "bars": 9, "parts": 4, "lost": []}
    assert not new_notes(chorale, read_piece(target)).any()


def test_convert_says_which_bends_a_score_loses(midi_file: Callable[..., bytes], note: Callable[..., list], tmp_path: Path) -> None:
    still, moving = ((0, mido.Message("pitchwheel", pitch=2048)), (720, mido.Message("pitchwheel", pitch=100)))
    source = tmp_path / "a.mid"
    source.write_bytes(midi_file([still, *note(0, 480), *note(480, 960), moving]))
    assert convert_file(source, tmp_path / "b.mid")["lost"] == []
    assert convert_file(source, tmp_path / "a.musicxml")["lost"] == ["bends that move or pass a semitone, under 1 notes"]
    assert read_piece(tmp_path / "a.musicxml").notes["cents"].tolist() == [50.0, 0.0]


def test_convert_engraves(tmp_path: Path) -> None:
    report = convert_file(EXAMPLES / "ode-to-joy.musicxml", tmp_path / "song.png")
    assert report["files"][0] == str(tmp_path / "song.png")
    assert all(Path(name).read_bytes().startswith(b"\x89PNG") for name in report["files"])


def test_a_part_added_on_top_makes_no_other_note_new(chorale: Piece) -> None:
    assert chorale.source is not None
    data = add_part(chorale, NewPart("Descant"), on_top=True)
    higher = read_musicxml(data, chorale.source.name, chorale.source.container)
    assert higher.parts[0].name == "Descant"
    assert not new_notes(chorale, higher).any()
