"""The frame model: a spectrogram in; out what sounds and begins, by frame and pitch, and drums, pedal and beats, by frame.

Every pitch is looked at alike. The first layer gathers around a pitch the bins of its partials and of its octave below (the
harmonic stack of Bittner et al., arXiv 2203.09893), so that each of the 88 pitches has a vector of its own a frame, a *cell*.
Layers then mix cells over time, by convolutions with growing gaps, and over pitches, by kernels that reach all of the keyboard
(what else sounds, and at which interval). A second, thin stream has one vector a frame, from the whole spectrum and all cells, and
looks further in time; it tells of pedal and beats. Drums and timbre are read from the spectrograms by networks of their own
(``transcribe.frames.drum_reader``, ``transcribe.frames.timbre``).

Cells look at ``reach`` frames to either side, the thin stream at ``beyond`` more, and no layer takes averages over time: a
recording in pieces with that much overlap gives the same numbers as in one.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from transcribe.families import FAMILIES
from transcribe.frames.drum_reader import REACH, DrumOutputs, DrumReaders
from transcribe.frames.ends import EndReader
from transcribe.frames.strength_looks import CELLS_AHEAD, gathered
from transcribe.frames.strengths import StrengthReader
from transcribe.frames.targets import NUM_PITCHES
from transcribe.frames.timbre import LOOKS_AHEAD, TimbreReader
from transcribe.spectra.log_frequency import BINS_PER_OCTAVE, BINS_PER_SEMITONE, NUM_BINS

__all__ = ["CellOutputs", "FirstHalf", "FrameModel", "FrameModelConfig", "FrameOutputs", "Looks", "PulseOutputs", "heard_cells"]

HARMONICS = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10)
RESOLUTIONS = 2  # spectrograms of transcribe.spectra.log_frequency
STEM_TIME, STEM_BINS = 3, 7
SQUEEZED = 6  # numbers of each cell that the thin stream sees
LIKELY = -1.4  # logit of an onset's triangle from which on it is worth a closer look
LEVEL = 2.5  # about the mean of the input where something sounds


@dataclass(frozen=True, kw_only=True)
class FrameModelConfig:
    """Sizes.

    Args:
        width: Of a cell.
        dilations: Of the layers of cells, in frames.
        groups: Kernels over pitch in a layer.
        pulse_width: Of a frame's own vector.
        pulse_dilations: Of its layers.
        drum_readers: Networks that are asked for drums.
        strength_width: Numbers of a note where strengths are weighed.
        end_width: Numbers of each frame of a note where its end is told.
    """

    width: int = 32
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4)
    groups: int = 8
    pulse_width: int = 96
    pulse_dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    drum_readers: int = 1
    strength_width: int = 128
    end_width: int = 48

    def __post_init__(self) -> None:
        if self.width % self.groups:
            raise ValueError(f"width is a multiple of groups ({self.groups}), got {self.width}")

    @classmethod
    def tiny(cls) -> FrameModelConfig:
        """For tests."""
        return cls(width=8, dilations=(1, 2), groups=2, pulse_width=16, pulse_dilations=(1, 2), strength_width=16, end_width=8)

    def to_dict(self) -> dict[str, Any]:
        """The sizes as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FrameModelConfig:
        """Sizes from JSON values; an unknown name is a TypeError."""
        tuples = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**{**values, **tuples})


class CellOutputs(NamedTuple):
    """Of each frame and pitch: logits, but for ``velocity``, which is 0 to 1 (127)."""

    onset: Float[Tensor, "batch time 88"]
    frame: Float[Tensor, "batch time 88"]
    offset: Float[Tensor, "batch time 88"]
    velocity: Float[Tensor, "batch time 88"]
    families: Float[Tensor, "batch family time 88"]


class PulseOutputs(NamedTuple):
    """Of each frame: logits."""

    pedal: Float[Tensor, "batch time"]
    beats: Float[Tensor, "batch time 2"]


