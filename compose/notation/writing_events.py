"""Chords, grace chords and rests as ``<note>`` elements, their children in the order of the schema.

Source: MusicXML 4.0 (W3C Music Notation Community Group, 2021), element ``note``.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from compose.notation.names import ARTICULATIONS, ORNAMENTS, STEPS, TECHNICAL
from compose.notation.slurs import SlurEnds
from compose.notation.written import Event, Head

__all__ = ["add_event"]

_SYLLABIC = {(False, False): "single", (False, True): "begin", (True, True): "middle", (True, False): "end"}  # by hyphens
_GROUPS = (("ornaments", frozenset(ORNAMENTS)), ("technical", frozenset(TECHNICAL)), ("articulations", frozenset(ARTICULATIONS)))


def add_event(
    measure: Element, event: Event, voice: int, alters: Sequence[float], is_unpitched: bool, duration: int, slurs: SlurEnds
) -> None:
    """Write an event at the end of a measure.

    Args:
        measure: The ``<measure>``.
        event: A chord, grace chord or rest.
        voice: Number of its voice.
        alters: Semitones that each head is altered by.
        is_unpitched: Whether its heads have no pitch.
        duration: In divisions.
        slurs: Numbers of the slurs that end and begin at it.
    """
    if not event.heads:
        note = _note(measure, event, is_chord=False)
        SubElement(note, "rest", {"measure": "yes"} if not event.type else {})
        _add_rest_of_note(note, event, None, voice, duration, slurs)
    for number, (head, alter) in enumerate(zip(event.heads, alters, strict=True)):
        note = _note(measure, event, is_chord=number > 0)
        _add_pitch(note, head.place, alter, is_unpitched)
        _add_rest_of_note(note, event, head, voice, duration, slurs if number == 0 else None)


def _note(measure: Element, event: Event, is_chord: bool) -> Element:
    note = SubElement(measure, "note")
    if event.grace:
        SubElement(note, "grace", {"slash": "yes"} if event.grace == "slashed" else {})
    if is_chord:
        SubElement(note, "chord")
    return note


def _add_pitch(note: Element, place: int, alter: float, is_unpitched: bool) -> None:
    pitch = SubElement(note, "unpitched" if is_unpitched else "pitch")
    prefix = "display-" if is_unpitched else ""
    SubElement(pitch, f"{prefix}step").text = STEPS[place % 7]
    if alter and not is_unpitched:
        SubElement(pitch, "alter").text = f"{alter:g}"
    SubElement(pitch, f"{prefix}octave").text = str(place // 7)


def _add_rest_of_note(note: Element, event: Event, head: Head | None, voice: int, duration: int, slurs: SlurEnds | None) -> None:
    """All that follows the pitch; ``slurs`` is None for heads but the first, which alone carry beams, tuplets and marks."""
    is_first = slurs is not None
    ties = ["stop"] * head.tie_stop + ["start"] * head.tie_start if head else []
    if not event.grace:
        SubElement(note, "duration").text = str(duration)
    for kind in ties:
        SubElement(note, "tie", type=kind)
    SubElement(note, "voice").text = str(voice)
    if event.type:
        SubElement(note, "type").text = event.type
    for _ in range(event.dots):
        SubElement(note, "dot")
    if head and head.accidental:
        SubElement(note, "accidental").text = head.accidental
    if (event.actual, event.normal) != (1, 1):
        ratio = SubElement(note, "time-modification")
        SubElement(ratio, "actual-notes").text = str(event.actual)
        SubElement(ratio, "normal-notes").text = str(event.normal)
    if head and event.stem:
        SubElement(note, "stem").text = event.stem
    if head and head.shape:
        SubElement(note, "notehead").text = head.shape
    SubElement(note, "staff").text = str(event.staff)
    if is_first:
        for level, kind in enumerate(event.beams, 1):
            SubElement(note, "beam", number=str(level)).text = kind
    notations = Element("notations")
    for kind in ties:
        SubElement(notations, "tied", type=kind)
    if slurs is not None:
        _add_notations(notations, event, slurs)
    if len(notations):
        note.append(notations)
    if is_first:
        _add_lyrics(note, event.lyrics)


def _add_lyrics(note: Element, lyrics: Sequence[str]) -> None:
    """Syllables by verse."""
    for verse, syllable in enumerate(lyrics, 1):
        if syllable:
            lyric = SubElement(note, "lyric", number=str(verse))
            place = _SYLLABIC[syllable.startswith("-"), syllable.endswith("-")]
            SubElement(lyric, "syllabic").text = place
            SubElement(lyric, "text").text = syllable.removeprefix("-").removesuffix("-")


def _add_notations(notations: Element, event: Event, slurs: SlurEnds) -> None:
    for number in slurs.stops:
        SubElement(notations, "slur", type="stop", number=str(number))
    for number in slurs.starts:
        SubElement(notations, "slur", type="start", number=str(number))
    if event.tuplet_starts:
        SubElement(notations, "tuplet", type="start")
    if event.tuplet_stops:
        SubElement(notations, "tuplet", type="stop")
    left = list(event.marks)
    for tag, names in _GROUPS:
        found = [mark for mark in left if mark in names]
        if found:
            group = SubElement(notations, tag)
            for mark in found:
                _add_mark(group, mark)
                left.remove(mark)
    for mark in left:
        _add_mark(notations, mark)


def _add_mark(group: Element, mark: str) -> None:
    """A mark by its name in ``compose.notation.names.MARKS``, strokes and ends taken out of it again."""
    if mark.startswith("tremolo-"):
        _, strokes, *kind = mark.split("-")
        SubElement(group, "tremolo", type=kind[0] if kind else "single").text = strokes
    elif mark.startswith(("wavy-line-", "glissando-", "slide-")):
        tag, _, end = mark.rpartition("-")
        SubElement(group, tag, type=end)
    elif mark == "non-arpeggiate":
        SubElement(group, mark, type="bottom")
    else:
        SubElement(group, mark)
