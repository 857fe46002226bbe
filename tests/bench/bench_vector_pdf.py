"""How well PDFs of three engravers are read: note F1 (onset in quarters, sounding pitch) of held-out pieces, engraver by engraver.

Pieces come from the test split of a pack (``PARTIMENTO_DATA``); LilyPond (with musicxml2ly) and MuseScore 3 engrave where they are
installed, verovio where CairoSVG is, which turns its SVG into PDF. A note counts when one of the same onset and pitch is in the
score; tied notes count once. A bar that is read too long or short moves all that follows.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pypdf
import verovio

from compose.notation.reading import read_written
from compose.notation.written import Part, WrittenScore
from corpora.datasets.packs import iter_pack
from corpora.errors import PartimentoError
from corpora.gate.score import check_score
from omr.assembly.assembling import assemble
from omr.vector.reading import read_pdf

FONTS = ("Leipzig", "Bravura", "Leland", "Gootville", "Petaluma")
SEMITONES = (0, 2, 4, 5, 7, 9, 11)
SHARP_STEPS = (3, 0, 4, 1, 5, 2, 6)
ALTERATIONS = {"sharp": 1, "flat": -1, "natural": 0, "double-sharp": 2, "sharp-sharp": 2, "flat-flat": -2}
PAGE_POINTS = (595, 842)
ENGRAVE_S = 300


def _musescore(musicxml: Path, pdf: Path) -> None:
    subprocess.run(
        ["mscore3", "-o", pdf, musicxml],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        timeout=ENGRAVE_S,
        check=True,
    )


def _lilypond(musicxml: Path, pdf: Path) -> None:
    source = pdf.with_suffix(".ly")
    subprocess.run(["musicxml2ly", "-o", source, musicxml], capture_output=True, timeout=ENGRAVE_S, check=True)
    subprocess.run(
        ["lilypond", "-dno-point-and-click", "-o", pdf.with_suffix(""), source], capture_output=True, timeout=ENGRAVE_S, check=True
    )


def _verovio(musicxml: Path, pdf: Path) -> None:
    import cairosvg  # type: ignore[import-not-found,unused-ignore]  # optional: only this engraver needs it

    toolkit = verovio.toolkit()
    font = FONTS[sum(musicxml.stem.encode()) % len(FONTS)]
    toolkit.setOptions({"pageWidth": 2100, "pageHeight": 2970, "unit": 7.5, "footer": "none", "svgFormatRaw": True, "font": font})
    toolkit.loadData(musicxml.read_text())
    writer = pypdf.PdfWriter()
    for page in range(1, toolkit.getPageCount() + 1):
        svg = toolkit.renderToSVG(page).encode()
        writer.append(io.BytesIO(cairosvg.svg2pdf(bytestring=svg, output_width=PAGE_POINTS[0], output_height=PAGE_POINTS[1])))
    writer.write(pdf)


def _engravers() -> dict[str, object]:
    engravers: dict[str, object] = {}
    if shutil.which("mscore3"):
        engravers["MuseScore"] = _musescore
    if shutil.which("lilypond") and shutil.which("musicxml2ly"):
        engravers["LilyPond"] = _lilypond
    if importlib.util.find_spec("cairosvg"):
        engravers["verovio"] = _verovio
    return engravers


def sounding(score: WrittenScore) -> Counter[tuple[Fraction, int]]:
    """Onset in quarters and MIDI pitch less 12 of each note that begins."""
    notes: Counter[tuple[Fraction, int]] = Counter()
    for part in score.parts:
        notes += _of_part(part)
    return notes


def _of_part(part: Part) -> Counter[tuple[Fraction, int]]:
    notes: Counter[tuple[Fraction, int]] = Counter()
    start, fifths = Fraction(0), 0
    held: dict[tuple[int, int], int] = {}
    for bar in part.bars:
        fifths = bar.key.fifths if bar.key else fifths
        in_bar: dict[tuple[int, int], int] = {}
        tied: dict[tuple[int, int], int] = {}
        events = [event for voice in bar.voices for event in voice.events]
        for event in sorted(events, key=lambda event: (event.onset, not event.grace, event.staff)):
            for head in event.heads:
                at, step = (event.staff, head.place), head.place % 7
                if head.accidental:
                    in_bar[at] = ALTERATIONS.get(head.accidental, 0)
                of_key = (fifths > 0 and step in SHARP_STEPS[:fifths]) - (fifths < 0 and step in SHARP_STEPS[fifths:])
                alteration = in_bar.get(at, held.get(at, of_key) if head.tie_stop else of_key)
                if head.tie_start:
                    tied[at] = alteration
                if not head.tie_stop:
                    notes[start + event.onset, 12 * (head.place // 7) + SEMITONES[step] + alteration] += 1
        held = tied
        start += bar.length
    return notes


def main() -> None:
    """Engrave, read, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", default="openscore-lieder")
    parser.add_argument("--pages", type=int, default=30, help="read at least so many pages of each engraver")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    verovio.enableLog(verovio.LOG_OFF)
    print(f"{arguments.pack}, test split, seed {arguments.seed}; verovio {verovio.toolkit().getVersion()}")
    for name, engrave in _engravers().items():
        pages = correct = total = 0
        seconds = 0.0
        lines: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            for row, data in iter_pack(arguments.pack, split="test", limit=arguments.pages, seed=arguments.seed):
                if pages >= arguments.pages:
                    break
                musicxml, pdf = Path(folder) / "score.musicxml", Path(folder) / "score.pdf"
                musicxml.write_bytes(check_score(data, row.path).data)
                pdf.unlink(missing_ok=True)
                try:
                    engrave(musicxml, pdf)  # type: ignore[operator]
                except (subprocess.SubprocessError, OSError):
                    continue  # the engraver refuses the piece
                begin = time.perf_counter()
                try:
                    read = list(read_pdf(pdf.read_bytes(), row.path))
                    found = sounding(assemble([system for page in read for system in page]).score)
                except PartimentoError as error:
                    lines.append(f"  {row.title}: {error}")
                    continue
                seconds += time.perf_counter() - begin
                truth = sounding(read_written(data, row.path))
                same, both = (truth & found).total(), truth.total() + found.total()
                pages, correct, total = pages + len(read), correct + same, total + both
                lines.append(f"  {row.title[:40]:40} {len(read):3} pages  {2 * same / max(both, 1):.4f}")
        print("\n".join(lines))
        print(
            f"{name:10} {pages:3} pages  note F1 {2 * correct / max(total, 1):.4f}  {seconds / max(pages, 1):.1f} s a page",
            flush=True,
        )


if __name__ == "__main__":
    main()
