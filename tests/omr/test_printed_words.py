"""Words on pictures: what tesseract says of bands becomes signs of the system; without it, or where it fails, nothing does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from omr import printed_words
from omr.layout.opening import iter_pages
from omr.layout.strip import SystemStrip
from omr.printed_words import BORDER_PX, SCALE, PrintedWord, has_tesseract, read_heading, read_words
from omr.reading import read
from omr.signs import KIND_INDEX, KINDS, SeenSystem, empty_signs
from omr.word_signs import with_words

DATA = Path(__file__).parent / "data"
SPACE = 12
MIDDLES = (0.0, 15.0)
LEFT, TOP = 24.0, 100.0
HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
Said = list[tuple[int, float, float, float, str]]  # line, x, y (spaces of the band), confidence, text


@pytest.fixture
def strip() -> SystemStrip:
    """Two staves with some ink between and around them."""
    image = np.full((400, 900), 255, dtype=np.uint8)
    for middle in MIDDLES:
        for line in range(-2, 3):
            image[round(TOP + (middle + line) * SPACE), 24:] = 0
    for row in (30, 175, 370):
        image[row : row + 10, 100:300] = 0
    corners = np.zeros((10, 2, 2), dtype=np.float32)
    return SystemStrip(image, SPACE, (LEFT, TOP), np.array(MIDDLES, dtype=np.float32), np.full(2, 5), 73.0, corners, (), 0, 0, 0.9)


def table(said: Said) -> str:
    """As tesseract writes it, for boxes one space high."""
    rows = [HEADER]
    for line, x, y, confidence, text in said:
        left, top = (round(LEFT + x * SPACE) * SCALE + BORDER_PX), round(y * SPACE) * SCALE + BORDER_PX
        size = (round(0.8 * SPACE * len(text)) * SCALE, SPACE * SCALE)
        rows.append("\t".join(map(str, (5, 1, 1, 1, line, 1, left, top, *size, confidence, text))))
    return "\n".join([*rows, "\t".join(["1"] * 10 + ["-1", ""])])


@pytest.fixture
def saying(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has tesseract say this of each band in turn."""

    def say(*bands: Said) -> None:
        texts = iter([table(said) for said in bands])
        monkeypatch.setattr(printed_words, "has_tesseract", lambda: True)
        monkeypatch.setattr(printed_words, "_table", lambda picture: next(texts, ""))

    return say


def seen(strip: SystemStrip, words: list[PrintedWord]) -> list[tuple[str, str, int]]:
    """Kind, text and staff of the words of a system, from left to right."""
    heads = empty_signs(2)
    heads["kind"], heads["x"], heads["probability"] = KIND_INDEX["head_black"], (10, 40), 0.9
    system = with_words(strip.seen(heads), words)
    assert np.all(np.diff(system.signs["x"]) >= 0)
    assert len(system.signs) == 2 + len(system.words)
    rows = sorted(system.words)
    return [(KINDS[system.signs["kind"][row]], system.words[row], int(system.signs["staff"][row])) for row in rows]


def test_words_lie_where_they_stand(strip: SystemStrip, saying: Callable[..., None]) -> None:
    saying([(1, 10.0, 2.0, 96.0, "Andante")])
    (word,) = read_words(strip, empty_signs())
    assert (word.text, word.band, word.confidence) == ("Andante", 0, 0.96)
    assert (word.x0, word.y0) == pytest.approx((10.0, 2.0 - TOP / SPACE), abs=0.1)
    assert word.y1 - word.y0 == pytest.approx(1.0)
    system = with_words(strip.seen(empty_signs()), [word])
    assert system.signs["place"][0] == pytest.approx(2 * (2 - system.signs["y"][0]), abs=1e-4)


def test_lines_below_a_staff_are_lyrics_and_verses_stay_with_it(strip: SystemStrip, saying: Callable[..., None]) -> None:
    first: Said = [(1, x, 1.0, 95.0, text) for x, text in ((5, "Lord,"), (20, "for"), (40, "to"), (45, "-"), (50, "morrow"))]
    second: Said = [(2, x, 3.6, 90.0, text) for x, text in ((5, "Let"), (20, "me"), (40, "both"), (50, "dil"))]
    saying([], [*first, *second], [(1, 12.0, 2.0, 91.0, "rall.")])
    told = seen(strip, read_words(strip, empty_signs()))
    assert sorted(text for kind, text, _ in told if kind == "lyric") == sorted(text for *_, text in (*first, *second))
    assert {staff for kind, _, staff in told if kind == "lyric"} == {0}
    assert [(text, staff) for kind, text, staff in told if kind == "words"] == [("rall.", 1)]


