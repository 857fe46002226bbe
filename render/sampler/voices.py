"""From played notes to voices: which zones sound, how high, how loud, where, and for how long.

A note's zones are those of the key nearest to its sounding pitch (key, its cents, and the channel's tuning at its onset), so that a
retuned scale plays each sample near its own pitch. A voice that shares an exclusive class with a later note on its channel is
choked by it within ``CHOKE_S``. Source: SoundFont Technical Specification 2.04, sections 8.1.2 (57), 8.4 and 9.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.played import PlayedMusic
from render.sampler.channel_curves import ATTENUATION_LIMITS_CB, ChannelCurves, Ramp, amplitude_of
from render.sampler.envelope import RANGE_DB, Envelope, level_at
from render.sampler.font_file import BANK_OF_DRUMS, FontFile
from render.sampler.generators import Generator, within_ranges
from render.sampler.settings import Setting, lfo, modulation_envelope, set_zone, volume_envelope
from render.sampler.sources import LoopMode, SourceRange, Sources
from render.sampler.tones import MAX_CENTS, Tone
from render.sampler.zones import Zone, Zones

__all__ = ["CHOKE_S", "Voice", "VoiceMaker", "pan_gains"]

CHOKE_S = 0.05  # for the whole range of 100 dB
UNHEARD_DBFS = -110.0  # a voice that has fallen so far is let go
HIGHEST_KEY = 127
CENTS_PER_KEY = 100.0
CENTS_PER_OCTAVE = 1200.0
PAN_RANGE = 500.0
UNPITCHED_KEY = 60


def pan_gains(pan: float | NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Left and right gain at a pan of -500 (left) to 500: cosine and sine, so that their squares sum to 1."""
    angle = (np.clip(pan, -PAN_RANGE, PAN_RANGE) + PAN_RANGE) * (math.pi / 4 / PAN_RANGE)
    return np.asarray(np.cos(angle)), np.asarray(np.sin(angle))


def preset_words(bank: int, program: int) -> str:
    """A preset as it is called in reports."""
    return f"drum set {program}" if bank == BANK_OF_DRUMS else f"program {program} of bank {bank}"


@dataclass(slots=True, eq=False)
class Voice:
    """One sample being played; samples count from the start of the music.

    Args:
        tone: Its sound before envelope and gain.
        envelope: Of its volume.
        onset: First sample.
        release: From here on it falls.
        stop: From here on it is silent.
        gain: Amplitude without what its channel does.
        pan: -500 to 500, likewise.
        channel_gain: What the channel's controllers make of it.
        channel_pan: What they add to the pan.
        stem: Index of the stem that it is heard in.
        exclusive_class: A later note of the class on its channel chokes it; 0 for none.
        zone: What it plays.
        key: Of its note.
    """

    tone: Tone
    envelope: Envelope
    onset: int
    release: int
    stop: int
    gain: float
    pan: float
    channel_gain: Ramp
    channel_pan: Ramp
    stem: int
    exclusive_class: int
    zone: Zone
    key: int


