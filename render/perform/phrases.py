"""Where phrases begin and end: ``find_phrases``.

A phrase ends where several signs meet in the part that leads (one that is sung, else the topmost that plays there): a rest, the
end of a slur, a fermata or breath mark, punctuation in the text, a note longer than its neighbours, a double bar or repeat. Each
sign has a weight; a segmentation is chosen that collects most weight and keeps phrases near four bars (dynamic programming over
all places where the leading part begins a note; the idea of Cambouropoulos's local boundaries with a preference for regular
length, as in Temperley's Grouper: "The Cognition of Basic Musical Structures", MIT Press 2001, chapter 3).

Where nothing but the bars speaks, phrases of four bars are assumed, with a weight that keeps their shaping faint.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.perform.articulation import under_slurs
from render.perform.draft import Draft, beat_quarters, is_voice

__all__ = ["Phrase", "find_phrases"]

USUAL_BARS, LONGEST_BARS, SHORTEST_BARS = 4.0, 12.0, 0.9
LENGTH_COST = 0.7
LONG_REST, SHORT_REST = 1.0, 0.45
FERMATA, BREATH, CLAUSE, SLUR_END, LONG_NOTE, SECTION = 1.2, 0.9, 0.6, 0.35, 0.35, 1.5
BAR_ONLY = 0.08
REGULAR = 0.25  # for a place in the bar where the movement or section began too
FULL_WEIGHT = 1.2  # evidence from here on counts as sure


@dataclass(frozen=True)
class Phrase:
    """A phrase in divs of the played piece; how sure its two ends are, 0 to 1."""

    start: int
    end: int
    start_weight: float
    end_weight: float


def find_phrases(draft: Draft) -> list[Phrase]:
    """The phrases of the played piece, one after the other from its start to its end."""
    places, weights = _boundaries(draft)
    bars = _in_bars(draft, places)
    sections = _section_places(draft)
    chosen: list[int] = []
    starts = [0, *np.searchsorted(places, sections).tolist(), len(places) - 1]
    for first, last in itertools.pairwise(starts):
        if last > first:
            chosen += _best_path(bars[first : last + 1], weights[first : last + 1], first)[:-1]
    chosen.append(len(places) - 1)
    sure = np.minimum(weights / FULL_WEIGHT, 1.0)
    return [
        Phrase(int(places[first]), int(places[last]), float(sure[first]), float(sure[last]))
        for first, last in itertools.pairwise(chosen)
    ]


def _best_path(bars: NDArray[np.float64], weights: NDArray[np.float64], offset: int) -> list[int]:
    """Indices (plus ``offset``) of the boundaries, the first and the last place included."""
    best = np.full(len(bars), -np.inf)
    before = np.zeros(len(bars), dtype=np.int64)
    best[0] = 0.0
    for index in range(1, len(bars)):
        first = int(np.searchsorted(bars, bars[index] - LONGEST_BARS, side="left"))
        first = min(first, index - 1)
        lengths = np.maximum(bars[index] - bars[first:index], 1e-6)
        cost = LENGTH_COST * np.log2(lengths / USUAL_BARS) ** 2 + np.where(lengths < SHORTEST_BARS, 3.0, 0.0)
        values = best[first:index] - cost
        choice = int(values.argmax())
        best[index], before[index] = values[choice] + weights[index], first + choice
    path = [len(bars) - 1]
    while path[-1]:
        path.append(int(before[path[-1]]))
    return [index + offset for index in reversed(path)]


def _in_bars(draft: Draft, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Places counted in bars of their meter, so that a pickup is a part of one."""
    measures = draft.piece.measures
    whole = 4.0 * draft.piece.divs_per_quarter * measures["beats"] / measures["beat_type"]
    lengths = (measures["end_div"] - measures["start_div"]) / whole
    before = np.concatenate([[0.0], np.cumsum(lengths)])
    bar = draft.bar_of(places)
    return np.asarray(before[bar] + (places - measures["start_div"][bar]) / whole[bar])


def _section_places(draft: Draft) -> list[int]:
    """Where a section must begin anew: after leaps, at movements, after double bars and repeats."""
    if draft.marks is None:
        return []
    order, bars = draft.score.order, draft.marks.bars
    starts = draft.piece.measures["start_div"]
    return [
        int(starts[played])
        for played in range(1, len(order))
        if bars[order[played]].first_of_movement or order[played] != order[played - 1] + 1
    ]


