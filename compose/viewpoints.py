"""Pitch logits as a sum of viewpoints: how likely is this pitch in itself, and at this distance from pitches already known.

A small network sees the distances (from the voice's own last note, from the voices beside it) as such, so that what it learns
in one key holds in all. Source of the idea: multiple viewpoint systems, Conklin and Witten, J. New Music Research 24 (1995);
here the viewpoints are log-linear terms of one softmax. Id 0 is the rest and has only the absolute term.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

__all__ = ["ViewpointHead"]


class ViewpointHead(nn.Module):
    """Logits over ``1 + num_pitches`` ids from a state and the pitch ids known around the note.

    Args:
        state_dim: Width of the incoming state.
        num_pitches: Pitches; id 0 is the rest, id 1 the lowest pitch.
        num_references: How many known pitches each prediction is measured against.
    """

    def __init__(self, state_dim: int, num_pitches: int, num_references: int) -> None:
        super().__init__()
        self.num_pitches = num_pitches
        self.num_references = num_references
        self.absolute = nn.Linear(state_dim, 1 + num_pitches)
        self.relative = nn.Linear(state_dim, num_references * (2 * num_pitches - 1))

    def forward(
        self, state: Float[Tensor, "*batch state"], references: Int[Tensor, "*batch reference"]
    ) -> Float[Tensor, "*batch ids"]:
        """``references`` holds pitch ids; 0 (rest or unknown) leaves its term out."""
        logits: Tensor = self.absolute(state)
        distances = self.relative(state).unflatten(-1, (self.num_references, 2 * self.num_pitches - 1))
        pitches = torch.arange(1, self.num_pitches + 1, device=state.device)
        places = pitches - references[..., None].clamp(min=1) + self.num_pitches - 1  # (*batch, reference, pitch)
        terms = distances.gather(-1, places) * (references > 0)[..., None]
        return logits + torch.cat([torch.zeros_like(logits[..., :1]), terms.sum(dim=-2)], dim=-1)
