"""Music into sound files, of any length: the mix, a file for each stem, where each note is in them, pictures. All files or none.

Nothing is held in memory but pieces of the sound; the raw sound waits in the folder for temporary files (TMPDIR).
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.atomic import atomic_outputs
from corpora.audio import AUDIO_SUFFIXES, FULL_SCALE, check_format, rate_in_file, write_blocks
from corpora.errors import InputError, RequestError
from corpora.piece import Piece
from corpora.safe_text import safe_text
from render.mix import MixSettings, StemSettings
from render.mix.raw_sound import raw_length, read_raw
from render.output_paths import check_output
from render.pictures import PicturePaths, StreamedSound, write_pictures
from render.pipeline import RawRendering, RenderReport, Told, mix_settings, render_raw
from render.rendering import DEFAULT_LUFS, DEFAULT_RATE_HZ, DEFAULT_ROOM, DEFAULT_TRUE_PEAK_DBTP
from render.tuning import Tuning

__all__ = ["SoundFiles", "render_to_file"]

BLOCK_SAMPLES = 1 << 16
LONGEST_STEM_NAME = 60
NO_PICTURES = PicturePaths()
CHANNELS = 2


@dataclass(frozen=True, kw_only=True)
class SoundFiles:
    """Sound files that were written, and how.

    Args:
        target: The mix.
        stems: The file of each stem; none where they were not asked for.
        note_map: The file with the notes' places; None where it was not asked for.
        pictures: Of the mix; none where they were not asked for.
        sample_rate_hz: Of the files, which .opus decides in its own way; the notes' places count in the rendering's.
        scale: What all samples were multiplied by so that none passes full scale; 1 where none did.
        report: How the sound was made.
    """

    target: Path
    stems: tuple[Path, ...]
    note_map: Path | None
    pictures: tuple[Path, ...]
    sample_rate_hz: int
    scale: float
    report: RenderReport

    def in_words(self) -> tuple[str, ...]:
        """What a user wants to know, line by line."""
        mix, told = self.report.mix, self.report.played
        loudness = f"{mix.integrated_lufs:.1f} LUFS, {mix.true_peak_dbtp:.1f} dBTP"
        lines = [
            f"{self.target}: {self.report.duration_s:.1f} s, {loudness}, made {self.report.speed:.1f} times as fast as it sounds"
        ]
        lines.append(f"played by {told.player} (licence: {told.licence})")
        lines += [f"tuned to {self.report.tuning}"] if self.report.tuning else []
        lines += [f"not played: {what}" for what in told.lost]
        lines += [mix.note] if mix.note else []
        if self.sample_rate_hz != mix.sample_rate_hz:
            lines.append(
                f"resampled from {mix.sample_rate_hz} to {self.sample_rate_hz} Hz, as {self.target.suffix} has no such rate"
            )
        if self.scale != 1.0:
            lines.append(f"scaled by {self.scale:.4f}: it would have passed full scale")
        return (*lines, *(str(path) for path in (*self.stems, self.note_map, *self.pictures) if path is not None))

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "file": str(self.target),
            "stem_files": [str(path) for path in self.stems],
            "note_map_file": None if self.note_map is None else str(self.note_map),
            "picture_files": [str(path) for path in self.pictures],
            **self.report.to_dict(),
            "file_sample_rate_hz": self.sample_rate_hz,
            "scale": self.scale,
        }


def render_to_file(
    music: Piece | bytes,
    target: str | Path,
    engine: str = "soundfont",
    *,
    stems_folder: str | Path | None = None,
    note_map: str | Path | None = None,
    pictures: PicturePaths = NO_PICTURES,
    font: str | Path | None = None,
    sample_rate_hz: int = DEFAULT_RATE_HZ,
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
) -> SoundFiles:
    """Play music into a sound file; arguments and errors as ``render.rendering.render``, and:

    Args:
        target: .wav or .flac (24 bit), .ogg, .opus or .mp3. Sound for .opus is resampled where it must be.
        stems_folder: A folder, made where it is not there, for a file of the same format for each part: "01-Violin I.flac".
        note_map: A .json file for the places of all notes.
        pictures: Files for pictures of the mix.

    Raises:
        InputError: Also when a file cannot be written.
        RequestError: Also when a name is none of these.
    """
    out = Path(target)
    check_output(out, AUDIO_SUFFIXES, "sound")
    suffix = out.suffix.lower()
    check_format(suffix, CHANNELS, sample_rate_hz, out.name)
    map_path = None if note_map is None else Path(note_map)
    if map_path is not None:
        check_output(map_path, (".json",), "note map")
    pictures.check()
    chosen = mix or mix_settings(room=room, lufs=lufs, true_peak_dbtp=true_peak_dbtp, gain_db=gain_db)
    with _stems_folder(stems_folder) as own_folder, tempfile.TemporaryDirectory(prefix="partimento-") as scratch:
        raw = render_raw(
            music,
            Path(scratch),
            engine=engine,
            font=font,
            sample_rate_hz=sample_rate_hz,
            stems=own_folder is not None,
            mix=chosen,
            tuning=tuning,
            stem_settings=stem_settings,
            options=options,
            name=name,
            told=told,
        )
        stem_paths = () if own_folder is None else _stem_paths(own_folder, raw.played.stems, suffix)
        scale = _write_all(raw, (out, *stem_paths), map_path, pictures, told)
    return SoundFiles(
        target=out,
        stems=stem_paths,
        note_map=map_path,
        pictures=pictures.wanted(),
        sample_rate_hz=rate_in_file(suffix, sample_rate_hz),
        scale=scale,
        report=raw.report,
    )


@contextlib.contextmanager
def _stems_folder(wanted: str | Path | None) -> Iterator[Path | None]:
    """The folder for the stems, made where it is not there, and taken away again when the block fails."""
    folder, made = None if wanted is None else Path(wanted), False
    if folder is not None:
        shown = safe_text(str(folder))
        if folder.exists() and not folder.is_dir():
            raise RequestError(f"stems: {shown} is a file, expected a folder")
        if not folder.parent.is_dir():
            raise RequestError(f"stems {shown}: there is no folder {safe_text(str(folder.parent))}")
        if not folder.exists():
            try:
                folder.mkdir()
            except OSError as error:
                raise InputError(f"stems {shown} cannot be made: {error.strerror}") from error
            made = True
    try:
        yield folder
    except BaseException:
        if made and folder is not None:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _stem_paths(folder: Path, stems: Sequence[str], suffix: str) -> tuple[Path, ...]:
    """A file name for each stem: its number, and what of its name any file system takes."""
    plain = [re.sub(r"[^\w .()+#-]+", "_", name).strip(" .")[:LONGEST_STEM_NAME] for name in stems]
    return tuple(folder / f"{number:02d}-{name}{suffix}" for number, name in enumerate(plain, start=1))


def _write_all(
    raw: RawRendering, targets: Sequence[Path], note_map: Path | None, pictures: PicturePaths, told: Told | None
) -> float:
    """Write the sounds, the note map and the pictures; returns the factor that the samples were multiplied by."""
    sources, mixed, suffix = (raw.mix, *raw.stems), raw.report.mix, targets[0].suffix.lower()
    peak = max(_peak(path) for path in sources)
    scale = FULL_SCALE / peak if peak > FULL_SCALE else 1.0
    maps = [] if note_map is None else [note_map]
    with atomic_outputs([*targets, *maps, *pictures.wanted()]) as places:
        for number, (source, target, place) in enumerate(zip(sources, targets, places, strict=False)):
            blocks = _scaled(source, scale, told, number / len(sources), 1 / len(sources))
            shown = safe_text(str(target))
            with place.open("w+b", buffering=0) as file:
                write_blocks(file, blocks, suffix=suffix, channels=CHANNELS, sample_rate_hz=mixed.sample_rate_hz, name=shown)
        if note_map is not None:
            _write_note_map(places[len(targets)], note_map, raw)
        drawn = StreamedSound.of_raw(raw.mix, mixed.sample_rate_hz)
        write_pictures(pictures, places[len(targets) + len(maps) :], drawn, raw.played)
    return scale


def _scaled(source: Path, scale: float, told: Told | None, done: float, part: float) -> Iterator[NDArray[np.float32]]:
    """A raw file piece by piece, (2, samples); tells of this ``part`` of the work, which begins where ``done`` of it is done."""
    left = length = raw_length(source)
    for block in read_raw(source, BLOCK_SAMPLES):
        yield block if scale == 1.0 else block * np.float32(scale)
        left -= block.shape[1]
        if told is not None:
            told("writing", done + part * (1.0 - left / length))


def _peak(source: Path) -> float:
    return max((float(np.abs(block).max()) for block in read_raw(source, BLOCK_SAMPLES)), default=0.0)


def _write_note_map(place: Path, target: Path, raw: RawRendering) -> None:
    notes = [_note(row, raw.played.stems) for row in raw.note_map]
    text = json.dumps({"sample_rate_hz": raw.report.mix.sample_rate_hz, "notes": notes}, indent=1, ensure_ascii=False)
    try:
        place.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{safe_text(str(target))} cannot be written: {error.strerror}") from error


def _note(row: Any, stems: Sequence[str]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "first_sample": int(row["first_sample"]),
        "last_sample": int(row["last_sample"]),
        "stem": stems[int(row["stem"])],
    }
