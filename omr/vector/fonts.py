"""Fonts of a PDF: for each code of a string what it is called, which letter it stands for, how wide it is and how it looks.

Lengths are in ems. Outlines are flattened: contours of points, y upwards, shape (points, 2) each. What a broken font does not
say is left out: an unknown name is "", an unknown outline is no contours. Source: ISO 32000-1, 9.5 to 9.10.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from fontTools import agl, t1Lib  # type: ignore[import-untyped]
from fontTools.cffLib import CFFFontSet  # type: ignore[import-untyped]
from fontTools.encodings.StandardEncoding import StandardEncoding  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from numpy.typing import NDArray

from omr.vector.outlines import FlatPen

__all__ = ["PdfFont"]

DEFAULT_WIDTH: Final = 1.0  # ISO 32000-1, table 117
MAX_FONT_BYTES: Final = 16 << 20
HEX: Final = rb"<([0-9A-Fa-f\s]*)>"
BF_BLOCK: Final = re.compile(rb"begin(bfchar|bfrange)(.*?)endbf", re.DOTALL)
BF_CHAR: Final = re.compile(HEX + rb"\s*" + HEX)
BF_RANGE: Final = re.compile(HEX + rb"\s*" + HEX + rb"\s*(?:" + HEX + rb"|\[([^\]]*)\])")
MAX_RANGE: Final = 0x10000
CODECS: Final = {"/WinAnsiEncoding": "cp1252", "/MacRomanEncoding": "mac_roman"}
SYMBOL_BASE: Final = 0xF000  # where symbol fonts of TrueType keep their codes


class PdfFont:
    """One font dictionary.

    Args:
        font: The dictionary, as pypdf gives it.
    """

    def __init__(self, font: Any) -> None:
        self.name = str(font.get("/BaseFont", ""))[1:].split("+")[-1]
        self.composite = font.get("/Subtype") == "/Type0"
        self._base = font["/DescendantFonts"][0].get_object() if self.composite else font
        self._widths = _cid_widths(self._base) if self.composite else _simple_widths(font)
        self._default_width = float(self._base.get("/DW", 1000)) / 1000 if self.composite else DEFAULT_WIDTH
        self._letters = _to_unicode(font)
        self._program = _program(self._base.get("/FontDescriptor", {}))
        self._names = {} if self.composite else _code_names(font, self._program)
        mapping = self._base.get("/CIDToGIDMap")
        self._glyph_ids = (
            mapping.get_object().get_data() if mapping is not None and hasattr(mapping.get_object(), "get_data") else b""
        )
        self._outlines: dict[int, list[NDArray[np.float64]]] = {}

    def codes(self, text: bytes) -> Iterator[int]:
        """The codes of a string: two bytes each in composite fonts, one byte otherwise."""
        if self.composite:
            return (text[i] << 8 | text[i + 1] for i in range(0, len(text) - 1, 2))
        return iter(text)

    def width(self, code: int) -> float:
        """How far the pen moves."""
        return self._widths.get(code, self._default_width)

    def glyph_name(self, code: int) -> str:
        """The font maker's name of the glyph, "" when unknown."""
        if not self.composite:
            return self._names.get(code, "")
        return self._program.name(self._glyph_id(code)) if self._program else ""

    def letter(self, code: int) -> str:
        """Unicode of the code, "" when unknown."""
        if code in self._letters:
            return self._letters[code]
        name = self.glyph_name(code)
        return str(agl.toUnicode(name)) if name and not self.composite else ""

    def outline(self, code: int) -> list[NDArray[np.float64]]:
        """Contours of the glyph, no contours when it has none or cannot be drawn."""
        if code not in self._outlines:
            contours: list[NDArray[np.float64]] = []
            if self._program is not None:
                try:
                    which = self._glyph_id(code) if self.composite else self._names.get(code, "")
                    contours = self._program.outline(which, code)
                except Exception:  # fontTools raises anything on broken glyphs
                    contours = []
            self._outlines[code] = contours
        return self._outlines[code]

    def _glyph_id(self, cid: int) -> int | str:
        if self._glyph_ids:
            pair = self._glyph_ids[2 * cid : 2 * cid + 2]
            return int.from_bytes(pair, "big")
        if self._program is not None and self._program.is_cid:
            return f"cid{cid:05d}"
        return cid


class _Program:
    """A font program: glyph sets of fontTools behind one face."""

    def __init__(self, glyphs: Any, order: list[str], scale: float, encoding: dict[int, str], is_cid: bool) -> None:
        self._glyphs, self._order, self._scale, self.encoding, self.is_cid = glyphs, order, scale, encoding, is_cid

    def name(self, which: int | str) -> str:
        if isinstance(which, str):
            return which
        return self._order[which] if 0 <= which < len(self._order) else ""

    def outline(self, which: int | str, code: int) -> list[NDArray[np.float64]]:
        name = self.name(which)
        if name not in self._glyphs:
            name = self.encoding.get(code, "")
        if name not in self._glyphs:
            return []
        pen = FlatPen(self._glyphs)
        self._glyphs[name].draw(pen)
        return [contour * self._scale for contour in pen.contours()]


