"""Grace notes get their time: ``grace notes``.

Short ones (slashed, several in a row, or of less than an eighth) are played before the beat and take their time from what is
before them: about ``SHORT_S`` each, never more than half of the way back to the last onset of their voice. Their main note does
not move, except at the start of the piece, where there is nothing before it: there it waits for them.

A single unslashed grace note of an eighth or more before a note at least twice as long is a long appoggiatura: it is played on
the beat, at its written length but for at most half of the main note, which waits for it (C. P. E. Bach, Versuch, 1753, II.2,
section 11). So a main note never moves by more than half its length.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from render.perform.draft import Draft

__all__ = ["Appoggiaturas", "apply_grace_notes"]

Appoggiaturas = Literal["long", "short"]

SHORT_S = 0.075
RUN_S = 0.065  # of several in a row
GRACE_DB = -2.0
APPOGGIATURA_DB = 1.0
_QUARTERS: Final = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5}  # values that may be long


def apply_grace_notes(draft: Draft, strength: float) -> None:
    """Short ones before the beat, long appoggiaturas on it; the strength scales their length."""
    groups: dict[tuple[int, int, int], list[int]] = {}
    for row in np.flatnonzero(draft.notes["duration_div"] == 0).tolist():
        part, voice, onset = (int(draft.notes[name][row]) for name in ("part", "voice", "onset_div"))
        groups.setdefault((part, voice, onset), []).append(row)
    for (lane, voice, place), rows in groups.items():
        rows.sort(key=lambda row: (len(draft.notes["id"][row]), draft.notes["id"][row]))
        slots = _slots(draft, rows)
        voice_rows = draft.groups[lane, voice]
        sounding = voice_rows[draft.notes["duration_div"][voice_rows] > 0]
        mains = sounding[draft.notes["onset_div"][sounding] == place]
        share = _appoggiatura(draft, slots, mains) if draft.appoggiaturas == "long" else 0.0
        if share:
            _on_the_beat(draft, slots[0], mains, share * min(strength, 1.0))
        else:
            _before_the_beat(draft, slots, mains, sounding[draft.notes["onset_div"][sounding] < place], strength)


def _slots(draft: Draft, rows: list[int]) -> list[list[int]]:
    """Grace notes that follow each other, those of a chord together."""
    slots: list[list[int]] = []
    for row in rows:
        marks = draft.note_marks[row]
        if slots and marks is not None and marks.chord:
            slots[-1].append(row)
        else:
            slots.append([row])
    return slots


def _appoggiatura(draft: Draft, slots: list[list[int]], mains: NDArray[np.int64]) -> float:
    """Share of the main note that a long appoggiatura takes; 0 when these are short."""
    marks = draft.note_marks[slots[0][0]]
    if len(slots) > 1 or marks is None or marks.grace != "plain" or marks.type not in _QUARTERS or not len(mains):
        return 0.0
    length = int(draft.notes["duration_div"][mains].min())
    wanted = _QUARTERS[marks.type] * draft.piece.divs_per_quarter
    return wanted / length if wanted * 2 <= length else 0.0


def _on_the_beat(draft: Draft, rows: list[int], mains: NDArray[np.int64], share: float) -> None:
    place = float(draft.notes["onset_div"][mains[0]])
    length = share * float(draft.notes["duration_div"][mains].min())
    draft.onset[mains] += length
    for row in rows:
        draft.onset[row], draft.end[row] = place, place + length
        draft.level_db[row] += APPOGGIATURA_DB


def _before_the_beat(
    draft: Draft,
    slots: list[list[int]],
    mains: NDArray[np.int64],
    earlier: NDArray[np.int64],
    strength: float,
) -> None:
    place = float(draft.notes["onset_div"][slots[0][0]])
    each_s = strength * (SHORT_S if len(slots) == 1 else RUN_S)
    just_before = np.array([max(place - 1e-3, 0.0)])
    each = each_s / float(draft.seconds_per_div(just_before)[0])
    before = float(draft.onset[earlier].max()) if len(earlier) else 0.0
    room = (place - before) / 2
    start = place - min(each * len(slots), room)
    if room <= 0:  # the very start: the main note waits
        limit = float(draft.notes["duration_div"][mains].min()) / 2 if len(mains) else each * len(slots)
        each = min(each, limit / len(slots))
        start, place = place, place + each * len(slots)
        draft.onset[mains] = place
    each = (place - start) / len(slots)
    for index, rows in enumerate(slots):
        for row in rows:
            draft.onset[row], draft.end[row] = start + index * each, start + (index + 1) * each
            draft.level_db[row] += GRACE_DB
    draft.end[earlier] = np.where(draft.end[earlier] > start, np.maximum(start, draft.onset[earlier] + 1), draft.end[earlier])
