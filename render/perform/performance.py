"""What a performance is: ``Performance``, and the tables in it.

Conventions: seconds from the start; MIDI ticks are divs of ``played`` (``played.divs_per_quarter`` to the quarter). Local tempo
is written as tempo events, so that every bar and beat of the score still stands on its tick; what a single note deviates from its
beat (melody lead, swing, noise, articulation) is written in ticks. Times in ``notes`` are those of the MIDI to the tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from corpora.midi.writer import LaneMessage, write_midi
from corpora.piece import Piece, Table
from render.perform.unfolding import Unfolded

__all__ = ["PERFORMED_DTYPE", "Performance", "RuleEffect"]

PERFORMED_DTYPE = np.dtype(
    [
        ("onset_s", np.float64),
        ("duration_s", np.float64),
        ("onset_tick", np.int64),
        ("duration_tick", np.int64),
        ("pitch", np.int32),
        ("velocity", np.int32),
        ("part", np.int32),  # lane: index into played.parts
        ("voice", np.int32),
        ("id", "U32"),  # unique within the performance
        ("score_id", "U24"),  # of the note in the written score
        ("pass_number", np.int32),  # which time its bar is played, from 1
        ("score_onset_div", np.int64),  # in the unfolded score
        ("ornament", "U16"),  # "" for a note of the score, else what it was added by
        ("cents", np.float32),
    ]
)


@dataclass(frozen=True)
class RuleEffect:
    """What one rule did.

    Args:
        rule, strength: Which, and how strongly it was applied.
        notes_louder, notes_softer: How many notes it changed by more than 0.05 dB; ``level_db`` is the mean size of that.
        notes_shifted: Onsets that it moved by more than 0.5 ms; ``shift_ms`` is the mean size.
        notes_reshaped: Lengths that it changed by more than 1 ms.
        tempo_share: Share of the time in which it changed the tempo by more than 0.1%; ``slowest`` and ``fastest`` are factors.
        added_s: What it adds to the whole length.
        ornaments: Notes that it replaced by a figure.
        messages: Controllers and programs that it sends.
    """

    rule: str
    strength: float
    notes_louder: int
    notes_softer: int
    level_db: float
    notes_shifted: int
    shift_ms: float
    notes_reshaped: int
    tempo_share: float
    slowest: float
    fastest: float
    added_s: float
    ornaments: int
    messages: int

    def in_words(self) -> str:
        """What it did, in one line; "nothing here" where the score gives it nothing to do."""
        said = []
        if self.notes_louder or self.notes_softer:
            said.append(f"{self.notes_louder} notes louder, {self.notes_softer} softer, by {self.level_db:.1f} dB")
        if self.notes_shifted:
            said.append(f"{self.notes_shifted} onsets moved by {self.shift_ms:.0f} ms")
        if self.notes_reshaped:
            said.append(f"{self.notes_reshaped} lengths")
        if self.tempo_share:
            said.append(f"tempo x {self.slowest:.2f} to {self.fastest:.2f} ({self.added_s:+.1f} s)")
        if self.ornaments:
            said.append(f"{self.ornaments} notes played as figures")
        if self.messages:
            said.append(f"{self.messages} controllers and programs")
        return "; ".join(said) or "nothing here"


@dataclass(frozen=True, eq=False)
class Performance:
    """A score as it is played.

    Args:
        notes: PERFORMED_DTYPE rows by onset.
        played: The same as a piece in ticks, with the tempo map and the bars of the unfolded score.
        messages: Controllers and programs, by tick.
        score: The unfolded score.
        seed: Of what is drawn at random.
        effects: What each rule did, in the order in which they were applied.
        not_understood: Words and signs that no rule reads, with how often they stand there.
        problems: What in the road map could not be followed.
    """

    notes: Table
    played: Piece
    messages: tuple[LaneMessage, ...]
    score: Unfolded
    seed: int
    effects: tuple[RuleEffect, ...]
    not_understood: Mapping[str, int]
    problems: tuple[str, ...]

    @cached_property
    def midi(self) -> bytes:
        """A Standard MIDI File: one track a lane, its controllers in it; track 0 has the tempo map and the bars."""
        return write_midi(self.played, self.messages)

    @property
    def duration_s(self) -> float:
        """From the start to the last release."""
        return float((self.notes["onset_s"] + self.notes["duration_s"]).max()) if len(self.notes) else 0.0

    def report(self) -> dict[str, Any]:
        """Figures as JSON values."""
        added = self.notes["ornament"] != ""
        return {
            "notes": len(self.notes),
            "score_notes": int((~added).sum()),
            "ornament_notes": int(added.sum()),
            "bars_written": len(self.score.written.measures),
            "bars_played": len(self.score.order),
            "duration_s": round(self.duration_s, 3),
            "seed": self.seed,
            "rules": [{**asdict(effect), "did": effect.in_words()} for effect in self.effects],
            "not_understood": dict(self.not_understood),
            "problems": list(self.problems),
        }
