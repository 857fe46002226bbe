"""The engines that can play music, by name, and what is asked of each.

An engine is a function ``(played, folder, *, stems, font, progress, ...) -> EngineReport``. It writes raw sound into ``folder``: a
file for each stem of the music (``stem_file``), or with ``stems`` False only the first, which holds them all. The files are
interleaved little-endian float32 (samples, 2) without a header, all of one length, dry; sample 0 is the start of the music, and
they go on until the last note has died away. An engine's module is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpora.errors import RequestError
from corpora.safe_text import safe_text

__all__ = ["ENGINES", "Engine", "EngineReport", "FontReport", "Progress", "check_options", "find_engine", "stem_file"]

Progress = Callable[[float], None]  # called with the share that is done, 0 to 1

GIVEN = ("played", "folder", "stems", "font", "progress")  # to every engine; other parameters are options of its own
ENGINES = {  # name -> module:function
    "soundfont": "render.soundfont.engine:render_stems",
    "sampler": "render.sampler.engine:render_stems",
    "ddsp": "render.ddsp.engine:render_stems",
}


@dataclass(frozen=True, kw_only=True)
class EngineReport:
    """What every engine tells of its work.

    Args:
        samples: Length of each file.
        peak: Largest absolute sample of the sum of all stems.
        voices: Voices that sounded: the most at once, or all of them, as the engine says.
        player: What played, for the user: "FluidSynth 2.3.1 with TimGM6mb".
        licence: Of the font or weights that played.
        lost: What could not be played, in words with a count.
    """

    samples: int
    peak: float
    voices: int
    player: str
    licence: str
    lost: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class FontReport(EngineReport):
    """What an engine that plays a SoundFont tells.

    Args:
        font: Its name.
    """

    font: str


Engine = Callable[..., EngineReport]


def find_engine(name: str) -> Engine:
    """The engine of this name.

    Raises:
        RequestError: There is none.
    """
    if name not in ENGINES:
        raise RequestError(f"engine: expected {' or '.join(ENGINES)}, got {safe_text(name)!r}")
    module, _, function = ENGINES[name].partition(":")
    engine: Engine = getattr(importlib.import_module(module), function)
    return engine


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Find options that an engine of this name does not have.

    Raises:
        RequestError: There is one, or there is no such engine.
    """
    own = [place.name for place in inspect.signature(find_engine(name)).parameters.values() if place.name not in GIVEN]
    for option in options:
        if option not in own:
            expected = ", ".join(own) or "none"
            raise RequestError(f"engine {name}: expected options of its own ({expected}), got {safe_text(option)!r}")


def stem_file(folder: Path, stem: int) -> Path:
    """Where an engine writes the sound of a stem."""
    return folder / f"{stem:03d}.f32"
