"""Teach a frame model's timbre reader, after the frame model itself, from the onsets of a sound store.

Making crops costs more than learning from them. So what is looked at about each onset is gathered first, and then learned from many
times, each time through another tone: a curve over the spectrum, which lies where it does whatever the pitch of the note. Families
that are rare in the store count nearly as much as common ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from compose.devices import best_device, device_of, moved
from transcribe.families import FAMILIES
from transcribe.frames.crops import CropBatch
from transcribe.frames.timbre import ABOVE, BELOW, HEIGHT, PATCH_SIZE, SEMITONES, TimbreReader, patches, semitone_levels
from transcribe.spectra.log_frequency import log_frequency

__all__ = ["Onsets", "gather_onsets", "learn_onsets", "onsets_of", "train_timbre"]

LEARNING_RATE, WEIGHT_DECAY = 1e-3, 0.02
TRIANGLE = 0.45  # frames where the target is above this are onsets
GATHERING = 0.5  # share of the time
MOST_NOTES = {"cpu": 500_000, "cuda": 4_000_000}  # of 2 kB
NOTES = {"cpu": 512, "cuda": 2_048}  # of a step
BALANCE = 0.75  # power of how rare a family is that it counts by; 0 for all notes alike
FEWEST = 0.002  # share of a family that is rarer than this, for that
PLACES, MOST_SPREAD = 12, 0.8  # of the tone curve, the latter in tens of decibels
AUDIBLE = 0.3  # levels above this are changed by it
SAY_EVERY_S = 20.0


class Onsets(NamedTuple):
    """What is looked at about some onsets, their pitches from the lowest, and their families, 0 or 1 each."""

    looked_at: Float[Tensor, "note patch"]
    pitch: Int[Tensor, " note"]
    families: Float[Tensor, "note family"]


def onsets_of(batch: CropBatch) -> tuple[Int[Tensor, "note 3"], Float[Tensor, "note family"]]:
    """Where onsets of known families are, and which: row, frame and pitch; 0 or 1 for each family.

    Args:
        batch: With its targets.
    """
    there = (batch.onset > TRIANGLE) & (batch.families > 0) & (batch.weight[..., None] > 0)
    places = torch.nonzero(there)
    bits = batch.families[there]
    families = (bits[:, None] >> torch.arange(len(FAMILIES), device=bits.device)) & 1
    return places, families.float()


@torch.no_grad()
def gather_onsets(
    batches: Iterable[CropBatch], seconds: float, say: Callable[[str], None] | None = None, place: torch.device | None = None
) -> Onsets:
    """The onsets of the batches that come in some time, or as many as there is room for.

    Args:
        batches: Endless.
        seconds: Wall time.
        say: Hears how many there are now and then.
        place: Where they are kept; the processor when None.
    """
    place = place or torch.device("cpu")
    parts: list[Onsets] = []
    count = 0
    started = said = time.monotonic()
    for given in batches:
        batch = moved(given, place)
        places, families = onsets_of(batch)
        if len(places):
            looked_at = patches(semitone_levels(log_frequency(batch.samples)), places)
            parts.append(Onsets(looked_at.half(), places[:, 2], families))
            count += len(places)
        now = time.monotonic()
        if say is not None and now - said > SAY_EVERY_S:
            said = now
            say(f"timbre: {count} onsets")
        if now - started > seconds or count >= MOST_NOTES[place.type]:
            break
    if not parts:
        return Onsets(torch.zeros(0, PATCH_SIZE), torch.zeros(0, dtype=torch.long), torch.zeros(0, len(FAMILIES)))
    return Onsets(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _through_a_tone(looked_at: Tensor, pitch: Tensor, generator: torch.Generator) -> Tensor:
    """Patches whose levels are raised and lowered along a curve over the spectrum, another for each."""
    count, place = len(looked_at), looked_at.device
    spread = MOST_SPREAD * torch.rand(count, 1, generator=generator, device=place)
    knots = torch.randn(count, PLACES, generator=generator, device=place) * spread
    curve = functional.interpolate(knots[:, None], SEMITONES, mode="linear", align_corners=True)[:, 0]
    own = functional.pad(curve, (BELOW, ABOVE)).gather(1, pitch[:, None] + torch.arange(HEIGHT, device=place))
    levels = looked_at.view(count, -1, HEIGHT)
    return (levels + own[:, None] * (levels > AUDIBLE)).clamp_min(0.0).flatten(1)


def learn_onsets(
    reader: TimbreReader, onsets: Onsets, seconds: float, seed: int = 0, say: Callable[[str], None] | None = None
) -> float:
    """Learn from some onsets in place; gives the last mean loss (nats a note).

    Args:
        reader: Of a frame model.
        onsets: At least one, where the reader is.
        seconds: Wall time.
        seed: Of order and tones.
        say: Hears the loss now and then.
    """
    place = device_of(reader)
    generator = torch.Generator(place).manual_seed(seed)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    shares = onsets.families / onsets.families.sum(1, keepdim=True)
    common = shares.mean(0).clamp_min(FEWEST)
    weight = shares @ common**-BALANCE
    weight /= weight.mean()
    started = said = time.monotonic()
    losses: list[Tensor] = []  # read when they are told, so that no step waits for the last one
    reader.train()
    while (share := (time.monotonic() - started) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - share)
        chosen = torch.randint(len(shares), (NOTES[place.type],), generator=generator, device=place)
        pitch = onsets.pitch[chosen]
        told = reader.judge(_through_a_tone(onsets.looked_at[chosen].float(), pitch, generator), pitch)
        loss = -((shares[chosen] * told).sum(1) * weight[chosen]).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.detach())
        if say is not None and time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            say(f"timbre: {_mean(losses):.3f} nats a note")
    reader.eval()
    return _mean(losses)


def _mean(losses: list[Tensor]) -> float:
    """Of the last ones."""
    return float(torch.stack(losses[-200:]).mean())


def train_timbre(
    reader: TimbreReader, batches: Iterable[CropBatch], minutes: float, seed: int = 0, say: Callable[[str], None] | None = None
) -> float:
    """Gather onsets, then learn from them until the time is used; gives the last mean loss (nats a note).

    Args:
        reader: Of a frame model; it learns on a GPU where there is one.
        batches: Endless.
        minutes: Wall time.
        seed: Of order and tones.
        say: Hears what is being done.
    """
    place = best_device()
    onsets = gather_onsets(batches, 60 * minutes * GATHERING, say, place)
    if not len(onsets.pitch):
        return float("nan")
    try:
        return learn_onsets(reader.to(place), onsets, 60 * minutes * (1 - GATHERING), seed, say)
    finally:
        reader.to("cpu")
