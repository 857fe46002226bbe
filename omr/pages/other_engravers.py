"""MusicXML to PDF by MuseScore 3 and by LilyPond, for pages that a reader is measured on and was never trained with.

Both run as programs in child processes with limits. LilyPond gets what its own ``musicxml2ly`` makes of the score, which loses some
signs; what is on the page is then not all that the MusicXML says.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from corpora.child import Limits, run_limited
from corpora.errors import RequestError, ToolError
from corpora.gate.musicxml import clean_musicxml

__all__ = ["ENGRAVERS", "engraved_pdf", "first_bars", "for_lilypond", "is_installed"]

ENGRAVERS = {"musescore": ("mscore3", "musescore3", "mscore"), "lilypond": ("lilypond",)}
TRANSLATOR = "musicxml2ly"
LIMITS = Limits(memory_bytes=6 << 30, cpu_s=240, wall_s=900, result_bytes=64 << 20)
PART = re.compile(r"(<part id=\"[^\"]*\">)(.*?)(</part>)", re.DOTALL)
DIRECTION = re.compile(r"<direction\b.*?</direction>", re.DOTALL)
WORDS = re.compile(r"<direction-type>\s*(?:<words\b[^>]*>[^<]*</words>\s*)+</direction-type>")
MEASURE_END = "</measure>"


def _program(engraver: str) -> str | None:
    names = ENGRAVERS[engraver]
    if engraver == "lilypond" and shutil.which(TRANSLATOR) is None:
        return None
    return next((path for path in map(shutil.which, names) if path), None)


def is_installed(engraver: str) -> bool:
    """Whether "musescore" or "lilypond" is on this machine."""
    return _program(engraver) is not None


def engraved_pdf(musicxml: str, engraver: str, name: str = "") -> bytes:
    """A score as a PDF document.

    Args:
        musicxml: A partwise MusicXML text.
        engraver: In ``ENGRAVERS``.
        name: Of the music, for messages.

    Raises:
        InputError: The text is no MusicXML.
        RequestError: No such engraver.
        ToolError: It is not installed, or it failed or passed its limits.
    """
    if engraver not in ENGRAVERS:
        raise RequestError(f"engraver: expected one of {', '.join(ENGRAVERS)}, got {engraver!r}")
    program = _program(engraver)
    if program is None:
        raise ToolError(f"{engraver} is not installed: expected one of {', '.join(ENGRAVERS[engraver])} on the path")
    clean = clean_musicxml(musicxml.encode("utf-8"), name or "MusicXML").decode("utf-8")  # MuseScore makes pages of anything
    arguments = {"musicxml": clean, "engraver": engraver, "program": program}
    data: bytes = run_limited(f"{__name__}:pdf_by_program", arguments, limits=LIMITS, tool=engraver, subject=name)
    return data


def pdf_by_program(musicxml: str, engraver: str, program: str) -> bytes:
    """The child's side of ``engraved_pdf``."""
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        home = Path(folder)
        (home / "score.musicxml").write_text(musicxml, encoding="utf-8")
        if engraver == "musescore":
            _call([program, "score.musicxml", "-o", "score.pdf"], home)
        else:
            _call([TRANSLATOR, "score.musicxml", "-o", "score.ly"], home)
            _call([program, "-dno-point-and-click", "--pdf", "-o", "score", "score.ly"], home)
        made = home / "score.pdf"
        if not made.is_file():
            raise ToolError(f"{engraver} made no PDF")
        return made.read_bytes()


def _call(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
        raise ToolError(f"{Path(command[0]).name} ended with status {done.returncode}: {last}")


def for_lilypond(musicxml: str) -> str:
    """The text without words that stand in one direction with dynamics, of which ``musicxml2ly`` makes no valid LilyPond."""

    def without_words(direction: re.Match[str]) -> str:
        return WORDS.sub("", direction[0]) if "<dynamics" in direction[0] else direction[0]

    return DIRECTION.sub(without_words, musicxml)


def first_bars(musicxml: str, count: int) -> str:
    """A partwise MusicXML text with the first bars of every part alone."""

    def cut(part: re.Match[str]) -> str:
        bars = part[2].split(MEASURE_END)
        return part[1] + "".join(bar + MEASURE_END for bar in bars[:-1][:count]) + part[3]

    return PART.sub(cut, musicxml)