class FirstHalf(NamedTuple):
    """What is known of some frames before the thin stream comes to them.

    Args:
        cells: Told of the cells.
        frames: What the thin stream takes from each frame.
        vectors: The cells themselves.
    """

    cells: CellOutputs
    frames: Float[Tensor, "batch time pulse"]
    vectors: Float[Tensor, "width batch time 88"]


class Looks(NamedTuple):
    """What the reader of strengths keeps of likely onsets: their frames, their pitches from the lowest, and its numbers."""

    frame: Int[Tensor, " onset"]
    pitch: Int[Tensor, " onset"]
    kept: Float[Tensor, "onset width"]


class FrameOutputs(NamedTuple):
    """All together."""

    onset: Float[Tensor, "batch time 88"]
    frame: Float[Tensor, "batch time 88"]
    offset: Float[Tensor, "batch time 88"]
    velocity: Float[Tensor, "batch time 88"]
    families: Float[Tensor, "batch family time 88"]
    drums: Float[Tensor, "batch time drum"]
    drum_velocity: Float[Tensor, "batch time drum"]
    pedal: Float[Tensor, "batch time"]
    beats: Float[Tensor, "batch time 2"]


class HarmonicStem(nn.Module):
    """Spectrograms to cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        shifts = [round(BINS_PER_OCTAVE * math.log2(harmonic)) for harmonic in HARMONICS]
        first = torch.arange(NUM_PITCHES * BINS_PER_SEMITONE)
        places = torch.stack([first + shift for shift in shifts])
        self.below = -min(shifts)
        self.above = max(int(places.max()) + 1 - NUM_BINS, 0)
        self.register_buffer("places", places + self.below, persistent=False)
        self.convolution = nn.Conv2d(
            RESOLUTIONS * len(HARMONICS),
            width,
            (STEM_TIME, STEM_BINS),
            stride=(1, BINS_PER_SEMITONE),
            padding=(0, STEM_BINS // 2 - 1),
        )
        self.pitch = nn.Parameter(torch.zeros(width, 1, NUM_PITCHES))

    places: Tensor

    def forward(self, spectra: Float[Tensor, "batch 2 time freq"]) -> Float[Tensor, "width line 88"]:
        """Spectrograms about zero; the lines of the batch one after another."""
        batch, _, time, _ = spectra.shape
        padded = functional.pad(spectra, (self.below, self.above))
        stack = padded[..., self.places]  # (batch, 2, time, harmonic, bin)
        stack = stack.transpose(2, 3).reshape(batch, -1, time, self.places.shape[1])
        cells: Tensor = self.convolution(stack)  # (batch, width, time, 88)
        return cells.transpose(0, 1).flatten(1, 2) + self.pitch


class _Normed(nn.Module):
    """Batch normalisation of channels (Ioffe and Szegedy, arXiv 1502.03167), then what is below zero is cut off."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, values: Float[Tensor, "width place"]) -> Float[Tensor, "width place"]:
        normed: Tensor = self.norm(values[None])[0]
        return functional.relu(normed)


