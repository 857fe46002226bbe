"""How hard notes were struck, weighed among all notes about them: ``StrengthReader``.

The frame model tells the strength of each note by what sounds there. A musician who listens to a recording does better: keys of an
instrument differ in loudness by themselves (in a SoundFont by decibels, from one recorded key to the next), and a key that is
louder than its neighbours whenever it is played is a loud key, not a favoured one; what is doubtful of one note is likelier to be
as strong as the notes about it. So a first, small network makes some numbers of what is looked at about each onset
(``transcribe.frames.strength_looks``), and a second, whose attention knows how far notes are apart in pitch and time, weighs the
notes of a stretch against each other and says by how much each was stronger or softer than the frame model had it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from transcribe.families import FAMILIES
from transcribe.frames.strength_looks import size_of
from transcribe.frames.targets import NUM_PITCHES

__all__ = ["StrengthReader", "Struck"]

LAYERS, HEADS = 3, 4
LOOKED_DROPPED, DROPPED = 0.15, 0.1
USUAL_STRENGTH, STRENGTH_SPREAD = 0.5, 0.25
LEAST_SPREAD = 0.01
LONGEST_GAP_S = 2.0
TOGETHER_S = 0.04  # onsets of a chord
BRIEF_S, LONG_S = 0.5, 3.0
DISTANCES = 10  # numbers that say how far two notes are apart


@dataclass(frozen=True, eq=False)
class Struck:
    """Notes of some stretches, each by onset; stretches are filled up to one length.

    Args:
        looks: What was looked at (``transcribe.frames.strength_looks.gathered``), or what ``StrengthReader.look`` kept of it.
        told: Velocity, 0 to 1, that the frame model heard.
        pitch: From the lowest.
        onset_s: Seconds.
        family: Index into FAMILIES.
        there: False for what fills up.
    """

    looks: Float[Tensor, "batch note size"]
    told: Float[Tensor, "batch note"]
    pitch: Int[Tensor, "batch note"]
    onset_s: Float[Tensor, "batch note"]
    family: Int[Tensor, "batch note"]
    there: Bool[Tensor, "batch note"]


def _distances(pitch: Tensor, onset_s: Tensor) -> Float[Tensor, "batch distance pairs"]:
    """How far apart each two notes are, in ways that attention can add up."""
    interval = (pitch[:, None, :] - pitch[:, :, None]).float()
    apart_s = onset_s[:, None, :] - onset_s[:, :, None]
    steps, gap_s = interval.abs(), apart_s.abs()
    together = (gap_s < TOGETHER_S).float()
    maps = [
        3 * (steps == 0).float(),
        (steps <= 1).float(),
        (steps <= 3).float(),
        steps / 12,
        interval / 12,
        torch.log2(gap_s.clamp(min=0.03) / 0.03) / 5,
        2 * together,
        together * interval / 6,
        torch.exp(-gap_s / BRIEF_S),
        torch.exp(-gap_s / LONG_S),
    ]
    return torch.stack(maps, 1).flatten(2)


class _Layer(nn.Module):
    """Attention and two linear maps (Xiong et al., arXiv 2002.04745: norms come first), with a say for distances."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(DROPPED), nn.Linear(2 * width, width))
        self.dropped = nn.Dropout(DROPPED)
        self.nearness = nn.Parameter(torch.zeros(HEADS, DISTANCES))

    def forward(self, notes: Tensor, distances: Tensor, there: Tensor) -> Float[Tensor, "batch note width"]:
        batch, count, width = notes.shape
        query, key, value = self.asked(self.before(notes)).view(batch, count, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // HEADS)
        scores = scores + (self.nearness @ distances).view(batch, HEADS, count, count)
        shares = scores.masked_fill(~there[:, None, None], -1e9).softmax(-1)
        heard = (shares @ value).transpose(1, 2).reshape(notes.shape)
        notes = notes + self.dropped(self.answer(heard))
        out: Tensor = notes + self.dropped(self.inner(self.between(notes)))
        return out


class StrengthReader(nn.Module):
    """Both networks.

    Args:
        cell_width: Of the frame model.
        width: Numbers of each note.
    """

    def __init__(self, cell_width: int, width: int) -> None:
        super().__init__()
        self.width = width
        size = size_of(cell_width)
        self.register_buffer("usual", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.looking = nn.Sequential(
            nn.Dropout(LOOKED_DROPPED), nn.Linear(size, 2 * width), nn.GELU(), nn.Dropout(DROPPED), nn.Linear(2 * width, width)
        )
        self.pitch = nn.Embedding(NUM_PITCHES, width)
        self.family = nn.Embedding(len(FAMILIES), width)
        self.own = nn.Linear(3, width)
        self.layers = nn.ModuleList(_Layer(width) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1)
        for weight in self.head.parameters():  # at first the frame model is believed
            nn.init.zeros_(weight)
        nn.init.zeros_(self.family.weight)

    usual: Tensor
    spread: Tensor

    @property
    def has_learned(self) -> bool:
        """Whether it says anything of its own."""
        return bool(self.head.weight.any())

    @torch.no_grad()
    def expect(self, looked_at: Float[Tensor, "note size"]) -> None:
        """Learn from some onsets what is usual of each number, and its spread.

        Args:
            looked_at: Of ``transcribe.frames.strength_looks.gathered``.
        """
        self.usual.copy_(looked_at.mean(0))
        self.spread.copy_(looked_at.std(0) + LEAST_SPREAD)

    def look(self, looked_at: Float[Tensor, "*notes size"]) -> Float[Tensor, "*notes width"]:
        """What is kept of each onset.

        Args:
            looked_at: Of ``transcribe.frames.strength_looks.gathered``.
        """
        kept: Tensor = self.looking((looked_at - self.usual) / self.spread)
        return kept

    def forward(self, struck: Struck) -> Float[Tensor, "batch note"]:
        """Velocities, 0 to 1 but for errors, from what was looked at.

        Args:
            struck: With looks of ``gathered``.
        """
        return self.weigh(replace(struck, looks=self.look(struck.looks.float())))

    def weigh(self, struck: Struck) -> Float[Tensor, "batch note"]:
        """The same from what was kept of it.

        Args:
            struck: With looks of ``look``.
        """
        onset_s = struck.onset_s
        gaps_s = (onset_s[:, 1:] - onset_s[:, :-1]).clamp(0.0, LONGEST_GAP_S)
        own = [(struck.told - USUAL_STRENGTH) / STRENGTH_SPREAD, functional.pad(gaps_s, (1, 0)), functional.pad(gaps_s, (0, 1))]
        notes = struck.looks + self.pitch(struck.pitch) + self.family(struck.family) + self.own(torch.stack(own, -1))
        with torch.no_grad():
            distances = _distances(struck.pitch, onset_s)
        for layer in self.layers:
            notes = layer(notes, distances, struck.there)
        told: Tensor = struck.told + self.head(self.norm(notes))[..., 0]
        return told
