"""Public names of a package, loaded when they are first asked for.

``import compose`` must not wait for torch, nor a child process that only engraves for the rest of the house; so the packages'
``__init__`` name what they export, and the modules are imported on first use (PEP 562).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_exports"]


def lazy_exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package.

    Args:
        package: Its ``__name__``.
        modules: Public name to the module that defines it.

    Returns:
        A function that imports the module of a name and gives the name's value; AttributeError for other names.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(modules[name]), name)

    return get
