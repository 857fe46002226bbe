"""The sampler as a function of its notes' gains, onsets, tunings and velocities, with gradients to all of them.

A ``NotePlan`` decides once which voices sound; ``NotePlan.render`` then gives the sound for any values. Onsets are in samples and
may be fractions: a note moves as a whole. Voices of like length are computed together, on any device. What is fixed is not computed
twice: while only gains and velocities change, rendering is one product and one sum.

Relative to ``render.sampler.engine``: the same tones and envelopes, summed in another order (equal to 1e-5 of the peak). A zone is
chosen by the note's played key and velocity, whatever is asked for afterwards; between whole velocities the level goes in a
straight line in dB.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from render.fonts import find_font
from render.played import PlayedMusic
from render.sampler.envelope import Envelope, released, volume_amplitude
from render.sampler.font_file import read_font
from render.sampler.kernel import kernel_step
from render.sampler.low_pass import STEP
from render.sampler.settings import set_zone
from render.sampler.sources import Source, SourceRange
from render.sampler.tones import render_tones
from render.sampler.voices import Voice, VoiceMaker, pan_gains

__all__ = ["NotePlan", "render_notes"]

MAX_GROUP_SAMPLES = 1 << 21
LENGTHS_PER_OCTAVE = 4
VELOCITIES = 127


class _Overlap(torch.autograd.Function):
    """Adds stereo sounds (2, voice, sample) at whole samples into one of a length, in order."""

    @staticmethod
    def forward(ctx: Any, sounds: Tensor, starts: list[int], length: int) -> Tensor:
        ctx.starts, ctx.samples = starts, sounds.shape[2]
        out = sounds.new_zeros(2, length)
        for voice, start in enumerate(starts):
            first, last = max(start, 0), min(start + sounds.shape[2], length)
            if first < last:
                out[:, first:last] += sounds[:, voice, first - start : last - start]
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        back = grad.new_zeros(2, len(ctx.starts), ctx.samples)
        for voice, start in enumerate(ctx.starts):
            first, last = max(start, 0), min(start + ctx.samples, grad.shape[1])
            if first < last:
                back[:, voice, first - start : last - start] = grad[:, first:last]
        return back, None, None


def _overlapped(sounds: Tensor, starts: list[int], length: int) -> Tensor:
    made: Tensor = _Overlap.apply(sounds, starts, length)  # type: ignore[no-untyped-call]
    return made


@dataclass(frozen=True, eq=False)
class _Group:
    """Voices that are computed together.

    Args:
        voices: They.
        notes: Index of the note of each, (voice,).
        samples: Length of all, a multiple of ``STEP``.
        gains: Left and right, of pan and channel, (2, voice, 1) or (2, voice, sample).
        levels: Natural logarithm of the amplitude at each velocity from 1 to 127, (voice, velocity).
        level: The same at the played velocity, (voice,).
    """

    voices: tuple[Voice, ...]
    notes: Tensor
    samples: int
    gains: Tensor
    levels: Tensor
    level: Tensor


class NotePlan:
    """Notes ready to be rendered again and again.

    Args:
        played: The music.
        font: A .sf2 or .sf3 file; None for ``render.fonts.find_font``'s choice.
        device: Where to compute.
        dtype: Of the sound; phases are float64 always.

    Raises:
        InputError: The font is missing or broken.
        ToolError: There is no font.
    """

    def __init__(
        self,
        played: PlayedMusic,
        font: str | Path | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.device, self.dtype = torch.device(device), dtype
        self.rate_hz = float(played.sample_rate_hz)
        self._maker = VoiceMaker(played, read_font(find_font(font).path))
        self._source = lru_cache(maxsize=None)(self._moved)
        self._level = lru_cache(maxsize=None)(lambda zone, key, velocity: math.log(set_zone(zone, key, velocity).gain))
        self.notes = len(played.notes)
        self.onsets = torch.tensor(played.notes["onset_sample"].astype(np.float64), device=self.device)
        voices = [(index, voice) for index, note in enumerate(played.notes) for voice in self._maker.voices(note)]
        self.samples = max((voice.stop for _, voice in voices), default=0)
        self._groups = [self._group(rows) for rows in _grouped(voices)]
        self._fixed: dict[int, Tensor] = {}

    def _moved(self, wanted: SourceRange) -> Source:
        """A source in the plan's dtype on its device."""
        source = self._maker.sources.source(wanted)
        return Source(source.frames.to(device=self.device, dtype=self.dtype), source.length, source.wrap, source.loop)

    def _group(self, rows: Sequence[tuple[int, Voice]]) -> _Group:
        voices = tuple(voice for _, voice in rows)
        samples = max(_padded(voice) for voice in voices)
        gains = [_side_gains(voice, samples) for voice in voices]
        widest = max(gain.shape[1] for gain in gains)
        levels = [[self._level(voice.zone, voice.key, velocity) for velocity in range(1, VELOCITIES + 1)] for voice in voices]
        return _Group(
            voices,
            torch.tensor([index for index, _ in rows], device=self.device),
            samples,
            torch.from_numpy(np.stack([np.broadcast_to(gain, (2, widest)) for gain in gains], axis=1)).to(self.device, self.dtype),
            torch.tensor(levels, device=self.device, dtype=torch.float64),
            torch.tensor([math.log(voice.gain) for voice in voices], device=self.device, dtype=torch.float64),
        )

    def render(
        self,
        *,
        gain: Float[Tensor, " note"] | None = None,
        onset_samples: Float[Tensor, " note"] | None = None,
        cents: Float[Tensor, " note"] | None = None,
        velocity: Float[Tensor, " note"] | None = None,
        samples: int | None = None,
    ) -> Float[Tensor, "channel sample"]:
        """The sound of the notes.

        Args:
            gain: Factor of each note's amplitude; None for 1.
            onset_samples: Where each begins, fractions allowed; None for the played ones. What lies before 0 is not heard.
            cents: Added to each note's pitch; None for 0.
            velocity: 1 to 127; None for the played ones.
            samples: Length of the sound; None until the last played note has fallen.

        Returns:
            Stereo, (2, samples).
        """
        length = self.samples if samples is None else samples
        onsets = self.onsets if onset_samples is None else onset_samples.double()
        whole = onsets.detach().floor()
        lag = None if onset_samples is None else onsets - whole
        starts = whole.long().tolist()
        out = torch.zeros(2, length, dtype=self.dtype, device=self.device)
        for place, group in enumerate(self._groups):
            sound = self._sounds(place, group, lag, cents)
            level = group.level if velocity is None else _interpolated(group.levels, velocity.double()[group.notes])
            factor = level.exp() if gain is None else level.exp() * gain.double()[group.notes]
            sides = (sound * factor.to(self.dtype)[:, None])[None] * group.gains
            out = out + _overlapped(sides, [starts[note] for note in group.notes.tolist()], length)
        return out

    def _sounds(self, place: int, group: _Group, lag: Tensor | None, cents: Tensor | None) -> Tensor:
        """Tones with their envelopes, (voice, sample)."""
        if lag is None and cents is None:
            if place not in self._fixed:
                with torch.no_grad():
                    self._fixed[place] = self._computed(group, None, None)
            return self._fixed[place]
        own_lag = None if lag is None else lag[group.notes]
        return self._computed(group, own_lag, None if cents is None else cents[group.notes])

    def _computed(self, group: _Group, lag: Tensor | None, cents: Tensor | None) -> Tensor:
        releases = [float(voice.release - voice.onset) for voice in group.voices]
        sources = [
            (self._source(tone.source), self._source(tone.after_release) if tone.after_release else None)
            for tone in (voice.tone for voice in group.voices)
        ]
        tones = [voice.tone for voice in group.voices]
        sound, _ = render_tones(tones, sources, 0, group.samples, self.rate_hz, releases=releases, cents=cents, lag=lag)
        ends = torch.arange(1, group.samples + 1, dtype=torch.float64, device=self.device)[None]
        times = (ends if lag is None else ends - lag[:, None]) / self.rate_hz
        let_go = torch.tensor(releases, dtype=torch.float64, device=self.device)[:, None] / self.rate_hz
        table = [[float(value) for value in _fields(voice.envelope)] for voice in group.voices]
        columns = torch.tensor(table, dtype=torch.float64, device=self.device)
        envelope = Envelope(*(columns[:, field : field + 1] for field in range(columns.shape[1])))
        lasts = torch.tensor([[voice.stop - voice.onset] for voice in group.voices], device=self.device)
        held = volume_amplitude(times.minimum(let_go), envelope) * (ends <= lasts)
        return sound * (held * released(times - let_go, columns[:, -1:])).to(self.dtype)


