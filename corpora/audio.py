"""Audio in memory, and in and out of files through libsndfile.

Conventions: float32, shape (channels, samples), full scale is 1.0; ``sample_rate_hz`` is whole. Files are written whole or not
at all. Which formats exist is decided by the suffix: .wav and .flac (24 bit), .ogg (Vorbis) and .mp3.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from corpora.atomic import atomic_path
from corpora.errors import InputError, ToolError

__all__ = [
    "AUDIO_SUFFIXES",
    "FULL_SCALE",
    "Audio",
    "audio_bytes",
    "check_format",
    "rate_in_file",
    "read_audio",
    "write_audio",
    "write_blocks",
]

MAX_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
MAX_DURATION_S = 2 * 3600.0
MP3_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
CHUNK_SAMPLES = 65_536  # libsndfile's Vorbis writer overruns the stack on very long single writes
FULL_SCALE = 1.0 - 2.0**-23  # the largest 24-bit sample; +1.0 itself would clip

ByteFile: TypeAlias = io.BytesIO | io.FileIO

_FORMATS = {
    ".wav": ("WAV", "PCM_24"),
    ".flac": ("FLAC", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".opus": ("OGG", "OPUS"),
}
_MAX_CHANNELS_OF = {".mp3": 2}
AUDIO_SUFFIXES = tuple(_FORMATS)


@dataclass(frozen=True, eq=False)
class Audio:
    """A recording or rendering in memory.

    Args:
        samples: float32, shape (channels, samples), finite; full scale is 1.0, larger values are allowed in memory.
        sample_rate_hz: Samples a second, 8,000 to 192,000.

    Raises:
        ValueError: On another dtype or shape, or a rate outside the range.
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.dtype != np.float32 or self.samples.ndim != 2:
            raise ValueError(f"audio is float32 (channels, samples), got {self.samples.dtype} {self.samples.shape}")
        if not 1 <= len(self.samples) <= MAX_CHANNELS:
            raise ValueError(f"audio has 1 to {MAX_CHANNELS} channels, got {len(self.samples)}")
        if not MIN_RATE_HZ <= self.sample_rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"sample rate is {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {self.sample_rate_hz}")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.samples)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1] / self.sample_rate_hz)

    @property
    def peak(self) -> float:
        """Largest absolute sample; 0.0 for silence or no samples."""
        if not self.samples.size:
            return 0.0
        return float(max(self.samples.max(), -self.samples.min()))

    def _repr_html_(self) -> str:
        """A player for notebooks, holding the sound as FLAC."""
        sound = base64.b64encode(audio_bytes(self, ".flac")).decode("ascii")
        return f'<audio controls src="data:audio/flac;base64,{sound}"></audio>'


def rate_in_file(suffix: str, sample_rate_hz: int) -> int:
    """The sample rate at which a file of this suffix keeps sound of a given rate."""
    if suffix != ".opus":
        return sample_rate_hz
    return next((rate for rate in OPUS_RATES_HZ if rate >= sample_rate_hz), OPUS_RATES_HZ[-1])


def _format_of(suffix: str, channels: int, sample_rate_hz: int, name: str) -> tuple[str, str]:
    """libsndfile's format and subtype; refuses what the format cannot hold."""
    if suffix not in _FORMATS:
        raise InputError(f"{name}: expected a sound file name ending in {', '.join(_FORMATS)}, got {suffix or 'no suffix'!r}")
    most = _MAX_CHANNELS_OF.get(suffix, MAX_CHANNELS)
    if channels > most:
        raise InputError(f"{name}: {suffix} holds at most {most} channels, got {channels}")
    if suffix == ".mp3" and sample_rate_hz not in MP3_RATES_HZ:
        raise InputError(f"{name}: .mp3 holds {', '.join(map(str, MP3_RATES_HZ))} Hz, got {sample_rate_hz}")
    return _FORMATS[suffix]


def check_format(suffix: str, channels: int, sample_rate_hz: int, name: str) -> None:
    """Raises InputError when there is no format of this suffix, or it cannot hold such sound."""
    _format_of(suffix, channels, sample_rate_hz, name)


class _Sink:
    """A file for libsndfile to write to: it does not tell of all failures itself, so they are kept here."""

    def __init__(self, file: ByteFile) -> None:
        self._file = file
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        done = 0
        try:
            while done < len(data):  # an unbuffered file may take it in parts
                done += self._file.write(data[done:])
        except OSError as error:
            self.failure = self.failure or error
        return done

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, count: int = -1) -> bytes:
        return self._file.read(count)


def _pieces(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """The same samples, none of the arrays too long for libsndfile."""
    for block in blocks:
        for start in range(0, block.shape[1], CHUNK_SAMPLES):
            yield block[:, start : start + CHUNK_SAMPLES]


def _resampled(blocks: Iterable[NDArray[np.float32]], channels: int, from_hz: int, to_hz: int) -> Iterator[NDArray[np.float32]]:
    """The same sound at another rate (soxr, high quality)."""
    stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block.T)).T
    yield stream.resample_chunk(np.empty((0, channels), dtype=np.float32), last=True).T


