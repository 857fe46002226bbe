"""The clock of this room: sound at 16 kHz, a frame every 256 samples.

Frame t is centred on sample 256 t; sound before the beginning and after the end is silence. A sound of n samples has
``num_frames(n)`` frames, the last of which is centred on its last sample or before it.
"""

from __future__ import annotations

__all__ = ["FRAME_RATE_HZ", "HOP_SAMPLES", "SAMPLE_RATE_HZ", "frames_to_seconds", "num_frames", "seconds_to_frames"]

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 256
FRAME_RATE_HZ = SAMPLE_RATE_HZ / HOP_SAMPLES  # 62.5


def num_frames(samples: int) -> int:
    """Frames of a sound of so many samples."""
    return -(-samples // HOP_SAMPLES)


def frames_to_seconds(frames: int | float) -> float:
    """Where a frame is centred, in seconds."""
    return frames / FRAME_RATE_HZ


def seconds_to_frames(seconds: int | float) -> float:
    """The frame (with its fraction) that is centred on a time."""
    return seconds * FRAME_RATE_HZ
