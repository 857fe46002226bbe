"""Transcribers side by side on music whose notes are known: ``evaluate_transcribe``.

Music is a store of sound (``transcribe.training_audio``) made from scores and a font that no model of ours was trained on. Figures
are F1 over all clips together, counted as mir_eval counts (``transcribe.measures.matching``); a note under the pedal ends with the
pedal; drums count by their class (``transcribe.frames.drums``). Beats are F1 within 70 ms over whole clips. Work is seconds of
processor and wall clock for each second of sound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compose.evaluation_tables import Section
from corpora.audio import Audio
from corpora.piece import Table
from transcribe.frames.drums import drums_by_class
from transcribe.heard import DRUMS
from transcribe.listening import transcribe
from transcribe.measures.matching import Score, score_notes
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.clips import Clip
from transcribe.training_audio.degradations import DEGRADATIONS, degrade, slower, speech_like_noise
from transcribe.training_audio.fluid_voice import FontPlayer
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["evaluate_transcribe", "score_times", "transcribe_sections"]

Change: TypeAlias = Callable[[Clip], Clip]

BEAT_TOLERANCE_S = 0.07
HALF_TEMPO = 2.0
NOTHING = Score(0, 0, 0)
FIGURES = {
    "onset": "onset",
    "offset": "onset and offset",
    "velocity": "onset, offset and velocity",
    "instrument": "onset and instrument",
    "drums": "drums",
    "beat": "beats",
    "downbeat": "downbeats",
}
SPEECH_S, SILENCE_S = 60.0, 30.0


def score_times(reference: NDArray[np.float64], heard: NDArray[np.float64], tolerance_s: float = BEAT_TOLERANCE_S) -> Score:
    """How many of some times, both sorted, can be paired within a tolerance."""
    left = right = matched = 0
    while left < len(reference) and right < len(heard):
        distance = heard[right] - reference[left]
        if abs(distance) <= tolerance_s:
            matched, left, right = matched + 1, left + 1, right + 1
        elif distance < 0:
            right += 1
        else:
            left += 1
    return Score(len(reference), len(heard), matched)


@dataclass
class _Sums:
    """Counts over clips."""

    scores: dict[str, Score] = field(default_factory=lambda: dict.fromkeys(FIGURES, NOTHING))
    sound_s: float = 0.0
    processor_s: float = 0.0
    wall_s: float = 0.0
    meters: int = 0
    meters_right: int = 0

    def add(self, name: str, score: Score) -> None:
        self.scores[name] += score

    def figures(self) -> dict[str, Any]:
        out: dict[str, Any] = {name: round(score.f1, 4) for name, score in self.scores.items() if score.reference}
        out["notes"] = self.scores["onset"].reference
        out["precision"], out["recall"] = round(self.scores["onset"].precision, 4), round(self.scores["onset"].recall, 4)
        out["meter_right"] = round(self.meters_right / self.meters, 4) if self.meters else None
        out["sound_s"] = round(self.sound_s, 1)
        out["processor_per_second"] = round(self.processor_s / self.sound_s, 4)
        out["wall_per_second"] = round(self.wall_s / self.sound_s, 4)
        return out


def _pitched(notes: Table) -> Table:
    pitched: Table = notes[notes["family"] != DRUMS]
    return pitched


def _hear(sums: _Sums, clip: Clip, model: str, weights: str) -> None:
    """One clip."""
    sound = Audio(clip.sound[None], SAMPLE_RATE_HZ)
    started, used = time.perf_counter(), time.process_time()
    music = transcribe(sound, model=model, weights=weights if model in ("frame", "mt3") else "").music
    sums.wall_s += time.perf_counter() - started
    sums.processor_s += time.process_time() - used
    sums.sound_s += sound.duration_s
    wanted, found = _pitched(clip.notes), _pitched(music.notes)
    sums.add("onset", score_notes(wanted, found))
    sums.add("offset", score_notes(wanted, found, offsets=True))
    sums.add("velocity", score_notes(wanted, found, offsets=True, velocities=True))
    sums.add("instrument", score_notes(wanted, found, families=True))
    sums.add("drums", score_notes(drums_by_class(clip.notes), drums_by_class(music.notes)))
    if len(clip.beats):
        sums.add("beat", score_times(clip.beats["time_s"], music.beats["time_s"]))
        down, heard = (beats["time_s"][beats["number"] == 1] for beats in (clip.beats, music.beats))
        sums.add("downbeat", score_times(down, heard))
        sums.meters += 1
        sums.meters_right += (clip.beats_per_bar, clip.beat_type) == (music.beats_per_bar, music.beat_type)


def evaluate_transcribe(
    stores: Mapping[str, SoundStore],
    models: Sequence[str] = ("frame",),
    *,
    weights: str = "",
    degraded: str = "",
    minutes: float = 0.0,
    slow_minutes: float = 0.5,
    font: Path | None = None,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Figures of models on stores.

    Args:
        stores: By the name that the tables have.
        models: In ``transcribe.listening.MODELS``.
        weights: A folder for our models.
        degraded: Name of the store whose clips are also made worse, for the first model; none when empty.
        minutes: At most so much of each store; all when 0.
        slow_minutes: At most so much for "transkun", which is slow.
        font: That plays the music of ``degraded`` once more at half tempo; not done when None.
        seed: Of noises.
        say: Hears what is being done.

    Returns:
        JSON values: "stores" by store and model, "degraded" by degradation, "noise" with notes a minute.

    Raises:
        ToolError: A model of others is not installed.
    """
    told = say or (lambda what: None)
    out: dict[str, Any] = {"stores": {}, "degraded": {}, "noise": {}}
    for name, store in stores.items():
        rows = out["stores"][name] = {}
        for model in models:
            told(f"{model} listens to {name}")
            most_s = 60 * (min(slow_minutes, minutes or slow_minutes) if model == "transkun" else minutes)
            rows[model] = _over(store, model, weights, most_s, _unchanged)
    if degraded:
        changes: dict[str, Change] = {kind: partial(degrade, name=kind, seed=seed) for kind in DEGRADATIONS}
        if font is not None:
            changes["half tempo"] = partial(slower, factor=HALF_TEMPO, voice=FontPlayer(font).play, seed=seed)
        for kind, change in {"as it is": _unchanged, **changes}.items():
            told(f"{models[0]} listens to {degraded}, {kind}")
            out["degraded"][kind] = _over(stores[degraded], models[0], weights, 60 * minutes, change)
        noises = {
            "speech-like noise": speech_like_noise(SPEECH_S, np.random.default_rng(seed)),
            "silence": np.zeros(round(SILENCE_S * SAMPLE_RATE_HZ), dtype=np.float32),
        }
        for kind, sound in noises.items():
            music = transcribe(Audio(sound[None], SAMPLE_RATE_HZ), model=models[0], weights=weights).music
            out["noise"][kind] = round(60 * len(music.notes) / music.duration_s, 2)
    return out


