"""Source notes taken apart and measured, ready to be learned from, and kept in one file for a run that goes on.

Every fifth pitch is held out: its notes, at all velocities, are for figures only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.atomic import atomic_path
from corpora.errors import InputError
from render.ddsp.analysis import HOP, NoteAnalysis, analyse_note
from render.ddsp.measures import NoteExpression, measure_note
from render.ddsp.sources import SourceNote, key_to_hz

__all__ = ["LearnedNote", "learn_notes", "load_notes", "save_notes", "split_notes"]

MIN_VOICED_SHARE = 0.25
HELD_OUT_EVERY, HELD_OUT_FIRST = 5, 2
MIN_FRAMES = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnedNote:
    """A note of the training set.

    Args:
        name: For tables.
        key: MIDI number that the source says.
        velocity: 1 to 127, or 0 when unknown.
        analysis: Its frames from the onset on, the release included.
        release_frame: Where it is let go, at most the number of frames.
        expression: Measured up to there.
        sound: float32 at 44.1 kHz from the onset on, as long as the frames.
    """

    name: str
    key: float
    velocity: int
    analysis: NoteAnalysis
    release_frame: int
    expression: NoteExpression
    sound: NDArray[np.float32]


def learn_notes(notes: Iterable[SourceNote]) -> tuple[list[LearnedNote], list[str]]:
    """Take notes apart.

    Returns:
        The notes, and a line for each that was left out: its pitch is not the one that was said, or it is too short.

    Raises:
        InputError: Not one note could be used.
    """
    learned, refused = [], []
    for note in notes:
        analysis = analyse_note(note.samples, float(key_to_hz(note.key)), note.first, note.last)
        release = min(max(2, round((note.release - note.first) / HOP)), analysis.frames)
        if analysis.voiced_share < MIN_VOICED_SHARE:
            refused.append(f"{note.name}: {analysis.voiced_share:.0%} of its energy is at key {note.key:g}")
            continue
        if release < MIN_FRAMES:
            refused.append(f"{note.name}: too short")
            continue
        learned.append(
            LearnedNote(
                name=note.name,
                key=note.key,
                velocity=note.velocity,
                analysis=analysis,
                release_frame=release,
                expression=measure_note(analysis.f0_hz[:release], analysis.amplitudes[:release], analysis.bands[:release]),
                sound=note.samples[note.first : note.first + (analysis.frames - 1) * HOP].astype(np.float32),
            )
        )
    if not learned:
        raise InputError(f"expected notes to learn from, none could be used: {'; '.join(refused[:3]) or 'there are none'}")
    return learned, refused


def split_notes(notes: list[LearnedNote]) -> tuple[list[LearnedNote], list[LearnedNote]]:
    """Notes to train on and notes held out, by pitch; with fewer than three pitches nothing is held out."""
    keys = sorted({note.key for note in notes})
    held = {key for rank, key in enumerate(keys) if rank % HELD_OUT_EVERY == HELD_OUT_FIRST}
    return [note for note in notes if note.key not in held], [note for note in notes if note.key in held]


def save_notes(path: Path, notes: list[LearnedNote]) -> None:
    """Write notes to one .npz file."""
    arrays: dict[str, Any] = {}
    facts = []
    for index, note in enumerate(notes):
        for name, values in (
            ("f0", note.analysis.f0_hz),
            ("amplitudes", note.analysis.amplitudes.astype(np.float32)),
            ("bands", note.analysis.bands.astype(np.float32)),
            ("sound", note.sound),
        ):
            arrays[f"{name}{index}"] = values
        facts.append(
            [note.name, note.key, note.velocity, note.release_frame, note.analysis.voiced_share, note.expression.to_dict()]
        )
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_notes(path: Path) -> list[LearnedNote]:
    """Read what ``save_notes`` wrote."""
    notes = []
    with np.load(path, allow_pickle=False) as arrays:
        for index, (name, key, velocity, release, share, expression) in enumerate(json.loads(arrays["facts"].tobytes())):
            analysis = NoteAnalysis(
                f0_hz=arrays[f"f0{index}"],
                amplitudes=arrays[f"amplitudes{index}"].astype(np.float64),
                bands=arrays[f"bands{index}"].astype(np.float64),
                voiced_share=share,
            )
            notes.append(
                LearnedNote(
                    name=name,
                    key=key,
                    velocity=velocity,
                    analysis=analysis,
                    release_frame=release,
                    expression=NoteExpression(**expression),
                    sound=arrays[f"sound{index}"],
                )
            )
    return notes
