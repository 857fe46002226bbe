"""Writes a piece that came from no MusicXML file (MIDI, a model) as a readable MusicXML 4.0 score.

A score with empty bars (parts, staves, clefs, keys, meters, tempos, marks) is written first; then the editor notates all notes in
it, so written and edited scores look alike. Conventions: notes are put on a grid of 24 steps a quarter, or of as many as are asked
for; what had to move is counted. Lanes that share a part key and count their staves 1, 2, ... become staves of one part; a MIDI
piece gets one part a lane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from corpora.general_midi import DRUM_NAMES
from corpora.musicxml.editor import edit_musicxml
from corpora.musicxml.reader import read_musicxml
from corpora.musicxml.voicing import VOICES_PER_STAFF
from corpora.piece import DEFAULT_QUARTERS_PER_MINUTE, Part, Piece, Table, sort_notes

__all__ = ["PlacedMark", "WriteReport", "write_musicxml", "write_musicxml_with_report"]

STEPS_PER_QUARTER = 24
MIDI_DRUM_CHANNEL = 10
# Sounding pitch below which a staff's mean asks for the bass clef (middle C).
BASS_CLEF_BELOW = 60
# Clefs that an instrument (General MIDI program) always has: sign, line, octaves that it shifts.
_CLEFS: dict[int, tuple[str, int, int]] = {
    41: ("C", 3, 0),  # viola
    43: ("F", 4, -1),  # double bass
    **dict.fromkeys(range(24, 32), ("G", 2, -1)),  # guitars
    **dict.fromkeys(range(32, 40), ("F", 4, -1)),  # bass guitars
}
# Clefs of a keyboard's staff with the pitches that they show without many ledger lines.
_KEYBOARD_CLEFS: dict[tuple[str, int, int], tuple[int, int]] = {("G", 2, 0): (57, 84), ("F", 4, 0): (36, 64)}
CLEF_CHANGE_COST = 60.0  # in semitones beyond that
_MODES = {1: "major", -1: "minor"}
_HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
"""


@dataclass(frozen=True)
class WriteReport:
    """What writing changed.

    Args:
        moved_notes: Notes whose onset or length was off the grid.
        merged_notes: Notes that fell on one with the same place, length, pitch and cents in their lane and were left out.
    """

    moved_notes: int
    merged_notes: int


class PlacedMark(NamedTuple):
    """A mark to print at a place.

    Args:
        onset_div: Where, in divs of the piece.
        lane: Whose staff it stands at.
        kind: "dynamics", "wedge", "pedal" or "words".
        text: The mark ("pp"); "crescendo", "diminuendo" or "stop"; "start", "change" or "stop"; the words.
    """

    onset_div: int
    lane: int
    kind: Literal["dynamics", "wedge", "pedal", "words"]
    text: str


@dataclass(frozen=True)
class _Bar:
    start: int
    end: int
    number: str
    beats: int
    beat_type: int


class _Placed(NamedTuple):
    """A direction: steps from the start of its bar, and its lines."""

    place: int
    lines: list[str]


_Clef: TypeAlias = tuple[str, int, int]  # sign, line (0: none), octaves


def write_musicxml(piece: Piece) -> bytes:
    """The piece as the UTF-8 text of a MusicXML 4.0 score; see ``write_musicxml_with_report``."""
    return write_musicxml_with_report(piece)[0]


def write_musicxml_with_report(
    piece: Piece,
    *,
    steps_per_quarter: int = STEPS_PER_QUARTER,
    keep_voices: bool = False,
    spell_together: bool = False,
    marks: Sequence[PlacedMark] = (),
) -> tuple[bytes, WriteReport]:
    """The piece as the UTF-8 text of a MusicXML 4.0 score, and what had to change for it.

    Velocities are not written: a score has dynamics, not velocities.

    Args:
        piece: Any piece.
        steps_per_quarter: Of the grid.
        keep_voices: Whether the ``voice`` of notes counts: 1 to 4 within their staff, 0 for any.
        spell_together: Whether notes are spelled by those around them (``corpora.musicxml.spelling_in_context``).
        marks: What to print beside the notes.

    Raises:
        RequestError: Something cannot be notated (see ``edit_musicxml``).
    """
    grid = _Grid(piece.divs_per_quarter, steps_per_quarter)
    notes, report = _on_grid(piece, grid)
    bars = _bars(piece, notes, grid)
    groups = _part_groups(piece)
    skeleton = _skeleton(piece, notes, bars, groups, grid, marks)
    order = [lane for group in groups for lane in group]
    rows = notes.copy()
    rows["part"] = np.argsort(order)[notes["part"]] if len(notes) else notes["part"]
    rows["cents"][[piece.parts[lane].is_drum for lane in notes["part"]]] = 0
    first_voices = {lane: VOICES_PER_STAFF * staff for group in groups for staff, lane in enumerate(group)}
    rows["voice"] = [voice and voice + first_voices[lane] for voice, lane in notes[["voice", "part"]].tolist()]
    empty = read_musicxml(skeleton)
    scale, rest = divmod(empty.divs_per_quarter, steps_per_quarter)
    assert rest == 0
    rows["onset_div"] *= scale
    rows["duration_div"] *= scale
    return edit_musicxml(empty, (), sort_notes(rows), keep_voices=keep_voices, spell_together=spell_together), report


