import warnings
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
import verovio

from compose.notation.reading import read_written
from compose.notation.slurs import slur_numbers
from compose.notation.sounding import played_notes
from compose.notation.writing import write_written
from compose.notation.written import Bar, Direction, Event, Head, Part, Voice, WrittenScore
from corpora.datasets.packs import iter_pack
from corpora.errors import InputError
from corpora.musicxml.reader import read_musicxml
from corpora.partitura_quietly import partitura

F = Fraction


def notes_by_reader(text: bytes) -> Counter[tuple[float, float, int]]:
    piece = read_musicxml(text)
    quarter = piece.divs_per_quarter
    return Counter((row["onset_div"] / quarter, row["duration_div"] / quarter, int(row["pitch"])) for row in piece.notes)


def notes_played(score: WrittenScore) -> Counter[tuple[float, float, int]]:
    return Counter((float(r["onset_quarter"]), float(r["duration_quarter"]), int(r["pitch"])) for r in played_notes(score))


def test_what_is_written_reads_as_the_same(page: WrittenScore) -> None:
    assert read_written(write_written(page)) == page


def test_the_notes_are_those_of_the_reader_of_pieces(page: WrittenScore) -> None:
    assert notes_by_reader(write_written(page)) == notes_played(page)


def test_pages_open_in_three_programs(page: WrittenScore, tmp_path) -> None:
    text = write_written(page)
    music21 = pytest.importorskip("music21")
    toolkit = verovio.toolkit()
    assert toolkit.loadData(text.decode())
    assert toolkit.getPageCount() >= 1
    opened = music21.converter.parseData(text.decode(), format="musicxml")
    assert [len(part.getElementsByClass("Measure")) for part in opened.parts] == [4, 4, 4]  # one part a staff
    path = tmp_path / "page.musicxml"
    path.write_bytes(text)
    with warnings.catch_warnings():  # of directions that partitura does not know
        warnings.simplefilter("ignore")
        pitched = partitura.load_musicxml(str(path)).parts[0].note_array()
    main = pitched[pitched["duration_quarter"] > 0]
    expected = [row for row in played_notes(page) if row["part"] == 0 and row["duration_quarter"] > 0]
    assert sorted(main["pitch"]) == sorted(row["pitch"] for row in expected)


def test_slurs_that_cross_keep_their_own_voices() -> None:
    def event(onset: int, place: int, starts: int, stops: int) -> Event:
        return Event(F(onset), F(1), (Head(place),), "quarter", slur_starts=starts, slur_stops=stops)

    upper = Voice(1, (event(0, 40, 1, 0), event(1, 41, 1, 1), event(2, 40, 0, 1)))
    lower = Voice(2, (event(0, 30, 2, 0), event(1, 31, 0, 1), event(2, 31, 0, 2)))
    ends = slur_numbers(Part((Bar((upper, lower), F(3)),)))
    assert {key[1:]: (slurs.stops, slurs.starts) for key, slurs in ends.items()} == {
        (0, 0): ((), (1,)),
        (1, 0): ((), (2, 3)),
        (0, 1): ((1,), (4,)),  # 1 is free again, but not in this bar
        (1, 1): ((2,), ()),
        (0, 2): ((4,), ()),
        (1, 2): ((3, 5), ()),  # one of them began before
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda score: replace(score, parts=()), r"expected parts of equally many bars, at least one, got \[\]"),
        (lambda score: replace(score, parts=(score.parts[0], replace(score.parts[1], bars=()))), r"got \[4, 0\]"),
        (lambda score: with_direction(score, Direction(F(0), 1, "lyrics", "la")), "'lyrics'"),
        (lambda score: with_direction(score, Direction(F(0), 1, "harmony", "H7")), "expected a root and a kind .*'H7'"),
        (lambda score: with_direction(score, Direction(F(1, 1_000_003), 1, "words", "now")), "at most 1000000"),
    ],
)
def test_what_cannot_be_written_is_refused(page: WrittenScore, change, words: str) -> None:
    with pytest.raises(InputError, match=words):
        write_written(change(page))


def with_direction(score: WrittenScore, said: Direction) -> WrittenScore:
    first, *others = score.parts
    bars = (replace(first.bars[0], directions=(said,)), *first.bars[1:])
    return replace(score, parts=(replace(first, bars=bars), *others))


@pytest.mark.parametrize("pack", ["openscore-lieder", "openscore-string-quartets"])
def test_real_scores_come_back(pack: str) -> None:
    try:
        files = list(iter_pack(pack, split="test", limit=2, where=lambda row: row.bytes < 60_000))
    except InputError as error:
        pytest.skip(str(error))
    for row, data in files:
        score = read_written(data, row.path)
        text = write_written(score)
        assert read_written(text) == score
        assert notes_by_reader(text) == notes_played(score)