class OverPitches(nn.Module):
    """What a cell hears of the whole keyboard: kernels over intervals, one for each group of channels."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.randn(groups, 2 * NUM_PITCHES - 1) * 0.05)
        distance = torch.arange(NUM_PITCHES) - torch.arange(NUM_PITCHES)[:, None] + NUM_PITCHES - 1  # (from, to)
        self.register_buffer("distance", distance, persistent=False)

    distance: Tensor

    def forward(self, cells: Float[Tensor, "width line 88"]) -> Float[Tensor, "width line 88"]:
        kernels = self.kernels[:, self.distance]  # (group, from, to)
        return torch.bmm(cells.reshape(len(kernels), -1, NUM_PITCHES), kernels).view(cells.shape)


class CellLayer(nn.Module):
    """Over time, and over pitches where ``groups`` is not 0; adds to what comes in and is ``2 dilation`` shorter."""

    def __init__(self, width: int, groups: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.over_pitches = OverPitches(width, groups) if groups else None
        taps = 3 + (groups > 0)
        self.inner = nn.Parameter(torch.randn(taps, width, width) * (taps * width) ** -0.5)
        self.normed = _Normed(width)
        self.outer = nn.Parameter(torch.randn(width, width) * 0.5 * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(width, 1))

    def forward(self, cells: Float[Tensor, "width line 88"]) -> Float[Tensor, "width shorter 88"]:
        """The cells, changed."""
        width, line, pitches = cells.shape
        time = line - 2 * self.dilation
        step = self.dilation * pitches
        flat = cells.reshape(width, -1)
        inner = self.inner[0] @ flat[:, : time * pitches]
        for tap in (1, 2):
            inner = torch.addmm(inner, self.inner[tap], flat[:, tap * step : tap * step + time * pitches])
        middle = cells[:, self.dilation : self.dilation + time]
        if self.over_pitches is not None:
            inner = torch.addmm(inner, self.inner[3], self.over_pitches(middle).view(width, -1))
        changed = torch.addmm(self.bias, self.outer, self.normed(inner))
        return middle + changed.view(middle.shape)


class PulseLayer(nn.Module):
    """Over time, one vector a frame; ``2 dilation`` shorter."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.inner = nn.Linear(3 * width, width)
        self.norm = nn.LayerNorm(width)
        self.outer = nn.Linear(width, width)

    def forward(self, frames: Float[Tensor, "line width"]) -> Float[Tensor, "shorter width"]:
        """The frames, changed."""
        time = len(frames) - 2 * self.dilation
        taps = torch.cat([frames[tap * self.dilation : tap * self.dilation + time] for tap in range(3)], -1)
        changed: Tensor = self.outer(functional.relu(self.norm(self.inner(taps))))
        return frames[self.dilation : self.dilation + time] + changed


