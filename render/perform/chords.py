"""Chords are not struck all at once: ``melody lead``, ``arpeggio``, ``strum``.

Melody lead: pianists play the melody 20 to 30 ms before the rest of a chord, and louder (Goebl, "Melody lead in piano
performance: expressive device or artifact?", JASA 110(1), 2001, 563-572: the lead comes with the stronger stroke). The melody is
taken to be the highest note of a keyboard part's upper staff; while somebody sings or another part has a note of its own above
it, it accompanies, and the lead is less.

Arpeggio signs roll a chord in at most ``ROLL_S``, half of it before the beat. Plucked instruments strum every chord a little.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from render.perform.draft import Draft, is_keyboard

__all__ = ["apply_arpeggio", "apply_melody_lead", "apply_strum"]

LEAD_S, LEAD_DB = 0.025, 2.5
ACCOMPANYING = 0.4
MOST_OF_GAP = 0.25  # of the time to the onset before it
ROLL_STEP_S, ROLL_S, MOST_OF_NOTE = 0.045, 0.22, 0.4
STRUM_STEP_S, STRUM_S = 0.008, 0.03
_PLUCKED = (*range(24, 32), 46, *range(104, 108))


def _chords(draft: Draft, lanes: list[int]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Onset in divs and rows of what begins together in some lanes; grace notes are left out."""
    rows = np.flatnonzero(np.isin(draft.notes["part"], lanes) & (draft.notes["duration_div"] > 0))
    places = draft.notes["onset_div"][rows]
    edges = np.flatnonzero(np.append(True, np.diff(places) != 0)) if len(rows) else np.zeros(0, dtype=np.int64)
    for chord in np.split(rows, edges[1:]):
        if len(chord):
            yield int(draft.notes["onset_div"][chord[0]]), chord


def _part_lanes(draft: Draft) -> list[list[int]]:
    parts: dict[int, list[int]] = {}
    for lane, part in enumerate(draft.part_of_lane):
        parts.setdefault(part, []).append(lane)
    return list(parts.values())


def apply_melody_lead(draft: Draft, strength: float) -> None:
    """The highest note of a keyboard's upper staff comes first and is louder."""
    for lanes in _part_lanes(draft):
        if not is_keyboard(draft.piece.parts[lanes[0]].program) or draft.piece.parts[lanes[0]].is_drum:
            continue
        others = ~np.isin(draft.notes["part"], lanes) & (draft.notes["duration_div"] > 0)
        starts = np.sort(draft.notes["onset_div"][others])
        ends = np.sort((draft.notes["onset_div"] + draft.notes["duration_div"])[others])
        before_s = -np.inf
        for place, chord in _chords(draft, lanes):
            now_s = float(draft.still_seconds_at(np.array([place]))[0])
            gap_s, before_s = now_s - before_s, now_s
            upper = chord[draft.notes["part"][chord] == lanes[0]]
            if len(chord) < 2 or not len(upper):
                continue
            top = upper[draft.notes["pitch"][upper].argmax()]
            marks = draft.note_marks[top]
            if marks is not None and marks.arpeggio:
                continue
            sounding = np.searchsorted(starts, place, side="right") - np.searchsorted(ends, place, side="right")
            size = strength * (ACCOMPANYING if sounding > 0 else 1.0)
            draft.onset_shift_s[top] -= min(size * LEAD_S, MOST_OF_GAP * gap_s)
            draft.level_db[top] += size * LEAD_DB


def apply_arpeggio(draft: Draft, strength: float) -> None:
    """Chords with the sign are rolled."""
    for lanes in _part_lanes(draft):
        for _, chord in _chords(draft, lanes):
            marked = [row for row in chord.tolist() if (marks := draft.note_marks[row]) is not None and marks.arpeggio]
            if len(marked) < 2:
                continue
            first = draft.note_marks[marked[0]]
            assert first is not None  # it is marked
            length = float(draft.notes["duration_div"][marked].min())
            length_s = length * float(draft.seconds_per_div(draft.onset[marked[:1]])[0])
            steps = len(marked) - 1
            roll_s = min(strength * min(ROLL_STEP_S * steps, ROLL_S), MOST_OF_NOTE * length_s)
            ordered = sorted(marked, key=lambda row: int(draft.notes["pitch"][row]), reverse=first.arpeggio == "down")
            for rank, row in enumerate(ordered):
                draft.onset_shift_s[row] += roll_s * (rank / steps - 0.5)


def apply_strum(draft: Draft, strength: float) -> None:
    """Guitars and harps: from the lowest string up."""
    for lanes in _part_lanes(draft):
        if draft.piece.parts[lanes[0]].program not in _PLUCKED or draft.piece.parts[lanes[0]].is_drum:
            continue
        for _, chord in _chords(draft, lanes):
            if len(chord) < 2 or any((marks := draft.note_marks[row]) is not None and marks.arpeggio for row in chord.tolist()):
                continue
            step_s = strength * min(STRUM_STEP_S, STRUM_S / (len(chord) - 1))
            for rank, row in enumerate(chord[np.argsort(draft.notes["pitch"][chord], kind="stable")].tolist()):
                draft.onset_shift_s[row] += step_s * rank
