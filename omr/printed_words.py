"""Words on pictures, read by tesseract where it is installed: lyrics, chord symbols, tempi and what else is said to the players.

A system's strip is cut into bands above, between and below its staves; what the detector took for signs is painted over, and
tesseract (Smith, "An Overview of the Tesseract OCR Engine", ICDAR 2007) reads each band as lines of text. Lines without a sure word
are stems and ledger lines. Without tesseract nothing is read and nothing is missed: words are no signs of the detector.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.assembly.chord_names import chord_name, chord_names
from omr.layout.strip import SystemStrip
from omr.signs import KIND_INDEX, SeenSystem, Signs, empty_signs

__all__ = ["PrintedWord", "has_tesseract", "read_heading", "read_words", "with_words"]

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
WORD_GAP: Final = 1.1  # spaces, between words of one text
INSIDE_STAFF: Final = -0.5  # spaces left of the lines: names of parts stand before
FLATS: Final = "yhp6"  # what a flat behind a root is taken for
BORDER_PX: Final = 12
FEWEST_SYLLABLES: Final = 3
LYRIC_SPAN, LONG_SPAN = 8.0, 15.0  # spaces that they take up at least, and that words to the players seldom do
FEWEST_LETTERS, SURELY = 3, 0.85  # of words that are not known
TERMS: Final = re.compile(
    r"\b(rit|rall|accel|string|cresc|dim|decr|dolce|legato|legg|espr|cant|marc|stacc|sost|calando|morendo|smorz|perdend|sempre|simile"
    r"|poco|molto|pi[uù]|meno|mosso|mod|tempo|ped|tutti|solo|col|fine|d\.? ?[cs]\b|coda|andant|alleg|adag|largh?|lent|prest|viv)"
)
STRIP_SPACE_PX: Final = 12.0  # a staff space of the page, made so large
HEADING_CLEAR: Final = 3.0  # spaces above the first system in which there are words of the music
HEADING_HEIGHT: Final = 1.9  # spaces, of capitals and letters with tails
NEXT_VERSE: Final = 3.5  # spaces from one verse to the next


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


def with_words(system: SeenSystem, words: Sequence[PrintedWord]) -> SeenSystem:
    """A system with the words among its signs: "lyric" below a staff in lines of many, else "words".

    Args:
        system: As the detector saw it.
        words: Its words.
    """
    texts: list[tuple[str, PrintedWord, int]] = []
    for _, line in groupby(words, key=lambda word: word.line):
        texts += _texts(list(line), system, texts[-1] if texts else None)
    if not texts:
        return system
    rows = empty_signs(len(texts))
    for row, (kind, word, staff) in zip(rows, texts, strict=True):
        row["kind"], row["probability"], row["staff"] = KIND_INDEX[kind], word.confidence, staff
        row["x"], row["y"] = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
        row["width"], row["height"] = word.x1 - word.x0, word.y1 - word.y0
        row["place"] = 2 * (float(system.middle_lines[staff]) + HALF_STAFF - row["y"])
    signs = np.concatenate([system.signs, rows])
    order = np.argsort(signs["x"], kind="stable")
    places = {int(row): place for place, row in enumerate(order.tolist())}
    said = {places[row]: text for row, text in system.words.items()}
    said |= {places[len(system.signs) + number]: word.text for number, (_, word, _) in enumerate(texts)}
    return replace(system, signs=signs[order], words=said)


def _texts(
    line: list[PrintedWord], system: SeenSystem, before: tuple[str, PrintedWord, int] | None
) -> list[tuple[str, PrintedWord, int]]:
    """Kind, text and staff of what a line says; under a verse comes the next one, even if another staff is nearer."""
    band = line[0].band
    above, below = band - 1, band if band < system.staves else band - 1  # staves beside the band
    middle, span = (line[0].y0 + line[0].y1) / 2, line[-1].x1 - line[0].x0
    upper, lower = (abs(middle - float(system.middle_lines[max(staff, 0)])) for staff in (above, below))
    is_next = before is not None and before[0] == "lyric" and before[1].band == band and line[0].y0 - before[1].y0 < NEXT_VERSE
    is_sung = len(line) >= FEWEST_SYLLABLES and span >= LONG_SPAN and not _are_braced(system, above, below)
    staff = above if above >= 0 and (upper <= lower or is_next or is_sung) else below
    is_lyric = staff == above and len(line) >= FEWEST_SYLLABLES and span >= LYRIC_SPAN
    if is_lyric or (is_next and not TERMS.search(" ".join(word.text for word in line).lower())):
        return [("lyric", word, staff) for word in line]
    joined: list[list[PrintedWord]] = []
    for word in line:
        if joined and word.x0 - joined[-1][-1].x1 <= WORD_GAP and chord_name(word.text) is None:
            joined[-1].append(word)
        else:
            joined.append([word])
    texts = [text for text in map(_joined, joined) if _is_said(text)]
    return [("words", replace(text, confidence=max(text.confidence, BELIEVED)), staff) for text in texts]


def _are_braced(system: SeenSystem, above: int, below: int) -> bool:
    """Whether two staves are one instrument's."""
    return above >= 0 and any(brace.kind == "brace" and brace.first <= above < below <= brace.last for brace in system.braces)


def _joined(words: Sequence[PrintedWord]) -> PrintedWord:
    """Words that stand together, as sure as they are on average."""
    top, bottom = min(word.y0 for word in words), max(word.y1 for word in words)
    confidence = sum(word.confidence for word in words) / len(words)
    text = " ".join(word.text for word in words)
    return replace(words[0], text=text, y0=top, x1=words[-1].x1, y1=bottom, confidence=confidence)


def _is_said(text: PrintedWord) -> bool:
    """Whether it is a chord, what players are often told, or words that are sure."""
    is_known = bool(chord_names(text.text)) or TERMS.search(text.text.lower()) is not None
    letters = sum(letter.isalpha() for letter in text.text)
    return is_known or (letters >= FEWEST_LETTERS and text.confidence >= SURELY)
