"""Test pages that no reader was trained on: scores of the test split, engraved by verovio, MuseScore and LilyPond.

For each engraver and kind ("lieder", "quartets", "single": one part alone, "piano": that of songs alone, two staves) the first
bars of scores are engraved until there are enough pages. A piece is ``NNN.musicxml`` (what the engraver was given, the reference),
``NNN.pdf`` (of verovio where rsvg-convert, of librsvg2-bin, makes one of its SVG) and ``NNN-P.png`` for each of its pages, from 1.
``pieces.json`` says what each is and which engraver refused what.

Run: ``python tests/bench/make_test_pages.py FOLDER [--pages 30] [--engraver lilypond] [--kind single] [--dpi 150]``
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray

from corpora.atomic import atomic_write
from corpora.datasets.packs import iter_pack
from corpora.errors import PartimentoError
from omr.pages.engraved import engraved_pages
from omr.pages.options import EngravingOptions
from omr.pages.other_engravers import ENGRAVERS, engraved_pdf, first_bars, for_lilypond, is_installed
from omr.pages.sources import draw_parts, score_text

PACKS = {
    "lieder": "openscore-lieder",
    "piano": "openscore-lieder",
    "quartets": "openscore-string-quartets",
    "single": "openscore-string-quartets",
}
BARS = {"lieder": 40, "piano": 40, "quartets": 90, "single": 90}
STAVES = {"single": 1, "piano": 2}
PARTS_OF_A_PIECE = {"single": 4, "piano": 1}
POINTS_PER_INCH = 72.0
VEROVIO = "verovio"
CONVERT_S = 120
INTERLINE_MM = 1.75  # of A4 pages
MM_PER_INCH = 25.4


def _scores(kind: str) -> Iterator[tuple[str, str]]:
    """Names and texts of the test split's pieces of a kind, a part or the whole."""
    for number, (row, data) in enumerate(iter_pack(PACKS[kind], split="test")):
        text = score_text(data, row.path)
        if kind not in STAVES:
            yield row.path, first_bars(text, BARS[kind])
            continue
        seen = set()
        for seed in itertools.count(100 * number):
            part, chosen = draw_parts(text, np.random.default_rng(seed))
            staves = 2 if "<staves>2</staves>" in part else 1
            if len(chosen) == 1 and chosen not in seen and staves == STAVES[kind]:
                seen.add(chosen)
                yield f"{row.path}#{chosen[0]}", first_bars(part, BARS[kind])
            if len(seen) == PARTS_OF_A_PIECE[kind] or seed > 100 * number + 60:
                break


def _drawn(pdf: bytes, dpi: int) -> list[NDArray[np.uint8]]:
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    pictures = []
    try:
        for page in document:
            picture = page.render(scale=dpi / POINTS_PER_INCH, grayscale=True).to_numpy()
            pictures.append(np.asarray(picture, dtype=np.uint8).squeeze())
    finally:
        document.close()
    return pictures


def _pdf_of(pages: list[str]) -> bytes:
    """SVG pages as a PDF; empty where rsvg-convert is not installed."""
    program = shutil.which("rsvg-convert")
    if program is None:
        return b""
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        paths = [Path(folder) / f"{number}.svg" for number in range(len(pages))]
        for path, svg in zip(paths, pages, strict=True):
            path.write_text(svg, encoding="utf-8")
        return subprocess.run([program, "-f", "pdf", *map(str, paths)], capture_output=True, check=True, timeout=CONVERT_S).stdout


def _engraved(text: str, engraver: str, dpi: int, name: str) -> tuple[list[NDArray[np.uint8]], bytes]:
    """Pages as pictures, and the PDF, empty where nothing makes one."""
    if engraver == VEROVIO:
        options = EngravingOptions(interline_px=INTERLINE_MM * dpi / MM_PER_INCH, font="Leipzig")
        pages = engraved_pages(text, options)
        return [page.image for page in pages], _pdf_of([page.svg for page in pages])
    pdf = engraved_pdf(text, engraver, name)
    return _drawn(pdf, dpi), pdf


def make(folder: Path, engraver: str, kind: str, pages: int, dpi: int) -> dict[str, object]:
    """Engrave pieces until there are enough pages."""
    place = folder / engraver / kind
    place.mkdir(parents=True, exist_ok=True)
    pieces: list[dict[str, object]] = []
    refused: list[dict[str, str]] = []
    count, start = 0, time.time()
    for path, text in _scores(kind):
        given = for_lilypond(text) if engraver == "lilypond" else text
        try:
            pictures, pdf = _engraved(given, engraver, dpi, path)
        except PartimentoError as error:
            refused.append({"piece": path, "why": str(error)})
            continue
        name = f"{len(pieces):03d}"
        atomic_write(place / f"{name}.musicxml", given)
        if pdf:
            atomic_write(place / f"{name}.pdf", pdf)
        for number, picture in enumerate(pictures, 1):
            atomic_write(place / f"{name}-{number}.png", cv2.imencode(".png", picture)[1].tobytes())
        pieces.append({"name": name, "piece": path, "pages": len(pictures)})
        count += len(pictures)
        print(f"{engraver} {kind}: {count} pages after {time.time() - start:.0f} s", file=sys.stderr, flush=True)
        if count >= pages:
            break
    told: dict[str, object] = {
        "engraver": engraver,
        "kind": kind,
        "dpi": dpi,
        "bars": BARS[kind],
        "pages": count,
        "pieces": pieces,
        "refused": refused,
    }
    atomic_write(place / "pieces.json", json.dumps(told, indent=1, ensure_ascii=False))
    return told


def main() -> None:
    """Make the sets and print a table of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=30)
    parser.add_argument("--dpi", type=int, default=150)
    parser.add_argument("--engraver", action="append", choices=[VEROVIO, *ENGRAVERS])
    parser.add_argument("--kind", action="append", choices=list(PACKS))
    arguments = parser.parse_args()
    print("| engraver | kind | pieces | pages | refused |\n|---|---|---|---|---|")
    for engraver in arguments.engraver or [VEROVIO, *ENGRAVERS]:
        if engraver != VEROVIO and not is_installed(engraver):
            print(f"{engraver} is not installed", file=sys.stderr)
            continue
        for kind in arguments.kind or list(PACKS):
            told = make(arguments.folder, engraver, kind, arguments.pages, arguments.dpi)
            pieces, refused = told["pieces"], told["refused"]
            assert isinstance(pieces, list)
            assert isinstance(refused, list)
            print(f"| {engraver} | {kind} | {len(pieces)} | {told['pages']} | {len(refused)} |", flush=True)


if __name__ == "__main__":
    main()
