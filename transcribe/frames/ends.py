"""When notes end, each followed by itself: ``EndReader``.

The frame model tells of every moment for itself which keys sound. A note that has faded, that its octave hides, or that the pedal
holds is over for it long before it is; and what rings on in a room still sounds for it. So each note is followed once more, from
its onset on for as long as it may sound, by a small network that knows it for a note: convolutions over time, with growing gaps,
over what is seen along it (``transcribe.frames.end_views``). It says how likely the note ends at each frame. Which end is told then
is a question of what is asked for (``likeliest_ends``).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from transcribe.families import FAMILIES
from transcribe.frames.end_views import Seen, views_size

__all__ = ["LEAST_SLACK", "NOWHERE", "SLACK", "EndReader", "likeliest_ends"]

DILATIONS = (1, 2, 4, 8, 16, 32, 64)
LEAST_SPREAD = 1e-3
NOWHERE = -1e9  # log probability of frames that are not a note's
LEAST_SLACK, SLACK = 3.0, 0.2  # frames, and of the note's length, within which an end is right: 48 ms and a fifth
NEARER = 0.02  # what it counts to be at the very place
FINE, LEAST = 1, 1e-6  # an end is the mean of the frames about it, which all have some probability


class _Layer(nn.Module):
    """Over time."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.inner = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)
        self.outer = nn.Conv1d(width, width, 1)

    def forward(self, notes: Float[Tensor, "note width time"], there: Tensor) -> Float[Tensor, "note width time"]:
        changed: Tensor = self.outer(functional.gelu(self.inner(self.norm(notes) * there)))
        return notes + changed


class EndReader(nn.Module):
    """The network.

    Args:
        cell_width: Of the frame model.
        width: Numbers of each frame of a note.
    """

    def __init__(self, cell_width: int, width: int) -> None:
        super().__init__()
        self.register_buffer("usual", torch.zeros(cell_width))
        self.register_buffer("spread", torch.ones(cell_width))
        self.seen = nn.Conv1d(views_size() + cell_width, width, 1)
        self.family = nn.Embedding(len(FAMILIES), width)
        self.layers = nn.ModuleList(_Layer(width, dilation) for dilation in DILATIONS)
        self.head = nn.Conv1d(width, 1, 1)
        nn.init.zeros_(self.family.weight)
        nn.init.zeros_(self.head.weight)

    usual: Tensor
    spread: Tensor

    @property
    def has_learned(self) -> bool:
        """Whether it says anything."""
        return bool(self.head.weight.any())

    @torch.no_grad()
    def expect(self, cells: Float[Tensor, "some width"]) -> None:
        """Learn from some of the frame model's cells what is usual of each number, and its spread."""
        self.usual.copy_(cells.mean(0))
        self.spread.copy_(cells.std(0) + LEAST_SPREAD)

    def forward(self, seen: Seen) -> Float[Tensor, "note time"]:
        """Log probabilities that a note ends at each frame from its onset on."""
        cells = (seen.cells - self.usual[:, None]) / self.spread[:, None]
        notes = self.seen(torch.cat([seen.views, cells], 1)) + self.family(seen.family)[..., None]
        there = seen.there[:, None].to(notes.dtype)
        for layer in self.layers:
            notes = layer(notes, there)
        told: Tensor = self.head(functional.gelu(notes))[:, 0].float()
        return told.masked_fill(~seen.there, NOWHERE).log_softmax(-1)


def likeliest_ends(told: Float[Tensor, "note time"]) -> Float[Tensor, " note"]:
    """Of each note the end that is most likely right, in frames from its onset.

    An end is right within 50 ms, or within a fifth of the note's length where that is more (MIREX); so where a long note may end is
    told in the middle of what is likely, and a doubtful one is not told by its likeliest frame alone. How near it is counts a
    little.

    Args:
        told: Of ``EndReader``.
    """
    likely = told.exp()
    frames = torch.arange(likely.shape[1], device=told.device, dtype=told.dtype)
    right = (likely @ _right(likely.shape[1], told.device).T).argmax(1)
    about = (likely + LEAST) * ((frames - right[:, None]).abs() <= FINE)
    return (about * frames).sum(1) / about.sum(1)


def _right(frames: int, device: torch.device) -> Float[Tensor, "told true"]:
    """What an end is worth where another one is true."""
    ends = torch.arange(frames, device=device, dtype=torch.float32)
    away = (ends[:, None] - ends).abs() / (SLACK * ends).clamp(min=LEAST_SLACK)
    return (away <= 1) * (1 + NEARER * (1 - away))
