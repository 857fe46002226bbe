"""Pages of three engravers against the score that they were engraved from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from compose.notation.reading import read_written
from omr.assembly.assembling import assemble
from omr.signs import CLEFS, DURATIONS, HEADS, KIND_INDEX, KINDS, SeenSystem
from omr.vector.page_objects import _from_tables, read_pages
from omr.vector.reading import read_page, read_pdf

DATA = Path(__file__).parents[1] / "data"
ENGRAVERS = ("lilypond", "musescore", "verovio")
BOTTOM_LINES = {"clef_g": 30, "clef_f": 18}
Notes = Counter[tuple[int, int, str, int, bool]]  # staff of the system, place, type, dots, grace


@cache
def pages_of(engraver: str) -> list[list[SeenSystem]]:
    return list(read_pdf((DATA / f"mollys-abschied-{engraver}.pdf").read_bytes(), engraver))


def seen_notes(pages: list[list[SeenSystem]]) -> Notes:
    notes: Notes = Counter()
    for system in (system for page in pages for system in page):
        clefs: dict[int, int] = {}
        for row in system.signs:
            kind, staff = KINDS[row["kind"]], int(row["staff"])
            if kind in CLEFS:
                clefs[staff] = BOTTOM_LINES[kind]
            elif kind in HEADS:
                length = DURATIONS[int(np.argmax(row["duration"]))]
                grace = bool(row["grace"][0] < 0.5)
                notes[staff, clefs[staff] + int(row["place"]), length, int(np.argmax(row["dots"])), grace] += 1
    return notes


def written_notes() -> Notes:
    score = read_written((DATA / "mollys-abschied.mxl").read_bytes())
    notes: Notes = Counter()
    first = 0
    for part in score.parts:
        for bar in part.bars:
            for event in (event for voice in bar.voices for event in voice.events):
                for head in event.heads:
                    notes[first + event.staff - 1, head.place, event.type, event.dots, bool(event.grace)] += 1
        first += part.staves
    return notes


@pytest.mark.parametrize("engraver", ENGRAVERS)
def test_every_head_is_read_with_its_length(engraver: str) -> None:
    assert seen_notes(pages_of(engraver)) == written_notes()


def count(engraver: str, *kinds: str) -> list[int]:
    systems = [system for page in pages_of(engraver) for system in page]
    return [sum(int((system.signs["kind"] == KIND_INDEX[kind]).sum()) for system in systems) for kind in kinds]


def test_engravers_agree_on_other_signs() -> None:
    # not on naturals, of which some print more than the score has
    kinds = ("tie", "fermata", "double_sharp", "sharp", "flat", "rest_quarter", "rest_8th", "staccato", "hairpin_crescendo")
    lilypond, musescore, verovio = (count(engraver, *kinds) for engraver in ENGRAVERS)
    assert musescore == verovio == lilypond


@pytest.mark.parametrize("engraver", ENGRAVERS)
def test_systems_are_whole(engraver: str) -> None:
    for number, page in enumerate(pages_of(engraver)):
        assert [system.number for system in page] == list(range(len(page)))
        for system in page:
            assert system.page == number
            assert system.staves == 3
            assert (system.line_counts == 5).all()
            assert system.corners.shape == (15, 2, 2)
            assert (np.diff(system.signs["x"]) >= 0).all()
            assert any((brace.first, brace.last, brace.kind) == (1, 2, "brace") for brace in system.braces)


@pytest.mark.parametrize("engraver", ENGRAVERS)
def test_its_pages_are_vector_pages(engraver: str) -> None:
    tables = read_pages((DATA / f"mollys-abschied-{engraver}.pdf").read_bytes(), engraver, [0])
    assert read_page(_from_tables(tables[0]))


def test_pages_without_known_signs_are_not(page_of: Callable[..., bytes], staff_lines: bytes) -> None:
    for content in (b"", b"BT (x) Tj ET", staff_lines, staff_lines + b"100 205 m 105 215 l 110 203 l 112 211 l h f " * 3):
        page = _from_tables(read_pages(page_of(content), "x.pdf", [0])[0])
        assert read_page(page) == []


@pytest.mark.parametrize("engraver", ["lilypond", "musescore"])
def test_long_rests_are_as_long_as_their_number(engraver: str) -> None:
    pages = read_pdf((DATA / f"long-rests-{engraver}.pdf").read_bytes(), engraver)
    (part,) = assemble([system for page in pages for system in page]).score.parts
    played = [bool(voice.events[0].heads) for bar in part.bars for voice in bar.voices]
    assert played == [True, *[False] * 5, True, *[False] * 12, True, *[False] * 2, True]
