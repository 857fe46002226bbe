"""The mix: rooms, tone, dynamics and loudness, from stems to one finished sound."""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from render.mix.compressor import CompressorSettings
    from render.mix.equalizer import Band, EqualizerSettings
    from render.mix.mixing import MixReport, mixdown
    from render.mix.rooms import ROOMS, Room
    from render.mix.settings import MixSettings, StemSettings

__all__ = [
    "ROOMS",
    "Band",
    "CompressorSettings",
    "EqualizerSettings",
    "MixReport",
    "MixSettings",
    "Room",
    "StemSettings",
    "mixdown",
]

_MODULES = {
    "ROOMS": "render.mix.rooms",
    "Band": "render.mix.equalizer",
    "CompressorSettings": "render.mix.compressor",
    "EqualizerSettings": "render.mix.equalizer",
    "MixReport": "render.mix.mixing",
    "MixSettings": "render.mix.settings",
    "Room": "render.mix.rooms",
    "StemSettings": "render.mix.settings",
    "mixdown": "render.mix.mixing",
}
__getattr__ = lazy_exports(__name__, _MODULES)
