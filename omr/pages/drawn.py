"""Every sign that verovio drew on a page, with its box: walks the SVG beside the score's facts.

Verovio writes one SVG group an element, named by its class and id; what hangs on a note lies within the note's group. Kinds follow
from the glyphs and from MEI's attributes by id. Fingerings, chord symbols, bar numbers and part names are no signs of the contract
and get no label. Conventions: boxes as in ``omr.pages.shapes``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from omr.pages.drawn_bar_lines import bar_line_kind, stretches
from omr.pages.glyphs import ACCIDENTAL_KINDS, DYNAMIC_LETTERS, GLYPH_KINDS, KEY_KINDS, Glyph
from omr.pages.score_facts import ScoreFacts
from omr.pages.shapes import SVG, Box, shape_boxes, text_runs, union, uses
from omr.signs import DYNAMICS, KIND_INDEX

__all__ = ["DrawnSign", "DrawnStaff", "DrawnSystem", "drawn_systems"]

OWNERS = frozenset({"note", "chord", "rest", "mRest", "multiRest"})


@dataclass(slots=True)
class DrawnSign:
    """A sign: its kind, box, the ``y`` of what it stands for (a glyph's origin), and what it belongs to.

    Args:
        kind: Name of the contract.
        box: Where it is.
        y: Height of its place on the staff.
        staff: MEI's number of its staff; None for the nearest.
        owner: Id of its note, chord or rest.
        beam: Id of its beam.
        text: What it says, of words.
    """

    kind: str
    box: Box
    y: float
    staff: int | None = None
    owner: str = ""
    beam: str = ""
    text: str = ""


@dataclass(slots=True)
class DrawnStaff:
    """The lines of a staff: their left and right ends and heights, top first."""

    left: float
    right: float
    ys: list[float]


@dataclass(slots=True)
class DrawnSystem:
    """A system: its bars, staves by MEI's numbers, signs, stems (by event), and braces as kind and box."""

    bars: list[int] = field(default_factory=list)
    staves: dict[int, DrawnStaff] = field(default_factory=dict)
    signs: list[DrawnSign] = field(default_factory=list)
    stems: dict[int, int] = field(default_factory=dict)
    braces: list[tuple[str, Box]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Group:
    """An SVG group with what is known about it."""

    element: Element
    identifier: str
    name: str
    owner: str
    staff: int | None
    continued: bool  # the part of a slur or the like on a later system


class _Walker:
    """Collects one system."""

    def __init__(self, facts: ScoreFacts, glyphs: dict[int, Glyph]) -> None:
        self.facts = facts
        self.glyphs = glyphs
        self.system = DrawnSystem()
        glyph_groups = ("rest", "mRest", "clef", "meterSig", "artic", "fermata", "trill", "turn", "mordent", "breath", "pedal")
        self.readers: dict[str, Callable[[_Group], None]] = {
            **dict.fromkeys((*glyph_groups, "bTrem", "repeatMark"), self._glyphs),
            "fTrem": self._tremolo_between,
            "notehead": self._glyphs,
            "accid": lambda group: self._glyphs(group, ACCIDENTAL_KINDS),
            "keyAccid": lambda group: self._glyphs(group, KEY_KINDS),
            "multiRest": self._long_rest,
            "multiRestNum": self._glyphs,
            "staff": self._staff_lines,
            "measure": self._measure,
            "grpSym": self._brace,
            "barLine": self._bar_line,
            "dots": lambda group: self._each(group, "augmentation_dot"),
            "stem": self._stem,
            "flag": self._flag,
            "beam": self._beam,
            "beamSpan": self._beam,
            "slur": self._curve,
            "tie": self._curve,
            "lv": self._curve,
            "hairpin": self._hairpin,
            "octave": self._octave,
            "arpeg": self._arpeggio,
            "tupletNum": self._tuplet_number,
            "tupletBracket": lambda group: self._whole(group, "tuplet_bracket"),
            "voltaBracket": self._volta,
            "dynam": self._texts,
            "dir": self._texts,
            "tempo": self._texts,
            "reh": self._texts,
            "syl": self._syllable,
        }

    def walk(self, element: Element, owner: str = "", staff: int | None = None) -> None:
        """Read a group's children."""
        for child in element:
            if child.tag != SVG + "g":
                continue
            classes = child.get("class", "").split()
            if "placeholder" in classes or child.get("visibility") == "hidden":
                continue
            name = classes[0] if classes else ""
            named = next((word[3:] for word in classes[1:] if word.startswith("id-")), "")
            identifier = child.get("id") or named
            inner_staff = self.facts.staff_numbers.get(identifier, staff) if name == "staff" else staff
            inner_owner = identifier if name in OWNERS else owner
            if reader := self.readers.get(name):
                reader(_Group(child, identifier, name, inner_owner, inner_staff, "spanning" in classes))
            self.walk(child, inner_owner, inner_staff)

    def _add(self, group: _Group, kind: str, box: Box | None, y: float | None = None, **more: str) -> None:
        if box is None or kind not in KIND_INDEX:
            return
        staff = self.facts.staves.get(group.owner, group.staff)
        height = (box.top + box.bottom) / 2 if y is None else y
        self.system.signs.append(DrawnSign(kind, box, height, staff, group.owner, **more))

    def _glyphs(self, group: _Group, kinds: dict[str, str] = GLYPH_KINDS) -> None:
        for use in uses(group.element, self.glyphs):
            self._add(group, kinds.get(use.name, ""), use.box, use.y)

    def _whole(self, group: _Group, kind: str) -> None:
        boxes = [*shape_boxes(group.element), *(use.box for use in uses(group.element, self.glyphs))]
        self._add(group, kind, union(boxes))

    def _each(self, group: _Group, kind: str) -> None:
        for box in shape_boxes(group.element):
            self._add(group, kind, box)

    def _tremolo_between(self, group: _Group) -> None:
        beams = shape_boxes(group.element, "polygon")
        self._add(group, f"tremolo_{len(beams)}", union(beams))

    def _long_rest(self, group: _Group) -> None:
        self._whole(group, "rest_bars")

    def _measure(self, group: _Group) -> None:
        self.system.bars.extend(self.facts.bars[group.identifier])

    def _staff_lines(self, group: _Group) -> None:
        lines = shape_boxes(group.element, "path")
        if not lines or group.staff is None:
            return
        left, right = min(line.left for line in lines), max(line.right for line in lines)
        known = self.system.staves.get(group.staff)
        if known is None:
            ys = sorted((line.top + line.bottom) / 2 for line in lines)
            self.system.staves[group.staff] = DrawnStaff(left, right, ys)
        else:
            known.left, known.right = min(known.left, left), max(known.right, right)

    def _brace(self, group: _Group) -> None:
        drawn = list(uses(group.element, self.glyphs))
        curved = any("C" in element.get("d", "") for element in group.element)
        kind = "brace" if curved or any(use.name == "brace" for use in drawn) else "bracket" if drawn else "line"
        box = union([*shape_boxes(group.element), *(use.box for use in drawn)])
        if box is not None:
            self.system.braces.append((kind, box))

    def _bar_line(self, group: _Group) -> None:
        strokes = shape_boxes(group.element, "path", "rect", "polygon")
        dots = [use.box for use in uses(group.element, self.glyphs)] + shape_boxes(group.element, "ellipse")
        dashed = any(element.get("stroke-dasharray") for element in group.element)
        for stretch in stretches(strokes):
            box = union(stretch)
            assert box is not None
            beside = [dot for dot in dots if box.top <= (dot.top + dot.bottom) / 2 <= box.bottom]
            kind = bar_line_kind(stretch, beside, dashed)
            self._add(_Group(group.element, "", "", "", None, False), kind, union([*stretch, *beside]))

    def _stem(self, group: _Group) -> None:
        for element in group.element:
            if element.tag == SVG + "path":
                start, end = (part.split() for part in element.get("d", "").removeprefix("M").split("L")[:2])
                event = self.facts.events.get(group.owner)
                if event is not None and event.number not in self.system.stems:
                    self.system.stems[event.number] = 1 if float(end[1]) < float(start[1]) else 2
                break  # what follows is the slash of a grace note
        self._add(group, "stem", next(iter(shape_boxes(group.element, "path")), None))

    def _flag(self, group: _Group) -> None:
        for use in uses(group.element, self.glyphs):
            self._add(group, "flag", use.box, use.y)

    def _beam(self, group: _Group) -> None:
        event = self.facts.beam_events.get(group.identifier)
        for box in shape_boxes(group.element, "polygon"):
            staff = event.staff if event is not None else group.staff
            y = (box.top + box.bottom) / 2
            self.system.signs.append(DrawnSign("beam", box, y, staff, "", group.identifier))

    def _curve(self, group: _Group) -> None:
        ends = self.facts.ends.get(group.identifier, ("", ""))
        owner = next((end for end in (reversed(ends) if group.continued else ends) if end in self.facts.staves), "")
        box = union(shape_boxes(group.element, "path"))
        kind = "slur" if group.name == "slur" else "tie"
        if box is not None:
            staff = self.facts.staves.get(owner, group.staff)
            self.system.signs.append(DrawnSign(kind, box, (box.top + box.bottom) / 2, staff, owner))

    def _hairpin(self, group: _Group) -> None:
        form = self.facts.attributes.get(group.identifier, {}).get("form")
        self._whole(group, "hairpin_diminuendo" if form == "dim" else "hairpin_crescendo")

    def _octave(self, group: _Group) -> None:
        self._whole(group, f"ottava_{self.facts.attributes.get(group.identifier, {}).get('dis', '8')}")

    def _arpeggio(self, group: _Group) -> None:
        self._add(group, "arpeggio", union(use.box for use in uses(group.element, self.glyphs)))

    def _tuplet_number(self, group: _Group) -> None:
        drawn = list(uses(group.element, self.glyphs))
        digits = "".join(use.name.removeprefix("tuplet").replace("Colon", ":") for use in drawn)
        self._add(group, f"tuplet_{digits.partition(':')[0]}", union(use.box for use in drawn))

    def _volta(self, group: _Group) -> None:
        text = " ".join(run.text for run in text_runs(group.element, group.name, self.glyphs))
        self._add(group, "volta", union(shape_boxes(group.element)), text=text)

    def _syllable(self, group: _Group) -> None:
        for run in text_runs(group.element, group.name, self.glyphs):
            if not run.music:
                self._add(group, "lyric", run.box, text=run.text)

    def _texts(self, group: _Group) -> None:
        """Dynamics are one sign a word; other text is one sign a stretch."""
        drawn = list(uses(group.element, self.glyphs))
        if drawn:
            self._music_word(group, [use.name for use in drawn], union(use.box for use in drawn))
        words: list[tuple[str, Box]] = []
        for run in text_runs(group.element, group.name, self.glyphs):
            names = run.text.split()
            if run.music and (group.name == "dynam" or names[0] in ("segno", "coda")):
                self._music_word(group, names, run.box)
            else:  # a metronome's note stands within its words
                words.append(("♩" if run.music else run.text, run.box))
        self._add(group, "words", union(box for _, box in words), text=" ".join(text for text, _ in words))

    def _music_word(self, group: _Group, names: list[str], box: Box | None) -> None:
        letters = "".join(DYNAMIC_LETTERS.get(name, "?") for name in names)
        if letters in DYNAMICS:
            self._add(group, f"dynamic_{letters}", box)
        elif names[0] in ("segno", "coda"):
            self._add(group, names[0], box)
        else:  # louder or softer than the contract's, or a mixture
            self._add(group, "words", box, text=letters)


def drawn_systems(page: Element, facts: ScoreFacts, glyphs: dict[int, Glyph]) -> list[DrawnSystem]:
    """The systems of a page, top first.

    Args:
        page: Root of verovio's SVG of the page.
        facts: Of the score, from the same toolkit.
        glyphs: Of the music font (``omr.pages.glyphs.music_glyphs``).
    """
    systems = []
    for group in page.iter(SVG + "g"):
        if group.get("class") == "system":
            walker = _Walker(facts, glyphs)
            walker.walk(group)
            if walker.system.bars and walker.system.staves:
                systems.append(walker.system)
    return systems
