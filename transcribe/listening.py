"""A recording in, what is heard in it out: ``transcribe``, one call for every model.

Models by name are ``frame`` (ours, fast, any instruments), ``mt3`` (ours, tokens under constraints), and those of others where
they are installed. Each is a function ``(stream, wanted, progress) -> (HeardMusic, logits of beat and downbeat or None)``.
"""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from corpora.audio import Audio
from corpora.audio_stream import AudioStream, Progress
from corpora.errors import RequestError
from corpora.piece import Table
from corpora.safe_text import safe_text
from transcribe.beats.combining import with_beats
from transcribe.beats.wishes import BeatWishes
from transcribe.families import FAMILIES, families_of
from transcribe.frames.notes import Wanted
from transcribe.heard import DRUMS, HeardMusic
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.tuned import in_real_time, in_tune, real_times

__all__ = ["MODELS", "Transcription", "iter_notes", "listen_frame", "transcribe", "wanted_of"]

Listener: TypeAlias = Callable[..., tuple[HeardMusic, NDArray[np.float32] | None]]

MODELS = {  # name -> module:function
    "frame": "transcribe.listening:listen_frame",
    "mt3": "transcribe.listening:listen_tokens",
    "basic-pitch": "transcribe.peers.basic_pitch:listen",
    "transkun": "transcribe.peers.transkun:listen",
}
DRUMS_NAME = "drums"


@dataclass(frozen=True, eq=False)
class Transcription:
    """What was heard, and how.

    Args:
        music: Notes, pedal and beats.
        beat_logits: Of beat and downbeat in each frame, (frames, 2); None where the model does not tell.
        model: Which model heard it.
        work_s: How long it took.
    """

    music: HeardMusic
    beat_logits: NDArray[np.float32] | None
    model: str
    work_s: float

    def report(self) -> dict[str, Any]:
        """Figures as JSON values, every note with its confidence."""
        music = self.music
        families = np.unique(music.notes["family"]).tolist()
        return {
            "recording": music.name,
            "duration_s": round(music.duration_s, 3),
            "model": self.model,
            "work_s": round(self.work_s, 3),
            "work_per_second": round(self.work_s / max(music.duration_s, 1e-9), 4),
            "instruments": [_family_name(family) for family in families],
            "meter": f"{music.beats_per_bar}/{music.beat_type}" if music.beats_per_bar else None,
            "tempo": round(60 / float(np.median(np.diff(music.beats["time_s"]))), 1) if len(music.beats) > 1 else None,
            "readings": {
                "meters": [
                    {"meter": f"{beats}/{unit}", "share": round(share, 3)} for (beats, unit), share in music.readings.meters
                ],
                "tempi": [{"tempo": round(tempo, 1), "share": round(share, 3)} for tempo, share in music.readings.tempi],
            },
            "notes": [_note(row) for row in music.notes],
            "pedals": [{"onset_s": round(float(on), 4), "offset_s": round(float(off), 4)} for on, off in music.pedals.tolist()],
            "beats": [{"time_s": round(float(at), 4), "number": int(number)} for at, number in music.beats.tolist()],
        }


def _family_name(family: int) -> str:
    return DRUMS_NAME if family == DRUMS else FAMILIES[family].name


def _note(row: Any) -> dict[str, Any]:
    return {
        "onset_s": round(float(row["onset_s"]), 4),
        "offset_s": round(float(row["offset_s"]), 4),
        "pitch": int(row["pitch"]),
        "velocity": int(row["velocity"]),
        "instrument": _family_name(int(row["family"])),
        "confidence": round(float(row["confidence"]), 4),
    }


def wanted_of(instruments: str = "", pitches: str = "", scale: str = "") -> Wanted:
    """What a user says of the music: "piano, violin", "drums"; "G3-E6"; "G major".

    Raises:
        RequestError: A name or a range is not known.
    """
    names = [name.strip().lower() for name in instruments.split(",") if name.strip()]
    pitched = [name for name in names if name != DRUMS_NAME]
    low, high = _pitches(pitches)
    families = families_of(", ".join(pitched)) if pitched else ()
    if names and not pitched:
        low, high = 1, 0  # drums alone
    wanted = Wanted(families, low, high, not names or DRUMS_NAME in names, scale)
    wanted.pitches()  # refuses a scale that is not known
    return wanted


def _pitches(text: str) -> tuple[int, int]:
    if not text:
        return 0, 127
    from compose.constraints.names import parse_pitch

    first, dash, last = text.partition("-")
    if not dash:
        raise RequestError(f"pitches: expected two such as G3-E6, got {safe_text(text)!r}")
    low, high = parse_pitch(first.strip()), parse_pitch(last.strip())
    if low > high:
        raise RequestError(f"pitches: expected the lower one first, got {safe_text(text)!r}")
    return low, high


