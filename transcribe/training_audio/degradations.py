"""Sound made worse in ways that have a name, to measure what a model can stand: ``degrade``, ``slower``, ``speech_like_noise``.

A degraded clip is as long as it was and its labels are right; the same seed gives the same sound. Half tempo is made on the notes
and not on the sound: ``slower`` plays them again. In speech-like noise there is no music at all: syllables of noise with moving
formants under the long-term spectrum of speech, level to 500 Hz and 9 dB an octave less above (Byrne et al., "An international
comparison of long-term average speech spectra", JASA 96(4), 1994, about).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from corpora.errors import RequestError
from corpora.piece import Table
from corpora.safe_text import safe_text
from render.controllers import SUSTAIN
from transcribe.heard import DRUMS
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.augmentation import changed_pitch, room_response
from transcribe.training_audio.clips import INT16, Clip, Voice, make_clip
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ
from transcribe.training_audio.passages import CONTROL_DTYPE, PASSAGE_DTYPE, Passage, PassagePart

__all__ = ["DEGRADATIONS", "degrade", "slower", "speech_like_noise"]

Sound: TypeAlias = NDArray[np.float32]
Labelled: TypeAlias = tuple[Sound, Table, Table, Table]

NOISE_DB = 20.0
MP3_RATE_HZ, MP3_LEVEL = 44_100, 0.88  # libsndfile's level for 64 kbit/s, mono
ROOM_RT60_S, ROOM_DB, ROOM_DAMPING, ROOM_GAP_S = 0.6, -3.0, 0.5, 0.01
DETUNE_CENTS = 30.0
SYLLABLE_S, PAUSE_S, PAUSES = (0.1, 0.32), (0.1, 0.7), 0.2
SPEECH_HZ, SPEECH_DB_OCTAVE = 500.0, 9.0
FORMANTS_HZ = ((250.0, 900.0), (800.0, 2400.0), (2200.0, 3500.0))
FORMANT_OCTAVES, FORMANT_DB = 0.25, 14.0


def _noise(clip: Labelled, rng: np.random.Generator) -> Labelled:
    sound, *labels = clip
    rms = np.sqrt(np.mean(sound**2, dtype=np.float64))
    noise = rng.standard_normal(len(sound), dtype=np.float32) * np.float32(rms * 10 ** (-NOISE_DB / 20))
    return sound + noise, labels[0], labels[1], labels[2]


def _mp3(clip: Labelled, rng: np.random.Generator) -> Labelled:
    """Through the encoder of libsndfile (LAME) at 44.1 kHz and back; neither adds a delay."""
    sound, *labels = clip
    stream = io.BytesIO()
    wanted = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": MP3_LEVEL, "bitrate_mode": "CONSTANT"}
    soundfile.write(stream, soxr.resample(sound, SAMPLE_RATE_HZ, MP3_RATE_HZ), MP3_RATE_HZ, **wanted)
    stream.seek(0)
    read, rate_hz = soundfile.read(stream, dtype="float32")
    back = soxr.resample(read, rate_hz, SAMPLE_RATE_HZ)
    out = np.zeros(len(sound), dtype=np.float32)
    kept = min(len(out), len(back))
    out[:kept] = back[:kept]
    return out, labels[0], labels[1], labels[2]


def _room(clip: Labelled, rng: np.random.Generator) -> Labelled:
    sound, *labels = clip
    response = room_response(ROOM_RT60_S, ROOM_DB, ROOM_DAMPING, ROOM_GAP_S, rng)
    size = len(sound) + len(response)
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)].astype(np.float32)
    return wet, labels[0], labels[1], labels[2]


def _detune(clip: Labelled, rng: np.random.Generator) -> Labelled:
    return changed_pitch(*clip, DETUNE_CENTS * float(rng.choice([-1, 1])))


DEGRADATIONS: Mapping[str, Callable[[Labelled, np.random.Generator], Labelled]] = {
    "noise 20 dB": _noise,
    "mp3 64 kbit/s": _mp3,
    "room": _room,
    "detune 30 cents": _detune,
}


def degrade(clip: Clip, name: str, seed: int = 0) -> Clip:
    """A clip made worse; full scale is kept by making all of it softer.

    Args:
        clip: Any.
        name: In ``DEGRADATIONS``.
        seed: Of noise, room and direction.

    Raises:
        RequestError: There is no such degradation.
    """
    if name not in DEGRADATIONS:
        raise RequestError(f"degradation: expected one of {', '.join(DEGRADATIONS)}, got {safe_text(name)!r}")
    sound = clip.samples.astype(np.float32) / np.float32(INT16)
    rng = np.random.default_rng([seed, *name.encode()])
    worse, notes, pedals, beats = DEGRADATIONS[name]((sound, clip.notes, clip.pedals, clip.beats), rng)
    worse *= np.float32(INT16 / max(1.0, float(np.abs(worse).max(initial=0.0))))
    return replace(clip, samples=np.rint(worse).astype(np.int16), notes=notes, pedals=pedals, beats=beats)


def slower(clip: Clip, factor: float, voice: Voice, seed: int = 0) -> Clip:
    """The notes of a clip played ``factor`` times as slowly: each as long as its label says, under the pedal of the labels.

    Args:
        clip: With notes.
        factor: 2 is half tempo.
        voice: Plays, at ``fluid_voice.PLAYED_RATE_HZ``.
        seed: Of level, silence and balance.

    Raises:
        RequestError: Nothing is heard.
        InputError, ToolError: As ``voice``.
    """
    rows = clip.notes
    players = sorted({(int(row["program"]), int(row["family"]) == DRUMS) for row in rows})
    notes = np.zeros(len(rows), dtype=PASSAGE_DTYPE)
    for name, source in (("onset_s", "onset_s"), ("release_s", "offset_s")):
        notes[name] = rows[source] * factor
    notes["pitch"], notes["velocity"] = rows["pitch"], rows["velocity"]
    notes["part"] = [players.index((int(row["program"]), int(row["family"]) == DRUMS)) for row in rows]
    pedals = [(time_s, 0, SUSTAIN, value) for row in clip.pedals.tolist() for time_s, value in zip(row, (127, 0), strict=True)]
    controls = np.array(pedals, dtype=CONTROL_DTYPE)
    controls["time_s"] *= factor
    beats = clip.beats.copy()
    beats["time_s"] *= factor
    passage = Passage(
        notes=notes,
        controls=controls,
        parts=tuple(PassagePart(program, is_drum) for program, is_drum in players),
        duration_s=clip.duration_s * factor,
        beats=beats,
        beats_per_bar=clip.beats_per_bar,
        beat_type=clip.beat_type,
        bars=np.zeros((0, 4), dtype=np.int64),
        grid=np.zeros((0, 2)),
    )
    wishes = {"split": clip.split, "piece": clip.piece, "voice_name": clip.voice}
    made = make_clip(passage, voice, np.random.default_rng(seed), played_rate_hz=PLAYED_RATE_HZ, **wishes)
    if made is None:
        raise RequestError(f"{clip.piece}: expected music that is heard, got silence")
    return made


def speech_like_noise(duration_s: float, rng: np.random.Generator) -> Sound:
    """Syllables of noise, with pauses; float32 (samples,) at 16 kHz, largest sample 0.5."""
    out = np.zeros(round(duration_s * SAMPLE_RATE_HZ), dtype=np.float32)
    place = 0
    while place < len(out):
        if rng.random() < PAUSES:
            place += round(rng.uniform(*PAUSE_S) * SAMPLE_RATE_HZ)
        syllable = _syllable(round(rng.uniform(*SYLLABLE_S) * SAMPLE_RATE_HZ), rng)[: max(len(out) - place, 0)]
        out[place : place + len(syllable)] += syllable
        place += round(0.9 * len(syllable)) + 1
    return out * np.float32(0.5 / max(float(np.abs(out).max(initial=0.0)), 1e-9))


def _syllable(count: int, rng: np.random.Generator) -> Sound:
    hz = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ), 20.0)
    level_db = -SPEECH_DB_OCTAVE * np.maximum(np.log2(hz / SPEECH_HZ), 0.0) - 24 * np.maximum(np.log2(120.0 / hz), 0.0)
    for low, high in FORMANTS_HZ:
        level_db += FORMANT_DB * np.exp(-0.5 * (np.log2(hz / rng.uniform(low, high)) / FORMANT_OCTAVES) ** 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * 10 ** (level_db / 20), count) * np.hanning(count)
    return np.asarray(noise * 10 ** (rng.uniform(-12, 0) / 20) / (noise.std() + 1e-12), dtype=np.float32)
