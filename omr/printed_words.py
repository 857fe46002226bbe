"""Words on pictures, read by tesseract where it is installed: lyrics, chord symbols, tempi and what else is said to the players.

A system's strip is cut into bands above, between and below its staves; what the detector took for signs is painted over, and
tesseract (Smith, "An Overview of the Tesseract OCR Engine", ICDAR 2007) reads each band as lines of text. Lines without a sure word
are stems and ledger lines. Without tesseract nothing is read and nothing is missed: words are no signs of the detector.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.assembly.chord_names import chord_name
from omr.layout.strip import SystemStrip
from omr.signs import SeenSystem, Signs

__all__ = ["BELIEVED", "HALF_STAFF", "PrintedWord", "has_tesseract", "read_heading", "read_words"]

PROGRAM: Final = "tesseract"
LANGUAGE: Final = "eng"
TIMEOUT_S: Final = 10.0
SCALE: Final = 2  # a strip's space of 12 pixels is too small for letters
DOTS_PER_INCH: Final = 250
ONE_BLOCK: Final = "6"  # page segmentation mode: lines of text
HALF_STAFF: Final = 2.0  # spaces
CLEAR: Final = 0.5  # of the staff lines, above and below
LEAST_BAND: Final = 1.5  # spaces
LEAST_INK: Final = 15  # dark pixels of a strip, of a letter at least
BELIEVED: Final = 0.5  # signs that are painted over
WIDEST_SIGN: Final = 4.0  # spaces; hairpins and slurs have words inside their boxes
SURE, UNSURE = 0.75, 0.3  # of a word that speaks for its line, and of one in a line that is believed
INSIDE_STAFF: Final = -0.5  # spaces left of the lines: names of parts stand before
FLATS: Final = "yhp6"  # what a flat behind a root is taken for
BORDER_PX: Final = 12
STRIP_SPACE_PX: Final = 12.0  # a staff space of the page, made so large
HEADING_CLEAR: Final = 3.0  # spaces above the first system in which there are words of the music
HEADING_HEIGHT: Final = 1.9  # spaces, of capitals and letters with tails


@dataclass(frozen=True)
class PrintedWord:
    """A word or syllable.

    Args:
        text: What it says.
        x0, y0, x1, y1: Its box in spaces, as signs have it.
        confidence: Of the text, 0 to 1.
        line: Number of its line, over the whole system.
        band: Number of the band, from 0 above the first staff.
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float
    line: int
    band: int


def has_tesseract() -> bool:
    """Whether words on pictures can be read."""
    return shutil.which(PROGRAM) is not None


def read_words(strip: SystemStrip, signs: Signs) -> list[PrintedWord]:
    """The words of a system in order of lines; none without tesseract, or where it fails.

    Args:
        strip: The system's picture.
        signs: What was found there, rows of ``SIGN_DTYPE``.
    """
    if not has_tesseract():
        return []
    space, (left, top) = float(strip.interline_px), strip.origin_px
    picture = _without_signs(strip, signs)
    words: list[PrintedWord] = []
    for band, (first, last) in enumerate(_bands(strip)):
        part = picture[first:last]
        if last - first < LEAST_BAND * space or np.count_nonzero(part < 128) < LEAST_INK:
            continue
        lines = [line for line in _lines(_table(part)) if _is_text(line)]
        for number, line in enumerate(lines, max((word.line for word in words), default=-1) + 1):
            for text, confidence, (x0, y0, x1, y1) in line:
                box = (x0 - left) / space, (y0 + first - top) / space, (x1 - left) / space, (y1 + first - top) / space
                if box[0] > INSIDE_STAFF and confidence >= UNSURE:
                    words.append(PrintedWord(text, *box, confidence, number, band))
    return words


