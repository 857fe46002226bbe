from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from music21 import corpus
from PIL import Image

from corpora import child
from corpora.errors import InputError, PartimentoError, RequestError, ToolError
from render import engrave as engrave_module
from render.engrave import Engraving, engrave, write_image

BAR = [("C", "5", "quarter"), ("D", "5", "quarter"), ("E", "5", "eighth"), ("F", "5", "eighth"), ("G", "5", "quarter")]
RED = "#c0392b"
RED_RGB = (0xC0, 0x39, 0x2B)


def count(page: str, kind: str) -> int:
    """Groups of a verovio class on a page."""
    return len(re.findall(rf'<g [^>]*class="{kind}"', page))


def pixels(png: bytes) -> np.ndarray:
    """An RGB picture, shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def near(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    """Pixels of nearly this colour."""
    return int((np.abs(picture.astype(int) - np.array(colour)).max(axis=-1) <= 8).sum())


@pytest.fixture(scope="module")
def chorale() -> bytes:
    """Bach's BWV 66.6 from music21's corpus: 9 bars and a pickup, four staves."""
    path = next(path for path in corpus.getPaths() if Path(path).name == "bwv66.6.mxl")
    with zipfile.ZipFile(path) as box:
        return box.read(next(name for name in box.namelist() if not name.startswith("META-INF")))


@pytest.fixture(scope="module")
def pages(chorale: bytes) -> Engraving:
    """The whole chorale."""
    return engrave(chorale, name="bwv66.6")


def test_a_chorale_has_all_its_notes_on_white_paper(chorale: bytes, pages: Engraving) -> None:
    assert len(pages.svg) == len(pages.png) == 1
    assert count(pages.svg[0], "note") == chorale.count(b"<pitch>")
    assert count(pages.svg[0], "measure") == 10
    picture = pixels(pages.png[0])
    assert (picture[0] == 255).all()
    assert (picture[-1] == 255).all()
    assert (picture[:, -1] == 255).all()
    assert (picture < 64).mean() > 0.01
    assert near(picture, RED_RGB) == 0


def test_the_same_score_gives_the_same_pages(make_score: Callable[..., bytes]) -> None:
    assert engrave(make_score([BAR])) == engrave(make_score([BAR]))


def test_only_the_bars_asked_for_are_drawn(chorale: bytes, pages: Engraving) -> None:
    some = engrave(chorale, bars=(3, 5))
    assert count(some.svg[0], "measure") == 3
    assert pixels(some.png[0]).shape[1] < pixels(pages.png[0]).shape[1]
    assert count(some.svg[0], "keySig") == 4, "the excerpt shows the key signature on each staff"
    assert count(engrave(chorale, bars=(10, 10)).svg[0], "measure") == 1


@pytest.mark.parametrize("bars", [(0, 2), (3, 2), (9, 11), (50, 60)])
def test_bars_that_are_not_there_are_refused(chorale: bytes, bars: tuple[int, int]) -> None:
    with pytest.raises(RequestError, match="expected bars"):
        engrave(chorale, bars=bars)


def test_coloured_notes_are_coloured_and_so_is_their_beam(make_score: Callable[..., bytes]) -> None:
    plain = list(BAR)
    beamed = make_score([[*BAR[:2], ("E", "5", "eighth", RED), ("F", "5", "eighth", RED), BAR[4]], plain])
    beamed = beamed.replace(
        b'<type>eighth</type></note><note color="#c0392b"><pitch><step>F',
        b'<type>eighth</type><beam number="1">begin</beam></note><note color="#c0392b"><pitch><step>F',
    )
    beamed = beamed.replace(
        b"<type>eighth</type></note><note><pitch><step>G",
        b'<type>eighth</type><beam number="1">end</beam></note><note><pitch><step>G',
        1,
    )
    pages = engrave(beamed)
    assert len(re.findall(rf'class="note"[^>]*fill="{RED}"', pages.svg[0])) == 2
    assert len(re.findall(rf'class="beam"[^>]*fill="{RED}"', pages.svg[0])) == 1
    assert near(pixels(pages.png[0]), RED_RGB) > 300
    assert 'xlink:href="#' in pages.svg[0], "glyphs are still found after the beam was coloured"


def test_text_and_music_signs_are_in_the_picture(make_score: Callable[..., bytes]) -> None:
    """Titles, tempo marks and the note in a tempo mark are text: without fonts they vanish or become boxes."""
    mark = (
        '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>96</per-minute>'
        "</metronome></direction-type></direction>"
    )
    bare = pixels(engrave(make_score([BAR])).png[0])
    titled = pixels(engrave(make_score([BAR], title="Ä Títle")).png[0])
    assert (titled < 128).sum() > (bare < 128).sum() + 300
    marked = engrave(make_score([BAR], extra=mark))
    assert "\ueca5" in marked.svg[0]
    dark = pixels(marked.png[0]).min(axis=-1) < 128
    # The topmost ink is the note's stem, thin; its head follows below. The box of a missing sign begins with a wide line.
    top = int(np.argmax(dark.any(axis=1)))
    stem = int(np.argmax(dark[top]))
    sign = dark[top : top + 45, stem - 12 : stem + 5]
    assert 1 <= sign[2].sum() <= 4
    assert sign.sum(axis=1).max() >= 9


def test_titles_with_markup_are_text(make_score: Callable[..., bytes]) -> None:
    page = engrave(make_score([BAR], title="&lt;script&gt;alert(1)&lt;/script&gt; &amp; co")).svg[0]
    assert "<script" not in page
    assert "&lt;script" in page


def test_long_scores_break_into_pages_that_are_all_written(make_score: Callable[..., bytes], tmp_path: Path) -> None:
    pages = engrave(make_score([BAR] * 40), page_width_mm=100.0, page_height_mm=60.0, dpi=72)
    assert len(pages.svg) > 2
    assert sum(count(page, "measure") for page in pages.svg) == 40
    written = write_image(pages, tmp_path / "score.png")
    assert [path.name for path in written[:3]] == ["score.png", "score-2.png", "score-3.png"]
    assert tuple(path.read_bytes() for path in written) == pages.png
    svg = write_image(pages, tmp_path / "score.svg")
    assert svg[1].read_text(encoding="utf-8") == pages.svg[1]


def test_dpi_scales_the_picture(make_score: Callable[..., bytes]) -> None:
    low, high = (pixels(engrave(make_score([BAR]), dpi=dpi).png[0]).shape for dpi in (100, 200))
    assert high[0] == pytest.approx(2 * low[0], abs=2)
    assert high[1] == pytest.approx(2 * low[1], abs=2)


@pytest.mark.parametrize(
    "wish",
    [
        {"dpi": 10},
        {"dpi": 5000},
        {"staff_mm": 0.1},
        {"page_width_mm": 1e9},
        {"page_height_mm": float("nan")},
        {"page_height_mm": 2000.0, "dpi": 600},
    ],
)
def test_pictures_beyond_all_measure_are_refused(make_score: Callable[..., bytes], wish: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="picture: "):
        engrave(make_score([BAR]), **wish)


def test_too_many_pages_are_refused(make_score: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engrave_module, "MAX_PAGES", 2)
    with pytest.raises(RequestError, match="at most 2 pages, the picture would have"):
        engrave(make_score([BAR] * 60), page_width_mm=60.0, page_height_mm=60.0)


@pytest.mark.parametrize("data", [b"", b"<a", b"<score-partwise/>", b"\x00\xff\xfe", b"<html><body/></html>"])
def test_what_is_no_score_is_one_clear_line(data: bytes) -> None:
    with pytest.raises(PartimentoError) as caught:
        engrave(data, name="odd.musicxml")
    assert "\n" not in str(caught.value)
    assert "odd.musicxml" in str(caught.value)


def test_a_score_that_kills_verovio_is_an_error_not_a_crash(
    make_score: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """beat-type 0 stops verovio by a signal; the gate refuses it, so the gate is opened here."""
    monkeypatch.setattr(engrave_module, "clean_musicxml", lambda data, *_: data)
    with pytest.raises(PartimentoError) as caught:
        engrave(make_score([BAR], beat_type="0"), name="zero.musicxml")
    assert "zero.musicxml" in str(caught.value)


def test_an_engraver_that_hangs_is_stopped(make_score: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engrave_module, "LIMITS", child.Limits(wall_s=0.05))
    with pytest.raises(ToolError, match=r"verovio was stopped on slow\.musicxml"):
        engrave(make_score([BAR]), name="slow.musicxml")


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"score\.jpg: expected a picture name ending in .png or .svg"):
        write_image(Engraving(("<svg/>",), (b"png",)), tmp_path / "score.jpg")
    assert list(tmp_path.iterdir()) == []


def test_notebooks_show_pages_as_closed_images() -> None:
    assert (
        Engraving(("<svg/>",), (b"png",))._repr_html_().startswith('<img style="max-width:100%" src="data:image/png;base64,cG5n"')
    )
