"""``partimento read``: pages to files, all or none; what is no music is refused in one line, and so is what cannot be wished."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pypdf
import pytest
import soundfile
from PIL import Image, ImageDraw

import partimento
from compose.notation.reading import read_written
from corpora.errors import ToolError
from corpora.files import read_piece
from corpora.musicxml.harmony import chord_symbols
from corpora.partitura_quietly import partitura
from omr.evaluation.alignment import count_aligned
from render.engrave import engrave
from render.fluid import fluidsynth_version

HOUSE = Path(__file__).parents[2]
Shown = Any  # a ShownScore of conftest.py
REPORT = {"pages", "parts", "bars", "escapes", "mean_probability", "notes", "files"}
BAR = {"bar", "page", "probability", "irregular", "readings"}
HEAVY = ("torch", "cv2", "scipy", "pypdfium2", "verovio", "matplotlib")
ASKED = """
import json, sys, partimento
statuses = [partimento.main(words) for words in json.loads(sys.argv[1])]
print(json.dumps([statuses, [name for name in json.loads(sys.argv[2]) if name in sys.modules]]))
"""
SLOW = """
import signal, sys, time
import partimento, omr.reading

def never(*asked):
    print("reading", flush=True)
    for _ in range(1200):
        time.sleep(0.05)