def render_notes(
    played: PlayedMusic,
    font: str | Path | None = None,
    *,
    gain: Float[Tensor, " note"] | None = None,
    onset_samples: Float[Tensor, " note"] | None = None,
    cents: Float[Tensor, " note"] | None = None,
    velocity: Float[Tensor, " note"] | None = None,
    samples: int | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "channel sample"]:
    """The sound of notes once, with gradients; arguments as ``NotePlan`` and ``NotePlan.render``."""
    plan = NotePlan(played, font, device=device, dtype=dtype)
    return plan.render(gain=gain, onset_samples=onset_samples, cents=cents, velocity=velocity, samples=samples)


def _fields(envelope: Envelope) -> tuple[float | Tensor, ...]:
    return envelope.delay_s, envelope.attack_s, envelope.hold_s, envelope.decay_s, envelope.sustain, envelope.release_s


def _padded(voice: Voice) -> int:
    """Its length rounded up to one of ``LENGTHS_PER_OCTAVE`` an octave, with room for a fraction of a sample."""
    length = voice.stop - voice.onset + 1
    grain = max(STEP, (1 << (length.bit_length() - 1)) // LENGTHS_PER_OCTAVE)
    return -(-length // grain) * grain


def _grouped(voices: Sequence[tuple[int, Voice]]) -> list[list[tuple[int, Voice]]]:
    """Voices of one length, kernel and kind of filter, at most ``MAX_GROUP_SAMPLES`` together."""
    alike: defaultdict[tuple[int, int, bool], list[tuple[int, Voice]]] = defaultdict(list)
    for index, voice in voices:
        alike[_padded(voice), kernel_step(voice.tone.ratio), voice.tone.is_filtered].append((index, voice))
    groups = []
    for (samples, _, _), rows in alike.items():
        together = max(1, MAX_GROUP_SAMPLES // samples)
        groups += [rows[start : start + together] for start in range(0, len(rows), together)]
    return groups


def _side_gains(voice: Voice, samples: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """What pan and channel make of a voice, (2, 1) or (2, sample)."""
    start, stop = voice.onset, voice.onset + samples
    pan = np.asarray(voice.channel_pan.over(start, stop) + voice.pan, dtype=np.float64)
    sides = np.stack([np.atleast_1d(side) for side in pan_gains(pan)])
    return np.asarray(sides * np.atleast_1d(voice.channel_gain.over(start, stop)), dtype=np.float64)


def _interpolated(levels: Tensor, velocity: Tensor) -> Tensor:
    """Rows of levels at velocities between whole ones."""
    place = velocity.clamp(1.0, float(VELOCITIES)) - 1.0
    below = place.detach().floor().clamp(max=VELOCITIES - 2).long()
    low = levels.gather(1, below[:, None])[:, 0]
    high = levels.gather(1, below[:, None] + 1)[:, 0]
    return low + (place - below) * (high - low)