class _Grid(NamedTuple):
    """Between the divs of a piece and the steps that it is written in, both to the quarter."""

    divs: int
    steps: int

    def step(self, div: int) -> int:
        """The nearest step, halves upward."""
        return (2 * div * self.steps + self.divs) // (2 * self.divs)

    def div(self, step: int) -> int:
        """The last div that is not after a step."""
        return math.floor(step * self.divs / self.steps)

    def bar(self, beats: int, beat_type: int) -> int:
        """Steps of a full bar."""
        return 4 * self.steps * beats // beat_type


def _on_grid(piece: Piece, grid: _Grid) -> tuple[Table, WriteReport]:
    """The notes in steps; a sounding note keeps at least one step."""
    notes = piece.notes.copy()
    moved = 0
    for row in notes:
        onset, duration = int(row["onset_div"]), int(row["duration_div"])
        start, end = grid.step(onset), grid.step(onset + duration)
        if duration and end == start:
            end = start + 1
        moved += start * grid.divs != onset * grid.steps or (end - start) * grid.divs != duration * grid.steps
        row["onset_div"], row["duration_div"] = start, end - start
    keys = notes[["onset_div", "duration_div", "pitch", "cents", "part"]]
    _, kept = np.unique(keys, return_index=True)
    return sort_notes(notes[np.sort(kept)]), WriteReport(moved, len(notes) - len(kept))


def _bars(piece: Piece, notes: Table, grid: _Grid) -> list[_Bar]:
    """The piece's measures in steps, and more of the last meter where notes go on after them."""
    bars = [
        _Bar(
            grid.step(int(m["start_div"])),
            grid.step(int(m["end_div"])),
            str(m["number"]),
            int(m["beats"]),
            int(m["beat_type"]),
        )
        for m in piece.measures
    ]
    bars = [bar for bar in bars if bar.end > bar.start]
    end = max((int(row["onset_div"] + max(row["duration_div"], 1)) for row in notes), default=0)
    while not bars or bars[-1].end < end:
        last = bars[-1] if bars else _Bar(0, 0, "0", 4, 4)
        length = grid.bar(last.beats, last.beat_type)
        number = str(int(last.number) + 1) if last.number.isdecimal() else str(len(bars) + 1)
        bars.append(replace(last, start=last.end, end=last.end + length, number=number))
    return bars


def _part_groups(piece: Piece) -> list[list[int]]:
    """Lanes of each part to write, top staff first."""
    groups: list[list[int]] = []
    is_midi = piece.source is not None and piece.source.format == "midi"
    for lane, part in enumerate(piece.parts):
        before = piece.parts[groups[-1][-1]] if groups else None
        if not is_midi and before and part.key and before.key == part.key and part.staff == before.staff + 1:
            groups[-1].append(lane)
        else:
            groups.append([lane])
    return groups


def _skeleton(
    piece: Piece, notes: Table, bars: Sequence[_Bar], groups: Sequence[Sequence[int]], grid: _Grid, marks: Sequence[PlacedMark]
) -> bytes:
    """The score without its notes."""
    lines = ["  <part-list>"]
    drums = {lane: sorted({int(p) for p in notes["pitch"][notes["part"] == lane]}) for lane in range(len(piece.parts))}
    for index, group in enumerate(groups, 1):
        lines += _score_part(index, piece.parts[group[0]], drums[group[0]])
    lines.append("  </part-list>")
    for index, group in enumerate(groups, 1):
        lines.append(f'  <part id="P{index}">')
        clefs = [_clefs_of_bars(piece.parts[lane], notes[notes["part"] == lane], bars, is_wide=len(group) > 1) for lane in group]
        meter: tuple[int, int] | None = None
        key: tuple[int, int] | None = None
        for number, bar in enumerate(bars):
            in_force = None if piece.parts[group[0]].is_drum else piece.key_at(grid.div(bar.start))
            is_short = bar.end - bar.start < grid.bar(bar.beats, bar.beat_type)
            implicit = ' implicit="yes"' if is_short and number == 0 else ""
            lines.append(f'    <measure number="{escape(bar.number, {chr(34): "&quot;"})}"{implicit}>')
            lines += _attributes(
                divisions=grid.steps if number == 0 else None,
                key=in_force if in_force != key else None,
                meter=(bar.beats, bar.beat_type) if (bar.beats, bar.beat_type) != meter else None,
                clefs=[row[number] for row in clefs],
                before=[row[number - 1] for row in clefs] if number else None,
            )
            meter, key = (bar.beats, bar.beat_type), in_force
            placed = _tempos(piece, bar, grid, is_first=number == 0) if index == 1 else []
            placed += _printed(marks, bar, grid, group)
            lines += _directions(placed)
            lines += _rests(bar, len(group))
            lines.append("    </measure>")
        lines.append("  </part>")
    return (_HEADER + "\n".join(lines) + "\n</score-partwise>\n").encode()


