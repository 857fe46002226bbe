"""Chords under one beam: numbered from what each chord's own beam says (begin, continue, end) where the reader has no numbers."""

from __future__ import annotations

from omr.assembly.chords import SeenEvent

__all__ = ["number_beams"]


def number_beams(events: list[SeenEvent], part_of_staff: list[int]) -> None:
    """Give chords of one beam one ``beam_group``.

    A beam that begins goes on in the next chord of its staff with its direction of stem, else in that with any, else in one of
    another staff of its part.

    Args:
        events: Of a system, in order of ``x``; changed in place.
        part_of_staff: Part of each staff.
    """
    number = 1 + max((event.beam_group for event in events), default=-1)
    running: list[SeenEvent] = []  # last chord of each beam that has not ended
    for event in events:
        if event.is_rest or not event.beam or event.beam_group >= 0:
            continue
        before = None
        if event.beam != "begin":
            fitting = [
                last
                for last in running
                if part_of_staff[last.staff] == part_of_staff[event.staff] and bool(last.grace) == bool(event.grace)
            ]
            before = min(
                fitting,
                key=lambda last: (last.staff != event.staff, last.stem != event.stem, -last.x),
                default=None,
            )
        if before is None:
            event.beam_group = number
            number += 1
        else:
            event.beam_group = before.beam_group
            running.remove(before)
        if event.beam != "end":
            running.append(event)
        else:
            running = [last for last in running if last.beam_group != event.beam_group]