def write_blocks(
    file: ByteFile, blocks: Iterable[NDArray[np.float32]], *, suffix: str, channels: int, sample_rate_hz: int, name: str
) -> None:
    """Write sound that need not be in memory at once.

    Args:
        file: Open for writing and reading back, unbuffered, at its start; what is in it when an error is raised is not whole.
        blocks: float32 (channels, samples), any number of samples each, none beyond full scale.
        suffix: Decides the format, in small letters.
        channels: At most 8.
        sample_rate_hz: Of the blocks.
        name: For messages.

    Raises:
        InputError: Unknown suffix, or more channels or another rate than the format holds; or the file cannot be written.
        ToolError: libsndfile failed.
    """
    file_format, subtype = _format_of(suffix, channels, sample_rate_hz, name)
    rate_hz = rate_in_file(suffix, sample_rate_hz)
    if rate_hz != sample_rate_hz:
        blocks = _resampled(blocks, channels, sample_rate_hz, rate_hz)
    sink = _Sink(file)
    try:
        with soundfile.SoundFile(sink, "w", rate_hz, channels, subtype, format=file_format) as out:
            for piece in _pieces(blocks):
                out.write(piece.T)
                if sink.failure:
                    break
    except (soundfile.LibsndfileError, RuntimeError, AssertionError) as error:  # it asserts that all was written
        if not sink.failure:
            raise ToolError(f"libsndfile could not write {name}: {error}") from error
    if sink.failure:
        raise InputError(f"{name} cannot be written: {sink.failure.strerror}") from sink.failure


def _write(audio: Audio, target: ByteFile, suffix: str, name: str) -> float:
    """Write to a binary stream; returns the factor that the samples were scaled by."""
    check_format(suffix, audio.channels, audio.sample_rate_hz, name)
    peak = audio.peak
    if not np.isfinite(peak):
        raise InputError(f"{name}: expected finite samples, got NaN or infinity")
    scale = FULL_SCALE / peak if peak > FULL_SCALE else 1.0
    blocks = (piece if scale == 1.0 else piece * np.float32(scale) for piece in _pieces([audio.samples]))
    write_blocks(target, blocks, suffix=suffix, channels=audio.channels, sample_rate_hz=audio.sample_rate_hz, name=name)
    return scale


def write_audio(audio: Audio, path: str | Path) -> float:
    """Write a sound file; the format follows the suffix (.wav, .flac, .ogg, .mp3, .opus).

    Samples beyond full scale are never clipped: the whole sound is then scaled down to full scale, and the factor is returned.

    Args:
        audio: The sound.
        path: Where to; an existing file is replaced when the new one is complete.

    Returns:
        The factor that the samples were scaled by: 1.0, or less where the sound passed full scale.

    Raises:
        InputError: Unknown suffix, missing folder, samples not finite, or more channels or another rate than the format holds.
        ToolError: libsndfile failed.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    check_format(suffix, audio.channels, audio.sample_rate_hz, target.name)
    with atomic_path(target) as unfinished, unfinished.open("w+b", buffering=0) as file:
        return _write(audio, file, suffix, target.name)


def audio_bytes(audio: Audio, suffix: str = ".wav") -> bytes:
    """The sound as the bytes of a file of this suffix; scaling and errors as in ``write_audio``."""
    stream = io.BytesIO()
    _write(audio, stream, suffix, f"sound{suffix}")
    return stream.getvalue()


def read_audio(path: str | Path) -> Audio:
    """Read a sound file that libsndfile knows (wav, flac, ogg, mp3, aiff and more) into memory.

    Args:
        path: A regular file of at most 8 channels, 8,000 to 192,000 Hz and 2 hours.

    Returns:
        The sound at its own rate, not resampled.

    Raises:
        InputError: Not a readable sound file, outside these limits, empty, or with samples that are not finite.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(
            f"{source.name}: expected a sound file, got {'a folder or device' if source.exists() else 'nothing there'}"
        )
    try:
        with soundfile.SoundFile(source) as file:
            return _read_checked(file, source.name)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{source.name}: expected a sound file, libsndfile says: {error}") from error


def _read_checked(file: soundfile.SoundFile, name: str) -> Audio:
    """The samples of an open file, refused at the first limit passed; a header's length is not believed."""
    if not 1 <= file.channels <= MAX_CHANNELS:
        raise InputError(f"{name}: expected 1 to {MAX_CHANNELS} channels, got {file.channels}")
    if not MIN_RATE_HZ <= file.samplerate <= MAX_RATE_HZ:
        raise InputError(f"{name}: expected a sample rate of {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {file.samplerate}")
    most = int(MAX_DURATION_S * file.samplerate)
    chunks: list[NDArray[np.float32]] = []
    length = 0
    while len(chunk := file.read(CHUNK_SAMPLES, dtype="float32", always_2d=True)):
        if not np.isfinite(chunk).all():
            bad = int(np.flatnonzero(~np.isfinite(chunk).all(axis=1))[0])
            raise InputError(f"{name}: sample {length + bad}: expected finite samples, got NaN or infinity")
        length += len(chunk)
        if length > most:
            raise InputError(f"{name}: expected at most {MAX_DURATION_S:.0f} s of sound, got more")
        chunks.append(chunk)
    if not length:
        raise InputError(f"{name}: expected sound, got no samples")
    samples = np.empty((file.channels, length), dtype=np.float32)
    place = 0
    for chunk in chunks:
        samples[:, place : place + len(chunk)] = chunk.T
        place += len(chunk)
    return Audio(samples, int(file.samplerate))
