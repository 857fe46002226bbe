"""Plays music with the sampler into raw stem files, a stretch of time after the other, so that its length costs no memory.

Every voice begins at exactly its note's sample. Sums are formed in one order (voices of a stem by onset, then stems), whatever the
length of the stretches, so that two renderings of the same music with the same font are the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compose.threads import one_thread
from render.fonts import Font, find_font
from render.played import PlayedMusic
from render.sampler.blocks import BLOCK, Blocks
from render.sampler.font_file import read_font
from render.sampler.voices import Voice, VoiceMaker, pan_gains

__all__ = ["MIX_FILE", "SamplerReport", "render_stems"]

MIX_FILE = "mix.f32"
SEGMENT_SAMPLES = 1 << 18
MAX_HELD_BYTES = 256 << 20  # of all stems of a segment
FRAME_BYTES = 8
MAX_TAIL_S = 10.0
QUIET_RATIO = 1e-4  # -80 dB


@dataclass(frozen=True)
class SamplerReport:
    """What ``render_stems`` made.

    Args:
        files: A raw file for each stem in the order of ``PlayedMusic.stems``, or one of the mix: interleaved float32 stereo.
        samples: Length of each.
        peak: Largest absolute sample of the sum of all stems.
        font: What played.
        voices: Samples that were started.
        render_s: Seconds of work.
    """

    files: tuple[Path, ...]
    samples: int
    peak: float
    font: Font
    voices: int
    render_s: float


class _Player:
    """Mixes voices into stretches of time."""

    def __init__(self, played: PlayedMusic, maker: VoiceMaker) -> None:
        self._played = played
        self._maker = maker
        self.blocks = Blocks(maker.sources, float(played.sample_rate_hz))
        self._sounding: list[Voice] = []
        self._onsets = played.notes["onset_sample"]
        self._next = 0
        self.voices = 0

    def stems(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples ``start`` to ``stop`` of every stem, (stem, 2, sample)."""
        out = np.zeros((len(self._played.stems), 2, stop - start), dtype=np.float32)
        until = int(np.searchsorted(self._onsets, stop))
        for note in self._played.notes[self._next : until]:
            fresh = self._maker.voices(note)
            self.voices += len(fresh)
            self._sounding += fresh
        self._next = until
        for voice in self._sounding:
            self._add(voice, out[voice.stem], start, stop)
        self._sounding = [voice for voice in self._sounding if voice.stop > stop]
        return out

    def is_done(self) -> bool:
        """Whether nothing sounds any more and nothing will."""
        return not self._sounding and self._next == len(self._onsets)

    def _add(self, voice: Voice, out: NDArray[np.float32], start: int, stop: int) -> None:
        """Adds a voice to samples ``start`` to ``stop`` of its stem, (2, sample)."""
        begin, end = max(start, voice.onset), min(stop, voice.stop)
        release = voice.release - voice.onset
        while begin < end:
            own = begin - voice.onset
            index = own // BLOCK
            until = min(end, voice.onset + (index + 1) * BLOCK)
            part = self.blocks.tone(voice.tone, index, release)[own - index * BLOCK : until - voice.onset - index * BLOCK]
            sound = part * self.blocks.envelope(voice.envelope, own, until - voice.onset, release)
            channel = voice.channel_gain.over(begin, until)
            gain = voice.gain * channel
            for side, share in zip(out, pan_gains(voice.channel_pan.over(begin, until) + voice.pan), strict=True):
                side[begin - start : until - start] += sound * np.asarray(share * gain, dtype=np.float32)
            begin = until


def render_stems(
    played: PlayedMusic,
    folder: Path,
    *,
    stems: bool = True,
    font: str | Path | None = None,
    segment_samples: int = SEGMENT_SAMPLES,
    progress: Callable[[float], None] | None = None,
) -> SamplerReport:
    """Play music through a SoundFont, dry, into raw files in ``folder``.

    Args:
        played: The music.
        folder: Where ``stem-0.f32`` and so on are written, or ``mix.f32``: interleaved little-endian float32 stereo.
        stems: A file for each stem; else one of their sum.
        font: A .sf2 or .sf3 file; None for ``render.fonts.find_font``'s choice. Never from an upload.
        segment_samples: How much is rendered at once; the result does not depend on it.
        progress: Is told the share that is done, 0 to 1.

    Returns:
        The files, all of one length: until the last note has fallen to -80 dB below the peak, at most 10 s after it is let go.

    Raises:
        InputError: The font is missing or broken.
        ToolError: There is no font.
    """
    started = time.perf_counter()
    chosen = find_font(font)
    names = [f"stem-{index}.f32" for index in range(len(played.stems))] if stems else [MIX_FILE]
    files = tuple(folder / name for name in names)
    length = min(segment_samples, max(BLOCK, MAX_HELD_BYTES // (FRAME_BYTES * len(played.stems))))
    end = played.end_sample
    limit = end + round(MAX_TAIL_S * played.sample_rate_hz)
    peak = 0.0
    written = 0
    with ExitStack() as opened, one_thread():
        player = _Player(played, VoiceMaker(played, read_font(chosen.path)))
        outputs = [opened.enter_context(path.open("wb")) for path in files]
        while written < limit and not (written >= end and player.is_done()):
            stop = min(written + length, limit)
            made = player.stems(written, stop)
            mix = _summed(made)
            peak = max(peak, float(np.abs(mix).max()))
            for output, sound in zip(outputs, made if stems else [mix], strict=True):
                np.ascontiguousarray(sound.T, dtype="<f4").tofile(output)
            written = stop
            if progress is not None:
                progress(min(written / max(end, 1), 1.0))
    samples = _cut_silence(files, end, QUIET_RATIO * peak)
    return SamplerReport(files, samples, peak, chosen, player.voices, time.perf_counter() - started)


def _summed(stems: NDArray[np.float32]) -> NDArray[np.float32]:
    """Their sum in order, (2, sample)."""
    mix: NDArray[np.float32] = stems[0].copy()
    for stem in stems[1:]:
        mix += stem
    return mix


def _cut_silence(files: tuple[Path, ...], end: int, quiet: float) -> int:
    """Shortens all files to where their sum has become quiet after ``end``; gives their length."""
    tail = np.fromfile(files[0], dtype="<f4", offset=end * FRAME_BYTES)
    for path in files[1:]:
        tail += np.fromfile(path, dtype="<f4", offset=end * FRAME_BYTES)
    loud = np.flatnonzero(np.abs(tail) > quiet)
    length = end + (int(loud[-1]) // 2 + 1 if len(loud) else 0)
    for path in files:
        with path.open("r+b") as file:
            file.truncate(length * FRAME_BYTES)
    return length
