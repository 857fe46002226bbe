"""What the frame model says of a segment as probabilities of events: onsets, ends, drums, pedal and beats, each at one tick.

An onset of the frame model is a triangle about its time: half the sum of three frames is how likely it is, its flanks say where
between the frames it lies. A note ends where an offset is, or where it is no longer more likely to sound than not; while it is
unlikely to sound, it may end at any frame. Arrays have a row for each of the 400 ticks of a segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.arrival import TICKS_PER_SECOND
from compose.vocabulary.mt3_events import SEGMENT_TICKS
from transcribe.families import FAMILIES
from transcribe.frames.drums import DRUM_CLASSES
from transcribe.frames.targets import NUM_PITCHES
from transcribe.spectra.timing import FRAME_RATE_HZ
from transcribe.tokens.features import LOG_ODDS, NUM_HEARD
from transcribe.tokens.model import MARGIN_FRAMES

__all__ = ["SegmentEvidence", "read_evidence"]

Floats = NDArray[np.float32]

FAINT: Final = 0.1  # onsets less likely than this are none
SHARPNESS: Final = 8.0  # factor of the log odds of what is heard: many unlikely events together shall not make a likely one
ONSET_BIAS: Final = 1.0  # best on held-out music: with a half as the limit too many onsets are heard
END_OF_FADING: Final = 0.9  # that a note ends where it begins to be unlikely to sound
END_OF_SILENCE: Final = 0.3  # that it ends, at each frame, while it is
STEADY_FRAMES: Final = 7  # over which it is averaged whether a note sounds
HELD_FRAMES: Final = 2  # after an onset, in which a note does not end
LOUDEST: Final = 127


@dataclass(frozen=True, eq=False)
class SegmentEvidence:
    """Probabilities of events in a segment, float32.

    Args:
        onset: (400, 88), that a note begins.
        end: (400, 88), that it ends if it sounds.
        velocity: (400, 88), MIDI, where an onset is.
        families: (400, family, 88), that a note which begins is of a family, each on its own.
        drums, drum_velocity: (400, drum classes).
        pedal_down, pedal_up: (400,).
        beat, downbeat: (400,), that there is a beat, and that it is a downbeat.
        tied: (88,), that a note sounds over the start.
        tied_families: (family, 88), how likely it is of each.
        pedal_tied: That the pedal is down over the start.
    """

    onset: Floats
    end: Floats
    velocity: Floats
    families: Floats
    drums: Floats
    drum_velocity: Floats
    pedal_down: Floats
    pedal_up: Floats
    beat: Floats
    downbeat: Floats
    tied: Floats
    tied_families: Floats
    pedal_tied: float


def _probability(odds: Floats) -> Floats:
    """Features back as probabilities; silence is 0."""
    out: Floats = np.where(odds > 0, 1 / (1 + np.exp(-LOG_ODDS * (odds - 1))), 0).astype(np.float32)
    return out


def _sharp(probability: Floats, bias: float = 0.0) -> Floats:
    """Probabilities farther from a half; one whose log odds are ``bias`` becomes a half."""
    p = np.clip(probability, 1e-4, 0.999)
    odds = SHARPNESS * (np.log(p / (1 - p)) - bias)
    out: Floats = np.clip(1 / (1 + np.exp(-odds)), 0.0, 0.999).astype(np.float32)
    return out


@dataclass(frozen=True, eq=False)
class _Peaks:
    """Onsets, one entry each: frame, column, tick in the segment and probability."""

    frame: NDArray[np.intp]
    column: NDArray[np.intp]
    tick: NDArray[np.intp]
    probability: Floats

    def on_ticks(self, columns: int, values: Floats | None = None) -> Floats:
        """Their probabilities, or other values of theirs, (400, columns); of two at one tick the likelier."""
        out = np.zeros((SEGMENT_TICKS, columns), dtype=np.float32)
        order = np.argsort(self.probability, kind="stable")
        out[self.tick[order], self.column[order]] = (self.probability if values is None else values)[order]
        return out


def _peaks(triangles: Floats, bias: float = 0.0) -> _Peaks:
    """The peaks of columns of triangles, (frames with margins, columns), that lie in the segment; for ``bias`` see ``_sharp``."""
    wide = np.pad(triangles, ((2, 2), (0, 0)))
    mass = (wide[:-2] + wide[1:-1] + wide[2:]) / 2  # a frame more at either side
    here = mass[1:-1]
    frame, column = np.nonzero((here > mass[:-2]) & (here >= mass[2:]) & (here > FAINT))
    before, after = wide[frame + 1, column], wide[frame + 3, column]
    shift = np.clip((after - before) / np.maximum(after + before, 1e-6), -0.5, 0.5)
    tick = np.rint((frame - MARGIN_FRAMES + shift) * (TICKS_PER_SECOND / FRAME_RATE_HZ)).astype(np.intp)
    inside = (tick >= 0) & (tick < SEGMENT_TICKS)
    chosen = frame[inside], column[inside]
    return _Peaks(*chosen, tick[inside], _sharp(here[chosen], bias))


def _frame_ticks() -> NDArray[np.intp]:
    """The tick of each frame of a window; outside the segment it is below 0 or past its end."""
    frames = np.arange(-MARGIN_FRAMES, SEGMENT_TICKS * FRAME_RATE_HZ / TICKS_PER_SECOND + MARGIN_FRAMES)
    return np.rint(frames * (TICKS_PER_SECOND / FRAME_RATE_HZ)).astype(np.intp)


def _ends(frame: Floats, offset: Floats, onset: Floats, held_down: NDArray[np.bool_]) -> Floats:
    """(400, columns): that what sounds ends.

    Args:
        frame, offset, onset: Probabilities of a window's frames, (frames, columns).
        held_down: Whether the pedal is down, (frames,): then notes fade, and end when it goes up.
    """
    ticks = _frame_ticks()
    told = np.clip(frame, 0.02, 0.98)
    sums = np.cumsum(np.pad(np.log(told / (1 - told)), ((STEADY_FRAMES // 2 + 1, STEADY_FRAMES // 2), (0, 0)), mode="edge"), axis=0)
    silent = sums[STEADY_FRAMES:] < sums[:-STEADY_FRAMES]
    fades = silent & ~np.pad(silent, ((1, 0), (0, 0)))[:-1]
    chances = np.where(fades, END_OF_FADING, np.where(silent, END_OF_SILENCE, 0.0))
    held = onset > 0.5
    for _ in range(HELD_FRAMES):
        held = held | np.pad(held, ((1, 0), (0, 0)))[:-1]
    chances[held | held_down[:, None]] = 0.0
    out = np.zeros((SEGMENT_TICKS, frame.shape[1]), dtype=np.float32)
    inside = (ticks >= 0) & (ticks < SEGMENT_TICKS)
    out[ticks[inside]] = chances[inside]
    return np.maximum(out, _peaks(offset).on_ticks(frame.shape[1]))


def _switches(pedal: Floats) -> tuple[Floats, Floats]:
    """(400,) each: that a pedal that is up goes down, and that one that is down goes up."""
    ticks = _frame_ticks()
    inside = (ticks >= 0) & (ticks < SEGMENT_TICKS)
    down, up = np.zeros(SEGMENT_TICKS, dtype=np.float32), np.zeros(SEGMENT_TICKS, dtype=np.float32)
    down[ticks[inside]] = np.where(pedal[inside] > 0.6, END_OF_FADING, 0.0)
    up[ticks[inside]] = np.where(pedal[inside] < 0.4, END_OF_FADING, 0.0)
    return down, up


def read_evidence(features: Floats, onset_bias: float = ONSET_BIAS) -> SegmentEvidence:
    """The events that a window of "heard" features speaks for.

    Args:
        features: (274, 1259), as ``transcribe.tokens.features`` makes them, with margins.
        onset_bias: Log odds of the frame model at which an onset is as likely as not.
    """
    assert features.shape[1] == NUM_HEARD
    cells = features[:, : 4 * NUM_PITCHES].reshape(len(features), 4, NUM_PITCHES)
    first = (4 + len(FAMILIES)) * NUM_PITCHES
    families = _probability(features[:, 4 * NUM_PITCHES : first]).reshape(len(features), len(FAMILIES), NUM_PITCHES)
    drums, hit = np.split(features[:, first:-3], 2, axis=1)
    onset, frame, offset = (_probability(cells[:, index]) for index in range(3))
    struck, beaten = _peaks(onset, onset_bias), _peaks(_probability(drums))
    rest = _probability(features[:, -3:])
    pedal = np.convolve(rest[:, 0], np.full(STEADY_FRAMES, 1 / STEADY_FRAMES, dtype=np.float32), mode="same")
    down, up = _switches(pedal)
    of_families = np.zeros((SEGMENT_TICKS, len(FAMILIES), NUM_PITCHES), dtype=np.float32)
    of_families[struck.tick, :, struck.column] = _sharp(families[struck.frame, :, struck.column])
    volumes = LOUDEST / 2 * cells[struck.frame, 3, struck.column]
    drummed = LOUDEST / 2 * hit[beaten.frame, beaten.column]
    beats = _peaks(rest[:, 1:]).on_ticks(2)
    edge = slice(MARGIN_FRAMES - 1, MARGIN_FRAMES + 2)
    before = np.maximum.accumulate(families[: MARGIN_FRAMES + 1], axis=0)[-1]  # of notes that began just before
    return SegmentEvidence(
        onset=struck.on_ticks(NUM_PITCHES),
        end=_ends(frame, offset, onset, pedal > 0.5),
        velocity=struck.on_ticks(NUM_PITCHES, volumes),
        families=of_families,
        drums=beaten.on_ticks(len(DRUM_CLASSES)),
        drum_velocity=beaten.on_ticks(len(DRUM_CLASSES), drummed),
        pedal_down=down,
        pedal_up=up,
        beat=beats[:, 0],
        downbeat=np.minimum(beats[:, 1], beats[:, 0]),
        tied=_sharp(frame[edge].min(axis=0)),
        tied_families=before,
        pedal_tied=float(_sharp(rest[edge, :1]).mean()),
    )
