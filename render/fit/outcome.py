"""From what was found to what is handed back: the performance, the report of each note, and what speaks against the fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.controllers import VOLUME
from render.fit.recording import FIT_RATE_HZ
from render.fit.result import Fit, NoteFit
from render.fit.velocities import velocity_errors
from render.midi_events import PlayEvent
from render.played import PlayedMusic

__all__ = ["Found", "outcome"]

DB_OF_NEPER = 20.0 / math.log(10.0)
LIKELY, HARDLY = 0.75, 0.5  # likenesses under which a fit is doubted, and not believed
FEW_TOLD = 0.5
VOLUME_DB = 40.0  # of a factor of ten in a volume controller
LARGEST_CONTROLLER = 127

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """What a fit has found, notes in the order of the played score at ``FIT_RATE_HZ``.

    Args:
        velocities: (note,).
        errors: Of levels, in nepers, (note,).
        shifts_s: (note,).
        tuning_cents: Of the whole.
        cents: Of each note beside it, (note,).
        cents_errors: (note,), infinite where not told.
        part_gains: In nepers, (part,).
        is_in: Which notes begin before the recording ends, (note,).
        velocity_is_told: (note,).
        onset_is_told: (note,).
        curves: Level of each note at velocities 1 to 127.
        loss_before: Of the score.
        loss_after: Of the performance.
        likeness: Of the performance to the recording.
        font: What played.
    """

    velocities: Floats
    errors: Floats
    shifts_s: Floats
    tuning_cents: float
    cents: Floats
    cents_errors: Floats
    part_gains: Floats
    is_in: Flags
    velocity_is_told: Flags
    onset_is_told: Flags
    curves: list[Floats]
    loss_before: float
    loss_after: float
    likeness: float
    font: str


def outcome(full: PlayedMusic, score: PlayedMusic, found: Found, *, recording_s: float, fit_s: float) -> Fit:
    """The fit.

    Args:
        full: The score at the rate of the performance.
        score: The score at the rate of the fit.
        found: What was found for its notes.
        recording_s: Length of the recording, as far as it was looked at.
        fit_s: Seconds of work so far.
    """
    problems = tuple(_problems(found, score, recording_s))
    if _is_poor(found):
        found = _withdrawn(found, score)
    errors = velocity_errors(found.velocities, found.curves, found.errors)
    heard = [part for part in range(len(score.stems)) if (found.is_in & (score.notes["stem"] == part)).any()]
    mean = float(found.part_gains[heard].mean()) if heard else 0.0
    gains_db = {score.stems[part]: DB_OF_NEPER * (float(found.part_gains[part]) - mean) for part in heard}
    notes = tuple(
        NoteFit(
            id=str(note["id"]),
            part=score.stems[int(note["stem"])],
            key=int(note["key"]),
            onset_s=int(note["onset_sample"]) / FIT_RATE_HZ,
            score_velocity=int(note["velocity"]),
            velocity=float(found.velocities[index]),
            velocity_error=float(errors[index]),
            shift_ms=1e3 * float(found.shifts_s[index]),
            cents=0.0 if note["is_drum"] else found.tuning_cents + float(found.cents[index]),
            cents_error=float(found.cents_errors[index]) if math.isfinite(found.cents_errors[index]) else None,
            velocity_is_told=bool(found.velocity_is_told[index]),
            onset_is_told=bool(found.onset_is_told[index]),
            why=_why(found, index),
        )
        for index, note in enumerate(score.notes)
    )
    return Fit(
        performance=_performance(full, notes, {score.stems.index(name): gain for name, gain in gains_db.items()}),
        notes=notes,
        tuning_cents=found.tuning_cents,
        part_gains_db=gains_db,
        gain_db=DB_OF_NEPER * mean,
        loss_before=found.loss_before,
        loss_after=found.loss_after,
        likeness=found.likeness,
        problems=problems,
        font=found.font,
        fit_s=fit_s,
    )


def _why(found: Found, index: int) -> str:
    if not found.is_in[index]:
        return "begins after the recording's end"
    if not found.velocity_is_told[index]:
        return "covered by other notes or too soft"
    return "" if found.onset_is_told[index] else "onset covered by other notes"


def _is_poor(found: Found) -> bool:
    """Whether what was found is not to be believed."""
    return found.likeness < (LIKELY if found.loss_after >= found.loss_before else HARDLY)


def _withdrawn(found: Found, score: PlayedMusic) -> Found:
    """The score as it stands, of which nothing is told."""
    nothing = np.zeros(len(score.notes))
    nobody = np.zeros(len(score.notes), dtype=np.bool_)
    return replace(
        found,
        velocities=score.notes["velocity"].astype(np.float64),
        shifts_s=nothing,
        tuning_cents=0.0,
        cents=nothing,
        cents_errors=np.full(len(nothing), np.inf),
        part_gains=np.zeros(len(found.part_gains)),
        velocity_is_told=nobody,
        onset_is_told=nobody,
        loss_after=found.loss_before,
    )


def _problems(found: Found, score: PlayedMusic, recording_s: float) -> list[str]:
    lines = []
    outside = int((~found.is_in).sum())
    if outside:
        lines.append(f"the recording ends at {recording_s:.1f} s, before {outside} of {len(score.notes)} notes begin")
    causes = "another piece or tempo, another beginning, or instruments that the font does not have"
    if _is_poor(found):
        lines.append(
            f"a poor fit: the nearest performance is {found.likeness:.2f} like the recording, 1 being the same, with loss"
            f" {found.loss_after:.2f}, the score's being {found.loss_before:.2f}; so the score is given back as it is ({causes}?)"
        )
    elif found.likeness < LIKELY or found.loss_after >= found.loss_before:
        lines.append(
            f"a doubtful fit: the performance is {found.likeness:.2f} like the recording, 1 being the same, with loss"
            f" {found.loss_after:.2f}, the score's being {found.loss_before:.2f} ({causes}?)"
        )
    told, inside = int(found.velocity_is_told.sum()), int(found.is_in.sum())
    if told < FEW_TOLD * inside:
        lines.append(f"the recording tells the velocities of only {told} of {inside} notes")
    return lines


def _performance(full: PlayedMusic, notes: tuple[NoteFit, ...], gains_db: dict[int, float]) -> PlayedMusic:
    """The score's music with what was found in it."""
    by_id = {note.id: note for note in notes}
    rows = full.notes.copy()
    for row in rows:
        note = by_id[str(row["id"])]
        shift = max(round(note.shift_ms * full.sample_rate_hz / 1e3), -int(row["onset_sample"]))
        for field in ("onset_sample", "release_sample", "end_sample"):
            row[field] += shift
        row["velocity"] = min(max(round(note.velocity), 1), 127)
        row["cents"] += note.cents
    rows = rows[np.lexsort((rows["key"], rows["channel"], rows["onset_sample"]))]
    return replace(full, notes=rows, events=_with_gains(full, gains_db))


