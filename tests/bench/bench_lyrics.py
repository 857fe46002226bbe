"""How many syllables of lyrics are read, and at the right note: pages of ``make_test_pages.py``, as pictures and as PDFs.

A syllable is right when its letters are (of any case, without marks) in the right bar and verse; "at the note" when its onset is
right too. Pictures need tesseract.

Run: ``python tests/bench/bench_lyrics.py PAGES... [--pieces 20] [--way picture]``, where each folder holds ``NNN.musicxml``,
``NNN-P.png`` and ``NNN.pdf``.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parents[2]))

from compose.notation.written import WrittenScore
from corpora.errors import PartimentoError
from omr.reading import read

WAYS = ("picture", "glyphs")
Syllables = Counter[tuple[int, int, str, Fraction]]  # bar, verse, letters, onset


def letters(text: str) -> str:
    """What counts of a syllable."""
    return "".join(letter for letter in text.lower() if letter.isalnum())


def printed_syllables(path: Path) -> Syllables:
    """Those of a MusicXML file."""
    found: Syllables = Counter()
    for part in ElementTree.parse(path).getroot().findall("part"):
        divisions = 1
        for bar, measure in enumerate(part.findall("measure")):
            place = Fraction(0)
            for element in measure:
                divisions = int(element.findtext("divisions") or divisions)
                step = Fraction(int(element.findtext("duration") or 0), divisions)
                if element.tag in ("backup", "forward"):
                    place += -step if element.tag == "backup" else step
                elif element.tag == "note":
                    for lyric in element.findall("lyric"):
                        text = letters("".join(part.text or "" for part in lyric.findall("text")))
                        if text:
                            found[bar, int(lyric.get("number") or 1) - 1, text, place] += 1
                    place += step if element.find("chord") is None else 0
    return found


def read_syllables(score: WrittenScore) -> Syllables:
    """Those that were read."""
    found: Syllables = Counter()
    for part in score.parts:
        for bar, written in enumerate(part.bars):
            for event in (event for voice in written.voices for event in voice.events):
                for verse, text in enumerate(event.lyrics):
                    if letters(text):
                        found[bar, verse, letters(text), event.onset] += 1
    return found


def without_onsets(syllables: Syllables) -> Counter[tuple[int, int, str]]:
    """Bars, verses and letters alone."""
    found: Counter[tuple[int, int, str]] = Counter()
    for (bar, verse, text, _), count in syllables.items():
        found[bar, verse, text] += count
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("pages", type=Path, nargs="+")
    parser.add_argument("--pieces", type=int, default=20, help="of each folder, of those that have lyrics")
    parser.add_argument("--way", choices=WAYS, action="append")
    given = parser.parse_args()
    print("| pages | way | pieces | syllables | found | precision | at the note |\n|---|---|---|---|---|---|---|")
    for folder in given.pages:
        pieces = [path for path in sorted(folder.glob("*.musicxml")) if printed_syllables(path)][: given.pieces]
        for way in given.way or WAYS:
            wanted = told = right = exact = count = 0
            for path in pieces:
                files = [path.with_suffix(".pdf")] if way == "glyphs" else sorted(folder.glob(f"{path.stem}-*.png"))
                if not all(file.is_file() for file in files):
                    continue
                try:
                    found = read_syllables(read(files).assembled.score)
                except PartimentoError as error:
                    print(f"{path.name}: {error}", file=sys.stderr)
                    found = Counter()
                printed = printed_syllables(path)
                count += 1
                wanted, told = wanted + printed.total(), told + found.total()
                right += (without_onsets(found) & without_onsets(printed)).total()
                exact += (found & printed).total()
            name = "/".join(folder.resolve().parts[-2:])
            shares = f"{right / max(wanted, 1):.3f} | {right / max(told, 1):.3f} | {exact / max(wanted, 1):.3f}"
            print(f"| {name} | {way} | {count} | {wanted} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
