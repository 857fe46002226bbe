"""What each note sounds like on its own, and how its amplitude follows its velocity.

Sounds are mono (the mean of left and right), float32, at the sample rate of the music, dry, from the note's onset on; they are cut
where they have fallen ``CUT_DB`` below their peak. Amplitudes are those of ``render.sampler``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from render.fonts import find_font
from render.played import PlayedMusic
from render.sampler.blocks import BLOCK, Blocks
from render.sampler.font_file import read_font
from render.sampler.settings import set_zone
from render.sampler.voices import Voice, VoiceMaker, pan_gains
from render.sampler.zones import Zone

__all__ = ["VELOCITIES", "NoteSound", "NoteSounds"]

VELOCITIES = 127
CUT_DB = 66.0


@dataclass(frozen=True, eq=False)
class NoteSound:
    """One note alone.

    Args:
        frames: Mono, float32 (sample,), from the onset.
        levels: Natural logarithm of its amplitude at velocities 1 to 127, relative to the velocity that it was played at, (127,).
    """

    frames: NDArray[np.float32]
    levels: NDArray[np.float64]


class NoteSounds:
    """Plays the notes of some music one by one; what was computed for one is kept for others like it.

    Args:
        played: The music, at the rate of the sounds.
        font: A .sf2 or .sf3 file; None for ``render.fonts.find_font``'s choice.

    Raises:
        InputError: The font is missing or broken.
        ToolError: There is no font.
    """

    def __init__(self, played: PlayedMusic, font: str | Path | None = None) -> None:
        self._played = played
        self.font = find_font(font)
        self._file = read_font(self.font.path)
        self._blocks = Blocks(VoiceMaker(played, self._file).sources, float(played.sample_rate_hz))
        self._powers = lru_cache(maxsize=None)(_powers)

    def sounds(self, notes: Table) -> list[NoteSound]:
        """The sound of each of some ``PLAYED_DTYPE`` rows, in their order.

        A later note may choke an earlier one (exclusive classes of drums), which is then short.
        """
        order = np.argsort(notes["onset_sample"], kind="stable")
        maker = VoiceMaker(replace(self._played, notes=notes[order]), self._file)
        voices: list[list[Voice]] = [[] for _ in notes]
        for place in order.tolist():
            voices[place] = maker.voices(notes[place])
        return [self._sound(own, int(note["velocity"])) for own, note in zip(voices, notes, strict=True)]

    def _sound(self, voices: Sequence[Voice], velocity: int) -> NoteSound:
        frames = np.zeros(max((voice.stop - voice.onset for voice in voices), default=1), dtype=np.float32)
        powers = np.zeros(VELOCITIES)
        for voice in voices:
            self._add(voice, frames)
            powers += self._powers(voice.zone, voice.key)
        loud = np.flatnonzero(np.abs(frames) > np.abs(frames).max() * 10.0 ** (-CUT_DB / 20.0))
        kept = frames[: int(loud[-1]) + 1] if len(loud) else frames[:1]
        if not voices:
            return NoteSound(kept, np.zeros(VELOCITIES))
        return NoteSound(kept, 0.5 * (np.log(np.maximum(powers, 1e-30)) - math.log(max(powers[velocity - 1], 1e-30))))

    def _add(self, voice: Voice, frames: NDArray[np.float32]) -> None:
        release = voice.release - voice.onset
        for start in range(0, voice.stop - voice.onset, BLOCK):
            stop = min(start + BLOCK, voice.stop - voice.onset)
            tone = self._blocks.tone(voice.tone, start // BLOCK, release)[: stop - start]
            envelope = self._blocks.envelope(voice.envelope, start, stop, release)
            begin, end = voice.onset + start, voice.onset + stop
            left, right = pan_gains(voice.channel_pan.over(begin, end) + voice.pan)
            gain = 0.5 * (left + right) * voice.channel_gain.over(begin, end) * voice.gain
            frames[start:stop] += tone * envelope * np.asarray(gain, dtype=np.float32)


def _powers(zone: Zone, key: int) -> NDArray[np.float64]:
    """Squared amplitude of a zone at velocities 1 to 127, (127,)."""
    return np.array([set_zone(zone, key, velocity).gain ** 2 for velocity in range(1, VELOCITIES + 1)])
