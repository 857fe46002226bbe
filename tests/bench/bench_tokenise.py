"""Notes tokenised a second: our vocabularies beside MidiTok's REMI, on the same notes in the same run.

Two sets: every Bach chorale of the installed music21, and one made-up performance of 20,000 notes in three lanes. Each way gets
the music in the form that it reads (``Piece``, or ``symusic.Score`` for MidiTok), in memory. Encoding includes MidiTok's own
preprocessing and our loss report; decoding ends with a ``Piece`` or a ``Score``. Rounds go through the ways in turn; the fastest
round of each counts.

Run: ``python tests/bench/bench_tokenise.py [--rounds 5] [--output tests/bench/results/tokenise.md]``
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
import warnings
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from compose.vocabulary.registry import VOCABULARIES, build_vocabulary
from corpora.errors import PartimentoError
from corpora.musicxml.reader import read_musicxml
from corpora.piece import MEASURE_DTYPE, Part, Piece, empty_notes, sort_notes

SEED = 20261122


def chorales() -> list[Piece]:
    spec = find_spec("music21")
    assert spec is not None
    assert spec.origin is not None
    pieces = []
    for path in sorted((Path(spec.origin).parent / "corpus" / "bach").glob("bwv*.mxl")):
        with zipfile.ZipFile(path) as archive:
            inner = next(entry for entry in archive.namelist() if entry.endswith("xml") and not entry.startswith("META-INF"))
            pieces.append(read_musicxml(archive.read(inner), path.name))
    return pieces


def performance(count: int = 20_000) -> Piece:
    rng = np.random.default_rng(SEED)
    notes = empty_notes(count)
    notes["onset_div"] = np.cumsum(rng.integers(0, 240, count))
    notes["duration_div"] = rng.integers(60, 960, count)
    notes["pitch"] = rng.integers(30, 90, count)
    notes["velocity"] = rng.integers(20, 120, count)
    notes["part"] = rng.integers(0, 3, count)
    notes["id"] = np.arange(count).astype("U24")
    starts = np.arange(int(notes["onset_div"][-1]) // 1920 + 2) * 1920
    bars = np.zeros(len(starts), dtype=MEASURE_DTYPE)
    bars["start_div"], bars["end_div"] = starts, starts + 1920
    bars["number"] = (np.arange(len(starts)) + 1).astype("U16")
    bars["beats"] = bars["beat_type"] = 4
    return Piece(sort_notes(notes), 480, (Part("Piano"), Part("Strings", program=48), Part("Flute", program=73)), bars)


def miditok_remi() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import miditok

        config = miditok.TokenizerConfig(
            pitch_range=(0, 127), use_programs=True, use_tempos=True, use_time_signatures=True, one_token_stream_for_programs=True
        )
        return miditok.REMI(config)


def fastest(ways: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Seconds of the fastest round of each way, the ways taken in turn."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def measure(label: str, pieces: list[Piece], rounds: int) -> list[str]:
    """Rows of the table for one set."""
    notes = sum(len(piece.notes) for piece in pieces)
    remi = miditok_remi()
    scores = [piece.to_score() for piece in pieces]
    encoders: dict[str, Callable[[], None]] = {"MidiTok REMI": lambda: [remi.encode(score) for score in scores] and None}
    tokens: dict[str, list[Any]] = {"MidiTok REMI": [remi.encode(score) for score in scores]}
    decoders: dict[str, Callable[[], None]] = {"MidiTok REMI": lambda: [remi.decode(t) for t in tokens["MidiTok REMI"]] and None}
    for name in sorted(VOCABULARIES):
        vocabulary = build_vocabulary(name)
        try:
            tokens[name] = [vocabulary.encode(piece).tokens for piece in pieces]
        except PartimentoError as error:  # a vocabulary may refuse music that it cannot hold; the table then lacks it
            print(f"{name} on {label}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        encoders[name] = lambda v=vocabulary: [v.encode(piece) for piece in pieces] and None  # type: ignore[misc]
        decoders[name] = lambda n=name: [t.decode() for t in tokens[n]] and None  # type: ignore[misc]
    encode_s, decode_s = fastest(encoders, rounds), fastest(decoders, rounds)
    rows = []
    for name in encoders:
        steps = sum(len(stream) for stream in tokens[name]) / notes
        factor = encode_s["MidiTok REMI"] / encode_s[name]
        encoded, decoded = notes / encode_s[name], notes / decode_s[name]
        rows.append(f"| {label} | {name} | {notes:,} | {steps:.2f} | {encoded:,.0f} | {factor:.2f} | {decoded:,.0f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Notes tokenised a second, beside MidiTok REMI.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "tokenise.md")
    options = parser.parse_args()
    processor = next((line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")), platform.processor())
    lines = [
        "# Tokenising",
        "",
        f"{processor}, one thread; Python {platform.python_version()}, numpy {version('numpy')}, miditok {version('miditok')}, "
        f"symusic {version('symusic')}; fastest of {options.rounds} rounds, ways in turn; seed {SEED}.",
        "Command: `python tests/bench/bench_tokenise.py`",
        "",
        "| music | vocabulary | notes | steps a note | encoded notes/s | times REMI | decoded notes/s |",
        "|---|---|---|---|---|---|---|",
    ]
    pieces = chorales()
    lines += measure(f"{len(pieces)} chorales", pieces, options.rounds)
    lines += measure("1 performance", [performance()], options.rounds)
    table = "\n".join(lines) + "\n"
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(table, encoding="utf-8")
    print(table)


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


if __name__ == "__main__":
    main()
