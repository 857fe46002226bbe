"""What the frame model learns to say of each frame, drawn from a table of notes.

A note's onset is a triangle about its time, 1 at the time itself and 0 two frames away (regression of onsets, Kong et al., arXiv
2010.01815, section II, with their 50 ms as 32), so that its place between frames can be read off. ``frame`` is 1 while the note
sounds. Velocity and family hold where the onset's triangle does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.families import FAMILIES
from transcribe.frames.drums import DRUM_CLASS_OF_KEY, DRUM_CLASSES
from transcribe.heard import DRUMS
from transcribe.spectra.timing import seconds_to_frames

__all__ = ["HIGHEST_PITCH", "LOWEST_PITCH", "NUM_PITCHES", "ONSET_HALF_WIDTH", "Targets", "draw_targets"]

LOWEST_PITCH, HIGHEST_PITCH = 21, 108  # of a piano
NUM_PITCHES = HIGHEST_PITCH - LOWEST_PITCH + 1
ONSET_HALF_WIDTH = 2.0  # frames
MAX_VELOCITY = 127


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of one crop; all float32 but ``families``.

    Args:
        onset, frame, offset: (time, 88), 0 to 1.
        velocity: (time, 88), 0 to 1.
        families: (time, 88) uint16, bit f for family f: which sound the onset here.
        drums, drum_velocity: (time, drum classes), 0 to 1: onsets, and how hard.
        pedal: (time,), 1 while the pedal is down.
        beats: (time, 2): triangles about beats and downbeats.
        pedal_known, beats_known: Whether the crop tells of them at all.
    """

    onset: NDArray[np.float32]
    frame: NDArray[np.float32]
    offset: NDArray[np.float32]
    velocity: NDArray[np.float32]
    families: NDArray[np.uint16]
    drums: NDArray[np.float32]
    drum_velocity: NDArray[np.float32]
    pedal: NDArray[np.float32]
    beats: NDArray[np.float32]
    pedal_known: bool
    beats_known: bool


def _triangle(place: float, frames: int) -> tuple[slice, NDArray[np.float32]]:
    """Frames about a place, and the triangle's heights there."""
    first = max(int(np.ceil(place - ONSET_HALF_WIDTH + 1e-9)), 0)
    last = min(int(np.floor(place + ONSET_HALF_WIDTH - 1e-9)), frames - 1)
    heights = 1.0 - np.abs(np.arange(first, last + 1) - place) / ONSET_HALF_WIDTH
    return slice(first, max(last + 1, first)), heights.astype(np.float32)


def draw_targets(notes: Table, pedals: Table, beats: Table, frames: int, *, pedal_known: bool, beats_known: bool) -> Targets:
    """Targets of the first ``frames`` frames.

    Args:
        notes: HEARD_DTYPE rows; pitches that no piano has, and drums of no class, are left out.
        pedals, beats: PEDAL_DTYPE and BEAT_DTYPE rows.
        frames: Length.
        pedal_known, beats_known: Kept in the targets.
    """
    onset = np.zeros((frames, NUM_PITCHES), dtype=np.float32)
    frame, offset, velocity = onset.copy(), onset.copy(), onset.copy()
    families = np.zeros((frames, NUM_PITCHES), dtype=np.uint16)
    drums = np.zeros((frames, len(DRUM_CLASSES)), dtype=np.float32)
    drum_velocity = drums.copy()
    for note in notes:
        start, end = seconds_to_frames(float(note["onset_s"])), seconds_to_frames(float(note["offset_s"]))
        if start >= frames or end <= 0:
            continue
        place, heights = _triangle(start, frames)
        loudness = float(note["velocity"]) / MAX_VELOCITY
        if note["family"] == DRUMS:
            column = DRUM_CLASS_OF_KEY.get(int(note["pitch"]), -1)
            if column >= 0:
                drum_velocity[place, column] = np.where(heights > drums[place, column], loudness, drum_velocity[place, column])
                drums[place, column] = np.maximum(drums[place, column], heights)
            continue
        row = int(note["pitch"]) - LOWEST_PITCH
        if not 0 <= row < NUM_PITCHES:
            continue
        stronger = heights > onset[place, row]
        velocity[place, row] = np.where(stronger, loudness, velocity[place, row])
        onset[place, row] = np.maximum(onset[place, row], heights)
        if 0 <= note["family"] < len(FAMILIES):
            families[place, row] |= np.uint16(1 << int(note["family"]))
        frame[max(round(start), 0) : max(round(end), round(start) + 1), row] = 1.0
        place, heights = _triangle(end, frames)
        offset[place, row] = np.maximum(offset[place, row], heights)
    pedal = np.zeros(frames, dtype=np.float32)
    for row in pedals:
        pedal[
            max(round(seconds_to_frames(float(row["onset_s"]))), 0) : max(round(seconds_to_frames(float(row["offset_s"]))), 0)
        ] = 1.0
    pulses = np.zeros((frames, 2), dtype=np.float32)
    for row in beats:
        at = seconds_to_frames(float(row["time_s"]))
        if -ONSET_HALF_WIDTH < at < frames - 1 + ONSET_HALF_WIDTH:
            place, heights = _triangle(at, frames)
            for column in range(2 if row["number"] == 1 else 1):
                pulses[place, column] = np.maximum(pulses[place, column], heights)
    return Targets(onset, frame, offset, velocity, families, drums, drum_velocity, pedal, pulses, pedal_known, beats_known)