def _score_part(index: int, part: Part, drums: Sequence[int]) -> list[str]:
    name = escape("".join(c for c in part.name if c.isprintable())) or f"Part {index}"
    lines = [f'    <score-part id="P{index}">', f"      <part-name>{name}</part-name>"]
    if part.is_drum and drums:
        lines += [
            f'      <score-instrument id="P{index}-I{drum + 1}"><instrument-name>{DRUM_NAMES.get(drum, f"Drum {drum}")}'
            "</instrument-name></score-instrument>"
            for drum in drums
        ]
        for drum in drums:
            lines += _midi_instrument(f"P{index}-I{drum + 1}", MIDI_DRUM_CHANNEL, part.program, drum)
    else:
        lines.append(f'      <score-instrument id="P{index}-I1"><instrument-name>{name}</instrument-name></score-instrument>')
        channel = MIDI_DRUM_CHANNEL if part.is_drum else (index - 1) % 15 + 1
        channel += not part.is_drum and channel >= MIDI_DRUM_CHANNEL
        lines += _midi_instrument(f"P{index}-I1", channel, part.program, None)
    return [*lines, "    </score-part>"]


def _midi_instrument(name: str, channel: int, program: int, drum: int | None) -> list[str]:
    unpitched = [] if drum is None else [f"        <midi-unpitched>{drum + 1}</midi-unpitched>"]
    return [
        f'      <midi-instrument id="{name}">',
        f"        <midi-channel>{channel}</midi-channel>",
        f"        <midi-program>{program + 1}</midi-program>",
        *unpitched,
        "      </midi-instrument>",
    ]


def _clef(part: Part, pitches: NDArray[np.int32]) -> _Clef:
    if part.is_drum:
        return "percussion", 0, 0
    if part.program in _CLEFS:
        return _CLEFS[part.program]
    return ("F", 4, 0) if len(pitches) and pitches.mean() < BASS_CLEF_BELOW else ("G", 2, 0)


def _clefs_of_bars(part: Part, notes: Table, bars: Sequence[_Bar], *, is_wide: bool) -> list[_Clef]:
    """The clef of a staff in each bar. It changes on keyboards only, where many ledger lines would stand for some time."""
    usual = _clef(part, notes["pitch"])
    if not is_wide or part.is_drum or part.program in _CLEFS or not bars:
        return [usual] * len(bars)
    owner = np.searchsorted([bar.start for bar in bars], notes["onset_div"], side="right") - 1
    costs = np.zeros((len(bars), len(_KEYBOARD_CLEFS)))
    for index, (low, high) in enumerate(_KEYBOARD_CLEFS.values()):
        beyond = np.maximum(np.maximum(low - notes["pitch"], notes["pitch"] - high), 0)
        np.add.at(costs[:, index], owner, beyond.astype(np.float64))
    clefs = list(_KEYBOARD_CLEFS)
    total = np.where([clef == usual for clef in clefs], 0.0, CLEF_CHANGE_COST) + costs[0]
    back = []
    for row in costs[1:]:
        other = total[::-1] + CLEF_CHANGE_COST
        back.append(other < total)
        total = np.minimum(total, other) + row
    at = int(total.argmin())
    path = [at]
    for changes in reversed(back):
        at = 1 - at if changes[at] else at
        path.append(at)
    return [clefs[index] for index in reversed(path)]


