import numpy as np
import pytest

from transcribe.families import find_family
from transcribe.heard import DRUMS, HEARD_DTYPE
from transcribe.score.staves import players_of

STRINGS, PIANO, BRASS = find_family("strings"), find_family("piano"), find_family("brass")


def table(rows: list[tuple[float, float, int, int, int]]) -> np.ndarray:
    return np.array([(on, off, pitch, 80, family, program, 1.0) for on, off, pitch, family, program in rows], dtype=HEARD_DTYPE)


def two_lines(program: int = 40) -> np.ndarray:
    upper, lower = [72, 74, 76, 77, 76, 74, 72, 71], [64, 62, 60, 59, 60, 62, 64, 62]
    rows = [(0.5 * i, 0.5 * i + 0.48, pitch, STRINGS, program) for line in (upper, lower) for i, pitch in enumerate(line)]
    return table(sorted(rows))


def test_two_violins_are_two_players_without_crossings() -> None:
    notes = two_lines()
    first, second = players_of(notes, None)
    assert (first.name, second.name) == ("Violin 1", "Violin 2")
    assert notes["pitch"][first.rows].tolist() == [72, 74, 76, 77, 76, 74, 72, 71]
    assert notes["pitch"][second.rows].tolist() == [64, 62, 60, 59, 60, 62, 64, 62]


def test_a_line_alone_stays_with_one_player() -> None:
    notes = table([(0.5 * i, 0.5 * i + 0.5, 60 + i, STRINGS, 40) for i in range(20)])
    assert [len(player.rows) for player in players_of(notes, None)] == [20]


def test_a_piano_is_one_player_with_two_staves_and_every_note_has_a_player() -> None:
    notes = table([(0.0, 1.0, 40 + 3 * i, PIANO, 0) for i in range(8)] + [(0.0, 1.0, 38, DRUMS, 0), (0.0, 1.0, 70, BRASS, 56)])
    players = players_of(notes, None)
    assert [(player.name, player.staves) for player in players] == [("Trumpet", 1), ("Drums", 1), ("Piano", 2)]
    assert sorted(row for player in players for row in player.rows.tolist()) == list(range(10))


@pytest.mark.parametrize(
    "names", [["violin", "violin"], ["violin", "viola", "cello"], ["strings"], ["piano"], ["trumpet", "cello"]]
)
def test_named_players_get_all_notes(names: list[str]) -> None:
    notes = two_lines(48)
    players = players_of(notes, names)
    assert len(players) == len(names)
    assert sorted(row for player in players for row in player.rows.tolist()) == list(range(len(notes)))


def test_a_quartet_named_by_the_user_lies_in_its_ranges() -> None:
    rows = [(0.5 * i, 0.5 * i + 0.45, pitch, STRINGS, 48) for i in range(12) for pitch in (76, 69, 60, 43)]
    notes = table(rows)
    players = players_of(notes, ["violin", "violin", "viola", "cello"])
    assert [player.name for player in players] == ["Violin 1", "Violin 2", "Viola", "Cello"]
    assert [set(notes["pitch"][player.rows].tolist()) for player in players] == [{76}, {69}, {60}, {43}]


def test_a_few_notes_of_another_instrument_were_misheard() -> None:
    rows = [(0.1 * i, 0.1 * i + 0.1, 60 + i % 12, PIANO, 0) for i in range(200)]
    notes = table([*rows, (3.05, 3.2, 70, BRASS, 61), (4.05, 4.2, 38, DRUMS, 0)])
    players = players_of(notes, None)
    assert [(player.name, len(player.rows)) for player in players] == [("Drums", 1), ("Piano", 201)]
