"""Score -> performance -> sound -> notes -> score on pieces of the test split, played by a SoundFont that no model of ours heard.

Run: ``python tests/bench/bench_audio_round_trip.py [--pieces 30] [--seconds 40] [--steady] [--weights FOLDER] [--output FILE]``
with PARTIMENTO_DATA set; ``--steady`` plays in one tempo, without rubato.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from corpora.datasets.folder import DATA_VARIABLE
from render.fonts import font_in_wheel
from transcribe.measures.round_trip import RoundTrip, iter_round_trips

FIGURES = ("onset", "offset", "place", "steady", "value")
SHARES = {"openscore-lieder": 0.7, "openscore-string-quartets": 0.1, "nifc-chopin-first-editions": 0.2}


def _row(name: str, notes: int, shares: Sequence[float], right: Sequence[str]) -> str:
    return "| " + " | ".join([name, str(notes), *(f"{share:.3f}" for share in shares), *right]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--steady", action="store_true")
    parser.add_argument("--weights", default="")
    parser.add_argument("--font", type=Path)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    font = arguments.font or font_in_wheel()
    if not os.environ.get(DATA_VARIABLE) or font is None:
        print(f"needs {DATA_VARIABLE} and a SoundFont: left out")
        return
    how = "in a steady tempo" if arguments.steady else "as performed by rule"
    lines = [
        f"{Path(font).stem}, first {arguments.seconds:g} s of a stretch of each piece, {how}.",
        "",
        "| piece | notes | onset F1 | with offset | place | steady | value | meter | key |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    trips: list[RoundTrip] = []
    started = time.perf_counter()
    packs = {pack: max(round(share * arguments.pieces), 1) for pack, share in SHARES.items()}
    chosen = {"font": font, "seconds": arguments.seconds, "steady": arguments.steady, "weights": arguments.weights}
    for trip, _ in iter_round_trips(packs, **chosen):
        trips.append(trip)
        name = "/".join(Path(trip.piece).parts[-3:-1]) or trip.piece
        right = ("yes" if trip.meter else "no", "yes" if trip.key else "no")
        lines.append(_row(name, trip.notes, [getattr(trip, figure) for figure in FIGURES], right))
        print(lines[-1], flush=True)
    means = [float(np.mean([getattr(trip, figure) for trip in trips])) for figure in FIGURES]
    right = tuple(f"{np.mean([getattr(trip, figure) for trip in trips]):.2f}" for figure in ("meter", "key"))
    lines.append(_row(f"mean of {len(trips)}", sum(trip.notes for trip in trips), means, right))
    print(lines[-1], f"\n{time.perf_counter() - started:.0f} s")
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
