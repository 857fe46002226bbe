"""Let a frame model's drum readers go on alone, on crops with many drums.

Crops are heard again several times for each new one, since making them costs more than learning from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from transcribe.frames.crops import CropBatch
from transcribe.frames.drum_reader import DrumReaders
from transcribe.frames.loss import WEIGHTS, drum_losses
from transcribe.spectra.log_frequency import log_frequency

__all__ = ["train_drums"]

LEARNING_RATE, WEIGHT_DECAY = 2e-3, 0.01
REPLAYED = 2  # batches from before, for each new one
KEPT = 500  # batches that are kept at most
WARM_UP = 0.03  # share of the time in which the rate rises
SAY_EVERY_S = 20.0


class _Heard(NamedTuple):
    spectra: Tensor
    drums: Tensor
    velocity: Tensor
    weight: Tensor


def train_drums(
    readers: DrumReaders, batches: Iterable[CropBatch], minutes: float, seed: int = 0, say: Callable[[str], None] | None = None
) -> float:
    """Train in place until the time is used; gives the last mean loss of the drums (nats a frame).

    Args:
        readers: Of a frame model.
        batches: Endless.
        minutes: Wall time.
        seed: Of what is replayed.
        say: Hears the loss now and then.
    """
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(readers.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    kept: list[_Heard] = []
    started = said = time.monotonic()
    losses: list[float] = []
    readers.train()
    for batch in batches:
        share = (time.monotonic() - started) / (60 * minutes)
        if share >= 1:
            break
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * min(share / WARM_UP, 1 - share)
        with torch.no_grad():
            spectra = log_frequency(batch.samples)
        kept.append(_Heard(spectra.half(), batch.drums, batch.drum_velocity, batch.weight))
        if len(kept) > KEPT:
            kept.pop(int(rng.integers(len(kept) - 1)))
        for index in (*rng.integers(len(kept), size=REPLAYED).tolist(), len(kept) - 1):
            heard = kept[index]
            found = drum_losses(readers(heard.spectra.float()), heard.drums, heard.velocity, heard.weight)
            loss = torch.stack([WEIGHTS[name] * value for name, value in found.items()]).sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(float(found["drums"].detach()))
        if say is not None and time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            say(f"drums: {np.mean(losses[-200:]):.4f} nats a frame")
    readers.eval()
    return float(np.mean(losses[-200:])) if losses else float("nan")