class FrameModel(nn.Module):
    """The model, as the module says.

    Args:
        config: Sizes.
    """

    def __init__(self, config: FrameModelConfig) -> None:
        super().__init__()
        self.config = config
        self.reach, self.beyond = STEM_TIME // 2 + sum(config.dilations), sum(config.pulse_dilations)
        self.context = max(self.reach + CELLS_AHEAD, REACH, LOOKS_AHEAD)  # of the cells and of what is read from the spectrograms
        width, pulse = config.width, config.pulse_width
        self.stem = HarmonicStem(width)
        self.layers = nn.ModuleList(
            CellLayer(width, config.groups if place % 2 == 0 else 0, dilation) for place, dilation in enumerate(config.dilations)
        )
        self.normed = _Normed(width)
        self.cell_head = nn.Linear(width, 4 + len(FAMILIES))
        self.spectrum = nn.Linear(RESOLUTIONS * NUM_BINS, pulse)
        self.squeezed = nn.Linear(width, SQUEEZED, bias=False)
        self.cells = nn.Linear(NUM_PITCHES * SQUEEZED, pulse)
        self.pulse_layers = nn.ModuleList(PulseLayer(pulse, dilation) for dilation in config.pulse_dilations)
        self.pulse_head = nn.Linear(pulse, 3)
        self.drums = DrumReaders(config.drum_readers)
        self.timbre = TimbreReader()
        self.strengths = StrengthReader(width, config.strength_width)
        self.ends = EndReader(width, config.end_width)
        with torch.no_grad():  # nearly everything is silent nearly everywhere
            self.cell_head.bias[:3] = torch.tensor([-5.0, -3.0, -5.0])

    def forward(self, spectra: Float[Tensor, "batch 2 time freq"]) -> FrameOutputs:
        """What sounds.

        Args:
            spectra: ``transcribe.spectra.log_frequency``'s.

        Returns:
            For all frames; before and after them is silence.
        """
        half = self.hear(spectra)
        drums: DrumOutputs = self.drums(spectra)
        return FrameOutputs(**half.cells._asdict(), **drums._asdict(), **self.follow(half.frames)._asdict())

    def hear(self, spectra: Float[Tensor, "batch 2 time freq"]) -> FirstHalf:
        """The first half: the cells, which look ``reach`` frames to either side, and what the thin stream takes from each frame."""
        batch = len(spectra)
        padded = functional.pad(spectra, (0, 0, self.reach, self.reach)) - LEVEL
        cells = self.stem(padded)  # (width, line, 88): the batch is one long line, which the layers shorten at both ends
        for layer in self.layers:
            cells = layer(cells)
        cells = _lines(self.normed(cells.flatten(1)).view(cells.shape), batch, 2 * sum(self.config.dilations))
        told = self.cell_head.weight @ cells.reshape(len(cells), -1) + self.cell_head.bias[:, None]
        told = told.view(-1, *cells.shape[1:])
        squeezed = torch.einsum("sw,wbtp->btsp", self.squeezed.weight, cells).flatten(2)
        frames = self.spectrum(spectra.transpose(1, 2).flatten(2) - LEVEL) + self.cells(squeezed)
        families = told[4:].transpose(0, 1)
        return FirstHalf(CellOutputs(told[0], told[1], told[2], torch.sigmoid(told[3]), families), frames, cells)

    def with_timbre(self, cells: CellOutputs, spectra: Float[Tensor, "batch 2 time freq"]) -> CellOutputs:
        """The same outputs with the families that ``timbre`` reads wherever an onset is likely.

        Args:
            cells: Of ``hear``.
            spectra: What it heard.
        """
        batch, time, pitch = torch.nonzero(cells.onset > LIKELY, as_tuple=True)
        if not len(batch):
            return cells
        families = cells.families.clone()
        families[batch, :, time, pitch] = self.timbre(spectra, torch.stack([batch, time, pitch], 1)).to(families.dtype)
        return cells._replace(families=families)

    def looks(self, half: FirstHalf, spectra: Float[Tensor, "1 2 time freq"]) -> Looks:
        """What ``strengths`` looks at wherever an onset is likely.

        Args:
            half: Of ``hear``.
            spectra: What it heard.
        """
        places = torch.nonzero(half.cells.onset[0] > LIKELY)
        looked_at = gathered(spectra[0], heard_cells(half), half.vectors[:, 0], places)
        return Looks(places[:, 0], places[:, 1], self.strengths.look(looked_at))

    def follow(self, frames: Float[Tensor, "batch time width"]) -> PulseOutputs:
        """The second half: the thin stream, which looks ``beyond`` frames further."""
        line = functional.pad(frames, (0, 0, self.beyond, self.beyond)).flatten(0, 1)
        for layer in self.pulse_layers:
            line = layer(line)
        lines = _lines(line.T[..., None], len(frames), 2 * self.beyond)[..., 0].permute(1, 2, 0)
        pulses = self.pulse_head(lines)
        return PulseOutputs(pedal=pulses[..., 0], beats=pulses[..., 1:])


def heard_cells(half: FirstHalf) -> Float[Tensor, "3 time 88"]:
    """Onset, frame and velocity, 0 to 1, of the first of a batch, as ``transcribe.frames.strength_looks`` takes them."""
    cells = half.cells
    return torch.stack([torch.sigmoid(cells.onset[0]), torch.sigmoid(cells.frame[0]), cells.velocity[0]])


def _lines(line: Float[Tensor, "width line *rest"], batch: int, lost: int) -> Float[Tensor, "width batch time *rest"]:
    """The batch again out of one long line that layers have shortened by ``lost``: between its lines is what mixed two of them."""
    rest = line.shape[2:]
    whole = functional.pad(line, [0, 0] * len(rest) + [0, lost])
    lines = whole.view(len(line), batch, -1, *rest)
    return lines[:, :, : lines.shape[2] - lost]
