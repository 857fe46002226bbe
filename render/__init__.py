"""Score to audio, and to pictures."""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from render.engrave import Engraving, write_image
    from render.piano_roll import plot_piano_roll
    from render.rendering import Rendering, render
    from render.sound_files import SoundFiles, render_to_file

__all__ = [
    "Engraving",
    "Rendering",
    "SoundFiles",
    "plot_piano_roll",
    "render",
    "render_to_file",
    "write_image",
]

_MODULES = {
    "Engraving": "render.engrave",
    "Rendering": "render.rendering",
    "SoundFiles": "render.sound_files",
    "plot_piano_roll": "render.piano_roll",
    "render": "render.rendering",
    "render_to_file": "render.sound_files",
    "write_image": "render.engrave",
}
__getattr__ = lazy_exports(__name__, _MODULES)
