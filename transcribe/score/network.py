"""The quantiser's networks: residual dilated convolutions over the notes of a recording, in the order of onsets.

Two of them, of one shape: the first says where each note stands in its beat and whether it belongs to an ornament, the second how
long it is written and by which hand of a pianist. Tensors are (batch, note, feature). With kernel 5 and dilations 1, 3 and 9 a note
sees 26 on either side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from corpora.checkpoints import find_weights, load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError
from transcribe.score.features import NUM_PLACE_FEATURES, NUM_VALUE_FEATURES
from transcribe.score.slots import SLOTS, VALUES

__all__ = ["KINDS", "NoteNetwork", "Quantiser", "QuantiserConfig"]

KINDS = 3  # main note, grace note, stroke of an ornament (transcribe.score.performed)
CHUNK_NOTES, MARGIN_NOTES = 2048, 64


@dataclass(frozen=True, kw_only=True)
class QuantiserConfig:
    """Shape of the networks.

    Args:
        width: Channels.
        dilations: One a block.
        kernel: Notes that a convolution sees, odd.
        num_place_features, num_value_features, num_slots, num_values: What the code that trained it knew, checked when loading.
    """

    width: int = 64
    dilations: tuple[int, ...] = (1, 3, 9)
    kernel: int = 5
    num_place_features: int = NUM_PLACE_FEATURES
    num_value_features: int = NUM_VALUE_FEATURES
    num_slots: int = len(SLOTS)
    num_values: int = len(VALUES)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> QuantiserConfig:
        """The config of JSON values.

        Raises:
            CheckpointError: Unknown or missing keys, or tables of another version of the code.
        """
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            raise CheckpointError(f"quantiser: expected the keys {sorted(names)}, came {sorted(values)}")
        config = cls(**{**values, "dilations": tuple(values["dilations"])})
        own = cls()
        for name in ("num_place_features", "num_value_features", "num_slots", "num_values"):
            if getattr(config, name) != getattr(own, name):
                raise CheckpointError(f"quantiser: expected {name} {getattr(own, name)}, came {getattr(config, name)}")
        return config

    @classmethod
    def tiny(cls) -> QuantiserConfig:
        """For tests."""
        return cls(width=16, dilations=(1, 2), kernel=3)


class _Block(nn.Module):
    """A dilated convolution and a feed-forward step, each added to what comes in."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, width, kernel, dilation=dilation, padding=dilation * (kernel // 2))
        self.feedforward = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Float[Tensor, "batch note embed"]) -> Float[Tensor, "batch note embed"]:
        x = x + nn.functional.gelu(self.convolution(self.norm(x).transpose(1, 2)).transpose(1, 2))
        return x + self.feedforward(x)  # type: ignore[no-any-return]


class NoteNetwork(nn.Module):
    """Logits for every note from the features of its neighbourhood."""

    def __init__(self, num_inputs: int, num_outputs: int, config: QuantiserConfig) -> None:
        super().__init__()
        self.num_outputs = num_outputs
        self.input = nn.Linear(num_inputs, config.width)
        self.blocks = nn.ModuleList(_Block(config.width, config.kernel, dilation) for dilation in config.dilations)
        self.skip = nn.Linear(num_inputs, config.width)
        self.head = nn.Sequential(
            nn.LayerNorm(2 * config.width), nn.Linear(2 * config.width, 2 * config.width), nn.GELU(),
            nn.Linear(2 * config.width, num_outputs),
        )  # fmt: skip

    def forward(self, features: Float[Tensor, "batch note feature"]) -> Float[Tensor, "batch note logit"]:
        x = self.input(features)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(torch.cat([x, self.skip(features)], dim=-1))
        return logits


class Quantiser(nn.Module):
    """Both networks."""

    def __init__(self, config: QuantiserConfig) -> None:
        super().__init__()
        self.config = config
        self.places = NoteNetwork(config.num_place_features, config.num_slots + KINDS, config)
        self.values = NoteNetwork(config.num_value_features, config.num_values + 1, config)

    @torch.inference_mode()
    def place_scores(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log probabilities of the slots (notes, slots) and of the kinds (notes, KINDS)."""
        logits = _in_chunks(self.places, features)
        slots, kinds = logits[:, : self.config.num_slots], logits[:, self.config.num_slots :]
        return _log_softmax(slots), _log_softmax(kinds)

    @torch.inference_mode()
    def value_scores(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log probabilities of the note values (notes, values), and the log odds of the upper staff of two (notes,)."""
        logits = _in_chunks(self.values, features)
        return _log_softmax(logits[:, :-1]), logits[:, -1]

    def save(self, folder: Path, card: str) -> None:
        """Write weights, config and card."""
        save_checkpoint(folder, self.state_dict(), {"kind": "quantiser", **asdict(self.config)}, card, store_as="fp16")

    @classmethod
    def load(cls, name: str | Path = "quantiser") -> Quantiser:
        """The weights that come with the package, or those in a folder.

        Raises:
            CheckpointError: They are missing, broken, or of another shape than this code's.
        """
        checkpoint = load_checkpoint(find_weights(name))
        values = dict(checkpoint.config)
        if values.pop("kind", "") != "quantiser":
            raise CheckpointError(f"{name}: expected the weights of a quantiser")
        model = cls(QuantiserConfig.from_dict(values))
        try:
            model.load_state_dict(checkpoint.tensors)
        except RuntimeError as error:
            raise CheckpointError(f"{name}: the tensors do not fit the config: {error}") from None
        return model.eval()


def _in_chunks(network: NoteNetwork, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits of any number of notes, in pieces whose margins hold what their first and last notes see."""
    pieces = []
    for start in range(0, len(features), CHUNK_NOTES):
        first = max(start - MARGIN_NOTES, 0)
        found = network(torch.from_numpy(features[first : start + CHUNK_NOTES + MARGIN_NOTES])[None])[0].numpy()
        pieces.append(found[start - first : start - first + CHUNK_NOTES])
    return np.concatenate(pieces).astype(np.float64) if pieces else np.zeros((0, network.num_outputs))


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True) if len(logits) else logits
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
