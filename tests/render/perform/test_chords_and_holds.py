from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from corpora.piece import Piece
from render.perform import Performance, perform

Text = Callable[..., str]


def only(piece: Piece, *rules: str, strength: float = 1.0) -> Performance:
    return perform(piece, strengths={"all": 0.0, **dict.fromkeys(rules, strength)})


def chord(note: Text, value: str = "quarter", notations: str = "") -> str:
    return note("C4", value, notations=notations) + "".join(
        note(p, value, chord=True, notations=notations) for p in ("E4", "G4", "C5")
    )


def test_the_melody_leads_by_what_was_measured(score: Callable[..., Piece], note: Text) -> None:
    piece = score({"Piano": [chord(note) * 4] * 2})
    rows = only(piece, "melody lead").notes
    still = only(piece).notes
    for place in np.unique(still["score_onset_div"])[1:]:
        struck = rows[rows["score_onset_div"] == place]
        lead = struck["onset_s"][struck["pitch"] < 72].min() - struck["onset_s"][struck["pitch"] == 72][0]
        assert 0.020 <= lead <= 0.030  # Goebl 2001
        assert struck["velocity"][struck["pitch"] == 72][0] > struck["velocity"][struck["pitch"] == 60][0]
    first = rows[rows["score_onset_div"] == 0]
    assert first["onset_s"].min() == 0.0  # nothing begins before the piece
    assert np.ptp(first["onset_s"]) == pytest.approx(0.025, abs=0.001)


def test_an_accompaniment_leads_less_and_other_instruments_not(score: Callable[..., Piece], note: Text) -> None:
    sung = only(score({"Soprano": [note("G4", "whole")] * 2, "Piano": [chord(note) * 4] * 2}), "melody lead")
    assert 5 < sung.effects[0].shift_ms < 15
    assert only(score({"Violin": [chord(note) * 4]}), "melody lead").effects[0].notes_shifted == 0


def test_an_arpeggio_rolls_upwards(score: Callable[..., Piece], note: Text) -> None:
    piece = score(
        {
            "Piano": [
                note("rest", "half") + chord(note, "half", "<arpeggiate/>"),
                chord(note, "whole", '<arpeggiate direction="down"/>'),
            ]
        }
    )
    rows = only(piece, "arpeggio").notes
    up, down = rows[rows["score_onset_div"] == 48], rows[rows["score_onset_div"] == 96]
    assert up["pitch"].tolist() == [60, 64, 67, 72]
    assert np.diff(up["onset_s"]) == pytest.approx([0.045] * 3, abs=0.002)
    assert down["pitch"].tolist() == [72, 67, 64, 60]


def test_a_guitar_strums(score: Callable[..., Piece], note: Text) -> None:
    rows = only(score({"Guitar": [chord(note) * 4]}), "strum").notes[:4]
    assert rows["pitch"].tolist() == [60, 64, 67, 72]
    assert 0.01 < np.ptp(rows["onset_s"]) <= 0.031


FERMATA = "<fermata/>"


def test_a_fermata_holds_its_note_and_nothing_else(score: Callable[..., Piece], note: Text) -> None:
    bars = [note("C4") * 3 + note("C4", notations=FERMATA), note("C4") * 4]
    rows = only(score(bars), "fermatas").notes
    gaps = np.diff(rows["onset_s"])
    assert gaps[3] == pytest.approx(0.5 + 0.6, abs=0.002)
    assert np.delete(gaps, 3) == pytest.approx([0.5] * 6, abs=0.002)
    assert rows["duration_s"][3] == pytest.approx(1.1, abs=0.002)


def test_fermatas_of_all_parts_are_one(score: Callable[..., Piece], note: Text) -> None:
    bars = [note("C4", "half") + note("C4", "half", notations=FERMATA), note("C4", "whole")]
    other = [note("E4") * 3 + note("E4", notations=FERMATA), note("C4", "whole")]
    alone, both = only(score({"Violin": bars}), "fermatas"), only(score({"Violin": bars, "Viola": other}), "fermatas")
    assert alone.duration_s == pytest.approx(4.0 + 1.0, abs=0.01)
    assert both.duration_s == pytest.approx(4.0 + 1.0, abs=0.01)
    moving = both.notes[(both.notes["part"] == 1) & (both.notes["score_onset_div"] < 96)]
    assert np.diff(moving["onset_s"]) == pytest.approx([0.5] * 3, abs=0.002)  # the time comes after the last of them


def test_a_general_pause_with_a_fermata_is_longer(score: Callable[..., Piece], note: Text) -> None:
    played = only(score([note("C4", "half") + note("rest", "half", notations=FERMATA), note("C4", "whole")]), "fermatas")
    assert played.notes["onset_s"][1] == pytest.approx(3.0, abs=0.01)
    assert played.notes["duration_s"][0] == pytest.approx(1.0, abs=0.01)


def test_a_breath_shortens_its_note(score: Callable[..., Piece], note: Text) -> None:
    bar = note("C4") * 2 + note("C4", notations="<articulations><breath-mark/></articulations>") + note("C4")
    rows = only(score([bar]), "breaths").notes
    assert rows["duration_s"][2] < 0.42
    assert rows["onset_s"][3] - 1.5 == pytest.approx(0.06, abs=0.005)
    caesura = only(score([bar.replace("breath-mark", "caesura")]), "breaths").notes
    assert caesura["onset_s"][3] - 1.5 == pytest.approx(0.5, abs=0.01)


def test_movements_are_apart(score: Callable[..., Piece], note: Text) -> None:
    piece = score([note("C4", "whole")] * 2)
    assert piece.source is not None
    text = piece.source.data.replace(b'<measure number="2">', b'<measure number="1">')
    from corpora.files import parse_piece

    rows = only(parse_piece(text, "two.musicxml"), "movement pauses").notes
    assert rows["onset_s"][1] == pytest.approx(4.0, abs=0.01)
    assert rows["duration_s"][0] == pytest.approx(2.0, abs=0.05)
