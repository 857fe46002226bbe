"""One training loop for every model of this room: a time budget, a cosine by time, averaged weights, resume.

A run lives in a folder: ``state.pt`` (weights, averages, optimiser, counters, random state; written every minute by an atomic
rename), and the curve (``compose.curves``). A killed run goes on from its last state; given the batches of the steps that follow
it ends with the weights of a run that was not killed. The schedule follows the share of the time budget that is used, so the same
command fits 20 seconds of CI and 10 minutes of a GPU.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from compose.batches_ahead import batches_on
from compose.curves import Curve
from compose.muon import Muon
from compose.parallel import agreed, is_first, join, mean_of_processes, share_optimizer_state, share_out, whole
from compose.run_folder import STATE_FILE

__all__ = ["AveragedWeights", "TrainingPlan", "fast_bfloat16", "optimizers_of", "train"]

REPORT_EVERY_S = 20.0


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How long and how fast.

    Args:
        minutes: Wall time of the whole run, over all resumes.
        steps: When above 0, the run's length in steps instead, so that two runs on a busy machine are comparable.
        learning_rate: Peak; reached after ``warmup_share`` of the time, then a cosine to ``final_share`` of it.
        weight_decay: On matrices only.
        gradient_norm: Clip.
        averaging: Decay of the averaged weights, which are the ones kept.
        evaluate_every_s: Seconds between validations.
        save_every_s: Seconds between saved states.
        bfloat16: Whether matrix products run in bfloat16 (autocast; weights and losses stay float32) where that is fast
            (``fast_bfloat16``): then a step of the chorale model takes less than half the time.
        compiled: Whether a GPU runs the model compiled (``torch.compile``); the first step, in which that happens, counts as no
            time.
        muon: Whether the matrices inside the network go by Muon (``compose.muon``) instead of AdamW.
        gradient_checkpointing: Whether the stack keeps less for the gradients and works the rest out again (``MusicTransformer``).
        strategy: Of several processes, "ddp" or "fsdp" (``compose.parallel``); "" is ddp under ``torchrun``, else one process.
    """

    minutes: float = 0.0
    steps: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    warmup_share: float = 0.03
    final_share: float = 0.02
    gradient_norm: float = 1.0
    averaging: float = 0.998
    evaluate_every_s: float = 150.0
    save_every_s: float = 60.0
    bfloat16: bool = False
    compiled: bool = False
    muon: bool = False
    gradient_checkpointing: bool = False
    strategy: str = ""

    def share(self, step: int, used_s: float) -> float:
        """How much of the run is done, 0 to 1 and beyond."""
        return step / self.steps if self.steps else used_s / (60 * self.minutes)

    def rate(self, share: float) -> float:
        """Learning rate when ``share`` (0..1) of the time is used."""
        if share < self.warmup_share:
            return self.learning_rate * max(share / self.warmup_share, 0.01)
        progress = min((share - self.warmup_share) / (1 - self.warmup_share), 1.0)
        return self.learning_rate * (self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * progress)))


class AveragedWeights:
    """Exponential moving average of a model's weights, with the usual start-up correction of its decay."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value.detach(), 1 - decay)
            else:
                self.values[name].copy_(value)

    def swapped(self, model: nn.Module, work: Callable[[nn.Module], Any]) -> Any:
        """Run ``work`` on the model with the averages in it, then put the live weights back."""
        live = {name: value.detach().clone() for name, value in model.state_dict().items()}
        model.load_state_dict(self.values)
        model.eval()
        try:
            return work(model)
        finally:
            model.load_state_dict(live)
            model.train()


def fast_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies in bfloat16; on processors that do not, it is emulated, some twenty times slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def optimizers_of(model: nn.Module, plan: TrainingPlan) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the weights of inner linear layers and AdamW for what is left.

    Inner is what both reads and feeds a hidden state: heads, whose outputs are logits, are named ``*head*``.
    """
    inner: set[Tensor] = set()
    if plan.muon:
        layers = ((name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear))
        inner = {module.weight for name, module in layers if "head" not in name}
    others = [p for p in model.parameters() if p not in inner]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": plan.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.98), eps=1e-9)]
    if inner:
        matrices = [p for p in model.parameters() if p in inner]
        found.append(Muon(matrices, lr=plan.learning_rate, weight_decay=plan.weight_decay))
    return found