def test_words_that_stand_together_are_one_text_but_chords_are_not(strip: SystemStrip, saying: Callable[..., None]) -> None:
    saying([(1, 5.0, 1.0, 96.0, "poco"), (1, 9.0, 1.0, 90.0, "rit."), (2, 5.0, 3.0, 80.0, "C"), (2, 6.5, 3.0, 85.0, "G7")])
    assert {text for _, text, _ in seen(strip, read_words(strip, empty_signs()))} == {"poco rit.", "C", "G7"}


def test_misread_chords_are_mended(strip: SystemStrip, saying: Callable[..., None]) -> None:
    said = [(1, 5.0 + 8 * number, 1.0, 60.0, text) for number, text in enumerate(("Am?", "Bymaj7", "DT", "G.", "|Em"))]
    saying(said)
    assert [word.text for word in read_words(strip, empty_signs())] == ["Am7", "Bbmaj7", "D7", "G", "Em"]


@pytest.mark.parametrize(
    "said",
    [
        [(1, 5.0, 1.0, 90.0, "|"), (1, 9.0, 1.0, 95.0, "I")],  # stems
        [(1, 5.0, 1.0, 40.0, "NN"), (1, 9.0, 1.0, 70.0, "o~")],
        [(1, -6.0, 1.0, 96.0, "Violin")],  # a part's name
        [],
    ],
)
def test_noise_is_no_text(said: Said, strip: SystemStrip, saying: Callable[..., None]) -> None:
    saying(said)
    assert read_words(strip, empty_signs()) == []


def test_what_was_found_is_painted_over(strip: SystemStrip, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []

    def look(picture: np.ndarray) -> str:
        looked_at.append(picture)
        return ""

    monkeypatch.setattr(printed_words, "has_tesseract", lambda: True)
    monkeypatch.setattr(printed_words, "_table", look)
    signs = empty_signs(1)
    signs["probability"], signs["width"], signs["height"] = 0.9, 3.9, 2.0
    signs["x"], signs["y"] = (120 - LEFT) / SPACE, (35 - TOP) / SPACE
    read_words(strip, signs)
    assert len(looked_at) == 3  # no staff line in any of them
    assert looked_at[0][30:40, 100:140].min() == 255
    assert looked_at[0][30:40, 150:300].max() == 0
    assert all((band[:, 600] == 255).all() for band in looked_at)


def test_without_tesseract_nothing_is_read_and_the_report_says_so(strip: SystemStrip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not has_tesseract()
    assert read_words(strip, empty_signs()) == []
    assert read_heading(strip.image, strip.seen(empty_signs())) == ""


@pytest.mark.parametrize("script", ["exit 1", "printf 'no table'", "printf '\\377\\376\\0'", "kill -9 $$"])
def test_a_program_that_fails_says_nothing(
    script: str, strip: SystemStrip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert read_words(strip, empty_signs()) == []


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs tesseract")
@pytest.mark.usefixtures("needs_signs")
def test_a_picture_of_a_lead_sheet_is_read() -> None:
    reading = read([DATA / "lead-sheet-musescore.pdf"], as_pictures=True)
    (part,) = reading.assembled.score.parts
    chords = [said.value for bar in part.bars for said in bar.directions if said.kind == "harmony"]
    assert chords == ["G", "C", "Am7", "D7", "G/B", "Em", "C", "A7", "D7", "Bbmaj7", "G"]
    assert reading.assembled.score.title == "Morning Walk"
    syllables = [event.lyrics[0] for bar in part.bars for voice in bar.voices for event in voice.events if event.lyrics]
    assert len(syllables) >= 19
    assert {"Come", "walk", "green", "gold", "bird", "sing"} <= set(syllables)


def test_seen_systems_of_no_words_stay_as_they_are(strip: SystemStrip) -> None:
    system: SeenSystem = strip.seen(empty_signs())
    assert with_words(system, []) is system
    assert next(iter(iter_pages(DATA / "lead-sheet-musescore.pdf"))).grey.ndim == 2
