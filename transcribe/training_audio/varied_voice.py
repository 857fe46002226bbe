"""Few fonts that sound like many: each part, and each drum, gets a font, a way through it and a tone of its own.

A part may play a few semitones off and be tuned back, so that other samples of the font sound, stretched or squeezed, with other
formants; its filter, decay, release and vibrato are moved (generators of SoundFont 2.04, section 8.1.3); then it goes through
``transcribe.training_audio.stem_effects``. Drums are tuned and cut short one by one, and may come from different sets; the hi-hats
stay together, since they stop each other. Now and then a part has no font but a random timbre (``synthetic_voice``), and a kit is
one that nobody built (``synthetic_kit``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from render.played import PlayedMusic
from transcribe.training_audio.drums import SETS
from transcribe.training_audio.fluid_voice import FontPlayer
from transcribe.training_audio.passages import DRUM_PROGRAM
from transcribe.training_audio.stem_effects import varied_stem
from transcribe.training_audio.synthetic_kit import SyntheticKit
from transcribe.training_audio.synthetic_voice import SyntheticVoice

__all__ = ["VariedVoice"]

NO_FONT, KIT_SHARE = 0.1, 0.35  # of the parts, and of the kits
ONE_FONT, ONE_SET = 0.5, 0.6  # shares of kits whose drums come from one
DETOUR, MOST_SEMITONES = 0.55, 7  # how often a part plays off and is tuned back, and how far at most
FILTERED, DECAYED, SHAKEN, TUNED, SHORTENED = 0.3, 0.3, 0.2, 0.7, 0.3  # chances
MOST_CENTS = 12.0
DRUM_SEMITONES = 5.0
DRUM_SPREAD_DB = 5.0
LOWEST_KEY, HIGHEST_KEY = 12, 115
HI_HATS = frozenset({42, 44, 46})
# Generators by number, in cents, centibels, timecents and semitones.
VIBRATO_CENTS, FILTER, RESONANCE, VIBRATO_SPEED = 6, 8, 9, 24
DECAY, SUSTAIN, RELEASE, COARSE_TUNE = 36, 37, 38, 51
SHORTEST_TIMECENTS = -12_000.0  # of an envelope; 1 ms
PROGRAM_CHANGE = "program_change"

Sound = NDArray[np.float32]
Player = Callable[[PlayedMusic, int], Sound]


@dataclass(frozen=True, eq=False)
class _Line:
    """What sounds through one channel of a font.

    Args:
        channel: Of the music.
        notes: Its rows that belong to the line.
        generators: Added to the font's.
        program: Set in place of the part's; none where it stays.
        gain: Of the line.
    """

    channel: int
    notes: Table
    generators: Mapping[int, float]
    program: int | None = None
    gain: float = 1.0


class VariedVoice:
    """Plays every part in a way of its own.

    Args:
        fonts: Players of fonts to choose from.
        rng: Source of all choices; one voice plays one clip.
    """

    def __init__(self, fonts: Sequence[FontPlayer], rng: np.random.Generator) -> None:
        self._fonts, self._rng = tuple(fonts), rng

    def play(self, played: PlayedMusic, samples: int) -> Sound:
        """Music as mono sound; arguments, value and errors as ``fluid_voice.FontPlayer.play``."""
        rng = self._rng
        out = np.zeros(samples, dtype=np.float32)
        lines: list[list[_Line]] = [[] for _ in self._fonts]
        for channel in np.unique(played.notes["channel"]).tolist():
            notes = played.notes[played.notes["channel"] == channel]
            is_drum = channel in played.drum_channels
            fonts = self._fonts_with(DRUM_PROGRAM if is_drum else int(notes["program"][0]))
            if not fonts or rng.random() < (KIT_SHARE if is_drum else NO_FONT):
                player = SyntheticKit(rng) if is_drum else SyntheticVoice(rng)
                out += varied_stem(_as_loud(player.play(replace(played, notes=notes), samples)), rng)
            elif is_drum:
                self._add_drums(lines, fonts, channel, notes)
            else:
                lines[int(rng.choice(fonts))].append(_pitched_line(channel, notes, rng))
        for font, own in zip(self._fonts, lines, strict=True):
            if own:
                music, generators = _music_of(played, own)
                for line, stem in zip(own, font.play_apart(music, samples, generators), strict=True):
                    out += np.float32(line.gain) * varied_stem(stem, rng)
        return out

    def _fonts_with(self, program: int) -> list[int]:
        """Those that have sounds of their own for a program."""
        return [number for number, font in enumerate(self._fonts) if program in font.programs]

    def _add_drums(self, lines: list[list[_Line]], having: Sequence[int], channel: int, notes: Table) -> None:
        """The drums of a channel, each sound a line of its own, by the fonts that have drums."""
        rng = self._rng
        fonts = [int(rng.choice(having))] if rng.random() < ONE_FONT else having
        sets: list[int | None] = [None] if rng.random() < ONE_SET else [None, *SETS]
        hats = [key for key in HI_HATS if key in notes["key"]]
        others = [[key] for key in np.unique(notes["key"]).tolist() if key not in HI_HATS]
        for keys in [*others, hats] if hats else others:
            generators = {}
            if rng.random() < TUNED:
                generators[COARSE_TUNE] = float(rng.uniform(-DRUM_SEMITONES, DRUM_SEMITONES))
            if rng.random() < FILTERED:
                generators |= _filtered(rng)
            if rng.random() < SHORTENED:
                generators |= {DECAY: -SHORTEST_TIMECENTS + 1200 * float(rng.uniform(-4.5, 0.0)), SUSTAIN: 1000.0}
            program = sets[int(rng.integers(len(sets)))]
            gain = 10 ** (float(rng.normal(0.0, DRUM_SPREAD_DB)) / 20)
            own = notes[np.isin(notes["key"], keys)]
            lines[int(rng.choice(fonts))].append(_Line(channel, own, generators, program, gain))


def _as_loud(sound: Sound) -> Sound:
    """At about the level at which fonts play."""
    loud = float(np.quantile(np.abs(sound[:: max(len(sound) // 100_000, 1)]), 0.99)) if len(sound) else 0.0
    return np.asarray(sound * np.float32(0.1 / loud), dtype=np.float32) if loud > 0 else sound


def _filtered(rng: np.random.Generator) -> dict[int, float]:
    return {FILTER: float(rng.uniform(-3800.0, -600.0)), RESONANCE: float(rng.uniform(0.0, 90.0))}


def _pitched_line(channel: int, notes: Table, rng: np.random.Generator) -> _Line:
    """A part, by a way of its own through the font."""
    tuned = float(rng.uniform(-MOST_CENTS, MOST_CENTS)) / 100
    generators: dict[int, float] = {}
    off = 0
    if rng.random() < DETOUR:
        lowest = max(LOWEST_KEY - int(notes["key"].min()), -MOST_SEMITONES)
        highest = min(HIGHEST_KEY - int(notes["key"].max()), MOST_SEMITONES)
        off = int(rng.integers(min(lowest, 0), max(highest, 0) + 1))
    if rng.random() < FILTERED:
        generators |= _filtered(rng)
    if rng.random() < DECAYED:
        generators |= {DECAY: float(rng.uniform(-1500.0, 700.0)), RELEASE: float(rng.uniform(-1200.0, 600.0))}
    if rng.random() < SHAKEN:
        generators |= {VIBRATO_CENTS: float(rng.uniform(2.0, 22.0)), VIBRATO_SPEED: float(rng.uniform(-900.0, 0.0))}
    moved = notes.copy()
    moved["key"] += off
    return _Line(channel, moved, generators | {COARSE_TUNE: tuned - off})


def _music_of(played: PlayedMusic, lines: Sequence[_Line]) -> tuple[PlayedMusic, dict[int, Mapping[int, float]]]:
    """Lines as music in which each is a channel and a stem, and the generators of the channels."""
    tables, events = [], []
    for number, line in enumerate(lines):
        table = line.notes.copy()
        table["channel"] = table["stem"] = number
        tables.append(table)
        for event in played.events:
            if event.channel == line.channel and event.kind != "sysex":
                moved = replace(event, channel=number)
                if event.kind == PROGRAM_CHANGE and line.program is not None:
                    moved = replace(moved, first=line.program)
                events.append(moved)
    rows = np.concatenate(tables)
    music = PlayedMusic(
        notes=rows[np.lexsort((rows["key"], rows["channel"], rows["onset_sample"]))],
        events=tuple(sorted(events, key=lambda event: event.sample)),
        stems=tuple(f"line {number}" for number in range(len(lines))),
        stem_of_channel=tuple(range(len(lines))),
        drum_channels=frozenset(number for number, line in enumerate(lines) if line.channel in played.drum_channels),
        sample_rate_hz=played.sample_rate_hz,
        name=played.name,
    )
    return music, {number: line.generators for number, line in enumerate(lines)}
