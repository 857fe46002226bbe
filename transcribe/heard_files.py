"""What was heard, kept in a file, so that it can be notated again without listening again: JSON that people can read too.

``{"format": "partimento-heard", "version": 1, ...}``: notes, pedals and beats as lists of rows in the order of their fields
(``transcribe.heard``), and what the network said of beat and downbeat in each frame, as float16 in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.gate.strict_json import strict_json
from corpora.piece import Table
from corpora.safe_text import safe_text
from transcribe.families import FAMILIES
from transcribe.heard import BEAT_DTYPE, DRUMS, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic

__all__ = ["HEARD_SUFFIX", "heard_bytes", "read_heard"]

HEARD_SUFFIX = ".json"
FORMAT, VERSION = "partimento-heard", 1
MAX_BYTES = 256 << 20
MAX_DURATION_S = 12 * 3600.0
BOUNDS = {
    "onset_s": (0.0, MAX_DURATION_S),
    "offset_s": (0.0, 2 * MAX_DURATION_S),
    "time_s": (-60.0, MAX_DURATION_S),
    "pitch": (0, 127),
    "velocity": (1, 127),
    "family": (DRUMS, len(FAMILIES) - 1),
    "program": (0, 127),
    "confidence": (0.0, 1.0),
    "number": (0, 32),
}


def heard_bytes(music: HeardMusic, activations: NDArray[np.float32] | None = None, model: str = "") -> bytes:
    """The file's bytes.

    Args:
        music: What was heard.
        activations: Logits of beat and downbeat, (frames, 2).
        model: Which model heard it.
    """
    kept = None if activations is None else base64.b64encode(activations.astype("<f2").tobytes()).decode("ascii")
    values = {
        "format": FORMAT,
        "version": VERSION,
        "name": music.name,
        "model": model,
        "duration_s": music.duration_s,
        "beats_per_bar": music.beats_per_bar,
        "beat_type": music.beat_type,
        **{name: {"fields": list(table.dtype.names or ()), "rows": table.tolist()} for name, table in _tables(music).items()},
        "beat_logits": kept,
    }
    return json.dumps(values, allow_nan=False).encode("utf-8")


def _tables(music: HeardMusic) -> dict[str, Table]:
    return {"notes": music.notes, "pedals": music.pedals, "beats": music.beats}


def read_heard(path: str | Path) -> tuple[HeardMusic, NDArray[np.float32] | None]:
    """What ``heard_bytes`` wrote.

    Raises:
        InputError: No such file, or one that does not hold what was heard.
    """
    source = Path(path)
    name = safe_text(source.name)
    try:
        if source.stat().st_size > MAX_BYTES:
            raise InputError(f"{name}: expected at most {MAX_BYTES >> 20} MiB, got more")
        data = source.read_bytes()
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from error
    values = strict_json(data, name, limit_bytes=MAX_BYTES)
    if not isinstance(values, dict) or values.get("format") != FORMAT or values.get("version") != VERSION:
        raise InputError(f"{name}: expected what 'partimento transcribe --keep' wrote (version {VERSION}), got other JSON")
    duration_s = _number(values, "duration_s", 0.0, MAX_DURATION_S, name)
    music = HeardMusic(
        notes=_table(values, "notes", HEARD_DTYPE, name),
        pedals=_table(values, "pedals", PEDAL_DTYPE, name),
        beats=_table(values, "beats", BEAT_DTYPE, name),
        duration_s=duration_s,
        beats_per_bar=int(_number(values, "beats_per_bar", 0.0, 32.0, name)),
        beat_type=int(_number(values, "beat_type", 0.0, 32.0, name)),
        name=str(values.get("name", "")),
    )
    return music, _activations(values.get("beat_logits"), name)


def _number(values: dict[str, Any], key: str, low: float, high: float, name: str) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name}: {key}: expected a number from {low:g} to {high:g}, got {safe_text(str(value))}")
    return float(value)


def _table(values: dict[str, Any], key: str, dtype: np.dtype[Any], name: str) -> Table:
    given = values.get(key)
    fields = list(dtype.names or ())
    if not isinstance(given, dict) or given.get("fields") != fields or not isinstance(given.get("rows"), list):
        raise InputError(f"{name}: {key}: expected fields {', '.join(fields)} and rows, got something else")
    table = np.zeros(len(given["rows"]), dtype=dtype)
    for index, row in enumerate(given["rows"]):
        if not isinstance(row, list) or len(row) != len(fields) or any(isinstance(v, bool | str | list | dict) for v in row):
            raise InputError(f"{name}: {key}, row {index}: expected {len(fields)} numbers, got something else")
        for field, value in zip(fields, row, strict=True):
            low, high = BOUNDS[field]
            if value is None or not low <= value <= high:
                raise InputError(f"{name}: {key}, row {index}: {field}: expected {low:g} to {high:g}, got {value}")
        table[index] = tuple(row)
    if "offset_s" in fields and len(table) and not (table["offset_s"] > table["onset_s"]).all():
        index = int(np.flatnonzero(table["offset_s"] <= table["onset_s"])[0])
        raise InputError(f"{name}: {key}, row {index}: expected an offset after the onset, got one before it")
    return table


def _activations(text: Any, name: str) -> NDArray[np.float32] | None:
    if text is None:
        return None
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f2").reshape(-1, 2)
    except (TypeError, ValueError, binascii.Error):
        raise InputError(f"{name}: beat_logits: expected pairs of float16 in base64, got something else") from None
    if not np.isfinite(values).all():
        raise InputError(f"{name}: beat_logits: expected finite numbers, got others")
    return values.astype(np.float32)
