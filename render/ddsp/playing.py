"""Expression to frame controls: the curves of pitch and level of every note, and the spectrum that the instrument gives them.

Each note has frames of its own, from its very onset, about 8 ms apart and evenly spread, so that it begins at ``onset_sample``
whatever stands before it. A *phrase* is a chain of notes that flow into one another: phase and amplitude go on through it, and the
last frame of a note is the first of the next. A note after silence begins with a frame of silence: the first sample that is not 0
is ``onset_sample``.

Controllers: 7 and 11 change the level (40 dB a factor of ten), 11 the brightness with it, 74 the brightness (an octave up and
down), 1 the depth of vibrato (127 is 50 cents) once the channel has any; pitch wheel and tuning move the pitch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.signal
import torch
from numpy.typing import NDArray

from corpora.errors import RequestError
from corpora.piece import Table
from render.controllers import Curve
from render.ddsp.controls import NUM_HARMONICS, SILENCE_DB, FrameControls, frame_rms, joined
from render.ddsp.expressing import velocity_to_db
from render.ddsp.frames import hop_samples
from render.ddsp.instrument import Instrument
from render.ddsp.measures import NoteExpression
from render.ddsp.sources import key_to_hz
from render.ddsp.voices import joins, sounding_end
from render.ddsp.wandering import read_take

__all__ = ["ChannelCurves", "Phrase", "controls", "note_parts"]

RELEASE_DROP_DB, LONGEST_RELEASE_S = 70.0, 0.6
GLIDE_S = 0.03  # from a key to the next within a phrase
JOIN_DIP_DB, JOIN_DIP_S = 4.0, 0.03  # of the level where a note is only touched by the one before
NO_ATTACK_S = 10.0  # the age of notes that have none
VIBRATO_DELAY_S, VIBRATO_RISE_S = 0.12, 0.35
MOST_COMPENSATION = 1.6
ARCH_SHARE = 0.5  # of the fluctuation that rises to the peak and falls from it
SETTLE_S = 0.15  # until which takes are faded in
FULL_VOLUME, FULL_EXPRESSION = 100, 127
WHEEL_CENTS = 50.0
BRIGHTNESS_CENTRE = 64
MIN_KEY, MAX_KEY = 0.0, 127.0
CHUNK_INTERVALS = 2048  # of long notes, whose spectra would fill the memory
BEYOND = 2  # semitones beyond the keys it has learned that the network is asked about


@dataclass(frozen=True, kw_only=True)
class ChannelCurves:
    """What the controllers of a channel say over time; None where nobody touched them.

    Args:
        bend_cents: Above the keys.
        volume: Controller 7.
        expression: Controller 11.
        vibrato: Controller 1.
        brightness: Controller 74.
    """

    bend_cents: Curve | None = None
    volume: Curve | None = None
    expression: Curve | None = None
    vibrato: Curve | None = None
    brightness: Curve | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Phrase:
    """Notes that flow into one another.

    Args:
        first_sample: Where it begins.
        frames: Its frame controls.
    """

    first_sample: int
    frames: FrameControls


def controls(
    notes: Table,
    expressions: Sequence[NoteExpression],
    instrument: Instrument,
    sample_rate_hz: int,
    curves: ChannelCurves | None = None,
    seed: int = 0,
) -> tuple[Phrase, ...]:
    """The frame controls of one voice.

    Args:
        notes: PLAYED_DTYPE rows of the voice in order.
        expressions: One a note.
        instrument: That plays.
        sample_rate_hz: Of the places in ``notes`` and of the sound.
        curves: Controllers; at rest when None.
        seed: Of how held notes wander.

    Raises:
        RequestError: Not one expression a note.
    """
    phrases: list[tuple[int, list[FrameControls]]] = []
    for first, begins, part in note_parts(notes, expressions, instrument, sample_rate_hz, curves or ChannelCurves(), seed):
        if begins:
            phrases.append((first, []))
        phrases[-1][1].append(part)
    return tuple(Phrase(first_sample=first, frames=joined(parts)) for first, parts in phrases)


def note_parts(
    notes: Table,
    expressions: Sequence[NoteExpression],
    instrument: Instrument,
    sample_rate_hz: int,
    curves: ChannelCurves,
    seed: int,
) -> Iterator[tuple[int, bool, FrameControls]]:
    """As ``controls``, by notes and at most 16 s: first sample, whether a phrase begins there, and the frames."""
    if len(expressions) != len(notes):
        raise RequestError(f"expected an expression for each of {len(notes)} notes, got {len(expressions)}")
    flows = [*joins(notes, sample_rate_hz), False]
    waiting: tuple[int, bool, FrameControls] | None = None
    last_hz: float | None = None
    for index, (note, asked) in enumerate(zip(notes, expressions, strict=True)):
        following = notes[index + 1] if index + 1 < len(notes) else None
        place = _Place(
            onset=int(note["onset_sample"]),
            end=sounding_end(note, following, flows[index + 1], sample_rate_hz),
            released=not flows[index + 1],
            joined=flows[index],
            touched=index > 0 and int(notes[index - 1]["end_sample"]) <= int(note["onset_sample"]),
            last_hz=last_hz if flows[index] else None,
            rate=sample_rate_hz,
        )
        whole = _note_curves(note, asked, place, instrument, curves, seed + index)
        last_hz = float(key_to_hz(whole.key[-1]))
        for first in range(0, len(whole.lengths), CHUNK_INTERVALS):
            frames = _frames(whole, instrument, first, min(first + CHUNK_INTERVALS, len(whole.lengths)), sample_rate_hz)
            begins = first == 0 and not place.joined
            if waiting is not None:
                yield (*waiting[:2], waiting[2] if begins else _ending_as(waiting[2], frames))
            waiting = place.onset + int(whole.lengths[:first].sum()), begins, frames
    if waiting is not None:
        yield waiting


def _ending_as(earlier: FrameControls, later: FrameControls) -> FrameControls:
    """The earlier note's frames with the first frame of the later one as their last."""
    return joined([earlier, later.part(0, 1)]).part(0, len(earlier.f0_hz) - 1)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a note stands in its voice, in samples."""

    onset: int
    end: int
    released: bool
    joined: bool
    touched: bool
    last_hz: float | None
    rate: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _NoteCurves:
    """What a note does over its F frames, all (F,) but ``weights`` (F, component) and ``lengths`` (F - 1,)."""

    key: NDArray[np.float64]
    level_db: NDArray[np.float64]
    relative_db: NDArray[np.float64]
    brightness: NDArray[np.float64]
    attack_noise_db: NDArray[np.float64]
    attack_ages: NDArray[np.float64]
    weights: NDArray[np.float64]
    lengths: NDArray[np.int64]


def _note_curves(
    note: np.void, asked: NoteExpression, place: _Place, instrument: Instrument, curves: ChannelCurves, seed: int
) -> _NoteCurves:
    """From the onset of a note to the end of its release, or to the onset of the note that it flows into."""
    config = instrument.config
    release_s = min(RELEASE_DROP_DB / config.release_db_per_s, LONGEST_RELEASE_S) if place.released else 0.0
    samples = place.end - place.onset + round(release_s * place.rate)
    intervals = -(-samples // hop_samples(place.rate))
    edges = np.round(np.linspace(0, samples, intervals + 1)).astype(np.int64)
    ages = edges / place.rate
    length_s = (place.end - place.onset) / place.rate
    absolute = place.onset + edges
    level_take, cents_take, weights = read_take(instrument, float(note["key"]), seed, ages)
    settled = np.clip(ages / SETTLE_S, 0.0, 1.0)

    depth, brighter = _controllers(curves, asked, absolute, int(note["velocity"]), config.brightness_per_velocity)
    cents = float(note["cents"]) + cents_take * settled + _vibrato(ages, length_s, depth, asked.vibrato_hz)
    if curves.bend_cents is not None:
        cents = cents + curves.bend_cents.at(absolute)
    key = np.clip(float(note["key"]) + cents / 100, MIN_KEY, MAX_KEY)
    if place.last_hz is not None:
        last_key = 69 + 12 * np.log2(place.last_hz / 440)
        key = key + (last_key - key) * (0.5 + 0.5 * np.cos(np.pi * np.clip(ages / GLIDE_S, 0, 1)))

    attack_ages = np.full_like(ages, NO_ATTACK_S) if place.joined else ages
    noise_db = np.full_like(ages, asked.attack_noise_db)
    brightness = np.maximum(asked.brightness * 2.0**brighter, 1.0)
    with torch.inference_mode():
        tensors = [torch.from_numpy(values).float() for values in (_known_keys(instrument, key), noise_db, attack_ages)]
        rising = instrument.attack_db(*tensors).double().numpy()
    relative = rising + _wander(asked, ages, length_s, level_take * settled)
    if place.joined and place.touched:
        relative = relative - JOIN_DIP_DB * np.exp(-((ages / JOIN_DIP_S) ** 2))
    relative = relative - np.maximum(ages - length_s, 0.0) * config.release_db_per_s
    level = asked.volume_db + relative + _gain_db(curves, absolute)
    if not place.joined:
        level[0] = SILENCE_DB
    if place.released:
        level[-1] = SILENCE_DB
    return _NoteCurves(
        key=key,
        level_db=level,
        relative_db=relative,
        brightness=brightness,
        attack_noise_db=noise_db,
        attack_ages=attack_ages,
        weights=weights * settled[:, None],
        lengths=np.diff(edges),
    )


def _frames(whole: _NoteCurves, instrument: Instrument, first: int, last: int, sample_rate_hz: int) -> FrameControls:
    """Frames ``first`` to ``last`` of a note, both included."""
    part = slice(first, last + 1)
    key = whole.key[part]
    curves = (whole.relative_db, whole.brightness, whole.attack_noise_db, whole.attack_ages)
    asked = (key, *(curve[part] for curve in curves), _known_keys(instrument, key))
    with torch.inference_mode():
        harmonics_db, bands_db = instrument.spectrum_db(*(torch.from_numpy(values).float() for values in asked))
    unrest_db = whole.weights[part] @ instrument.components.double().numpy()
    spectrum_db = np.concatenate([harmonics_db.double().numpy(), bands_db.double().numpy()], axis=1) + unrest_db
    linear = 10 ** (spectrum_db.clip(-120, 20) / 20)
    harmonics, noise = linear[:, :NUM_HARMONICS], linear[:, NUM_HARMONICS:]
    rms = frame_rms(harmonics, noise)[:, None]
    return FrameControls(
        f0_hz=key_to_hz(key),
        level_db=whole.level_db[part],
        harmonics=harmonics / rms,
        noise=noise / rms,
        lengths=whole.lengths[first:last],
        sample_rate_hz=sample_rate_hz,
    )


def _controllers(
    curves: ChannelCurves, asked: NoteExpression, samples: NDArray[np.int64], velocity: int, octaves_per_velocity: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depth of vibrato in cents and octaves of brightness at the frames."""
    depth = np.full(len(samples), asked.vibrato_cents)
    brighter = np.zeros(len(samples))
    if curves.vibrato is not None:
        depth = curves.vibrato.at(samples) / 127 * WHEEL_CENTS
    if curves.expression is not None:
        # as if the note had been struck softer
        brighter += octaves_per_velocity * velocity * (curves.expression.at(samples) / FULL_EXPRESSION - 1)
    if curves.brightness is not None:
        brighter += (curves.brightness.at(samples) - BRIGHTNESS_CENTRE) / BRIGHTNESS_CENTRE
    return depth, brighter


