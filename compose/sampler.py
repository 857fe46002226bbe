"""The one sampler: masks first, then temperature, top-k, nucleus and min-p; reproducible; able to take choices back.

Order: the slot's mask (grammar and constraints) comes before everything, at temperature 0 too. A seed fixes one Gumbel variate
per (attempt, decision, id) by a counter-based generator, so a choice depends on nothing else: not on the batch, the cache or the
threads. Where a mask runs empty the sampler goes back, first one decision, then twice as far each time it gets no farther, and
takes another way; when every way from the start has been left it begins anew with other choices, never colder than temperature 1. A
search that finds no way within its budget raises ``InfeasibleConstraint`` with the constraints in conflict.
Gumbel-max trick: Maddison et al., "A* sampling" (arXiv 1411.0030). min-p: Nguyen et al. (arXiv 2407.01082).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.base import Meaning
from compose.writers.base import Slot, Writer
from corpora.errors import InfeasibleConstraint, RequestError

__all__ = ["RandomScorer", "SamplerSettings", "Scorer", "Written", "filtered", "write"]

MAX_REWINDS = 400
MAX_RESTARTS = 20
GOLDEN, SCRAMBLERS, MAX_64 = 0x9E3779B97F4A7C15, (0xBF58476D1CE4E5B9, 0x94D049BB133111EB), 2**64 - 1  # of splitmix64
FARTHEST_BACK = 500  # decisions
MAX_RETAKEN = 2500  # decisions taken again after going back: a bound on time, whatever the region's size


@dataclass(frozen=True, kw_only=True)
class SamplerSettings:
    """How to draw; the defaults halve the parallels of temperature 1 and top_p 0.98.

    Args:
        temperature: 0 takes the likeliest id that the masks allow; above 0 divides the logits.
        top_k: Keep the k likeliest ids; 0 keeps all.
        top_p: Keep the smallest set of likeliest ids with this probability together, 0 < top_p <= 1.
        min_p: Keep ids at least this share as likely as the likeliest, 0 <= min_p < 1.
    """

    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 0.9
    min_p: float = 0.0

    def __post_init__(self) -> None:
        checks = {
            "temperature": math.isfinite(self.temperature) and self.temperature >= 0,
            "top_k": self.top_k >= 0,
            "top_p": 0 < self.top_p <= 1,
            "min_p": 0 <= self.min_p < 1,
        }
        for name, fine in checks.items():
            if not fine:
                raise RequestError(f"{name} {getattr(self, name)} is out of range")


@runtime_checkable
class Scorer(Protocol):
    """A model at work beside a writer."""

    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids, shape (ids,)."""


class RandomScorer:
    """Normal logits from a seed: the worst model there is, for tests of what must hold by construction."""

    def __init__(self, seed: int, scale: float = 3.0) -> None:
        self._rng = np.random.default_rng(seed)
        self._scale = scale

    def logits(self, slot: Slot) -> NDArray[np.float64]:
        return self._rng.normal(scale=self._scale, size=len(slot.mask))


@dataclass(frozen=True)
class Written:
    """What a run of the sampler did.

    Args:
        log_likelihood: Of all choices under the model, masks applied, temperature 1, no filters; nats.
        decisions: Choices in the result.
        rewinds: How often the sampler went back.
    """

    log_likelihood: float
    decisions: int
    rewinds: int


def filtered(logits: NDArray[np.float64], mask: NDArray[np.bool_], settings: SamplerSettings) -> NDArray[np.float64]:
    """Logits over temperature with -inf outside the mask and the filters; temperature must be above 0."""
    out = np.full(len(logits), -np.inf)
    ids, kept = _kept(logits, mask, settings)
    out[ids] = kept
    return out