def _random_state(device: torch.device) -> dict[str, Tensor]:
    """Where the generators stand that dropout draws from."""
    return {"rng": torch.get_rng_state(), **({"cuda_rng": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})}


def _save(path: Path, state: dict[str, Any]) -> None:
    state = whole(state)
    if not is_first():
        return
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def train(
    model: nn.Module,
    batches: Iterator[Any],
    loss: Callable[[nn.Module, Any], Tensor],
    plan: TrainingPlan,
    folder: Path,
    evaluate: Callable[[nn.Module], dict[str, float]],
) -> dict[str, float]:
    """Train until the time is used, resuming from ``folder`` when it holds a state; the model ends with the averaged weights.

    This is the one place that chooses where a run computes (``compose.parallel.join``): the model and its averages live on that
    device, each batch is moved there, and what validates follows the model (``compose.devices.device_of``).

    Args:
        model: Trained in place; on the processor again at the end.
        batches: Endless batches, on the processor.
        loss: Scalar loss of a batch (mean nats of what is predicted).
        plan: Time and rates.
        folder: Where state and curve go.
        evaluate: Figures of the averaged model on held-out data, called at intervals and at the end.

    Returns:
        The last evaluation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = join(plan.strategy)
    trained, model = model, place.set_up(model)
    optimizers = optimizers_of(model, plan)
    autocast = plan.bfloat16 and fast_bfloat16(place.device)
    averaged = AveragedWeights(model, plan.averaging)
    step, used_s = 0, 0.0
    state_path = folder / STATE_FILE
    if state_path.exists():
        state = torch.load(state_path, map_location="cpu", weights_only=True)
        model.load_state_dict(share_out(state["model"], averaged.values))
        averaged.values = share_out(state["averaged"], averaged.values)
        for optimizer, values in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(share_optimizer_state(values, optimizer))
        step, used_s = state["step"], state["used_s"]
        torch.set_rng_state(state["rng"])
        if place.device.type == "cuda" and "cuda_rng" in state:
            torch.cuda.set_rng_state(state["cuda_rng"], place.device)
    last_save = last_report = last_evaluation = used_s
    running, seen = 0.0, 0
    model.train()
    curve = Curve(folder, step) if is_first() else None

    def report(**figures: float) -> None:
        if curve is not None:
            curve.add(step, used_s, **figures)

    there = batches_on(place.device, batches)
    compiling = plan.compiled and place.device.type == "cuda"
    called = cast(nn.Module, torch.compile(model)) if compiling else model  # the same weights
    started = time.monotonic() - used_s
    try:
        while (share := plan.share(step, used_s)) < 1:
            for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                group["lr"] = plan.rate(share)
            batch = next(there)
            with torch.autocast(place.device.type, torch.bfloat16, enabled=autocast):
                value = loss(called, batch)
            for optimizer in optimizers:  # between forward and backward a sharded model shows other parameters than these
                optimizer.zero_grad(set_to_none=True)
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), plan.gradient_norm)
            for optimizer in optimizers:
                optimizer.step()
            averaged.update(model, step)
            step += 1
            running += float(value.detach())
            seen += 1
            if compiling:
                compiling, started = False, time.monotonic() - used_s
            used_s = agreed(time.monotonic() - started)
            if used_s - last_report >= REPORT_EVERY_S:
                report(train=round(mean_of_processes(running / seen), 4), learning_rate=float(f"{plan.rate(share):.4g}"))
                running, seen, last_report = 0.0, 0, used_s
            if used_s - last_evaluation >= plan.evaluate_every_s and plan.share(step, used_s) < 1:
                report(**averaged.swapped(model, evaluate))
                last_evaluation = used_s = agreed(time.monotonic() - started)
            if used_s - last_save >= plan.save_every_s:
                _save(
                    state_path,
                    {
                        "model": model.state_dict(),
                        "averaged": averaged.values,
                        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                        "step": step,
                        "used_s": used_s,
                        **_random_state(place.device),
                    },
                )
                last_save = used_s
        model.load_state_dict(averaged.values)
        model.eval()
        figures = evaluate(model)
        report(**figures)
        trained.to("cpu").load_state_dict(whole(averaged.values))
        trained.eval()
        _save(
            state_path,
            {
                "model": averaged.values,
                "averaged": averaged.values,
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "step": step,
                "used_s": used_s,
                **_random_state(place.device),
            },
        )
        return figures
    finally:
        there.close()
        if curve is not None:
            curve.close()