def _unchanged(clip: Clip) -> Clip:
    return clip


def _over(store: SoundStore, model: str, weights: str, most_s: float, change: Change) -> dict[str, Any]:
    sums, given_s = _Sums(), 0.0
    for index in range(len(store)):
        clip = store.clip(index)
        _hear(sums, change(clip), model, weights)
        given_s += clip.duration_s
        if most_s and given_s >= most_s:
            break
    return sums.figures()


def transcribe_sections(figures: Mapping[str, Any]) -> list[Section]:
    """The figures as tables."""
    rows = []
    for store, models in figures["stores"].items():
        for model, values in models.items():
            cells = [f"{values[name]:.3f}" if name in values else "" for name in FIGURES]
            meter = "" if values["meter_right"] is None else f"{values['meter_right']:.2f}"
            work = f"{values['processor_per_second']:.3f}"
            rows.append((store, model, f"{values['sound_s'] / 60:.1f}", *cells, meter, work))
    sections = [
        Section(
            "F1 of notes (50 ms), drums and beats (70 ms); share of right meters; seconds of processor for a second of sound.",
            ("music", "model", "minutes", *FIGURES.values(), "meter", "work"),
            tuple(rows),
        )
    ]
    if figures["degraded"]:
        worse = [
            (kind, *(f"{values[name]:.3f}" if name in values else "" for name in ("onset", "offset")))
            for kind, values in figures["degraded"].items()
        ]
        noise = [(f"{kind}, notes a minute", f"{value:.1f}", "") for kind, value in figures["noise"].items()]
        sections.append(Section("The same music made worse.", ("what", "onset", "onset and offset"), tuple(worse + noise)))
    return sections
