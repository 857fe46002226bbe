"""Classes of drums that can be told apart by ear, and the General MIDI keys in each."""

from __future__ import annotations

from typing import NamedTuple

from corpora.piece import Table
from transcribe.heard import DRUMS

__all__ = ["DRUM_CLASSES", "DRUM_CLASS_OF_KEY", "DrumClass", "drums_by_class"]


class DrumClass(NamedTuple):
    """One class: its name, and its keys, the first of which is written for it."""

    name: str
    keys: tuple[int, ...]


DRUM_CLASSES = (
    DrumClass("bass drum", (36, 35)),
    DrumClass("snare", (38, 40)),
    DrumClass("side stick", (37, 39, 31)),
    DrumClass("closed hi-hat", (42, 44)),
    DrumClass("open hi-hat", (46,)),
    DrumClass("low tom", (45, 41, 43)),
    DrumClass("high tom", (48, 47, 50)),
    DrumClass("crash cymbal", (49, 57, 52, 55)),
    DrumClass("ride cymbal", (51, 53, 59)),
    DrumClass("shaker", (70, 54, 69, 82)),
    DrumClass("hand drum", (62, 60, 61, 63, 64, 65, 66)),
    DrumClass("wood and bell", (56, 67, 68, 75, 76, 77, 80, 81)),
)
DRUM_CLASS_OF_KEY = {key: index for index, sounds in enumerate(DRUM_CLASSES) for key in sounds.keys}


def drums_by_class(notes: Table) -> Table:
    """The drums among HEARD_DTYPE rows, each with the first key of its class as its pitch; drums of no class left out."""
    drums: Table = notes[notes["family"] == DRUMS]
    classes = [DRUM_CLASS_OF_KEY.get(int(key), -1) for key in drums["pitch"]]
    known: Table = drums[[place >= 0 for place in classes]].copy()
    known["pitch"] = [DRUM_CLASSES[place].keys[0] for place in classes if place >= 0]
    return known
