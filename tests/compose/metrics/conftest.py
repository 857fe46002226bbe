import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def chorales() -> dict[str, list[NDArray[np.int64]]]:
    """The JSB sixteenth-grid chorales by split."""
    folder = os.environ.get("PARTIMENTO_DATA")
    if not folder:
        pytest.skip("PARTIMENTO_DATA is not set")
    text = (Path(folder) / "jsb-chorales-16th.json").read_text()
    return {split: [np.array(piece) for piece in pieces] for split, pieces in json.loads(text).items()}
