"""What a fit found: the performance, and for each note what was told and how surely."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from render.fit.midi_file import played_to_midi
from render.played import PlayedMusic

__all__ = ["Fit", "NoteFit"]


@dataclass(frozen=True, kw_only=True)
class NoteFit:
    """A note before and after.

    Args:
        id: Of the score's note.
        part: Name of its part.
        key: 0-127.
        onset_s: In the score.
        score_velocity: In the score.
        velocity: As fitted, 1 to 127 with fractions; the score's own where the recording does not tell it.
        velocity_error: Its standard error.
        shift_ms: How much later it begins than in the score; 0 where the recording does not tell it.
        cents: What it sounds above its pitch in the score, the tuning of the whole included.
        cents_error: Standard error of that in cents; None where the recording does not tell it, and it sounds as the whole.
        velocity_is_told: Whether the recording tells its velocity.
        onset_is_told: Whether the recording tells its onset.
        why: In words what keeps the recording from telling it; empty where nothing does.
    """

    id: str
    part: str
    key: int
    onset_s: float
    score_velocity: int
    velocity: float
    velocity_error: float
    shift_ms: float
    cents: float
    cents_error: float | None
    velocity_is_told: bool
    onset_is_told: bool
    why: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit:
    """A performance that sounds as near to a recording as was found.

    Args:
        performance: The music as played, with the parts' gains in its volume controllers (relative to each other).
        notes: Of the score in its order, before and after.
        tuning_cents: Of the whole, above the score's.
        part_gains_db: By name, relative to their mean.
        gain_db: Mean gain of the parts: how loud the recording is beside the rendering.
        loss_before: Multi-scale spectral loss of the score as it stands, at the recording's loudness.
        loss_after: Of the performance.
        likeness: Correlation of compressed spectra of performance and recording, 0 to 1.
        problems: In words, what speaks against the fit.
        font: What played.
        fit_s: Seconds of work.
    """

    performance: PlayedMusic
    notes: tuple[NoteFit, ...]
    tuning_cents: float
    part_gains_db: dict[str, float]
    gain_db: float
    loss_before: float
    loss_after: float
    likeness: float
    problems: tuple[str, ...]
    font: str
    fit_s: float

    def to_midi(self) -> bytes:
        """The performance as a MIDI file: velocities, times, tuning as fine tuning and bends, part gains as volume controllers."""
        return played_to_midi(self.performance, tuning_cents=self.tuning_cents)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "tuning_cents": self.tuning_cents,
            "part_gains_db": self.part_gains_db,
            "gain_db": self.gain_db,
            "loss_before": self.loss_before,
            "loss_after": self.loss_after,
            "likeness": self.likeness,
            "velocities_told": sum(note.velocity_is_told for note in self.notes),
            "onsets_told": sum(note.onset_is_told for note in self.notes),
            "problems": list(self.problems),
            "font": self.font,
            "fit_s": self.fit_s,
            "notes": [asdict(note) for note in self.notes],
        }
