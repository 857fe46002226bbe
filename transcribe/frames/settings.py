"""Numbers by which the frame model's outputs become notes: learned on validation music (``transcribe.frames.calibration``)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["DecoderSettings"]


@dataclass(frozen=True, kw_only=True)
class DecoderSettings:
    """Weights of a path's score (``transcribe.frames.paths``); logits are those of the model.

    Args:
        onset_weight, onset_bias: An onset scores weight * (logit of the onset's triangle) + bias.
        restrike_bias: Added where the key sounds already.
        frame_weight, frame_bias: A sounding frame scores weight * (logit + bias).
        offset_weight, offset_bias: The end of a note scores weight * (logit of an offset) + bias.
        family_logit: A further family sounds at an onset where its logit passes this.
        drum_logit: A drum sounds where the logit of its triangle passes this.
        pedal_switch: What a change of the pedal costs.
    """

    onset_weight: float = 1.0
    onset_bias: float = 0.0
    restrike_bias: float = 0.0
    frame_weight: float = 0.3
    frame_bias: float = 0.0
    offset_weight: float = 0.3
    offset_bias: float = 0.0
    family_logit: float = 0.5
    drum_logit: float = 0.0
    pedal_switch: float = 6.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DecoderSettings:
        """From JSON values; an unknown name is a TypeError."""
        return cls(**values)
