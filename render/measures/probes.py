"""Notes whose sound tells how an engine keeps time and tune, and what is read from it.

*Onsets*: notes of one key begin at sample places without any grid. A note's first sound is its first sample above -120 dB re
the note's peak; its *onset error* is that place, less the note's onset, less the same for that note alone at sample 0, which is
the instrument's own attack. Isolated notes are measured as they are. Overlapping ones sound into a chord that is held under all
of them on their channel: what is measured is the sound of both less the sound of the chord alone.

*Tuning*: long notes at several cents. The *pitch error* is the measured pitch re the one that was asked, with what the
instrument's own samples are out of tune in it; the *interval error* is re the same key at 0 cents, the engine's alone. Pitch is
read from the phases of the harmonics (``render.ddsp.pitch_refinement``), the mean over all but the attack.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpora.piece import CENTS_PER_SEMITONE, Table
from render.ddsp.pitch_refinement import refine_pitch
from render.engines import stem_file
from render.midi_events import PlayEvent
from render.played import PLAYED_DTYPE, PlayedMusic

__all__ = ["OnsetErrors", "PlayRaw", "TuningErrors", "first_sounds", "measure_onsets", "measure_tuning", "steady_pitch_hz"]

PlayRaw = Callable[[PlayedMusic, Path], object]  # writes ``stem_file(folder, 0)``: an engine with its options

CLARINET = 71  # General MIDI, from 0: steady, without vibrato, and every bank has one
VELOCITY = 100
PROBE_KEY, CHORD_KEYS = 69, (58, 62, 65)
PROBES, PROBE_S, SPACING_S, LEAD_S = 8, 0.4, 2.0, 1.0
AUDIBLE_RATIO = 1e-6  # -120 dB
LOOK_BACK_SAMPLES = 4096
TUNED_KEYS = (57, 64, 69, 76)
TUNED_CENTS = (0.0, 33.3, -21.5, 50.0)
TONE_S, GAP_S, ATTACK_S = 1.5, 0.8, 0.4
CURVE_HOP_SAMPLES = 441
A4_KEY, A4_HZ = 69, 440.0
CENTS_PER_OCTAVE = 12 * CENTS_PER_SEMITONE


@dataclass(frozen=True, kw_only=True)
class OnsetErrors:
    """Samples by which notes come late, one number a note.

    Args:
        attack_samples: From the onset of the note alone at sample 0 to its first sound.
        isolated: Of notes between silences.
        overlapping: Of notes that sound into a chord.
    """

    attack_samples: int
    isolated: tuple[int, ...]
    overlapping: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class TuningErrors:
    """Cents by which notes are sharp.

    Args:
        pitch_cents: Of every note re the pitch that was asked.
        interval_cents: Of every note that is off its key, re the same key at 0 cents.
    """

    pitch_cents: tuple[float, ...]
    interval_cents: tuple[float, ...]


def _music(notes: Sequence[tuple[float, float, int, float]], sample_rate_hz: int) -> PlayedMusic:
    """Music of one channel out of (onset in samples, length in seconds, key, cents)."""
    rows = np.zeros(len(notes), dtype=PLAYED_DTYPE)
    for row, (onset, length_s, key, cents) in zip(rows, notes, strict=True):
        row["onset_sample"] = round(onset)
        row["release_sample"] = row["end_sample"] = round(onset) + round(length_s * sample_rate_hz)
        row["key"], row["cents"] = key, cents
    rows["velocity"], rows["program"] = VELOCITY, CLARINET
    rows = rows[np.lexsort((rows["key"], rows["onset_sample"]))]
    rows["id"] = [f"n{number}" for number in range(len(rows))]
    events = (PlayEvent(0, "program_change", 0, CLARINET),)
    return PlayedMusic(rows, events, ("probe",), (0,), frozenset(), sample_rate_hz, "probe")


def _sound(play_raw: PlayRaw, music: PlayedMusic) -> NDArray[np.float64]:
    """What an engine makes of the music, (2, sample)."""
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        play_raw(music, Path(folder))
        return np.fromfile(stem_file(Path(folder), 0), dtype="<f4").reshape(-1, 2).T.astype(np.float64)


def first_sounds(samples: NDArray[np.float64], notes: Table) -> NDArray[np.int64]:
    """For each note the first sample that is heard of it: above -120 dB re its peak, and above all that sounded shortly before.

    Args:
        samples: (channel, sample); notes must not overlap in it.
        notes: PLAYED_DTYPE rows by onset.

    Returns:
        (note,) sample places; -1 for notes that are not heard.
    """
    level = np.abs(samples).max(axis=0)
    out = np.full(len(notes), -1, dtype=np.int64)
    for number, (start, end) in enumerate(zip(notes["onset_sample"].tolist(), notes["end_sample"].tolist(), strict=True)):
        begin = max(start - LOOK_BACK_SAMPLES // 2, 0)
        before = level[max(start - LOOK_BACK_SAMPLES, 0) : begin].max(initial=0.0)
        stretch = level[begin:end]
        heard = np.flatnonzero(stretch > max(AUDIBLE_RATIO * stretch.max(initial=0.0), 2.0 * before))
        if len(heard):
            out[number] = begin + heard[0]
    return out


def measure_onsets(play_raw: PlayRaw, *, sample_rate_hz: int, seed: int = 0) -> OnsetErrors:
    """How late an engine's notes come.

    Args:
        play_raw: Plays music into the first raw file of a folder.
        sample_rate_hz: Of the music.
        seed: Of the notes' places.
    """
    offsets = np.random.default_rng(seed).integers(0, 1024, PROBES)
    places = [(LEAD_S + SPACING_S * number) * sample_rate_hz + int(offset) for number, offset in enumerate(offsets)]
    probes = [(place, PROBE_S, PROBE_KEY, 0.0) for place in places]
    chord = [(0.0, LEAD_S + SPACING_S * PROBES, key, 0.0) for key in CHORD_KEYS]
    alone = _music([(0.0, PROBE_S, PROBE_KEY, 0.0)], sample_rate_hz)
    attack = int(first_sounds(_sound(play_raw, alone), alone.notes)[0])
    music = _music(probes, sample_rate_hz)
    isolated = first_sounds(_sound(play_raw, music), music.notes)
    both, under = (_sound(play_raw, _music(notes, sample_rate_hz)) for notes in (chord + probes, chord))
    length = min(both.shape[1], under.shape[1])
    overlapping = first_sounds(both[:, :length] - under[:, :length], music.notes)
    asked = music.notes["onset_sample"] + attack
    return OnsetErrors(
        attack_samples=attack, isolated=tuple((isolated - asked).tolist()), overlapping=tuple((overlapping - asked).tolist())
    )


def steady_pitch_hz(samples: NDArray[np.float64], near_hz: float, sample_rate_hz: int) -> float:
    """The mean pitch of a steady tone.

    Args:
        samples: (sample,) without the attack, at least 0.1 s.
        near_hz: The pitch to within a semitone.
        sample_rate_hz: Samples a second.
    """
    curve, _ = refine_pitch(samples, near_hz, sample_rate_hz, CURVE_HOP_SAMPLES)
    edge = len(curve) // 8 + 1  # where the filters see the ends
    return float(curve[edge:-edge].mean())


def measure_tuning(play_raw: PlayRaw, *, sample_rate_hz: int) -> TuningErrors:
    """How well an engine's notes are in tune; ``play_raw`` as for ``measure_onsets``."""
    asked = [(key, cents) for key in TUNED_KEYS for cents in TUNED_CENTS]
    step = (TONE_S + GAP_S) * sample_rate_hz
    music = _music([(number * step, TONE_S, key, cents) for number, (key, cents) in enumerate(asked)], sample_rate_hz)
    mono = _sound(play_raw, music).mean(axis=0)
    errors = {}
    for (key, cents), note in zip(asked, music.notes, strict=True):
        wanted_hz = A4_HZ * 2.0 ** ((CENTS_PER_SEMITONE * (key - A4_KEY) + cents) / CENTS_PER_OCTAVE)
        tone = mono[note["onset_sample"] + round(ATTACK_S * sample_rate_hz) : note["release_sample"]]
        found_hz = steady_pitch_hz(tone, wanted_hz, sample_rate_hz)
        errors[key, cents] = float(CENTS_PER_OCTAVE * np.log2(found_hz / wanted_hz))
    return TuningErrors(
        pitch_cents=tuple(errors.values()),
        interval_cents=tuple(error - errors[key, 0.0] for (key, cents), error in errors.items() if cents),
    )
