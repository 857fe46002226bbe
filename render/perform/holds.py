"""Time stands still: ``fermatas``, ``breaths``, ``movement pauses``.

A fermata lengthens what sounds under it: by its length again, at least ``LEAST_S`` and at most ``MOST_S`` more. Fermatas of
several parts that overlap are one. The time is added where no part moves any more: between the last onset under the fermata and
its end. At the end of a piece it adds half of that.

A breath mark takes its time from the note before it, and a little more for all; a caesura stops everybody.
"""

from __future__ import annotations

import numpy as np

from corpora.musicxml.marks import Hold
from render.perform.draft import Draft

__all__ = ["apply_breaths", "apply_fermatas", "apply_movement_pauses"]

LEAST_S, MOST_S = 0.6, 2.2
BREATH_S, BREATH_SHARE, BREATH_PAUSE_S, CAESURA_S = 0.22, 0.3, 0.06, 0.5
MOVEMENT_S = 2.0


def _clusters(holds: tuple[Hold, ...]) -> list[tuple[int, int, int]]:
    """Start, end and measure of fermatas, those that overlap or end together as one: from the first start to the last end."""
    clusters: list[tuple[int, int, int]] = []
    for hold in sorted(holds, key=lambda hold: (hold.start, hold.end)):
        if clusters and (hold.start < clusters[-1][1] or hold.end == clusters[-1][1]):
            start, end, measure = clusters[-1]
            clusters[-1] = (start, max(end, hold.end), measure)
        else:
            clusters.append((hold.start, hold.end, hold.measure))
    return clusters


def _add_time(draft: Draft, start: int | float, end: int | float, extra_s: float) -> None:
    """Spread over the cells between two places, by their length."""
    first = int(np.searchsorted(draft.grid, start, side="right")) - 1
    last = int(np.searchsorted(draft.grid, end, side="left"))
    cells = slice(max(first, 0), max(last, first + 1, 1))
    lengths = np.diff(draft.grid)[cells]
    if len(lengths):
        draft.extra_s[cells] += extra_s * lengths / lengths.sum()


def _last_onset(draft: Draft, start: int, end: int) -> int:
    """The last place from ``start`` on and before ``end`` where any note begins."""
    onsets = draft.notes["onset_div"][draft.notes["duration_div"] > 0]
    inside = onsets[(onsets >= start) & (onsets < end)]
    return int(inside.max()) if len(inside) else start


def apply_fermatas(draft: Draft, strength: float) -> None:
    """Notes and rests under fermatas last longer."""
    if draft.marks is None:
        return
    grid_times = draft.seconds_at(draft.grid)
    for start, end, measure in _clusters(draft.marks.holds):
        for place in draft.score.played_places(start, measure):
            stop = place + end - start
            if stop <= place:  # on a bar line: a pause there
                _add_time(draft, max(place - 1, 0), place, strength * LEAST_S)
                continue
            length_s = float(np.interp(stop, draft.grid, grid_times) - np.interp(place, draft.grid, grid_times))
            extra_s = min(max(length_s, LEAST_S), MOST_S)
            if stop >= draft.piece.end_div:
                extra_s /= 2
            _add_time(draft, _last_onset(draft, place, stop), stop, strength * extra_s)


def apply_breaths(draft: Draft, strength: float) -> None:
    """Breath marks and caesuras."""
    seconds = draft.seconds_per_div(draft.onset)
    stopped: set[tuple[int, str]] = set()
    for row, marks in enumerate(draft.note_marks):
        if marks is None or not marks.breath:
            continue
        length = draft.end[row] - draft.onset[row]
        taken_s = min(BREATH_S, BREATH_SHARE * float(length * seconds[row]))
        draft.end[row] -= min(strength, 2.0) * taken_s / max(float(seconds[row]), 1e-9)
        place = int(draft.notes["onset_div"][row] + draft.notes["duration_div"][row])
        if (place, marks.breath) not in stopped:
            stopped.add((place, marks.breath))
            pause_s = CAESURA_S if marks.breath == "caesura" else BREATH_PAUSE_S
            _add_time(draft, _last_onset(draft, int(draft.notes["onset_div"][row]), place), place, strength * pause_s)


def apply_movement_pauses(draft: Draft, strength: float) -> None:
    """Silence between movements; what sounds before ends as written."""
    if draft.marks is None:
        return
    order = draft.score.order
    for played in range(1, len(order)):
        if not draft.marks.bars[order[played]].first_of_movement:
            continue
        place = int(draft.piece.measures["start_div"][played])
        cell = int(np.searchsorted(draft.grid, place)) - 1
        width = place - int(draft.grid[cell])
        seconds = float(draft.cell_s[cell])
        draft.extra_s[cell] += strength * MOVEMENT_S
        # notes that last up to the bar line are let go where they would have been
        kept = seconds / (seconds + strength * MOVEMENT_S) * width
        sounding = (draft.end > place - width) & (draft.onset < place)
        draft.end[sounding] = np.minimum(draft.end[sounding], np.maximum(place - width + kept, draft.onset[sounding] + 1))
