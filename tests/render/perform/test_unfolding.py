from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from corpora.musicxml.marks import BarMarks, read_marks
from corpora.partitura_quietly import partitura
from corpora.piece import Piece
from render.perform.unfolding import play_order, unfold

Text = Callable[..., str]


def bars(text: str) -> list[BarMarks]:
    """Signs of bars with blanks between: "|:" forward, ":|" backward (":|3" three times), "[1", "[1,2", "]", and names of jumps."""
    out = []
    for cell in text.split():
        bar = BarMarks()
        for sign in cell.split("+"):
            if sign == "|:":
                bar.forward = True
            elif sign.startswith(":|"):
                bar.times = int(sign[2:] or 2)
            elif sign.startswith("["):
                bar.ending = tuple(int(number) for number in sign[1:].split(","))
            elif sign == "]":
                bar.ending_stops = True
            elif sign == "movement":
                bar.first_of_movement = True
            elif sign != ".":
                bar.jumps |= {sign}
        out.append(bar)
    return out


@pytest.mark.parametrize(
    ("road", "order"),
    [
        (". . .", "0 1 2"),
        (". .+:| .", "0 1 0 1 2"),
        (". |: :| .", "0 1 2 1 2 3"),
        (". |:+:|3 .", "0 1 1 1 2"),
        ("|: . [1+]+:| [2+] .", "0 1 2 0 1 3 4"),
        ("|: [1,2+]+:| [3+] .", "0 1 0 1 0 2 3"),
        ("|: [1+]+:| [2+]+:| [3+] .", "0 1 0 2 0 3 4"),
        ("|: [1 ]+:| [2 ] .", "0 1 2 0 3 4 5"),
        (". fine . dacapo", "0 1 2 3 0 1"),
        (". :| fine . :|+dacapo", "0 1 0 1 2 3 4 2 3 4 0 1 2"),
        (". segno fine . dalsegno", "0 1 2 3 4 1 2"),
        (". segno tocoda . dalsegno coda .", "0 1 2 3 4 1 2 5 6"),
        ("|: [1+]+:| [2+]+fine . dacapo", "0 1 0 2 3 4 0 2"),  # after the leap without repeats, last ending
        (". . movement fine . dacapo movement .", "0 1 2 3 4 5 2 3 6 7"),
    ],
)  # fmt: skip
def test_play_order(road: str, order: str) -> None:
    found, problems = play_order(bars(road))
    assert found == [int(bar) for bar in order.split()]
    assert not problems


def test_without_repeats_every_bar_is_played_at_most_once() -> None:
    assert play_order(bars("|: . [1+]+:| [2+] fine . dacapo"), repeats=False)[0] == [0, 1, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("road", "order", "problem"),
    [
        (". dacapo dacapo dacapo", "0 1 0 1 2 0 1 2 3 0 1 2 3", ""),  # each leap once
        (". dalsegno .", "0 1 2", "there is no segno"),
        (". tocoda dacapo", "0 1 2 0 1 2", "there is no coda"),
        (". [2+] .", "0 1 2", ""),  # an ending 2 alone
        ("|: [1+]+:| . .", "0 1 0 2 3", ""),  # an ending 1 alone
        ("|: [1+]+:| [1+]+:| .", "0 1 0 3", ""),
        (". [1 . .", "0 1 2 3", "does not stop"),
    ],
)  # fmt: skip
def test_broken_roads_have_an_end(road: str, order: str, problem: str) -> None:
    found, problems = play_order(bars(road))
    assert found == [int(bar) for bar in order.split()]
    assert problem in " ".join(problems)


PLAIN_ROADS = [
    ". .+:| .",
    ". |: :| .",
    "|: . [1+]+:| [2+] .",
    "|: [1,2+]+:| [3+] .",
    "|: [1+]+:| [2+]+:| [3+] .",
    "|: [1 ]+:| [2 ] .",
]


