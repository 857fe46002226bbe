"""A score and its recording in, the performance out: ``fit_performance``.

Coarse to fine, with one rendering of each note alone (``render.sampler``) serving all steps, since sounds and spectra of notes add
up: the tuning of the whole; how loud each note is, by power spectra; when it begins, by search ``REACH_S`` either way; its own
tuning, by phases; levels and onsets again; then both together by the gradient of a multi-scale spectral loss of the whole sound.

Conventions: a note is moved as a whole, with its length. The music must lie on the recording to within ``REACH_S`` and
``MAX_TUNING_CENTS``: another tempo is not looked for. The rendering is dry and mono; the recording's room, pan and tone are what is
left in the loss.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compose.threads import one_thread
from corpora.audio import Audio
from corpora.errors import RequestError
from corpora.piece import Piece
from render.fit.levels import Levels, fit_levels, total_power
from render.fit.loss import SpectralLoss, likeness
from render.fit.onsets import REACH_S, OnsetShifts, search_onsets
from render.fit.outcome import Found, outcome
from render.fit.recording import FIT_RATE_HZ, Recording, prepare_recording
from render.fit.refine import Mixture, refine
from render.fit.result import Fit
from render.fit.sounds import NoteSound, NoteSounds
from render.fit.spectra import Grid, Patch
from render.fit.tuning import global_tuning, note_tunings, own_tunings
from render.fit.velocities import struck
from render.played import PlayedMusic, play

__all__ = ["MAX_NOTES", "fit_performance"]

MAX_NOTES = 3_000  # of which each costs a third of a megabyte
DEFAULT_RATE_HZ = 44_100
TOP_HZ = 8_000.0
TUNING_WINDOW, TUNING_HOP = 8_192, 2_048
LEVEL_WINDOW, LEVEL_HOP = 2_048, 512
PHASE_HOP = 256  # partials of 2.5 kHz turn by less than half a turn for 29 cents
ONSET_WINDOW, ONSET_HOP = 1_024, 64
FLOOR_RATIO = 1e-6  # of the power of loud frames' loudest bins, under which nothing is heard
LEVEL_ROUNDS, LATER_LEVEL_ROUNDS = 14, 6
TOLD_LEVEL = 0.35  # standard error in nepers (3 dB) from which on a level is not told
TOLD_ONSET = 0.02  # nepers a bin by which the best onset must be better than the worst
REFINE_STEPS = 40
ERRORS_OF_REACH, LEAST_REACH, LARGEST_REACH = 3.0, 0.05, 1.0  # how far a level may be refined
ONSET_REACH_S = 0.002

Floats = NDArray[np.float64]


@dataclass
class _Heard:
    """A recording's power spectrum over a floor."""

    grid: Grid
    power: NDArray[np.float32]
    floor: NDArray[np.float32]


