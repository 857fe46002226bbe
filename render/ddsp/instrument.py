"""One instrument: networks that turn pitch, level and expression into a spectrum, and what was measured of its player.

Three parts, all small:

* *timbre*: a network of one frame, which knows of time only how long ago the note began. It gives the level of every harmonic and
  noise band in dB. A curve over frequency, the *body*, is added to the harmonics wherever they lie, so that the resonances of wood
  and tube stay in place when the pitch moves, and vibrato moves the harmonics through them.
* *attack*: a network for how the level rises at the beginning of a note.
* *takes*: how level, pitch and spectrum wander in held notes, cut from notes of the training set, the spectrum as a few components
  of what the timbre network leaves unexplained. Averages alone would sound like an organ.

Source: the source-filter split is that of Klapuri, "Analysis of musical instrument sounds by source-filter-decay model" (ICASSP
2007); the rest is the arrangement of MIDI-DDSP (arXiv 2112.09312) with a network of frames in place of recurrent ones, because the
training set is of single notes. Conventions: levels in dB re the frame's own level; time in seconds; pitch as MIDI number.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from render.ddsp.controls import NUM_HARMONICS
from render.ddsp.noise import NUM_BANDS

__all__ = ["CURVES", "EXPRESSION_TERMS", "EXPRESSION_VALUES", "FLOOR_DB", "TAKE_FRAMES", "Instrument", "InstrumentConfig"]

FLOOR_DB = -90.0  # below this harmonics and noise are as good as silent
BODY_KNOTS = 96
BODY_HZ = (30.0, 20_000.0)
TIME_CONSTANTS_S = (0.012, 0.04, 0.12, 0.4)
MIDDLE_KEY = 60
TAKE_FRAMES = 512  # 4 s
CURVES = 2  # of a take that are not spectrum: level and pitch
EXPRESSION_VALUES = ("fluctuation_db", "vibrato_cents", "vibrato_hz", "log2_brightness", "attack_noise_db")
EXPRESSION_TERMS = 3  # 1, pitch and its square


@dataclass(frozen=True, kw_only=True)
class InstrumentConfig:
    """What an instrument is.

    Args:
        name: For example "violin".
        programs: General MIDI programs that it plays, the first being its own.
        low_key: Lowest key that it was trained on; below it sounds by extrapolation.
        high_key: Highest.
        crest_db: Peak of a typical note re its RMS.
        release_db_per_s: How fast a note dies when it is let go.
        brightness_per_velocity: Octaves of brightness a step of velocity.
        velocity: That of the notes whose velocity nobody knew.
        hidden_dim: Width of the timbre network.
        dropout: After each of its layers.
        components: Of the spectrum in takes.
        takes: How many.
    """

    name: str
    programs: tuple[int, ...]
    low_key: int
    high_key: int
    crest_db: float = 12.0
    release_db_per_s: float = 400.0
    brightness_per_velocity: float = 0.006
    velocity: int = 90
    hidden_dim: int = 96
    dropout: float = 0.1
    components: int = 6
    takes: int = 8

    def __post_init__(self) -> None:
        if not self.name or "." in self.name:
            raise ValueError(f"name of an instrument is a word without dots, got {self.name!r}")
        if not 0 <= self.low_key <= self.high_key <= 127:
            raise ValueError(f"keys are 0 <= low_key <= high_key <= 127, got {self.low_key} and {self.high_key}")
        if min(self.hidden_dim, self.components, self.takes) < 1:
            raise ValueError("hidden_dim, components and takes are at least 1")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> InstrumentConfig:
        """From ``to_dict``; unknown keys are a TypeError."""
        return cls(**{**values, "programs": tuple(values["programs"])})

    @classmethod
    def tiny(cls) -> InstrumentConfig:
        """Builds in milliseconds, for tests and examples."""
        return cls(name="violin", programs=(40,), low_key=55, high_key=103, hidden_dim=16, components=2, takes=2)


class Instrument(nn.Module):
    """See the module's text."""

    spectrum_mean: Tensor
    take_curves: Tensor
    take_keys: Tensor
    components: Tensor
    expression: Tensor

    def __init__(self, config: InstrumentConfig) -> None:
        super().__init__()
        self.config = config
        outputs = NUM_HARMONICS + NUM_BANDS
        known = 5 + len(TIME_CONSTANTS_S)
        self.timbre = nn.Sequential(
            *_layer(known, config),
            *_layer(config.hidden_dim, config),
            *_layer(config.hidden_dim, config),
            head := nn.Linear(config.hidden_dim, outputs),
        )
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)
        self.attack = nn.Sequential(nn.Linear(3 + len(TIME_CONSTANTS_S), 24), nn.GELU(), nn.Linear(24, 1))
        self.body = nn.Parameter(torch.zeros(BODY_KNOTS))
        self.register_buffer("spectrum_mean", torch.full((outputs,), -40.0))
        self.register_buffer("take_curves", torch.zeros(config.takes, CURVES + config.components, TAKE_FRAMES))
        self.register_buffer("take_keys", torch.full((config.takes,), float(MIDDLE_KEY)))
        self.register_buffer("components", torch.zeros(config.components, outputs))
        self.register_buffer("expression", torch.zeros(len(EXPRESSION_VALUES), EXPRESSION_TERMS))

    def spectrum_db(
        self,
        key: Float[Tensor, " frame"],
        relative_db: Float[Tensor, " frame"],
        brightness: Float[Tensor, " frame"],
        attack_noise_db: Float[Tensor, " frame"],
        age_s: Float[Tensor, " frame"],
        told_key: Float[Tensor, " frame"] | None = None,
    ) -> tuple[Float[Tensor, "frame harmonic"], Float[Tensor, "frame band"]]:
        """Levels of harmonics and noise bands re the frame's level, in dB, not yet brought to a sum of 0 dB.

        Args:
            key: Pitch as MIDI number with fractions.
            relative_db: Level re the note's volume.
            brightness: Mean harmonic number that the note is asked for.
            attack_noise_db: Noise of the attack re the note's volume that is asked for.
            age_s: Since the onset of the note; large where there was no attack.
            told_key: Pitch as the network is told, which training blurs; ``key`` when None.
        """
        pitch = ((key if told_key is None else told_key) - MIDDLE_KEY) / 12
        known = torch.stack(
            [
                pitch,
                pitch.square() / 4,
                relative_db.clamp(-60.0, 20.0) / 20,
                torch.log2(brightness.clamp(min=1.0)) - 1.5,
                (attack_noise_db + 25) / 15,
                *_age_terms(age_s),
            ],
            dim=-1,
        )
        out = self.timbre(known) * 10 + self.spectrum_mean
        harmonics, bands = out[:, :NUM_HARMONICS], out[:, NUM_HARMONICS:]
        return harmonics + self._body_db(key), bands

    def _body_db(self, key: Tensor) -> Tensor:
        """(frame, harmonic) the body's curve where the harmonics lie."""
        low, high = (math.log2(frequency) for frequency in BODY_HZ)
        k = torch.arange(1, NUM_HARMONICS + 1, device=key.device)
        octave = math.log2(440.0) + (key[:, None] - 69) / 12 + torch.log2(k)
        place = ((octave - low) / (high - low) * (BODY_KNOTS - 1)).clamp(0, BODY_KNOTS - 1.001)
        left = place.floor().long()
        share = place - left
        return 10 * (self.body[left] * (1 - share) + self.body[left + 1] * share)

    def attack_db(
        self, key: Float[Tensor, " frame"], attack_noise_db: Float[Tensor, " frame"], age_s: Float[Tensor, " frame"]
    ) -> Float[Tensor, " frame"]:
        """Level as a note begins re that to which its attack leads; comes to rest at 0 dB."""
        ages = _age_terms(age_s)
        known = torch.stack([(key - MIDDLE_KEY) / 12, (attack_noise_db + 25) / 15, ages[-1] * ages[0], *ages], dim=-1)
        rising = ages[-1]  # gone after a second
        out: Tensor = 20 * self.attack(known)[:, 0] * rising
        return out

    def typical_expression(self, key: float | int) -> dict[str, float]:
        """What notes of this pitch were like in the training set, by EXPRESSION_VALUES."""
        pitch = (min(max(key, self.config.low_key), self.config.high_key) - MIDDLE_KEY) / 12
        values = self.expression @ torch.tensor([1.0, pitch, pitch * pitch])
        return dict(zip(EXPRESSION_VALUES, values.tolist(), strict=True))


def _layer(in_dim: int, config: InstrumentConfig) -> tuple[nn.Module, ...]:
    return nn.Linear(in_dim, config.hidden_dim), nn.GELU(), nn.Dropout(config.dropout)


def _age_terms(age_s: Tensor) -> list[Tensor]:
    """How much each time constant still remembers of the onset."""
    return [torch.exp(-age_s / constant) for constant in TIME_CONSTANTS_S]
