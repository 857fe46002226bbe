from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from corpora.musicxml.instruments import DYNAMIC_VELOCITY
from corpora.piece import Piece
from render.perform import Performance, perform

Text = Callable[..., str]
ALONE = {"all": 0.0}


def only(piece: Piece, *rules: str, **options: int) -> Performance:
    return perform(piece, strengths={**ALONE, **dict.fromkeys(rules, 1.0)}, **options)


def expression_at(played: Performance, time_s: float) -> int:
    """The expression controller in force."""
    value = 127
    for message in played.messages:
        if message.data[0] == 11 and played.played.div_to_seconds(message.onset_div) <= time_s + 1e-9:
            value = message.data[1]
    return value


def loudness_db(played: Performance) -> list[float]:
    """Level of each note at its onset, velocity and expression together."""
    return [
        40 * np.log10(row["velocity"] / 127) + 40 * np.log10(expression_at(played, float(row["onset_s"])) / 127)
        for row in played.notes
    ]


def test_marks_are_the_velocities_that_notation_programs_give_them(score: Callable[..., Piece], note: Text, mark: Text) -> None:
    bars = [mark(name) + note("C4", "whole") for name in ("pp", "p", "mp", "mf", "f", "ff")]
    piano = only(score({"Piano": bars}), "dynamics")
    assert piano.notes["velocity"].tolist() == [DYNAMIC_VELOCITY[name] for name in ("pp", "p", "mp", "mf", "f", "ff")]
    assert not piano.messages  # a piano cannot swell
    violin = only(score({"Violin": bars}), "dynamics")
    levels = loudness_db(violin)
    wanted = [40 * np.log10(DYNAMIC_VELOCITY[name] / 127) for name in ("pp", "p", "mp", "mf", "f", "ff")]
    assert levels == pytest.approx(wanted, abs=0.5)
    assert violin.messages


def test_a_mark_stands_for_all_staves_unless_another_has_its_own(score: Callable[..., Piece], note: Text, direction: Text) -> None:
    def bar(first: str, second: str = "") -> str:
        upper = direction(f"<dynamics><{first}/></dynamics>", staff=1) + note("C5", "whole", staff=1)
        lower = (direction(f"<dynamics><{second}/></dynamics>", staff=2) if second else "") + note("C3", "whole", staff=2, voice=5)
        return upper + "<backup><duration>96</duration></backup>" + lower

    played = only(score({"Piano": [bar("f"), bar("ff", "pp")]}, staves=2), "dynamics")
    by_place = {(row["score_onset_div"], row["pitch"]): row["velocity"] for row in played.notes}
    assert by_place == {(0, 72): 96, (0, 48): 96, (96, 72): 112, (96, 48): 33}


def test_a_hairpin_rises_to_the_mark_at_its_end(score: Callable[..., Piece], note: Text, mark: Text, direction: Text) -> None:
    quarters = note("C4") * 4
    bars = [
        mark("p") + direction('<wedge type="crescendo"/>') + quarters,
        quarters + direction('<wedge type="stop"/>'),
        mark("f") + quarters,
    ]
    flat = only(score({"Piano": bars}), "dynamics").notes["velocity"].tolist()
    assert flat == [49] * 8 + [96] * 4
    played = only(score({"Piano": bars}), "dynamics", "hairpins").notes["velocity"].tolist()
    assert played[0] == 49
    assert played[8:] == [96] * 4
    assert min(np.diff(played[:9])) > 0
    violin = only(score({"Violin": bars}), "dynamics", "hairpins")
    sent = [message.data[1] for message in violin.messages]
    assert sent == sorted(sent)
    assert len(sent) > 20


def test_crescendo_words_reach_to_the_next_mark(score: Callable[..., Piece], note: Text, mark: Text, words: Text) -> None:
    quarters = note("C4") * 4
    bars = [mark("p") + quarters, words("poco a poco cresc.") + quarters, quarters, mark("ff") + quarters]
    played = only(score({"Piano": bars}), "dynamics", "hairpins").notes["velocity"].tolist()
    assert played[:5] == [49] * 5
    assert played[12:] == [112] * 4
    assert min(np.diff(played[4:13])) > 0