def _heard(samples: NDArray[np.float32], window: int, hop: int) -> _Heard:
    grid = Grid(FIT_RATE_HZ, window, hop, len(samples) // hop + 1, TOP_HZ)
    power = grid.power(samples, 0).values
    floor = np.full(power.shape, FLOOR_RATIO * float(np.quantile(power.max(axis=1), 0.95)) + 1e-20, dtype=np.float32)
    return _Heard(grid, power + floor, floor)


class _Fitting:
    """The state of a fit: rows of notes, their sounds, and what is known of them."""

    def __init__(self, played: PlayedMusic, recording: Recording, font: str | Path | None) -> None:
        self.played, self.recording = played, recording
        self.score = played.notes
        self.player = NoteSounds(played, font)
        self.parts = played.notes["stem"].astype(np.int64)
        self.rows = played.notes.copy()
        self.shifts_s = np.zeros(len(self.rows))
        self.cents = np.zeros(len(self.rows))
        self.cents_errors = np.full(len(self.rows), np.inf)
        self.tuning = 0.0
        self.is_in = self.score["onset_sample"] < recording.samples - REACH_S * FIT_RATE_HZ
        self.onset_gains = np.zeros(len(self.rows))
        self.heard = _heard(recording.heard, LEVEL_WINDOW, LEVEL_HOP)
        self.render()
        self.levels = Levels(np.zeros(len(self.rows)), np.full(len(self.rows), np.inf))

    def render(self) -> None:
        """Plays the notes as they now stand."""
        for field in ("onset_sample", "release_sample", "end_sample"):
            self.rows[field] = self.score[field] + np.round(self.shifts_s * FIT_RATE_HZ).astype(np.int64)
        melodic = ~self.score["is_drum"]
        self.rows["cents"] = self.score["cents"] + np.where(melodic, self.tuning + self.cents, 0.0)
        self.sounds: list[NoteSound] = self.player.sounds(self.rows)

    def patches(self, grid: Grid) -> list[Patch]:
        return [grid.power(sound.frames, int(onset)) for sound, onset in zip(self.sounds, self.onsets(), strict=True)]

    def onsets(self) -> NDArray[np.int64]:
        return np.asarray(self.score["onset_sample"] + np.round(self.shifts_s * FIT_RATE_HZ).astype(np.int64))

    def overall(self) -> Floats:
        """One level for all notes, at which the whole has the recording's power."""
        total = total_power(self.patches(self.heard.grid), np.zeros(len(self.rows)), self.heard.floor)
        level = 0.5 * np.log(float(self.heard.power.sum()) / float(total.sum()))
        return np.full(len(self.rows), level)

    def tune(self) -> None:
        """The tuning of the whole, by spectra."""
        heard = _heard(self.recording.heard, TUNING_WINDOW, TUNING_HOP)
        made = total_power(self.patches(heard.grid), np.zeros(len(self.rows)), np.zeros_like(heard.floor))
        self.tuning, _ = global_tuning(heard.power, made, heard.grid)
        self.render()

    def weigh(self, rounds: int) -> None:
        """Levels."""
        self.levels = fit_levels(
            self.heard.power, self.patches(self.heard.grid), self.parts, self.levels.levels, self.heard.floor, rounds=rounds
        )

    def place(self, heard: _Heard, rounds: int) -> None:
        """Onsets."""
        found: OnsetShifts = search_onsets(
            heard.power,
            [sound.frames for sound in self.sounds],
            self.score["onset_sample"],
            np.exp(2.0 * self.levels.levels),
            self.shifts_s,
            heard.floor,
            heard.grid,
            rounds=rounds,
        )
        self.onset_gains = found.gains
        earliest = -self.score["onset_sample"] / FIT_RATE_HZ
        self.shifts_s = np.where(self.is_placed(), np.maximum(found.shifts_s, earliest), 0.0)

    def tune_notes(self) -> None:
        """Tunings of notes by phases, and the rest of that of the whole."""
        grid = replace(self.heard.grid, hop_samples=PHASE_HOP, frames=self.recording.samples // PHASE_HOP + 1)
        spectra = [grid.spectrum(sound.frames, int(onset)) for sound, onset in zip(self.sounds, self.onsets(), strict=True)]
        powers = np.exp(2.0 * self.levels.levels)
        floor = np.full((grid.frames, grid.bins), self.heard.floor[0, 0], dtype=np.float32)
        total = total_power([Patch(first, values.real**2 + values.imag**2) for first, values in spectra], self.levels.levels, floor)
        heard = grid.frames_of(self.recording.heard, 0, 0, grid.frames)
        found = own_tunings(note_tunings(heard, spectra, powers, total, grid), ~self.score["is_drum"] & self.is_in)
        self.tuning += found.common
        self.cents, self.cents_errors = found.cents, found.errors

    def strike(self) -> Floats:
        """Sets velocities that make the levels; gives the parts' gains. The sounds are still those of before."""
        found = struck(
            self.levels.levels,
            [sound.levels for sound in self.sounds],
            self.score["velocity"].astype(np.float64),
            self.parts,
            self.is_told(),
            len(self.played.stems),
        )
        self.velocities = np.where(self.is_told(), found.velocities, self.score["velocity"])
        return found.part_gains

    def restrike(self) -> None:
        """Plays the notes at the velocities found, so that the font's own choice for each is heard."""
        self.strike()
        whole = np.clip(np.round(self.velocities), 1, 127).astype(np.int32)
        moved = np.array([float(sound.levels[v - 1]) for sound, v in zip(self.sounds, whole.tolist(), strict=True)])
        self.rows["velocity"] = whole
        self.levels = Levels(self.levels.levels - moved, self.levels.errors)
        self.render()

    def is_told(self) -> NDArray[np.bool_]:
        """Whose level the recording tells."""
        return np.asarray((self.levels.errors < TOLD_LEVEL) & self.is_in)

    def is_placed(self) -> NDArray[np.bool_]:
        """Whose onset the recording tells."""
        return np.asarray((self.onset_gains >= TOLD_ONSET) & self.is_in)

    def refine(self, loss: SpectralLoss) -> None:
        """Levels and onsets together, by the gradient of the loss."""
        mixture = Mixture([sound.frames for sound in self.sounds], self.recording.samples)
        reach = np.clip(ERRORS_OF_REACH * self.levels.errors, LEAST_REACH, LARGEST_REACH)
        onset_reach = np.where(self.is_placed(), ONSET_REACH_S * FIT_RATE_HZ, 0.0)
        expected = self.score["onset_sample"].astype(np.float64)
        onsets = expected + self.shifts_s * FIT_RATE_HZ
        found = refine(
            mixture, loss, self.levels.levels, onsets, reach, onset_reach, sample_rate_hz=FIT_RATE_HZ, steps=REFINE_STEPS
        )
        self.levels = Levels(found.levels, self.levels.errors)
        self.shifts_s = (np.maximum(found.onsets, 0.0) - expected) / FIT_RATE_HZ


def fit_performance(
    score: Piece | bytes,
    audio: Audio,
    *,
    font: str | Path | None = None,
    sample_rate_hz: int = DEFAULT_RATE_HZ,
    name: str = "",
    told: Callable[[str, float], None] | None = None,
) -> Fit:
    """The performance of a score that sounds nearest to a recording of it.

    Args:
        score: A piece, or a Standard MIDI File that has passed ``corpora.gate``; its time is that of the recording to within
            ``REACH_S``.
        audio: The recording; channels are averaged, any rate.
        font: A .sf2 or .sf3 file whose instruments are like the recording's; None for ``render.fonts.find_font``'s choice.
        sample_rate_hz: Of the performance's sample places.
        name: Of the music, for messages.
        told: Hears what is being done, and how much of it is.

    Returns:
        The performance, and for each note what was found and how surely.

    Raises:
        InputError: The music has no notes or is no MIDI; the font is broken; the recording is silent, too short, or not finite.
        RequestError: The music has more than ``MAX_NOTES`` notes.
        ToolError: There is no font.

    Example:
        >>> from corpora.audio import read_audio
        >>> from corpora.files import read_piece
        >>> fit = fit_performance(read_piece("quartet.musicxml"), read_audio("quartet.flac"))  # doctest: +SKIP
        >>> Path("quartet.mid").write_bytes(fit.to_midi())  # doctest: +SKIP
    """
    started = time.perf_counter()
    say = told or (lambda what, share: None)
    played = play(score, sample_rate_hz=FIT_RATE_HZ, name=name)
    if len(played.notes) > MAX_NOTES:
        raise RequestError(f"{played.name}: expected at most {MAX_NOTES} notes to fit, got {len(played.notes)}")
    recording = prepare_recording(audio, played.end_sample)
    with one_thread():
        say("listening to", 0.0)
        work = _Fitting(played, recording, font)
        loss = SpectralLoss(recording.heard)
        before = _loss(loss, work, work.overall())
        work.tune()
        say("tuning", 0.1)
        work.levels = Levels(work.overall(), np.full(len(work.rows), np.inf))
        work.weigh(LEVEL_ROUNDS)
        say("weighing", 0.2)
        onset_view = _heard(recording.heard, ONSET_WINDOW, ONSET_HOP)
        work.place(onset_view, 1)
        work.weigh(LATER_LEVEL_ROUNDS)
        work.tune_notes()
        work.restrike()
        say("placing", 0.4)
        work.weigh(LATER_LEVEL_ROUNDS)
        work.place(onset_view, 2)
        work.weigh(LATER_LEVEL_ROUNDS)
        say("refining", 0.6)
        work.refine(loss)
        gains = work.strike()
        work.rows["velocity"] = np.clip(np.round(work.velocities), 1, 127)
        work.render()
        final = gains[work.parts]
        after = _loss(loss, work, final)
        made = total_power(work.patches(work.heard.grid), final, work.heard.floor)
        alike = likeness(work.heard.power, made)
        say("done", 1.0)
    found = Found(
        velocities=work.velocities,
        errors=work.levels.errors,
        shifts_s=work.shifts_s,
        tuning_cents=work.tuning,
        cents=work.cents,
        cents_errors=work.cents_errors,
        part_gains=gains,
        is_in=work.is_in,
        velocity_is_told=work.is_told(),
        onset_is_told=work.is_told() & work.is_placed(),
        curves=[sound.levels for sound in work.sounds],
        loss_before=before,
        loss_after=after,
        likeness=alike,
        font=work.player.font.name,
    )
    full = play(score, sample_rate_hz=sample_rate_hz, name=name)
    return outcome(full, played, found, recording_s=recording.duration_s, fit_s=time.perf_counter() - started)


def _loss(loss: SpectralLoss, work: _Fitting, levels: Floats) -> float:
    """Of the notes as they now stand at some levels."""
    mixture = Mixture([sound.frames for sound in work.sounds], work.recording.samples)
    return loss.value(mixture.sound(levels, work.onsets().astype(np.float64)))
