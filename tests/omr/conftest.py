"""Small pages of music with the score that they show, engraved once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from corpora.checkpoints import list_weights
from render.engrave import engrave

PAGE_MM = 150.0
DIVISIONS = 4
LENGTHS = {"half.": 12, "half": 8, "quarter.": 6, "quarter": 4, "eighth": 2}  # in quarters of a quarter
MELODY = (
    "D4:quarter F#4:quarter A4:half",
    "B4:quarter. C#5:eighth D5:half",
    "C#5:quarter B4:quarter A4:quarter G4:quarter",
    "F#4:half E4:half",
    "F#4:quarter G4:quarter A4:quarter B4:quarter",
    "C#5:half D5:half",
    "B4:quarter G4:quarter E4:quarter C#4:quarter",
    "D4:half rest:half",
)
UPPER = (
    "Eb4:quarter G4:quarter Bb4:quarter",
    "C5:half Bb4:quarter",
    "Ab4:quarter G4:quarter F4:quarter",
    "G4:half.",
    "Bb4:quarter Ab4:quarter G4:quarter",
    "Eb4:half.",
)
LOWER = ("Eb3:half.", "Ab2:half G3:quarter", "F3:half D3:quarter", "Eb3:half.", "Bb2:half.", "Eb3:half.")


@dataclass(frozen=True, eq=False)
class ShownScore:
    """A score, and the page that shows it."""

    musicxml: bytes
    png: bytes

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """Grey, (height, width)."""
        return np.array(Image.open(BytesIO(self.png)).convert("L"))


def _note(word: str, staff: int) -> str:
    pitch, _, length = word.partition(":")
    alter = f"<alter>{pitch.count('#') - pitch.count('b')}</alter>" if len(pitch) == 3 else ""
    what = "<rest/>" if pitch == "rest" else f"<pitch><step>{pitch[0]}</step>{alter}<octave>{pitch[-1]}</octave></pitch>"
    kind = f"<type>{length.rstrip('.')}</type>{'<dot/>' * length.count('.')}"
    return f"<note>{what}<duration>{LENGTHS[length]}</duration><voice>{staff}</voice>{kind}<staff>{staff}</staff></note>"


def _musicxml(staves: Sequence[Sequence[str]], fifths: int, printed: tuple[int, int], clefs: Sequence[str]) -> bytes:
    """One part; each bar lasts as long as its notes, whatever meter is printed."""
    signs = "".join(
        f'<clef number="{number}"><sign>{clef[0]}</sign><line>{clef[1]}</line></clef>' for number, clef in enumerate(clefs, 1)
    )
    attributes = (
        f"<attributes><divisions>{DIVISIONS}</divisions><key><fifths>{fifths}</fifths></key>"
        f"<time><beats>{printed[0]}</beats><beat-type>{printed[1]}</beat-type></time><staves>{len(staves)}</staves>{signs}</attributes>"
    )
    bars = []
    for number, rows in enumerate(zip(*staves, strict=True), 1):
        length = sum(LENGTHS[word.partition(":")[2]] for word in rows[0].split())
        notes = ["".join(_note(word, staff) for word in row.split()) for staff, row in enumerate(rows, 1)]
        inside = f"<backup><duration>{length}</duration></backup>".join(notes)
        bars.append(f'<measure number="{number}">{attributes if number == 1 else ""}{inside}</measure>')
    part = '<score-part id="P1"><part-name>Music</part-name></score-part>'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list>{part}</part-list>'
        f'<part id="P1">{"".join(bars)}</part></score-partwise>'
    ).encode()


def _shown(musicxml: bytes) -> ShownScore:
    pages = engrave(musicxml, page_width_mm=PAGE_MM).png
    assert len(pages) == 1
    return ShownScore(musicxml, pages[0])


@pytest.fixture(scope="session")
def needs_signs() -> None:
    """Skips where the weights of the detector are not."""
    if "signs" not in list_weights():
        pytest.skip("the weights for signs are not in this checkout")


@pytest.fixture(scope="session")
def melody() -> ShownScore:
    """Eight bars of one staff in D major, two systems."""
    return _shown(_musicxml([MELODY], 2, (4, 4), ["G2"]))


@pytest.fixture(scope="session")
def keyboard() -> ShownScore:
    """Six bars of two staves in E flat major, two systems."""
    return _shown(_musicxml([UPPER, LOWER], -3, (3, 4), ["G2", "F4"]))


@pytest.fixture(scope="session")
def misprinted() -> ShownScore:
    """The melody with its notes in four quarters a bar, but 3/4 before them."""
    return _shown(_musicxml([MELODY], 2, (3, 4), ["G2"]))


@pytest.fixture(scope="session")
def picture_of() -> Callable[[NDArray[np.uint8]], bytes]:
    """Pixels as a PNG file."""

    def encoded(pixels: NDArray[np.uint8]) -> bytes:
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()

    return encoded
