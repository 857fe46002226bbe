from __future__ import annotations

from pathlib import Path

import pytest

from corpora.errors import InputError, ToolError
from render import fonts
from render.fonts import FONT_VARIABLE, find_font

WHOLE = b"RIFF" + (36).to_bytes(4, "little") + b"sfbk" + bytes(32)


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No font installed, none named."""
    monkeypatch.delenv(FONT_VARIABLE, raising=False)
    monkeypatch.setattr(fonts, "FONT_FOLDERS", ())


def test_the_font_in_pretty_midis_wheel_is_the_default() -> None:
    font = find_font()
    assert (font.name, font.licence, font.origin) == ("TimGM6mb", "GPL-2", "pretty_midi")
    assert font.path.is_file()


def test_installed_fonts_come_best_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "FONT_FOLDERS", (tmp_path, tmp_path / "missing"))
    for name in ("Aaa.sf2", "FluidR3_GS.sf2", "default-GM.sf2", "notes.txt"):
        (tmp_path / name).write_bytes(WHOLE)
    assert find_font().name == "default-GM"
    (tmp_path / "FluidR3_GM.sf2").write_bytes(WHOLE)
    assert (find_font().name, find_font().licence, find_font().origin) == ("FluidR3_GM", "MIT", "installed")
    (tmp_path / "MuseScore_General.sf3").write_bytes(WHOLE)
    assert find_font().name == "MuseScore_General"


def test_the_operators_choice_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, asked = tmp_path / "named.sf2", tmp_path / "asked.sf2"
    named.write_bytes(WHOLE)
    asked.write_bytes(WHOLE)
    monkeypatch.setenv(FONT_VARIABLE, str(named))
    assert (find_font().path, find_font().origin) == (named, FONT_VARIABLE)
    assert find_font(asked).path == asked
    assert find_font(asked).licence.startswith("unknown")


@pytest.mark.parametrize(
    ("content", "words"),
    [(WHOLE[:-1], "is cut off: its header says 44 bytes, the file has 43"), (b"RIFF", "expected the letters RIFF"), (b"", "RIFF")],
)
def test_a_broken_font_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str) -> None:
    path = tmp_path / "broken.sf2"
    path.write_bytes(content)
    monkeypatch.setenv(FONT_VARIABLE, str(path))
    with pytest.raises(InputError, match=rf"broken\.sf2 \({FONT_VARIABLE}\).*{words}") as caught:
        find_font()
    assert "\n" not in str(caught.value)


def test_a_missing_font_is_not_replaced_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FONT_VARIABLE, str(tmp_path / "nowhere.sf2"))
    with pytest.raises(InputError, match="nothing there"):
        find_font()
    with pytest.raises(InputError, match="got no file"):
        find_font(tmp_path)


def test_no_font_at_all_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "font_in_wheel", lambda: None)
    with pytest.raises(ToolError, match=f"install fluid-soundfont-gm, or name a .sf2 file in {FONT_VARIABLE}"):
        find_font()
