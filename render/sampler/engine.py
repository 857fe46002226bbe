"""Plays music with the sampler into raw stem files, a stretch of time after the other, so that its length costs no memory.

Every voice begins at exactly its note's sample. Sums are formed in one order (voices of a stem by onset, then stems), whatever the
length of the stretches, so that two renderings of the same music with the same font are the same bytes.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compose.threads import one_thread
from corpora.errors import ToolError
from render.engines import FontReport, Progress, stem_file
from render.fonts import find_font
from render.played import PlayedMusic
from render.sampler.blocks import BLOCK, Blocks
from render.sampler.font_file import read_font
from render.sampler.voices import Voice, VoiceMaker, pan_gains

__all__ = ["render_stems"]

SEGMENT_SAMPLES = 1 << 18
MAX_HELD_BYTES = 256 << 20  # of all stems of a segment
FRAME_BYTES = 8
MAX_TAIL_S = 10.0
QUIET_RATIO = 1e-4  # -80 dB


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
            self._sounding += fresh
        self._next = until
        self.voices = max(self.voices, len(self._sounding))
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
    stems: bool,
    font: str | Path | None = None,
    progress: Progress | None = None,
    segment_samples: int = SEGMENT_SAMPLES,
) -> FontReport:
    """Play music through a SoundFont into raw sound files (``render.engines``).

    Args:
        played: The music.
        folder: An existing folder.
        stems: A file for each stem; otherwise one for all.
        font: A .sf2 or .sf3 file; None for ``render.fonts.find_font``'s choice. Never from an upload.
        progress: Is told the share that is done.
        segment_samples: How much is rendered at once; the sound does not depend on it.

    Returns:
        The report. The sound goes on until its last note has fallen to -80 dB below the peak, at most 10 s after it is let go.

    Raises:
        InputError: The font is missing or broken.
        ToolError: There is no font, it is silent, or the disk is full.
    """
    chosen = find_font(font)
    files = [stem_file(folder, stem) for stem in range(len(played.stems) if stems else 1)]
    length = min(segment_samples, max(BLOCK, MAX_HELD_BYTES // (FRAME_BYTES * len(played.stems))))
    end = played.end_sample
    maker = VoiceMaker(played, read_font(chosen.path))
    player = _Player(played, maker)
    try:
        with ExitStack() as opened, one_thread():
            outputs = [opened.enter_context(path.open("wb")) for path in files]
            peak = 0.0
            written, limit = 0, end + round(MAX_TAIL_S * played.sample_rate_hz)
            while written < end or (written < limit and not player.is_done()):
                stop = min(written + length, limit)
                made = player.stems(written, stop)
                mix = _summed(made)
                peak = max(peak, float(np.abs(mix).max()))
                for output, sound in zip(outputs, made if stems else [mix], strict=True):
                    output.write(np.ascontiguousarray(sound.T, dtype="<f4").data)
                written = stop
                if progress is not None:
                    progress(min(written / end, 1.0))
        samples = _cut_silence(files, end, QUIET_RATIO * peak)
    except OSError as error:
        raise ToolError(f"{played.name}: the sound cannot be written to {folder}: {error.strerror}") from error
    if peak <= 0.0:
        raise ToolError(f"{played.name}: SoundFont {chosen.name} gave only silence")
    return FontReport(
        samples=samples,
        peak=peak,
        voices=player.voices,
        player=f"sampler with {chosen.name}",
        licence=chosen.licence,
        font=chosen.name,
        lost=_lost(played, maker.replaced),
    )


def _lost(played: PlayedMusic, replaced: Counter[tuple[str, str]]) -> tuple[str, ...]:
    """In words what the font lacks, and what is not read."""
    words = [f"{asked}, {_count(notes, 'note')}: the font has {got}" for (asked, got), notes in replaced.items()]
    exclusive = sum(event.kind == "sysex" for event in played.events)
    pressed = sum(event.kind == "polytouch" for event in played.events)
    words += [_count(exclusive, "system exclusive message")] if exclusive else []
    words += [_count(pressed, "key pressure")] if pressed else []
    return tuple(words)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _summed(stems: NDArray[np.float32]) -> NDArray[np.float32]:
    """Their sum in order, (2, sample)."""
    mix: NDArray[np.float32] = stems[0].copy()
    for stem in stems[1:]:
        mix += stem
    return mix


def _cut_silence(files: list[Path], end: int, quiet: float) -> int:
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
