"""The parts of the score, and which notes are in each: one for every instrument that was heard, or those that the user names.

Conventions: a keyboard (and the harp) has two staves, every other instrument one. Parts come in the order of scores: wind, brass,
drums, voices, plucked and struck, keyboards, strings; within a family the higher instrument first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
OUT_OF_RANGE_COST = 3.0  # a semitone, beside the distance from where the player last was
AWAY_COST = 0.15  # a semitone from the middle of the range
LEAP_COST = 0.3  # a semitone from the player's last note
OTHER_PROGRAM_COST = 20.0  # for a note that was heard as another named player's instrument
BUSY_COST = 6.0  # for each note that the player is given at the same time


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
        pairs = list(zip(notes["family"].tolist(), notes["program"].tolist(), strict=True))
        rows = {pair: np.flatnonzero([pair == other for other in pairs]) for pair in sorted(set(pairs))}
        found = [_player(instrument_name(*pair), *pair, mine) for pair, mine in rows.items()]
    return sorted(found, key=lambda player: (_rank(player), -_middle(notes, player)))


def _player(name: str, family: int, program: int, rows: NDArray[np.int64]) -> Player:
    is_wide = family != DRUMS and (FAMILIES[family].name in TWO_STAVES or program == HARP)
    return Player(name, family, program, rows, 2 if is_wide else 1)


def _rank(player: Player) -> int:
    return _ORDER.index("drums" if player.family == DRUMS else FAMILIES[player.family].name)


def _middle(notes: Table, player: Player) -> float:
    return float(notes["pitch"][player.rows].mean()) if len(player.rows) else 0.0


def _named(notes: Table, names: Sequence[str]) -> list[Player]:
    """The named players with their notes, and the drums."""
    kinds: list[tuple[str, int, int, float, float]] = []  # name, family, program, lowest and highest pitch
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
    programs = notes["program"].tolist()
    generic = {FAMILIES[kind[1]].program for kind in kinds}  # says no more than the family
    named = {kind[2] for kind in kinds} - generic
    given: list[list[int]] = [[] for _ in kinds]
    last = [(kind[3] + kind[4]) / 2 for kind in kinds]
    free_s = np.full(len(kinds), -np.inf)
    is_chordal = [FAMILIES[kind[1]].name in ("piano", "organ", "guitar", "mallets") for kind in kinds]
    order = [row for row in np.lexsort((-notes["pitch"], np.round(notes["onset_s"], 2))) if notes["family"][row] != DRUMS]
    for row in order:
        pitch, family, onset = float(notes["pitch"][row]), int(notes["family"][row]), float(notes["onset_s"][row])
        same = [index for index, kind in enumerate(kinds) if kind[1] == family] or list(range(len(kinds)))
        costs = []
        for index in same:
            _, _, _, low, high = kinds[index]
            cost = OUT_OF_RANGE_COST * max(low - pitch, pitch - high, 0.0) + AWAY_COST * abs(pitch - (low + high) / 2)
            cost += OTHER_PROGRAM_COST * (programs[row] in named and programs[row] != kinds[index][2])
            cost += LEAP_COST * abs(pitch - last[index]) + BUSY_COST * (not is_chordal[index] and onset < free_s[index] - 0.05)
            costs.append(cost)
        best = same[int(np.argmin(costs))]
        given[best].append(int(row))
        last[best] = pitch
        free_s[best] = float(notes["offset_s"][row])
    players = [
        _player(name, family, program, np.array(sorted(rows), dtype=np.int64))
        for (name, family, program, _, _), rows in zip(kinds, given, strict=True)
    ]
    return players + ([_player("Drums", DRUMS, 0, drums)] if len(drums) else [])
