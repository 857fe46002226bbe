"""The one door through which partitura is imported.

With both pyfluidsynth and its library present, partitura 1.9 fetches a sound font from the network while it is being imported
(``partitura/utils/fluidsynth.py``), and without network the import fails. Here ``fluidsynth`` is hidden during that import, and
given back afterwards. Everything else in the house writes ``from corpora.partitura_quietly import partitura``.
"""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from types import ModuleType
from typing import Any

__all__ = ["partitura"]

_LOCK = threading.Lock()
_MISSING = object()
_HIDDEN = "fluidsynth"


def _import_partitura() -> Any:
    """Partitura's module, imported once with ``fluidsynth`` out of its sight."""
    with _LOCK:
        known = sys.modules.get("partitura")
        if known is not None:
            return known
        before: ModuleType | object | None = sys.modules.get(_HIDDEN, _MISSING)
        sys.modules[_HIDDEN] = None  # type: ignore[assignment]  # the import system reads None as "not installed"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return importlib.import_module("partitura")
        finally:
            if before is _MISSING:
                del sys.modules[_HIDDEN]
            else:
                sys.modules[_HIDDEN] = before  # type: ignore[assignment]


partitura: Any = _import_partitura()
