"""The door for recordings: WAV, FLAC, Ogg or MP3 within limits, whole, with finite samples.

libsndfile reads NaN, a sample rate of 1 Hz and cut-off files without complaint, and libraries behind it do not survive them.
MP3 is decoded in a child process: libmpg123 prints its complaints on the process's standard error.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import soundfile

from corpora.child import Limits, run_limited
from corpora.errors import InputError
from corpora.gate.files import open_regular
from corpora.gate.refusal import refusal
from corpora.gate.sniff import expect_kind
from corpora.safe_text import safe_text

__all__ = ["MAX_AUDIO_BYTES", "MAX_AUDIO_S", "AudioExtent", "check_audio"]

MAX_AUDIO_BYTES: Final = 2 << 30
MAX_AUDIO_S: Final = 3600.0
MAX_CHANNELS: Final = 8
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 8_000, 192_000
MAX_SAMPLES: Final = 400_000_000  # over all channels: an hour of stereo at 48 kHz has 346 million
BLOCK_SAMPLES: Final = 1 << 20
MP3_LIMITS: Final = Limits(memory_bytes=4 << 30, cpu_s=120, wall_s=180, file_bytes=1 << 20, result_bytes=1 << 20)
PLAIN_PCM: Final = frozenset({"PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32"})
UNKNOWN_LENGTHS: Final = (0, 0xFFFFFFFF)  # what a program writes that streams a WAV


@dataclass(frozen=True)
class AudioExtent:
    """What a checked recording holds.

    Args:
        format: "WAV", "FLAC", "OGG" or "MP3" as libsndfile has it.
        channels: 1 to 8.
        sample_rate_hz: 8,000 to 192,000.
        samples: Per channel.
    """

    format: str
    channels: int
    sample_rate_hz: int
    samples: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate_hz


def check_audio(source: bytes | str | os.PathLike[str], name: str = "") -> AudioExtent:
    """Check a recording and return its extent. All but integer WAV is decoded once, in blocks.

    Args:
        source: The whole file as bytes, or its path.
        name: File name for messages; by default the path.

    Raises:
        InputError: It is no WAV, FLAC, Ogg or MP3 file, is cut off, has no samples, over 8 channels, a sample rate outside 8 to
            192 kHz, over an hour of sound, or samples that are NaN or infinite.
    """
    if isinstance(source, bytes):
        return _check(io.BytesIO(source), len(source), source, name)
    with open_regular(source, MAX_AUDIO_BYTES) as file:
        return _check(file, os.fstat(file.fileno()).st_size, source, name or os.fspath(source))


def _check(file: io.BufferedIOBase, file_bytes: int, source: bytes | str | os.PathLike[str], name: str) -> AudioExtent:
    if file_bytes == 0:
        raise InputError(f"{safe_text(name)}: the file is empty")
    kind = expect_kind(file.read(4096), name, ("wav", "flac", "ogg", "mp3"))
    if kind == "mp3":
        arguments = {"source": source if isinstance(source, bytes) else os.path.abspath(source), "name": name}
        fields = run_limited("corpora.gate.audio:_decode_mp3", arguments, limits=MP3_LIMITS, tool="the MP3 decoder", subject=name)
        return AudioExtent(**fields)
    if kind == "wav":
        _check_wav_chunks(file, file_bytes, name)
    file.seek(0)
    return _decode(file, name)


def _decode_mp3(source: bytes | str, name: str) -> dict[str, Any]:
    """What the child process runs for MP3."""
    if isinstance(source, bytes):
        return asdict(_decode(io.BytesIO(source), name))
    with open_regular(source, MAX_AUDIO_BYTES) as file:
        return asdict(_decode(file, name))


def _decode(file: io.BufferedIOBase, name: str) -> AudioExtent:
    try:
        with soundfile.SoundFile(file) as sound:
            extent = AudioExtent(sound.format, sound.channels, sound.samplerate, sound.frames)
            _check_extent(extent, name)
            if not (sound.format in ("WAV", "WAVEX", "RF64") and sound.subtype in PLAIN_PCM):
                _check_samples(sound, extent, name)
    except (soundfile.SoundFileError, ValueError, TypeError, OverflowError) as error:
        reason = getattr(error, "error_string", str(error))
        raise refusal(name, "", "a recording that can be decoded", f"'{reason}'") from None
    return extent


def _check_extent(extent: AudioExtent, name: str) -> None:
    if not 1 <= extent.channels <= MAX_CHANNELS:
        raise refusal(name, "", f"1 to {MAX_CHANNELS} channels", extent.channels)
    if not MIN_SAMPLE_RATE_HZ <= extent.sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        raise refusal(name, "", f"a sample rate of {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz", extent.sample_rate_hz)
    if extent.samples < 1:
        raise refusal(name, "", "at least one sample", extent.samples)
    if extent.seconds > MAX_AUDIO_S:
        raise refusal(name, "", f"at most {MAX_AUDIO_S:g} s of sound", f"{extent.seconds:.0f} s")
    if extent.samples * extent.channels > MAX_SAMPLES:
        raise refusal(name, "", f"at most {MAX_SAMPLES:,} samples", f"{extent.samples * extent.channels:,}")


def _check_samples(sound: Any, extent: AudioExtent, name: str) -> None:
    """Decode to the end: as many samples as promised, all finite."""
    block = np.empty((max(1, BLOCK_SAMPLES // extent.channels), extent.channels), dtype=np.float32)
    done = 0
    while len(samples := sound.read(out=block)):
        if not np.isfinite(samples).all():
            place = done + int(np.argmin(np.isfinite(samples).all(axis=1)))
            raise refusal(name, f"sample {place}", "finite samples", "NaN or infinity")
        done += len(samples)
        if done > extent.samples:
            break
    if done != extent.samples:
        raise refusal(name, "", f"{extent.samples:,} samples, as the header says", f"{done:,} (truncated?)")


def _check_wav_chunks(file: io.BufferedIOBase, file_bytes: int, name: str) -> None:
    """Refuse a WAV file whose data chunk is longer than the file, unless its length was left open."""
    place = 12
    for _ in range(1000):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            raise refusal(name, f"byte {place}", "a data chunk", "the end of the file (truncated?)")
        kind, length = struct.unpack("<4sI", head)
        if kind == b"data":
            if length not in UNKNOWN_LENGTHS and place + 8 + length > file_bytes:
                raise refusal(name, f"byte {place}", f"{length:,} bytes of sound", f"{file_bytes - place - 8:,} (truncated?)")
            return
        place += 8 + length + (length & 1)
    raise refusal(name, f"byte {place}", "a data chunk", "a thousand others")
