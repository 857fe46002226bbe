"""Constraints that no music can meet together, found before anything is written.

What is looked for: a constraint that contradicts the canvas by itself; a stretch of time in which the pitch sets of all
constraints have no pitch in common; a note that must be written (a kept rhythm) that the others leave no pitch or no room
for; an ending that has no place. The set named is minimal: leave any one of it out and this conflict is gone. Finding nothing
is no promise: rules between lanes can still leave a writer without a note. Times are ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import Constraint
from compose.constraints.ending import EndOn
from compose.constraints.feasible import all_requirements
from compose.constraints.motif import Motif
from compose.constraints.others import see_others
from compose.constraints.pitch import PitchConstraint
from corpora.errors import InfeasibleConstraint
from corpora.piece import Piece

__all__ = ["find_conflicts"]

Check = Callable[[Sequence[Constraint], Canvas], str | None]


def find_conflicts(constraints: Sequence[Constraint], canvas: Canvas) -> InfeasibleConstraint | None:
    """The first conflict there is, ready to raise, naming the smallest set of constraints responsible; None when none is found.

    Args:
        constraints: All in force.
        canvas: With its kept notes, before anything is written.
    """
    for constraint in constraints:
        if (reason := constraint.conflict(canvas)) is not None:
            return InfeasibleConstraint(f"'{constraint.text}' cannot be met: {reason}", (constraint.text,))
    for check in (_empty_span, _blocked_requirement, _crowded_requirements, _no_ending, _no_motif, _no_loudness):
        if check(constraints, canvas) is None:
            continue
        guilty = _smallest(constraints, canvas, check)
        names = " and ".join(f"'{constraint.text}'" for constraint in guilty)
        return InfeasibleConstraint(f"{names} cannot be met together: {check(guilty, canvas)}", tuple(c.text for c in guilty))
    return None


def _smallest(constraints: Sequence[Constraint], canvas: Canvas, check: Check) -> list[Constraint]:
    """A subset that still fails the check and of which every proper subset of one less passes."""
    guilty = list(constraints)
    for constraint in constraints:
        fewer = [other for other in guilty if other is not constraint]
        if check(fewer, canvas) is not None:
            guilty = fewer
    return guilty


def _place(piece: Piece, canvas: Canvas, tick: int) -> str:
    """A tick in words: "bar 5, beat 3"."""
    div = tick // canvas.ticks_per_div
    bar = piece.measures[piece.measure_at(div)]
    beat = (piece.quarters(div) - piece.quarters(int(bar["start_div"]))) * int(bar["beat_type"]) / 4 + 1
    whole = beat.numerator // beat.denominator
    return f"bar {bar['number']}, beat {whole if beat == whole else f'{float(beat):.2f}'}"


def _empty_span(constraints: Sequence[Constraint], canvas: Canvas) -> str | None:
    """A stretch of the region in which no pitch is in every set: longer than a beat, for which a part may rest, or, where the times
    of notes are given, one in which a note sounds."""
    start, end = canvas.region.start, canvas.region.end
    pitch_constraints = [constraint for constraint in constraints if isinstance(constraint, PitchConstraint)]
    required = [r for r in all_requirements(constraints, canvas) if r.duration is not None]
    given = any(constraint.keeps_times for constraint in constraints)
    for lane in canvas.region.lanes:
        if canvas.piece.parts[lane].is_drum:
            continue
        spans = [span for constraint in pitch_constraints for span in constraint.spans(canvas, lane, start, end)]
        edges = sorted({start, end, *(edge for span in spans for edge in span[:2] if start < edge < end)})
        since = start
        for tick, after in pairwise(edges):
            sets = [span.pitches for span in spans if span.start <= tick < span.end]
            if not sets or frozenset.intersection(*sets):
                since = after
                continue
            sounds = any(r.lane == lane and r.onset < after and r.onset + (r.duration or 0) > tick for r in required)
            if sounds if given else after - since > _beat(canvas, since):
                return f"no pitch is left for {canvas.piece.parts[lane].name} at {_place(canvas.piece, canvas, since)}"
    return None


def _beat(canvas: Canvas, tick: int) -> int:
    """Ticks of a beat of the meter."""
    row = canvas.piece.measures[canvas.piece.measure_at(tick // canvas.ticks_per_div)]
    return 4 * canvas.ticks_per_quarter // int(row["beat_type"])


def _blocked_requirement(constraints: Sequence[Constraint], canvas: Canvas) -> str | None:
    """A note that must be written and that has no pitch, judged alone beside the kept notes."""
    for requirement in dict.fromkeys(r for constraint in constraints for r in constraint.requirements(canvas)):
        onset, lane, duration = requirement
        durations = _durations(canvas, onset) if duration is None else np.array([duration], dtype=np.int64)
        allowed = np.ones((NUM_PITCHES, len(durations)), dtype=np.bool_)
        for constraint in constraints:
            # Those that look ahead say what may come next, not what may come later.
            if constraint.foresees and not constraint.looks_ahead:
                allowed &= constraint.onsets(canvas, np.array([onset], dtype=np.int64), lane)[0]
                allowed &= constraint.allows(canvas, onset, lane, durations)
        if not allowed.any():
            return f"the note of {canvas.piece.parts[lane].name} at {_place(canvas.piece, canvas, onset)} cannot be written"
    return None


def _durations(canvas: Canvas, onset: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """All durations on the writing grid up to the region's end."""
    step = canvas.ticks_per_step
    return np.arange(step, max(canvas.region.end - onset, step) + 1, step, dtype=np.int64)


