"""Clefs, key signatures and time signatures as they are printed, bar by bar.

Keys are told by the steps that their flats or sharps stand on, so that one sign missed or one too many changes little. Digits of
one time signature stand above each other; all staves of a system have the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omr.assembly.rows import Sign
from omr.signs import CLEFS, KEY_SIGNS

__all__ = ["SeenClef", "clef_of", "common_time", "is_clef", "is_key_sign", "key_of", "place_of_bottom_line", "seen_times"]

FLAT_STEPS = (6, 2, 5, 1, 4, 0, 3)  # B E A D G C F, with C as 0
SHARP_STEPS = FLAT_STEPS[::-1]
MISSED_SIGN, FALSE_SIGN = 2.0, 2.5  # nats
OTHER_KEY = 1.5  # for a key that is not the one in force
OUT_OF_PLACE = 1.6  # half spaces that a sign of a meter may stand off
LEAST_TIME = 0.25  # mean probability over all staves of a meter that is printed on each
SAME_TIME_SIGNATURE = 2.6  # staff spaces between digits of one signature
_CLEFS = {
    "clef_g": ("G", 2, 0),
    "clef_g_8below": ("G", 2, -1),
    "clef_g_8above": ("G", 2, 1),
    "clef_f": ("F", 4, 0),
    "clef_f_8below": ("F", 4, -1),
    "clef_c": ("C", 3, 0),
    "clef_percussion": ("percussion", 3, 0),
}
_REFERENCE_PLACES = {"G": 32, "F": 24, "C": 28}  # G4, F3, C4
_PERCUSSION_BOTTOM = 30  # as if with a treble clef


@dataclass(frozen=True, slots=True)
class SeenClef:
    """A clef in force: MusicXML's sign, line from below and octaves."""

    sign: str
    line: int
    octaves: int = 0


def clef_of(sign: Sign) -> SeenClef:
    """The clef that a sign of ``CLEFS`` is; a C clef's line is where it stands."""
    name, line, octaves = _CLEFS[sign.kind]
    if name == "C":
        line = min(max(round(sign.place / 2) + 1, 1), 5)
    return SeenClef(name, line, octaves)


def place_of_bottom_line(clef: SeenClef) -> int:
    """Diatonic place of the staff's bottom line."""
    if clef.sign == "percussion":
        return _PERCUSSION_BOTTOM
    return _REFERENCE_PLACES[clef.sign] - 2 * (clef.line - 1) + 7 * clef.octaves


def key_of(staves: Sequence[tuple[Sequence[Sign], int]], in_force: int | None) -> int | None:
    """Fifths of the key that the key signs of one part and bar say; None where there are none.

    Args:
        staves: For each staff of the part its key signs, and the diatonic place of its bottom line.
        in_force: Fifths of the key before, None where unknown.
    """
    seen = [([sign for sign in signs if sign.probability >= 0.3], bottom) for signs, bottom in staves]
    kinds = {sign.kind for signs, _ in seen for sign in signs}
    if not kinds:
        return None
    if kinds == {"key_natural"}:
        return 0
    found = [_steps(signs, bottom) for signs, bottom in seen]

    def cost(fifths: int) -> float:
        nats = 0.0 if fifths == in_force else OTHER_KEY
        for flats, sharps in found:
            for steps, expected in ((flats, FLAT_STEPS[: max(-fifths, 0)]), (sharps, SHARP_STEPS[: max(fifths, 0)])):
                nats += MISSED_SIGN * sum(1.0 for step in expected if step not in steps)
                nats += FALSE_SIGN * sum(chance for step, chance in steps.items() if step not in expected)
        return nats

    return min(range(-7, 8), key=lambda fifths: (cost(fifths), abs(fifths)))


def _steps(signs: Iterable[Sign], bottom: int) -> tuple[dict[int, float], dict[int, float]]:
    """Steps (C is 0) that flats and sharps stand on, with probabilities."""
    found: dict[str, dict[int, float]] = {"key_flat": {}, "key_sharp": {}}
    for sign in signs:
        if sign.kind in found:
            step = (round(sign.place) + bottom) % 7
            found[sign.kind][step] = max(found[sign.kind].get(step, 0.0), sign.probability)
    return found["key_flat"], found["key_sharp"]


def seen_times(signs: Iterable[Sign]) -> list[tuple[float, tuple[int, int, str], float]]:
    """Time signatures on one staff: ``x``, (beats, beat type, symbol), probability."""
    digits = sorted((sign for sign in signs if sign.kind.startswith("time_") and _is_in_place(sign)), key=lambda sign: sign.x)
    groups: list[list[Sign]] = []
    for sign in digits:
        if sign.probability < 0.3:
            continue
        if groups and sign.x - groups[-1][-1].x <= SAME_TIME_SIGNATURE:
            groups[-1].append(sign)
        else:
            groups.append([sign])
    times = []
    for group in groups:
        time = _time(group)
        if time is not None:
            times.append((group[0].x, time, min(sign.probability for sign in group)))
    return times


def _is_in_place(sign: Sign) -> bool:
    """Whether a sign of a meter stands in the staff as such signs do: letters about its middle, numbers in its halves."""
    middles = (4.0,) if sign.kind in ("time_common", "time_cut") else (2.0, 4.0, 6.0)
    return any(abs(sign.place - middle) <= OUT_OF_PLACE for middle in middles)


def _time(group: list[Sign]) -> tuple[int, int, str] | None:
    best = max(group, key=lambda sign: sign.probability)
    if best.kind == "time_common":
        return 4, 4, "common"
    if best.kind == "time_cut":
        return 2, 2, "cut"
    upper = [sign for sign in group if sign.place >= 4 and sign.kind not in ("time_common", "time_cut")]
    lower = [sign for sign in group if sign.place < 4 and sign.kind not in ("time_common", "time_cut", "time_plus")]
    beat_type = int("".join(_digits(lower)) or 0)
    terms = "".join("+" if sign.kind == "time_plus" else sign.kind.removeprefix("time_") for sign in upper).split("+")
    beats = sum(int(term) for term in terms if term)
    if beat_type not in (1, 2, 4, 8, 16, 32) or not 1 <= beats <= 64:
        return None
    return beats, beat_type, ""


def _digits(signs: Iterable[Sign]) -> list[str]:
    return [sign.kind.removeprefix("time_") for sign in signs]


def common_time(times: Iterable[tuple[tuple[int, int, str], float]], staves: int) -> tuple[int, int, str] | None:
    """The signature that most staves say, weighed by probability; None where it is too few of all."""
    votes: dict[tuple[int, int, str], float] = {}
    for time, probability in times:
        votes[time] = votes.get(time, 0.0) + probability
    best = max(votes, key=votes.__getitem__, default=None)
    return best if best is not None and votes[best] >= LEAST_TIME * staves else None


def is_key_sign(sign: Sign) -> bool:
    """Whether a sign is one of a key signature."""
    return sign.kind in KEY_SIGNS


def is_clef(sign: Sign) -> bool:
    """Whether a sign is a clef that is believed."""
    return sign.kind in CLEFS and sign.probability >= 0.4
