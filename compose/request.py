"""What a user asks for: a region, parts, notes to keep, wishes; and how it becomes a canvas with constraints.

Regions are text: bars as printed, ``5-8`` or ``5``; bars by place from 1, ``#17-#20`` (for files in which numbers come twice);
bar and beat with the last beat included, ``5:1-8:3``; seconds, ``12.5s-20s``. Where a bar number is printed more than once, the
first is meant. Parts are names; ``Piano/2`` is the second staff. Notes that sound across the region's borders stay as they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from fractions import Fraction

import numpy as np

from compose.canvas import STEPS_PER_QUARTER, Canvas, Note, Region
from compose.constraints.base import Constraint
from compose.constraints.drums import DrumKeys, OneVoice, is_one_voice
from compose.constraints.parts import find_lanes, pitched_lanes
from compose.constraints.rhythm import OnGrid, WithinRegion
from compose.constraints.singing import is_monophonic, sings
from compose.constraints.texture import Monophonic, NoOverlap
from corpora.errors import RequestError
from corpora.musicxml import graces_before_bar_lines
from corpora.musicxml.percussion import drum_keys
from corpora.piece import Piece, Table

__all__ = ["always_on", "find_kept", "find_region", "is_monophonic", "make_canvas", "select_lanes"]

_BARS = re.compile(r"(\S+?)(?:\s*-\s*(\S+))?")
_BEATS = re.compile(r"(\S+):(\d+(?:\.\d+)?)\s*-\s*(\S+):(\d+(?:\.\d+)?)")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*s\s*-\s*(\d+(?:\.\d+)?)\s*s")


def _bar(piece: Piece, text: str) -> int:
    """Index of a bar: as printed, or by place (#1 is the first)."""
    numbers = piece.measures["number"].tolist()
    if text.startswith("#") and text[1:].isdigit() and 1 <= int(text[1:]) <= len(numbers):
        return int(text[1:]) - 1
    if text in numbers:
        return int(numbers.index(text))
    raise RequestError(f"there is no bar '{text}': the piece has bars {numbers[0]} to {numbers[-1]} ({len(numbers)} in all)")


def _beat(piece: Piece, bar: int, beat: str) -> Fraction:
    """Place in divs of a beat of a bar, counted from 1 in the meter's beat type."""
    row = piece.measures[bar]
    place = int(row["start_div"]) + (Fraction(beat) - 1) * Fraction(4 * piece.divs_per_quarter, int(row["beat_type"]))
    if not row["start_div"] <= place < row["end_div"]:
        raise RequestError(f"bar {row['number']} has no beat {beat}")
    return place


def find_region(piece: Piece, text: str, lanes: tuple[int, ...]) -> Region:
    """The region that a text means, in ticks of a canvas of this piece.

    Raises:
        RequestError: Not understood, not in the piece, or empty.
    """
    ticks_per_div = math.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER) // piece.divs_per_quarter
    if not len(piece.measures):
        raise RequestError("the piece has no bars")
    wish = text.strip()
    if found := _SECONDS.fullmatch(wish):
        start, end = (float(piece.seconds_to_div(float(value))) * ticks_per_div for value in found.groups())
        end = min(end, piece.end_div * ticks_per_div)
    elif found := _BEATS.fullmatch(wish):
        first, last = _bar(piece, found[1]), _bar(piece, found[3])
        start = float(_beat(piece, first, found[2]) * ticks_per_div)
        beat = Fraction(4 * piece.divs_per_quarter, int(piece.measures["beat_type"][last]))
        end = float(min(_beat(piece, last, found[4]) + beat, Fraction(int(piece.measures["end_div"][last]))) * ticks_per_div)
    elif found := _BARS.fullmatch(wish):
        first = _bar(piece, found[1])
        last = _bar(piece, found[2]) if found[2] else first
        start = float(piece.measures["start_div"][first] * ticks_per_div)
        end = float(piece.measures["end_div"][last] * ticks_per_div)
    else:
        raise RequestError(f"region '{text}' is not understood: expected bars 5-8, beats 5:1-8:3 or seconds 12.5s-20s")
    if not end > start:
        raise RequestError(f"region '{text}' is empty: its end does not come after its start")
    return Region(math.ceil(start), math.floor(end), lanes)


def select_lanes(piece: Piece, names: Sequence[str]) -> tuple[int, ...]:
    """Lanes of the named parts in score order; all pitched lanes when no name is given.

    Raises:
        RequestError: An unknown part or staff, or nothing to write in.
    """
    if not piece.parts:
        raise RequestError("the piece has no parts")
    lanes: set[int] = set()
    for name in names:
        base, _, staff = name.rpartition("/")
        if base and staff.isdigit():
            found = [lane for lane in find_lanes(piece, base) if piece.parts[lane].staff == int(staff)]
            if not found:
                raise RequestError(f"part '{base}' has no staff {staff}")
            lanes.update(found)
        else:
            lanes.update(find_lanes(piece, name))
    return tuple(sorted(lanes)) or pitched_lanes(piece)


