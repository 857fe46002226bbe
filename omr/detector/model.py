"""The detector: a picture of a straight system in; out, on a grid of cells, what has its middle there, and more of it when asked.

A small U-Net (Ronneberger et al., arXiv 1505.04597) of residual blocks looks at the system at a half, a quarter, an eighth and a
sixteenth of its size. A cell is four pixels wide and high: half a staff space, so each place of a staff has cells of its own. For
every cell there is a logit for each channel (``omr.detector.channels``), as in CenterNet (Zhou et al., arXiv 1904.07850) but
trained as plain probabilities. Where something is, the vectors of three scales at that cell tell its exact middle, its size, and
of heads and rests duration, dots, stem, beam, grace, ties and slurs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from omr.detector.channels import CHANNELS
from omr.signs import BEAMS, DURATIONS, GRACES, MAX_DOTS, STEMS

__all__ = ["ATTRIBUTES", "CELL_PX", "COARSEST", "Detector", "DetectorConfig", "Seen"]

CELL_PX = 4
COARSEST = 16  # width and height of a picture are multiples of it
RARE = -7.0  # logit at first: nearly all cells are empty
# What is told of a point, in this order: name and how many numbers.
ATTRIBUTES = {
    "offset": 2,  # from the cell's middle to the sign's, in cells
    "size": 2,  # natural logarithm of width and height in spaces
    "lower": 1,  # logit: between two staves, belongs to the lower one
    "duration": len(DURATIONS),
    "dots": MAX_DOTS + 1,
    "stem": len(STEMS),
    "beam": len(BEAMS),
    "grace": len(GRACES),
    "tie_start": 1,
    "tie_stop": 1,
    "slur_start": 1,
    "slur_stop": 1,
}


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """Sizes.

    Args:
        widths: Channels at a half, a quarter, an eighth and a sixteenth of the picture.
        blocks: Residual blocks there.
        head_width: Of the last layer before the logits.
        attribute_width: Of the hidden layer of the attributes.
        interline_px: Pixels between staff lines.
    """

    widths: tuple[int, int, int, int] = (16, 40, 80, 112)
    blocks: tuple[int, int, int, int] = (0, 2, 2, 2)
    head_width: int = 80
    attribute_width: int = 160
    interline_px: int = 8

    @classmethod
    def tiny(cls) -> DetectorConfig:
        """For tests."""
        return cls(widths=(8, 16, 24, 32), blocks=(0, 1, 1, 1), head_width=24, attribute_width=48)

    @classmethod
    def large(cls) -> DetectorConfig:
        """For a GPU."""
        return cls(widths=(24, 64, 144, 224), blocks=(0, 2, 3, 3), head_width=128, attribute_width=256, interline_px=10)

    def to_dict(self) -> dict[str, Any]:
        """The sizes as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DetectorConfig:
        """Sizes from JSON values; an unknown name is a TypeError."""
        tuples = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**{**values, **tuples})


class Seen(NamedTuple):
    """What ``Detector.look`` gives: logits, and the vectors at three scales that ``Detector.tell`` reads."""

    points: Float[Tensor, "batch channel row column"]
    fine: Float[Tensor, "batch fine row column"]
    middle: Float[Tensor, "batch middle half_row half_column"]
    coarse: Float[Tensor, "batch coarse quarter_row quarter_column"]


class _Convolution(nn.Sequential):
    def __init__(self, before: int, after: int, size: int = 3, stride: int = 1) -> None:
        convolution = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class _Block(nn.Module):
    """Two convolutions whose outcome is added to what came in (He et al., arXiv 1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Convolution(width, width)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, cells: Float[Tensor, "batch width row column"]) -> Float[Tensor, "batch width row column"]:
        return functional.relu(cells + self.norm(self.second(self.first(cells))))


def _stage(before: int, after: int, blocks: int, first_size: int = 3) -> nn.Sequential:
    """To half the size, then some blocks."""
    return nn.Sequential(_Convolution(before, after, first_size, 2), *(_Block(after) for _ in range(blocks)))


class Detector(nn.Module):
    """See the module.

    Args:
        config: Sizes.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth, sixteenth = config.widths
        blocks = config.blocks
        self.down_half = _stage(1, half, blocks[0], 5)
        self.down_quarter = _stage(half, quarter, blocks[1])
        self.down_eighth = _stage(quarter, eighth, blocks[2])
        self.down_sixteenth = _stage(eighth, sixteenth, blocks[3])
        self.to_eighth = nn.Conv2d(sixteenth, eighth, 1)
        self.at_eighth = _Block(eighth)
        self.to_quarter = nn.Conv2d(eighth, quarter, 1)
        self.at_quarter = _Block(quarter)
        self.before_points = _Convolution(quarter, config.head_width)
        self.points_head = nn.Conv2d(config.head_width, len(CHANNELS), 1)
        told = config.head_width + eighth + sixteenth
        self.attributes = nn.Sequential(nn.Linear(told, config.attribute_width), nn.ReLU())
        self.attributes_head = nn.Linear(config.attribute_width, sum(ATTRIBUTES.values()))
        nn.init.constant_(self.points_head.bias, RARE)  # type: ignore[arg-type]

    def forward(
        self, ink: Float[Tensor, "batch 1 height width"], cells: Int[Tensor, "points 3"]
    ) -> tuple[Float[Tensor, "batch channel row column"], dict[str, Float[Tensor, "points numbers"]]]:
        """Logits of all cells, and what is told of the signs in some; arguments as for ``look`` and ``tell``."""
        seen = self.look(ink)
        return seen.points, self.tell(seen, cells)

    def look(self, ink: Float[Tensor, "batch 1 height width"]) -> Seen:
        """What is where.

        Args:
            ink: 0 for white to 1 for black; height and width multiples of ``COARSEST``.
        """
        quarter = self.down_quarter(self.down_half(ink))
        eighth = self.down_eighth(quarter)
        coarse = self.down_sixteenth(eighth)
        middle = self.at_eighth(eighth + functional.interpolate(self.to_eighth(coarse), scale_factor=2.0))
        fine = self.at_quarter(quarter + functional.interpolate(self.to_quarter(middle), scale_factor=2.0))
        fine = self.before_points(fine)
        return Seen(self.points_head(fine), fine, middle, coarse)

    def tell(self, seen: Seen, cells: Int[Tensor, "points 3"]) -> dict[str, Float[Tensor, "points numbers"]]:
        """More of the signs in some cells, by the names of ``ATTRIBUTES``.

        Args:
            seen: Of ``look``.
            cells: Picture of the batch, row and column of each.
        """
        batch, row, column = cells.unbind(1)
        vectors = [seen.fine[batch, :, row, column]]
        vectors += [seen.middle[batch, :, row // 2, column // 2], seen.coarse[batch, :, row // 4, column // 4]]
        told = self.attributes_head(self.attributes(torch.cat(vectors, 1)))
        return dict(zip(ATTRIBUTES, told.split(list(ATTRIBUTES.values()), 1), strict=True))
