"""From what was heard to a score: ``notate``.

The order: a trill becomes one note (``trills``); the user's wishes and the beats make a grid; notes get places on it
(``quantise``), players and staves (``staves``, ``hands``), voices and values (``voices``), keys, and marks; the house's MusicXML
writer spells, ties, bars and beams; at last come the signs of notes (``note_signs``).

Conventions: divs are ``DIVS_PER_QUARTER`` to the quarter, from the start of the first bar. A bar lasts as its meter says; the first
is as short as the music before the first full bar, where that is at most half of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError, RequestError
from corpora.musicxml.writer import PlacedMark, write_musicxml_with_report
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, Part, Piece, Table, empty_notes, sort_notes
from transcribe.heard import DRUMS, HeardMusic
from transcribe.score.grid import beat_grid
from transcribe.score.hands import upper_staff
from transcribe.score.keys import find_keys
from transcribe.score.marks import dynamic_marks, pedal_marks, tempo_marks
from transcribe.score.network import Quantiser
from transcribe.score.note_signs import with_signs
from transcribe.score.quantise import MAIN, quantise
from transcribe.score.rolled_chords import rolled_notes
from transcribe.score.staves import Player, players_of
from transcribe.score.trills import Trills, find_trills
from transcribe.score.view import note_view, onset_lag_s
from transcribe.score.voices import DIVS_PER_QUARTER, voice_staff
from transcribe.score.wishes import with_wishes

__all__ = ["Notation", "notate"]

MAX_NOTES = 200_000
STROKE = 2
COUNTED = ("grace_notes", "ornament_strokes", "doubled_notes", "lone_graces", "rolled_chords", "trills")
GRACE_S = 0.5  # a grace note stands at most so long before its note
PIANO = 0


@dataclass(frozen=True, eq=False)
class Notation:
    """A recording as a score.

    Args:
        piece: Notes, bars, keys and tempos; voices count from 1 within a staff.
        musicxml: The score, MusicXML 4.0.
        rows: For each note of the piece its row in the recording's notes, shape (notes,).
        first_beat_div: Where the first heard beat stands, in divs of the piece; below 0 before its start.
        report: Figures as JSON values.
    """

    piece: Piece
    musicxml: bytes
    rows: NDArray[np.int64]
    first_beat_div: int
    report: dict[str, Any]


def notate(
    heard: HeardMusic,
    *,
    meter: tuple[int, int] | None = None,
    first_downbeat_s: float | None = None,
    tempo: float | None = None,
    key: tuple[int, int] | None = None,
    split: int | None = None,
    instruments: Sequence[str] | None = None,
    model: Quantiser | Literal["plain"] | None = None,
    pedal: bool = True,
) -> Notation:
    """Write what was heard as a score. Whatever the notes are, every bar has exactly its length.

    Args:
        heard: Notes, and beats if there are any; without them even beats are assumed.
        meter: Beats and beat type, for all bars.
        first_downbeat_s: Where a bar begins, in seconds of the recording.
        tempo: Beats a minute.
        key: Fifths (-7 to 7) and mode (1 major, -1 minor), for the whole piece.
        split: MIDI pitch from which on keyboards write on their upper staff.
        instruments: Who plays (``players_of``).
        model: None for the quantiser that comes with the package, "plain" for none.
        pedal: Whether pedal marks are written.

    Raises:
        RequestError: A wish that cannot be understood.
        InputError: No notes, too many, or times that are no numbers.
    """
    name = heard.name or "recording"
    if key is not None and not (-7 <= key[0] <= 7 and key[1] in (1, -1)):
        raise RequestError(f"key: expected -7 to 7 fifths and mode 1 or -1, got {key}")
    if split is not None and not 0 <= split <= 127:
        raise RequestError(f"split point: expected a MIDI pitch from 0 to 127, got {split}")
    if not 0 < len(heard.notes) <= MAX_NOTES:
        raise InputError(f"{name}: expected 1 to {MAX_NOTES} notes to write down, got {len(heard.notes)}")
    times = np.concatenate([heard.notes["onset_s"], heard.notes["offset_s"], heard.beats["time_s"]])
    if not np.isfinite(times).all():
        raise InputError(f"{name}: expected times in seconds, got one that is no number")
    order = np.lexsort((heard.notes["family"], heard.notes["pitch"], heard.notes["onset_s"]))
    trills = find_trills(heard.notes[order])
    heard = with_wishes(replace(heard, notes=trills.notes), meter, first_downbeat_s, tempo)
    quantiser = Quantiser.load() if model is None else None if model == "plain" else model
    writer = _Score(heard, quantiser, trills)
    return writer.written(name, order[trills.rows], key=key, split=split, instruments=instruments, pedal=pedal)


class _Score:
    """One score in the making."""

    def __init__(self, heard: HeardMusic, quantiser: Quantiser | None, trills: Trills) -> None:
        self.heard = heard
        self.trills = trills
        self.quantiser = quantiser
        onsets = heard.notes["onset_s"]
        draft = beat_grid(heard, float(onsets.min()), float(onsets.max()))
        self.lag_s = onset_lag_s(heard, draft) if not draft.report.is_assumed else 0.0
        start_s = float(onsets.min()) - self.lag_s
        near = 0.25 * float(np.diff(draft.seconds)[0])  # the first note may come a little before its bar
        self.grid = beat_grid(heard, start_s + near, float(onsets.max()) - self.lag_s)
        self.view = note_view(heard, self.grid, self.lag_s)
        quantised = quantise(self.view, quantiser)
        self.quantised = replace(quantised, kinds=np.where(trills.is_trilled, MAIN, quantised.kinds))
        self.beat_divs = int(self.grid.tactus_quarters * DIVS_PER_QUARTER)
        self.onset_div = np.array([max(int(place * self.beat_divs), 0) for place in self.quantised.places], dtype=np.int64)

    def written(
        self,
        name: str,
        order: NDArray[np.int64],
        *,
        key: tuple[int, int] | None,
        split: int | None,
        instruments: Sequence[str] | None,
        pedal: bool,
    ) -> Notation:
        bars = self._bars()
        self.origin = int(bars["start_div"][0])
        bars["start_div"] -= self.origin
        bars["end_div"] -= self.origin
        self.onset_div -= self.origin
        players = players_of(self.heard.notes, instruments)
        parts: list[Part] = []
        rows: list[tuple[int, int, int, int, int, int, int]] = []  # onset, length, pitch, velocity, lane, voice, heard row
        marks: list[PlacedMark] = []
        counts: Counter[str] = Counter(ornament_strokes=self.trills.strokes)
        for index, player in enumerate(players, 1):
            lane = len(parts)
            parts += player.parts(f"P{index}")
            rows += self._player(player, lane, int(bars["end_div"][-1]), split, counts)
            marks += self._marks(player, lane, int(bars["end_div"][-1]), pedal=pedal)
        notes = empty_notes(len(rows))
        table = np.array(rows, dtype=np.int64)
        for index, column in enumerate(("onset_div", "duration_div", "pitch", "velocity", "part", "voice")):
            notes[column] = table[:, index]
        notes["id"] = [f"n{row[-1]}" for row in rows]
        notes = sort_notes(notes)
        bars = self._trimmed(bars, notes)
        tempos, words = self._tempos(bars)
        marks += words
        piece = Piece(
            notes=notes,
            divs_per_quarter=DIVS_PER_QUARTER,
            parts=tuple(parts),
            measures=bars,
            tempos=tempos,
            keys=self._keys(bars, notes, parts, key),
        )
        end_div = int(bars["end_div"][-1])
        marks = [mark for mark in marks if mark.onset_div < end_div or (mark.onset_div == end_div and mark.text == "stop")]
        steps = _steps_per_quarter(piece, marks)
        text, report = write_musicxml_with_report(
            piece, steps_per_quarter=steps, keep_voices=True, spell_together=True, marks=marks
        )
        assert not report.moved_notes
        heard_rows = np.array([int(identity[1:]) for identity in notes["id"].tolist()], dtype=np.int64)
        first_staves = [[part.key for part in parts].index(part.key) for part in parts]  # of the player that each lane belongs to
        owners = np.array(first_staves, dtype=np.int64)
        rolled = rolled_notes(notes, self.heard.notes["onset_s"][heard_rows], owners)
        neighbours = self.trills.neighbours[heard_rows]
        text = with_signs(text, piece, rolled, neighbours)
        counts["trills"] = int(np.count_nonzero(neighbours))
        counts["rolled_chords"] = len({(div, int(owners[lane])) for div, lane in notes[["onset_div", "part"]][rolled].tolist()})
        first_beat_div = self.grid.first_heard * self.beat_divs - self.origin
        return Notation(piece, text, order[heard_rows], first_beat_div, self._report(name, piece, players, counts))

    def _bars(self) -> Table:
        """All bars of the grid, the first cut to its music where that is a pickup."""
        grid = self.grid
        bars = np.zeros(len(grid.bar_lines) - 1, dtype=MEASURE_DTYPE)
        bars["start_div"], bars["end_div"] = grid.bar_lines[:-1] * self.beat_divs, grid.bar_lines[1:] * self.beat_divs
        meters = [grid.meter_of(bar) for bar in range(len(bars))]
        bars["beats"], bars["beat_type"] = [beats for beats, _ in meters], [beat_type for _, beat_type in meters]
        last = int(self.onset_div.max())
        while bars["end_div"][-1] <= last:
            more = bars[-1:].copy()
            length = int(grid.beats_in_usual_bar * self.beat_divs)
            more["start_div"], more["end_div"] = bars["end_div"][-1], bars["end_div"][-1] + length
            more["beats"], more["beat_type"] = grid.beats_per_bar, grid.beat_type
            bars = np.concatenate([bars, more])
        first = int(self.onset_div.min())
        bars = bars[bars["end_div"] > first]
        start, end = int(bars["start_div"][0]), int(bars["end_div"][0])
        is_pickup = len(bars) > 1 and 2 * (end - first) <= end - start
        if is_pickup:
            grain = DIVS_PER_QUARTER // 4 if (first - start) % (DIVS_PER_QUARTER // 4) == 0 else self.beat_divs
            bars["start_div"][0] = start + (first - start) // grain * grain
        bars["number"] = [str(index + (not is_pickup)) for index in range(len(bars))]
        return bars

    def _player(
        self, player: Player, lane: int, end_div: int, split: int | None, counts: Counter[str]
    ) -> list[tuple[int, int, int, int, int, int, int]]:
        """Rows of a player's notes."""
        order = player.rows[np.argsort(self.onset_div[player.rows], kind="stable")]
        kinds = self.quantised.kinds
        main = _without_doubles(self.onset_div, self.heard.notes["pitch"], order[kinds[order] == MAIN])
        counts["doubled_notes"] += int((kinds[order] == MAIN).sum()) - len(main)
        counts["ornament_strokes"] += int((kinds[order] == STROKE).sum())
        upper = self._upper(player, main, split)
        rows: list[tuple[int, int, int, int, int, int, int]] = []
        for staff, mine in enumerate((main[upper], main[~upper]) if player.staves == 2 else (main,)):
            pitches = self.heard.notes["pitch"][mine].tolist()
            onsets = self.onset_div[mine].tolist()
            for row, onset, pitch, (voice, length) in zip(
                mine.tolist(), onsets, pitches, voice_staff(onsets, pitches, self.quantised.values[mine], end_div), strict=True
            ):
                velocity = int(np.clip(self.heard.notes["velocity"][row], 1, 127))
                rows.append((onset, length, pitch, velocity, lane + staff, voice, row))
        rows += self._graces(order[kinds[order] == 1], rows, counts)
        return rows

    def _upper(self, player: Player, main: NDArray[np.int64], split: int | None) -> NDArray[np.bool_]:
        pitches = self.heard.notes["pitch"][main].astype(np.int64)
        if player.staves == 1:
            return np.ones(len(main), dtype=np.bool_)
        if split is not None:
            return np.asarray(pitches >= split)
        return upper_staff(self.onset_div[main].tolist(), pitches, self.quantised.upper_odds[main])

    def _graces(
        self, graces: NDArray[np.int64], rows: Sequence[tuple[int, int, int, int, int, int, int]], counts: Counter[str]
    ) -> list[tuple[int, int, int, int, int, int, int]]:
        """Grace notes before the note of the player that they were played before, nearest in pitch; lone ones are left out."""
        found = []
        struck = self.heard.notes["onset_s"]
        mains = sorted((float(struck[row[-1]]), row) for row in rows)
        times = np.array([time for time, _ in mains])
        for grace in graces.tolist():
            start = float(struck[grace])
            after = [mains[index][1] for index in range(*np.searchsorted(times, [start, start + GRACE_S]))]
            if not after:
                counts["lone_graces"] += 1
                continue
            pitch = int(self.heard.notes["pitch"][grace])
            place = min(row[0] for row in after)
            target = min((row for row in after if row[0] == place), key=lambda row: abs(row[2] - pitch))
            velocity = int(np.clip(self.heard.notes["velocity"][grace], 1, 127))
            found.append((target[0], 0, pitch, velocity, target[4], target[5], grace))
        counts["grace_notes"] += len(found)
        return found

    def _marks(self, player: Player, lane: int, end_div: int, *, pedal: bool) -> list[PlacedMark]:
        if player.family == DRUMS:
            return []
        beats = self.onset_div[player.rows] // self.beat_divs
        marks = dynamic_marks(beats, self.heard.notes["velocity"][player.rows].astype(np.float64), self.beat_divs, lane)
        if pedal and player.family == PIANO and len(self.heard.pedals):
            shift = self.origin / self.beat_divs
            downs, ups = (self.grid.beats_at(self.heard.pedals[column] - self.lag_s) - shift for column in ("onset_s", "offset_s"))
            marks += pedal_marks(downs, ups, self.beat_divs, lane + player.staves - 1, end_div)
        return marks

    def _trimmed(self, bars: Table, notes: Table) -> Table:
        """The bars up to the one in which the last note ends."""
        end = int((notes["onset_div"] + np.maximum(notes["duration_div"], 1)).max())
        return bars[bars["start_div"] < end]

    def _tempos(self, bars: Table) -> tuple[Table, list[PlacedMark]]:
        starts, ends = ((bars[column] + self.origin) / self.beat_divs for column in ("start_div", "end_div"))
        seconds = self.grid.seconds_at(ends) - self.grid.seconds_at(starts)
        quarters = (ends - starts) * float(self.grid.tactus_quarters)
        return tempo_marks(bars["start_div"], 60.0 * quarters / seconds)

    def _keys(self, bars: Table, notes: Table, parts: Sequence[Part], key: tuple[int, int] | None) -> Table:
        if key is not None:
            return np.array([(0, *key)], dtype=KEY_DTYPE)
        pitched = notes[[not parts[lane].is_drum for lane in notes["part"]]]
        bar = np.searchsorted(bars["start_div"], pitched["onset_div"], side="right") - 1
        weights = pitched["duration_div"] / DIVS_PER_QUARTER
        last = pitched["pitch"][pitched["onset_div"] == pitched["onset_div"].max()] if len(pitched) else []
        bass = int(min(last)) if len(last) else None
        return find_keys(pitched["pitch"].astype(np.int64), weights, bar, bars["start_div"], bass)

    def _report(self, name: str, piece: Piece, players: Sequence[Player], counts: Counter[str]) -> dict[str, Any]:
        report = self.grid.report
        return {
            "name": name,
            "notes_heard": len(self.heard.notes) + self.trills.strokes,
            "notes_written": len(piece.notes),
            "bars": len(piece.measures),
            "meter": f"{self.grid.beats_per_bar}/{self.grid.beat_type}",
            "keys": [int(fifths) for fifths in piece.keys["fifths"]],
            "tempos": [float(tempo) for tempo in piece.tempos["quarters_per_minute"]],
            "parts": [player.name for player in players],
            "quantiser": "learned" if self.quantiser is not None else "plain",
            "onset_lag_ms": round(1000 * self.lag_s, 1),
            "beats_left_out": report.beats_left_out,
            "beats_put_in": report.beats_put_in,
            "beats_assumed": report.is_assumed,
            **{what: counts[what] for what in COUNTED},
        }


def _without_doubles(onsets: NDArray[np.int64], pitches: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows without those of a place and pitch that an earlier row has."""
    _, first = np.unique(np.stack([onsets[rows], pitches[rows]]), axis=1, return_index=True)
    return rows[np.sort(first)]


def _steps_per_quarter(piece: Piece, marks: Sequence[PlacedMark]) -> int:
    """The fewest steps that hold every place, and at least eighths."""
    numbers = [DIVS_PER_QUARTER // 2, *(mark.onset_div for mark in marks)]
    for table, columns in ((piece.notes, ("onset_div", "duration_div")), (piece.measures, ("start_div", "end_div"))):
        numbers += [int(value) for column in columns for value in np.unique(table[column])]
    return DIVS_PER_QUARTER // gcd(*numbers)
