"""A performance as a match file: every note of the score beside the note that was played.

Written by partitura (format 1.1.0: Foscarin et al., "The match file format: encoding alignments between scores and performances",
Music Encoding Conference 2022). The score side is the unfolded score with its ids ("n12-2" for a second pass), grace notes of no
length. Notes that rules added are insertions, with the id of their note and a number ("n12.3"): as ornament lines, which the
format has too, partitura 1.9 leaves them out of the performance that it reads. Match files have no cents; their clock is asked to
tick every half millisecond.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

from corpora.atomic import atomic_path
from corpora.errors import InputError
from corpora.musicxml.marks import Marks
from corpora.musicxml.spelling import Spelling, spell
from corpora.musicxml.walker import STEP_SEMITONES
from corpora.partitura_quietly import partitura
from render.perform.performance import Performance

__all__ = ["save_match"]

TICKS_PER_QUARTER, MICROSECONDS_PER_QUARTER = 1000, 500_000
CONTROL = 0xB0
PEDALS = (64, 67)


def save_match(performance: Performance, marks: Marks | None, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Write the match file of a performance, whole or not at all.

    Args:
        performance: What was played.
        marks: Of the written score, for how notes are spelled; None spells them by key.
        path: Usually ending in .match.
        title: The piece's name in the head.

    Raises:
        InputError: The place cannot be written.
    """
    alignment = _alignment(performance)
    part, played = _score_part(performance, marks), _performed_part(performance)
    with atomic_path(path) as unfinished, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # chords of equal onset make its time maps divide by zero, where nothing is read
        partitura.save_match(
            alignment,
            played,
            part,
            out=str(unfinished),
            mpq=MICROSECONDS_PER_QUARTER,
            ppq=TICKS_PER_QUARTER,
            performer="partimento",
            piece=title or None,
        )


def _alignment(performance: Performance) -> list[dict[str, str]]:
    rows = performance.notes
    out: list[dict[str, str]] = []
    for identity, ornament in zip(rows["id"].tolist(), rows["ornament"].tolist(), strict=True):
        if ornament:
            out.append({"label": "insertion", "performance_id": identity})
        else:
            out.append({"label": "match", "score_id": identity, "performance_id": identity})
    return out


def _performed_part(performance: Performance) -> Any:
    notes = []
    columns = ("id", "pitch", "onset_s", "duration_s", "velocity", "part")
    for identity, pitch, onset, duration, velocity, lane in zip(
        *(performance.notes[name].tolist() for name in columns), strict=True
    ):
        if not identity.startswith("n"):
            raise InputError(f"note {identity}: expected a note of a score, a match file has no other")
        notes.append(
            {
                "id": identity,
                "midi_pitch": pitch,
                "note_on": onset,
                "note_off": onset + duration,
                "velocity": velocity,
                "track": lane,
                "channel": 0,
            }
        )
    controls = [
        {
            "number": message.data[0],
            "value": message.data[1],
            "time": float(performance.played.div_to_seconds(message.onset_div)),
            "track": message.lane,
            "channel": 0,
        }
        for message in performance.messages
        if message.status == CONTROL and message.data[0] in PEDALS
    ]
    return partitura.performance.PerformedPart(notes, id="P0", controls=controls)


def _score_part(performance: Performance, marks: Marks | None) -> Any:
    piece = performance.score.piece
    score = partitura.score
    part = score.Part("P0", "Score", quarter_duration=piece.divs_per_quarter)
    meter = None
    for number, row in enumerate(piece.measures, 1):
        start, end = int(row["start_div"]), int(row["end_div"])
        part.add(score.Measure(number=number, name=str(row["number"])), start, end)
        if (int(row["beats"]), int(row["beat_type"])) != meter:
            meter = (int(row["beats"]), int(row["beat_type"]))
            part.add(score.TimeSignature(*meter), start)
    for row in piece.keys:
        if abs(int(row["fifths"])) <= 7:
            mode = "minor" if int(row["mode"]) < 0 else "major"
            part.add(score.KeySignature(int(row["fifths"]), mode), int(row["onset_div"]))
    names = ("id", "onset_div", "duration_div", "pitch", "part", "voice")
    written = performance.score.written.notes["id"][performance.score.rows].tolist()
    columns = [piece.notes[name].tolist() for name in names]
    for score_id, identity, onset, duration, pitch, lane, voice in zip(written, *columns, strict=True):
        spelled = _spelling(marks, score_id, pitch, piece.key_at(onset)[0])
        own = {"step": spelled.step, "octave": spelled.octave, "alter": int(spelled.alter), "id": identity}
        own |= {"voice": voice, "staff": lane + 1}
        if duration:
            part.add(score.Note(**own), onset, onset + duration)
        else:
            part.add(score.GraceNote("grace", **own), onset, onset)
    return part


def _spelling(marks: Marks | None, score_id: str, pitch: int, fifths: int) -> Spelling:
    """As written, where that is what sounds."""
    note = marks.notes[score_id] if marks is not None else None
    if note is not None and note.step and note.alter == int(note.alter):
        height = 12 * (note.octave + 1) + STEP_SEMITONES[note.step] + int(note.alter)
        if height == pitch:
            return Spelling(note.step, int(note.alter), note.octave)
    return spell(pitch, max(-7, min(7, fifths)))
