"""A tone: what a voice sounds like before its volume envelope, rendered for many voices at once.

Time runs in samples from the onset. What moves slowly (modulation envelope, oscillators, bends) is computed every ``STEP`` samples;
between, the speed of reading goes in a straight line, so that the place in the sample is a parabola: known in closed form at any
fraction of a sample. A tone is rendered in blocks that hand their state on. Phases are float64, sound has the dtype of the sources.
Source: SoundFont Technical Specification 2.04, section 9 (synthesis model).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from render.sampler.envelope import Envelope, Lfo, modulation_level, triangle
from render.sampler.kernel import kernel_for, read_between
from render.sampler.low_pass import STEP, low_pass
from render.sampler.sources import PAD, Source, SourceRange

__all__ = ["MAX_CENTS", "Knots", "Tone", "ToneState", "render_tones"]

Knots = tuple[tuple[float, float], ...]  # (samples from the onset, value), straight lines between; () for always 0
CENTS_ZERO_HZ = 8.175798915643707  # absolute cents count from key 0
CENTS_PER_OCTAVE = 1200.0
MAX_CENTS = 14_400.0  # by which a key, and then what moves it, may leave a sample's own pitch


@dataclass(frozen=True)
class Tone:
    """Everything that decides a tone.

    Args:
        source: What is read.
        after_release: What is read from the release on, where it is not the same (loops that end there).
        ratio: Source samples a sample while nothing moves the pitch.
        bend: Cents above that.
        vibrato: Depth of the vibrato in cents.
        vibrato_lfo: Its oscillator.
        lfo: The modulation oscillator.
        lfo_to_pitch: Cents.
        lfo_to_filter: Cents.
        lfo_to_volume_db: dB.
        envelope: The modulation envelope.
        envelope_to_pitch: Cents.
        envelope_to_filter: Cents.
        cutoff: Of the low-pass filter, absolute cents.
        q_db: Its resonance.
    """

    source: SourceRange
    after_release: SourceRange | None
    ratio: float
    bend: Knots
    vibrato: Knots
    vibrato_lfo: Lfo
    lfo: Lfo
    lfo_to_pitch: float
    lfo_to_filter: float
    lfo_to_volume_db: float
    envelope: Envelope
    envelope_to_pitch: float
    envelope_to_filter: float
    cutoff: float
    q_db: float

    @cached_property
    def feels_release(self) -> bool:
        """Whether it goes on differently after the release."""
        return self.after_release is not None or bool(self.envelope_to_pitch or self.envelope_to_filter)

    @cached_property
    def pitch_reach(self) -> float:
        """Cents by which its pitch may leave that of ``ratio``."""
        bends = [abs(cents) for _, cents in self.bend] + [0.0]
        depths = [abs(cents) for _, cents in self.vibrato] + [0.0]
        return max(bends) + max(depths) + abs(self.lfo_to_pitch) + abs(self.envelope_to_pitch)

    @cached_property
    def is_filtered(self) -> bool:
        """Whether the filter does anything that is heard; 13,500 cents are 20 kHz."""
        return bool(self.cutoff < 13_500 or self.q_db or self.lfo_to_filter or self.envelope_to_filter)

    @cached_property
    def bare(self) -> Tone | None:
        """The same without filter and tremolo, where only these feel the release: then it sounds the same for every length."""
        if not self.envelope_to_filter or self.envelope_to_pitch or self.after_release is not None:
            return None
        return replace(self, cutoff=13_500.0, q_db=0.0, lfo_to_filter=0.0, envelope_to_filter=0.0, lfo_to_volume_db=0.0)

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """What goes into a batch, in the order that ``_Batch`` takes it."""
        ones = (self.lfo_to_pitch, self.lfo_to_filter, self.lfo_to_volume_db, self.envelope_to_pitch, self.envelope_to_filter)
        return (*astuple(self.envelope), *astuple(self.lfo), *astuple(self.vibrato_lfo), self.ratio, *ones, self.cutoff, self.q_db)


@dataclass(frozen=True, eq=False)
class ToneState:
    """Where a block begins.

    Args:
        place: In the source, unwrapped.
        skipped: What the place is ahead of the sample's own since a loop was left.
        filter: State of ``low_pass``.
    """

    place: Float[Tensor, "voice 1"]
    skipped: Float[Tensor, "voice 1"]
    filter: Float[Tensor, "voice 4"] | None

    def numbers(self) -> tuple[float, ...]:
        """The state of the first voice as numbers, to be kept."""
        kept = [] if self.filter is None else self.filter[0].tolist()
        return (float(self.place[0, 0]), float(self.skipped[0, 0]), *kept)

    @classmethod
    def of_numbers(cls, numbers: Sequence[float]) -> ToneState:
        """The state of one voice out of what ``numbers`` gave."""
        place, skipped, *kept = (torch.tensor([[number]], dtype=torch.float64) for number in numbers)
        return cls(place, skipped, torch.cat(kept, dim=1) if kept else None)


class _Batch:
    """Numbers of several tones as columns, (voice, 1)."""

    def __init__(self, tones: Sequence[Tone], device: torch.device) -> None:
        table = torch.tensor([tone.numbers for tone in tones], dtype=torch.float64, device=device)
        columns = [table[:, place : place + 1] for place in range(table.shape[1])]
        self.envelope = Envelope(*columns[:6])
        self.lfo = Lfo(*columns[6:8])
        self.vibrato_lfo = Lfo(*columns[8:10])
        self.ratio, self.lfo_to_pitch, self.lfo_to_filter, self.lfo_to_volume_db = columns[10:14]
        self.envelope_to_pitch, self.envelope_to_filter, self.cutoff, self.q_db = columns[14:18]


def _along(knots: Sequence[Knots], places: Tensor) -> Tensor | None:
    """The values of knots at places (1, step), (voice, step); None where all are always 0."""
    if not any(knots):
        return None
    at = places[0].cpu().numpy()
    rows = []
    for own in knots:
        where, values = np.array(own or ((0.0, 0.0),)).T
        rows.append(np.interp(at, where, values))
    return torch.from_numpy(np.stack(rows)).to(places.device)


def render_tones(
    tones: Sequence[Tone],
    sources: Sequence[tuple[Source, Source | None]],
    first: int,
    samples: int,
    sample_rate_hz: float,
    *,
    releases: Sequence[float] | None = None,
    state: ToneState | None = None,
    cents: Float[Tensor, " voice"] | None = None,
    lag: Float[Tensor, " voice"] | None = None,
    bare: Float[Tensor, "voice sample"] | None = None,
) -> tuple[Float[Tensor, "voice sample"], ToneState]:
    """Samples ``first`` to ``first + samples`` of tones that need one kernel and all or none the filter.

    Args:
        tones: What sounds.
        sources: For each tone its source, and that after the release; their dtype and device are those of the sound.
        first: A multiple of ``STEP``.
        samples: A multiple of ``STEP``.
        sample_rate_hz: Samples a second.
        releases: Sample of each tone's release; infinite, or None, while it is not known or does not matter.
        state: Where the block begins; None at the onset.
        cents: Added to every tone's pitch; may have a gradient.
        lag: How much later than at a whole sample every tone begins, 0 to 1 sample; may have a gradient.
        bare: The sound of the tones' ``Tone.bare``, where it is there already.

    Returns:
        The sound, silent before the onset, and the state after it.
    """
    frames = sources[0][0].frames
    batch = _Batch(tones, frames.device)
    steps = samples // STEP
    marks = torch.arange(first, first + samples + STEP, STEP, dtype=torch.float64, device=frames.device)[None]  # (1, step + 1)
    times = marks / sample_rate_hz
    lets_go = [math.inf] * len(tones) if releases is None else releases
    let_go = torch.tensor(lets_go, dtype=torch.float64, device=frames.device)[:, None]
    moving = any(tone.envelope_to_pitch or tone.envelope_to_filter for tone in tones)
    level = modulation_level(times, batch.envelope, let_go / sample_rate_hz) if moving else None
    swinging = any(tone.lfo_to_pitch or tone.lfo_to_filter or tone.lfo_to_volume_db for tone in tones)
    swing = triangle(times, batch.lfo) if swinging else None
    after = skipped = torch.zeros_like(batch.ratio)
    if bare is not None:
        sound = bare
    else:
        speed = _speeds(tones, batch, marks, times, level, swing, cents)
        place, after = _places(speed, state, steps, lag)
        sound, skipped = _read(tones, sources, place, first, let_go, skipped if state is None else state.skipped)
    kept = None
    if any(tone.is_filtered for tone in tones):
        pitch = batch.cutoff.expand(-1, steps)
        if level is not None:
            pitch = pitch + batch.envelope_to_filter * level[:, :-1]
        if swing is not None:
            pitch = pitch + batch.lfo_to_filter * swing[:, :-1]
        cutoff_hz = CENTS_ZERO_HZ * torch.exp2(pitch.clamp(-12_000.0, 24_000.0) / CENTS_PER_OCTAVE)
        sound, kept = low_pass(sound, cutoff_hz, batch.q_db[:, 0], sample_rate_hz, None if state is None else state.filter)
    if swing is not None and any(tone.lfo_to_volume_db for tone in tones):
        sound = sound * _between(torch.exp(math.log(10.0) / 20.0 * batch.lfo_to_volume_db * swing)).to(sound.dtype)
    return sound, ToneState(after, skipped, kept)


def _speeds(
    tones: Sequence[Tone],
    batch: _Batch,
    marks: Tensor,
    times: Tensor,
    level: Tensor | None,
    swing: Tensor | None,
    cents: Tensor | None,
) -> Tensor:
    """Source samples a sample at every mark, (voice, step + 1)."""
    pitch = torch.zeros_like(times)
    bend = _along([tone.bend for tone in tones], marks)
    depth = _along([tone.vibrato for tone in tones], marks)
    if bend is not None:
        pitch = pitch + bend
    if depth is not None:
        pitch = pitch + depth * triangle(times, batch.vibrato_lfo)
    if level is not None:
        pitch = pitch + batch.envelope_to_pitch * level
    if swing is not None:
        pitch = pitch + batch.lfo_to_pitch * swing
    if cents is not None:
        pitch = pitch + cents.double()[:, None]
    return batch.ratio * torch.exp2(pitch.clamp(-MAX_CENTS, MAX_CENTS) / CENTS_PER_OCTAVE)


def _places(speed: Tensor, state: ToneState | None, steps: int, lag: Tensor | None) -> tuple[Tensor, Tensor]:
    """Unwrapped places in the source, (voice, sample), and the place after the last, (voice, 1)."""
    strides = (speed[:, :-1] + speed[:, 1:]) * (STEP / 2)
    begin = state.place if state is not None else torch.zeros_like(strides[:, :1])
    knots = torch.cat([begin, begin + strides.cumsum(1)], dim=1)
    along = torch.arange(STEP, dtype=torch.float64, device=speed.device)[None, None]
    if lag is not None:
        along = along - lag.double()[:, None, None]
    change = speed.diff(dim=1)[:, :, None] / (2 * STEP)
    place = knots[:, :-1, None] + along * (speed[:, :-1, None] + along * change)
    return place.reshape(len(speed), steps * STEP), knots[:, -1:].clone()


def _read(
    tones: Sequence[Tone],
    sources: Sequence[tuple[Source, Source | None]],
    place: Tensor,
    first: int,
    let_go: Tensor,
    skipped: Tensor,
) -> tuple[Tensor, Tensor]:
    """The sources at unwrapped places, (voice, sample), and what is skipped after them."""
    held = [source for source, _ in sources]
    bases, frames = _laid_out(held)
    wrapped = _wrapped(place, held)
    finite = let_go.isfinite()[:, 0].tolist()
    leaves = [tone.after_release is not None and known for tone, known in zip(tones, finite, strict=True)]
    if any(leaves):
        rest = [later if leaving and later else source for (source, later), leaving in zip(sources, leaves, strict=True)]
        rest_bases, rest_frames = _laid_out(rest)
        bases = bases.expand_as(place)
        places = torch.arange(first, first + place.shape[1], device=place.device)[None]
        is_after = (places >= let_go) & torch.tensor(leaves, device=place.device)[:, None]
        begins = places == let_go
        skipped = torch.where(begins.any(1, keepdim=True), ((place - wrapped) * begins).sum(1, keepdim=True), skipped)
        wrapped = torch.where(is_after, _wrapped(place - skipped, rest), wrapped)
        bases = torch.where(is_after, rest_bases + len(frames), bases)
        frames = torch.cat([frames, rest_frames])
    fastest = max(tone.ratio for tone in tones)
    kernel = kernel_for(fastest, frames)
    whole = wrapped.detach().floor()
    fraction = (wrapped - whole).to(frames.dtype)
    index = (whole.long() + bases).reshape(-1)
    return read_between(frames, index, fraction.reshape(-1), kernel).view(place.shape), skipped


def _laid_out(sources: Sequence[Source]) -> tuple[Tensor, Tensor]:
    """Index of every source's place 0, (voice, 1), in one row of frames."""
    starts: dict[int, int] = {}
    rows = []
    total = 0
    for source in sources:
        if id(source) not in starts:
            starts[id(source)] = total
            rows.append(source.frames)
            total += len(source.frames)
    bases = torch.tensor([[starts[id(source)] + PAD] for source in sources], device=rows[0].device)
    return bases, rows[0] if len(rows) == 1 else torch.cat(rows)


def _wrapped(place: Tensor, sources: Sequence[Source]) -> Tensor:
    """Places inside the sources: a loop's brought back, others held in the silence around."""
    columns = torch.tensor([[s.wrap, s.loop, s.length] for s in sources], dtype=torch.float64, device=place.device)
    wrap, loop, length = (columns[:, place : place + 1] for place in range(3))
    looped = place
    if any(source.loop for source in sources):
        over = place - wrap
        turns = (over.detach() / loop.clamp(min=1.0)).floor().clamp(min=0.0)
        looped = torch.where(loop > 0, place - turns * loop, place)
    limit = torch.where(loop > 0, wrap + loop, length + PAD // 2 - 1)
    return looped.clamp(min=-(PAD // 2 - 1)).minimum(limit)


def _between(marks: Tensor) -> Tensor:
    """Straight lines between values a step apart, (voice, sample)."""
    along = torch.arange(STEP, dtype=marks.dtype, device=marks.device) / STEP
    return (marks[:, :-1, None] + marks.diff(dim=1)[:, :, None] * along).flatten(1)
