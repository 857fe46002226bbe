"""The text of note elements: new ones written, kept ones altered as little as an edit needs.

Conventions: text is ``str`` (decoded); children of a new ``<note>`` stand in the order of the MusicXML 4.0 schema. Altering works
on the text itself, so what is not altered keeps its very characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from corpora.musicxml.notation import Symbol
from corpora.musicxml.signs import SIGN_NAMES
from corpora.musicxml.spelling import Spelling
from corpora.piece import CENTS_DECIMALS

__all__ = [
    "Mark",
    "NoteText",
    "add_accidental",
    "drop_elements",
    "drop_marks",
    "pitch_lines",
    "rescale",
    "set_colour",
    "unpitched_lines",
]


@dataclass(frozen=True)
class Mark:
    """One end of a slur, slide or the like: element name, ``number`` and ``type`` attributes."""

    tag: str
    number: str
    type: str


@dataclass
class NoteText:
    """What one new ``<note>`` says; ``pitch`` is the ready element for pitch, unpitched or rest."""

    pitch: Sequence[str]
    duration: int | None  # divisions; None makes a grace note
    voice: str
    staff: int | None = None
    symbol: Symbol | None = None
    copied_type: Sequence[str] = ()  # type, dots and time-modification of a kept note whose chord it joins
    chord: bool = False
    tie_stop: bool = False
    tie_start: bool = False
    instrument: str = ""
    notehead: str = ""  # the ready element, or nothing
    accidental: float | None = None  # a key of SIGN_NAMES
    beams: Sequence[str] = ()
    tuplet: str = ""  # start, stop, or both
    marks: Sequence[Mark] = ()
    attributes: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The element, one line a child, children of ``<note>`` indented by one tab that the caller turns into its own indent."""
        extra = "".join(f' {name}="{value}"' for name, value in self.attributes.items())
        inner: list[str] = []
        if self.duration is None:
            inner.append("<grace/>")
        if self.chord:
            inner.append("<chord/>")
        inner += self.pitch
        if self.duration is not None:
            inner.append(f"<duration>{self.duration}</duration>")
        inner += [f'<tie type="{kind}"/>' for kind in self._ties()]
        if self.instrument:
            inner.append(f'<instrument id="{_escape(self.instrument)}"/>')
        inner.append(f"<voice>{_escape(self.voice)}</voice>")
        inner += self.copied_type[: self._num_type_lines()]
        if self.symbol:
            inner.append(f"<type>{self.symbol.type}</type>")
            inner += ["<dot/>"] * self.symbol.dots
        if self.accidental is not None:
            inner.append(f"<accidental>{SIGN_NAMES[self.accidental]}</accidental>")
        inner += self.copied_type[self._num_type_lines() :]
        if self.symbol and self.symbol.actual > 1:
            inner.append("<time-modification>")
            inner.append(f"\t<actual-notes>{self.symbol.actual}</actual-notes>")
            inner.append(f"\t<normal-notes>{self.symbol.normal}</normal-notes>")
            inner.append("</time-modification>")
        if self.notehead:
            inner.append(self.notehead)
        if self.staff is not None:
            inner.append(f"<staff>{self.staff}</staff>")
        inner += [f'<beam number="{level}">{kind}</beam>' for level, kind in enumerate(self.beams, 1)]
        notations = [f'<tied type="{kind}"/>' for kind in self._ties()]
        notations += [f'<{mark.tag} type="{mark.type}" number="{_escape(mark.number)}"/>' for mark in self.marks]
        notations += [f'<tuplet type="{kind}"/>' for kind in self.tuplet.split()]
        if notations:
            inner += ["<notations>", *("\t" + line for line in notations), "</notations>"]
        return [f"<note{extra}>", *("\t" + line for line in inner), "</note>"]

    def _ties(self) -> list[str]:
        return ["stop"] * self.tie_stop + ["start"] * self.tie_start

    def _num_type_lines(self) -> int:
        return sum(line.startswith(("<type", "<dot")) for line in self.copied_type)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def pitch_lines(spelling: Spelling) -> list[str]:
    """The ``<pitch>`` element of a written pitch."""
    alter = [f"\t<alter>{_decimal(float(spelling.alter))}</alter>"] if spelling.alter else []
    return ["<pitch>", f"\t<step>{spelling.step}</step>", *alter, f"\t<octave>{spelling.octave}</octave>", "</pitch>"]


