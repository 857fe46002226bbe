from __future__ import annotations

from collections.abc import Callable

import pytest

from corpora.piece import Piece
from render.perform import perform

Text = Callable[..., str]
ONLY = {"all": 0.0, "articulation": 1.0}


def lengths(piece: Piece, strength: float = 1.0) -> list[float]:
    """Share of its written length for which each note is held."""
    played = perform(piece, strengths={"all": 0.0, "articulation": strength})
    dead = perform(piece, strengths={"all": 0.0})
    return [float(a / b) for a, b in zip(played.notes["duration_s"], dead.notes["duration_s"], strict=True)]


def test_signs_shorten_and_strengthen(score: Callable[..., Piece], note: Text) -> None:
    signs = ["staccato", "staccatissimo", "tenuto", "accent", "strong-accent", "detached-legato"]
    pitches = ["C4", "D4", "E4", "F4", "G4", "A4", "B4"]
    marked = [f"<articulations><{sign}/></articulations>" for sign in signs]
    piece = score([note(pitches[0]) + "".join(note(p, notations=m) for p, m in zip(pitches[1:], marked, strict=True))], beats=7)
    plain, staccato, staccatissimo, tenuto, accent, marcato, portato = lengths(piece)
    assert staccatissimo < staccato < portato < marcato < plain < tenuto == pytest.approx(1.0)
    assert accent == pytest.approx(plain)
    velocity = perform(piece, strengths=ONLY).notes["velocity"].tolist()
    assert velocity[5] > velocity[4] > velocity[3] > velocity[0] == velocity[1]


def test_a_slur_is_legato_up_to_its_last_note(score: Callable[..., Piece], note: Text) -> None:
    start, stop = '<slur type="start" number="1"/>', '<slur type="stop" number="1"/>'
    bar = note("C4", notations=start) + note("D4") + note("E4", notations=stop) + note("F4")
    first, second, last, plain = lengths(score([bar]))
    assert first > 1.0
    assert second > 1.0
    assert last < plain < 1.0


def test_dots_under_a_slur_are_portato(score: Callable[..., Piece], note: Text) -> None:
    dot = "<articulations><staccato/></articulations>"
    bar = (
        note("C4", notations='<slur type="start"/>' + dot)
        + note("D4", notations=dot)
        + note("E4", notations='<slur type="stop"/>' + dot)
    )
    alone = lengths(score([bar + note("F4", notations=dot)]))
    assert alone[0] == alone[1] == pytest.approx(0.75)
    assert alone[3] == pytest.approx(0.45)


def test_long_staccato_notes_are_short_all_the_same(score: Callable[..., Piece], note: Text) -> None:
    piece = score([note("C4", "whole", notations="<articulations><staccato/></articulations>")])
    assert perform(piece, strengths=ONLY).notes["duration_s"][0] == pytest.approx(0.3, abs=0.001)


def test_a_key_is_let_go_before_it_is_struck_again(score: Callable[..., Piece], note: Text) -> None:
    bar = note("C4", notations='<slur type="start"/>') + note("C4") + note("C4") + note("C4", notations='<slur type="stop"/>')
    played = perform(score([bar]), strengths=ONLY).notes
    assert (played["onset_s"][1:] - (played["onset_s"] + played["duration_s"])[:-1]).min() > 0.025


def test_a_slur_that_never_closes_does_no_harm(score: Callable[..., Piece], note: Text) -> None:
    first, *others = lengths(score([note("C4", notations='<slur type="start"/>') + note("D4") + note("E4") + note("F4")]))
    assert first > 1.0
    assert max(others) < 1.0


def test_a_slur_from_a_grace_note_reaches_its_main_note(score: Callable[..., Piece], note: Text) -> None:
    bar = note("B3", "eighth", grace="slashed", notations='<slur type="start"/>') + note("C4", notations='<slur type="stop"/>')
    shares = lengths(score([bar + note("D4") * 3]))
    assert shares[1] < 1.0


def test_strength_scales_and_zero_is_as_written(score: Callable[..., Piece], note: Text) -> None:
    piece = score([note("C4", notations="<articulations><staccato/></articulations>") * 4])
    assert lengths(piece, 0.0) == pytest.approx([1.0] * 4)
    assert lengths(piece, 0.5) == pytest.approx([1 - 0.55 / 2] * 4, abs=0.002)
