"""``partimento evaluate omr``: figures of folders of pieces, and of all of them together."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from corpora.errors import InputError, RequestError
from omr.detector.reader import load_sign_reader
from omr.evaluation.evaluate import TOGETHER, evaluate_omr, omr_sections
from omr.pages.engraved import engraved_pages
from omr.pages.options import EngravingOptions
from omr.pages.other_engravers import first_bars

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Two folders with a piece each."""
    found = {}
    for name in ("old-hundredth", "ode-to-joy"):
        musicxml = first_bars((EXAMPLES / f"{name}.musicxml").read_text(), 4)
        found[name] = tmp_path / name
        found[name].mkdir()
        (found[name] / "piece.musicxml").write_text(musicxml)
        for number, page in enumerate(engraved_pages(musicxml, EngravingOptions()), 1):
            cv2.imwrite(str(found[name] / f"piece-{number}.png"), page.image)
    return found


def test_sets_are_measured_one_by_one_and_together(folders: dict[str, Path]) -> None:
    figures = evaluate_omr(folders, ["clean"], load_sign_reader())
    first, second, both = figures["rows"]
    assert [row["set"] for row in figures["rows"]] == [*folders, TOGETHER]
    for name in ("pieces", "pages", "systems", "bars", "escapes"):
        assert both[name] == first[name] + second[name]
    assert min(first["ser"], second["ser"]) <= both["ser"] <= max(first["ser"], second["ser"])
    assert both["note_f1"] > 0.95
    table, recall = omr_sections(figures)
    assert [row[0] for row in table.rows] == [*folders, TOGETHER]
    assert any(row[0] == "notes" for row in recall.rows)


def test_one_set_has_no_sum(folders: dict[str, Path]) -> None:
    figures = evaluate_omr({"ode": folders["ode-to-joy"]}, ["clean"], load_sign_reader())
    assert [row["set"] for row in figures["rows"]] == ["ode"]


def test_what_cannot_be_measured_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="way: expected one of"):
        evaluate_omr(folders, ["sideways"], load_sign_reader())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found no score"):
        evaluate_omr({"empty": tmp_path / "empty"}, ["clean"], load_sign_reader())
