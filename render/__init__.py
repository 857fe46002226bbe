"""Score to audio, and to pictures."""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from render.engrave import Engraving, write_image
    from render.piano_roll import plot_piano_roll
    from render.soundfont import Rendering, render_soundfont

__all__ = [
    "Engraving",
    "Rendering",
    "plot_piano_roll",
    "render_soundfont",
    "write_image",
]

_MODULES = {
    "Engraving": "render.engrave",
    "Rendering": "render.soundfont",
    "plot_piano_roll": "render.piano_roll",
    "render_soundfont": "render.soundfont",
    "write_image": "render.engrave",
}
__getattr__ = lazy_exports(__name__, _MODULES)
