"""Trills of performed scores: how many get their sign, and what else does.

Scores are performed by rule with strengths at random (``transcribe.score.pairs``) and written from their true notes. *Long* trills
have at least as many strokes as ``transcribe.score.trills`` asks for; *tremolos* between neighbours are played as trills are.

Run: ``PARTIMENTO_DATA=... python tests/bench/bench_trills.py [--files 150] [--split valid]``
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from corpora.datasets.folder import DATA_VARIABLE
from transcribe.score.pairs import iter_pairs
from transcribe.score.performed import STROKE, UNKNOWN, PerformedScore
from transcribe.score.trills import FEWEST, find_trills

PACKS = ("openscore-lieder", "openscore-string-quartets", "openscore-orchestra")
SEED = 5
SIGN = "trill-mark"
ROWS = ("long trills", "found", "short trills", "found short", "tremolos as trills", "other notes as trills")


def counts(pair: PerformedScore) -> Counter[str]:
    """Of a stretch of a score."""
    truth = pair.truth
    strokes = Counter(truth["score_id"].tolist())
    signed = {name for name in truth["score_id"][truth["kind"] == STROKE].tolist() if SIGN in pair.marks[name].ornaments}
    tremolos = set(truth["score_id"][truth["kind"] == UNKNOWN].tolist())
    found = find_trills(pair.heard.notes)
    told = set(truth["score_id"][found.rows[found.is_trilled]].tolist())
    long = {name for name in signed if strokes[name] >= FEWEST}
    others = told - signed
    values = (long, long & told, signed - long, (signed - long) & told, others & tremolos, others - tremolos)
    return Counter({row: len(names) for row, names in zip(ROWS, values, strict=True)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=150, help="of a pack")
    parser.add_argument("--split", default="valid")
    arguments = parser.parse_args()
    if not os.environ.get(DATA_VARIABLE):
        print(f"needs {DATA_VARIABLE}: left out")
        return
    print(f"| pack | {' | '.join(ROWS)} | stretches |\n{'|---' * (len(ROWS) + 2)}|")
    for pack in PACKS:
        found = [counts(pair) for _, pair in iter_pairs(pack, arguments.split, arguments.files, SEED)]
        total = sum(found, Counter())
        print(f"| {pack} | {' | '.join(str(total[row]) for row in ROWS)} | {len(found)} |", flush=True)


if __name__ == "__main__":
    main()
