"""Playing techniques that General MIDI has a program for: ``techniques`` (pizzicato and arco of bowed strings)."""

from __future__ import annotations

from render.perform.draft import Draft, Message
from render.perform.words import parse_words

__all__ = ["apply_techniques"]

PROGRAM = 0xC0
PIZZICATO_STRINGS = 45
_BOWED = (*range(40, 45), 48, 49)


def apply_techniques(draft: Draft, strength: float) -> None:
    """pizz. and arco as program changes; the strength has no degrees."""
    del strength
    if draft.marks is None:
        return
    lanes_of: dict[int, list[int]] = {}
    for lane, part in enumerate(draft.part_of_lane):
        lanes_of.setdefault(part, []).append(lane)
    for direction in draft.marks.directions:
        kinds = {meaning.kind for meaning in parse_words(direction.text)} if direction.kind == "words" else set()
        if direction.kind == "pizzicato":
            kinds = {"pizzicato" if direction.text == "yes" else "arco"}
        if not kinds & {"pizzicato", "arco"}:
            continue
        for lane in lanes_of[direction.part]:
            program = draft.piece.parts[lane].program
            if program in _BOWED and direction.staff in (0, draft.piece.parts[lane].staff):
                wanted = PIZZICATO_STRINGS if "pizzicato" in kinds else program
                for place in draft.score.played_places(direction.onset, direction.measure):
                    draft.messages.append(Message(lane, place, PROGRAM, wanted, 0, -0.03))
