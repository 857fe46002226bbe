"""From features to ids: many segments at once, under the grammar and a user's limits, and joined by their tie sections.

Segments are first decoded freely, all in one batch: then each tie section says what the model hears sounding at the segment's
start. Where that differs from what the segment before has left sounding, the segment is decoded again with the tie section forced
to the latter ("prelude forcing"), in waves, each again one batch. A forced note can be a lasting error of the segment before; so it
is released, and ends at the boundary, when neither this segment's free tie section nor the next one's has it and nothing in between
ended it: the free decoding then disagreed twice.

Source: Gardner et al., "MT3" (arXiv 2111.03017), section 3.2, for tie sections; forcing and release are this project's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from compose.devices import device_of
from compose.vocabulary.mt3_events import DRUM, EOS, NUM_IDS, PAD, PITCH, PROGRAM, SHIFT, TIE, VELOCITY
from compose.vocabulary.mt3_grammar import Carried, Limits, SegmentGrammar
from transcribe.tokens.choosing import choose
from transcribe.tokens.evidence import read_evidence
from transcribe.tokens.model import Memory, TokenModel
from transcribe.tokens.reading import Reading
from transcribe.tokens.segments import prelude, retied, tied

__all__ = ["DecodedSegment", "decode_batch", "decode_segments"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

BATCH: Final = 16
GROUP: Final = 2 * BATCH  # segments that are settled together
LONGEST: Final = 900  # ids; after so many a segment ends as soon as it may
WAVES: Final = 3


@dataclass(frozen=True, eq=False)
class DecodedSegment:
    """A segment's ids.

    Args:
        ids: With tie section and EOS.
        confidence: Of each id: for pitches and drums the probability that there is such a note, else 1. float32.
        carried: What sounds at its end.
    """

    ids: Integers
    confidence: Floats
    carried: Carried


class _Row:
    """One segment while it is decoded."""

    def __init__(self, carried: Carried | None, limits: Limits, reading: Reading | None) -> None:
        self.grammar = SegmentGrammar(carried, limits)
        self.reading = reading
        self.forced = [] if carried is None else prelude(carried)
        self.ids: list[int] = []
        self.confidence: list[float] = []
        self._sure = 1.0

    def next_id(self, logits: Floats) -> int:
        """Choose, note and take the next id; PAD when the segment has ended."""
        if self.grammar.ended:
            return PAD
        sure = 1.0
        if len(self.ids) < len(self.forced):
            token = self.forced[len(self.ids)]
        else:
            mask = self.grammar.mask()
            if len(self.ids) >= LONGEST and (mask[EOS] or mask[TIE]):
                token = EOS if mask[EOS] else TIE
            else:
                told = logits if self.reading is None else logits + self.reading.logits(self.grammar)
                token, kind_probability, probability = choose(told, mask)
                self._sure *= kind_probability if token >= PITCH else 1.0
                sure = self._sure * probability
        self.grammar.take(token)
        self.ids.append(token)
        is_note = PITCH <= token < VELOCITY
        self.confidence.append(sure if is_note else 1.0)
        if is_note or token < PITCH:
            self._sure = 1.0
        return token

    def decoded(self) -> DecodedSegment:
        return DecodedSegment(np.array(self.ids, dtype=np.int64), np.array(self.confidence, dtype=np.float32), self.grammar.carried)


@torch.inference_mode()
def decode_batch(
    model: TokenModel | None,
    memory: Memory | None,
    carried: Sequence[Carried | None],
    limits: Limits,
    readings: Sequence[Reading | None],
) -> list[DecodedSegment]:
    """Decode segments side by side.

    Args:
        model: In evaluation mode; None to go by the evidence alone.
        memory: What it has heard of them.
        carried: For each what its tie section is to say; None leaves that to the model.
        limits: What may be told. What is carried has to lie within them.
        readings: For each what its evidence speaks for; None where the model is alone.
    """
    rows = [_Row(before, limits, reading) for before, reading in zip(carried, readings, strict=True)]
    numbers = np.zeros((len(rows), NUM_IDS), dtype=np.float32)
    tokens, times, cache = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64), None
    while not all(row.grammar.ended for row in rows):
        if model is not None and memory is not None:
            step = (torch.from_numpy(values)[:, None].to(device_of(model)) for values in (tokens, times))
            logits, cache = model.decode(next(step), memory, cache, next(step))
            numbers = logits[:, 0].float().cpu().numpy()
        tokens = np.array([row.next_id(line) for row, line in zip(rows, numbers, strict=True)], dtype=np.int64)
        times = np.where((tokens >= SHIFT) & (tokens < PITCH), tokens - SHIFT, times)
    return [row.decoded() for row in rows]


class _Group:
    """Segments that are settled together: what was heard of them, and how they are decoded so far."""

    def __init__(self, model: TokenModel | None, windows: Sequence[Floats], limits: Limits, rest: Sequence[Floats]) -> None:
        self.model, self.limits = model, limits
        self.count = len(windows)
        features = [*windows, *rest]
        self.memories = [] if model is None else _memories(model, features)
        is_fused = model is None or model.config.is_fused
        self.readings = [Reading(read_evidence(window), limits) if is_fused else None for window in features]
        self.now = self.decode(range(len(features)), [None] * len(features))
        self.free = [tied(segment.ids) for segment in self.now]

    def decode(self, places: Sequence[int], carried: Sequence[Carried | None]) -> list[DecodedSegment]:
        out: list[DecodedSegment] = []
        for first in range(0, len(places), BATCH):
            chosen = places[first : first + BATCH]
            memory = Memory.joined([self.memories[place] for place in chosen]) if self.memories else None
            readings = [self.readings[place] for place in chosen]
            out += decode_batch(self.model, memory, carried[first : first + BATCH], self.limits, readings)
        return out

    def settle(self, before: Carried) -> list[DecodedSegment]:
        """The segments joined to what sounds before them."""
        released: list[frozenset[tuple[int, int]]] = [frozenset()] * self.count
        for _ in range(WAVES):
            wanted = [self._wanted(place, before, released[place]) for place in range(self.count)]
            differ = [place for place in range(self.count) if tied(self.now[place].ids) != wanted[place]]
            if not differ:
                break
            for place, segment in zip(differ, self.decode(differ, [wanted[place] for place in differ]), strict=True):
                self.now[place] = segment
                stuck = self._stuck(place, segment)
                if stuck:
                    released[place] |= stuck
                    self.now[place] = _without(segment, stuck)
        return self.now[: self.count]

    def _wanted(self, place: int, before: Carried, released: frozenset[tuple[int, int]]) -> Carried:
        left = self.now[place - 1].carried if place else before
        return Carried(left.notes - released, left.pedal)

    def _stuck(self, place: int, segment: DecodedSegment) -> frozenset[tuple[int, int]]:
        """Forced notes that the free decoding had neither at this boundary nor at the next, and that nothing ended or struck."""
        if place + 1 >= len(self.free):
            return frozenset()
        doubted = tied(segment.ids).notes - self.free[place].notes - self.free[place + 1].notes
        return (doubted & segment.carried.notes) - _struck(segment.ids)


@torch.inference_mode()
def _memories(model: TokenModel, features: Sequence[Floats]) -> list[Memory]:
    """What a model has heard of each segment."""
    out: list[Memory] = []
    for first in range(0, len(features), BATCH):
        batch = torch.from_numpy(np.stack(features[first : first + BATCH])).to(device_of(model))
        memory = model.encode(batch)
        out += [memory.rows(torch.tensor([row])) for row in range(len(batch))]
    return out


def _struck(ids: Integers) -> frozenset[tuple[int, int]]:
    """Program and pitch of what is told after the tie section."""
    from_tie = ids[int(np.argmax(ids == TIE)) :]
    out, program = set(), -1
    for token in from_tie.tolist():
        if token >= PROGRAM:
            program = token - PROGRAM
        elif PITCH <= token < DRUM:
            out.add((program, token - PITCH))
    return frozenset(out)


def _without(segment: DecodedSegment, gone: frozenset[tuple[int, int]]) -> DecodedSegment:
    """The segment with some notes tied no more, that sound to its end otherwise."""
    says = tied(segment.ids)
    ids = retied(segment.ids, Carried(says.notes - gone, says.pedal))
    confidence = segment.confidence[len(segment.ids) - len(ids) :]  # the tie section, whose ids count as sure, is shorter
    return replace(segment, ids=ids, confidence=confidence, carried=Carried(segment.carried.notes - gone, segment.carried.pedal))


def decode_segments(model: TokenModel | None, windows: Iterable[Floats], limits: Limits) -> Iterator[DecodedSegment]:
    """Decode the segments of a recording, as they come in; constant memory.

    Args:
        model: In evaluation mode; None to go by the evidence alone, which wants "heard" features.
        windows: Features of each with margins, (274, feature).
        limits: What may be told.
    """
    stream = iter(windows)
    group, before = list(islice(stream, GROUP)), Carried()
    while group:
        following = list(islice(stream, GROUP))
        settled = _Group(model, group, limits, following[:1]).settle(before)
        yield from settled
        before = settled[-1].carried
        group = following
