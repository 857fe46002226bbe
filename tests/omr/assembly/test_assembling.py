"""Assembly: what is engraved comes back; whatever is seen, bars add up; a wish repairs what it names."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from compose.notation.written import Event, Voice, WrittenScore
from corpora.errors import InputError, RequestError
from omr.assembly.assembling import assemble
from omr.assembly.results import Assembled
from omr.assembly.wishes import Wishes
from omr.signs import KIND_INDEX, KINDS, SeenSystem, empty_signs

Draw = Callable[..., list[SeenSystem]]
Make = Callable[..., WrittenScore]


def music(score: WrittenScore) -> list[list[tuple[Voice, ...]]]:
    return [[bar.voices for bar in part.bars] for part in score.parts]


@pytest.mark.parametrize("seed", range(4))
def test_engraved_scores_come_back(seed: int, engraved: Draw, make_score: Make) -> None:
    score = make_score(np.random.default_rng(seed), bars=2)
    read = assemble(engraved(score))
    assert read.score == score
    assert read.escapes == 0
    assert all(bar.probability > 0.3 for bar in read.bars)


def test_every_head_keeps_its_row(engraved: Draw, make_score: Make) -> None:
    systems = engraved(make_score(np.random.default_rng(3), bars=2))
    read = assemble(systems)
    rows = [
        head.source
        for part in read.score.parts
        for bar in part.bars
        for voice in bar.voices
        for event in voice.events
        for head in event.heads
    ]
    heads = [row for row, kind in enumerate(systems[0].signs["kind"]) if KINDS[kind].startswith("head_")]
    assert sorted(rows) == heads


def random_signs(rng: np.random.Generator, staves: int, count: int) -> SeenSystem:
    """A system of nonsense: any kinds anywhere with any probabilities."""
    signs = empty_signs(count)
    signs["kind"] = rng.integers(0, len(KINDS), count)
    musical = rng.random(count) < 0.6
    signs["kind"][musical] = rng.integers(0, 16, int(musical.sum()))
    signs["probability"] = rng.random(count)
    signs["x"] = np.sort(rng.random(count) * 90).astype(np.float32)
    signs["staff"] = rng.integers(0, staves, count)
    signs["place"] = rng.normal(4.0, 4.0, count)
    signs["y"] = 12.0 * signs["staff"] + 2.0 - signs["place"] / 2.0
    signs["width"], signs["height"] = rng.random(count) * 4, rng.random(count) * 4
    for name in ("duration", "dots", "stem", "beam", "grace"):
        values = rng.random(signs[name].shape) ** 4
        signs[name] = values / values.sum(axis=1, keepdims=True)
    for name in ("tie_start", "tie_stop", "slur_start", "slur_stop"):
        signs[name] = rng.random(count)
    middles = np.arange(staves, dtype=np.float32) * np.float32(12.0)
    lines = np.full(staves, 5, dtype=np.int64)
    return SeenSystem(0, 0, middles, lines, 90.0, signs, np.zeros((5 * staves, 2, 2), dtype=np.float32))


def check_valid(read: Assembled) -> None:
    """Bars add up: voices run forward without overlap inside their bar, all parts have the same bars, escapes are counted."""
    score = read.score
    assert {len(part.bars) for part in score.parts} <= {len(read.bars)}
    escapes = 0
    for number, bar in enumerate(read.bars):
        escapes += bar.readings[bar.taken].irregular
        assert 0.0 <= bar.probability <= 1.0
        for part in score.parts:
            written = part.bars[number]
            assert written.length == score.parts[0].bars[number].length > 0
            for count, voice in enumerate(written.voices, 1):
                assert voice.number == count
                assert voice.events
                time = Fraction(0)
                for event in voice.events:
                    assert event.onset >= time
                    assert 1 <= event.staff <= part.staves
                    time = event.onset + event.duration
                assert time <= written.length
    assert escapes == read.escapes


@pytest.mark.parametrize("seed", range(6))
def test_random_signs_make_a_valid_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    staves = int(rng.integers(1, 4))
    systems = [random_signs(rng, staves, int(rng.integers(0, 50))) for _ in range(2)]
    check_valid(assemble(systems))


def test_no_signs_make_no_bars() -> None:
    read = assemble([random_signs(np.random.default_rng(0), 2, 0)])
    assert read.bars == ()
    assert [part.bars for part in read.score.parts] == [(), ()]


def test_no_systems_are_refused() -> None:
    with pytest.raises(InputError, match="expected at least one system"):
        assemble([])


def without(systems: list[SeenSystem], prefix: str) -> list[SeenSystem]:
    kinds = [index for name, index in KIND_INDEX.items() if name.startswith(prefix)]
    return [replace(system, signs=system.signs[~np.isin(system.signs["kind"], kinds)]) for system in systems]


@pytest.mark.parametrize("seed", [2, 3])
def test_a_meter_that_is_not_printed_is_inferred(seed: int, engraved: Draw, make_score: Make) -> None:
    score = make_score(np.random.default_rng(seed), bars=3)
    read = assemble(without(engraved(score), "time_"))
    assert music(read.score) == music(score)
    assert any("meter" in note for note in read.notes)


def test_wishes_for_key_and_clef_change_what_they_name(engraved: Draw, make_score: Make) -> None:
    score = make_score(np.random.default_rng(1), bars=1)
    systems = engraved(score)
    read = assemble(systems, Wishes(fifths=-5, clefs={1: "alto"}))
    first = read.score.parts[0].bars[0]
    assert first.key is not None
    assert first.key.fifths == -5
    assert (first.clefs[0].sign, first.clefs[0].line) == ("C", 3)
    plain = assemble(systems).score.parts[0].bars[0]
    places = [[head.place for head in event.heads] for event in plain.voices[0].events]
    wished = [[head.place + 6 for head in event.heads] for event in first.voices[0].events]
    assert plain.voices[0].events[0].staff == 1
    assert places == wished


def test_another_reading_of_a_bar_can_be_taken(engraved: Draw, make_score: Make) -> None:
    for seed in range(30):
        systems = engraved(make_score(np.random.default_rng(seed), bars=2))
        read = assemble(systems)
        number = next((index for index, bar in enumerate(read.bars) if len(bar.readings) > 1), None)
        if number is not None:
            break
    assert number is not None
    again = assemble(systems, Wishes(readings={number + 1: 2}))
    second = read.bars[number].readings[1]
    assert tuple(part.bars[number].voices for part in again.score.parts) == second.voices
    with pytest.raises(RequestError, match="expected a reading that is there"):
        assemble(systems, Wishes(readings={99: 1}))


def test_staves_that_are_wished_for_make_the_parts(engraved: Draw, make_score: Make) -> None:
    score = next(made for made in (make_score(np.random.default_rng(seed), bars=1) for seed in range(50)) if len(made.parts) == 2)
    systems = engraved(score)
    count = systems[0].staves
    read = assemble(systems, Wishes(staves=(1,) * count))
    assert [part.staves for part in read.score.parts] == [1] * count
    with pytest.raises(RequestError, match="staves: expected numbers that add up"):
        assemble(systems, Wishes(staves=(9,)))


def test_a_bar_line_that_was_missed_or_false_does_not_matter(engraved: Draw, make_score: Make) -> None:
    score = make_score(np.random.default_rng(2), bars=3)
    system = engraved(score)[0]
    lines = np.isin(system.signs["kind"], [index for name, index in KIND_INDEX.items() if name == "bar_single"])
    second = np.unique(system.signs["x"][lines])[1]
    gone = lines & (system.signs["x"] == second)
    assert music(assemble([replace(system, signs=system.signs[~gone])]).score) == music(score)
    heads = system.signs[np.isin(system.signs["kind"], [KIND_INDEX["head_black"], KIND_INDEX["head_half"]])]
    false = system.signs[lines][:1].copy()
    false["x"], false["probability"] = heads["x"][len(heads) // 2] - 1.9, 0.6
    signs = np.concatenate([system.signs, false])
    again = assemble([replace(system, signs=signs[np.argsort(signs["x"], kind="stable")])])
    assert len(again.bars) == len(score.parts[0].bars)


@pytest.mark.parametrize(("digits", "rests", "bars"), [("5", True, 7), ("12", True, 14), ("1", True, 3), ("5", False, 3)])
def test_a_number_over_a_bar_of_rest_counts_bars(digits: str, rests: bool, bars: int, engraved: Draw, make_score: Make) -> None:
    score = make_score(np.random.default_rng(3), bars=3)
    if rests:
        parts = []
        for part in score.parts:
            length = part.bars[1].length
            voices = tuple(Voice(staff, (Event(Fraction(0), length, staff=staff),)) for staff in range(1, part.staves + 1))
            parts.append(replace(part, bars=(part.bars[0], replace(part.bars[1], voices=voices), part.bars[2])))
        score = replace(score, parts=tuple(parts))
    (system,) = engraved(score)
    left, right = sorted({float(row["x"]) for row in system.signs if KINDS[row["kind"]].startswith("bar_")})[:2]
    number = empty_signs(len(digits))
    number["kind"] = [KIND_INDEX[f"time_{digit}"] for digit in digits]
    number["probability"], number["place"], number["y"] = 0.9, 11.0, -3.5
    number["x"] = (left + right) / 2 + 1.6 * (np.arange(len(digits)) - (len(digits) - 1) / 2)
    signs = np.concatenate([system.signs, number])
    read = assemble([replace(system, signs=signs[np.argsort(signs["x"], kind="stable")])]).score
    for part, whole in zip(read.parts, score.parts, strict=True):
        assert [bar.voices for bar in part.bars] == [
            bar.voices for bar in (whole.bars[0], *[whole.bars[1]] * (bars - 2), whole.bars[2])
        ]  # fmt: skip
