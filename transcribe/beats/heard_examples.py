"""Training sound as a frame model hears it, for the network of note beats: its notes with the beats that were played.

Notes that are heard end with the pedal, have velocities of their own, and are missing or false where that is likely.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from transcribe.beats.note_examples import BAR_BEAT_DTYPE, BeatExample
from transcribe.frames.listener import FrameListener
from transcribe.training_audio.clips import Clip
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["heard_example", "heard_examples"]


def heard_example(clip: Clip, listener: FrameListener) -> BeatExample:
    """What is heard in a clip, with its own beats and meter.

    Args:
        clip: With beats.
        listener: Of the frame model.
    """
    music, _ = listener.listen([np.ascontiguousarray(clip.sound, dtype=np.float32)])
    beats = np.zeros(len(clip.beats), dtype=BAR_BEAT_DTYPE)
    for name in ("time_s", "number"):
        beats[name] = clip.beats[name]
    beats["beats"], beats["beat_type"] = clip.beats_per_bar, clip.beat_type
    return BeatExample(music.notes, np.zeros(len(music.notes), dtype=np.int32), beats, is_heard=True)


def heard_examples(store: SoundStore, listener: FrameListener) -> Iterator[BeatExample]:
    """Of a store's clips that have beats, by index.

    Args:
        store: Of sound.
        listener: Of the frame model.
    """
    for index, clip in enumerate(store.clips):
        if clip.rows["beats"][1]:
            yield heard_example(store.clip(index), listener)
