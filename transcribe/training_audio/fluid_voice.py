"""Passages through a SoundFont, mono at 16 kHz: ``FontPlayer``, for worker processes.

FluidSynth reads samples without a low-pass filter, so what a sample holds above half of the rate comes back as false tones. It
therefore plays at twice the rate here: a sample of 44.1 kHz at its own pitch folds to 10 kHz and up, which the resampling removes.

libfluidsynth can die on a broken font: use this only in a process that may (``transcribe.training_audio.making``). A SoundFont
with compressed samples takes seconds to unpack. libfluidsynth keeps samples as long as any synthesiser of the process holds them,
so a *keeper* that never plays is told every preset in use.

Generators are the numbers by which a SoundFont says how a sample sounds (SoundFont 2.04, section 8.1.2); what a caller gives for a
channel is added to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from render.fluid import BLOCK_SAMPLES, Synth
from render.played import PlayedMusic
from render.sampler.font_file import BANK_OF_DRUMS, read_font
from render.soundfont.timeline import KINDS, NOTE_OFF, NOTE_ON, make_timeline
from render.soundfont.virtual_channels import VirtualChannels, allot_channels
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.passages import DRUM_PROGRAM

__all__ = ["PLAYED_RATE_HZ", "FontPlayer"]

PLAYED_RATE_HZ = 2 * SAMPLE_RATE_HZ
GAIN = 0.6
DRUM_CHANNEL = 128  # of the keeper, whose other channels are one for each program
CONTROL, PROGRAM, BEND = KINDS.index("control_change"), KINDS.index("program_change"), KINDS.index("pitchwheel")


class FontPlayer:
    """Plays with one SoundFont.

    Args:
        font: The file.
    """

    def __init__(self, font: Path) -> None:
        self._font = font
        self._keeper: Synth | None = None
        self._kept: set[tuple[bool, int]] = set()

    @cached_property
    def programs(self) -> frozenset[int]:
        """What it has sounds of its own for; ``DRUM_PROGRAM`` stands for drums.

        Raises:
            InputError: The font cannot be read.
        """
        presets = read_font(self._font).presets
        pitched = {program for bank, program in presets if not bank}
        return frozenset(pitched | {DRUM_PROGRAM for bank, _ in presets if bank == BANK_OF_DRUMS})

    def _keep(self, is_drum: bool, program: int) -> None:
        if self._keeper is None:
            self._keeper = Synth(
                self._font,
                sample_rate_hz=PLAYED_RATE_HZ,
                channels=DRUM_CHANNEL + 1,
                groups=1,
                drum_channels=frozenset({DRUM_CHANNEL}),
                gain=GAIN,
            )
        if not is_drum and (is_drum, program) not in self._kept:
            self._keeper.program_change(program, program)
            self._kept.add((is_drum, program))

    def play(self, played: PlayedMusic, samples: int) -> NDArray[np.float32]:
        """Music as mono sound.

        Args:
            played: The music, at ``PLAYED_RATE_HZ``.
            samples: How many at 16 kHz.

        Returns:
            float32 (samples,); full scale is not kept.

        Raises:
            InputError: The font cannot be loaded, or more notes sound at once than there are voices.
            ToolError: libfluidsynth is missing or failed.
        """
        pairs = self._pairs(played, allot_channels(played, stems=False), samples, {})
        return _at_rate(pairs.sum(axis=0) / 2, samples)

    def play_apart(self, played: PlayedMusic, samples: int, generators: Mapping[int, Mapping[int, float]]) -> NDArray[np.float32]:
        """Each stem of the music by itself, the channels with generators of their own.

        Args:
            played, samples: As for ``play``.
            generators: For channels, by number: what is added to them.

        Returns:
            float32 (stems, samples); their sum is what ``play`` gives where there are no generators.

        Raises:
            InputError, ToolError: As ``play``.
        """
        virtual = allot_channels(played, stems=True)
        pairs = self._pairs(played, virtual, samples, generators)
        out = np.zeros((len(played.stems), samples), dtype=np.float32)
        for pair, stem in enumerate(virtual.stem_of_pair):
            out[stem] += _at_rate(pairs[2 * pair : 2 * pair + 2].sum(axis=0) / 2, samples)
        return out

    def _pairs(
        self, played: PlayedMusic, virtual: VirtualChannels, samples: int, generators: Mapping[int, Mapping[int, float]]
    ) -> NDArray[np.float32]:
        """Left and right of each stereo pair, at ``PLAYED_RATE_HZ``."""
        for program in sorted(set(played.notes["program"][~played.notes["is_drum"]].tolist())):
            self._keep(False, program)
        timeline = make_timeline(played, virtual)
        blocks = -(-samples * PLAYED_RATE_HZ // (SAMPLE_RATE_HZ * BLOCK_SAMPLES))
        groups = len(virtual.stem_of_pair)
        pairs = np.zeros((2 * groups, blocks * BLOCK_SAMPLES), dtype=np.float32)
        synth = Synth(
            self._font,
            sample_rate_hz=PLAYED_RATE_HZ,
            channels=virtual.count,
            groups=groups,
            drum_channels=virtual.drums,
            gain=GAIN,
        )
        try:
            for channel, own in generators.items():
                for copy in virtual.of_channel[channel]:
                    for generator, value in own.items():
                        synth.set_generator(copy, generator, value)
            done = 0
            for block, kind, channel, first, second, _ in timeline.tolist():
                if block > done:
                    until = min(block, blocks)
                    synth.play_into(pairs, done * BLOCK_SAMPLES, until * BLOCK_SAMPLES)
                    done = until
                if done == blocks:
                    break
                _tell(synth, kind, channel, first, second)
            synth.play_into(pairs, done * BLOCK_SAMPLES, blocks * BLOCK_SAMPLES)
        finally:
            synth.close()
        return pairs


def _at_rate(mono: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """At 16 kHz, and no longer than asked for."""
    return np.asarray(soxr.resample(mono, PLAYED_RATE_HZ, SAMPLE_RATE_HZ)[:samples], dtype=np.float32)


def _tell(synth: Synth, kind: int, channel: int, first: int, second: int) -> None:
    """One row of the timeline; passages have no pressure and no cents."""
    if kind == NOTE_ON:
        synth.note_on(channel, first, second)
    elif kind == NOTE_OFF:
        synth.note_off(channel, first)
    elif kind == CONTROL:
        synth.control_change(channel, first, second)
    elif kind == PROGRAM:
        synth.program_change(channel, first)
    elif kind == BEND:
        synth.pitch_bend(channel, first)
