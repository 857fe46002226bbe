"""Teach a frame model's timbre reader, after the frame model itself, from the onsets of a sound store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from transcribe.families import FAMILIES
from transcribe.frames.crops import CropBatch
from transcribe.frames.timbre import TimbreReader
from transcribe.spectra.log_frequency import log_frequency

__all__ = ["onsets_of", "train_timbre"]

LEARNING_RATE = 2e-3
TRIANGLE = 0.45  # frames where the target is above this are onsets
REPLAYED = 6  # batches of onsets kept from before, for each new one
KEPT = 400  # batches that are kept at most
SAY_EVERY_S = 20.0


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


def train_timbre(
    reader: TimbreReader, batches: Iterable[CropBatch], minutes: float, seed: int = 0, say: Callable[[str], None] | None = None
) -> float:
    """Train in place until the time is used; gives the last mean loss (nats a note).

    Onsets of earlier crops are heard again several times for each new crop, since making crops costs more than learning from them.

    Args:
        reader: Of a frame model.
        batches: Endless.
        minutes: Wall time.
        seed: Of what is replayed.
        say: Hears the loss now and then.
    """
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    started = said = time.monotonic()
    losses: list[float] = []
    reader.train()
    for batch in batches:
        share = (time.monotonic() - started) / (60 * minutes)
        if share >= 1:
            break
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - share)
        places, wanted = onsets_of(batch)
        if len(places):
            with torch.no_grad():
                kept.append((log_frequency(batch.samples).half(), places, wanted))
            if len(kept) > KEPT:
                kept.pop(int(rng.integers(len(kept) - 1)))
        for index in (*rng.integers(len(kept), size=REPLAYED if len(kept) > 1 else 0).tolist(), -1)[: len(kept) + 1]:
            if not kept:
                continue
            spectra, places, wanted = kept[index]
            rare = 1.0 / (1.0 + wanted.sum(0))  # families that a batch has much of count less
            weight = (wanted * rare).sum(1) / wanted.sum(1)
            loss = (
                functional.binary_cross_entropy_with_logits(reader(spectra.float(), places), wanted, reduction="none").sum(1)
                * weight
            ).sum()
            loss = loss / weight.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        if say is not None and time.monotonic() - said > SAY_EVERY_S and losses:
            said = time.monotonic()
            say(f"timbre: {np.mean(losses[-200:]):.3f} nats a note")
    reader.eval()
    return float(np.mean(losses[-200:])) if losses else float("nan")
