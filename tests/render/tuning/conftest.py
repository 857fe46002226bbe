from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write_scl(tmp_path: Path) -> Callable[..., Path]:
    """Writes a .scl file of these pitches."""

    def write(*pitches: str, name: str = "scale.scl") -> Path:
        path = tmp_path / name
        path.write_text(f"! {name}\n!\nA scale\n {len(pitches)}\n!\n" + "".join(f" {pitch}\n" for pitch in pitches))
        return path

    return write
