"""How much higher than its notes say a recording sounds, as a whole and note by note, in cents.

As a whole: the spectra of the recording and of the rendering over a logarithmic frequency axis, shifted against each other until
they agree best, frame by frame. Note by note: the phase of a partial advances from frame to frame by its frequency (J. L. Flanagan
and R. M. Golden, "Phase vocoder", Bell System Technical Journal 45(9), 1966); what it advances more in the recording than in the
note alone is how much higher it sounds. Bins count by the power of the note and by its share in what sounds there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.fit.spectra import Grid

__all__ = ["MAX_TUNING_CENTS", "NoteTunings", "OwnTunings", "global_tuning", "note_tunings", "own_tunings"]

MAX_TUNING_CENTS = 60
CENTS_PER_OCTAVE = 1200.0
LOWEST_HZ, HIGHEST_HZ = 150.0, 4_000.0
CENTS_STEP = 2.0
COMPRESSION = 0.25  # of power: the root of the magnitude, so that loud partials are not all that counts
LOWEST_PARTIAL_HZ, HIGHEST_PARTIAL_HZ = 80.0, 2_500.0
CLEAR_SHARE = 0.7  # of a bin's power, from which on its phase is the note's
LEAST_DEVIATION_CENTS = 0.5  # of notes from the whole; what is less is not there
LARGEST_CENTS = 50.0
NORMAL_MAD = 1.4826  # standard deviation of a normal distribution over its median absolute deviation

Floats = NDArray[np.float64]


def global_tuning(recording: NDArray[np.float32], rendering: NDArray[np.float32], grid: Grid) -> tuple[float, float]:
    """Cents by which a recording is above a rendering, and how alike they then are, 0 to 1.

    Args:
        recording: Power spectrum, (frame, freq).
        rendering: The same of the notes as written, (frame, freq).
        grid: Of both.

    Returns:
        At most ``MAX_TUNING_CENTS`` up or down, and the correlation of the two.
    """
    reach = round(MAX_TUNING_CENTS / CENTS_STEP)
    highest = min(HIGHEST_HZ, grid.top_hz)
    steps = int(CENTS_PER_OCTAVE / CENTS_STEP * math.log2(highest / LOWEST_HZ))
    places = LOWEST_HZ * 2.0 ** (np.arange(steps) * CENTS_STEP / CENTS_PER_OCTAVE)
    places *= grid.window_samples / grid.sample_rate_hz
    low = places.astype(np.int64)
    along = np.asarray(places - low, dtype=np.float32)

    def on_cents(power: NDArray[np.float32]) -> NDArray[np.float32]:
        compressed = power**COMPRESSION
        line = compressed[:, low] * (1.0 - along) + compressed[:, np.minimum(low + 1, grid.bins - 1)] * along
        return np.asarray(line - line.mean(axis=1, keepdims=True), dtype=np.float32)

    heard, made = on_cents(recording), on_cents(rendering)
    found = np.zeros(2 * reach + 1)
    inner = made[:, reach : steps - reach]
    for shift in range(-reach, reach + 1):
        found[shift + reach] = np.vdot(heard[:, reach + shift : steps - reach + shift], inner)
    best = int(found.argmax())
    size = math.sqrt(float(np.vdot(inner, inner)) * float(np.vdot(heard, heard)))
    return (best - reach + _parabola(found, best)) * CENTS_STEP, float(found[best]) / max(size, 1e-30)


def _parabola(values: Floats, best: int) -> float:
    """Where the top of a parabola through the best value and its two neighbours is, -0.5 to 0.5 of a step."""
    if not 0 < best < len(values) - 1:
        return 0.0
    before, top, after = values[best - 1 : best + 2]
    bend = before - 2.0 * top + after
    return 0.0 if bend >= 0.0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


@dataclass(frozen=True, eq=False)
class NoteTunings:
    """Tunings of notes.

    Args:
        cents: What each sounds above the rendering's pitch, (note,); 0 where nothing tells.
        errors: Their standard errors in cents, (note,); infinite where nothing tells.
    """

    cents: Floats
    errors: Floats


def note_tunings(
    recording: NDArray[np.complex64],
    spectra: Sequence[tuple[int, NDArray[np.complex64]]],
    powers: NDArray[np.float64],
    total: NDArray[np.float32],
    grid: Grid,
) -> NoteTunings:
    """Cents of each note above its rendering, by the advance of phases.

    Args:
        recording: Its spectrum, (frame, freq).
        spectra: First frame and (frame, freq) of each note at level 0.
        powers: Factor of each note's power, (note,).
        total: Sum of all notes' powers, (frame, freq).
        grid: Of all; partials are followed as long as they are less than half a turn a hop away.
    """
    hz = np.arange(grid.bins) * grid.sample_rate_hz / grid.window_samples
    hop_s = grid.hop_samples / grid.sample_rate_hz
    kept = np.flatnonzero((hz >= LOWEST_PARTIAL_HZ) & (hz <= HIGHEST_PARTIAL_HZ))
    cents_of_turn = CENTS_PER_OCTAVE / math.log(2.0) / (hop_s * hz[kept])  # for one turn a hop
    cents, errors = np.zeros(len(spectra)), np.full(len(spectra), np.inf)
    for index, ((first, spectrum), factor) in enumerate(zip(spectra, powers, strict=True)):
        own = spectrum[:, kept]
        stretch = slice(first, first + len(own))
        power = own.real**2 + own.imag**2
        clear = power * np.float32(factor) > CLEAR_SHARE * total[stretch, kept[0] : kept[-1] + 1]
        turned = recording[stretch, kept[0] : kept[-1] + 1] * own.conj()
        both = clear[1:] & clear[:-1]
        advance = np.where(both, turned[1:] * turned[:-1].conj(), 0.0)
        strength = np.sqrt(np.abs(advance))  # magnitudes of recording and note together
        per_bin = advance / np.maximum(np.sqrt(np.abs(advance)), 1e-20)
        sums = per_bin.sum(axis=0)
        weight = strength.sum(axis=0) * hz[kept] ** 2 * (np.abs(sums) / np.maximum(strength.sum(axis=0), 1e-20)) ** 4
        if not weight.sum() > 0.0:
            continue
        turns = np.angle(sums) / (2.0 * np.pi)
        own_cents = turns * cents_of_turn
        cents[index] = float((weight * own_cents).sum() / weight.sum())
        spread = float(np.sqrt((weight * (own_cents - cents[index]) ** 2).sum() / weight.sum()))
        count = float(weight.sum() ** 2 / (weight**2).sum()) / 3.0  # a partial covers about three bins
        errors[index] = max(spread, 0.5) / math.sqrt(max(count, 1.0))
    return NoteTunings(cents, errors)


@dataclass(frozen=True, eq=False)
class OwnTunings:
    """Tunings of notes, taken apart.

    Args:
        common: What all sound above the rendering, cents.
        cents: What each sounds above that, (note,).
        errors: Standard errors in cents, (note,); infinite where nothing tells.
    """

    common: float
    cents: Floats
    errors: Floats


def own_tunings(found: NoteTunings, counts: NDArray[np.bool_]) -> OwnTunings:
    """The common tuning, and what is left of each note's when its error is weighed against how much notes deviate at all.

    Args:
        found: Tunings of notes.
        counts: Which notes are looked at, (note,).
    """
    known = np.isfinite(found.errors) & counts
    cents, errors = np.zeros(len(known)), np.full(len(known), np.inf)
    if not known.any():
        return OwnTunings(0.0, cents, errors)
    common = _weighted_median(found.cents[known], 1.0 / found.errors[known])
    rest = found.cents[known] - common
    deviation = NORMAL_MAD * float(np.median(np.abs(rest)))
    variance = max(deviation**2 - float(np.median(found.errors[known])) ** 2, 0.0)
    if variance >= LEAST_DEVIATION_CENTS**2:
        kept = rest * variance / (variance + found.errors[known] ** 2)
        cents[known] = np.clip(kept, -LARGEST_CENTS, LARGEST_CENTS)
    errors[known] = found.errors[known]
    return OwnTunings(common, cents, errors)


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    along = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(along, 0.5 * along[-1])])
