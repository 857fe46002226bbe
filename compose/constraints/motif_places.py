"""Where a figure may stand on a canvas, whatever is written. Times are ticks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from compose.canvas import Canvas
from compose.constraints.base import IntArray
from compose.constraints.contour import KeepContour, top_line
from compose.constraints.motif_figure import Figure
from compose.constraints.motif_room import Place, Standing, Surroundings
from compose.constraints.others import foreseen

__all__ = ["find_places"]


def find_places(canvas: Canvas, figure: Figure, lanes: Sequence[int], around: Surroundings) -> Iterator[tuple[Place, IntArray]]:
    """Where the figure may stand in these lanes, with its pitches there, whatever is written; in writing order."""
    times = figure.times(canvas)
    if times is None:
        return
    offsets, lengths = times
    blank = Canvas(canvas.piece, canvas.region, canvas.removed, canvas.fixed)
    likely = {onset for _, onset in around.required(canvas)} | {note.onset for note in canvas.removed}
    for start, misfit in _starts(canvas, figure, offsets, lengths, likely):
        for turn, lane in enumerate(lanes):
            onsets = tuple(start + offset for offset in offsets)
            under = around.under(canvas, lane, onsets, lengths)
            if under is None or not _is_free(blank, lane, onsets, lengths, figure, around):
                continue
            place = Place(lane, onsets, lengths, under, misfit, turn)
            pitches = figure.pitches(around.scale(canvas, lane, start) if figure.diatonic else None)
            pitches = around.open_rows(blank, place, Standing(0, (), pitches))
            if len(pitches):
                yield place, pitches


def _is_free(
    blank: Canvas, lane: int, onsets: tuple[int, ...], lengths: tuple[int, ...], figure: Figure, around: Surroundings
) -> bool:
    """Whether nothing kept stands in the way, and the times and moves are such as the others leave."""
    kept = blank.overlapping(lane, onsets[0], onsets[-1] + lengths[-1])
    if any(note.onset >= onsets[0] for note in kept) or not _moves_as_before(blank, lane, onsets, figure, around):
        return False
    starts = np.array(onsets, dtype=np.int64)
    return all(other.onsets(blank, starts, lane).all() for other in foreseen(around.others))


def _moves_as_before(canvas: Canvas, lane: int, onsets: tuple[int, ...], figure: Figure, around: Surroundings) -> bool:
    """Whether the figure rises and falls as the notes that went did, where they are to be followed."""
    if not any(isinstance(other, KeepContour) for other in around.others):
        return True
    old = [note.pitch for note in top_line(canvas.removed, lane) if note.onset in onsets]
    own = [note.pitch for note in figure.notes]
    return len(old) == len(own) and bool((np.sign(np.diff(old)) == np.sign(np.diff(own))).all())


def _starts(
    canvas: Canvas, figure: Figure, offsets: tuple[int, ...], lengths: tuple[int, ...], likely: set[int]
) -> Iterator[tuple[int, int]]:
    """Onsets worth trying and how ill they fit: 0 the figure's own place in the bar, 1 another beat, 2 elsewhere.

    ``likely`` ones, where a note is required or stood before, are tried wherever they lie.
    """
    region, scale, measures = canvas.region, canvas.ticks_per_div, canvas.piece.measures
    unit, phase = min(lengths), int(figure.phase * canvas.ticks_per_quarter)
    last = region.end - (offsets[-1] + lengths[-1])
    for start in range(region.start + -region.start % canvas.ticks_per_step, last + 1, canvas.ticks_per_step):
        row = measures[canvas.piece.measure_at(start // scale)]
        place = start - int(row["start_div"]) * scale
        beat = 4 * canvas.ticks_per_quarter // int(row["beat_type"])
        if place == phase:
            yield start, 0
        elif (place - phase) % beat == 0:
            yield start, 1
        elif (place - phase) % unit == 0 or start in likely:
            yield start, 2
