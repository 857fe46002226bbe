"""Pictures of a sound into files: .png, .svg or .pdf. Nothing is held in memory but pieces of the sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from matplotlib.figure import Figure

from corpora.atomic import atomic_outputs
from corpora.audio import Audio
from render.figure_files import PLOT_SUFFIXES, save_figure
from render.mix.loudness import LoudnessMeter
from render.output_paths import check_output
from render.pictures.loudness import draw_loudness
from render.pictures.notes import draw_notes_over_waveform
from render.pictures.spectrogram import draw_spectrogram, log_spectrogram
from render.pictures.streamed_sound import StreamedSound
from render.played import PlayedMusic

__all__ = ["PicturePaths", "plot_loudness", "plot_notes_over_waveform", "plot_spectrogram", "write_pictures"]


@dataclass(frozen=True, kw_only=True)
class PicturePaths:
    """Where the pictures of a sound go; None where one is not wanted.

    Args:
        spectrogram: Levels over time and log frequency.
        loudness: Momentary, short-term and integrated loudness.
        notes: Piano roll over the waveform.
    """

    spectrogram: Path | None = None
    loudness: Path | None = None
    notes: Path | None = None

    def wanted(self) -> tuple[Path, ...]:
        """The pictures that are wanted, in the order of the fields."""
        return tuple(path for path in astuple(self) if path is not None)

    def check(self) -> None:
        """Find mistakes in the names before any work is done.

        Raises:
            RequestError: Another suffix than .png, .svg or .pdf, or a folder that is not there.
        """
        for kind, path in vars(self).items():
            if path is not None:
                check_output(path, PLOT_SUFFIXES, f"picture of the {kind}")


def write_pictures(paths: PicturePaths, places: Sequence[Path], sound: StreamedSound, played: PlayedMusic) -> None:
    """Draw what is wanted.

    Args:
        paths: What, and the names for messages.
        places: Where each of ``paths.wanted()`` is written, as ``corpora.atomic`` gives it.
        sound: Of the music.
        played: The music.

    Raises:
        InputError: A place cannot be written.
    """
    left = iter(places)
    if paths.spectrogram is not None:
        save_figure(draw_spectrogram(log_spectrogram(sound)), next(left), paths.spectrogram)
    if paths.loudness is not None:
        save_figure(_loudness(sound), next(left), paths.loudness)
    if paths.notes is not None:
        save_figure(draw_notes_over_waveform(sound, played), next(left), paths.notes)


def _loudness(sound: StreamedSound) -> Figure:
    meter = LoudnessMeter(sound.sample_rate_hz, sound.channels)
    for block in sound.blocks():
        meter.add(block)
    return draw_loudness(meter, sound.duration_s)


def _plot(figure: Figure, path: Path) -> None:
    with atomic_outputs([path]) as (place,):
        save_figure(figure, place, path)


def plot_spectrogram(audio: Audio, path: str | Path) -> None:
    """Draw the spectrogram of a sound over log frequency (``render.pictures.spectrogram``).

    Args:
        audio: At least one sample.
        path: .png, .svg or .pdf; an existing file is replaced when the picture is complete.

    Raises:
        RequestError: Another suffix, or a folder that is not there.
        InputError: The file cannot be written.
    """
    PicturePaths(spectrogram=Path(path)).check()
    _plot(draw_spectrogram(log_spectrogram(StreamedSound.of_audio(audio))), Path(path))


def plot_loudness(audio: Audio, path: str | Path) -> None:
    """Draw the loudness of a sound of 1 to 5 channels over time; path and errors as ``plot_spectrogram``."""
    PicturePaths(loudness=Path(path)).check()
    _plot(_loudness(StreamedSound.of_audio(audio)), Path(path))


def plot_notes_over_waveform(audio: Audio, played: PlayedMusic, path: str | Path) -> None:
    """Draw notes as a piano roll over the waveform that they make; path and errors as ``plot_spectrogram``.

    Args:
        audio: What the music sounds like, sample 0 being its start.
        played: The music at the sample rate of the sound, as ``render.played.play`` gives it.
        path: .png, .svg or .pdf.

    Raises:
        ValueError: Music and sound have different sample rates.

    Example:
        >>> made = render(piece)  # doctest: +SKIP
        >>> plot_notes_over_waveform(made.audio, play(piece, sample_rate_hz=44_100), "notes.png")  # doctest: +SKIP
    """
    PicturePaths(notes=Path(path)).check()
    _plot(draw_notes_over_waveform(StreamedSound.of_audio(audio), played), Path(path))