def _crowded_requirements(constraints: Sequence[Constraint], canvas: Canvas) -> str | None:
    """Notes that must be written and that together sound too many at once, whatever their pitches."""
    required = all_requirements(constraints, canvas)
    written = 0
    try:
        for onset, lane, duration in sorted(required, key=lambda r: r[:2]):
            durations = _durations(canvas, onset) if duration is None else np.array([duration], dtype=np.int64)
            fitting = np.ones((1, len(durations)), dtype=np.bool_)
            for constraint in constraints:
                allowed = constraint.allows(canvas, onset, lane, durations)
                # One row means: judged without regard to pitch.
                if allowed.shape[0] == 1 and constraint.foresees and not constraint.looks_ahead:
                    fitting &= allowed
            if not fitting.any():
                place = _place(canvas.piece, canvas, onset)
                return f"the notes of {canvas.piece.parts[lane].name} at {place} are too many at once"
            canvas.write(Note(onset, lane, 0, int(durations[np.argmax(fitting[0])])))
            written += 1
    finally:
        for _ in range(written):
            canvas.erase()
    return None


def _no_ending(constraints: Sequence[Constraint], canvas: Canvas) -> str | None:
    """An ending that the others leave no place for."""
    for ending in see_others(constraints):
        if isinstance(ending, EndOn):
            for target in ending.targets:
                lane = target.lane(canvas)
                if lane is not None and ending.last_place(canvas, lane, target) is None:
                    return f"{canvas.piece.parts[lane].name} has no place to end on {target.name}"
    return None


def _no_motif(constraints: Sequence[Constraint], canvas: Canvas) -> str | None:
    """A figure that the others leave no place for, or not so many."""
    for motif in see_others(constraints):
        if isinstance(motif, Motif) and motif.conflict(canvas) is None and not motif.has_room(canvas):
            return "the figure has too few places"
    return None


def _no_loudness(constraints: Sequence[Constraint], canvas: Canvas) -> str | None:
    """A part that is to be softer than one constraint and louder than another allows."""
    for lane in canvas.region.lanes:
        ranges = [constraint.loudness(canvas, lane) for constraint in constraints]
        if max((low for low, _ in ranges), default=0) > min((high for _, high in ranges), default=0):
            return f"no velocity is left for {canvas.piece.parts[lane].name}"
    return None