def _boundaries(draft: Draft) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places where a phrase may begin, from 0 to the end of the piece, and the evidence for each."""
    piece = draft.piece
    evidence: dict[int, float] = {0: FULL_WEIGHT, piece.end_div: FULL_WEIGHT}
    quarter = piece.divs_per_quarter
    for start in piece.measures["start_div"].tolist():
        evidence.setdefault(start, BAR_ONLY)
    inside, ends = under_slurs(draft) if draft.marks is not None else (set(), set())
    lead = _leading_rows(draft)
    onsets, lengths = draft.notes["onset_div"], draft.notes["duration_div"]
    bars = draft.bar_of(onsets)
    phases = _phases(draft)
    for row, after in itertools.pairwise(lead):
        place = int(onsets[after])
        beat = beat_quarters(*(int(piece.measures[name][bars[row]]) for name in ("beats", "beat_type"))) * quarter
        gap = place - int(onsets[row] + lengths[row])
        weight = LONG_REST if gap >= beat else SHORT_REST * gap / beat if gap > 0 else 0.0
        identity, marks = draft.written_ids[row], draft.note_marks[row]
        if identity in ends:
            weight += SLUR_END
        elif identity in inside:
            weight -= SLUR_END
        if marks is not None:
            weight += (CLAUSE if marks.ends_clause else 0.0) + (BREATH if marks.breath else 0.0)
        if lengths[row] >= 2 * lengths[after] and lengths[row] >= beat:
            weight += LONG_NOTE
        if weight > 0 and abs((place - int(piece.measures["start_div"][bars[after]])) - phases[bars[after]]) < 1:
            weight += REGULAR
        if weight > 0.1:
            evidence[place] = max(evidence.get(place, 0.0), weight)
    _add_signs(draft, evidence)
    places = np.array(sorted(evidence), dtype=np.int64)
    return places, np.array([evidence[place] for place in places.tolist()])


def _phases(draft: Draft) -> NDArray[np.int64]:
    """For each played bar the place in it where phrases are expected to begin: after the length of the last pickup's rest."""
    measures = draft.piece.measures
    phase = 0
    out = np.zeros(len(measures), dtype=np.int64)
    movement = {0} | {
        played
        for played, bar in enumerate(draft.score.order)
        if draft.marks is not None and draft.marks.bars[bar].first_of_movement
    }
    for played, row in enumerate(measures):
        whole = round(4 * draft.piece.divs_per_quarter * int(row["beats"]) / int(row["beat_type"]))
        length = int(row["end_div"] - row["start_div"])
        if played in movement:
            phase = (whole - length) % whole if length < whole else 0
        out[played] = phase
    return out


def _leading_rows(draft: Draft) -> list[int]:
    """The notes of the part that leads, top ones of its chords, by onset; where it rests for two bars the next part steps in."""
    piece = draft.piece
    lanes = list(range(len(piece.parts)))
    sung = [lane for lane in lanes if is_voice(piece.parts[lane].program)]
    order = [*sung, *(lane for lane in lanes if lane not in sung and not piece.parts[lane].is_drum)] or lanes
    onsets, ends = draft.notes["onset_div"], draft.notes["onset_div"] + draft.notes["duration_div"]
    covered = np.zeros(len(piece.measures), dtype=np.bool_)
    chosen: list[int] = []
    bars = draft.bar_of(onsets)
    for lane in order:
        rows = np.flatnonzero((draft.notes["part"] == lane) & (draft.notes["duration_div"] > 0))
        rows = rows[~covered[bars[rows]]]
        chosen += rows.tolist()
        filled = np.zeros(len(covered), dtype=np.bool_)
        last = draft.bar_of(np.maximum(ends[rows] - 1, onsets[rows]))
        for first, stop in zip(bars[rows].tolist(), last.tolist(), strict=True):
            filled[first : stop + 1] = True
        covered |= filled
        empty = ~covered
        # one empty bar between full ones is a rest of the leading part and not room for another
        alone = empty & np.append(~empty[1:], True) & np.append(True, ~empty[:-1])
        covered |= alone
    top: dict[int, int] = {}
    for row in chosen:
        at = int(onsets[row])
        if at not in top or draft.notes["pitch"][row] > draft.notes["pitch"][top[at]]:
            top[at] = row
    return [top[at] for at in sorted(top)]


def _add_signs(draft: Draft, evidence: dict[int, float]) -> None:
    """Fermatas and double bars, which count in any part."""
    if draft.marks is None:
        return
    starts, ends = draft.piece.measures["start_div"], draft.piece.measures["end_div"]
    for hold in draft.marks.holds:
        for place in draft.score.played_places(hold.end, hold.measure):
            after = [at for at in evidence if place <= at <= place + draft.piece.divs_per_quarter]
            if after:
                evidence[min(after)] = max(evidence[min(after)], FERMATA)
    for played, bar in enumerate(draft.score.order):
        if draft.marks.bars[bar].double or draft.marks.bars[bar].times:
            evidence[int(ends[played])] = max(evidence.get(int(ends[played]), 0.0), SECTION)
        if draft.marks.bars[bar].forward or draft.marks.bars[bar].first_of_movement:
            evidence[int(starts[played])] = max(evidence.get(int(starts[played]), 0.0), SECTION)
