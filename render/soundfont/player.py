"""The child process of the engine: plays a timeline into raw sound files, piece by piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.errors import ToolError
from corpora.piece import Table
from render.engines import stem_file
from render.fluid import BLOCK_SAMPLES, Synth, fluidsynth_version
from render.soundfont.timeline import KINDS, NOTE_OFF, NOTE_ON

__all__ = ["play_timeline"]

PIECE_BLOCKS = 256  # held in memory, of all stereo pairs
MAX_TAIL_S = 10.0
QUIET_S = 0.1  # the tail ends when it has been this quiet for so long
BANK, DRUM_BANK = 0, 128  # the controller, and where SoundFonts keep drum sets
QUIET_RATIO = 1e-4  # -80 dB below the loudest sample so far


class _Presets:
    """Which notes a preset plays that was not asked for, as the font lacks theirs."""

    def __init__(self, synth: Synth, drums: frozenset[int]) -> None:
        self._synth = synth
        self._drums = drums
        self._banks: dict[int, int] = {}
        self._asked: dict[int, tuple[int, int]] = {}
        self._played: dict[int, tuple[int, int] | None] = {}
        self.replaced: Counter[tuple[tuple[int, int], tuple[int, int] | None]] = Counter()

    def bank(self, channel: int, bank: int) -> None:
        self._banks[channel] = bank

    def program(self, channel: int, program: int) -> None:
        self._asked[channel] = (DRUM_BANK if channel in self._drums else self._banks.get(channel, 0)), program
        self._played.pop(channel, None)

    def note(self, channel: int) -> None:
        if channel not in self._played:
            self._played[channel] = self._synth.preset(channel)
        asked = self._asked.get(channel, (DRUM_BANK if channel in self._drums else 0, 0))
        if self._played[channel] != asked:
            self.replaced[asked, self._played[channel]] += 1


class _Tape:
    """The growing sound files and the loudest sample of their sum."""

    def __init__(self, folder: Path, stem_of_pair: Sequence[int]) -> None:
        self._pairs_of = [np.flatnonzero(np.array(stem_of_pair) == stem) for stem in range(max(stem_of_pair) + 1)]
        self._files = [stem_file(folder, stem).open("wb") for stem in range(len(self._pairs_of))]
        self.peak = 0.0
        self.length = 0

    def append(self, pairs: NDArray[np.float32]) -> float:
        """Add samples (2 x pairs, samples); returns the peak of their sum."""
        split = pairs.reshape(-1, 2, pairs.shape[1])
        total = split.sum(axis=0) if len(split) > 1 else split[0]
        peak = float(max(total.max(), -total.min()))
        if not np.isfinite(peak):
            raise ToolError("libfluidsynth gave samples that are not finite")
        for file, own in zip(self._files, self._pairs_of, strict=True):
            sound = split[own[0]] if len(own) == 1 else split[own].sum(axis=0)
            file.write(np.ascontiguousarray(sound.T, dtype="<f4").data)
        self.peak = max(self.peak, peak)
        self.length += pairs.shape[1]
        return peak

    def close(self) -> None:
        for file in self._files:
            file.close()


def play_timeline(
    *,
    timeline: Table,
    font: Path,
    folder: Path,
    sample_rate_hz: int,
    gain: float,
    channels: int,
    stem_of_pair: tuple[int, ...],
    drums: tuple[int, ...],
) -> dict[str, Any]:
    """Play into ``stem_file``s of a folder.

    Args:
        timeline: TIMELINE_DTYPE rows in playing order (``render.soundfont.timeline``).
        font: The SoundFont.
        folder: An existing folder.
        sample_rate_hz: 8,000 to 96,000.
        gain: FluidSynth's synth.gain.
        channels: Virtual channels in use.
        stem_of_pair: The stem of each stereo pair.
        drums: Virtual channels that play drums.

    Returns:
        ``samples`` in each file, the largest absolute sample ``peak`` of their sum, the most ``voices`` that sounded at once, the
        ``version`` of libfluidsynth, and the presets that the font lacks, ``replaced``: (bank, program) asked for, the one that
        played (None: nothing did), notes.

    Raises:
        InputError: The font cannot be loaded.
        ToolError: libfluidsynth is missing or failed, or the disk is full.
    """
    synth = Synth(
        font,
        sample_rate_hz=sample_rate_hz,
        channels=channels,
        groups=len(stem_of_pair),
        drum_channels=frozenset(drums),
        gain=gain,
    )
    try:
        tape = _Tape(folder, stem_of_pair)
        try:
            presets = _Presets(synth, frozenset(drums))
            voices = _play(synth, tape, timeline, len(stem_of_pair), presets)
            synth.let_go()
            _ring_out(synth, tape, sample_rate_hz, len(stem_of_pair))
        finally:
            tape.close()
    except OSError as error:
        raise ToolError(f"raw sound cannot be written to {folder}: {error.strerror}") from error
    finally:
        synth.close()
    replaced = [(asked, played, notes) for (asked, played), notes in sorted(presets.replaced.items(), key=str)]
    return {"samples": tape.length, "peak": tape.peak, "voices": voices, "version": fluidsynth_version(), "replaced": replaced}


def _play(synth: Synth, tape: _Tape, timeline: Table, groups: int, presets: _Presets) -> int:
    """Tell everything at its block; returns the most voices seen."""
    pairs = np.zeros((2 * groups, PIECE_BLOCKS * BLOCK_SAMPLES), dtype=np.float32)
    filled = done = voices = 0  # blocks
    for block, kind, channel, first, second, cents in timeline.tolist():
        if block > done:
            voices = max(voices, synth.voices)
        while done < block:
            blocks = min(block - done, PIECE_BLOCKS - filled)
            synth.play_into(pairs, filled * BLOCK_SAMPLES, (filled + blocks) * BLOCK_SAMPLES)
            done, filled = done + blocks, filled + blocks
            if filled == PIECE_BLOCKS:
                tape.append(pairs)
                pairs[:] = 0.0
                filled = 0
        _tell(synth, presets, kind, channel, first, second, cents)
    if filled:
        tape.append(pairs[:, : filled * BLOCK_SAMPLES])
    return voices


def _tell(synth: Synth, presets: _Presets, kind: int, channel: int, first: int, second: int, cents: float) -> None:
    """One row; what FluidSynth cannot do (a program that is not in the font, say) it does in its own way."""
    if kind == NOTE_ON:
        presets.note(channel)
        synth.tune_key(channel, first, cents)
        synth.note_on(channel, first, second)
    elif kind == NOTE_OFF:
        synth.note_off(channel, first)
    else:
        match KINDS[kind]:
            case "control_change":
                synth.control_change(channel, first, second)
                if first == BANK:
                    presets.bank(channel, second)
            case "program_change":
                synth.program_change(channel, first)
                presets.program(channel, first)
            case "pitchwheel":
                synth.pitch_bend(channel, first)
            case "aftertouch":
                synth.channel_pressure(channel, first)
            case "polytouch":
                synth.key_pressure(channel, first, second)


def _ring_out(synth: Synth, tape: _Tape, sample_rate_hz: int, groups: int) -> None:
    """Play on until it is quiet, at most ``MAX_TAIL_S``."""
    samples = max(1, round(QUIET_S * sample_rate_hz / BLOCK_SAMPLES)) * BLOCK_SAMPLES
    end = tape.length + round(MAX_TAIL_S * sample_rate_hz)
    while tape.length < end:
        pairs = np.zeros((2 * groups, samples), dtype=np.float32)
        synth.play_into(pairs, 0, samples)
        if tape.append(pairs) <= QUIET_RATIO * tape.peak:
            return
