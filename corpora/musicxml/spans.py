"""Where the measures and their children lie in the bytes of a MusicXML text, from expat's own byte index.

Conventions: offsets count bytes of the text as given (byte order mark included); an end is exclusive. Spans come in file order:
one list of measures a part, one list of children a measure, exactly as ``corpora.musicxml.walker`` sees them.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from xml.parsers import expat

__all__ = ["MeasureSpan", "measure_spans", "text_codec"]

MEASURE_DEPTH = 3  # score-partwise / part / measure
CHILD_DEPTH = 4


@dataclass(slots=True)
class MeasureSpan:
    """Bytes of one ``<measure>`` and of each of its child elements."""

    start: int
    end: int = 0
    children: list[tuple[int, int]] = field(default_factory=list)


def text_codec(data: bytes) -> str:
    """Name of the Python codec of an XML text (without byte order mark handling, so that slices can be decoded)."""
    if data.startswith(codecs.BOM_UTF16_LE) or data.startswith("<?".encode("utf-16-le")):
        return "utf-16-le"
    if data.startswith(codecs.BOM_UTF16_BE) or data.startswith("<?".encode("utf-16-be")):
        return "utf-16-be"
    declared: list[str] = []
    parser = expat.ParserCreate()
    parser.XmlDeclHandler = lambda version, encoding, standalone: declared.append(encoding or "utf-8")
    parser.Parse(data[: data.find(b"?>") + 2] if data.lstrip(codecs.BOM_UTF8).startswith(b"<?xml") else b"", False)
    return codecs.lookup(declared[0]).name if declared else "utf-8"


def measure_spans(data: bytes) -> list[list[MeasureSpan]]:
    """Byte spans of all measures by part, with those of their children. The text is known to be well-formed."""
    codec = text_codec(data)
    close = ">".encode(codec)
    empty_end = "/>".encode(codec)
    end_start = "</".encode(codec)
    parts: list[list[MeasureSpan]] = []
    parser = expat.ParserCreate()
    depth = 0
    in_part = in_measure = False
    opened = 0  # where the child element being read starts
    last_started = -1

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, in_part, in_measure, opened, last_started
        depth += 1
        last_started = parser.CurrentByteIndex
        if depth == MEASURE_DEPTH - 1:
            in_part = name == "part"
            if in_part:
                parts.append([])
        elif depth == MEASURE_DEPTH:
            in_measure = in_part and name == "measure"
            if in_measure:
                parts[-1].append(MeasureSpan(last_started))
        elif depth == CHILD_DEPTH:
            opened = last_started

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        if in_measure and depth in (MEASURE_DEPTH - 1, CHILD_DEPTH - 1):
            index = parser.CurrentByteIndex
            began = parts[-1][-1].start if depth == MEASURE_DEPTH - 1 else opened
            # For <rest/> the parser already stands behind the tag, for <rest></rest> on the closing tag.
            is_empty_tag = last_started == began and data[:index].endswith(empty_end) if last_started == began else False
            if not is_empty_tag and data.startswith(end_start, index):
                found = data.index(close, index)
                while (found - index) % len(close):
                    found = data.index(close, found + 1)
                index = found + len(close)
            if depth == MEASURE_DEPTH - 1:
                parts[-1][-1].end = index
            else:
                parts[-1][-1].children.append((opened, index))

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.Parse(data, True)
    return parts