def _kept(
    logits: NDArray[np.float64], mask: NDArray[np.bool_], settings: SamplerSettings
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The ids that mask and filters leave, likeliest first, and their logits over temperature."""
    allowed = np.flatnonzero(mask)
    scaled = logits[allowed] / settings.temperature
    order = np.argsort(-scaled, kind="stable")
    probabilities = np.exp(scaled[order] - scaled[order[0]])
    probabilities /= probabilities.sum()
    keep = np.cumsum(probabilities) - probabilities < settings.top_p
    keep &= probabilities >= settings.min_p * probabilities[0]
    if settings.top_k:
        keep[settings.top_k :] = False
    kept = order[keep]
    return allowed[kept], scaled[kept]


def _noise(seed: int, attempt: int, depth: int, ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Gumbel variates of ids of one decision, by splitmix64 (Steele, Lea and Flood, OOPSLA 2014) from a key of three numbers."""
    key = 0
    for number in (seed, attempt, depth):
        key = (key + number + GOLDEN) & MAX_64
        key = ((key ^ (key >> 30)) * SCRAMBLERS[0]) & MAX_64
        key = ((key ^ (key >> 27)) * SCRAMBLERS[1]) & MAX_64
        key ^= key >> 31
    bits = np.uint64(key) + (ids + 1).astype(np.uint64) * np.uint64(GOLDEN)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(SCRAMBLERS[0])
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(SCRAMBLERS[1])
    bits = (bits ^ (bits >> np.uint64(31))) >> np.uint64(11)
    noise: NDArray[np.float64] = -np.log(-np.log((bits + 0.5) * 2.0**-53))
    return noise


def _draw(
    writer: Writer, logits: NDArray[np.float64], mask: NDArray[np.bool_], settings: SamplerSettings, seed: int, attempt: int
) -> int | None:
    """An id that passes every test, or None; refused ids leave the mask, and the filters are applied anew."""
    while mask.any():
        if settings.temperature == 0:
            token = int(np.argmax(np.where(mask, logits, -np.inf)))
        else:
            ids, kept = _kept(logits, mask, settings)
            token = int(ids[np.argmax(kept + _noise(seed, attempt, writer.depth, ids))])
        if writer.admits(token):
            return token
        mask[token] = False
    return None


def _log_probability(logits: NDArray[np.float64], mask: NDArray[np.bool_], token: int) -> float:
    allowed = logits[mask]
    top = allowed.max()
    return float(logits[token] - top - np.log(np.exp(allowed - top).sum()))


def write(writer: Writer, scorer: Scorer, settings: SamplerSettings, seed: int) -> Written:
    """Write the writer's region to its end.

    Args:
        writer: Takes the choices; its canvas holds the notes afterwards.
        scorer: Scores the slots.
        settings: How to draw.
        seed: Any integer of 64 bits.

    Raises:
        InfeasibleConstraint: No way was found; names the constraints in conflict where it went farthest.
    """
    seed &= 2**64 - 1
    banned: list[set[int]] = [set()]
    scores: list[float] = []
    chosen: list[int] = []
    rewinds = stuck = farthest = retaken = restarts = jumped = 0
    culprits: tuple[str, ...] = ()
    while (slot := writer.slot()) is not None:
        depth = writer.depth
        mask = slot.mask.copy()
        mask[list(banned[depth])] = False
        logits = scorer.logits(slot) if mask.any() else np.zeros(len(mask))
        wanted = logits if slot.prices is None else logits - slot.prices
        token = _draw(writer, wanted, mask, settings, seed, rewinds)
        if token is not None:
            retaken += rewinds > 0
            scores.append(_log_probability(logits, slot.mask, token))
            chosen.append(token)
            writer.push(token)
            banned.append(set())
            continue
        if depth >= farthest:
            culprits = writer.blame() or culprits
        stuck = 0 if depth > farthest else stuck + 1
        farthest = max(farthest, depth)
        rewinds += 1
        if depth == 0 and len(banned[0]) <= jumped and restarts < MAX_RESTARTS:
            # What was left at the start was left because of something far behind it: it may serve after all.
            restarts, jumped, stuck = restarts + 1, 0, 0
            banned[0].clear()
            settings = replace(settings, temperature=max(settings.temperature, 1.0), top_p=1.0, top_k=0, min_p=0.0)
            continue
        if depth == 0 or rewinds > MAX_REWINDS or retaken > MAX_RETAKEN:
            raise _no_way(culprits, slot, rewinds)
        back = max(depth - 2**stuck, 0)
        if 2**stuck > FARTHEST_BACK:  # so far back that what comes is another music: its dead ends begin small again
            stuck, farthest = 0, back
        jumped += back == 0
        writer.rewind(back)
        del banned[back + 1 :]
        banned[back].add(chosen[back])
        del chosen[back:], scores[back:]
    return Written(sum(scores), len(scores), rewinds)


def _no_way(culprits: tuple[str, ...], slot: Slot, rewinds: int) -> InfeasibleConstraint:
    names = ", ".join(f'"{name}"' for name in culprits) or "the constraints"
    what = {Meaning.ONSET: "onset", Meaning.INSTRUMENT_PITCH: "note"}.get(slot.meaning, slot.meaning.value)
    tries = "" if rewinds <= 1 else f" (after {rewinds} ways tried)"
    return InfeasibleConstraint(f"no {what} is left that meets {names} together{tries}", culprits)
