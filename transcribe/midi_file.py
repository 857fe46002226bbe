"""What was heard as a MIDI file that sounds as the recording did, with the recording's own bars and beats.

Conventions: tick 0 is the start of the recording. Every beat stands on its tick, ``TICKS_PER_QUARTER`` to the quarter, and has a
tempo event; notes keep their times to the tick. What comes before the first whole bar is a bar of its own, as short as it is, and
its first beat may be quicker than the others. One track for each instrument (family and program), drums on channel 10;
the sustain pedal is controller 64 on the keyboards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compose.constraints.instruments import INSTRUMENTS
from corpora.midi.writer import LaneMessage, write_midi
from corpora.piece import MEASURE_DTYPE, TEMPO_DTYPE, Part, Piece, Table, empty_notes, sort_notes
from transcribe.families import FAMILIES
from transcribe.heard import DRUMS, HeardMusic
from transcribe.score.grid import BeatGrid, beat_grid

__all__ = ["TICKS_PER_QUARTER", "heard_to_midi", "heard_to_played", "instrument_name"]

TICKS_PER_QUARTER = 960
CONTROL, SUSTAIN, DOWN = 0xB0, 64, 127
PIANO = 0  # index into FAMILIES
LARGEST_VELOCITY = 127
SHORTEST_FIRST_S = 0.06  # a quarter at 999 a minute, as quick as sequencers go: a beat nearer the start is put on it


def heard_to_midi(heard: HeardMusic) -> bytes:
    """The recording as a Standard MIDI File of format 1; without beats the tempo is a fixed 120.

    Raises:
        InputError: The recording is too long for MIDI.
    """
    return write_midi(*heard_to_played(heard))


def heard_to_played(heard: HeardMusic) -> tuple[Piece, list[LaneMessage]]:
    """The recording as a piece in the time in which it was played, and the pedal as messages to its lanes."""
    notes = heard.notes
    end_s = max([heard.duration_s, *notes["offset_s"].tolist(), *heard.pedals["offset_s"].tolist()])
    grid = beat_grid(heard, 0.0, end_s)
    seconds, ticks, lines = _from_zero(grid)
    lanes = list(dict.fromkeys(zip(notes["family"].tolist(), notes["program"].tolist(), strict=True)))
    lanes.sort(key=lambda lane: (lane[0] == DRUMS, lane))
    parts = tuple(_part(family, program) for family, program in lanes) or (Part(FAMILIES[PIANO].name.capitalize()),)

    def tick_of(times: NDArray[np.float64]) -> NDArray[np.int64]:
        last = (times - seconds[-1]) * (ticks[-1] - ticks[-2]) / (seconds[-1] - seconds[-2])
        within = np.interp(times, seconds, ticks)
        return np.rint(np.where(times > seconds[-1], ticks[-1] + last, within)).astype(np.int64)

    rows = empty_notes(len(notes))
    rows["onset_div"] = tick_of(notes["onset_s"])
    rows["duration_div"] = np.maximum(tick_of(notes["offset_s"]) - rows["onset_div"], 1)
    rows["pitch"], rows["velocity"] = notes["pitch"], np.clip(notes["velocity"], 1, LARGEST_VELOCITY)
    rows["part"] = [lanes.index(lane) for lane in zip(notes["family"].tolist(), notes["program"].tolist(), strict=True)]
    rows["id"] = [f"n{index}" for index in range(len(notes))]
    piece = Piece(
        notes=sort_notes(rows),
        divs_per_quarter=TICKS_PER_QUARTER,
        parts=parts,
        measures=_measures(grid, lines),
        tempos=_tempos(seconds, ticks),
    )
    keyboards = [lane for lane, (family, _) in enumerate(lanes) if family == PIANO]
    downs, ups = tick_of(heard.pedals["onset_s"]).tolist(), tick_of(heard.pedals["offset_s"]).tolist()
    presses = sorted([(up, 0) for up in ups] + [(down, DOWN) for down in downs])
    messages = [LaneMessage(tick, lane, CONTROL, bytes([SUSTAIN, value])) for tick, value in presses for lane in keyboards]
    return piece, messages


def instrument_name(family: int, program: int) -> str:
    """What the player reads: the instrument of this General MIDI program, else the name of the family."""
    if family == DRUMS:
        return "Drums"
    known = next((name for name, (_, _, programs, _) in INSTRUMENTS.items() if program in programs), "")
    return (known or FAMILIES[family].name).capitalize()


def _part(family: int, program: int) -> Part:
    is_drum = family == DRUMS
    return Part(instrument_name(family, program), program=0 if is_drum else program, is_drum=is_drum)


def _from_zero(grid: BeatGrid) -> tuple[NDArray[np.float64], NDArray[np.int64], list[int]]:
    """Times and ticks of the beats from the start of the recording on, and the bar lines in ticks."""
    quarter_ticks = grid.tactus_quarters * TICKS_PER_QUARTER
    assert quarter_ticks.denominator == 1
    first = int(np.argmax(grid.seconds > 0.0))  # the first beat after the start
    cut = first - 1 if grid.seconds[first] >= SHORTEST_FIRST_S * grid.tactus_quarters else first  # the beat put at the start
    seconds = np.concatenate([[0.0], grid.seconds[cut + 1 :]])
    ticks = np.arange(len(seconds), dtype=np.int64) * quarter_ticks.numerator
    lines = [(int(line) - cut) * quarter_ticks.numerator for line in grid.bar_lines if line > cut]
    return seconds, ticks, [0, *lines]


def _measures(grid: BeatGrid, lines: list[int]) -> Table:
    measures = np.zeros(len(lines) - 1, dtype=MEASURE_DTYPE)
    measures["start_div"], measures["end_div"] = lines[:-1], lines[1:]
    skipped = len(grid.bar_lines) - len(lines)
    for row in range(len(measures)):
        measures["beats"][row], measures["beat_type"][row] = grid.meter_of(row + skipped)
    whole = 4 * TICKS_PER_QUARTER * int(measures["beats"][0]) // int(measures["beat_type"][0])
    is_short = int(measures["end_div"][0]) < whole
    measures["number"] = [str(row if is_short else row + 1) for row in range(len(measures))]
    return measures


def _tempos(seconds: NDArray[np.float64], ticks: NDArray[np.int64]) -> Table:
    tempos = np.zeros(len(seconds) - 1, dtype=TEMPO_DTYPE)
    tempos["onset_div"] = ticks[:-1]
    tempos["quarters_per_minute"] = 60.0 * np.diff(ticks) / TICKS_PER_QUARTER / np.diff(seconds)
    return tempos