def read_heading(grey: NDArray[np.uint8], first: SeenSystem) -> str:
    """The line in the largest letters above the first system of a page; "" without one, or without tesseract.

    Args:
        grey: The page, (height, width).
        first: Its first system.
    """
    lines = first.corners[:2, 0, 1]  # where the two upper staff lines begin
    space = float(np.ptp(lines))
    part = grey[: max(round(float(first.corners[0, :, 1].min()) - HEADING_CLEAR * space), 0)]
    if space <= 0 or not has_tesseract() or len(part) < LEAST_BAND * space:
        return ""
    factor = STRIP_SPACE_PX / space
    part = np.asarray(cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    found = []
    for line in _lines(_table(part)):
        sure = [word for word in line if word[1] >= SURE and any(letter.isalnum() for letter in word[0])]
        if sure:
            height = float(np.median([box[3] - box[1] for _, _, box in sure])) / STRIP_SPACE_PX
            found.append((height, " ".join(text for text, _, _ in sure)))
    height, text = max(found, default=(0.0, ""))
    return text if height >= HEADING_HEIGHT else ""


def _without_signs(strip: SystemStrip, signs: Signs) -> NDArray[np.uint8]:
    """The picture without the signs that were found; staves are in no band."""
    picture, space, (left, top) = strip.image.copy(), float(strip.interline_px), strip.origin_px
    for sign in signs[(signs["probability"] >= BELIEVED) & (signs["width"] < WIDEST_SIGN)]:
        across = left + (sign["x"] + np.array([-0.5, 0.5]) * sign["width"]) * space
        down = top + (sign["y"] + np.array([-0.5, 0.5]) * sign["height"]) * space
        rows, columns = (slice(max(int(ends[0]) - 1, 0), max(int(ends[1]) + 2, 0)) for ends in (down, across))
        picture[rows, columns] = 255
    return picture


def _bands(strip: SystemStrip) -> Iterator[tuple[int, int]]:
    """First and last row of what lies above, between and below the staves."""
    space, top = float(strip.interline_px), strip.origin_px[1]
    middles = [top + middle * space for middle in strip.middle_lines.tolist()]
    edge = (HALF_STAFF + CLEAR) * space
    starts = [0.0, *(middle + edge for middle in middles)]
    ends = [*(middle - edge for middle in middles), float(len(strip.image))]
    for start, end in zip(starts, ends, strict=True):
        yield max(round(start), 0), max(round(end), 0)


_Box = tuple[float, float, float, float]
_Word = tuple[str, float, _Box]  # text, confidence, pixels


def _table(picture: NDArray[np.uint8]) -> str:
    """What tesseract says of a picture, its table of words; empty where it fails."""
    large = cv2.resize(picture, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    large = cv2.copyMakeBorder(large, BORDER_PX, BORDER_PX, BORDER_PX, BORDER_PX, cv2.BORDER_CONSTANT, value=255)
    command = [PROGRAM, "stdin", "stdout", "-l", LANGUAGE, "--psm", ONE_BLOCK, "--dpi", str(DOTS_PER_INCH), "tsv"]
    try:
        ran = subprocess.run(
            command,
            input=cv2.imencode(".png", large)[1].tobytes(),
            capture_output=True,
            check=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    except (subprocess.SubprocessError, OSError):
        return ""
    return ran.stdout.decode("utf-8", "replace")


def _lines(table: str) -> list[list[_Word]]:
    """Words by line, in pixels of the picture."""
    rows = [fields for line in table.splitlines()[1:] if len(fields := line.split("\t")) == 12 and fields[11].strip()]
    lines = []
    for _, group in groupby(rows, key=lambda fields: fields[1:5]):
        line = []
        for fields in group:
            x, y, width, height = (
                (int(value) - shift) / SCALE for value, shift in zip(fields[6:10], (BORDER_PX, BORDER_PX, 0, 0), strict=True)
            )
            line.append((_mended(fields[11].strip()), float(fields[10]) / 100, (x, y, x + width, y + height)))
        lines.append(line)
    return lines


def _mended(text: str) -> str:
    """A chord symbol as it was meant: sevens and flats are misread."""
    bare = text.strip("|_.,:;'`")
    if chord_name(text) is None and chord_name(bare) is not None:
        return bare
    if len(text) > 1 and text[0] in "ABCDEFG" and chord_name(text) is None:
        flat = text[0] + "b" + text[2:] if text[1] in FLATS else text
        for other in (text.replace("?", "7"), flat, flat.replace("?", "7"), text[0] + text[1:].replace("T", "7").replace("l", "7")):
            if chord_name(other) is not None:
                return other
    return text


def _is_text(line: Sequence[_Word]) -> bool:
    """Whether a line has a word that is surely one, or chords alone."""
    sure = [text for text, confidence, _ in line if confidence >= SURE and sum(letter.isalpha() for letter in text) >= 2]
    chords = [text for text, confidence, _ in line if confidence >= UNSURE and chord_name(text)]
    return any(chord_name(text) is None for text in sure) or len(chords) > len(line) / 2
