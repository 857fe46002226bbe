from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import verovio

from compose.notation.names import written_length
from compose.notation.reading import read_written
from compose.notation.slicing import meter_before, slice_bars
from compose.notation.sounding import played_notes
from compose.notation.token_table import TOKEN_IDS, TOKEN_NAMES
from compose.notation.tokens import decode, encode, grammar_for, holdable
from compose.notation.writing import write_written
from compose.notation.written import Bar, Clef, Event, Head, Key, Part, Time, Voice, WrittenScore
from corpora.datasets.packs import iter_pack
from corpora.errors import InputError
from corpora.partitura_quietly import partitura

F = Fraction


def names(ids: np.ndarray) -> list[str]:
    return [TOKEN_NAMES[token] for token in ids]


def test_a_bar_has_these_tokens() -> None:
    chord = Event(F(0), F(1), (Head(28), Head(30, "sharp", tie_start=True)), "quarter", stem="up", slur_starts=1, marks=("accent",))
    triplet = tuple(
        Event(F(1) + F(n, 3), F(1, 3), (Head(31),), "eighth", actual=3, normal=2, tuplet_starts=n == 0, tuplet_stops=n == 2)
        for n in range(3)
    )
    bar = Bar((Voice(1, (chord, *triplet)),), F(2), (Clef(F(0), 1, "G", 2),), Key(-1), Time(2, 4), right="light-heavy")
    expected = """staves:1 bar key:-1 beats:2 beat-type:4 staff:1 clef:G:2:0
        voice staff:1 type:quarter stem:up place:C4 place:E4 accidental:sharp tie-start slur-start mark:accent
        type:eighth ratio:3:2 tuplet-start place:F4 type:eighth ratio:3:2 place:F4 type:eighth ratio:3:2 tuplet-stop place:F4
        right:light-heavy end"""
    assert names(encode(WrittenScore((Part((bar,)),)))) == expected.split()


def test_a_page_comes_back_but_for_its_names(page: WrittenScore) -> None:
    held = decode(encode(page))
    assert held == holdable(page)
    assert held != page
    renamed = tuple(replace(part, name=name) for part, name in zip(held.parts, ("Piano", "Drum"), strict=True))
    assert replace(held, parts=renamed, title=page.title, systems=page.systems, pages=page.pages) == page


def test_a_system_needs_the_meter_before_it(page: WrittenScore) -> None:
    ids = encode(page, slice(1, 3))
    assert "irregular" not in names(ids)  # 3/4 is in force
    assert decode(ids, meter_before(page, 1)) == holdable(slice_bars(page, 1, 3))
    with pytest.raises(ValueError, match="cannot come in part 1"):
        decode(ids, F(2))


def test_words_on_no_list_are_a_sign_of_words(page: WrittenScore) -> None:
    first, drum = page.parts
    said = replace(first.bars[0].directions[1], value="mit einiger Laune")
    changed = replace(first, bars=(replace(first.bars[0], directions=(first.bars[0].directions[0], said)), *first.bars[1:]))
    held = decode(encode(replace(page, parts=(changed, drum))))
    assert [direction.value for direction in held.parts[0].bars[0].directions] == ["mf", "…"]


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        (Bar((Voice(1, (Event(F(0), F(3, 4), (Head(28),), "half"),)),), F(4)), "bar 1: 'duration:3/4' has no token"),
        (Bar((), F(11, 3), irregular=True), "bar 1: 'length:1/96' has no token"),
        (Bar((), F(4), (Clef(F(0), 1, "G", 4),)), "bar 1: 'clef:G:4:0' has no token"),
        (Bar((Voice(1, (Event(F(0), F(1, 3), (Head(28),), "eighth", actual=3, normal=2),)),), F(4)), "'end' cannot come"),
    ],
)
def test_what_no_token_says_is_refused(bar: Bar, words: str) -> None:
    with pytest.raises(InputError, match=words):
        encode(WrittenScore((Part((bar,)),)))


@pytest.mark.parametrize("pack", ["openscore-lieder", "openscore-string-quartets"])
def test_real_systems_come_back(pack: str) -> None:
    try:
        files = list(iter_pack(pack, split="valid", limit=2, where=lambda row: row.bytes < 60_000))
    except InputError as error:
        pytest.skip(str(error))
    for row, data in files:
        score = read_written(data, row.path)
        for first in range(0, len(score.parts[0].bars), 5):
            bars = slice(first, min(first + 5, len(score.parts[0].bars)))
            assert decode(encode(score, bars), meter_before(score, first)) == holdable(slice_bars(score, first, bars.stop))


def random_ids(rng: np.random.Generator, max_tokens: int, staves: tuple[int, ...]) -> np.ndarray:
    """Ids by uniform logits, with a nudge towards the end once they are many."""
    grammar = grammar_for(parts=staves)
    ids = []
    while not grammar.may_end:
        logits = rng.gumbel(size=len(TOKEN_NAMES))
        logits[TOKEN_IDS["voice"]] += 3
        logits[TOKEN_IDS["end"]] += 20 if len(ids) > max_tokens else -20
        if len(ids) > max_tokens:
            logits[[TOKEN_IDS["part"], TOKEN_IDS["right:none"]]] += 10
        mask = grammar.mask()
        assert mask.any(), names(np.array(ids[-20:]))
        ids.append(int(np.where(mask, logits, -np.inf).argmax()))
        grammar.push(ids[-1])
    return np.array(ids)


@pytest.mark.parametrize("seed", range(6))
def test_random_ids_are_scores_whose_bars_add_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = random_ids(rng, 400, ((1,), (2,), (1, 2))[seed % 3])
    score = decode(ids)
    for part in score.parts:
        for bar in part.bars:
            for voice in bar.voices:
                cursor = F(0)
                for event in voice.events:
                    assert event.onset >= cursor
                    if event.type and not event.grace:
                        assert event.duration == written_length(event.type, event.dots, event.actual, event.normal)
                    cursor = event.onset + event.duration
                assert cursor <= bar.length
                assert cursor.denominator & (cursor.denominator - 1) == 0  # all tuplets are whole
    again = read_written(write_written(score))
    assert len(played_notes(again)) > 0
    assert [len(part.bars) for part in again.parts] == [len(part.bars) for part in score.parts]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.filterwarnings("ignore")  # partitura and music21 have much to say about random music
def test_random_ids_open_in_three_programs(seed: int, tmp_path) -> None:
    music21 = pytest.importorskip("music21")
    text = write_written(decode(random_ids(np.random.default_rng(seed), 150, ((1,), (2,), (1, 2))[seed % 3])))
    assert verovio.toolkit().loadData(text.decode())
    assert music21.converter.parseData(text.decode(), format="musicxml").parts
    if b"<unpitched>" not in text:  # partitura 1.9 fails on chords of unpitched notes
        path = tmp_path / "random.musicxml"
        path.write_bytes(text)
        assert partitura.load_musicxml(str(path)).parts


def test_the_mask_says_what_push_takes() -> None:
    rng = np.random.default_rng(3)
    ids = random_ids(rng, 60, (2,))
    grammar = grammar_for(parts=(2,))
    for token in ids[:60]:
        refused = rng.choice(np.flatnonzero(~grammar.mask()))
        with pytest.raises(ValueError, match="cannot come"):
            grammar.push(int(refused))
        grammar.push(int(token))


def test_the_mask_is_empty_after_the_end_and_escapes_are_counted(page: WrittenScore) -> None:
    grammar = grammar_for()
    grammar.push_all(encode(page))
    assert grammar.may_end
    assert not grammar.mask().any()
    assert grammar.escapes == 1  # the pickup
