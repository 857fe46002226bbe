"""From a PDF page to the signs of its systems (``omr.signs.SeenSystem``); page pixels are points (1/72 inch) here.

Nothing is guessed from pixels: glyphs say what they are, lines and places say how they belong together. All distances of the rules
are in staff spaces and named in the module that uses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from omr.signs import ACCIDENTALS, MARKS, Brace, SeenSystem
from omr.vector.bar_lines import find_bar_lines
from omr.vector.beams import find_beams
from omr.vector.belonging import join_arpeggios, slash_graces, staff_of_accidental, staff_of_mark
from omr.vector.dots import Rest, find_dots
from omr.vector.marks import Mark, find_letters, find_marks
from omr.vector.page_objects import PageObjects, iter_page_objects
from omr.vector.probing import is_vector_page
from omr.vector.rows import Rows
from omr.vector.scene import Scene, make_scenes
from omr.vector.signatures import clef_kinds, key_signs, long_rests, pitch_height, time_digits
from omr.vector.spanners import find_hairpins, find_octave_lines, find_voltas
from omr.vector.staves import PageSystem, Staff, find_systems
from omr.vector.stems import Head, Stem, find_heads
from omr.vector.strokes import find_strokes
from omr.vector.texts import find_dynamics, find_heading, find_texts, text_runs
from omr.vector.ties import find_ties
from omr.vector.tuplets import find_tuplets

__all__ = ["read_page", "read_pdf"]

CORNER_COLUMNS = 2


def read_pdf(data: bytes, name: str = "", pages: range | None = None) -> Iterator[list[SeenSystem]]:
    """The systems of each page of a PDF, in order; a page without music has none.

    Args:
        data: The file.
        name: File name for messages.
        pages: Pages from 0; all when None.

    Raises:
        InputError: As ``omr.vector.page_objects.iter_page_objects``.
        ToolError: As there.
    """
    numbers = iter(pages) if pages is not None else iter(range(1 << 30))
    for number, page in zip(numbers, iter_page_objects(data, name, pages), strict=False):
        yield read_page(page, number)


def read_page(page: PageObjects, number: int = 0) -> list[SeenSystem]:
    """The systems of one page from top to bottom; none where its signs are not known (``is_vector_page``).

    Args:
        page: What it draws.
        number: Page, from 0.

    Raises:
        ToolError: verovio is not installed, whose fonts tell signs by their outlines.
    """
    strokes = find_strokes(page)
    systems = find_systems(strokes)
    if not systems:
        return []
    space = median(staff.space for system in systems for staff in system.staves)
    marks = find_marks(page, strokes.outlines, space)
    if not is_vector_page(page, strokes.outlines, systems, marks):
        return []
    scenes = make_scenes(systems, marks, find_letters(page), strokes)
    read = [_read_system(scene, system, number, index) for index, (scene, system) in enumerate(zip(scenes, systems, strict=True))]
    return [replace(read[0], heading=find_heading(scenes[0])), *read[1:]]


def _read_system(scene: Scene, system: PageSystem, page: int, number: int) -> SeenSystem:
    rows = Rows(scene)
    heads, stems = find_heads(scene)
    beams, tremolos = find_beams(scene, stems)
    slash_graces(scene, stems)
    bar_lines, dots = find_bar_lines(scene, stems, [mark for mark in scene.marks if mark.name == "dot"])
    rests = [
        Rest(mark, _rest_name(mark, scene.staves[staff]), staff)
        for mark, staff in zip(scene.marks, scene.home, strict=True)
        if mark.name.startswith("rest_") or mark.name == "line_rest"
    ]
    staccato = find_dots(dots, heads, rests)
    clefs = clef_kinds(scene)
    times = time_digits(scene)
    keys = key_signs(scene, clefs, bar_lines, heads)
    for curve, kind, staff in find_ties(scene, heads):
        rows.add(kind, (curve.x0, curve.top, curve.x1, curve.bottom), staff)
    _add_heads(rows, heads, stems)
    for rest in rests:
        rows.add_rest(rest.name, rest.mark, rest.staff, rest.dots)
    for mark, staff, kind in (*clefs, *times):
        rows.add_mark(kind, mark, staff)
    for line in bar_lines:
        rows.add(line.kind, (line.x0, line.y0, line.x1, line.y1), line.first)
    for mark, staff in zip(scene.marks, scene.home, strict=True):
        if mark.name in ACCIDENTALS:
            kind = f"key_{mark.name}" if id(mark) in keys else mark.name
            own = staff if id(mark) in keys else staff_of_accidental(pitch_height(mark), mark, staff, heads)
            rows.add_mark(kind, mark, own, pitch_height(mark))
        elif mark.name in ("pedal_down", "pedal_up", "segno", "coda"):
            rows.add_mark(mark.name, mark, staff)
        else:
            for name in mark.name.split("+"):
                if name in MARKS and name != "arpeggio":
                    rows.add_mark(name, mark, staff_of_mark(mark, staff, heads))
    for mark in staccato:
        rows.add_mark("staccato", mark, staff_of_mark(mark, scene.nearest_staff(mark.y), heads))
    for mark, staff in join_arpeggios(scene):
        rows.add_mark("arpeggio", mark, staff)
    _add_texts(rows, scene)
    for beam in beams:
        top, bottom = min(beam.y0, beam.y1) - beam.thickness / 2, max(beam.y0, beam.y1) + beam.thickness / 2
        rows.add("beam", (beam.x0, top, beam.x1, bottom), scene.nearest_staff((top + bottom) / 2))
    for stem, count in tremolos:
        middle = (stem.top + stem.bottom) / 2
        rows.add(f"tremolo_{min(count, 3)}", (stem.x - 0.6, middle - 0.5, stem.x + 0.6, middle + 0.5), stem.heads[0].staff)
    taken = {id(mark) for mark, _, _ in times}
    for digits, staff, (left, right) in long_rests(scene, bar_lines, heads):
        taken.update(map(id, digits))
        for mark in digits:
            rows.add_mark(f"time_{mark.name[-1]}", mark, staff)
        if not any(left < rest.mark.x < right and rest.staff == staff for rest in rests):  # a bar of two pens, no sign
            middle = scene.staves[staff].middle
            rows.add_rest("rest_bars", Mark("rest_bars", left + 1, middle - 0.5, right - 1, middle + 0.5), staff, 0)
    for tuplet in find_tuplets(scene, stems, taken):
        rows.add_mark(f"tuplet_{tuplet.number}", tuplet.mark, tuplet.staff)
        if tuplet.bracket is not None:
            rows.add(
                "tuplet_bracket", (tuplet.bracket[0], tuplet.mark.y - 0.5, tuplet.bracket[1], tuplet.mark.y + 0.5), tuplet.staff
            )
    signs, words = rows.table()
    return SeenSystem(
        page=page,
        number=number,
        middle_lines=np.array([staff.middle for staff in scene.staves], dtype=np.float32),
        line_counts=np.array([staff.lines for staff in scene.staves], dtype=np.int64),
        width=scene.width,
        signs=signs,
        corners=_corners(system),
        braces=_braces(scene),
        words=words,
    )


def _add_texts(rows: Rows, scene: Scene) -> None:
    runs = text_runs(scene.letters)
    for spanner in (*find_octave_lines(scene, runs), *find_voltas(scene, runs), *find_hairpins(scene)):
        rows.add(spanner.kind, (spanner.x0, spanner.y0, spanner.x1, spanner.y1), spanner.staff, words=spanner.text)
    for name, mark, staff in find_dynamics(scene):
        rows.add_mark(name, mark, staff)
    for text, kind, staff in find_texts(scene):
        rows.add(kind, (text.x0, text.y0, text.x1, text.y1), staff, words=text.text)


def _rest_name(mark: Mark, staff: Staff) -> str:
    """A bar that hangs from a line is a whole rest, one that lies on a line a half rest."""
    if mark.name != "line_rest":
        return mark.name
    top, bottom = staff.place(mark.y0), staff.place(mark.y1)

    def off_line(place: float) -> float:
        return abs(place / 2 - round(place / 2))

    return "rest_whole" if off_line(top) <= off_line(bottom) else "rest_half"


def _add_heads(rows: Rows, heads: list[Head], stems: list[Stem]) -> None:
    groups: dict[int, list[Stem]] = {}
    for stem in stems:
        if stem.group >= 0:
            groups.setdefault(stem.group, []).append(stem)
    beams = {}
    for members in groups.values():
        ordered = sorted(members, key=lambda stem: stem.x)
        for stem in ordered:
            beams[id(stem)] = "continue"
        beams[id(ordered[0])], beams[id(ordered[-1])] = "begin", "end"
        if len(ordered) == 1:
            beams[id(ordered[0])] = ""
    chords = {id(stem): number for number, stem in enumerate(stems)}
    for head in heads:
        chord, beam = (-1, "") if head.stem is None else (chords[id(head.stem)], beams.get(id(head.stem), ""))
        rows.add_head(head, chord, beam)


def _corners(system: PageSystem) -> NDArray[np.float32]:
    """Page points of the ends of all staff lines."""
    grid = [
        [(x, staff.middle + (line - (staff.lines - 1) / 2) * staff.space) for x in (system.left, system.right)]
        for staff in system.staves
        for line in range(staff.lines)
    ]
    return np.array(grid, dtype=np.float32)


def _braces(scene: Scene) -> tuple[Brace, ...]:
    """Braces and brackets: signs, or thick upright strokes, left of the staff lines."""
    spans: list[tuple[float, float, str]] = []
    for mark in sorted((mark for mark in scene.marks if mark.name == "brace" and mark.x < 0.5), key=lambda mark: mark.y0):
        if spans and mark.y0 - spans[-1][1] < 0.5:  # its lower half
            spans[-1] = (spans[-1][0], max(spans[-1][1], mark.y1), "brace")
        else:
            spans.append((mark.y0, mark.y1, "brace"))
    spans += [(line.y0, line.y1, "bracket") for line in scene.upright if line.x0 < -0.1 and line.thickness >= 0.3]
    braces = []
    for top, bottom, kind in spans:
        inside = [index for index, staff in enumerate(scene.staves) if top - 1 <= staff.middle <= bottom + 1]
        if inside:
            braces.append(Brace(inside[0], inside[-1], kind))
    if len(scene.staves) > 1:
        for line in scene.upright:
            if abs(line.x0) <= 0.5:
                inside = [index for index, staff in enumerate(scene.staves) if line.y0 <= staff.middle <= line.y1]
                if len(inside) > 1:
                    braces.append(Brace(inside[0], inside[-1], "line"))
    return tuple(dict.fromkeys(braces))