def _decimal(alter: float) -> str:
    """An alteration as the schema has it, to a ten-thousandth of a cent."""
    text = f"{alter:.{CENTS_DECIMALS + 2}f}"
    return text.rstrip("0").rstrip(".")


def unpitched_lines(step: str, octave: int) -> list[str]:
    """The ``<unpitched>`` element shown at this line or space."""
    return ["<unpitched>", f"\t<display-step>{step}</display-step>", f"\t<display-octave>{octave}</display-octave>", "</unpitched>"]


def _element(tag: str) -> str:
    """Pattern of an element without descendants of its own name."""
    return rf"<{tag}(?=[\s/>])(?:[^>]*?/>|[^>]*>.*?</{tag}\s*>)"


def drop_elements(text: str, tag: str) -> str:
    """The text without its elements of this name and the white space before each; an emptied ``<notations>`` goes too."""
    return _without_empty_notations(re.sub(r"\s*" + _element(tag), "", text, flags=re.DOTALL))


def drop_marks(text: str, marks: Iterable[Mark]) -> str:
    """The text without these slur ends and the like."""
    unwanted = set(marks)

    def decide(found: re.Match[str]) -> str:
        return "" if _mark_of(found.group().strip()) in unwanted else found.group()

    for tag in {mark.tag for mark in unwanted}:
        text = re.sub(r"\s*" + _element(tag), decide, text, flags=re.DOTALL)
    return _without_empty_notations(text)


def _mark_of(element: str) -> Mark:
    head = element[: element.index(">")]
    values = {name: value for name, _, value in re.findall(r"([\w:-]+)\s*=\s*(['\"])(.*?)\2", head)}
    return Mark(re.match(r"<([\w-]+)", head).group(1), values.get("number", "1"), values.get("type", ""))  # type: ignore[union-attr]


def _without_empty_notations(text: str) -> str:
    return re.sub(r"\s*<notations(?:\s[^>]*)?>\s*</notations\s*>", "", text)


def rescale(text: str, factor: Fraction, divisions: int | None = None) -> str:
    """The text with durations and offsets times ``factor``, and ``<divisions>`` set where given."""

    def times(found: re.Match[str]) -> str:
        value = Fraction(found.group(2).strip()) * factor
        return found.group(1) + (str(value.numerator) if value.denominator == 1 else repr(float(value))) + found.group(3)

    if factor != 1:
        text = re.sub(r"(<(?:duration|offset)(?:\s[^>]*)?>)([^<]*)(</)", times, text)
    if divisions is not None:
        text = re.sub(r"(<divisions(?:\s[^>]*)?>)[^<]*(</)", rf"\g<1>{divisions}\g<2>", text)
    return text


def add_accidental(text: str, sign: float) -> str:
    """A kept note's text with an accidental, in its place by the schema."""
    if "<accidental" in text or sign not in SIGN_NAMES:
        return text
    places = list(re.finditer(rf"(\s*)(?:{_element('dot')}|{_element('type')})", text, flags=re.DOTALL))
    if not places:
        return text
    last = places[-1]
    return text[: last.end()] + f"{last.group(1)}<accidental>{SIGN_NAMES[sign]}</accidental>" + text[last.end() :]


def add_notation(text: str, element: str) -> str:
    """A note's text with a notation such as ``<arpeggiate/>``, in its place by the schema; as it was where it has that."""
    if element in text:
        return text
    if has_notations := re.search(r"<notations(?:\s[^>]*)?>(\s*)", text):
        return text[: has_notations.end()] + element + has_notations.group(1) + text[has_notations.end() :]
    gap = re.match(r"<note[^>]*>(\s*)", text)
    after = re.search(r"\s*(?:<lyric|<play|<listen|</note>)", text)
    assert gap
    assert after
    return text[: after.start()] + gap.group(1) + f"<notations>{element}</notations>" + text[after.start() :]


def set_colour(text: str, colour: str) -> str:
    """A note's text with this ``color`` attribute on its start tag."""
    end = text.index(">")
    head = re.sub(r"\s+color\s*=\s*(['\"]).*?\1", "", text[:end])
    return re.sub(r"\A<note", f'<note color="{_escape(colour)}"', head) + text[end:]
