"""Crops of clean sound as other microphones, rooms and tapes would have them: ``augment`` and ``mix``.

Conventions: float32 mono at 16 kHz; labels as ``transcribe.heard`` has them, in seconds from the start of the crop. In this order,
each with a chance of its own: pitch (the whole sound a little faster or slower, labels too), a room, tone, compression, noise,
clipping, level. Room and tone are one multiplication in the frequency domain. Everything comes from the generator that is given.

A room is noise that dies away exponentially (Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979), some
of it sooner in the treble, after the direct sound and a short gap.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.sounding import one_row_a_key

__all__ = ["augment", "changed_pitch", "fast_size", "mix", "room_response"]

Sound = NDArray[np.float32]
Labelled = tuple[Sound, Table, Table, Table]

PITCH, ROOM, TONE, LOW_PASS, COMPRESSION, NOISE, HUM, CLIPPING = 0.4, 0.5, 0.7, 0.25, 0.35, 0.6, 0.1, 0.1  # chances
MOST_CENTS = 20.0
RT60_S = (0.1, 1.5)
REVERBERANT_DB = (-26.0, 2.0)  # of what the room adds, to the direct sound
TONE_HZ = (40.0, 250.0, 1_000.0, 3_500.0, 8_000.0)  # places of the tone curve
MOST_TONE_DB = 12.0
LOW_PASS_HZ, LOW_PASS_DB_OCTAVE = (3_000.0, 8_000.0), (12.0, 48.0)
NOISE_DB = (10.0, 40.0)  # of the music to the noise
LEVEL_DBFS = (-36.0, -14.0)  # root mean square
RATIO = (1.3, 4.0)
FRAME_SAMPLES = 160  # of the compressor's envelope
PEAK_OVER_RMS_DB = (6.0, 14.0)  # where clipping begins
SILENCE = 1e-5  # a sound that is softer gets no gain
POOL_S = 40.0


def augment(samples: Sound, notes: Table, pedals: Table, beats: Table, rng: np.random.Generator) -> Labelled:
    """A crop changed at random.

    Args:
        samples: float32 (samples,).
        notes, pedals, beats: HEARD_DTYPE, PEDAL_DTYPE and BEAT_DTYPE rows.
        rng: Source of all choices.

    Returns:
        As many samples, and the labels; those that a change of pitch pushes past the end are left out.
    """
    length = len(samples)
    sound = np.asarray(samples, dtype=np.float32)
    if rng.random() < PITCH:
        sound, notes, pedals, beats = changed_pitch(sound, notes, pedals, beats, float(rng.uniform(-MOST_CENTS, MOST_CENTS)))
    sound = _in_place(sound, rng)
    if rng.random() < COMPRESSION:
        sound = _compressed(sound, float(rng.uniform(*RATIO)))
    rms = _rms(sound)
    if rms > SILENCE:
        sound = _levelled(sound, rms, rng)
    return sound[:length], notes, pedals, beats


def changed_pitch(samples: Sound, notes: Table, pedals: Table, beats: Table, cents: float) -> Labelled:
    """Sound and labels ``cents`` higher and so much faster, of the same length: silence follows, or the end is lost."""
    factor = 2 ** (cents / 1200)
    made = soxr.resample(samples, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ, quality="MQ")
    sound = np.zeros(len(samples), dtype=np.float32)
    kept = min(len(made), len(samples))
    sound[:kept] = made[:kept]
    end_s = kept / SAMPLE_RATE_HZ
    return sound, _faster(notes, factor, end_s), _faster(pedals, factor, end_s), _faster(beats, factor, end_s)


def _faster(table: Table, factor: float, end_s: float) -> Table:
    names = [name for name in ("onset_s", "offset_s", "time_s") if name in (table.dtype.names or ())]
    out = table.copy()
    for name in names:
        out[name] /= factor
    return out[out[names[0]] < end_s]


def room_response(rt60_s: float, reverberant_db: float, damping: float, gap_s: float, rng: np.random.Generator) -> Sound:
    """What a room makes of a click: 1 at once, then noise that is 60 dB down after ``rt60_s``.

    Args:
        rt60_s: Seconds.
        reverberant_db: Energy of the noise to that of the click.
        damping: 0 to 1: how much less of the noise is above 1 kHz, about, and less and less of it.
        gap_s: Between click and noise.
        rng: Of the noise.
    """
    count = max(round(rt60_s * SAMPLE_RATE_HZ), 16)
    fading = np.exp(np.arange(count, dtype=np.float32) * np.float32(-np.log(1000) / count))
    noise = rng.standard_normal(count, dtype=np.float32) * fading
    dull = np.convolve(noise, np.full(8, 0.125, dtype=np.float32), "same") * 2
    weight = np.float32(damping) * (1 - fading)
    tail = noise * (1 - weight) + dull * weight
    tail *= np.float32(10 ** (reverberant_db / 20)) / np.sqrt((tail**2).sum() + np.float32(1e-12))
    gap = 1 + round(gap_s * SAMPLE_RATE_HZ)
    out = np.zeros(gap + count, dtype=np.float32)
    out[0] = 1.0
    out[gap:] = tail
    return out


def _in_place(sound: Sound, rng: np.random.Generator) -> Sound:
    """A room, a tone and a low-pass, where they are drawn, in one multiplication."""
    response: Sound | None = None
    if rng.random() < ROOM:
        rt60_s = float(np.exp(rng.uniform(*np.log(RT60_S))))
        response = room_response(rt60_s, float(rng.uniform(*REVERBERANT_DB)), rng.random(), float(rng.uniform(0, 0.03)), rng)
    curve_db: NDArray[np.float64] | None = None
    places = np.log2(TONE_HZ)
    octaves = np.log2(np.maximum(_grid() * SAMPLE_RATE_HZ / 2, 10.0))
    if rng.random() < TONE:
        curve_db = np.interp(octaves, places, rng.uniform(-MOST_TONE_DB, MOST_TONE_DB, len(places)) * rng.uniform(0.2, 1.0))
    if rng.random() < LOW_PASS:
        from_hz, steep = rng.uniform(*LOW_PASS_HZ), rng.uniform(*LOW_PASS_DB_OCTAVE)
        cut_db = -steep * np.maximum(octaves - np.log2(from_hz), 0.0)
        curve_db = cut_db if curve_db is None else curve_db + cut_db
    if response is None and curve_db is None:
        return sound
    size = fast_size(len(sound) + (len(response) if response is not None else SAMPLE_RATE_HZ // 4))
    spectrum = np.fft.rfft(sound, size)
    if response is not None:
        spectrum *= np.fft.rfft(response, size)
    if curve_db is not None:
        gain = 10 ** (curve_db / 20)
        spectrum *= np.interp(np.linspace(0, 1, len(spectrum)), _grid(), gain).astype(np.float32)
    return np.fft.irfft(spectrum, size)[: len(sound)].astype(np.float32)


@cache
def _grid() -> NDArray[np.float64]:
    """Where tone curves are worked out, as shares of half the rate; closer together in the bass."""
    return np.linspace(0, 1, 513) ** 2


def fast_size(count: int) -> int:
    """A length of at least ``count`` that is 2^a, 3 * 2^a or 5 * 2^a."""
    return min(factor << max(int(np.ceil(np.log2(count / factor))), 0) for factor in (1, 3, 5))


def _compressed(sound: Sound, ratio: float) -> Sound:
    """Loud frames brought nearer to the mean level; the gain follows within some 50 ms."""
    frames = -(-len(sound) // FRAME_SAMPLES)
    padded = np.zeros(frames * FRAME_SAMPLES, dtype=np.float32)
    padded[: len(sound)] = sound
    power = (padded.reshape(frames, FRAME_SAMPLES) ** 2).mean(axis=1)
    smooth = np.convolve(power, np.hanning(7)[1:-1] / np.hanning(7).sum(), "same") + 1e-10
    above = smooth / smooth.mean()
    gain = np.maximum(above, 1e-3) ** (0.5 * (1 / ratio - 1))
    places = (np.arange(frames) + 0.5) * FRAME_SAMPLES
    return np.asarray(sound * np.interp(np.arange(len(sound)), places, gain).astype(np.float32), dtype=np.float32)


def _rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(sound**2, dtype=np.float64)))


def _levelled(sound: Sound, rms: float, rng: np.random.Generator) -> Sound:
    """Noise, hum and clipping, then a level."""
    if rng.random() < NOISE:
        pool = _noises()[int(rng.integers(len(_noises())))]
        first = int(rng.integers(max(len(pool) - len(sound), 0) + 1))
        noise = np.resize(pool[first:], len(sound)) if len(sound) > len(pool) else pool[first : first + len(sound)]
        sound = sound + noise * np.float32(rms * 10 ** (-rng.uniform(*NOISE_DB) / 20))
    if rng.random() < HUM:
        sound = sound + _hum(len(sound), rng) * np.float32(rms * 10 ** (-rng.uniform(*NOISE_DB) / 20))
    if rng.random() < CLIPPING:
        ceiling = np.float32(rms * 10 ** (rng.uniform(*PEAK_OVER_RMS_DB) / 20))
        sound = ceiling * np.tanh(sound / ceiling)
    wanted = 10 ** (rng.uniform(*LEVEL_DBFS) / 20)
    peak = float(np.abs(sound).max())
    return np.asarray(sound * np.float32(min(wanted / rms, 1 / peak)), dtype=np.float32)


@cache
def _noises() -> tuple[Sound, ...]:
    """White, pink and brown noise and what lies between, each of mean power 1: made once a process, always the same."""
    count = 1 << int(np.ceil(np.log2(POOL_S * SAMPLE_RATE_HZ)))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ), 20.0)
    out = []
    for power in (0.0, 0.5, 1.0):
        white = np.fft.rfft(np.random.default_rng([7, int(10 * power)]).standard_normal(count, dtype=np.float32))
        noise = np.fft.irfft(white * (hz**-power).astype(np.float32), count)
        out.append((noise / noise.std()).astype(np.float32))
    return tuple(out)


def _hum(count: int, rng: np.random.Generator) -> Sound:
    """Mains at 50 or 60 Hz with harmonics, of mean power 1."""
    base_hz = float(rng.choice([50.0, 60.0])) * (1 + rng.uniform(-0.002, 0.002))
    period = np.zeros(count, dtype=np.float32)
    turns = np.arange(count) * (base_hz / SAMPLE_RATE_HZ)
    turns = (turns - np.floor(turns)).astype(np.float32) * np.float32(2 * np.pi)
    for harmonic in (1, 2, 3, 5):
        period += np.float32(rng.uniform(0, 1) / harmonic) * np.sin(harmonic * turns)
    return period / np.float32(period.std() + 1e-9)


def mix(first: Sound, first_notes: Table, second: Sound, second_notes: Table, rng: np.random.Generator) -> tuple[Sound, Table]:
    """Two crops of one length together, the second -9 to 3 dB as loud; beats and pedals of such a mixture mean nothing.

    Args:
        first, second: float32 (samples,).
        first_notes, second_notes: HEARD_DTYPE rows of each.
        rng: Source of the balance.

    Returns:
        Sound that does not clip, and the notes of both, one row a key at a time.
    """
    balance = 10 ** (rng.uniform(-9.0, 3.0) / 20)
    one, other = _rms(first), _rms(second)
    gain = balance * one / other if one > SILENCE and other > SILENCE else 1.0
    sound = first + np.float32(gain) * second
    sound *= np.float32(1 / max(float(np.abs(sound).max(initial=0.0)), 1.0))
    return np.asarray(sound, dtype=np.float32), one_row_a_key(np.concatenate([first_notes, second_notes]))