def skeleton(road: list[BarMarks]) -> str:
    """MusicXML with one whole note a bar, its id the number of the bar."""
    measures = []
    numbers: tuple[int, ...] = ()
    for index, bar in enumerate(road):
        numbers = bar.ending or numbers
        named = ", ".join(map(str, numbers))
        left = (f'<ending number="{named}" type="start"/>' if bar.ending else "") + (
            '<repeat direction="forward"/>' if bar.forward else ""
        )
        right = f'<ending number="{named}" type="stop"/>' if bar.ending_stops else ""
        right += f'<repeat direction="backward" times="{bar.times}"/>' if bar.times else ""
        head = (
            "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
            if not index
            else ""
        )
        pitch = "<pitch><step>C</step><octave>4</octave></pitch>"
        whole = f'<note id="b{index}">{pitch}<duration>4</duration><voice>1</voice><type>whole</type></note>'
        lines = [
            f'<barline location="{side}">{content}</barline>' if content else ""
            for side, content in (("left", left), ("right", right))
        ]
        measures.append(f'<measure number="{index + 1}">{lines[0]}{head}{whole}{lines[1]}</measure>')
    parts = '<part-list><score-part id="P1"><part-name>x</part-name></score-part></part-list>'
    return f'<score-partwise version="4.0">{parts}<part id="P1">{"".join(measures)}</part></score-partwise>'


@pytest.mark.parametrize("road", PLAIN_ROADS)
def test_partitura_agrees_on_repeats_and_endings(road: str, tmp_path: Path) -> None:
    path = tmp_path / "road.musicxml"
    path.write_text(skeleton(bars(road)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        played = partitura.score.unfold_part_maximal(partitura.load_musicxml(str(path))[0])
    order = [int(note.id.partition("-")[0][1:]) for note in sorted(played.notes, key=lambda note: note.start.t)]
    assert order == play_order(bars(road))[0]


@pytest.mark.parametrize("road", [*PLAIN_ROADS, ". |:+:|3 .", "|: .+:|4 ."])
def test_music21_agrees_on_repeats_endings_and_times(road: str) -> None:
    from music21 import converter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        played = converter.parse(skeleton(bars(road)), format="musicxml").parts[0].expandRepeats()
    assert [int(measure.number) - 1 for measure in played.getElementsByClass("Measure")] == play_order(bars(road))[0]


BACKWARD = '<barline location="right"><repeat direction="backward"/></barline>'


def ending(number: int, backward: bool = False) -> tuple[str, str]:
    repeat = '<repeat direction="backward"/>' if backward else ""
    left = f'<barline location="left"><ending number="{number}" type="start"/></barline>'
    return left, f'<barline location="right"><ending number="{number}" type="stop"/>{repeat}</barline>'


def test_notes_come_again_with_their_pass(score: Callable[..., Piece], note: Text) -> None:
    piece = score([note("C4", "whole") + BACKWARD, note("D4", "whole")])
    assert piece.source is not None
    found = unfold(piece, read_marks(piece.source.data))
    assert found.piece.notes["id"].tolist() == ["n0", "n0-2", "n1"]
    assert found.passes.tolist() == [1, 2, 1]
    assert found.piece.notes["onset_div"].tolist() == [0, 96, 192]
    assert found.piece.measures["start_div"].tolist() == [0, 96, 192]
    assert found.to_written(found.piece.notes["onset_div"]).tolist() == [0.0, 0.0, 96.0]


def test_a_tie_into_a_second_ending_is_one_note(score: Callable[..., Piece], note: Text) -> None:
    one, one_stop = ending(1, backward=True)
    two, two_stop = ending(2)
    piece = score(
        [
            note("C4", "whole", tie=["start"]),
            one + note("C4", "whole", tie=["stop"]) + one_stop,
            two + note("C4", "whole", tie=["stop"]) + two_stop,
        ]
    )
    assert piece.source is not None
    found = unfold(piece, read_marks(piece.source.data))
    assert found.order == (0, 1, 0, 2)
    assert found.piece.notes["duration_div"].tolist() == [192, 192]


def test_the_tempo_of_the_place_that_is_leapt_to(score: Callable[..., Piece], note: Text, direction: Text) -> None:
    slow = direction("<words>x</words>", 'tempo="60"')
    piece = score([note("C4", "whole"), slow + note("D4", "whole") + BACKWARD, note("E4", "whole")])
    assert piece.source is not None
    found = unfold(piece, read_marks(piece.source.data)).piece
    assert found.div_to_seconds(found.notes["onset_div"]).tolist() == [0.0, 2.0, 6.0, 10.0, 14.0]  # nothing says 120 again