def find_kept(piece: Piece, wish: str) -> frozenset[str]:
    """Ids of the notes that a wish ``keep: [PART] PLACE`` means: those that start in a place, of a part or of all.

    Args:
        piece: The piece.
        wish: For example ``keep: Alto 6``, ``keep: Alto 6:1-6:2`` or ``keep: 5-6``.

    Raises:
        RequestError: Not understood, or no note is there.
    """
    words = wish.partition(":")[2].split()
    if not words:
        raise RequestError(f"'{wish}' names no place: expected for example 'keep: Alto 6:1-6:2'")
    lanes = select_lanes(piece, [" ".join(words[:-1])] if words[1:] else [])
    region = find_region(piece, words[-1], lanes)
    ticks_per_div = math.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER) // piece.divs_per_quarter
    onset = piece.notes["onset_div"] * ticks_per_div
    found = piece.notes["id"][(onset >= region.start) & (onset < region.end) & np.isin(piece.notes["part"], lanes)]
    if not len(found):
        raise RequestError(f"'{wish}': no note starts there")
    return frozenset(found.tolist())


def _notes(piece: Piece, rows: Table, ticks_per_div: int) -> tuple[Note, ...]:
    columns = (
        rows["onset_div"] * ticks_per_div,
        rows["part"],
        rows["pitch"],
        rows["duration_div"] * ticks_per_div,
        rows["velocity"],
    )
    return tuple(sorted(Note(*row) for row in zip(*(column.tolist() for column in columns), strict=True)))


def make_canvas(piece: Piece, region: Region, keep: Collection[str] = ()) -> tuple[Canvas, tuple[str, ...]]:
    """The canvas of a region and the ids of the notes that it removes.

    Removed are the notes of the region's lanes that start and end inside it, but those whose id is in ``keep``, and grace notes
    that are written before the bar line at which it starts. They stand on the canvas with their times rounded to the writing grid;
    ``Canvas.originals`` has the exact ones.

    Raises:
        RequestError: An id in ``keep`` that the piece does not have.
    """
    ticks_per_div = math.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER) // piece.divs_per_quarter
    notes = piece.notes
    unknown = set(keep) - set(notes["id"].tolist())
    if unknown:
        raise RequestError(f"there is no note '{min(unknown)}' to keep")
    onset, end = notes["onset_div"] * ticks_per_div, (notes["onset_div"] + notes["duration_div"]) * ticks_per_div
    inside = (onset >= region.start) & (onset < region.end) & (end <= region.end) & np.isin(notes["part"], region.lanes)
    inside &= ~np.isin(notes["id"], list(keep))
    if (inside & (end == region.start)).any():
        inside &= (end > region.start) | ~np.isin(notes["id"], list(graces_before_bar_lines(piece)))
    exact, fixed = (_notes(piece, notes[chosen], ticks_per_div) for chosen in (inside, ~inside))
    grid = math.lcm(ticks_per_div, ticks_per_div * piece.divs_per_quarter // STEPS_PER_QUARTER)
    pairs = sorted((_rounded(note, grid, region), note) for note in exact)
    changed = any(rounded != note for rounded, note in pairs)
    originals = tuple(note for _, note in pairs) if changed else ()
    return Canvas(piece, region, tuple(rounded for rounded, _ in pairs), fixed, originals=originals), tuple(
        notes["id"][inside].tolist()
    )


def _rounded(note: Note, grid: int, region: Region) -> Note:
    """A note from grid point to grid point inside the region, at least one step long unless it is a grace note."""
    first, last = -(-region.start // grid) * grid, region.end // grid * grid
    onset = min(max((2 * note.onset + grid) // (2 * grid) * grid, first), max(last - grid, first))
    end = min(max((2 * note.end + grid) // (2 * grid) * grid, onset + grid), max(last, onset + grid))
    return note._replace(onset=onset, duration=end - onset if note.duration else 0)


def always_on(canvas: Canvas, ticks: int) -> tuple[Constraint, ...]:
    """The rules that hold without being asked for: region, no overlap, the grid, one note at a time where it was so before
    (in a part that was empty, where its instrument has no chords), and percussion keys alone in drum lanes, in one voice where that
    was so before.

    Args:
        canvas: Before anything is written.
        ticks: Onsets and durations must be multiples of this, so that the file can hold them.
    """
    piece = canvas.piece
    single = tuple(lane for lane in canvas.region.lanes if not piece.parts[lane].is_drum and sings(piece, lane))
    rules: tuple[Constraint, ...] = (WithinRegion(), NoOverlap())
    if ticks > 1:
        rules += (OnGrid(ticks),)
    if single:
        rules += (Monophonic(single),)
    drums = tuple(lane for lane in canvas.region.lanes if piece.parts[lane].is_drum)
    if drums:
        keys = drum_keys(piece)
        rules += (DrumKeys({lane: keys[lane] for lane in drums}),)
    tidy = tuple(lane for lane in drums if _is_tidy(piece, lane))
    return (*rules, OneVoice(tidy)) if tidy else rules


def _is_tidy(piece: Piece, lane: int) -> bool:
    rows = piece.notes[(piece.notes["part"] == lane) & (piece.notes["duration_div"] > 0)]
    ends = rows["onset_div"] + rows["duration_div"]
    return is_one_voice(list(zip(rows["onset_div"].tolist(), ends.tolist(), strict=True)))
