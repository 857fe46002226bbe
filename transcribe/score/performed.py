"""A performed score as it would be heard by perfect ears, with what the score says of each note: pairs to learn and measure from.

Conventions: the beats are those of the score, in the performance's time; places are in beats from the first of them, exact to
float64. A keyboard's note may end with its key or with the pedal (the convention of MAESTRO); both are given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from corpora.midi.writer import LaneMessage
from corpora.musicxml.marks import NoteMarks, read_marks
from corpora.piece import Part, Piece, Table
from render.perform.draft import is_keyboard
from render.perform.performance import Performance
from transcribe.families import FAMILY_OF_PROGRAM
from transcribe.heard import BEAT_DTYPE, DRUMS, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic
from transcribe.score.grid import tactus_of

__all__ = ["GRACE", "MAIN", "STROKE", "TRUTH_DTYPE", "UNKNOWN", "PerformedScore", "performed_sections"]

MAIN, GRACE, STROKE, UNKNOWN = 0, 1, 2, -1  # a note of the score, a grace note, a note that an ornament adds, no telling
TREMOLO = "tremolo"
SUSTAIN, DOWN = 64, 64
MIN_BARS = 4
OTHER_PROGRAM_FAMILY = 5  # strings: instruments of no family are heard as something that sustains
TRUTH_DTYPE = np.dtype(
    [
        ("onset_beats", np.float64),
        ("duration_beats", np.float64),
        ("key_up_s", np.float64),  # where the key is let go, whatever the pedal does
        ("kind", np.int32),
        ("part", np.int32),  # lane of the score
        ("voice", np.int32),
        ("score_id", "U24"),
    ]
)


@dataclass(frozen=True, eq=False)
class PerformedScore:
    """A pair.

    Args:
        heard: With offsets as the pedal has them.
        truth: TRUTH_DTYPE, one row for each of ``heard.notes``.
        parts: Lanes of the score.
        score: The unfolded score.
        tactus_quarters: Length of a beat.
        first_beat_div: Place of the first beat in divs of ``score``.
        marks: Of the written score, by note id; empty where it has none.
    """

    heard: HeardMusic
    truth: Table
    parts: tuple[Part, ...]
    score: Piece
    tactus_quarters: Fraction
    first_beat_div: int
    marks: dict[str, NoteMarks] = field(default_factory=dict)


def performed_sections(performance: Performance, name: str = "") -> list[PerformedScore]:
    """The pairs of a performance: one for each stretch of at least ``MIN_BARS`` bars made of whole beats of one length.

    A bar that is not made of whole beats can only begin a stretch, as a pickup; so does a movement. Times begin anew with each.
    """
    score, played = performance.score.piece, performance.played
    factor = played.divs_per_quarter // score.divs_per_quarter
    pedals = _pedals(performance)
    ends = _with_pedal(performance.notes, pedals, played.parts)
    spans = next((rows for rows in pedals.values() if len(rows)), np.zeros(0, dtype=PEDAL_DTYPE))
    source = performance.score.written.source
    marks = read_marks(source.data, name).notes if source is not None and source.format == "musicxml" else {}
    found = []
    for first, after in _stretches(score):
        divs, numbers, tactus = _beats(score, score.measures[first:after])
        start, end = int(score.measures["start_div"][first]), int(score.measures["end_div"][after - 1])
        inside = (performance.notes["score_onset_div"] >= start) & (performance.notes["score_onset_div"] < end)
        if len(divs) < 2 or not inside.any():
            continue
        beats = np.zeros(len(divs), dtype=BEAT_DTYPE)
        beats["time_s"], beats["number"] = played.div_to_seconds(divs * factor), numbers
        notes, truth = _notes(performance, ends, inside), _truth(performance, inside, int(divs[0]), tactus)
        zero_s = min(float(notes["onset_s"].min()), float(beats["time_s"][0]))
        order = np.lexsort((notes["family"], notes["pitch"], notes["onset_s"]))
        notes, truth = notes[order], truth[order]
        kept = spans[(spans["offset_s"] > zero_s) & (spans["onset_s"] < notes["offset_s"].max())].copy()
        for table, columns in ((notes, ("onset_s", "offset_s")), (kept, ("onset_s", "offset_s")), (beats, ("time_s",))):
            for column in columns:
                table[column] -= zero_s
        kept["onset_s"] = np.maximum(kept["onset_s"], 0.0)
        truth["key_up_s"] -= zero_s
        middle = score.measures[(first + after) // 2]
        heard = HeardMusic(
            notes=notes,
            duration_s=float(notes["offset_s"].max()),
            pedals=kept,
            beats=beats,
            beats_per_bar=int(middle["beats"]),
            beat_type=int(middle["beat_type"]),
            name=name,
        )
        found.append(PerformedScore(heard, truth, played.parts, score, tactus, int(divs[0]), marks))
    return found


def _stretches(score: Piece) -> list[tuple[int, int]]:
    """First bar and the bar after the last of each stretch of whole beats of one length."""
    runs: list[list[int]] = []
    last: Fraction | None = None
    for index, row in enumerate(score.measures):
        tactus = tactus_of(int(row["beats"]), int(row["beat_type"]), 0)
        is_whole = Fraction(int(row["end_div"] - row["start_div"]), score.divs_per_quarter) % tactus == 0
        begins_anew = row["number"] in ("0", "1") and index > 0 and score.measures["number"][index - 1] != "0"  # a movement
        if tactus != last or begins_anew or not is_whole or (tactus * score.divs_per_quarter).denominator != 1:
            runs.append([index, index])
        runs[-1][1] = index + 1
        last = tactus
    return [(first, after) for first, after in runs if after - first >= MIN_BARS]


def _kind(part: Part) -> tuple[int, int]:
    """Family and program of a lane."""
    if part.is_drum:
        return DRUMS, 0
    return FAMILY_OF_PROGRAM.get(part.program, OTHER_PROGRAM_FAMILY), part.program


def _beats(score: Piece, rows: Table) -> tuple[NDArray[np.int64], NDArray[np.int64], Fraction]:
    """Places of the beats of some bars in divs, their numbers in the bar, and their length in quarters."""
    tactus = tactus_of(int(rows["beats"][0]), int(rows["beat_type"][0]), 0)
    beat = int(tactus * score.divs_per_quarter)
    places: list[int] = []
    numbers: list[int] = []
    carried = 0  # beats of a bar that the next row goes on with
    for index, row in enumerate(rows):
        start, end = int(row["start_div"]), int(row["end_div"])
        full = int(Fraction(4 * int(row["beats"]), int(row["beat_type"])) / tactus)
        count, rest = divmod(end - start, beat)
        before = max(full - count, 0) if index == 0 else carried
        places += [start + rest + beat * offset for offset in range(count)]
        numbers += [(before + offset) % max(full, count) + 1 for offset in range(count)]
        carried = before + count if index > 0 and before + count < full else 0
    return np.array(places, dtype=np.int64), np.array(numbers, dtype=np.int64), tactus


def _notes(performance: Performance, ends: NDArray[np.float64], inside: NDArray[np.bool_]) -> Table:
    """The heard rows of some performed notes."""
    found = performance.notes[inside]
    notes = np.zeros(len(found), dtype=HEARD_DTYPE)
    notes["onset_s"], notes["offset_s"] = found["onset_s"], ends[inside]
    notes["pitch"], notes["velocity"], notes["confidence"] = found["pitch"], found["velocity"], 1.0
    kinds = [_kind(part) for part in performance.played.parts]
    notes["family"] = np.array([family for family, _ in kinds])[found["part"]]
    notes["program"] = np.array([program for _, program in kinds])[found["part"]]
    return notes


def _truth(performance: Performance, inside: NDArray[np.bool_], first_div: int, tactus: Fraction) -> Table:
    """What the score says of some performed notes."""
    score, found = performance.score.piece, performance.notes[inside]
    beat = float(tactus * score.divs_per_quarter)
    written = {identity: row for row, identity in enumerate(score.notes["id"].tolist())}
    rows = np.array([written[identity.split(".")[0]] for identity in found["id"].tolist()], dtype=np.int64)
    truth = np.zeros(len(found), dtype=TRUTH_DTYPE)
    truth["onset_beats"] = (score.notes["onset_div"][rows] - first_div) / beat
    truth["duration_beats"] = score.notes["duration_div"][rows] / beat
    truth["key_up_s"] = found["onset_s"] + found["duration_s"]
    kind = np.where(truth["duration_beats"] == 0, GRACE, MAIN)
    kind = np.where(found["ornament"] != "", STROKE, kind)
    tremolos = set(found["score_id"][found["ornament"] == TREMOLO].tolist())
    kind[[identity in tremolos for identity in found["score_id"].tolist()]] = UNKNOWN
    truth["kind"] = kind
    for column in ("part", "voice", "score_id"):
        truth[column] = found[column]
    return truth


def _pedals(performance: Performance) -> dict[int, Table]:
    """Of each lane with a pedal, when it is down."""
    played = performance.played
    presses: dict[int, list[LaneMessage]] = {}
    for message in performance.messages:
        if message.status == 0xB0 and message.data[0] == SUSTAIN:
            presses.setdefault(message.lane, []).append(message)
    found: dict[int, Table] = {}
    for lane, messages in presses.items():
        spans: list[tuple[float, float]] = []
        down: float | None = None
        for message in messages:
            time_s = float(played.div_to_seconds(message.onset_div))
            if message.data[1] >= DOWN and down is None:
                down = time_s
            elif message.data[1] < DOWN and down is not None:
                if time_s > down:
                    spans.append((down, time_s))
                down = None
        if down is not None:
            spans.append((down, max(performance.duration_s, down + 1e-3)))
        found[lane] = np.array(spans, dtype=PEDAL_DTYPE)
    return found


def _with_pedal(notes: Table, pedals: dict[int, Table], parts: tuple[Part, ...]) -> NDArray[np.float64]:
    """Where each note stops sounding: with its key, else with the pedal, but no later than the key is struck again."""
    ends: NDArray[np.float64] = (notes["onset_s"] + notes["duration_s"]).astype(np.float64)
    for lane, spans in pedals.items():
        mine = np.flatnonzero(notes["part"] == lane)
        if not len(mine) or not len(spans) or not is_keyboard(parts[lane].program):
            continue
        at = np.searchsorted(spans["onset_s"], ends[mine], side="right") - 1
        held = (at >= 0) & (ends[mine] < spans["offset_s"][np.maximum(at, 0)])
        ends[mine] = np.where(held, spans["offset_s"][np.maximum(at, 0)], ends[mine])
    programs = np.array([-1 if part.is_drum else part.program for part in parts])[notes["part"]]
    order = np.lexsort((notes["onset_s"], notes["pitch"], programs))
    same = (notes["pitch"][order][1:] == notes["pitch"][order][:-1]) & (programs[order][1:] == programs[order][:-1])
    onsets = notes["onset_s"][order]
    cut = same & (onsets[1:] > onsets[:-1])
    earlier = order[:-1][cut]
    ends[earlier] = np.minimum(ends[earlier], onsets[1:][cut])
    return ends
