"""Where the data sets lie: the folder that the environment variable ``PARTIMENTO_DATA`` names.

It holds ``jsb-chorales-16th.json`` and the packs (``corpora.datasets.packs``). Nothing is ever downloaded.
"""

from __future__ import annotations

import os
from pathlib import Path

from corpora.errors import InputError

__all__ = ["DATA_VARIABLE", "data_dir"]

DATA_VARIABLE = "PARTIMENTO_DATA"


def data_dir(folder: str | Path | None = None) -> Path:
    """The folder of the data sets.

    Args:
        folder: The folder itself; None takes the one that ``PARTIMENTO_DATA`` names.

    Raises:
        InputError: no folder is given and the variable is unset, or the folder is not there.
    """
    if folder is None:
        folder = os.environ.get(DATA_VARIABLE, "")
        if not folder:
            raise InputError(f"the data sets are not here: set {DATA_VARIABLE} to the folder that holds them")
        origin = DATA_VARIABLE
    else:
        origin = "data folder"
    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"{origin}: expected a folder, {path} is {'not one' if path.exists() else 'missing'}")
    return path
