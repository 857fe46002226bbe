"""Syllables go to the chords that they stand under, in order, verse by verse, and into the file."""

from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree

import numpy as np

from compose.notation.writing import write_written
from compose.notation.written import Bar, Event, Head, Key, Part, Time, Voice, WrittenScore
from omr.assembly.lyrics import sung, system_lyrics
from omr.assembly.rows import Sign, sign_rows
from omr.signs import GRACES, KIND_INDEX, SeenSystem, empty_signs

Text = tuple[str, float, float]  # text, middle, height


def signs_of(heads: list[float], texts: list[Text], graces: tuple[float, ...] = ()) -> tuple[list[Sign], dict[int, str], list[int]]:
    """Signs in order of ``x``, their words, and the rows of the heads."""
    rows = empty_signs(len(heads) + len(graces) + len(texts))
    rows["probability"] = 0.9
    for row, x in zip(rows, [*heads, *graces], strict=False):
        row["kind"], row["x"], row["width"] = KIND_INDEX["head_black"], x, 1.2
        row["grace"][GRACES.index("grace" if x in graces else "")] = 1.0
    for row, (text, x, y) in zip(rows[len(heads) + len(graces) :], texts, strict=True):
        row["kind"], row["x"], row["y"], row["width"] = KIND_INDEX["lyric"], x, y, 0.9 * len(text)
    order = np.argsort(rows["x"], kind="stable")
    place = {int(row): number for number, row in enumerate(order)}
    words = {place[len(heads) + len(graces) + number]: text for number, (text, _, _) in enumerate(texts)}
    middles, counts = np.zeros(1, dtype=np.float32), np.full(1, 5)
    system = SeenSystem(0, 0, middles, counts, 100.0, rows[order], np.zeros((5, 2, 2), dtype=np.float32), (), words)
    return sign_rows(system), words, [place[number] for number in range(len(heads))]


def verses(heads: list[float], texts: list[Text], graces: tuple[float, ...] = ()) -> list[dict[int, str]]:
    signs, words, rows = signs_of(heads, texts, graces)
    found = system_lyrics(signs, words)
    return [dict(found.get(row, {})) for row in rows]


def test_syllables_are_sung_where_they_stand() -> None:
    told = verses([10, 20, 30, 40], [("Come", 10.5, 5), ("walk", 29, 5.2), ("me", 41, 4.9)])
    assert told == [{0: "Come"}, {}, {0: "walk"}, {0: "me"}]


def test_hyphens_say_that_words_go_on() -> None:
    told = verses([10, 20, 30, 40], [("mor", 10, 5), ("-", 15, 5), ("row", 20, 5), ("sing-ing", 35, 5)])
    assert told == [{0: "mor-"}, {0: "-row"}, {0: "sing-"}, {0: "-ing"}]
    assert verses([10, 14, 18], [("a - le - lu", 14, 5)]) == [{0: "a-"}, {0: "-le-"}, {0: "-lu"}]


def test_words_read_as_one_text_are_parted() -> None:
    assert verses([10, 16, 22], [("here we go", 16, 5)]) == [{0: "here"}, {0: "we"}, {0: "go"}]


def test_verses_are_counted_from_the_staff() -> None:
    lines = [("one", 10, 5), ("two", 20, 5), ("three", 30, 5), ("eins", 10, 7.5), ("zwei", 20, 7.5), ("drei", 30, 7.5)]
    assert verses([10, 20, 30], lines) == [{0: "one", 1: "eins"}, {0: "two", 1: "zwei"}, {0: "three", 1: "drei"}]
    assert verses([10, 20, 30], [*lines[:3], ("dolce", 20, 8)]) == [{0: "one"}, {0: "two"}, {0: "three"}]


def test_more_syllables_than_chords_leave_some_out_and_order_stays() -> None:
    told = verses([10, 30], [("a", 9, 5), ("b", 12, 5), ("c", 30, 5)])
    assert told == [{0: "a"}, {0: "c"}]


def test_grace_notes_and_signs_without_letters_have_no_syllables() -> None:
    assert verses([10, 20], [("la", 10, 5), ("...", 20, 5), ("li", 20, 5)], graces=(19.0,)) == [{0: "la"}, {0: "li"}]


def test_lyrics_are_written() -> None:
    heads = [(Head(35, source=number),) for number in range(4)]
    events = tuple(Event(Fraction(number), Fraction(1), own, "quarter", stem="down") for number, own in enumerate(heads))
    lyrics = {0: {0: "one"}, 1: {0: "mor-", 1: "a-"}, 2: {0: "-row-", 1: "-men"}, 3: {0: "-ning"}}
    (voice,) = sung([Voice(1, events)], lyrics)
    bar = Bar((voice,), Fraction(4), key=Key(0), time=Time(4, 4))
    root = ElementTree.fromstring(write_written(WrittenScore((Part((bar,)),))))
    found = [
        [(lyric.get("number"), lyric.findtext("syllabic"), lyric.findtext("text")) for lyric in note.findall("lyric")]
        for note in root.iter("note")
    ]
    assert found == [
        [("1", "single", "one")],
        [("1", "begin", "mor"), ("2", "begin", "a")],
        [("1", "middle", "row"), ("2", "end", "men")],
        [("1", "end", "ning")],
    ]
