"""MIDI that somebody played, as if it had been heard: its notes in seconds, its pedal, and no beats."""

from __future__ import annotations

import numpy as np

from corpora.piece import Piece
from render.controllers import SUSTAIN
from render.played import PEDAL_DOWN, play
from transcribe.families import FAMILY_OF_PROGRAM
from transcribe.heard import DRUMS, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic, sort_heard

__all__ = ["heard_of_midi"]

CLOCK_HZ = 48_000
PIANO = 0


def heard_of_midi(piece: Piece, *, pedalled: bool = True) -> HeardMusic:
    """The notes of a piece in the time in which it plays.

    Args:
        piece: Best one that was read from MIDI, which has controllers.
        pedalled: Whether a note goes on while the pedal is down, as in recordings; else it ends with its key.

    Raises:
        InputError: No notes, or over two hours.
    """
    played = play(piece, sample_rate_hz=CLOCK_HZ)
    rows = np.zeros(len(played.notes), dtype=HEARD_DTYPE)
    rows["onset_s"] = played.notes["onset_sample"] / CLOCK_HZ
    rows["offset_s"] = played.notes["end_sample" if pedalled else "release_sample"] / CLOCK_HZ
    rows["pitch"], rows["velocity"] = played.notes["key"], played.notes["velocity"]
    rows["confidence"] = 1.0
    families = [FAMILY_OF_PROGRAM.get(int(program), PIANO) for program in played.notes["program"]]
    rows["family"] = np.where(played.notes["is_drum"], DRUMS, families)
    rows["program"] = np.where(played.notes["is_drum"], 0, played.notes["program"])
    pedals: list[tuple[float, float]] = []
    for channel in range(played.channels):
        if played.stem_of_channel[channel] < 0:
            continue
        curve = played.curve(channel, SUSTAIN)
        down = np.concatenate([[False], curve.values >= PEDAL_DOWN])
        places = np.concatenate([curve.samples, [played.end_sample]]) / CLOCK_HZ
        pressed = np.flatnonzero(down[1:] & ~down[:-1])
        for start in pressed.tolist():
            later = np.flatnonzero(~down[start + 1 :])
            end = places[start + int(later[0])] if len(later) else places[-1]
            if end > places[start]:
                pedals.append((float(places[start]), float(end)))
    return HeardMusic(
        sort_heard(rows),
        played.end_sample / CLOCK_HZ,
        np.array(sorted(pedals), dtype=PEDAL_DTYPE),
        name=played.name,
    )
