"""How often the systems of a page are found exactly, on clean pages and on worn ones.

Pages are engraved by verovio from the test splits of the packs, in all its fonts, sizes and spacings; each is shown clean and at
four levels of wear (``worn_pages``). A page is right when all its systems are found, in order, each with its staves, and every
staff line lies within a quarter space of where it is, everywhere along its length, and ends within two spaces.

Run: ``PARTIMENTO_DATA=... python tests/bench/bench_layout.py [--pages 20] [--keep FOLDER] [--draw FOLDER]
[--output tests/bench/results/layout.md]``; the full run has 300 pages, which take ``--pages 352``, as one pack has few pieces.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import cv2
import numpy as np
from numpy.typing import NDArray
from worn_pages import LEVELS, wear

from corpora.child import Limits, run_limited
from corpora.datasets.packs import iter_pack
from corpora.errors import InputError, PartimentoError
from corpora.gate.score import check_score
from omr.layout.page import PageLayout, layout_page

PACKS = ("openscore-lieder", "openscore-string-quartets", "nifc-chopin-first-editions", "nifc-polish-scores")
SEED = 11
TURNS = 12  # through a pack that has few pieces
LARGEST_BYTES = 150_000  # longer scores take verovio long
FIRST_PAGES = 3  # of a score, of which one is taken
TOLERANCE_SPACES = 0.25
ENDS_SPACES = 2.0
LIMITS = Limits(memory_bytes=4 << 30, cpu_s=60, wall_s=240)

Page = tuple[NDArray[np.uint8], float, list[list[NDArray[np.float32]]]]  # picture, interline, systems of staves of (lines, 3)


def engrave_one(text: str, seed: int) -> dict[str, Any]:
    """The child's side: one page of a score, drawn at random."""
    from omr.pages.engraved import engraved_pages
    from omr.pages.options import random_options

    rng = np.random.default_rng(seed)
    options = replace(random_options(rng, interline_px=float(rng.uniform(12, 24))), max_pages=FIRST_PAGES)
    pages = [page for page in engraved_pages(text, options) if page.systems and _is_whole(page)]
    if not pages:
        raise InputError("page: expected systems that its paper holds")
    page = pages[int(rng.integers(len(pages)))]
    systems = [list(system.staff_lines) for system in page.systems]
    return {"image": page.image, "interline_px": page.interline_px, "systems": systems}


def _is_whole(page: Any) -> bool:
    """Whether no system is cut off by the lower edge, as verovio does with one that is too tall."""
    lowest = max(float(np.asarray(staff)[:, 2].max()) for system in page.systems for staff in system.staff_lines)
    return lowest < page.image.shape[0] - page.interline_px


def clean_pages(count: int, keep: Path | None) -> Iterator[Page]:
    """Pages in turn from every pack, of small ones several of each piece; kept ones are read back."""
    for number, pack in enumerate(PACKS):
        left = count // len(PACKS) + (number < count % len(PACKS))
        for turn in range(TURNS):
            files = iter_pack(pack, split="test", limit=left, seed=SEED, where=lambda row: row.bytes < LARGEST_BYTES)
            for place, (row, data) in enumerate(files):
                page = _page(data, row.path, (number * TURNS + turn) * 1000 + place, keep)
                if page is not None:
                    left -= 1
                    yield page
            if left <= 0:
                break


def _page(data: bytes, name: str, seed: int, keep: Path | None) -> Page | None:
    """One page of a piece, drawn by the seed; None where verovio refuses it."""
    kept = keep / f"{seed}.npz" if keep else None
    if kept is not None and kept.exists():
        with np.load(kept) as stored:
            shape = json.loads(str(stored["shape"]))
            systems = [[stored[f"s{i}_{j}"] for j in range(staves)] for i, staves in enumerate(shape)]
            return np.array(stored["image"]), float(stored["interline"]), systems
    try:
        checked = check_score(data, name)
        page = run_limited("bench_layout:engrave_one", {"text": checked.data.decode(), "seed": SEED + seed}, limits=LIMITS)
    except (PartimentoError, UnicodeDecodeError) as error:
        print(f"left out: {error}", file=sys.stderr)
        return None
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shape = json.dumps([len(system) for system in page["systems"]])
        lines = {f"s{i}_{j}": staff for i, system in enumerate(page["systems"]) for j, staff in enumerate(system)}
        part = kept.with_name(f"{os.getpid()}-{kept.name}")
        np.savez_compressed(part, image=page["image"], interline=page["interline_px"], shape=shape, **lines)
        part.replace(kept)
    return np.array(page["image"]), page["interline_px"], page["systems"]