def _program(descriptor: Any) -> _Program | None:
    """The embedded font program, None when there is none that can be read."""
    descriptor = descriptor.get_object() if hasattr(descriptor, "get_object") else descriptor
    for key, read in (("/FontFile3", _read_compact), ("/FontFile2", _read_sfnt), ("/FontFile", _read_type1)):
        if key not in descriptor:
            continue
        try:
            data = descriptor[key].get_object().get_data()
            return read(data) if len(data) <= MAX_FONT_BYTES else None
        except Exception:  # pypdf and fontTools raise anything on broken fonts
            return None
    return None


def _read_compact(data: bytes) -> _Program:
    if data[:4] in (b"OTTO", b"\0\1\0\0", b"true"):
        return _read_sfnt(data)
    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(data), None)
    top = fonts[0]
    is_cid = hasattr(top, "ROS")
    encoding = {} if is_cid else _compact_encoding(top)
    return _Program(top.CharStrings, list(top.charset), float(top.FontMatrix[0]), encoding, is_cid)


def _compact_encoding(top: Any) -> dict[int, str]:
    encoding = top.Encoding
    names = StandardEncoding if isinstance(encoding, str) else encoding
    return {code: name for code, name in enumerate(names) if name and name != ".notdef"}


def _read_sfnt(data: bytes) -> _Program:
    font = TTFont(io.BytesIO(data), lazy=True)
    encoding: dict[int, str] = {}
    if "cmap" in font:
        for table in font["cmap"].tables:
            if table.isUnicode() or table.platformID == 1 or table.isSymbol():
                for code, name in table.cmap.items():
                    encoding.setdefault(code - SYMBOL_BASE if 0 <= code - SYMBOL_BASE < 256 else code, name)
    is_cid = "CFF " in font and hasattr(font["CFF "].cff[0], "ROS")
    return _Program(font.getGlyphSet(), list(font.getGlyphOrder()), 1 / font["head"].unitsPerEm, encoding, is_cid)


def _read_type1(data: bytes) -> _Program:
    font = t1Lib.T1Font.__new__(t1Lib.T1Font)
    font.data, font.encoding = data, "ascii"
    font.parse()
    names = enumerate(font.font.get("Encoding", []))
    encoding = {code: name for code, name in names if name != ".notdef"}
    return _Program(font.getGlyphSet(), list(font.font["CharStrings"]), float(font.font["FontMatrix"][0]), encoding, False)


def _code_names(font: Any, program: _Program | None) -> dict[int, str]:
    """Glyph names by code of a simple font: its own encoding, then the named one, then the differences (9.6.6)."""
    names = dict(program.encoding) if program else {}
    encoding = font.get("/Encoding")
    encoding = encoding.get_object() if hasattr(encoding, "get_object") else encoding
    base = encoding.get("/BaseEncoding") if isinstance(encoding, dict) else encoding
    if base in CODECS:
        for code in range(32, 256):
            letter = bytes([code]).decode(CODECS[base], "ignore")
            if letter:
                names[code] = agl.UV2AGL.get(ord(letter), f"uni{ord(letter):04X}")
    elif program is None or (base is None and not names):
        names |= {code: name for code, name in enumerate(StandardEncoding) if name != ".notdef"}
    if isinstance(encoding, dict):
        code = 0
        for item in encoding.get("/Differences", ()):
            if isinstance(item, str):
                names[code] = item[1:]
                code += 1
            else:
                code = int(item)
    return names


def _simple_widths(font: Any) -> dict[int, float]:
    first = int(font.get("/FirstChar", 0))
    return {first + index: float(width) / 1000 for index, width in enumerate(font.get("/Widths", ()))}


def _cid_widths(font: Any) -> dict[int, float]:
    """The /W array of a CID font (9.7.4.3)."""
    widths: dict[int, float] = {}
    items = [item.get_object() if hasattr(item, "get_object") else item for item in font.get("/W", ())]
    place = 0
    while place + 1 < len(items):
        first, second = int(items[place]), items[place + 1]
        if isinstance(second, list):
            widths |= {first + index: float(width) / 1000 for index, width in enumerate(second)}
            place += 2
        elif place + 2 < len(items):
            last = min(int(second), first + MAX_RANGE)
            widths |= dict.fromkeys(range(first, last + 1), float(items[place + 2]) / 1000)
            place += 3
        else:
            break
    return widths


def _to_unicode(font: Any) -> dict[int, str]:
    """The /ToUnicode map (9.10.3)."""
    stream = font.get("/ToUnicode")
    stream = stream.get_object() if hasattr(stream, "get_object") else stream
    if not hasattr(stream, "get_data"):
        return {}
    letters: dict[int, str] = {}
    for kind, block in BF_BLOCK.findall(stream.get_data()):
        if kind == b"bfchar":
            letters |= {_code(code): _text(text) for code, text in BF_CHAR.findall(block)}
            continue
        for first, last, text, texts in BF_RANGE.findall(block):
            low, high = _code(first), min(_code(last), _code(first) + MAX_RANGE)
            if texts:
                letters |= {low + i: _text(item) for i, item in enumerate(re.findall(HEX, texts)[: high - low + 1])}
            elif start := _text(text):
                for code in range(low, high + 1):
                    letters[code] = start[:-1] + chr(min(ord(start[-1]) + code - low, 0x10FFFF))
    return letters


def _code(digits: bytes) -> int:
    return int(b"".join(digits.split()) or b"0", 16)


def _text(digits: bytes) -> str:
    packed = b"".join(digits.split())
    return bytes.fromhex((packed + b"0" * (len(packed) % 2)).decode()).decode("utf-16-be", "ignore")
