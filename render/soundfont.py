"""Symbolic music to sound through a SoundFont: ``render_soundfont``.

libfluidsynth plays in a child process with limits; the same music, font and settings give the same samples. Sample 0 is the start
of the piece, so a note at ``onset_s`` begins at ``onset_s * sample_rate_hz``, at most 32 samples off (FluidSynth's grid of 64).
"""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.audio import Audio
from corpora.child import Limits, run_limited
from corpora.errors import RequestError, ToolError
from corpora.midi.writer import write_midi
from corpora.piece import Piece
from render.fluid import CHANNEL_FILES
from render.fonts import Font, find_font
from render.midi_events import MAX_MUSIC_S

__all__ = ["Rendering", "render_soundfont"]

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 96_000  # what FluidSynth can do
SYNTH_GAIN = 0.4
MAX_GAIN_DB = 60.0
PEAK_DBFS = -1.0  # leaves room for what .ogg and .mp3 overshoot
MAX_TAIL_S = 15
BYTES_PER_SAMPLE = 4
MEMORY_BYTES = 2 << 30  # beside the font, which is held whole


@dataclass(frozen=True, eq=False)
class Rendering:
    """A piece as sound, and how it was made.

    Args:
        audio: float32 (2, samples).
        font: The SoundFont that played.
        synth: For example "FluidSynth 2.3.1".
        gain_db: Level change after the synthesiser at ``synth.gain`` 0.4: reaches a peak of -1 dBFS unless a gain was asked for.
        render_s: Seconds of work.
    """

    audio: Audio
    font: Font
    synth: str
    gain_db: float
    render_s: float

    @property
    def speed(self) -> float:
        """Seconds of sound made in a second of work."""
        return self.audio.duration_s / self.render_s


def render_soundfont(
    music: Piece | bytes,
    *,
    font: str | Path | None = None,
    sample_rate_hz: int = 44_100,
    gain_db: float | None = None,
    reverb: bool = True,
    name: str = "",
) -> Rendering:
    """Play a piece through a SoundFont.

    A piece that was read from MIDI plays from that very file, with its controllers, pedal, bends and tempo map.
    Any other piece is first written as MIDI (``corpora.midi.writer.write_midi``).

    Args:
        music: A piece, or a Standard MIDI File that has passed ``corpora.gate``.
        font: A .sf2 or .sf3 file; None for ``render.fonts.find_font``'s choice. Never from an upload.
        sample_rate_hz: 8,000 to 96,000.
        gain_db: Level re FluidSynth's synth.gain of 0.4; the sound may then pass full scale. None brings the loudest sample
            to -1 dBFS.
        reverb: Adds FluidSynth's room.
        name: Of the music, for messages; a piece's own name when empty.

    Returns:
        Stereo sound from the start of the piece until the last note has rung out (at most 10 s after it).

    Raises:
        InputError: The music has no notes, lasts over two hours, or is no MIDI; or the font is missing or broken.
        RequestError: A rate or gain outside the range.
        ToolError: libfluidsynth is missing, died, or passed its limits; or there is no font.
    """
    started = time.perf_counter()
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise RequestError(f"sample rate: expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {sample_rate_hz}")
    if gain_db is not None and not -MAX_GAIN_DB <= gain_db <= MAX_GAIN_DB:
        raise RequestError(f"gain: expected -{MAX_GAIN_DB:.0f} to {MAX_GAIN_DB:.0f} dB, got {gain_db}")
    chosen = find_font(font)
    midi, shown = _midi_of(music, name)
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        arguments = {
            "midi": midi,
            "font": chosen.path.resolve(),
            "folder": Path(folder),
            "sample_rate_hz": sample_rate_hz,
            "gain": SYNTH_GAIN,
            "reverb": reverb,
            "name": shown,
        }
        file_bytes = (MAX_MUSIC_S + MAX_TAIL_S) * sample_rate_hz * BYTES_PER_SAMPLE
        limits = Limits(
            memory_bytes=MEMORY_BYTES + 4 * chosen.path.stat().st_size,  # .sf3 samples unpack to several times the file
            cpu_s=3600.0,  # two hours of a dense orchestra take about 15 minutes
            wall_s=7200.0,
            file_bytes=file_bytes,
            result_bytes=1 << 16,
        )
        made = run_limited("render.fluid:render_to_files", arguments, limits=limits, tool="fluidsynth", subject=shown)
        if made["peak"] <= 0.0:
            raise ToolError(f"{shown}: SoundFont {chosen.name} gave only silence")
        if gain_db is None:
            gain_db = PEAK_DBFS - 20 * math.log10(made["peak"])
        audio = _load(Path(folder), int(made["samples"]), sample_rate_hz, _ratio(gain_db))
    return Rendering(audio, chosen, f"FluidSynth {made['version']}", gain_db, time.perf_counter() - started)


def _ratio(gain_db: float) -> float:
    return float(10.0 ** (gain_db / 20.0))


def _midi_of(music: Piece | bytes, name: str) -> tuple[bytes, str]:
    """The MIDI to play and its name for messages."""
    if isinstance(music, bytes):
        return music, name or "MIDI"
    shown = name or (music.source.name if music.source else "") or "piece"
    if music.source is not None and music.source.format == "midi":
        return music.source.data, shown
    return write_midi(music), shown


def _load(folder: Path, length: int, sample_rate_hz: int, scale: float) -> Audio:
    """The raw sample files as one sound, scaled."""
    samples = np.empty((len(CHANNEL_FILES), length), dtype=np.float32)
    for row, name in zip(samples, CHANNEL_FILES, strict=True):
        channel = np.fromfile(folder / name, dtype=np.float32)
        if len(channel) != length:
            raise ToolError(f"fluidsynth's sample file was expected to have {length} samples, it has {len(channel)}")
        row[:] = channel
    samples *= np.float32(scale)
    return Audio(samples, sample_rate_hz)