def faults(found: PageLayout, systems: list[list[NDArray[np.float32]]], there: Any) -> tuple[str, float]:
    """What is wrong, "" for nothing, and how far lines lie off in spaces at most."""
    shape, wanted = [len(system.staves) for system in found.systems], [len(system) for system in systems]
    if shape != wanted:
        return f"staves {shape}, expected {wanted}", np.inf
    worst = 0.0
    for number, system in enumerate(systems):
        for staff, (lines, truth) in enumerate(zip(found.staff_lines(number), system, strict=True)):
            if len(truth) != len(lines):
                return f"system {number}, staff {staff}: {len(lines)} lines, expected {len(truth)}", np.inf
            across = np.linspace(0.0, 1.0, 60)[:, None]
            x = truth[:, 0] + across * (truth[:, 1] - truth[:, 0])  # (points, lines)
            points = there(np.stack([x, np.broadcast_to(truth[:, 2], x.shape)], axis=-1).astype(np.float64))
            space = np.abs(points[:, -1, 1] - points[:, 0, 1]).mean() / (len(truth) - 1)
            for line in range(len(lines)):
                inner = points[1:-1, line]
                off = np.abs(np.interp(inner[:, 0], lines[line, :, 0], lines[line, :, 1]) - inner[:, 1]).max() / space
                worst = max(worst, float(off))
                if off > TOLERANCE_SPACES:
                    return f"system {number}, staff {staff}, line {line}: {off:.2f} spaces off", worst
            ends = np.abs(lines[2, [0, -1], 0] - points[[0, -1], 2, 0]) / space
            if ends.max() > ENDS_SPACES:
                return f"system {number}, staff {staff}: ends {ends.round(1)} spaces off", worst
    return "", worst


def drawn(grey: NDArray[np.uint8], found: PageLayout) -> NDArray[np.uint8]:
    """The page with what was found, a colour a system."""
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    colours = [(0, 0, 255), (0, 160, 0), (255, 0, 0), (200, 0, 200)]
    for number in range(len(found.systems)):
        for lines in found.staff_lines(number):
            for line in lines:
                cv2.polylines(picture, [line.round().astype(np.int32)], False, colours[number % 4], 2)
    return np.asarray(picture, dtype=np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--levels", default=",".join(LEVELS))
    parser.add_argument("--keep", type=Path, help="folder of engraved pages, to engrave them once")
    parser.add_argument("--draw", type=Path, help="folder for pictures of the pages that are wrong")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    levels = options.levels.split(",")
    results: dict[str, list[tuple[bool, float, float, float, int, float]]] = {level: [] for level in levels}
    for number, (image, interline_px, systems) in enumerate(clean_pages(options.pages, options.keep)):
        for level in levels:
            rng = np.random.default_rng([SEED, number, LEVELS.index(level)])
            worn, there, space = wear(image, interline_px, level, rng)
            started = time.process_time()
            found = layout_page(worn)
            strips = list(found.strips())
            taken = time.process_time() - started
            fault, off = faults(found, systems, there)
            sure = min((strip.confidence for strip in strips), default=0.0)
            results[level].append((not fault, off, taken, sure, worn.size, space))
            if fault:
                print(f"page {number}, {level}, interline {space:.1f}, confidence {sure:.2f}: {fault}", file=sys.stderr, flush=True)
                if options.draw:
                    options.draw.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(options.draw / f"{number:03d}-{level}.png"), drawn(worn, found))
    rows = [
        "| wear | pages | right | lines off in spaces: median | worst | s a page: median | most | confidence: right | wrong |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for level, outcomes in results.items():
        if not outcomes:
            continue
        right = [outcome for outcome in outcomes if outcome[0]]
        wrong = [outcome for outcome in outcomes if not outcome[0]]
        offs = [outcome[1] for outcome in right] or [float("nan")]
        times = [outcome[2] for outcome in outcomes]
        rows.append(
            f"| {level} | {len(outcomes)} | {100 * len(right) / len(outcomes):.1f} % | {median(offs):.3f} | {max(offs):.3f} "
            f"| {median(times):.2f} | {max(times):.2f} | {mean([o[3] for o in right] or [0]):.2f} "
            f"| {mean([o[3] for o in wrong]) if wrong else float('nan'):.2f} |"
        )
    conditions = (
        f"Seconds are of one core's processor time with the strips; the confidence is the lowest of a page's systems. "
        f"Python {platform.python_version()}, NumPy {np.__version__}, OpenCV {cv2.__version__}, {platform.machine()}; seed {SEED}."
    )
    text = "\n".join(["# Layout of pages", "", (__doc__ or "").strip().split("\n\nRun:")[0], "", *rows, "", conditions, ""])
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
