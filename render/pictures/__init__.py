"""Pictures of a sound: its spectrogram, its loudness, and its notes over its waveform."""

from render.pictures.loudness import draw_loudness
from render.pictures.notes import draw_notes_over_waveform
from render.pictures.picture_files import (
    PicturePaths,
    plot_loudness,
    plot_notes_over_waveform,
    plot_spectrogram,
    write_pictures,
)
from render.pictures.spectrogram import LogSpectrogram, draw_spectrogram, log_spectrogram
from render.pictures.streamed_sound import StreamedSound

__all__ = [
    "LogSpectrogram",
    "PicturePaths",
    "StreamedSound",
    "draw_loudness",
    "draw_notes_over_waveform",
    "draw_spectrogram",
    "log_spectrogram",
    "plot_loudness",
    "plot_notes_over_waveform",
    "plot_spectrogram",
    "write_pictures",
]
