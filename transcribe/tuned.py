"""Recordings that are out of tune, heard as if they were not: read at another rate, and their times put right again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from corpora.audio_stream import AudioStream
from corpora.piece import Table
from transcribe.heard import HeardMusic
from transcribe.spectra.tuning import tuning_cents

__all__ = ["in_real_time", "in_tune", "real_times"]

LEAST_CENTS = 12.0  # what is nearer is left as it is


def in_tune(stream: AudioStream) -> tuple[AudioStream, float]:
    """A stream that sounds at A = 440 Hz when it is taken for one of the same rate, and how much longer that makes it.

    Raises:
        InputError: As ``AudioStream``.
    """
    cents = tuning_cents(stream.levelled())
    if abs(cents) < LEAST_CENTS:
        return stream, 1.0
    rate_hz = round(stream.sample_rate_hz * 2 ** (cents / 1200))
    return replace(stream, sample_rate_hz=rate_hz), rate_hz / stream.sample_rate_hz


def real_times(table: Table, stretch: float) -> Table:
    """Rows whose times are those of the recording again."""
    out = table.copy()
    for name in ("onset_s", "offset_s", "time_s"):
        if name in (table.dtype.names or ()):
            out[name] /= stretch
    return out


def in_real_time(music: HeardMusic, logits: NDArray[np.float32], stretch: float) -> tuple[HeardMusic, NDArray[np.float32]]:
    """What was heard in a stream of ``in_tune``, in the time of the recording.

    Args:
        music: What was heard.
        logits: One row a frame.
        stretch: How much longer the stream was.
    """
    if stretch == 1.0:
        return music, logits
    places = np.arange(int(len(logits) / stretch)) * stretch
    frames = np.arange(len(logits))
    columns = [np.interp(places, frames, column) for column in logits.T]
    told = replace(
        music,
        notes=real_times(music.notes, stretch),
        pedals=real_times(music.pedals, stretch),
        beats=real_times(music.beats, stretch),
        duration_s=music.duration_s / stretch,
    )
    return told, np.stack(columns, 1).astype(np.float32)