def _attributes(
    divisions: int | None,
    key: tuple[int, int] | None,
    meter: tuple[int, int] | None,
    clefs: Sequence[_Clef],
    before: Sequence[_Clef] | None,
) -> list[str]:
    """Attributes that begin with a bar; ``divisions`` are those of the first, ``before`` the clefs of the last one."""
    lines = [f"        <divisions>{divisions}</divisions>"] if divisions is not None else []
    if key is not None:
        mode = f"<mode>{_MODES[key[1]]}</mode>" if key[1] in _MODES else ""
        lines.append(f"        <key><fifths>{key[0]}</fifths>{mode}</key>")
    if meter is not None:
        lines.append(f"        <time><beats>{meter[0]}</beats><beat-type>{meter[1]}</beat-type></time>")
    if before is None and len(clefs) > 1:
        lines.append(f"        <staves>{len(clefs)}</staves>")
    for staff, clef in enumerate(clefs, 1):
        if before is not None and before[staff - 1] == clef:
            continue
        sign, line, octaves = clef
        number = f' number="{staff}"' if len(clefs) > 1 else ""
        place = f"<line>{line}</line>" if line else ""
        place += f"<clef-octave-change>{octaves}</clef-octave-change>" if octaves else ""
        lines.append(f"        <clef{number}><sign>{sign}</sign>{place}</clef>")
    return ["      <attributes>", *lines, "      </attributes>"] if lines else []


def _tempos(piece: Piece, bar: _Bar, grid: _Grid, is_first: bool) -> list[_Placed]:
    """Metronome marks of a bar, in beats of its meter; the first bar says the tempo also where the piece leaves it open."""
    places: dict[int, float] = {0: DEFAULT_QUARTERS_PER_MINUTE} if is_first else {}
    for row in piece.tempos:
        step = grid.step(int(row["onset_div"]))
        if bar.start <= step < bar.end:
            places[step - bar.start] = float(row["quarters_per_minute"])
    is_compound = bar.beats % 3 == 0 and bar.beats > 3 and bar.beat_type == 8
    unit, quarters = ("half", 2.0) if bar.beat_type == 2 else ("quarter", 1.5 if is_compound else 1.0)
    dot = "<beat-unit-dot/>" if is_compound else ""
    placed = []
    for place, tempo in sorted(places.items()):
        exact = f"{tempo:.6f}".rstrip("0").rstrip(".")
        rate = f"<per-minute>{round(tempo / quarters)}</per-minute>"
        mark = f"<metronome><beat-unit>{unit}</beat-unit>{dot}{rate}</metronome>"
        lines = [
            '      <direction placement="above">',
            f"        <direction-type>{mark}</direction-type>",
            f'        <sound tempo="{exact}"/>',
            "      </direction>",
        ]
        placed.append(_Placed(place, lines))
    return placed


def _printed(marks: Sequence[PlacedMark], bar: _Bar, grid: _Grid, group: Sequence[int]) -> list[_Placed]:
    """The marks of a part that stand in a bar; ends of hairpins and pedals may stand on its bar line."""
    placed = []
    for mark in marks:
        step = grid.step(mark.onset_div)
        stands_at_end = mark.kind in ("wedge", "pedal") and mark.text == "stop"
        inside = bar.start < step <= bar.end if stands_at_end else bar.start <= step < bar.end
        if mark.lane not in group or not inside:
            continue
        text = escape("".join(c for c in mark.text if c.isprintable()))
        said = {
            "dynamics": f"<dynamics><{text}/></dynamics>",
            "wedge": f'<wedge type="{text}"/>',
            "pedal": f'<pedal type="{text}" line="yes"/>',
            "words": f"<words>{text}</words>",
        }[mark.kind]
        side = "above" if mark.kind == "words" else "below"
        lines = [
            f'      <direction placement="{side}">',
            f"        <direction-type>{said}</direction-type>",
            *([f"        <staff>{group.index(mark.lane) + 1}</staff>"] if len(group) > 1 else []),
            "      </direction>",
        ]
        placed.append(_Placed(step - bar.start, lines))
    return placed


def _directions(placed: Sequence[_Placed]) -> list[str]:
    """Directions in their places, and back to the start of the bar."""
    lines: list[str] = []
    cursor = 0
    for place, direction in sorted(placed, key=lambda found: found.place):
        if place > cursor:
            lines.append(f"      <forward><duration>{place - cursor}</duration></forward>")
        cursor = place
        lines += direction
    if cursor:
        lines.append(f"      <backup><duration>{cursor}</duration></backup>")
    return lines


def _rests(bar: _Bar, num_staves: int) -> list[str]:
    """A full-bar rest on every staff, in the voice that notation programs give it."""
    length = bar.end - bar.start
    lines: list[str] = []
    for staff in range(1, num_staves + 1):
        if staff > 1:
            lines.append(f"      <backup><duration>{length}</duration></backup>")
        where = f"<staff>{staff}</staff>" if num_staves > 1 else ""
        voice = 4 * (staff - 1) + 1
        lines += [
            "      <note>",
            '        <rest measure="yes"/>',
            f"        <duration>{length}</duration>",
            f"        <voice>{voice}</voice>",
            *([f"        {where}"] if where else []),
            "      </note>",
        ]
    return lines
