"""Finds the SoundFont to play with: the operator's, else the best installed, else the one inside pretty_midi's wheel.

SoundFonts are code-like input (their readers have had memory faults), so a font is only ever the choice of who runs the program,
never part of an upload. A font is used by its path and never copied.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpora.errors import InputError, ToolError
from corpora.safe_text import safe_text

__all__ = ["FONT_VARIABLE", "Font", "check_font", "find_font"]

FONT_VARIABLE = "PARTIMENTO_SOUNDFONT"
FONT_SUFFIXES = (".sf2", ".sf3")
FONT_FOLDERS = (
    Path("/usr/share/sounds/sf2"),
    Path("/usr/share/sounds/sf3"),
    Path("/usr/share/soundfonts"),
    Path("/usr/local/share/soundfonts"),
)
# Whole General MIDI sets, best first, with the licence their authors give. Names are beginnings, in small letters.
KNOWN_FONTS = (
    ("musescore_general", "MIT"),
    ("fluidr3_gm", "MIT"),
    ("fluidr3mono", "MIT"),
    ("fluidr3", "MIT"),
    ("timgm6mb", "GPL-2"),
    ("default", "that of the font it stands for"),
)
UNKNOWN_LICENCE = "unknown: see the font's own papers"
SUPPLEMENTS = ("fluidr3_gs",)  # effects and variations without a piano
RIFF_HEADER_BYTES = 12


@dataclass(frozen=True)
class Font:
    """A SoundFont on this machine.

    Args:
        path: The .sf2 or .sf3 file.
        name: Its file name without the suffix.
        licence: Of the font, where it is known by name. It does not pass on to music rendered with it.
        origin: How it was found: "asked for", "PARTIMENTO_SOUNDFONT", "installed" or "pretty_midi".
    """

    path: Path
    name: str
    licence: str
    origin: str


def _rank(path: Path) -> int:
    """Place among the known fonts; later than all of them when unknown."""
    name = path.stem.lower()
    return next((place for place, (known, _) in enumerate(KNOWN_FONTS) if name.startswith(known)), len(KNOWN_FONTS))


def _font(path: Path, origin: str) -> Font:
    rank = _rank(path)
    licence = KNOWN_FONTS[rank][1] if rank < len(KNOWN_FONTS) else UNKNOWN_LICENCE
    return Font(path, path.stem, licence, origin)


def _installed() -> Iterator[Path]:
    for folder in FONT_FOLDERS:
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if path.suffix.lower() in FONT_SUFFIXES and path.is_file() and not path.stem.lower().startswith(SUPPLEMENTS):
                    yield path


def font_in_wheel() -> Path | None:
    """TimGM6mb.sf2 in the installed pretty_midi, found without importing it."""
    spec = importlib.util.find_spec("pretty_midi")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "TimGM6mb.sf2"
        if path.is_file():
            return path
    return None


def find_font(path: str | Path | None = None) -> Font:
    """The SoundFont to play with.

    Args:
        path: A font asked for; None looks at the variable PARTIMENTO_SOUNDFONT, then in the system's font folders
            (MuseScore_General before FluidR3_GM before others), then takes TimGM6mb.sf2 from the pretty_midi wheel.

    Raises:
        InputError: The font asked for, or named by the variable, is missing or is no whole SoundFont.
        ToolError: None was asked for and none is installed.
    """
    if path is not None:
        return check_font(_font(Path(path), "asked for"))
    if named := os.environ.get(FONT_VARIABLE):
        return check_font(_font(Path(named), FONT_VARIABLE))
    installed = sorted(_installed(), key=_rank)  # stable: by name within a rank
    if installed:
        return check_font(_font(installed[0], "installed"))
    if wheel := font_in_wheel():
        return check_font(_font(wheel, "pretty_midi"))
    raise ToolError(f"no SoundFont found: install fluid-soundfont-gm, or name a .sf2 file in {FONT_VARIABLE}")


def check_font(font: Font) -> Font:
    """The font, when its file is there and whole by its RIFF header.

    Raises:
        InputError: The file cannot be read, is no SoundFont, or is shorter than its header says.
    """
    shown = f"SoundFont {safe_text(str(font.path))} ({font.origin})"
    if not font.path.is_file():
        raise InputError(f"{shown}: expected a .sf2 or .sf3 file, got {'no file' if font.path.exists() else 'nothing there'}")
    try:
        length = font.path.stat().st_size
        with font.path.open("rb") as file:
            header = file.read(RIFF_HEADER_BYTES)
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror}") from error
    if len(header) < RIFF_HEADER_BYTES or header[:4] != b"RIFF" or header[8:] != b"sfbk":
        raise InputError(f"{shown}: expected the letters RIFF....sfbk at byte 0, got {header!r}")
    said = int.from_bytes(header[4:8], "little") + 8
    if length < said:
        raise InputError(f"{shown} is cut off: its header says {said} bytes, the file has {length}")
    return font
