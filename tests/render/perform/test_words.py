from __future__ import annotations

import pytest

from render.perform.words import parse_words


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("cresc.", ["louder"]),
        ("Sempre più cresc.", ["louder"]),
        ("decrescendo", ["softer"]),
        ("molto rit. e dim.", ["softer", "slower"]),
        ("morendo", ["softer", "slower"]),
        ("rall.     _    _", ["slower"]),
        ("zurückhaltend", ["slower"]),
        ("Cédez un peu", ["slower"]),
        ("animez peu à peu", ["faster"]),
        ("string.", ["faster"]),
        ("ritenuto", ["held back"]),
        ("a Tempo ma ben tranquillo", ["a tempo"]),
        ("im Tempo", ["a tempo"]),
        ("Tempo I", ["tempo primo"]),
        ("1º Tempo Allegro", ["tempo primo"]),
        ("un peu moins vite", ["tempo change"]),
        ("Più mosso", ["tempo change"]),
        ("Sehr langsam", ["tempo"]),
        ("Allegro ma non troppo", ["tempo"]),
        ("una corda", ["una corda"]),
        ("senza ped.", ["no pedal"]),
        ("pizz.", ["pizzicato"]),
        ("sotto voce", ["dynamics"]),
        ("senza rit.", ["silent"]),
        ("non cresc.", ["silent"]),
        ("espress.", ["silent"]),
        ("M.D.C.", ["silent"]),
        ("IV.", ["silent"]),
        ("mit Humor", []),
        ("Allo. molto.", ["tempo"]),
        ("All. apassionato.", ["tempo"]),
        ("And.te", ["tempo"]),
        ("Maestoso", ["tempo"]),
        ("Tempo di Polacca", ["tempo"]),
        ("all'ottava", []),
        ("Alto", []),
        ("con maestà e agitato", []),
    ],
)
def test_meanings(text: str, kinds: list[str]) -> None:
    assert [meaning.kind for meaning in parse_words(text)] == kinds


def test_amounts() -> None:
    assert parse_words("poco rit.")[0].amount < parse_words("rit.")[0].amount < parse_words("molto rit.")[0].amount
    assert parse_words("poco a poco cresc.")[0].amount == 1.0
    assert parse_words("un poco più mosso")[0].amount < parse_words("più mosso")[0].amount
    rates = [
        parse_words(text)[0].amount for text in ("Grave", "Adagio", "Andante", "Allegretto", "Allegro", "Presto", "Prestissimo")
    ]
    assert rates == sorted(rates)
    assert len(set(rates)) == 7


@pytest.mark.parametrize(
    ("short", "whole"),
    [("Allo", "Allegro"), ("All.o mod.to", "Allegro moderato"), ("Allo. molto.", "Allegro molto"), ("All.tto", "Allegretto")],
)
def test_abbreviations_are_the_same_tempo(short: str, whole: str) -> None:
    assert parse_words(short) == parse_words(whole)
