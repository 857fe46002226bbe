"""What reading a page costs: processor seconds of pictures by page and by system, and memory by the length of a document.

Pages are engraved by verovio from the test split of a pack of songs (a voice and a piano), the first page of each. The times are of
one processor thread, assembly included, loading apart; wall time says how busy the machine was. The document repeats the pages as
pictures in a PDF; each length is read in a process of its own, whose peak of memory is that of the process (children that draw the
pages apart).

Run: ``PARTIMENTO_DATA=... OMP_NUM_THREADS=1 python tests/bench/bench_read.py [--pages 8] [--lengths 8,30]
[--output tests/bench/results/read.md]``.
"""

from __future__ import annotations

import argparse
import io
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[2]))

from PIL import Image

from corpora.datasets.packs import iter_pack
from corpora.errors import PartimentoError
from corpora.gate.score import check_score
from omr.reading import read
from render.engrave import engrave

HOUSE = Path(__file__).parents[2]
PACK = "openscore-lieder"
DPI = 200.0


def engraved(count: int, folder: Path) -> list[Path]:
    """First pages of songs."""
    paths: list[Path] = []
    for row, data in iter_pack(PACK, split="test", limit=2 * count, seed=5, where=lambda row: row.bytes < 150_000):
        try:
            png = engrave(check_score(data, row.path).data, dpi=int(DPI), name=row.path).png[0]
        except PartimentoError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        paths.append(folder / f"page-{len(paths) + 1}.png")
        paths[-1].write_bytes(png)
        if len(paths) == count:
            break
    return paths


def document_of(paths: list[Path], length: int, folder: Path) -> Path:
    """The pages over and over as a PDF of pictures."""
    images = [Image.open(io.BytesIO(path.read_bytes())).convert("L") for path in paths]
    pages = [images[number % len(images)] for number in range(length)]
    document = folder / f"pages-{length}.pdf"
    pages[0].save(document, save_all=True, append_images=pages[1:], resolution=DPI)
    return document


def peak_of(document: Path) -> tuple[float, float]:
    """Peak of memory in MiB and processor seconds of a process that reads a document."""
    words = [sys.executable, __file__, "--one", str(document)]
    done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=True)
    peak, seconds = done.stdout.split()
    return float(peak), float(seconds)


def times_of(path: Path) -> tuple[int, int, float, float]:
    """Systems, bars, processor and wall seconds of a page."""
    wall, work = time.perf_counter(), time.process_time()
    reading = read([path])
    return len(reading.systems), len(reading.assembled.bars), time.process_time() - work, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=8)
    parser.add_argument("--lengths", default="8,30")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # the child's side
    given = parser.parse_args()
    if given.one is not None:
        read([given.one])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.process_time())
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        paths = engraved(given.pages, folder)
        read(paths[:1])  # loads the weights
        lines = ["# Reading pictures of pages", "", f"{platform.machine()}, Python {platform.python_version()}, one thread.", ""]
        lines += ["| page | systems | bars | s of processor | s a system | s of wall |", "|---|---|---|---|---|---|"]
        rows = [times_of(path) for path in paths]
        for number, (found, bars, seconds, wall) in enumerate(rows, 1):
            lines.append(f"| {number} | {found} | {bars} | {seconds:.2f} | {seconds / found:.2f} | {wall:.2f} |")
        work = [row[2] for row in rows]
        systems = sum(row[0] for row in rows)
        all_bars, most = sum(row[1] for row in rows), f"mean {mean(work):.2f}, most {max(work):.2f}"
        lines.append(f"| all | {systems} | {all_bars} | {most} | {sum(work) / systems:.2f} | |")
        print("\n".join(lines))
        memory = ["", "| pages of the PDF | peak, MiB | s of processor a page, loading included |", "|---|---|---|"]
        for length in map(int, given.lengths.split(",")):
            peak, seconds = peak_of(document_of(paths, length, folder))
            memory.append(f"| {length} | {peak:.0f} | {seconds / length:.2f} |")
        print("\n".join(memory))
    if given.output is not None:
        given.output.write_text("\n".join(lines + memory) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
