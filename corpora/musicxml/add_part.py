"""Adds an empty part to a MusicXML score, with the bars, keys and meters of one that is there; every byte that was stays."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from corpora.errors import RequestError
from corpora.general_midi import DRUM_NAMES
from corpora.musicxml.append import VOICES_PER_STAFF
from corpora.musicxml.spans import text_codec
from corpora.piece import Piece

__all__ = ["NewPart", "add_part"]

_CLEFS = {
    "treble": ("G", 2, 0),
    "treble 8vb": ("G", 2, -1),
    "bass": ("F", 4, 0),
    "alto": ("C", 3, 0),
    "percussion": ("percussion", 0, 0),
}
_DRUM_CHANNEL = 10
_FIRST_FREE_CHANNEL = 1


@dataclass(frozen=True)
class NewPart:
    """What to add.

    Args:
        name: As printed.
        program: General MIDI program, 0-127.
        clefs: One a staff, top first: treble, treble 8vb, bass or alto; percussion alone makes a part of drums.
    """

    name: str
    program: int = 0
    clefs: tuple[str, ...] = ("treble",)

    @property
    def is_drum(self) -> bool:
        """Whether it plays the drums of General MIDI."""
        return self.clefs == ("percussion",)


def add_part(piece: Piece, new: NewPart, on_top: bool = False) -> bytes:
    """The score of a piece with one more part of full-measure rests, below the others or on top of them.

    Keys, meters and bar lines are those of the first part that does not transpose (of the first one where all do). Drums have no
    key; each of them is an instrument of the part.

    Raises:
        RequestError: The piece is not from MusicXML, has no bars, or the clef is unknown.
    """
    if piece.source is None or piece.source.format != "musicxml":
        raise RequestError("a part can be added to a MusicXML score alone")
    unknown = [clef for clef in new.clefs if clef not in _CLEFS]
    if unknown or not new.clefs:
        raise RequestError(f"clef {unknown or 'none'}: expected {', '.join(_CLEFS)}")
    data = piece.source.data
    root = ElementTree.fromstring(data)
    parts = root.findall("part")
    if not parts or not len(piece.measures):
        raise RequestError("the score has no measures")
    model = next((part for part in parts if part.find(".//transpose") is None), parts[0])
    taken = {part.get("id") for part in root.iter("score-part")}
    identity = next(f"P{number}" for number in range(1, len(taken) + 2) if f"P{number}" not in taken)
    lengths = (piece.measures["end_div"] - piece.measures["start_div"]).tolist()
    measures = [
        _measure(element, length, piece.divs_per_quarter, new, is_first=index == 0)
        for index, (element, length) in enumerate(zip(model.findall("measure"), lengths, strict=True))
    ]
    codec = text_codec(data)
    listing = _drum_listing(identity, new) if new.is_drum else _listing(identity, new, min(len(taken) + _FIRST_FREE_CHANNEL, 9))
    body = f'<part id="{identity}">\n' + "\n".join(measures) + "\n</part>\n"
    if on_top:
        return _insert_first(_insert_first(data, "<part ", body, codec), "<score-part ", listing, codec)
    return _insert(_insert(data, "</part-list>", listing, codec), "</score-partwise>", body, codec)


def _listing(identity: str, new: NewPart, channel: int) -> str:
    """The part's entry in the list of parts."""
    return (
        f'<score-part id="{identity}"><part-name>{escape(new.name)}</part-name>'
        f'<score-instrument id="{identity}-I1"><instrument-name>{escape(new.name)}</instrument-name></score-instrument>'
        f'<midi-instrument id="{identity}-I1"><midi-channel>{channel}</midi-channel>'
        f"<midi-program>{new.program + 1}</midi-program></midi-instrument></score-part>\n"
    )


def _drum_listing(identity: str, new: NewPart) -> str:
    """As ``_listing``, with an instrument for every drum; ids end, and ``midi-unpitched`` counts, from 1 for key 0."""
    names = [
        f'<score-instrument id="{identity}-I{key + 1}"><instrument-name>{name}</instrument-name></score-instrument>'
        for key, name in DRUM_NAMES.items()
    ]
    sounds = [
        f'<midi-instrument id="{identity}-I{key + 1}"><midi-channel>{_DRUM_CHANNEL}</midi-channel>'
        f"<midi-program>1</midi-program><midi-unpitched>{key + 1}</midi-unpitched></midi-instrument>"
        for key in DRUM_NAMES
    ]
    lines = "\n".join([*names, *sounds])
    return f'<score-part id="{identity}"><part-name>{escape(new.name)}</part-name>\n{lines}\n</score-part>\n'


def _insert(data: bytes, before: str, text: str, codec: str) -> bytes:
    """Text in front of the last occurrence of a tag."""
    place = data.rfind(before.encode(codec))
    if place < 0:
        raise RequestError(f"the score has no {before}: expected a partwise MusicXML score")
    return data[:place] + text.encode(codec) + data[place:]


def _insert_first(data: bytes, before: str, text: str, codec: str) -> bytes:
    """Text in front of the first occurrence of a tag."""
    place = data.find(before.encode(codec))
    if place < 0:
        raise RequestError(f"the score has no {before.strip()}>: expected a partwise MusicXML score")
    return data[:place] + text.encode(codec) + data[place:]


def _measure(element: ElementTree.Element, length: int, divs: int, new: NewPart, is_first: bool) -> str:
    """A measure of rests; the first one sets divisions, staves and clefs."""
    staves = len(new.clefs)
    attributes = [f"<divisions>{divs}</divisions>"] if is_first else []
    for kind in ("time",) if new.is_drum else ("key", "time"):
        found = [child for block in element.findall("attributes") for child in block.findall(kind)]
        if found:
            attributes.append(_text(found[-1]))
    if is_first:
        attributes.append(f"<staves>{staves}</staves>" if staves > 1 else "")
        for number, clef in enumerate(new.clefs, start=1):
            sign, line, octave = _CLEFS[clef]
            place = f"<line>{line}</line>" if line else ""
            change = f"<clef-octave-change>{octave}</clef-octave-change>" if octave else ""
            staff = f' number="{number}"' if staves > 1 else ""
            attributes.append(f"<clef{staff}><sign>{sign}</sign>{place}{change}</clef>")
    rests = [
        f'<note><rest measure="yes"/><duration>{length}</duration><voice>{1 + VOICES_PER_STAFF * staff}</voice>'
        + (f"<staff>{staff + 1}</staff>" if staves > 1 else "")
        + "</note>"
        for staff in range(staves)
    ]
    lines = {line.get("location", "right"): _text(line) for line in element.findall("barline")}
    shown = f"<attributes>{''.join(attributes)}</attributes>" if attributes else ""
    implicit = ' implicit="yes"' if element.get("implicit") == "yes" else ""
    music = f"<backup><duration>{length}</duration></backup>".join(rests)
    return (
        f"<measure number={quoteattr(element.get('number', ''))}{implicit}>{lines.get('left', '')}{shown}{music}"
        f"{lines.get('right', '')}</measure>"
    )


def _text(element: ElementTree.Element) -> str:
    """An element as text, without the white space after it and staff numbers of another part."""
    plain = ElementTree.fromstring(ElementTree.tostring(element))
    plain.tail = None
    plain.attrib.pop("number", None)
    return ElementTree.tostring(plain, encoding="unicode")
