"""Tunings: equal divisions and Scala files, music retuned, and what carries a tuning into MIDI."""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from render.tuning.mpe import write_mpe
    from render.tuning.retune import retuned, retuned_piece
    from render.tuning.sysex import bulk_dump
    from render.tuning.tunings import Tuning
    from render.tuning.wishes import parse_tuning

__all__ = ["Tuning", "bulk_dump", "parse_tuning", "retuned", "retuned_piece", "write_mpe"]

_MODULES = {
    "Tuning": "render.tuning.tunings",
    "bulk_dump": "render.tuning.sysex",
    "parse_tuning": "render.tuning.wishes",
    "retuned": "render.tuning.retune",
    "retuned_piece": "render.tuning.retune",
    "write_mpe": "render.tuning.mpe",
}
__getattr__ = lazy_exports(__name__, _MODULES)
