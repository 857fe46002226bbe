"""Other engravers: their PDFs, refusals in one line, and the texts that they are given."""

from __future__ import annotations

import pytest

from corpora.errors import InputError, RequestError, ToolError
from omr.pages import other_engravers
from omr.pages.other_engravers import ENGRAVERS, engraved_pdf, first_bars, for_lilypond, is_installed

NOTE = "<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><type>whole</type></note>"
BAR = '<measure number="{}"><attributes><divisions>1</divisions></attributes>{}</measure>'
BARS = "".join(BAR.format(number, NOTE) for number in (1, 2, 3))
HEAD = '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>P</part-name></score-part></part-list>'
SCORE = f'{HEAD}<part id="P1">{BARS}</part></score-partwise>'


@pytest.mark.slow
@pytest.mark.parametrize("engraver", ENGRAVERS)
def test_a_score_becomes_a_pdf(engraver: str) -> None:
    if not is_installed(engraver):
        pytest.skip(f"{engraver} is not installed")
    assert engraved_pdf(SCORE, engraver).startswith(b"%PDF")
    with pytest.raises(InputError, match=r"nothing\.musicxml"):
        engraved_pdf("no score", engraver, "nothing.musicxml")


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_engravers.shutil, "which", lambda name: None)
    assert not is_installed("musescore")
    with pytest.raises(ToolError, match="musescore is not installed: expected one of mscore3, musescore3, mscore on the path"):
        engraved_pdf(SCORE, "musescore")
    with pytest.raises(RequestError, match="expected one of musescore, lilypond, got 'finale'"):
        engraved_pdf(SCORE, "finale")


def test_first_bars_of_every_part() -> None:
    two = SCORE.replace("</score-partwise>", f'<part id="P2">{BARS}</part></score-partwise>')
    cut = first_bars(two, 2)
    assert cut.count("<measure") == cut.count("</measure>") == 4
    assert cut.count("</part>") == 2
    assert 'number="3"' not in cut
    assert first_bars(two, 9) == two


def test_lilypond_is_spared_words_beside_dynamics() -> None:
    words = "<direction-type><words>dolce</words></direction-type>"
    dynamics = "<direction-type><dynamics><p/></dynamics></direction-type>"
    both, alone = f"<direction>{dynamics}{words}</direction>", f"<direction>{words}</direction>"
    assert for_lilypond(both + alone) == f"<direction>{dynamics}</direction>{alone}"
