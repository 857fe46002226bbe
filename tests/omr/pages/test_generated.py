"""Music made by rule: bars that add up, notation that comes back, and pages with every note of it."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from compose.notation.names import written_length
from compose.notation.reading import read_written
from compose.notation.writing import write_written
from corpora.gate.musicxml import check_musicxml
from omr.pages.engraved import page_labels
from omr.pages.generated import generated_musicxml, generated_score
from omr.pages.options import random_options
from omr.pages.rhythms import BEATS, beamed, random_rhythm
from omr.signs import HEADS, KIND_INDEX, KINDS

SEEDS = range(12)


@pytest.mark.parametrize("meter", BEATS)
def test_rhythms_fill_their_bar(meter: tuple[int, int]) -> None:
    for seed in range(30):
        events = [event for group in random_rhythm(*meter, np.random.default_rng(seed)) for event in group]
        end = Fraction(0)
        for event in events:
            assert event.onset == end
            assert event.duration == written_length(event.type, event.dots, event.actual, event.normal)
            end += event.duration
        assert end == Fraction(meter[0] * 4, meter[1])


def test_beams_open_and_close_on_every_level() -> None:
    for seed in SEEDS:
        for part in generated_score(np.random.default_rng(seed)).parts:
            for voice in (voice for bar in part.bars for voice in bar.voices):
                for grace in (True, False):
                    events = [event for event in voice.events if bool(event.grace) is grace and event.heads]
                    for level in range(4):
                        is_open = False
                        for beam in (event.beams[level] for event in events if len(event.beams) > level):
                            assert is_open == (beam in ("continue", "end")) or "hook" in beam
                            is_open = beam in ("begin", "continue") or (is_open and "hook" in beam)
                        assert not is_open


def test_rests_break_beams() -> None:
    group = random_rhythm(2, 4, np.random.default_rng(0))[0]
    assert all(not event.beams for event in beamed(group))


def test_the_notation_comes_back_from_musicxml() -> None:
    for seed in SEEDS:
        score = generated_score(np.random.default_rng(seed))
        text = write_written(score)
        check_musicxml(text, "generated")
        back = read_written(text)
        for bar, again in zip(score.parts[0].bars, back.parts[0].bars, strict=True):
            assert sorted(len(voice.events) for voice in again.voices) == sorted(len(voice.events) for voice in bar.voices)
        assert [bar.time for bar in back.parts[0].bars] == [bar.time for bar in score.parts[0].bars]


def test_pages_have_every_head_and_the_same_seed_the_same_music() -> None:
    for seed in range(3):
        assert generated_musicxml(np.random.default_rng(seed)) == generated_musicxml(np.random.default_rng(seed))
        score = generated_score(np.random.default_rng(seed))
        events = [event for bar in score.parts[0].bars for voice in bar.voices for event in voice.events]
        wanted = sum(len(event.heads) for event in events)
        options = random_options(np.random.default_rng(seed))
        systems = [s for _, _, page in page_labels(write_written(score).decode(), options) for s in page]
        signs = np.concatenate([system.signs for system in systems])
        drawn = np.isin(signs["kind"], [KIND_INDEX[name] for name in HEADS]).sum()
        assert 0.98 * wanted <= drawn <= wanted  # two voices may share a head
        assert (systems[0].first_bar, systems[-1].last_bar) == (0, len(score.parts[0].bars) - 1)
        assert signs["tie_start"].sum() > 0 or not any(head.tie_start for event in events for head in event.heads)


def test_the_signs_that_scores_seldom_have_occur_often() -> None:
    seen: Counter[str] = Counter()
    for seed in range(5):
        options = random_options(np.random.default_rng(seed))
        for _, _, page in page_labels(generated_musicxml(np.random.default_rng(seed)), options):
            seen.update(KINDS[kind] for system in page for kind in system.signs["kind"])
    wanted = ("double_sharp", "double_flat", "tuplet_3", "tuplet_5", "tuplet_6", "tuplet_bracket", "fermata", "mordent", "up_bow")
    assert {name for name in wanted if seen[name] < 3} == set()
    assert len(seen) > 65
