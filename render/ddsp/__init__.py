"""DDSP instruments: notes to expression to frame controls to sound, each level of which can be read and edited."""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from render.ddsp.controls import FrameControls
    from render.ddsp.spectral_loss import spectral_loss
    from render.ddsp.synthesis import StreamingSynth, synthesise

__all__ = ["FrameControls", "StreamingSynth", "spectral_loss", "synthesise"]

_MODULES = {
    "FrameControls": "render.ddsp.controls",
    "StreamingSynth": "render.ddsp.synthesis",
    "spectral_loss": "render.ddsp.spectral_loss",
    "synthesise": "render.ddsp.synthesis",
}
__getattr__ = lazy_exports(__name__, _MODULES)
