"""``Direction``s as MusicXML's ``<direction>`` and ``<harmony>`` elements; the inverse of ``compose.notation.reading_directions``.

Source: MusicXML 4.0 (W3C Music Notation Community Group, 2021).
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from compose.notation.names import TYPE_QUARTERS
from compose.notation.written import Direction
from corpora.errors import InputError
from corpora.musicxml.harmony import add_harmony

__all__ = ["add_direction"]


def add_direction(measure: Element, said: Direction, offset: int) -> None:
    """Write a direction at the end of a measure.

    Args:
        measure: The ``<measure>``.
        said: What is said.
        offset: Divisions from where the measure has got to.

    Raises:
        InputError: Its kind or value cannot be written; names both.
    """
    if said.kind == "harmony":
        element = SubElement(measure, "harmony")
        add_harmony(element, said.value)
    else:
        element = SubElement(measure, "direction", placement="above" if said.above else "below")
        _add_type(SubElement(element, "direction-type"), said)
    if offset:
        SubElement(element, "offset").text = str(offset)
    SubElement(element, "staff").text = str(said.staff)


def _add_type(element: Element, said: Direction) -> None:
    if said.kind == "dynamics":
        SubElement(SubElement(element, "dynamics"), said.value)
    elif said.kind == "wedge":
        SubElement(element, "wedge", type=said.value)
    elif said.kind == "pedal":
        SubElement(element, "pedal", type=said.value, line="no", sign="yes")
    elif said.kind == "octave-shift":
        size, _, kind = said.value.rpartition(" ")
        SubElement(element, "octave-shift", {"type": kind, "size": size} if size else {"type": kind})
    elif said.kind in ("segno", "coda"):
        SubElement(element, said.kind)
    elif said.kind in ("words", "rehearsal"):
        SubElement(element, said.kind).text = said.value
    elif said.kind == "tempo":
        _add_metronome(SubElement(element, "metronome"), said.value)
    else:
        raise InputError(f"direction: expected a kind that MusicXML has, got {said.kind!r} ({said.value!r})")


def _add_metronome(metronome: Element, value: str) -> None:
    unit, _, right = value.partition("=")
    _add_unit(metronome, unit)
    if right.rstrip(".") in TYPE_QUARTERS:
        _add_unit(metronome, right)
    else:
        SubElement(metronome, "per-minute").text = right


def _add_unit(metronome: Element, unit: str) -> None:
    name = unit.rstrip(".")
    SubElement(metronome, "beat-unit").text = name
    for _ in range(len(unit) - len(name)):
        SubElement(metronome, "beat-unit-dot")