class VoiceMaker:
    """Makes the voices of notes, which must come in playing order.

    Args:
        played: The music.
        font: What plays it.
    """

    def __init__(self, played: PlayedMusic, font: FontFile) -> None:
        self.sources = Sources(font)
        self._font = font
        self.replaced: Counter[tuple[str, str]] = Counter()  # (asked for, got) of presets that the font lacks, by notes
        self._zones = Zones(font)
        self._rate_hz = float(played.sample_rate_hz)
        self._curves = ChannelCurves(played)
        self._classes: defaultdict[tuple[int, int], list[Voice]] = defaultdict(list)
        self._setting = lru_cache(maxsize=1 << 14)(set_zone)
        self._interned: dict[Tone, Tone] = {}
        self._envelopes: dict[Envelope, Envelope] = {}
        self._level = lru_cache(maxsize=1 << 16)(level_at)

    def voices(self, note: np.void) -> list[Voice]:
        """The voices of one row of ``PLAYED_DTYPE``; earlier ones in their exclusive classes are shortened.

        Raises:
            InputError: The font's zones for it are broken.
        """
        channel, key = int(note["channel"]), int(note["key"])
        is_drum = bool(note["is_drum"])
        preset = self._zones.preset(int(note["bank"]), int(note["program"]), is_drum)
        nearest = key if is_drum else self._nearest_key(note)
        self._note_replacement(note, preset)
        zones = self._zones.at(preset, nearest, int(note["velocity"]))
        made = [self._voice(self._setting(zone, key, int(note["velocity"])), note) for zone in zones]
        exclusive = [voice for voice in made if voice.exclusive_class]
        for voice in exclusive:
            self._choke(channel, voice)
        for voice in exclusive:
            self._classes[channel, voice.exclusive_class].append(voice)
        return made

    def _note_replacement(self, note: np.void, preset: int) -> None:
        is_drum = bool(note["is_drum"])
        bank, program = BANK_OF_DRUMS if is_drum else int(note["bank"]), int(note["program"])
        head = self._font.tables["phdr"][preset]
        got = int(head["bank"]), int(head["program"])
        if got != (bank, program):
            self.replaced[preset_words(bank, program), preset_words(*got)] += 1

    def _nearest_key(self, note: np.void) -> int:
        bend = float(self._curves.bend_steps(int(note["channel"])).at(int(note["onset_sample"])))
        return min(max(round(int(note["key"]) + (float(note["cents"]) + bend) / CENTS_PER_KEY), 0), HIGHEST_KEY)

    def _choke(self, channel: int, voice: Voice) -> None:
        for other in self._classes.pop((channel, voice.exclusive_class), []):
            if other.onset < voice.onset < other.release:
                choked = replace(other.envelope, release_s=CHOKE_S)
                other.envelope = self._envelopes.setdefault(choked, choked)
                other.release = voice.onset
                other.stop = min(other.stop, voice.onset + self._tail(other.envelope, voice.onset - other.onset, other.gain))

    def _tail(self, envelope: Envelope, release: int, gain: float) -> int:
        """How long a voice falls until it is ``RANGE_DB`` below its top, or ``UNHEARD_DBFS``."""
        level = self._level(release / self._rate_hz, envelope)
        if level <= 0.0 or gain <= 0.0:
            return 0
        left_db = 20.0 * math.log10(level) + min(RANGE_DB, 20.0 * math.log10(gain) - UNHEARD_DBFS)
        left_db = max(left_db, 0.0)
        return math.ceil(left_db / RANGE_DB * float(envelope.release_s) * self._rate_hz)

    def _voice(self, setting: Setting, note: np.void) -> Voice:
        onset, channel, key = int(note["onset_sample"]), int(note["channel"]), int(note["key"])
        amounts, gain = setting.amounts, setting.gain
        if setting.other_modulators:
            amounts, gain = self._with_controllers(setting, channel, onset)
        envelope = volume_envelope(amounts, key)
        envelope = self._envelopes.setdefault(envelope, envelope)
        release = int(note["end_sample"]) - onset
        stop = release + self._tail(envelope, release, gain)
        if envelope.sustain == 1.0:
            stop = min(stop, math.ceil(float(envelope.sustain_start_s) * self._rate_hz))
        tone = self._tone(setting, amounts, note, stop)
        if not tone.source.is_unrolled:
            slowest = tone.ratio * 2.0 ** (-tone.pitch_reach / CENTS_PER_OCTAVE)
            stop = min(stop, math.ceil((tone.source.end - tone.source.start + 1) / slowest) + 1)
        return Voice(
            tone=tone,
            envelope=envelope,
            onset=onset,
            release=onset + release,
            stop=onset + max(stop, 1),
            gain=gain,
            pan=amounts[Generator.PAN],
            channel_gain=self._curves.gain(channel, setting.gain_modulators),
            channel_pan=self._curves.total(channel, setting.pan_modulators),
            stem=int(note["stem"]),
            exclusive_class=int(amounts[Generator.EXCLUSIVE_CLASS]),
            zone=setting.zone,
            key=key,
        )

    def _with_controllers(self, setting: Setting, channel: int, onset: int) -> tuple[tuple[float, ...], float]:
        """Amounts and gain with what the other modulators add at the onset; it stands while the note sounds."""
        amounts = list(setting.amounts)
        attenuation = 0.0
        for modulator in setting.other_modulators:
            stand = []
            for source in modulator.sources:
                told = 0 if source.is_constant else setting.told.get(source.index) if source.is_of_the_note else None
                stand.append(int(self._curves.source(channel, source).at(onset)) if told is None else told)
            added = float(modulator.output(*stand))
            if modulator.destination == Generator.ATTENUATION:
                attenuation += added
            else:
                amounts[modulator.destination] += added
        loudest, softest = ATTENUATION_LIMITS_CB
        factor = float(amplitude_of(min(max(attenuation, loudest), softest)))
        return within_ranges(amounts), setting.gain * factor

    def _tone(self, setting: Setting, amounts: Sequence[float], note: np.void, stop: int) -> Tone:
        """The tone of a voice that lasts until ``stop`` samples after its onset."""
        onset, channel, key = int(note["onset_sample"]), int(note["channel"]), int(note["key"])
        played, mode = self.sources.range_of(setting.zone)
        head = self._font.tables["shdr"][setting.zone.sample]
        root = amounts[Generator.ROOT_KEY] if amounts[Generator.ROOT_KEY] >= 0 else float(head["key"])
        root = root if root <= HIGHEST_KEY else UNPITCHED_KEY  # section 7.10
        sounding = (amounts[Generator.KEY] if amounts[Generator.KEY] >= 0 else key) + float(note["cents"]) / CENTS_PER_KEY
        pitch = amounts[Generator.SCALE_TUNING] * (sounding - root) + CENTS_PER_KEY * amounts[Generator.COARSE_TUNE]
        pitch += amounts[Generator.FINE_TUNE] + float(head["correction_cents"])
        pitch = min(max(pitch, -MAX_CENTS), MAX_CENTS)
        bend = self._curves.bend(channel)
        stands = bend.is_constant(onset, onset + stop)
        depth = self._curves.total(channel, setting.vibrato_modulators)
        own_depth = amounts[Generator.VIBRATO_LFO_TO_PITCH]
        steady = depth.is_constant(onset, onset + stop)
        depths = ((0.0, depth.at(onset)),) if steady else depth.knots(onset, onset + stop)
        vibrato = tuple((place, value + own_depth) for place, value in depths)
        speed = float(head["sample_rate_hz"]) / self._rate_hz
        tone = Tone(
            source=played,
            after_release=None if mode != LoopMode.UNTIL_RELEASE else _to_its_end(played),
            ratio=speed * 2.0 ** ((pitch + (bend.at(onset) if stands else 0.0)) / CENTS_PER_OCTAVE),
            bend=() if stands else bend.knots(onset, onset + stop),
            vibrato=vibrato if any(value for _, value in vibrato) else (),
            vibrato_lfo=lfo(amounts, Generator.VIBRATO_LFO_DELAY, Generator.VIBRATO_LFO_FREQUENCY),
            lfo=lfo(amounts, Generator.MOD_LFO_DELAY, Generator.MOD_LFO_FREQUENCY),
            lfo_to_pitch=amounts[Generator.MOD_LFO_TO_PITCH],
            lfo_to_filter=amounts[Generator.MOD_LFO_TO_FILTER],
            lfo_to_volume_db=amounts[Generator.MOD_LFO_TO_VOLUME] / 10.0,
            envelope=modulation_envelope(amounts, key),
            envelope_to_pitch=amounts[Generator.MOD_ENVELOPE_TO_PITCH],
            envelope_to_filter=amounts[Generator.MOD_ENVELOPE_TO_FILTER],
            cutoff=amounts[Generator.FILTER_CUTOFF],
            q_db=max(amounts[Generator.FILTER_Q], 0.0) / 10.0,
        )
        return self._interned.setdefault(tone, tone)


def _to_its_end(played: SourceRange) -> SourceRange:
    """The same range without its loop."""
    return SourceRange(played.sample, played.start, played.end, 0, 0, False)
