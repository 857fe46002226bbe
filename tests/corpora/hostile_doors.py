"""Which door of the gate each hostile case goes through, and what it answers.

Also run in a child process without the type checks of the test run, which make the gate's inner loops many times slower.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpora import gate
from corpora.errors import InputError
from corpora.gate.image import MAX_IMAGE_BYTES
from corpora.gate.strict_json import MAX_JSON_BYTES

DOORS: dict[str, Callable[[Path], object]] = {
    "score": gate.open_score,
    "audio": gate.check_audio,
    "image": lambda path: gate.check_image(gate.read_bytes(path, MAX_IMAGE_BYTES), str(path)),
    "pdf": lambda path: gate.check_pdf(gate.read_bytes(path, MAX_IMAGE_BYTES), str(path)),
    "json": lambda path: gate.strict_json(gate.read_bytes(path, 1 << 30), str(path), limit_bytes=MAX_JSON_BYTES),
    "weights": gate.check_safetensors,
}


def answer(kind: str, path: Path) -> dict[str, Any]:
    """What the door says to the file at ``path``: "message" (None when it lets it in) and "seconds" of processor
    time, which unlike wall time does not depend on what else the machine does."""
    started = time.process_time()
    message = None
    try:
        DOORS[kind](path)
    except InputError as refusal:
        message = str(refusal)
    return {"message": message, "seconds": time.process_time() - started}


def answers(names: list[str], folder: Path) -> dict[str, Any]:
    """``answer`` for each hostile case of these names, made in ``folder`` and removed again."""
    import hostile  # found beside this file by the child, whose path says so

    found = {}
    for case in hostile.hostile_cases():
        if case.name in names:
            path = case.make(folder)
            found[case.name] = answer(case.kind, path)
            path.unlink()
    return found
