"""The parts of the score, and which notes are in each: one for every instrument that was heard, or those that the user names.

What was heard of an instrument in less than a fiftieth of the notes was another one misheard. An instrument of one tone at a time
that is heard several times at once (two violins, a choir) is so many players.

Conventions: a keyboard (and the harp) has two staves, every other instrument one. Parts come in the order of scores: wind, brass,
drums, voices, plucked and struck, keyboards, strings; within a family the higher instrument first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from compose.constraints.instruments import INSTRUMENTS, find_instrument
from compose.constraints.names import parse_pitch
from corpora.piece import Part, Table
from transcribe.families import FAMILIES, FAMILY_OF_PROGRAM, find_family
from transcribe.heard import DRUMS
from transcribe.midi_file import instrument_name

__all__ = ["Player", "players_of"]

_ORDER = ("pipe", "reed", "brass", "drums", "mallets", "guitar", "voice", "piano", "organ", "strings", "bass")
HARP = 46
TWO_STAVES = ("piano", "organ")
CHORDAL = ("piano", "organ", "guitar", "mallets")  # families whose players have many tones at a time
_ONE_TONE = frozenset([*range(40, 44), *range(52, 55), *range(56, 61), *range(64, 80)])  # programs, solo instruments and voices
MAX_DESKS = 4
STRAY_SHARE = 0.02  # of all pitched notes
SHARED_SHARE = 0.4  # of the time in which anything sounds
TOGETHER_S = 0.06  # notes nearer than this are struck together, and overlap by legato only
OUT_OF_RANGE_COST = 3.0  # a semitone, beside the distance from where the player last was
AWAY_COST = 0.06  # a semitone from where the player is at home
RESTED_COST, RESTED_S = 1.5, 0.4  # for one who has been silent so long: a line stays with its player
CROSSING_COST = 3.0  # for each other player who is crossed
MAX_AT_ONCE = 8  # notes that are weighed together
LEAP_COST = 0.3  # a semitone from the player's last note
OTHER_PROGRAM_COST = 20.0  # for a note that was heard as another named player's instrument
BUSY_COST = 12.0  # for each note that the player is given at the same time


_Kind: TypeAlias = tuple[str, int, int, float, float]  # name, family, program, lowest and highest pitch


@dataclass(frozen=True, eq=False)
class Player:
    """An instrument of the score.

    Args:
        name: What stands before its staves.
        family, program: As in HEARD_DTYPE.
        rows: Indices of its notes, ascending.
        staves: One or two.
    """

    name: str
    family: int
    program: int
    rows: NDArray[np.int64]
    staves: int

    def parts(self, key: str) -> list[Part]:
        """Its lanes, top staff first."""
        program = 0 if self.family == DRUMS else self.program
        return [Part(self.name, key, staff, program, self.family == DRUMS) for staff in range(1, self.staves + 1)]


def players_of(notes: Table, instruments: Sequence[str] | None) -> list[Player]:
    """The players of HEARD_DTYPE rows.

    Args:
        notes: What was heard.
        instruments: Families or instruments that play, each name as often as it has players; None for those that were heard. Drums
            keep their part. Notes of families that are not named go to the named player they fit best.

    Raises:
        RequestError: A name is not known.
    """
    if instruments:
        found = _named(notes, instruments)
    else:
        pairs = _without_strays(list(zip(notes["family"].tolist(), notes["program"].tolist(), strict=True)))
        found = []
        for pair in sorted(set(pairs)):
            rows = np.flatnonzero([pair == other for other in pairs])
            found += _desks(notes, instrument_name(*pair), *pair, rows)
    return sorted(found, key=lambda player: (_rank(player), -_middle(notes, player)))


def _without_strays(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Family and program of each note, where an instrument of very few notes is taken for the one that plays most."""
    counts = Counter(pair for pair in pairs if pair[0] != DRUMS)
    strays = {pair for pair, count in counts.items() if count < STRAY_SHARE * counts.total()}
    return [counts.most_common(1)[0][0] if pair in strays else pair for pair in pairs]


def _desks(notes: Table, name: str, family: int, program: int, rows: NDArray[np.int64]) -> list[Player]:
    """The players of one instrument: several where it has one tone at a time and more than one sound together most of the time."""
    count = min(_together(notes[rows]), MAX_DESKS) if program in _ONE_TONE else 1
    if count == 1:
        return [_player(name, family, program, rows)]
    low, high = float(notes["pitch"][rows].min()), float(notes["pitch"][rows].max())
    given = _given_out(notes, rows, [(name, family, program, low, high)] * count)
    given.sort(key=lambda mine: -float(notes["pitch"][mine].mean()) if len(mine) else 0.0)
    return [_player(f"{name} {index}", family, program, mine) for index, mine in enumerate(given, 1)]


def _together(notes: Table) -> int:
    """How many notes sound together for most of the time in which any does."""
    times = np.concatenate([notes["onset_s"], notes["offset_s"]])
    steps = np.concatenate([np.ones(len(notes)), -np.ones(len(notes))])
    order = np.lexsort((steps, times))
    depth, lengths = np.cumsum(steps[order])[:-1], np.diff(times[order])
    sounding = float(lengths[depth >= 1].sum())
    count = 1
    while sounding and float(lengths[depth > count].sum()) >= SHARED_SHARE * sounding:
        count += 1
    return count


def _player(name: str, family: int, program: int, rows: NDArray[np.int64]) -> Player:
    is_wide = family != DRUMS and (FAMILIES[family].name in TWO_STAVES or program == HARP)
    return Player(name, family, program, rows, 2 if is_wide else 1)


