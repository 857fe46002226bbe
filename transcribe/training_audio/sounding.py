"""Passages as they are played and as they ought to be heard: ``played_of`` and ``labels_of``.

A passage becomes a MIDI file whose ticks are samples at 16 kHz, and that becomes played music (``render.played``), so that where a
note ends is decided in one place, pedal and all. Labels have one row a key at a time: what is struck again, by whatever part of the
same family, ends the row before it, and what begins within ``TOGETHER_S`` in a family is one note.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from corpora.midi.writer import LaneMessage, write_midi
from corpora.piece import MEASURE_DTYPE, NOTE_DTYPE, Part, Piece, Table, sort_notes
from render.controllers import SUSTAIN
from render.played import PEDAL_DOWN, PlayedMusic, play
from transcribe.families import FAMILY_OF_PROGRAM
from transcribe.heard import DRUMS, HEARD_DTYPE, PEDAL_DTYPE, sort_heard
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.passages import Passage

__all__ = ["labels_of", "one_key_at_a_time", "one_row_a_key", "pedals_of", "played_of"]

TICKS_PER_QUARTER = SAMPLE_RATE_HZ // 2  # at the 120 quarters a minute of a piece without tempos
TOGETHER_S = 0.03
SHORTEST_S = 0.02
CONTROL, PROGRAM = 0xB0, 0xC0
PIANO = 0


def one_key_at_a_time(notes: Table) -> Table:
    """PASSAGE_DTYPE rows in which a part strikes no key that it still holds: the key goes up first; by onset."""
    ordered = notes[np.lexsort((notes["velocity"], notes["onset_s"], notes["pitch"], notes["part"]))]
    kept: list[int] = []
    release = ordered["release_s"].copy()
    onset = ordered["onset_s"]
    for row in range(len(ordered)):
        if kept:
            before = kept[-1]
            if all(ordered[name][before] == ordered[name][row] for name in ("part", "pitch")):
                if onset[row] - onset[before] < TOGETHER_S:
                    release[before] = max(release[before], release[row])
                    continue
                release[before] = min(release[before], onset[row])
        kept.append(row)
    out = ordered[kept]
    out["release_s"] = np.maximum(release[kept], out["onset_s"] + SHORTEST_S / 2)
    return out[np.argsort(out["onset_s"], kind="stable")]


def played_of(passage: Passage, sample_rate_hz: int, *, start_s: float = 0.0, levels: Sequence[int] = ()) -> PlayedMusic:
    """A passage as ``render`` plays it.

    Args:
        passage: With at least one note.
        sample_rate_hz: A multiple of 16,000.
        start_s: Silence before it.
        levels: Channel volume (controller 7) of each part; 100 for all where it is empty.
    """
    offset = round(start_s * SAMPLE_RATE_HZ)
    notes = np.zeros(len(passage.notes), dtype=NOTE_DTYPE)
    onset = np.rint(passage.notes["onset_s"] * SAMPLE_RATE_HZ).astype(np.int64) + offset
    release = np.rint(passage.notes["release_s"] * SAMPLE_RATE_HZ).astype(np.int64) + offset
    notes["onset_div"], notes["duration_div"] = onset, np.maximum(release - onset, 1)
    for name in ("pitch", "velocity", "part"):
        notes[name] = passage.notes[name]
    notes["id"] = [f"n{row}" for row in range(len(notes))]
    bar = np.zeros(1, dtype=MEASURE_DTYPE)
    bar["end_div"], bar["beats"], bar["beat_type"] = int(release.max()) + 1, 4, 4
    parts = tuple(Part(f"Part {index + 1}", str(index), 1, part.program, part.is_drum) for index, part in enumerate(passage.parts))
    messages = [LaneMessage(0, lane, CONTROL, bytes([7, level])) for lane, level in enumerate(levels)]
    messages += [LaneMessage(0, lane, PROGRAM, bytes([part.program])) for lane, part in enumerate(passage.parts) if part.is_drum]
    messages += [
        LaneMessage(round(time_s * SAMPLE_RATE_HZ) + (offset if time_s else 0), part, CONTROL, bytes([controller, value]))
        for time_s, part, controller, value in passage.controls.tolist()
    ]
    piece = Piece(sort_notes(notes), TICKS_PER_QUARTER, parts, bar)
    return play(write_midi(piece, messages), sample_rate_hz=sample_rate_hz, name="passage")


def labels_of(played: PlayedMusic, end_s: float) -> Table:
    """HEARD_DTYPE rows of played music, all with confidence 1; what sounds at ``end_s`` ends there."""
    notes = played.notes
    rows = np.zeros(len(notes), dtype=HEARD_DTYPE)
    rows["onset_s"] = notes["onset_sample"] / played.sample_rate_hz
    rows["offset_s"] = np.minimum(notes["end_sample"] / played.sample_rate_hz, end_s)
    rows["pitch"], rows["velocity"] = notes["key"], notes["velocity"]
    rows["program"] = np.where(notes["is_drum"], 0, notes["program"])
    families = np.array([FAMILY_OF_PROGRAM.get(program, PIANO) for program in range(128)])
    rows["family"] = np.where(notes["is_drum"], DRUMS, families[notes["program"]])
    rows["confidence"] = 1.0
    return one_row_a_key(rows[rows["onset_s"] < end_s])


def one_row_a_key(rows: Table) -> Table:
    """HEARD_DTYPE rows with one row a key at a time, as the module says, in order."""
    rows = rows[np.lexsort((-rows["velocity"], rows["onset_s"], rows["pitch"], rows["family"]))]
    kept: list[int] = []
    offsets = rows["offset_s"].tolist()
    onsets, keys = rows["onset_s"].tolist(), list(zip(rows["family"].tolist(), rows["pitch"].tolist(), strict=True))
    velocities = rows["velocity"].tolist()
    for row in range(len(rows)):
        before = kept[-1] if kept else -1
        if kept and keys[before] == keys[row]:
            if onsets[row] - onsets[before] < TOGETHER_S:
                offsets[before] = max(offsets[before], offsets[row])
                velocities[before] = max(velocities[before], velocities[row])
                continue
            if offsets[before] > onsets[row]:
                offsets[row] = max(offsets[row], offsets[before])
                offsets[before] = onsets[row]
        kept.append(row)
    out = rows[kept]
    out["offset_s"] = np.array(offsets, dtype=np.float64)[kept]
    out["offset_s"] = np.maximum(out["offset_s"], out["onset_s"] + SHORTEST_S / 2)
    out["velocity"] = np.array(velocities, dtype=np.int32)[kept]
    return sort_heard(out)


def pedals_of(passage: Passage, start_s: float, end_s: float) -> Table:
    """PEDAL_DTYPE rows: where the sustain pedal of the first part that has one is down, in seconds after ``start_s`` of silence."""
    controls = passage.controls[passage.controls["controller"] == SUSTAIN]
    if not len(controls):
        return np.zeros(0, dtype=PEDAL_DTYPE)
    controls = controls[controls["part"] == controls["part"].min()]
    spans: list[tuple[float, float]] = []
    down: float | None = None
    for time_s, value in zip(controls["time_s"].tolist(), controls["value"].tolist(), strict=True):
        place = time_s + start_s if time_s else 0.0
        if value >= PEDAL_DOWN and down is None:
            down = place
        elif value < PEDAL_DOWN and down is not None:
            spans.append((down, place))
            down = None
    if down is not None:
        spans.append((down, end_s))
    return np.array([(one, other) for one, other in spans if other > one], dtype=PEDAL_DTYPE)
