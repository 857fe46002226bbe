"""Music in, audio out: ``render``, one call for every engine.

Sample 0 is the start of the piece, and ``note_map`` says for each note where it is in the sound, the same in all engines. The sound
ends when the last note and the room have died away. The same music and settings give the same samples.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpora.audio import Audio
from corpora.piece import Piece, Table
from render.mix import MixSettings, StemSettings
from render.pipeline import RenderReport, Told, mix_settings, render_raw
from render.tuning import Tuning

__all__ = ["DEFAULT_LUFS", "DEFAULT_RATE_HZ", "DEFAULT_ROOM", "DEFAULT_TRUE_PEAK_DBTP", "Rendering", "render"]

DEFAULT_RATE_HZ = 44_100
DEFAULT_LUFS, DEFAULT_TRUE_PEAK_DBTP = -16.0, -1.0  # what streaming services ask for, about
DEFAULT_ROOM = "hall"


@dataclass(frozen=True, eq=False)
class Rendering:
    """Music as sound.

    Args:
        audio: The mix, float32 (2, samples).
        stems: Each part as it sounds in the mix, by name, as long as the mix, to which they sum; empty where not asked for.
        note_map: ``render.played.NOTE_MAP_DTYPE`` rows by onset: id, first sample, last sample (exclusive), stem.
        report: How it was made: player and licence, loudness, true peak, time.
    """

    audio: Audio
    stems: dict[str, Audio]
    note_map: Table
    report: RenderReport

    def _repr_html_(self) -> str:
        """A player for notebooks."""
        return self.audio._repr_html_()


def render(
    music: Piece | bytes,
    engine: str = "soundfont",
    *,
    font: str | Path | None = None,
    sample_rate_hz: int = DEFAULT_RATE_HZ,
    stems: bool = False,
    lufs: float | None = DEFAULT_LUFS,
    true_peak_dbtp: float | None = DEFAULT_TRUE_PEAK_DBTP,
    gain_db: float | None = None,
    room: str | None = DEFAULT_ROOM,
    mix: MixSettings | None = None,
    tuning: Tuning | str | None = None,
    stem_settings: Mapping[str, StemSettings] | None = None,
    options: Mapping[str, Any] | None = None,
    name: str = "",
    told: Told | None = None,
) -> Rendering:
    """Play music.

    Args:
        music: A piece, or a Standard MIDI File that has passed ``corpora.gate``. A piece that was read from MIDI plays from that
            very file, with its controllers, pedal, bends and tempo map.
        engine: "soundfont" (libfluidsynth).
        font: A .sf2 or .sf3 file; None for ``render.fonts.find_font``'s choice. Never from an upload.
        sample_rate_hz: 8,000 to 96,000.
        stems: Also gives each part alone.
        lufs: Integrated loudness (ITU-R BS.1770) to reach, -60 to -5; None leaves the loudness alone.
        true_peak_dbtp: Ceiling of the limiter, -20 to 0; None for no limiter.
        gain_db: A level change, -60 to 60, in place of a loudness; the sound may then pass full scale where nothing limits it.
        room: A name in ``render.mix.ROOMS``; None for no room.
        mix: All of the mix, tone control and compressor too, in place of ``lufs``, ``true_peak_dbtp``, ``gain_db`` and ``room``.
        tuning: "19-EDO", the name of a Scala file (``render.tuning.parse_tuning``), or a tuning; None for the music's own.
        stem_settings: Level, place and send to the room of parts, by name.
        options: The engine's own, by name.
        name: Of the music, for messages; a piece's own name when empty.
        told: Hears what is being done, and how much of it is.

    Raises:
        InputError: The music has no notes, lasts over two hours, or is no MIDI; or the font is missing or broken.
        RequestError: No such engine, option, room, tuning or part, or a number outside its range.
        ToolError: libfluidsynth is missing, died, or passed its limits; there is no font; or the disk is full.

    Example:
        >>> from corpora.files import read_piece
        >>> made = render(read_piece("song.musicxml"), stems=True)  # doctest: +SKIP
        >>> write_audio(made.stems["Alto"], "alto.flac")  # doctest: +SKIP
    """
    chosen = mix or mix_settings(room=room, lufs=lufs, true_peak_dbtp=true_peak_dbtp, gain_db=gain_db)
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        raw = render_raw(
            music,
            Path(folder),
            engine=engine,
            font=font,
            sample_rate_hz=sample_rate_hz,
            stems=stems,
            mix=chosen,
            tuning=tuning,
            stem_settings=stem_settings,
            options=options,
            name=name,
            told=told,
        )
        sounds = [_load(path, sample_rate_hz) for path in (raw.mix, *raw.stems)]
    return Rendering(sounds[0], dict(zip(raw.played.stems, sounds[1:], strict=False)), raw.note_map, raw.report)


def _load(path: Path, sample_rate_hz: int) -> Audio:
    frames = np.fromfile(path, dtype="<f4").reshape(-1, 2)
    return Audio(np.ascontiguousarray(frames.T, dtype=np.float32), sample_rate_hz)
