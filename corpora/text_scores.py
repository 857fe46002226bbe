"""Humdrum kern and ABC as MusicXML, by music21 in a child process with limits.

music21 is the one installed library that turns both into notation; on some inputs it runs without end or eats all memory, and
importing it takes seconds, so it never runs in this process. What comes back passes the MusicXML gate like any file. Neither
format brings cents: kern has no signs for them, and music21 reads the fractions of ABC (``^/C``, ``_3/2B``) as whole semitones.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from corpora.child import Limits, run_limited
from corpora.errors import InputError
from corpora.gate.musicxml import check_musicxml
from corpora.kern_text import kern_meters, kern_words

__all__ = ["kern_part_names", "text_score_to_musicxml"]

LIMITS = Limits(cpu_s=240, wall_s=300)
RANDOM_ID = re.compile(rb'(?<=id=")([PI])[0-9a-f]{32}(?=")')  # music21 draws ids of parts and instruments
INSTRUMENT_NAME = re.compile(r'\*I"(.*)')


def kern_part_names(text: str) -> list[str]:
    """The names (``*I"``) of the kern spines from left to right, "" where one has none.

    Only the head is read, up to the first data or bar line: there a column still is a spine.
    """
    names: list[str] = []
    kern: list[bool] = []
    for line in text.splitlines():
        tokens = line.split("\t")
        if line.startswith("**"):
            kern = [token == "**kern" for token in tokens]
            names = [""] * len(tokens)
        elif not line.startswith("*") or len(tokens) != len(kern):
            if kern and line and not line.startswith("!"):
                break
        else:
            for column, token in enumerate(tokens):
                if (found := INSTRUMENT_NAME.fullmatch(token)) and not names[column]:
                    names[column] = found[1].strip()
    return [name for name, is_kern in zip(names, kern, strict=True) if is_kern]


def _counted_ids(xml: bytes) -> bytes:
    """The text with part ids P1, P2 ... and instrument ids I1, I2 ... so that the same file always gives the same text."""
    given: dict[bytes, bytes] = {}

    def counted(found: re.Match[bytes]) -> bytes:
        kind = found[1]
        number = sum(other.startswith(kind) for other in given) + 1
        return given.setdefault(found[0], kind + str(number).encode())

    return RANDOM_ID.sub(counted, xml)


def _convert(data: bytes, notation: Literal["kern", "abc"]) -> bytes:
    """Runs in the child: MusicXML of a kern or ABC text."""
    from music21 import converter, stream  # a second to import, and only wanted in the child
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    score: Any = converter.parse(text, format="humdrum" if notation == "kern" else "abc")
    if isinstance(score, stream.Opus):  # several tunes in one file: the first
        score = score.scores[0]
    parts = list(score.parts)
    names = kern_part_names(text)[::-1] if notation == "kern" else []  # kern writes the lowest staff first
    for index, part in enumerate(parts):
        if not part.partName:
            part.partName = (names[index] if len(names) == len(parts) else "") or f"Part {index + 1}"
    if notation == "kern" and parts:
        _write_headings(parts[0], text)
    xml: bytes = GeneralObjectExporter(score).parse()
    return _counted_ids(xml)


def _write_headings(part: Any, text: str) -> None:
    """The designations of movements, such as "Allegro", over the top staff, which music21 leaves out.

    Where it has other bars than the text, those at the beginning alone are sure.
    """
    from music21.expressions import TextExpression

    bars = list(part.getElementsByClass("Measure"))
    fits = len(bars) == len(kern_meters(text))
    for words in kern_words(text):
        if words.is_heading and (words.bar == 0 or fits) and words.bar < len(bars):
            heading = TextExpression(words.text)
            heading.placement = "above"
            bars[words.bar].insert(0, heading)


def text_score_to_musicxml(data: bytes, notation: Literal["kern", "abc"], name: str) -> bytes:
    """A kern or ABC text, which has passed its gate, as a MusicXML text. An ABC file of several tunes gives the first.

    Args:
        data: The text.
        notation: What it is.
        name: File name for messages.

    Raises:
        InputError: music21 cannot read it, or what it makes of it is refused by the MusicXML gate.
        ToolError: the child died or passed its limits.
    """
    arguments = {"data": data, "notation": notation}
    xml = run_limited("corpora.text_scores:_convert", arguments, limits=LIMITS, tool="music21", subject=name)
    if not isinstance(xml, bytes):
        raise InputError(f"{name}: music21 gave no MusicXML")
    check_musicxml(xml, name)
    return xml