omr.reading._see = never
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell would ignore it
sys.exit(partimento.main(sys.argv[1:]))
"""


@pytest.mark.usefixtures("needs_signs")
def test_a_page_becomes_a_score_that_programs_open(melody: Shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, out, seen = tmp_path / "page.png", tmp_path / "song.musicxml", tmp_path / "seen.png"
    page.write_bytes(melody.png)
    assert partimento.main(["read", str(page), "-o", str(out), "--overlay", str(seen), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == REPORT
    assert [set(bar) for bar in report["bars"]] == [BAR] * 8
    assert report["pages"][0]["systems"] == 2
    assert report["files"] == [str(out), str(seen)]
    assert all(0 < bar["probability"] <= 1 for bar in report["bars"])
    counts, _ = count_aligned(read_written(melody.musicxml), read_written(out.read_bytes()))
    assert counts.bars == 8
    assert counts.exact >= 7
    assert counts.f1 >= 0.95

    assert engrave(out.read_bytes()).png  # verovio
    assert len(read_piece(out).notes) == counts.got
    music21 = pytest.importorskip("music21")
    assert len(music21.converter.parseData(out.read_text(), format="musicxml").parts[0].getElementsByClass("Measure")) == 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(partitura.load_musicxml(str(out)).parts[0].note_array()) == counts.got

    drawn, printed = np.array(Image.open(seen)).astype(int), melody.pixels
    assert drawn.shape == (*printed.shape, 3)
    coloured = np.ptp(drawn, axis=2) > 40
    assert 500 < coloured.sum() < 0.1 * coloured.size
    assert (drawn == printed[:, :, None]).all(axis=2).mean() > 0.95  # all else is the page


@pytest.mark.usefixtures("needs_signs")
def test_from_score_to_picture_to_score_to_performance_to_sound(
    keyboard: Shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        fluidsynth_version()
    except ToolError as error:
        pytest.skip(str(error))
    page = tmp_path / "page.png"
    page.write_bytes(keyboard.png)
    out, midi, audio = (tmp_path / f"song{suffix}" for suffix in (".mxl", ".mid", ".flac"))
    assert partimento.main(["read", str(page), "-o", str(out), "--midi", str(midi), "--audio", str(audio)]) == 0
    told = capsys.readouterr().out
    assert "mean probability" in told
    assert told.splitlines()[-3:] == [str(out), str(audio), str(midi)]
    source = tmp_path / "wanted.musicxml"
    source.write_bytes(keyboard.musicxml)
    wanted, got = read_piece(source), read_piece(out)
    for field in ("onset_div", "duration_div"):
        assert (got.notes[field] * wanted.divs_per_quarter == wanted.notes[field] * got.divs_per_quarter).all()
    assert (got.notes["pitch"] == wanted.notes["pitch"]).all()
    assert sorted(read_piece(midi).notes["pitch"]) == sorted(wanted.notes["pitch"])
    sound, rate_hz = soundfile.read(audio)
    assert len(sound) > 5 * rate_hz  # 18 quarters
    assert np.abs(sound).max() > 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["-o", "song.txt"], "--out: expected a name ending in .musicxml, .xml, .mxl, got 'song.txt'"),
        (["-o", "song.mid"], "--out: expected a name ending in .musicxml"),
        (["-o", "song.xml", "--midi", "song.flac"], "--midi: expected a name ending in .mid"),
        (["-o", "song.xml", "--audio", "song.mid"], "--audio: expected a name ending in .flac"),
        (["-o", "song.xml", "--overlay", "song.jpg"], "--overlay: expected a name ending in .png"),
        (["-o", "nowhere/song.xml"], "there is no folder nowhere"),
        (["-o", "song.xml", "--overlay", "page.png"], "page.png is a page to be read, expected outputs that do not write over it"),
        (["page-2.png", "-o", "song.xml", "--overlay", "./page.png"], "is a page to be read"),
        (["-o", "song.xml", "--overlay", "pag.png", "--meter", "four"], "meter: expected beats and beat type"),
        (["-o", "song.xml", "--meter", "4/5"], "meter: expected 1 to 64 beats"),
        (["-o", "song.xml", "--key", "H dur"], "key: expected"),
        (["-o", "song.xml", "--clef", "alto"], "clef: expected staff and clef"),
        (["-o", "song.xml", "--clef", "1=violin"], "clef of staff 1: expected one of treble"),
        (["-o", "song.xml", "--staves", "one"], "staves: expected numbers with commas"),
        (["-o", "song.xml", "--bar", "2"], "bar: expected bar and reading"),
        (["missing.png", "-o", "song.xml"], "missing.png: there is no such file"),
        (["empty.png", "-o", "song.xml"], "empty.png: the file is empty"),
        (["folder.png", "-o", "song.xml"], "folder.png: expected a regular file, came a folder"),
        (["song.png", "-o", "song.xml"], "song.png holds a MIDI file; expected a PNG image"),
        (["sound.mp3", "-o", "song.xml"], "sound.mp3 holds MP3 audio; expected a PNG image"),
        (["text.png", "-o", "song.xml"], "text.png holds nothing that is known here"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(
    tmp_path: Path, changes: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("page.png", "page-2.png"):
        Image.new("L", (40, 30), 255).save(name)
    Path("folder.png").mkdir()
    for name, data in (("empty.png", b""), ("song.png", b"MThd\0\0\0\6"), ("sound.mp3", b"ID3\4\0"), ("text.png", b"no page")):
        Path(name).write_bytes(data)
    before = sorted(tmp_path.iterdir())
    assert partimento.main(["read", "page.png", *changes]) == 2
    assert_one_line(capsys, message)
    assert sorted(tmp_path.iterdir()) == before


def test_refusals_and_help_load_no_network(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    Image.new("L", (40, 30), 255).save(page)
    asked = [
        ["--help"],
        ["read", "--help"],
        ["read", str(page), "-o", "song.txt"],
        ["read", "missing.png", "-o", "song.xml"],
        ["read", str(page), "-o", "song.xml", "--meter", "four"],
    ]
    words = [sys.executable, "-c", ASKED, json.dumps(asked), json.dumps(HEAVY)]
    done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=True, timeout=240)
    assert json.loads(done.stdout.splitlines()[-1]) == [[0, 0, 2, 2, 2], []]


def drawn(draw: Callable[[ImageDraw.ImageDraw], None]) -> bytes:
    image = Image.new("L", (900, 1200), 255)
    draw(ImageDraw.Draw(image))
    return saved(image, "PNG")


def saved(image: Image.Image, fmt: str) -> bytes:
    buffer = BytesIO()
    image.save(buffer, fmt)
    return buffer.getvalue()


def lines_of_text(pen: ImageDraw.ImageDraw) -> None:
    for row in range(30):
        pen.text((60, 60 + 36 * row), "What was read, drawn over the page: every sign in a box, " * 2, fill=0)


def scribble(pen: ImageDraw.ImageDraw) -> None:
    rng = np.random.default_rng(3)
    pen.line([tuple(point) for point in rng.uniform(100, 800, (60, 2))], fill=0, width=5)
    pen.ellipse((300, 900, 600, 1150), outline=0, width=9)


def bomb() -> bytes:
    """Header of a picture of 60,000 by 60,000 pixels, and little behind it."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 60_001)),
        (b"IEND", b""),
    ]
    parts = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def locked() -> bytes:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("secret", algorithm="RC4-128")
    buffer = BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.usefixtures("needs_signs")
