"""What the token model is trained on: segments of the clips of a sound store, as features, ids and what spoke for each.

A segment begins anywhere in a clip; its tie section holds what sounds there. Pedal and beats are left out where the clip does not
know them, and the grammar's masks with them, so that nothing is learned from their absence. Segments are made in blocks, a pure
function of (seed, number), and go into batches by length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from compose.vocabulary.arrival import NUM_PITCHES
from compose.vocabulary.mt3_events import NUM_IDS
from compose.vocabulary.mt3_grammar import Limits, SegmentGrammar
from corpora.errors import InputError
from corpora.piece import Table
from transcribe.frames.drums import DRUM_CLASS_OF_KEY, DRUM_CLASSES
from transcribe.frames.targets import draw_targets
from transcribe.heard import DRUMS, HeardMusic
from transcribe.spectra.timing import FRAME_RATE_HZ, HOP_SAMPLES, SAMPLE_RATE_HZ
from transcribe.tokens.evidence import read_evidence
from transcribe.tokens.features import NUM_HEARD, blurred
from transcribe.tokens.limits import limits_of
from transcribe.tokens.model import MARGIN_FRAMES, SEGMENT_FRAMES
from transcribe.tokens.reading import Reading
from transcribe.tokens.segments import SEGMENT_S, segments_of_heard
from transcribe.training_audio.clips import Clip
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["Segment", "SegmentBatch", "SegmentSource", "as_batch", "make_block", "priors"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

BLOCK: Final = 8  # batches made together
WINDOW_FRAMES: Final = SEGMENT_FRAMES + 2 * MARGIN_FRAMES
FULL_SCALE: Final = 32_768.0
LONGEST: Final = 640  # ids; denser segments are left out
PIANOS: Final = range(8)
SHIFTS: Final = (-5, 6)  # semitones; features that are drawn from labels can be in any key
STRETCH: Final = 0.25  # of the logarithm of their tempo
_CLASSES: Final = [DRUM_CLASS_OF_KEY.get(key, -1) for key in range(NUM_PITCHES)]
_DRUM_KEYS: Final = np.array([DRUM_CLASSES[number].keys[0] if number >= 0 else -1 for number in _CLASSES])  # of each key's class


class Segment(NamedTuple):
    """One segment.

    Args:
        features: (274, feature).
        ids: Without PAD, EOS included.
        prior: (ids, 824) float16: logits of the evidence before each, or 0; -inf where the grammar forbids an id.
    """

    features: Floats
    ids: Integers
    prior: NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class SegmentBatch:
    """Segments of much the same length, padded at the end."""

    features: Float[Tensor, "batch frame feature"]
    ids: Int[Tensor, "batch time"]
    prior: Float[Tensor, "batch time ids"]


@dataclass(frozen=True)
class SegmentSource:
    """Where segments come from; small and picklable.

    Args:
        store: Folder of a sound store.
        heard: Folder of features of its clips by index, ``<index>.npy`` of float16 (frames, feature); "" where features are drawn
            from the labels.
        seed: Of all choices.
        batch: Segments in a batch.
        drawn_share: Of the segments, where features are there too, whose features are drawn nevertheless.
    """

    store: str
    heard: str = ""
    seed: int = 0
    batch: int = 16
    drawn_share: float = 0.0


def priors(ids: Integers, limits: Limits, features: Floats, *, is_fused: bool) -> NDArray[np.float16]:
    """What speaks for each id of a segment before the token model does, (ids, 824): see ``Segment``."""
    grammar = SegmentGrammar(None, limits)
    reading = Reading(read_evidence(features), limits) if is_fused else None
    out = np.full((len(ids), NUM_IDS), -np.inf, dtype=np.float16)
    for place, token in enumerate(ids.tolist()):
        mask = grammar.mask()
        out[place, mask] = 0.0 if reading is None else reading.logits(grammar)[mask]
        grammar.take(token)
    return out


@lru_cache(maxsize=4)
def _store(folder: str) -> SoundStore:
    return SoundStore(Path(folder))


@lru_cache(maxsize=4)
def _clips(store: str, heard: str) -> tuple[int, ...]:
    """The clips of a store that segments may come from."""
    if not heard:
        return tuple(range(len(_store(store))))
    found = tuple(index for index in range(len(_store(store))) if (Path(heard) / f"{index}.npy").is_file())
    if not found:
        raise InputError(f"{heard}: expected features of the clips of {store}, got none")
    return found


def _moved(table: Table, by_s: float, stretch: float = 1.0) -> Table:
    """Times of a table moved, then stretched; what ends before 0 is left out, what began before begins at 0."""
    names = [name for name in ("onset_s", "offset_s", "time_s") if name in (table.dtype.names or ())]
    out = table.copy()
    for name in names:
        out[name] = (out[name] + by_s) * stretch
    out = out[out[names[-1]] > 0]
    if names[0] == "onset_s":
        out["onset_s"] = np.maximum(out["onset_s"], 0.0)
    return out


def segment_ids(notes: Table, pedals: Table, beats: Table) -> Integers:
    """The ids of the segment that begins 4 s into these tables; what began before is tied."""
    return segments_of_heard(HeardMusic(notes, 2 * SEGMENT_S, pedals, beats))[1]


def known_limits(clip: Clip) -> Limits:
    """What a clip can tell: families, pitches of a piano, and pedal and beats where they are known."""
    return replace(limits_of(), pedal=all(program in PIANOS for program in clip.programs), beats=len(clip.beats) > 0)


def make_segment(
    clip: Clip, start_s: float, limits: Limits, features: Callable[[Table, Table, Table], Floats], shift: int, stretch: float
) -> Segment:
    """The segment of a clip that begins at a time.

    Args:
        clip: With labels.
        start_s: From the clip's start.
        limits: What of the labels is used.
        features: Features of the window from its notes, pedals and beats, whose times are from the window's start.
        shift: Semitones that the labels move up.
        stretch: By how much the labels are slowed down.
    """
    notes = _moved(clip.notes, SEGMENT_S / stretch - start_s, stretch)
    pitched = notes["family"] != DRUMS
    notes["pitch"][pitched] += shift
    notes["pitch"][~pitched] = _DRUM_KEYS[np.clip(notes["pitch"][~pitched], 0, 127)]
    notes = notes[(notes["pitch"] >= 0) & (~pitched | limits.pitches[np.clip(notes["pitch"], 0, 127)])]
    pedals = _moved(clip.pedals, SEGMENT_S / stretch - start_s, stretch)[: None if limits.pedal else 0]
    beats = _moved(clip.beats, SEGMENT_S / stretch - start_s, stretch)
    ids = segment_ids(notes, pedals, beats)
    before_s = SEGMENT_S - MARGIN_FRAMES * HOP_SAMPLES / SAMPLE_RATE_HZ
    window = features(_moved(notes, -before_s), _moved(pedals, -before_s), _moved(beats, -before_s))
    return Segment(window, ids, priors(ids, limits, window, is_fused=window.shape[1] == NUM_HEARD))


def _drawn(rng: np.random.Generator, limits: Limits) -> Callable[[Table, Table, Table], Floats]:
    def draw(notes: Table, pedals: Table, beats: Table) -> Floats:
        return blurred(draw_targets(notes, pedals, beats, WINDOW_FRAMES, pedal_known=limits.pedal, beats_known=limits.beats), rng)

    return draw


def _given(window: Floats, *_: Table) -> Floats:
    return window


def window_of(features: NDArray[np.floating], first: int) -> Floats:
    """Frames of a clip from one on, as a window; silence beyond the clip."""
    out = np.zeros((WINDOW_FRAMES, features.shape[1]), dtype=np.float32)
    low, high = max(first, 0), min(first + WINDOW_FRAMES, len(features))
    if low < high:
        out[low - first : high - first] = features[low:high]
    return out


def _draw(source: SegmentSource, rng: np.random.Generator) -> Segment:
    store = _store(source.store)
    while True:
        index = int(rng.choice(_clips(source.store, source.heard)))
        clip = store.clip(index)
        limits = known_limits(clip)
        if source.heard and rng.random() >= source.drawn_share:
            frame = int(rng.integers(max(int(clip.duration_s * FRAME_RATE_HZ) - SEGMENT_FRAMES // 2, 1)))
            window = window_of(np.load(Path(source.heard) / f"{index}.npy", mmap_mode="r"), frame - MARGIN_FRAMES)
            segment = make_segment(clip, frame / FRAME_RATE_HZ, limits, partial(_given, window), 0, 1.0)
        else:
            stretch = float(np.exp(rng.uniform(-STRETCH, STRETCH)))
            start_s = float(rng.uniform(0, max(clip.duration_s - SEGMENT_S / 2, 0.1)))
            segment = make_segment(clip, start_s, limits, _drawn(rng, limits), int(rng.integers(*SHIFTS)), stretch)
        if len(segment.ids) <= LONGEST:
            return segment


def as_batch(segments: list[Segment]) -> SegmentBatch:
    """Segments as one batch."""
    longest = max(len(segment.ids) for segment in segments)
    ids = np.zeros((len(segments), longest), dtype=np.int64)
    prior = np.zeros((len(segments), longest, NUM_IDS), dtype=np.float16)
    for row, segment in enumerate(segments):
        ids[row, : len(segment.ids)] = segment.ids
        prior[row, : len(segment.ids)] = segment.prior
    features = torch.from_numpy(np.stack([segment.features for segment in segments]))
    return SegmentBatch(features, torch.from_numpy(ids), torch.from_numpy(prior))


def make_block(source: SegmentSource, number: int) -> list[SegmentBatch]:
    """``BLOCK`` batches from batch ``BLOCK * number`` on: a pure function of its arguments, as long as the store does not grow.

    Raises:
        InputError: No store, or no features where they are told to be.
    """
    rng = np.random.default_rng([source.seed, number])
    segments = sorted((_draw(source, rng) for _ in range(BLOCK * source.batch)), key=lambda segment: len(segment.ids))
    batches = [as_batch(segments[first : first + source.batch]) for first in range(0, len(segments), source.batch)]
    return [batches[place] for place in rng.permutation(BLOCK)]
