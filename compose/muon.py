"""Muon: momentum whose matrices are made orthogonal before each step, for the matrices inside a network.

An update of a weight matrix is dominated by a few directions; Muon gives all of them the same length, which takes the models of
this room to a given loss in fewer steps than Adam. Everything that is no such matrix (embeddings, heads, tables, vectors) goes by
AdamW beside it.

Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), Newton-Schulz iteration of degree five;
the scale by which rates of AdamW can be kept is that of Liu et al., "Muon is scalable for LLM training" (arXiv 2502.16982, eq. 4).
Relative to ``torch.optim.Muon``: the iteration runs in float32 on a processor, where bfloat16 products can be a hundred times
slower, and matrices of one shape go through it together. Of a matrix that several processes share (FSDP) each makes the whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from compose.shards import as_held, put_together

__all__ = ["Muon", "orthogonalised"]

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
ADAM_RMS = 0.2  # root mean square of a typical AdamW update in units of its rate


def orthogonalised(matrices: Float[Tensor, "matrix row column"]) -> Float[Tensor, "matrix row column"]:
    """The nearest matrices with orthogonal rows or columns, roughly: singular values come to lie between about 0.7 and 1.2."""
    x = matrices.bfloat16() if matrices.is_cuda else matrices.float()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    out: Tensor = (x.transpose(1, 2) if tall else x).to(matrices.dtype)
    return out


class Muon(torch.optim.Optimizer):
    """Steps of Nesterov momentum, made orthogonal.

    Args:
        params: Matrices, or groups of them.
        lr: Rate, on the scale of AdamW's.
        momentum: Decay of the momentum.
        weight_decay: As in AdamW, times the rate.

    Raises:
        ValueError: A parameter is no matrix.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0.95, weight_decay: float = 0.1) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim != 2:
                    raise ValueError(f"Muon takes matrices, got a parameter of shape {tuple(parameter.shape)}")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; ``closure``, when given, is called first and its value handed back."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike[tuple(parameter.shape)].append(parameter)
            for shape, parameters in alike.items():
                updates = [self._momentum(parameter, group["momentum"]) for parameter in parameters]
                scale = group["lr"] * ADAM_RMS * max(shape) ** 0.5
                whole = torch.stack([put_together(update) for update in updates])
                for parameter, update in zip(parameters, orthogonalised(whole), strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(as_held(update, parameter), alpha=-scale)
        return value

    def _momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        """The update before it is made orthogonal: the gradient and its running mean, looked at one step ahead."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        running: Tensor = state["momentum"]
        running.lerp_(parameter.grad, 1 - momentum)
        update: Tensor = parameter.grad.lerp(running, momentum)
        return update