@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("text.png", lambda: drawn(lines_of_text), "text.png: expected staves of music, found none on 1 page"),
        ("blank.png", lambda: drawn(lambda pen: None), "blank.png: expected staves of music, found none on 1 page"),
        ("hand.png", lambda: drawn(scribble), "hand.png: expected staves of music, found none on 1 page"),
        ("dot.png", lambda: saved(Image.new("L", (1, 1)), "PNG"), "dot.png: expected staves of music"),
        ("cut.png", lambda: drawn(lines_of_text)[:2000], "cut.png"),
        ("bomb.png", bomb, "at most 100,000,000 pixels"),
        ("locked.pdf", locked, "expected a PDF document that opens without a password, came an encrypted one"),
        ("cut.pdf", lambda: saved(Image.new("L", (99, 99), 255), "PDF")[:-40], "cut.pdf"),
    ],
)
def test_what_holds_no_music_is_refused(
    tmp_path: Path, name: str, make: Callable[[], bytes], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page, out = tmp_path / name, tmp_path / "song.musicxml"
    page.write_bytes(make())
    out.write_text("an older score")
    seen = tmp_path / "seen.png"
    assert partimento.main(["read", str(page), "-o", str(out), "--overlay", str(seen)]) == 2
    assert_one_line(capsys, message)
    assert out.read_text() == "an older score"
    assert len(list(tmp_path.iterdir())) == 2


def test_ctrl_c_while_a_page_is_read_leaves_nothing(melody: Shown, tmp_path: Path) -> None:
    page, folder = tmp_path / "page.png", tmp_path / "out"
    page.write_bytes(melody.png)
    folder.mkdir()
    words = ["read", str(page), "-o", str(folder / "song.xml"), "--midi", str(folder / "song.mid")]
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "reading\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=120)
    assert running.returncode == 130
    assert said == "partimento: interrupted\n"
    assert not list(folder.iterdir())


def assert_one_line(capsys: pytest.CaptureFixture[str], message: str) -> None:
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.startswith("partimento: ")
    assert len(said.err.strip().splitlines()) == 1


def test_a_lead_sheet_becomes_a_song(tmp_path: Path, opens_in_three_programs: Callable[[bytes, Path], None]) -> None:
    sheet, out, midi = (
        Path(__file__).parent / "data" / "lead-sheet-musescore.pdf",
        tmp_path / "song.musicxml",
        tmp_path / "song.mid",
    )
    assert partimento.main(["read", str(sheet), "-o", str(out), "--arrange", "piano", "--midi", str(midi)]) == 0
    piece = read_piece(out)
    assert chord_symbols(piece) == "| G | C C Am7 Am7 | D7 | G/B | Em Em C C | A7 | D7 D7 Bbmaj7 Bbmaj7 | G |"
    melody = piece.notes[piece.notes["part"] == 0]
    added = piece.notes[piece.notes["part"] != 0]
    assert len(melody) == 24
    assert len(added) >= 16
    root = ElementTree.fromstring(out.read_bytes())
    assert root.findtext("work/work-title") == "Morning Walk"
    assert [lyric.findtext("text") for lyric in root.iter("lyric")][:4] == ["Come", "and", "walk", "with"]
    opens_in_three_programs(out.read_bytes(), tmp_path / "opened.musicxml")
    assert len(read_piece(midi).parts) >= 2


def test_an_arrangement_for_what_is_no_instrument_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet, out = Path(__file__).parent / "data" / "lead-sheet-musescore.pdf", tmp_path / "song.musicxml"
    assert partimento.main(["read", str(sheet), "-o", str(out), "--arrange", "pianolator"]) == 2
    assert "pianolator" in capsys.readouterr().err
    assert not out.exists()
