"""The ``ddsp`` engine: music as it is played, and a bank of instruments, to raw sound files.

Every part is played by the instrument of its General MIDI program (``InstrumentBank.for_program``), its notes shared out to voices
(``render.ddsp.voices``). A note's attack begins at its ``onset_sample``: all samples before it are 0 where nothing else sounds, and
that sample is not. The same music, bank and seed give the same samples. Nothing longer than a note is held in memory; notes are
added to the files where they belong.

Cents, bends, tunings, controllers 1, 7, 10, 11 and 74 are obeyed (``render.ddsp.playing``); pan is of constant power, 0 dB in the
middle. A note of velocity 100 peaks near -18 dBFS.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compose.threads import one_thread
from corpora.errors import InputError, RequestError
from corpora.piece import Table
from corpora.safe_text import safe_text
from render.controllers import Curve
from render.ddsp.bank import DEFAULT_BANK, InstrumentBank, load_bank
from render.ddsp.expressing import expression
from render.ddsp.instrument import Instrument
from render.ddsp.playing import LONGEST_RELEASE_S, ChannelCurves, note_parts
from render.ddsp.synthesis import StreamingSynth
from render.ddsp.voices import allot_voices
from render.engines import EngineReport, Progress, stem_file
from render.played import PlayedMusic

__all__ = ["DdspReport", "render_stems"]

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
VIBRATO, VOLUME, PAN, EXPRESSION, BRIGHTNESS = 1, 7, 10, 11, 74
PAN_CENTRE = 64
FILTER_TAIL_SAMPLES = 256
BLOCK_SAMPLES = 1 << 18
FRAME_BYTES = 8  # float32, stereo
SEED_STRIDE = 1 << 20  # between voices: more notes than a voice has
WEIGHTS_LICENCE = "Apache-2.0, learned from sources named in its model card"


@dataclass(frozen=True, kw_only=True)
class DdspReport(EngineReport):
    """How the instruments played; ``voices`` are those of all parts.

    Args:
        players: For each part, the instruments that played it.
        bank: Name of the bank.
    """

    players: dict[str, tuple[str, ...]]
    bank: str


@dataclass(frozen=True, kw_only=True, eq=False)
class _Group:
    """Notes of one channel and program, with who plays them."""

    stem: int
    channel: int
    notes: Table
    instrument: Instrument


def render_stems(
    played: PlayedMusic,
    folder: Path,
    *,
    stems: bool,
    font: str | Path | None = None,
    progress: Progress | None = None,
    bank: InstrumentBank | str | Path = DEFAULT_BANK,
    instruments: Mapping[str, str] | None = None,
    seed: int = 0,
) -> DdspReport:
    """Play music with DDSP instruments into raw sound files (``render.engines``).

    Args:
        played: The music, at 8,000 to 192,000 Hz.
        folder: An existing folder.
        stems: A file for each stem; otherwise one for all.
        font: Of other engines; must be None.
        progress: Is told the share that is done.
        bank: Name or folder of a bank, or a bank.
        instruments: For parts by name the instrument that plays them, whatever their program.
        seed: Of noise and unrest.

    Raises:
        InputError: A part is of drums, or of a program that no instrument of the bank is near to.
        RequestError: A font, a rate out of range, or a part or instrument that there is not.
        CheckpointError: The bank is missing or broken.
    """
    rate = played.sample_rate_hz
    if font is not None:
        raise RequestError(f"engine ddsp: plays a bank of instruments, expected no font, got {safe_text(str(font))}")
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise RequestError(f"sample rate: expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {rate}")
    found = bank if isinstance(bank, InstrumentBank) else load_bank(str(bank))
    groups = _groups(played, found, dict(instruments or {}))
    length = played.end_sample + round(LONGEST_RELEASE_S * rate) + FILTER_TAIL_SAMPLES
    files = [stem_file(folder, stem) for stem in range(len(played.stems) if stems else 1)]
    voices = end = done = 0
    with one_thread(), contextlib.ExitStack() as opened:
        sounds = [opened.enter_context(_SoundFile(file, length)) for file in files]
        for group in groups:
            curves, pan = _curves(played, group.channel), played.curve(group.channel, PAN)
            for voice in allot_voices(group.notes, rate):
                sound = sounds[group.stem if stems else 0]
                for first, samples in _play_voice(voice, group.instrument, rate, curves, seed + SEED_STRIDE * voices):
                    sound.add(first, samples[:, None] * _pan_gains(pan, first, len(samples)))
                    end = max(end, first + len(samples))
                voices += 1
                done += len(voice)
                if progress is not None:
                    progress(done / len(played.notes))
        peak = _peak(sounds, end)
    for file in files:
        os.truncate(file, end * FRAME_BYTES)
    players: dict[str, tuple[str, ...]] = {}
    for group in groups:
        name = played.stems[group.stem]
        players[name] = tuple(dict.fromkeys((*players.get(name, ()), group.instrument.config.name)))
    shown = "of the caller" if isinstance(bank, InstrumentBank) else str(bank)
    return DdspReport(
        samples=end,
        peak=peak,
        voices=voices,
        player=f"DDSP {', '.join(sorted({name for names in players.values() for name in names}))}",
        licence=WEIGHTS_LICENCE,
        players=players,
        bank=shown,
        lost=_lost(played, groups),
    )


def _groups(played: PlayedMusic, bank: InstrumentBank, chosen: dict[str, str]) -> list[_Group]:
    """Who plays what; refuses what nobody can."""
    if unknown := sorted(set(chosen) - set(played.stems)):
        raise RequestError(f"instruments: no part '{safe_text(unknown[0])}': expected one of {', '.join(played.stems)}")
    groups = []
    notes = played.notes
    for channel, program in sorted({(int(note["channel"]), int(note["program"])) for note in notes}):
        mine = notes[(notes["channel"] == channel) & (notes["program"] == program)]
        stem = int(mine["stem"][0])
        part = played.stems[stem]
        shown = f"{played.name}: part '{safe_text(part)}'"
        if part in chosen:
            instrument: Instrument | None = bank.get(chosen[part])
        elif mine["is_drum"].any():
            raise InputError(f"{shown}: expected an instrument of the bank, got drums: play it with the engine soundfont")
        else:
            instrument = bank.for_program(program, float(np.median(mine["key"])))
        if instrument is None:
            raise InputError(
                f"{shown}: expected a program near one of {', '.join(bank.names())}, got program {program} (General MIDI, from 0):"
                " name an instrument for it, or play it with the engine soundfont"
            )
        groups.append(_Group(stem=stem, channel=channel, notes=mine, instrument=instrument))
    return groups


def _curves(played: PlayedMusic, channel: int) -> ChannelCurves:
    """The controllers that somebody touched."""
    touched = {event.first for event in played.events if event.kind == "control_change" and event.channel == channel}
    curve = {number: played.curve(channel, number) for number in (VIBRATO, VOLUME, EXPRESSION, BRIGHTNESS) if number in touched}
    return ChannelCurves(
        bend_cents=played.bend_cents(channel),
        volume=curve.get(VOLUME),
        expression=curve.get(EXPRESSION),
        vibrato=curve.get(VIBRATO),
        brightness=curve.get(BRIGHTNESS),
    )


def _play_voice(voice: Table, instrument: Instrument, rate: int, curves: ChannelCurves, seed: int) -> Any:
    """The sound of a voice, note by note: (first sample, samples), in order."""
    synth: StreamingSynth | None = None
    end = 0
    for first, begins, frames in note_parts(voice, expression(voice, instrument, rate), instrument, rate, curves, seed):
        if begins or synth is None:
            if synth is not None:
                yield end, synth.finish()
            synth = StreamingSynth(seed, first_sample=first)
        yield first, synth.push(frames)
        end = first + frames.samples
    if synth is not None:
        yield end, synth.finish()


def _pan_gains(curve: Curve, first: int, length: int) -> NDArray[np.float32]:
    """(samples, 2) gains of constant power, 1 in the middle; (1, 2) where they do not change."""
    ends = np.searchsorted(curve.samples, [first, first + length - 1], side="right")
    pan = curve.at(np.array([first]) if ends[0] == ends[1] else first + np.arange(length))
    share = np.where(pan <= PAN_CENTRE, pan / PAN_CENTRE / 2, 0.5 + (pan - PAN_CENTRE) / (127 - PAN_CENTRE) / 2)
    angle = share * np.pi / 2
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32) * np.float32(np.sqrt(2))


class _SoundFile:
    """A raw sound file of a length, silent at first, to which notes are added anywhere.

    Args:
        path: Made, or emptied.
        length: Samples; the file has holes where nothing was added.
    """

    def __init__(self, path: Path, length: int) -> None:
        self._file = path.open("w+b")
        self._file.truncate(length * FRAME_BYTES)

    def __enter__(self) -> _SoundFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, first: int, length: int) -> NDArray[np.float32]:
        """Frames (length, 2)."""
        self._file.seek(first * FRAME_BYTES)
        return np.frombuffer(self._file.read(length * FRAME_BYTES), dtype="<f4").reshape(-1, 2)

    def add(self, first: int, frames: NDArray[np.float32]) -> None:
        """Add frames (samples, 2) to what is there."""
        total = self.read(first, len(frames)) + frames
        self._file.seek(first * FRAME_BYTES)
        self._file.write(total.astype("<f4").tobytes())


def _peak(sounds: list[_SoundFile], end: int) -> float:
    """The largest absolute sample of the sum of the files."""
    peak = 0.0
    for first in range(0, end, BLOCK_SAMPLES):
        length = min(BLOCK_SAMPLES, end - first)
        peak = max(peak, float(np.abs(np.sum([sound.read(first, length) for sound in sounds], axis=0)).max()))
    return peak


def _lost(played: PlayedMusic, groups: list[_Group]) -> tuple[str, ...]:
    """What is not as it should be."""
    lines = []
    for group in groups:
        config = group.instrument.config
        beyond = int(((group.notes["key"] < config.low_key) | (group.notes["key"] > config.high_key)).sum())
        if beyond:
            lines.append(
                f"{beyond} notes of '{played.stems[group.stem]}' beyond the keys that {config.name} has learned"
                f" ({config.low_key}-{config.high_key}): played with its outermost tones"
            )
    exclusive = sum(event.kind == "sysex" for event in played.events)
    if exclusive:
        lines.append(f"{exclusive} system exclusive messages")
    return tuple(lines)
