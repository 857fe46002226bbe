"""How much of a score comes back from its performance: places, note values, spelling, keys, staves and voices.

The beats are those of the score, so that notation alone is measured. Reference first, estimate second. All figures are shares of
the notes of the score (grace notes, ornaments and tremolos left out), 0 to 1:

- *place*: the note is written, and where the score has it;
- *value*: of those in their place, with the score's length (ties joined);
- *spelling*: of those in their place, with the score's letter and alteration (transposing instruments left out);
- *key*: notes that stand under the score's key signature;
- *staff*: of those in their place in keyboard parts of two staves, on the score's staff;
- *voice*: of successions of two notes of a voice in the score, both in one voice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.marks import NoteMarks, read_marks
from corpora.musicxml.reader import read_musicxml
from corpora.piece import Piece, Table
from render.perform.draft import is_keyboard
from transcribe.score.network import Quantiser
from transcribe.score.notate import Notation, notate
from transcribe.score.pairs import iter_pairs
from transcribe.score.performed import MAIN, PerformedScore
from transcribe.score.voices import DIVS_PER_QUARTER

__all__ = ["NotationFigures", "compare_notation", "evaluate_notation"]

FIGURES = ("place", "value", "spelling", "key", "staff", "voice")
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
TOLERANCE = 1e-3  # of a beat or a length


@dataclass(frozen=True)
class NotationFigures:
    """Figures of one pack, as the module says; NaN where there was nothing to tell by.

    Args:
        pack: Its name.
        quantiser: "learned" or "plain".
        stretches, notes: How many were compared.
    """

    pack: str
    quantiser: str
    stretches: int
    notes: int
    place: float
    value: float
    spelling: float
    key: float
    staff: float
    voice: float


def compare_notation(pair: PerformedScore, found: Notation, marks: dict[str, NoteMarks]) -> Counter[str]:
    """Counts of what is right ("place") and of what there was ("places") for each figure.

    Args:
        pair: The performance and its score.
        found: What was written of it.
        marks: Of the written score, by note id.
    """
    counts: Counter[str] = Counter()
    truth = pair.truth
    written = np.full(len(truth), -1, dtype=np.int64)
    written[found.rows] = np.arange(len(found.rows))
    is_main = truth["kind"] == MAIN
    beat = float(pair.tactus_quarters) * DIVS_PER_QUARTER
    notes = found.piece.notes
    places = (notes["onset_div"] - found.first_beat_div) / beat
    there = is_main & (written >= 0)
    there[there] = np.abs(places[written[there]] - truth["onset_beats"][there]) < TOLERANCE
    counts["places"], counts["place"] = int(is_main.sum()), int(there.sum())
    rows = np.flatnonzero(there)
    lengths = notes["duration_div"][written[rows]] / beat
    right = np.abs(lengths / np.maximum(truth["duration_beats"][rows], 1e-9) - 1) < TOLERANCE
    counts["values"], counts["value"] = len(rows), int(right.sum())
    _count_spelling(counts, pair, found, marks, rows, written)
    _count_keys(counts, pair, found, rows, written)
    _count_staves(counts, pair, found.piece, rows, written)
    _count_voices(counts, truth, notes, np.flatnonzero(is_main), written)
    return counts


def _count_spelling(
    counts: Counter[str],
    pair: PerformedScore,
    found: Notation,
    marks: dict[str, NoteMarks],
    rows: NDArray[np.int64],
    written: NDArray[np.int64],
) -> None:
    back = read_musicxml(found.musicxml)
    own = read_marks(found.musicxml).notes
    spelled: dict[tuple[float, int, int], NoteMarks] = {}
    for identity, onset, pitch, lane in back.notes[["id", "onset_div", "pitch", "part"]].tolist():
        spelled[round(onset / back.divs_per_quarter, 4), pitch, lane] = own[identity]
    notes = found.piece.notes
    for row in rows:
        truth = marks.get(str(pair.truth["score_id"][row]))
        pitch = int(pair.heard.notes["pitch"][row])
        if truth is None or not truth.step or _sounding(truth) != pitch:
            continue
        note = notes[[int(written[row])]]
        key = (round(int(note["onset_div"][0]) / DIVS_PER_QUARTER, 4), pitch, int(note["part"][0]))
        counts["spellings"] += 1
        counts["spelling"] += key in spelled and (spelled[key].step, spelled[key].alter) == (truth.step, truth.alter)


def _sounding(marks: NoteMarks) -> int:
    return 12 * (marks.octave + 1) + STEPS[marks.step] + round(marks.alter)


def _count_keys(
    counts: Counter[str],
    pair: PerformedScore,
    found: Notation,
    rows: NDArray[np.int64],
    written: NDArray[np.int64],
) -> None:
    if not len(pair.score.keys):
        return
    beat = float(pair.tactus_quarters * pair.score.divs_per_quarter)
    for row in rows:
        place = pair.first_beat_div + round(float(pair.truth["onset_beats"][row]) * beat)
        counts["keys"] += 1
        counts["key"] += pair.score.key_at(place)[0] == found.piece.key_at(int(found.piece.notes["onset_div"][written[row]]))[0]


def _count_staves(
    counts: Counter[str],
    pair: PerformedScore,
    piece: Piece,
    rows: NDArray[np.int64],
    written: NDArray[np.int64],
) -> None:
    staves = Counter(part.key for part in pair.parts if is_keyboard(part.program))
    wide = {lane: part.staff for lane, part in enumerate(pair.parts) if staves[part.key] == 2}
    for row in rows:
        staff = wide.get(int(pair.truth["part"][row]))
        if staff is not None:
            counts["staves"] += 1
            counts["staff"] += staff == piece.parts[int(piece.notes["part"][written[row]])].staff


def _count_voices(
    counts: Counter[str],
    truth: Table,
    notes: Table,
    rows: NDArray[np.int64],
    written: NDArray[np.int64],
) -> None:
    lines: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for row in rows.tolist():
        lines[int(truth["part"][row]), int(truth["voice"][row])].append(row)
    for line in lines.values():
        line.sort(key=lambda row: float(truth["onset_beats"][row]))
        for before, after in pairwise(line):
            first, second = written[before], written[after]
            counts["voices"] += 1
            if first >= 0 and second >= 0:
                same_lane = notes["part"][first] == notes["part"][second]
                counts["voice"] += bool(same_lane and notes["voice"][first] == notes["voice"][second])


def evaluate_notation(
    files: dict[str, int],
    *,
    split: str = "test",
    seed: int = 33,
    quantisers: Sequence[Quantiser | Literal["plain"] | None] = (None, "plain"),
    max_notes: int = 4000,
) -> list[NotationFigures]:
    """Play scores of the packs, write them down again, and compare.

    Args:
        files: How many of each pack.
        split: Of the packs.
        seed: Of the sample and the performances.
        quantisers: As ``notate`` takes them.
        max_notes: Stretches with more are left out.

    Returns:
        Figures by pack and quantiser.

    Raises:
        InputError: A pack is missing.
    """
    table = []
    for pack, limit in files.items():
        counts = [Counter[str]() for _ in quantisers]
        stretches = 0
        for _, pair in iter_pairs(pack, split, limit, seed):
            if len(pair.truth) > max_notes:
                continue
            stretches += 1
            for index, quantiser in enumerate(quantisers):
                counts[index] += compare_notation(pair, notate(pair.heard, model=quantiser), pair.marks)
        for quantiser, count in zip(quantisers, counts, strict=True):
            shares = {name: count[name] / count[f"{name}s"] if count[f"{name}s"] else float("nan") for name in ("place", "value")}
            shares |= {
                name: count[name] / count[plural] if count[plural] else float("nan")
                for name, plural in (("spelling", "spellings"), ("key", "keys"), ("staff", "staves"), ("voice", "voices"))
            }
            rounded = {name: round(share, 4) for name, share in shares.items()}
            kind = "plain" if quantiser == "plain" else "learned"
            table.append(NotationFigures(pack, kind, stretches, count["places"], **rounded))
    return table