def _with_gains(full: PlayedMusic, gains_db: dict[int, float]) -> tuple[PlayEvent, ...]:
    """The events with each channel's volume at its part's gain, all lowered alike where one would pass the controller's range."""
    channels = [channel for channel, stem in enumerate(full.stem_of_channel) if stem in gains_db]
    factors = {channel: _factor(gains_db[full.stem_of_channel[channel]]) for channel in channels}
    loudest = max((float(full.curve(channel, VOLUME).values.max()) * factors[channel] for channel in channels), default=1.0)
    room = min(LARGEST_CONTROLLER / max(loudest, 1e-9), 1.0)
    kept = [event for event in full.events if not _sets_volume(event) or event.channel not in channels]
    told = [
        PlayEvent(sample, "control_change", channel, VOLUME, _held(value * factors[channel] * room))
        for channel in channels
        for sample, value in zip(*(column.tolist() for column in _changes(full, channel)), strict=True)
    ]
    return tuple(sorted([*told, *kept], key=lambda event: event.sample))


def _changes(full: PlayedMusic, channel: int) -> tuple[NDArray[np.int64], Floats]:
    curve = full.curve(channel, VOLUME)
    return curve.samples, curve.values


def _sets_volume(event: PlayEvent) -> bool:
    return event.kind == "control_change" and event.first == VOLUME


def _factor(gain_db: float) -> float:
    """Of a volume controller, whose level goes with its square."""
    return float(10.0 ** (gain_db / VOLUME_DB))


def _held(value: float) -> int:
    return min(max(round(value), 0), LARGEST_CONTROLLER)