def _gain_db(curves: ChannelCurves, samples: NDArray[np.int64]) -> NDArray[np.float64]:
    """What controllers 7 and 11 add to the level."""
    gain = np.zeros(len(samples))
    for curve, full in ((curves.volume, FULL_VOLUME), (curves.expression, FULL_EXPRESSION)):
        if curve is not None:
            values = curve.at(samples)
            gain += np.where(values > 0, [velocity_to_db(float(value), full) for value in values], 2 * SILENCE_DB)
    return gain


def _vibrato(ages: NDArray[np.float64], length_s: float, depth: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Cents: a sine that sets in after the onset, a little deeper then so that the note's mean depth is the one asked for."""
    if not depth.any():
        return np.zeros_like(ages)

    def set_in(times: NDArray[np.float64]) -> NDArray[np.float64]:
        share = np.clip((times - VIBRATO_DELAY_S) / VIBRATO_RISE_S, 0.0, 1.0)
        return np.asarray(share * share * (3 - 2 * share))

    grid = np.linspace(0.0, length_s, 200)
    window = scipy.signal.get_window(("tukey", 0.5), 200, fftbins=False)
    mean = float((set_in(grid) * window).sum() / window.sum())
    return depth * min(1 / max(mean, 1e-3), MOST_COMPENSATION) * set_in(ages) * np.sin(2 * np.pi * rate_hz * ages)


def _wander(asked: NoteExpression, ages: NDArray[np.float64], length_s: float, take: NDArray[np.float64]) -> NDArray[np.float64]:
    """dB: an arch with its peak where it is asked for and the take's unrest, together of the standard deviation asked for."""
    place = np.clip(ages / max(length_s, 1e-3), 0.0, 1.0)
    peak = asked.peak_position
    arch = np.where(place < peak, place / max(peak, 1e-3), (1 - place) / max(1 - peak, 1e-3))
    arch = (arch - 0.5) * np.sqrt(12.0)  # an even ramp has a standard deviation of 1 / sqrt(12)
    sounding = ages <= length_s
    both = ARCH_SHARE * arch + (1 - ARCH_SHARE) * take
    spread = float(both[sounding].std())
    if spread < 1e-6:
        return np.zeros_like(ages)
    return np.asarray(asked.fluctuation_db * (both - float(both[sounding].mean())) / spread)


def _known_keys(instrument: Instrument, key: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pitches, those far beyond what the instrument has learned brought back to its outermost ones."""
    return np.clip(key, instrument.config.low_key - BEYOND, instrument.config.high_key + BEYOND)
