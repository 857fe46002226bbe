"""One clip: a passage as sound, with what is to be heard in it.

Conventions: int16 mono at 16 kHz; times are seconds from the clip's start. Music begins after a short silence and rings out for a
moment. The largest sample is drawn from ``QUIETEST_DBFS`` to ``LOUDEST_DBFS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from render.played import PlayedMusic
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.passages import Passage
from transcribe.training_audio.sounding import labels_of, one_key_at_a_time, pedals_of, played_of

__all__ = ["Clip", "Voice", "make_clip"]

Voice = Callable[[PlayedMusic, int], NDArray[np.float32]]  # music and number of samples at 16 kHz -> sound (samples,)

QUIETEST_DBFS, LOUDEST_DBFS = -6.0, -1.0
SILENCE_S, TAIL_S = (0.05, 0.8), (0.3, 1.5)
SOFTEST_PART, LOUDEST_PART = 70, 127  # controller 7: 10 dB apart
INT16, FULL_SCALE = 32_767, 32_768


@dataclass(frozen=True, eq=False)
class Clip:
    """Sound with its labels.

    Args:
        samples: int16 (samples,), mono at 16 kHz.
        notes: HEARD_DTYPE rows by onset.
        pedals: PEDAL_DTYPE rows.
        beats: BEAT_DTYPE rows; none where the music has no beats.
        beats_per_bar: As in ``transcribe.heard.HeardMusic``.
        beat_type: Likewise.
        split: Of the score.
        piece: Pack and path of the score, or what else was played.
        voice: Name of the font, or of what else made the sound.
        programs: Of the parts, sorted; ``DRUM_PROGRAM`` for drums.
    """

    samples: NDArray[np.int16]
    notes: Table
    pedals: Table
    beats: Table
    beats_per_bar: int
    beat_type: int
    split: str
    piece: str
    voice: str
    programs: tuple[int, ...]

    @property
    def sound(self) -> NDArray[np.float32]:
        """Its samples from -1 to 1, shape (samples,)."""
        return (self.samples / np.float32(FULL_SCALE)).astype(np.float32)

    @property
    def duration_s(self) -> float:
        """Of the sound."""
        return len(self.samples) / SAMPLE_RATE_HZ


def make_clip(
    passage: Passage, voice: Voice, rng: np.random.Generator, *, split: str, piece: str, voice_name: str, played_rate_hz: int
) -> Clip | None:
    """A passage as a clip; None where nothing is heard.

    Args:
        passage: With notes.
        voice: Makes the sound.
        rng: Source of level, silence and balance.
        split, piece, voice_name: Noted in the clip.
        played_rate_hz: What ``voice`` is told the music in.

    Raises:
        InputError, ToolError: As ``voice``.
    """
    start_s, tail_s = float(rng.uniform(*SILENCE_S)), float(rng.uniform(*TAIL_S))
    levels = rng.integers(SOFTEST_PART, LOUDEST_PART + 1, len(passage.parts)).tolist() if len(passage.parts) > 1 else []
    peak_dbfs = float(rng.uniform(QUIETEST_DBFS, LOUDEST_DBFS))
    start_s = round(start_s * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    samples = round((start_s + passage.duration_s + tail_s) * SAMPLE_RATE_HZ)
    end_s = samples / SAMPLE_RATE_HZ
    passage = replace(passage, notes=one_key_at_a_time(passage.notes))
    played = played_of(passage, played_rate_hz, start_s=start_s, levels=levels)
    sound = voice(played, samples)
    peak = float(np.abs(sound).max(initial=0.0))
    if peak <= 0.0:
        return None
    beats = passage.beats.copy()
    beats["time_s"] += start_s
    return Clip(
        samples=np.rint(sound * (INT16 * 10 ** (peak_dbfs / 20) / peak)).astype(np.int16),
        notes=labels_of(played, end_s),
        pedals=pedals_of(passage, start_s, end_s),
        beats=beats,
        beats_per_bar=passage.beats_per_bar,
        beat_type=passage.beat_type,
        split=split,
        piece=piece,
        voice=voice_name,
        programs=tuple(sorted(part.instrument for part in passage.parts)),
    )
