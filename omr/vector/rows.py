"""Rows of ``omr.signs.SIGN_DTYPE`` from what was found in a system; what was found is taken for certain."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from omr.signs import BEAMS, DURATIONS, GRACES, KIND_INDEX, RESTS, SIGN_DTYPE, STEMS, Signs, empty_signs
from omr.vector.marks import Mark
from omr.vector.scene import Scene
from omr.vector.stems import Head, Stem

__all__ = ["CERTAIN", "Rows", "duration_of"]

CERTAIN: Final = 0.999  # probability of a sign
HEAD_DURATIONS: Final = {"head_half": "half", "head_whole": "whole", "head_breve": "breve"}
REST_DURATIONS: Final = dict(
    zip(RESTS[:9], ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th"), strict=True)
)
QUARTER: Final = DURATIONS.index("quarter")


def duration_of(head: Head) -> str:
    """Note type of a head by its shape and its stem's beams or flags.

    Where a half and a shorter note share one head, it is a half's; the other stem has the beams.
    """
    strokes = head.stem.strokes if head.stem is not None else 0
    if head.mark.name in HEAD_DURATIONS and not (head.shared and strokes):
        return HEAD_DURATIONS[head.mark.name]
    return DURATIONS[min(QUARTER + strokes, len(DURATIONS) - 1)]


class Rows:
    """Rows as they are added, with the words of some."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._rows: list[Any] = []
        self._words: list[str] = []

    def add(
        self, kind: str, box: tuple[float, float, float, float], staff: int, height: float | None = None, words: str = ""
    ) -> Any:
        """Add a sign and return its row, a view that may be filled further.

        Args:
            kind: Of ``omr.signs.KINDS``.
            box: Left, top, right, bottom, in staff spaces.
            staff: Its staff.
            height: Height that its place is taken at; the middle of the box when None.
            words: Its text.
        """
        x0, y0, x1, y1 = box
        row = empty_signs(1)
        row["kind"], row["probability"] = KIND_INDEX[kind], CERTAIN
        row["x"], row["y"], row["width"], row["height"] = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        row["staff"] = staff
        row["place"] = self._scene.staves[staff].place((y0 + y1) / 2 if height is None else height)
        self._rows.append(row)
        self._words.append(words)
        return row[0]

    def add_mark(self, kind: str, mark: Mark, staff: int, height: float | None = None) -> Any:
        """As ``add``, with the box of a sign."""
        return self.add(kind, (mark.x0, mark.y0, mark.x1, mark.y1), staff, height)

    def add_head(self, head: Head, chord: int, beam: str) -> None:
        """Add a head with all that is known of it."""
        row = self.add_mark(head.mark.name, head.mark, head.staff)
        row["place"] = head.place
        row["duration"][DURATIONS.index(duration_of(head))] = 1.0
        row["dots"][head.dots] = 1.0
        stem: Stem | None = head.stem
        row["stem"][STEMS.index("" if stem is None else "up" if stem.up else "down")] = 1.0
        row["beam"][BEAMS.index(beam)] = 1.0
        row["grace"][GRACES.index("slashed" if head.slashed else "grace" if head.small else "")] = 1.0
        row["tie_start"], row["tie_stop"] = float(head.tie_start), float(head.tie_stop)
        row["slur_start"], row["slur_stop"] = float(head.slur_start), float(head.slur_stop)
        row["chord"] = chord
        row["beam_group"] = -1 if stem is None else stem.group

    def add_rest(self, name: str, mark: Mark, staff: int, dots: int) -> None:
        """Add a rest with its length."""
        row = self.add_mark(name, mark, staff)
        if name in REST_DURATIONS:
            row["duration"][DURATIONS.index(REST_DURATIONS[name])] = 1.0
        row["dots"][dots] = 1.0

    def table(self) -> tuple[Signs, dict[int, str]]:
        """The rows in order of ``x``, and their words."""
        if not self._rows:
            return empty_signs(), {}
        signs = np.concatenate(self._rows).astype(SIGN_DTYPE)
        order = np.argsort(signs["x"], kind="stable")
        words = {place: self._words[index] for place, index in enumerate(order.tolist()) if self._words[index]}
        return signs[order], words
