"""The user's words for a tuning: ``19-EDO``, ``EDO 31``, ``werckmeister3.scl``, each with ``A=415`` after it, or that alone."""

from __future__ import annotations

import re
from pathlib import Path

from corpora.errors import RequestError
from corpora.gate.files import read_bytes
from corpora.safe_text import safe_text
from render.tuning.keyboard_map import linear_map, read_kbm
from render.tuning.scale import MAX_STEPS, read_scl
from render.tuning.text_lines import MAX_TUNING_BYTES
from render.tuning.tunings import CONCERT_A_HZ, KEYS_PER_OCTAVE, EqualDivision, MappedTuning, NearestTuning, Tuning

__all__ = ["parse_tuning"]

MIN_A_HZ, MAX_A_HZ = 220.0, 880.0
DIVISION = re.compile(r"(?:(\d{1,9})[\s-]*(?:EDO|TET|ET)|(?:EDO|TET|ET)[\s-]*(\d{1,9}))", re.IGNORECASE)
REFERENCE = re.compile(r"(?:^|[\s,]+)A4?\s*=\s*([^\s,]+?)\s*(?:Hz)?\s*$", re.IGNORECASE)


def parse_tuning(text: str, *, keyboard_map: str | Path | None = None) -> Tuning:
    """The tuning that a text asks for.

    Args:
        text: An equal division, a .scl file, or neither; then, if wished, the frequency of A4.
        keyboard_map: A .kbm file for the scale; by default the one beside the .scl file that has its name, when there is one.

    Raises:
        RequestError: The text is none of these, a number is out of range, or a keyboard map comes without a scale or with an A4.
        InputError: A file is missing or broken.

    Example:
        >>> parse_tuning("19-EDO, A=415").name
        '19-EDO, A4 = 415 Hz'
    """
    wanted, a4_hz = _without_reference(text.strip())
    division = DIVISION.fullmatch(wanted) if wanted else None
    if wanted.lower().endswith(".scl"):
        return _scale_file(Path(wanted), Path(keyboard_map) if keyboard_map is not None else None, a4_hz)
    if keyboard_map is not None:
        raise RequestError(
            f"keyboard map {safe_text(str(keyboard_map))}: expected a .scl file to go with it, got '{safe_text(text)}'"
        )
    if division:
        count = int(division[1] or division[2])
        if not 1 <= count <= MAX_STEPS:
            raise RequestError(f"tuning: expected 1 to {MAX_STEPS:,} equal steps in the octave, got {count}")
        return EqualDivision(count, a4_hz or CONCERT_A_HZ)
    if not wanted and a4_hz:
        return EqualDivision(KEYS_PER_OCTAVE, a4_hz)
    raise RequestError(f"tuning: expected 19-EDO, a .scl file or A=415, got '{safe_text(text, 80)}'")


def _without_reference(text: str) -> tuple[str, float | None]:
    """The text before ``A=...``, and that frequency."""
    found = REFERENCE.search(text)
    if not found:
        return text, None
    try:
        a4_hz = float(found[1])
    except ValueError:
        a4_hz = float("nan")
    if not MIN_A_HZ <= a4_hz <= MAX_A_HZ:
        raise RequestError(f"tuning: A4: expected {MIN_A_HZ:g} to {MAX_A_HZ:g} Hz, got '{safe_text(found[1], 40)}'")
    return text[: found.start()].strip(), a4_hz


def _scale_file(path: Path, map_path: Path | None, a4_hz: float | None) -> Tuning:
    scale = read_scl(read_bytes(path, MAX_TUNING_BYTES), path.name)
    beside = path.with_suffix(".kbm")
    if map_path is None and beside.is_file():
        map_path = beside
    if map_path is not None:
        if a4_hz is not None:
            raise RequestError(
                f"tuning: {safe_text(map_path.name)} says at what frequency its reference key is, got A={a4_hz:g} too"
            )
        keyboard = read_kbm(read_bytes(map_path, MAX_TUNING_BYTES), map_path.name)
        return MappedTuning(f"{scale.name} with {safe_text(map_path.name)}", scale, keyboard)
    name = scale.name + ("" if a4_hz is None else f", A4 = {a4_hz:g} Hz")
    if scale.size == KEYS_PER_OCTAVE:
        return MappedTuning(name, scale, linear_map(a4_hz or CONCERT_A_HZ))
    return NearestTuning(name, scale, a4_hz or CONCERT_A_HZ)
