"""Appends empty measures to a MusicXML score; every byte that was there stays."""

from __future__ import annotations

from xml.etree import ElementTree

from corpora.errors import RequestError
from corpora.musicxml.spans import measure_spans, text_codec

__all__ = ["append_measures"]

VOICES_PER_STAFF = 4  # MuseScore's and Finale's custom: staff 2 begins at voice 5


def append_measures(data: bytes, count: int, quarters: tuple[int, int]) -> bytes:
    """The score with ``count`` full-measure rests at the end of every part.

    Args:
        data: MusicXML text that has passed the gate.
        count: At least 1.
        quarters: Length of a measure in quarter notes, as numerator and denominator.

    Raises:
        RequestError: A part has no measures to go on from, or its divisions cannot hold such a measure.
    """
    codec = text_codec(data)
    spans = measure_spans(data)
    parts = ElementTree.fromstring(data).findall("part")
    pieces, place = [], 0
    for element, part in zip(parts, spans, strict=True):
        if not part:
            raise RequestError("a part of the score has no measures to go on from")
        end = part[-1].end
        pieces.append(data[place:end])
        place = end
        rests = _rests(element, quarters)
        measures = (f'\n<measure number="{len(part) + 1 + index}">{rests}</measure>' for index in range(count))
        pieces.append("".join(measures).encode(codec))
    return b"".join([*pieces, data[place:]])


def _rests(part: ElementTree.Element, quarters: tuple[int, int]) -> str:
    """A full-measure rest for every staff of a part, in the divisions in force at its end."""
    divisions = int(([d.text or "1" for d in part.iter("divisions")] or ["1"])[-1])
    staves = int(([s.text or "1" for s in part.iter("staves")] or ["1"])[-1])
    duration, rest = divmod(divisions * quarters[0], quarters[1])
    if rest:
        raise RequestError(f"{divisions} divisions to the quarter cannot hold a measure of {quarters[0]}/{quarters[1]} quarters")
    notes = [
        f'<note><rest measure="yes"/><duration>{duration}</duration><voice>{1 + VOICES_PER_STAFF * staff}</voice>'
        + (f"<staff>{staff + 1}</staff>" if staves > 1 else "")
        + "</note>"
        for staff in range(staves)
    ]
    return f"<backup><duration>{duration}</duration></backup>".join(notes)