def test_without_a_mark_a_hairpin_is_one_step_and_swells_come_back(
    score: Callable[..., Piece], note: Text, mark: Text, direction: Text
) -> None:
    swell = (
        direction('<wedge type="crescendo"/>') + note("C4") * 2 + direction('<wedge type="stop"/>')
        + direction('<wedge type="diminuendo"/>') + note("C4") * 2 + direction('<wedge type="stop"/>')
    )  # fmt: skip
    played = only(score({"Piano": [mark("p") + swell, *[swell] * 5]}), "dynamics", "hairpins").notes["velocity"].tolist()
    assert played[::4] == [49] * 6
    assert played[2::4] == [65] * 6  # 5 dB


def test_a_crescendo_to_a_sudden_piano(score: Callable[..., Piece], note: Text, mark: Text, direction: Text) -> None:
    quarters = note("C4") * 4
    bars = [mark("p") + direction('<wedge type="crescendo"/>') + quarters + direction('<wedge type="stop"/>'), mark("p") + quarters]
    played = only(score({"Piano": bars}), "dynamics", "hairpins").notes["velocity"].tolist()
    assert played[0] < played[1] < played[2] < played[3]
    assert played[4:] == [49] * 4


def test_sforzato_is_of_its_note_and_fortepiano_falls_back(score: Callable[..., Piece], note: Text, mark: Text) -> None:
    quarters = note("C4") * 3
    bars = [mark("p") + note("C4") + mark("sf") + quarters, mark("fp") + note("C4", "half") + note("C4", "half")]
    piece = score({"Violin": bars})
    played = only(piece, "dynamics")
    levels = loudness_db(played)
    assert levels[1] - levels[0] == pytest.approx(5.0, abs=0.6)
    assert levels[2] == pytest.approx(levels[0], abs=0.6)
    start = float(played.notes["onset_s"][4])
    assert levels[4] - levels[0] == pytest.approx(8.0, abs=0.6)
    assert expression_at(played, start + 0.6) < expression_at(played, start)  # within the note


def test_a_part_without_dynamics_follows_the_others(score: Callable[..., Piece], note: Text, mark: Text) -> None:
    bars = {"Voice": [note("C5", "whole")] * 2, "Piano": [mark("pp") + note("C4", "whole"), mark("ff") + note("C4", "whole")]}
    played = only(score(bars), "dynamics")
    voice = [level for level, row in zip(loudness_db(played), played.notes, strict=True) if row["part"] == 0]
    assert voice[1] - voice[0] > 15


@pytest.mark.parametrize("rule", ["dynamics", "hairpins"])
def test_each_rule_raises_the_correlation_with_the_marks(
    rule: str, score: Callable[..., Piece], note: Text, mark: Text, direction: Text
) -> None:
    quarters = note("C4") * 4
    rise = direction('<wedge type="crescendo"/>') + quarters + direction('<wedge type="stop"/>')
    bars = [mark("p") + rise, mark("f") + quarters, mark("pp") + rise, mark("ff") + quarters]
    said = np.repeat([49, 96, 33, 112], 4) + np.concatenate([np.arange(4) * 12, np.zeros(4), np.arange(4) * 20, np.zeros(4)])
    base = {"dynamics": ALONE, "hairpins": {**ALONE, "dynamics": 1.0}}[rule]
    piece = score({"Piano": bars})

    def correlation(strengths: dict[str, float]) -> float:
        velocity = perform(piece, strengths=strengths).notes["velocity"].astype(float)
        return float(np.corrcoef(velocity, said)[0, 1]) if velocity.std() else 0.0

    before, after = correlation(base), correlation({**base, rule: 1.0})
    assert after > before + 0.02
    assert after > 0.8
    half = correlation({**base, rule: 0.5})
    assert before < half <= after + 1e-6


def test_a_hairpin_without_end_stops_at_last(score: Callable[..., Piece], note: Text, mark: Text, direction: Text) -> None:
    quarters = note("C4") * 4
    bars = [mark("p") + direction('<wedge type="crescendo"/>') + quarters, *[quarters] * 9]
    played = only(score({"Piano": bars}), "dynamics", "hairpins")
    velocity = played.notes["velocity"]
    assert velocity[11] > velocity[0] + 8
    assert velocity[-1] == 49  # it led to no mark: a swell
    assert played.not_understood == {"hairpin without end": 1}
