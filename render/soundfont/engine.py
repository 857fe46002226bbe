"""The engine itself: music as it is played, and a SoundFont, to raw sound files.

libfluidsynth plays in a child process with limits, all stems in one pass; the same music, font and settings give the same samples.
Cents are right to the nearest cent, onsets to 32 samples (``render.soundfont.timeline``). Samples of the font are chosen by key, so
that a retuned note keeps the timbre of its key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from corpora.child import Limits, run_limited
from corpora.errors import RequestError, ToolError
from render.engines import FontReport, Progress, stem_file
from render.fluid import POLYPHONY
from render.fonts import find_font
from render.midi_events import MAX_MUSIC_S
from render.played import PlayedMusic
from render.soundfont.player import DRUM_BANK
from render.soundfont.timeline import make_timeline
from render.soundfont.virtual_channels import allot_channels

__all__ = ["render_stems"]

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 96_000  # what FluidSynth can do
SYNTH_GAIN = 0.6  # a note of velocity 100 then peaks at -15 to -19 dBFS, by font
MAX_TAIL_S = 15
BYTES_PER_SAMPLE = 8  # float32, stereo
MEMORY_BYTES = 2 << 30  # beside the font, which may be held whole
FONT_COPIES = 4  # .sf3 samples unpack to several times the file


def render_stems(
    played: PlayedMusic,
    folder: Path,
    *,
    stems: bool,
    font: str | Path | None = None,
    progress: Progress | None = None,
) -> FontReport:
    """Play music through a SoundFont into raw sound files (``render.engines``).

    Args:
        played: The music, at 8,000 to 96,000 Hz.
        folder: An existing folder.
        stems: A file for each stem; otherwise one for all.
        font: A .sf2 or .sf3 file; None for ``render.fonts.find_font``'s choice. Never from an upload.
        progress: Is told the share that is done.

    Raises:
        InputError: The font is missing or broken, or more notes sound at once than there are voices.
        RequestError: The sample rate is out of FluidSynth's range.
        ToolError: libfluidsynth is missing, died, or passed its limits; there is no font; it is silent; or the disk is full.
    """
    rate = played.sample_rate_hz
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise RequestError(f"sample rate: expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz for SoundFonts, got {rate}")
    chosen = find_font(font)
    virtual = allot_channels(played, stems=stems)
    arguments = {
        "timeline": make_timeline(played, virtual),
        "font": chosen.path.resolve(),
        "folder": folder,
        "sample_rate_hz": rate,
        "gain": SYNTH_GAIN,
        "channels": virtual.count,
        "stem_of_pair": virtual.stem_of_pair,
        "drums": tuple(sorted(virtual.drums)),
    }
    limits = Limits(
        memory_bytes=MEMORY_BYTES + FONT_COPIES * chosen.path.stat().st_size,
        cpu_s=3600.0,  # two hours of a dense orchestra take about 15 minutes
        wall_s=7200.0,
        file_bytes=(MAX_MUSIC_S + MAX_TAIL_S) * rate * BYTES_PER_SAMPLE,
        result_bytes=1 << 16,
    )
    made = run_limited(
        "render.soundfont.player:play_timeline",
        arguments,
        limits=limits,
        tool="fluidsynth",
        subject=played.name,
        waiting=_watching(stem_file(folder, 0), played.end_sample * BYTES_PER_SAMPLE, progress),
    )
    if made["peak"] <= 0.0:
        raise ToolError(f"{played.name}: SoundFont {chosen.name} gave only silence")
    return FontReport(
        samples=int(made["samples"]),
        peak=float(made["peak"]),
        voices=int(made["voices"]),
        player=f"FluidSynth {made['version']} with {chosen.name}",
        licence=chosen.licence,
        font=chosen.name,
        lost=_lost(played, made),
    )


def _watching(file: Path, expected_bytes: int, progress: Progress | None) -> Callable[[], None] | None:
    """Tells how far a file has grown."""
    if progress is None:
        return None

    def tell() -> None:
        if file.exists():
            progress(min(file.stat().st_size / expected_bytes, 1.0))

    return tell


def _lost(played: PlayedMusic, made: Mapping[str, Any]) -> tuple[str, ...]:
    """In words what the font lacks, what is not read, and whether voices were too few."""
    words = [f"{_preset(asked)}, {_count(notes, 'note')}: the font has {_preset(got)}" for asked, got, notes in made["replaced"]]
    exclusive = sum(event.kind == "sysex" for event in played.events)
    words += [_count(exclusive, "system exclusive message")] if exclusive else []
    words += [f"voices beyond {POLYPHONY} at once"] if made["voices"] >= POLYPHONY else []
    return tuple(words)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _preset(preset: tuple[int, int] | None) -> str:
    if preset is None:
        return "nothing"
    bank, program = preset
    return f"drum set {program}" if bank == DRUM_BANK else f"program {program} of bank {bank}"