def _rank(player: Player) -> int:
    return _ORDER.index("drums" if player.family == DRUMS else FAMILIES[player.family].name)


def _middle(notes: Table, player: Player) -> float:
    return float(notes["pitch"][player.rows].mean()) if len(player.rows) else 0.0


def _named(notes: Table, names: Sequence[str]) -> list[Player]:
    """The named players with their notes, and the drums."""
    kinds: list[_Kind] = []
    for name in names:
        family = find_family(name)
        known = find_instrument(name.strip().lower())
        program = FAMILIES[family].program
        low, high = 0.0, 127.0
        if known:
            lowest, highest, programs, _ = INSTRUMENTS[known]
            program = next((p for p in programs if FAMILY_OF_PROGRAM.get(p) == family), program)
            low, high = float(parse_pitch(lowest)), float(parse_pitch(highest))
        kinds.append(((known or FAMILIES[family].name).capitalize(), family, program, low, high))
    kinds.sort(key=lambda kind: -(kind[3] + kind[4]))
    drums = np.flatnonzero(notes["family"] == DRUMS)
    given = _given_out(notes, np.flatnonzero(notes["family"] != DRUMS), kinds)
    names = [kind[0] for kind in kinds]
    players = []
    for index, ((name, family, program, _, _), mine) in enumerate(zip(kinds, given, strict=True)):
        several = names.count(name) > 1
        players.append(_player(f"{name} {names[: index + 1].count(name)}" if several else name, family, program, mine))
    return players + ([_player("Drums", DRUMS, 0, drums)] if len(drums) else [])


def _given_out(notes: Table, rows: NDArray[np.int64], kinds: Sequence[_Kind]) -> list[NDArray[np.int64]]:
    """The notes of each of some players, who stand from the highest down: notes struck together never cross."""
    desk = _Desks(notes, rows, kinds)
    order = rows[np.argsort(notes["onset_s"][rows], kind="stable")].tolist()
    start = 0
    for index in range(1, len(order) + 1):
        if index == len(order) or notes["onset_s"][order[index]] - notes["onset_s"][order[start]] > TOGETHER_S:
            desk.give(order[start:index])
            start = index
    return [np.array(sorted(mine), dtype=np.int64) for mine in desk.given]


class _Desks:
    """Who plays what so far."""

    def __init__(self, notes: Table, rows: NDArray[np.int64], kinds: Sequence[_Kind]) -> None:
        self.notes = notes
        self.kinds = kinds
        generic = {FAMILIES[kind[1]].program for kind in kinds}  # says no more than the family
        self.named = {kind[2] for kind in kinds} - generic
        self.given: list[list[int]] = [[] for _ in kinds]
        self.is_chordal = [FAMILIES[kind[1]].name in CHORDAL for kind in kinds]
        self.homes: list[float] = []
        for index, kind in enumerate(kinds):
            alike = [other for other, fellow in enumerate(kinds) if fellow == kind]
            heard = notes["pitch"][rows][(notes["pitch"][rows] >= kind[3]) & (notes["pitch"][rows] <= kind[4])]
            share = 1 - (alike.index(index) + 0.5) / len(alike)
            own = np.quantile(heard, share) if len(heard) and len(alike) == len(kinds) else kind[3] + share * (kind[4] - kind[3])
            self.homes.append(float(own))
        self.last = list(self.homes)
        self.free_s = [-np.inf] * len(kinds)

    def give(self, rows: list[int]) -> None:
        """Give out notes that are struck together."""
        families = self.notes["family"][rows].tolist()
        for family in dict.fromkeys(families):
            mine = [row for row, other in zip(rows, families, strict=True) if other == family]
            mine.sort(key=lambda row: -int(self.notes["pitch"][row]))
            able = [index for index, kind in enumerate(self.kinds) if kind[1] == family] or list(range(len(self.kinds)))
            for first in range(0, len(mine), MAX_AT_ONCE):
                part = mine[first : first + MAX_AT_ONCE]
                costs = {(row, index): self._cost(row, index) for row in part for index in able}
                ways = combinations_with_replacement(able, len(part))
                best = min(ways, key=lambda way: self._total(part, way, costs))
                for row, index in zip(part, best, strict=True):
                    self.given[index].append(row)
                    self.last[index] = float(self.notes["pitch"][row])
                    self.free_s[index] = max(self.free_s[index], float(self.notes["offset_s"][row]))

    def _total(self, rows: list[int], way: tuple[int, ...], costs: dict[tuple[int, int], float]) -> float:
        doubled = sum(before == after and not self.is_chordal[after] for before, after in pairwise(way))
        return sum(costs[row, index] for row, index in zip(rows, way, strict=True)) + BUSY_COST * doubled

    def _cost(self, row: int, index: int) -> float:
        _, _, program, low, high = self.kinds[index]
        pitch, onset = float(self.notes["pitch"][row]), float(self.notes["onset_s"][row])
        heard = int(self.notes["program"][row])
        cost = OUT_OF_RANGE_COST * max(low - pitch, pitch - high, 0.0) + LEAP_COST * abs(pitch - self.last[index])
        cost += AWAY_COST * abs(pitch - self.homes[index]) + OTHER_PROGRAM_COST * (heard in self.named and heard != program)
        cost += BUSY_COST * (not self.is_chordal[index] and onset < self.free_s[index] - TOGETHER_S)
        cost += RESTED_COST * (onset - self.free_s[index] > RESTED_S)
        for other in range(len(self.kinds)):
            sounds = self.free_s[other] > onset + TOGETHER_S
            crosses = (other < index and self.last[other] < pitch) or (other > index and self.last[other] > pitch)
            cost += CROSSING_COST * (sounds and crosses)
        return cost
