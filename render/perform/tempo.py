"""Tempo words: ``tempo words`` (Allegro, più mosso, a tempo) and ``gradual tempo`` (rit., accel.).

A metronome mark or ``<sound tempo>`` is the score's own tempo and stands; a word at the same place then adds nothing. A tempo
word alone gives the rate that metronomes print for it, counted in beats. "A tempo" brings the last such tempo back, "Tempo I" the
first one of the movement.

A *rit.* grows evenly (in the logarithm of tempo) to ``SLOWER`` at its end: the next a tempo, tempo mark, double bar, end of a
movement or opposite word within ``MAX_REACH_BARS``, else ``REACH_BARS`` on, for a *rit.* without an a tempo is a local one. After
it the tempo is as before, unless a new one is given. Where the score's own tempo changes within that reach, it has written the
*rit.* out, and the word adds nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.marks import Direction, Marks
from corpora.piece import DEFAULT_QUARTERS_PER_MINUTE, Piece
from render.perform.draft import Draft, beat_quarters
from render.perform.words import Meaning, parse_words

__all__ = ["GradualTempo", "apply_gradual_tempo", "apply_tempo_words", "read_gradual_tempo", "tempo_of_word", "written_words"]

SLOWER, FASTER, HELD_BACK = -0.30, 0.20, -0.18  # logarithms of tempo: 26% slower, 22% faster, 16% slower
MAX_REACH_BARS, REACH_BARS = 8, 2
HALF_NOTE_RATE, EIGHTH_RATE = 0.75, 1.3  # beats of half notes go slower than a word says, of eighths faster
MAX_AIM = 0.7  # how far a rit. goes when the new tempo that it leads to is slower still


class _Said(NamedTuple):
    place: int
    measure: int
    meaning: Meaning


@dataclass(frozen=True)
class GradualTempo:
    """A change of tempo that grows: written places, and the logarithm at its end; held back ones have it from the start."""

    start: int
    stop: int
    log_tempo: float
    at_once: bool

    def at(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """The logarithm of tempo that it adds at written places."""
        share = (places - self.start) / max(self.stop - self.start, 1)
        inside = (share >= 0) & (share < 1)
        return np.asarray(np.where(inside, self.log_tempo * (1.0 if self.at_once else share), 0.0))


def written_words(marks: Marks) -> list[Direction]:
    """The words of all parts, each once a place."""
    seen: set[tuple[int, str]] = set()
    found = []
    for direction in marks.directions:
        key = (direction.onset, direction.text.lower())
        if direction.kind == "words" and key not in seen:
            seen.add(key)
            found.append(direction)
    return found


def _said(marks: Marks, kinds: frozenset[str]) -> list[_Said]:
    found: dict[tuple[int, str], _Said] = {}
    for words in written_words(marks):
        for meaning in parse_words(words.text):
            if meaning.kind in kinds:
                found.setdefault((words.onset, meaning.kind), _Said(words.onset, words.measure, meaning))
    return sorted(found.values(), key=lambda said: said.place)


_STEPS = frozenset({"tempo", "tempo change", "a tempo", "tempo primo"})
_GRADUAL = frozenset({"slower", "faster", "held back"})


def tempo_of_word(rate: float, beats: int, beat_type: int) -> float:
    """Quarters a minute of a tempo word (``Meaning.amount`` of kind "tempo") in a meter.

    >>> tempo_of_word(100.0, 4, 4), tempo_of_word(100.0, 2, 2), tempo_of_word(100.0, 6, 8)
    (100.0, 150.0, 150.0)
    """
    unit = beat_quarters(beats, beat_type)
    scale = HALF_NOTE_RATE if unit >= 2 else EIGHTH_RATE if unit < 1 else 1.0
    return rate * unit * scale


def _meter(piece: Piece, measure: int) -> tuple[int, int]:
    row = piece.measures[measure]
    return int(row["beats"]), int(row["beat_type"])


def _score_tempo(piece: Piece, place: int) -> float:
    found = int(np.searchsorted(piece.tempos["onset_div"], place, side="right")) - 1
    return float(piece.tempos["quarters_per_minute"][found]) if found >= 0 else DEFAULT_QUARTERS_PER_MINUTE


def _step_tempos(piece: Piece, marks: Marks) -> list[tuple[int, float]]:
    """The tempo from each place on, words and score together."""
    own = {int(row["onset_div"]): float(row["quarters_per_minute"]) for row in piece.tempos}
    own_places = sorted(own)
    zones = [(gradual.start, gradual.stop) for gradual in _zones(piece, marks)]
    starts = {int(piece.measures["start_div"][bar]) for bar, found in enumerate(marks.bars) if found.first_of_movement}
    events: list[tuple[int, int, _Said | None]] = [(place, 1, None) for place in own_places]
    events += [(said.place, 2, said) for said in _said(marks, _STEPS)]
    events += [(place, 0, None) for place in starts | {0}]
    now = main = first = _score_tempo(piece, 0)
    is_first = True
    tempos: list[tuple[int, float]] = [(0, now)]
    for place, kind, said in sorted(events, key=lambda event: event[:2]):
        if kind == 0:
            is_first = True
        elif said is None:
            now = own[place]
            if not any(start <= place < stop for start, stop in zones):  # else it is a rit. written out
                main = now
        else:
            quarter = piece.divs_per_quarter
            near = bisect_left(own_places, place)
            if near < len(own_places) and own_places[near] < place + quarter:
                now = main = own[own_places[near]]  # the score says it itself
                place = own_places[near]
            elif said.meaning.kind == "tempo":
                now = main = tempo_of_word(said.meaning.amount, *_meter(piece, said.measure))
            elif said.meaning.kind == "tempo change":
                now = main = main * said.meaning.amount
            else:
                now = main = first if said.meaning.kind == "tempo primo" else main
        if is_first and kind:
            first, is_first = now, False
        tempos.append((place, now))
    return tempos


def _bars_on(piece: Piece, measure: int, bars: int) -> int:
    return int(piece.measures["end_div"][min(measure + bars, len(piece.measures) - 1)])


def _zones(piece: Piece, marks: Marks) -> list[GradualTempo]:
    """Where gradual words reach, with their plain depth."""
    steps, gradual = _said(marks, _STEPS), _said(marks, _GRADUAL)
    stops = {said.place for said in steps}
    for bar, found in enumerate(marks.bars):
        if found.double or found.times:
            stops.add(int(piece.measures["end_div"][bar]))
        if found.first_of_movement or found.forward:
            stops.add(int(piece.measures["start_div"][bar]))
    stops |= {hold.end for hold in marks.holds}
    zones = []
    for index, said in enumerate(gradual):
        limit = min(_bars_on(piece, said.measure, MAX_REACH_BARS), piece.end_div)
        others = [later.place for later in gradual[index + 1 :] if later.place > said.place]
        found_stops = [stop for stop in stops if said.place < stop <= limit]
        stop = min(found_stops) if found_stops else min(_bars_on(piece, said.measure, REACH_BARS), piece.end_div)
        stop = min([stop, *others])
        depth = {"slower": SLOWER, "faster": FASTER, "held back": HELD_BACK}[said.meaning.kind] * said.meaning.amount
        if stop > said.place:
            zones.append(GradualTempo(said.place, stop, depth, said.meaning.kind == "held back"))
    return zones


def read_gradual_tempo(piece: Piece, marks: Marks) -> list[GradualTempo]:
    """The rit. and accel. of a written score that it does not write out in tempos itself."""
    tempos = _step_tempos(piece, marks)
    places = [place for place, _ in tempos]
    own = sorted(int(place) for place in piece.tempos["onset_div"])
    kept: list[GradualTempo] = []
    for zone in _zones(piece, marks):
        if any(zone.start <= place < zone.stop for place in own if place):
            continue
        before = tempos[max(bisect_left(places, zone.start + 1) - 1, 0)][1]
        after = tempos[max(bisect_left(places, zone.stop + 1) - 1, 0)][1]
        aim = math.log(after / before)
        depth = zone.log_tempo
        if aim * depth > 0:  # it leads to a new tempo in its own direction
            depth = math.copysign(min(max(abs(aim), abs(depth) / 2), MAX_AIM), depth)
        kept.append(GradualTempo(zone.start, zone.stop, depth, zone.at_once))
    return kept


def apply_tempo_words(draft: Draft, strength: float) -> None:
    """Tempo words that have no metronome mark beside them."""
    if draft.marks is None:
        return
    piece = draft.score.written
    tempos = _step_tempos(piece, draft.marks)
    middles = draft.score.to_written(draft.middles)
    found = np.searchsorted(np.array([place for place, _ in tempos]), middles, side="right") - 1
    wanted = np.array([tempo for _, tempo in tempos])[found]
    draft.log_tempo += strength * np.log(wanted / draft.quarters_per_minute)


def apply_gradual_tempo(draft: Draft, strength: float) -> None:
    """rit., accel. and their kin."""
    if draft.marks is None:
        return
    middles = draft.score.to_written(draft.middles)
    for gradual in read_gradual_tempo(draft.score.written, draft.marks):
        draft.log_tempo += strength * gradual.at(middles)