def _find_model(name: str) -> Listener:
    if name not in MODELS:
        raise RequestError(f"model: expected {', '.join(MODELS)}, got {safe_text(name)!r}")
    module, _, function = MODELS[name].partition(":")
    found: Listener = getattr(importlib.import_module(module), function)
    return found


def listen_frame(
    stream: AudioStream, wanted: Wanted, progress: Progress | None = None, *, weights: str = ""
) -> tuple[HeardMusic, NDArray[np.float32]]:
    """The frame model.

    Args:
        stream: At 16 kHz.
        wanted: What the user knows.
        progress: Hears how much of the sound is done.
        weights: A folder of one's own; those of the package when empty.
    """
    from transcribe.frames.listener import DEFAULT_WEIGHTS, load_listener

    listener = load_listener(weights or DEFAULT_WEIGHTS)
    tuned, stretch = in_tune(stream)
    return in_real_time(*listener.listen(tuned.levelled(progress), wanted, name=stream.name), stretch)


def listen_tokens(
    stream: AudioStream, wanted: Wanted, progress: Progress | None = None, *, weights: str = ""
) -> tuple[HeardMusic, NDArray[np.float32]]:
    """The token model, which reads what the frame model hears; arguments as ``listen_frame``."""
    from transcribe.frames.listener import load_listener
    from transcribe.tokens.limits import limits_of
    from transcribe.tokens.listener import TokenListener, load_token_listener

    listener = load_token_listener(weights) if weights else TokenListener(None, load_listener())
    limits = limits_of(wanted.families, wanted.low, wanted.high, drums=wanted.drums, scale=wanted.scale)
    tuned, stretch = in_tune(stream)
    return in_real_time(*listener.listen(tuned.levelled(progress), limits, name=stream.name), stretch)


def iter_notes(source: str | Path | Audio, *, instruments: str = "", pitches: str = "", weights: str = "") -> Iterator[Table]:
    """The frame model's notes as they become certain, some five seconds after they sound; HEARD_DTYPE rows, by onset over all.

    Ends, velocities and families are what each note sounds like by itself; ``transcribe`` tells them better.

    Args:
        source: A sound file, or sound.
        instruments, pitches: As for ``transcribe``.
        weights: A folder of one's own; those of the package when empty.

    Raises:
        InputError, RequestError: As ``transcribe``.
    """
    from transcribe.frames.listener import DEFAULT_WEIGHTS, load_listener

    wanted = wanted_of(instruments, pitches)
    tuned, stretch = in_tune(AudioStream.open(source, SAMPLE_RATE_HZ))
    for notes in load_listener(weights or DEFAULT_WEIGHTS).notes(tuned.levelled(), wanted):
        yield real_times(notes, stretch)


def transcribe(
    source: str | Path | Audio,
    *,
    model: str = "frame",
    instruments: str = "",
    pitches: str = "",
    scale: str = "",
    beats: BeatWishes | None = None,
    weights: str = "",
    progress: Progress | None = None,
) -> Transcription:
    """Hear a recording.

    Args:
        source: A file that libsndfile reads (wav, flac, mp3, ogg ...), hours long if need be, or sound in memory.
        model: In ``MODELS``.
        instruments: Families or instruments with commas between them, "drums" among them, the only ones there are; any when empty.
        pitches: Lowest and highest note, "G3-E6"; any when empty.
        scale: The only pitch classes there are, "G major"; any when empty.
        beats: What is known of meter, tempo and first downbeat.
        weights: A folder of one's own, for our models.
        progress: Hears how much is done, 0 to 1.

    Raises:
        InputError: No sound file, no samples, samples that are not finite, or over 12 hours.
        RequestError: A model, instrument or pitch is not known, or weights are given for a model of others.
        CheckpointError: The weights cannot be used.
        ToolError: A model of others is not installed.

    Example:
        >>> heard = transcribe("recording.flac", instruments="piano")  # doctest: +SKIP
        >>> heard.music.notes[["onset_s", "pitch", "velocity"]][:3]  # doctest: +SKIP
    """
    listener = _find_model(model)
    wanted = wanted_of(instruments, pitches, scale)
    own = {"weights": weights} if weights else {}
    if own and "weights" not in inspect.signature(listener).parameters:
        raise RequestError(f"model {model}: expected no weights of one's own, got {safe_text(weights)!r}")
    stream = AudioStream.open(source, SAMPLE_RATE_HZ)
    started = time.perf_counter()
    music, logits = listener(stream, wanted, progress, **own)
    music = with_beats(music, logits, beats)
    return Transcription(music, logits, model, time.perf_counter() - started)
