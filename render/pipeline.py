"""From music to the raw sound of its mix and stems, on disk: what ``render`` and ``render_to_file`` share.

Music -> as it is played (``render.played``) -> an engine's dry stems (``render.engines``) -> the mix (``render.mix``). Nothing here
holds more than a piece of the sound in memory.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.errors import RequestError, ToolError
from corpora.piece import Piece, Table
from corpora.safe_text import safe_text
from render.engines import EngineReport, Progress, check_options, find_engine, stem_file
from render.mix import MixReport, MixSettings, StemSettings, mixdown
from render.played import PlayedMusic, play
from render.tuning import Tuning, parse_tuning, retuned

__all__ = ["RawRendering", "RenderReport", "Told", "mix_settings", "render_raw"]

Told = Callable[[str, float], None]  # what is being done, and the share of it that is done, 0 to 1

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
FRAME_BYTES = 8  # float32, stereo
LONGEST_TAIL_S = 20.0  # of the last notes and of the room
MIX_FILES = 2.5  # the mix itself and what it needs in between
MEGABYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class RenderReport:
    """How a rendering was made, and what came out.

    Args:
        engine: Its name.
        played: What the engine tells.
        mix: What the mix tells: loudness, true peak, gain, and whether they are what was asked for.
        room: Of the mix; None for none.
        tuning: Its name; None for the music's own.
        stems: Names of the parts that can be heard alone, also where they were not asked for.
        notes: How many were played.
        render_s: Seconds of work from music to mix.
    """

    engine: str
    played: EngineReport
    mix: MixReport
    room: str | None
    tuning: str | None
    stems: tuple[str, ...]
    notes: int
    render_s: float

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return self.mix.samples / self.mix.sample_rate_hz

    @property
    def speed(self) -> float:
        """Seconds of sound made in a second of work."""
        return self.duration_s / self.render_s

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values; loudness and true peak of silence are None."""
        return {
            "engine": self.engine,
            **self.played.to_dict(),
            "notes": self.notes,
            "stems": list(self.stems),
            "room": self.room,
            "tuning": self.tuning,
            "duration_s": self.duration_s,
            "sample_rate_hz": self.mix.sample_rate_hz,
            "lufs": _finite(self.mix.integrated_lufs),
            "loudness_range_lu": _finite(self.mix.loudness_range_lu),
            "true_peak_dbtp": _finite(self.mix.true_peak_dbtp),
            "gain_db": self.mix.gain_db,
            "limiter_reduction_db": self.mix.limiter_reduction_db,
            "loudness_note": self.mix.note,
            "render_s": self.render_s,
            "mix_s": self.mix.mix_s,
            "speed": self.speed,
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


@dataclass(frozen=True, eq=False, kw_only=True)
class RawRendering:
    """The raw files of a rendering (float32 stereo frames, no header; ``render.engines``) and what is known of them.

    Args:
        mix: The file of the mix.
        stems: One file for each stem as it sounds in the mix; none where they were not asked for.
        played: The music.
        report: How it was made.
    """

    mix: Path
    stems: tuple[Path, ...]
    played: PlayedMusic
    report: RenderReport

    @property
    def note_map(self) -> Table:
        """Where each note is in the sound, the same whatever the engine: NOTE_MAP_DTYPE rows."""
        return self.played.note_map()


def mix_settings(*, room: str | None, lufs: float | None, true_peak_dbtp: float | None, gain_db: float | None) -> MixSettings:
    """What the mix is asked for; a gain stands in the place of a loudness.

    Raises:
        RequestError: There is no such room, or a number is out of range.
    """
    if gain_db is None:
        return MixSettings(room=room, lufs=lufs, true_peak_dbtp=true_peak_dbtp)
    return MixSettings(room=room, lufs=None, true_peak_dbtp=true_peak_dbtp, gain_db=gain_db)


def render_raw(
    music: Piece | bytes,
    folder: Path,
    *,
    engine: str,
    font: str | Path | None,
    sample_rate_hz: int,
    stems: bool,
    mix: MixSettings,
    tuning: Tuning | str | None = None,
    stem_settings: Mapping[str, StemSettings] | None = None,
    options: Mapping[str, Any] | None = None,
    name: str = "",
    told: Told | None = None,
) -> RawRendering:
    """Render music into raw files in a folder.

    Args:
        music: A piece, or a Standard MIDI File that has passed ``corpora.gate``.
        folder: An existing, empty folder with room for the sound (8 bytes a sample and file).
        engine: One of ``render.engines.ENGINES``.
        font: The SoundFont of an engine that plays one; None for ``render.fonts.find_font``'s choice.
        sample_rate_hz: 8,000 to 192,000, as far as the engine goes.
        stems: Whether each stem is wanted on its own.
        mix: Room, tone, dynamics and loudness.
        tuning: As ``render.tuning.parse_tuning`` reads it, or a tuning; None for the music's own.
        stem_settings: Level, place and send of parts by name; parts that are not named stay as they are.
        options: The engine's own, by name.
        name: Of the music, for messages; a piece's own name when empty.
        told: Hears what is being done.

    Raises:
        InputError: The music has no notes, is too long, or is no MIDI; or the font is missing or broken.
        RequestError: No such engine, option, part or tuning, or a number out of range.
        ToolError: The engine failed, is missing or is silent; or the disk is full.
    """
    started = time.perf_counter()
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise RequestError(f"sample rate: expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {sample_rate_hz}")
    check_options(engine, options or {})
    chosen = parse_tuning(tuning) if isinstance(tuning, str) else tuning
    played = play(music, sample_rate_hz=sample_rate_hz, name=name)
    if chosen is not None:
        played = retuned(played, chosen)
    each = _each_stem(played, stem_settings or {})
    apart = stems or each is not None
    files = len(played.stems) if apart else 1
    _check_disk(folder, played, 2 * files if stems else files)
    try:
        made = find_engine(engine)(played, folder, stems=apart, font=font, progress=_telling(told, "playing"), **(options or {}))
        dry = [stem_file(folder, stem) for stem in range(files)]
        target = folder / "mix.f32"
        wet = [folder / f"mixed-{stem:03d}.f32" for stem in range(files)] if stems else []
        mixed = mixdown(
            dry,
            target,
            sample_rate_hz=sample_rate_hz,
            settings=mix,
            stem_settings=each,
            stem_targets=wet,
            progress=_telling(told, "mixing"),
        )
        for path in dry:
            path.unlink()
    except OSError as error:
        raise ToolError(f"sound cannot be kept in {safe_text(str(folder))}: {error.strerror}") from error
    report = RenderReport(
        engine=engine,
        played=made,
        mix=mixed,
        room=mix.room,
        tuning=None if chosen is None else chosen.name,
        stems=played.stems,
        notes=len(played.notes),
        render_s=time.perf_counter() - started,
    )
    return RawRendering(mix=target, stems=tuple(wet), played=played, report=report)


def _each_stem(played: PlayedMusic, wanted: Mapping[str, StemSettings]) -> list[StemSettings] | None:
    """Settings for every stem; None where none is asked for."""
    for part in wanted:
        if part not in played.stems:
            expected = ", ".join(safe_text(name) for name in played.stems)
            raise RequestError(f"{played.name}: expected a part ({expected}), got {safe_text(part)!r}")
    return [wanted.get(name, StemSettings()) for name in played.stems] if wanted else None


def _telling(told: Told | None, what: str) -> Progress | None:
    return None if told is None else lambda share: told(what, share)


def _check_disk(folder: Path, played: PlayedMusic, stem_files: int) -> None:
    """Raises ToolError when the sound cannot fit, before any work is done."""
    samples = played.end_sample + LONGEST_TAIL_S * played.sample_rate_hz
    needed = int((stem_files + MIX_FILES) * samples * FRAME_BYTES)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ToolError(
            f"{played.name}: the sound needs {needed // MEGABYTE} MB for a while in {safe_text(str(folder.parent))}, which has"
            f" {free // MEGABYTE} MB left (the variable TMPDIR names another place)"
        )
