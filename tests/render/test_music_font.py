from __future__ import annotations

from pathlib import Path

import verovio
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont

from render.music_font import music_signs_in, write_music_font

QUARTER, PIANO, NOT_A_SIGN = 0xECA5, 0xE520, 0xF8FE


def test_music_signs_are_found_in_text() -> None:
    assert music_signs_in("Allegro \ueca5 = 96, \ue520 é ♩") == {QUARTER, PIANO}


def test_the_font_has_the_outlines_and_widths_of_verovios_signs(tmp_path: Path) -> None:
    path = tmp_path / "music.otf"
    write_music_font({QUARTER, PIANO, NOT_A_SIGN}, path)
    with TTFont(path) as font:
        assert set(font.getBestCmap()) == {0x20, QUARTER, PIANO}
        assert font["name"].getDebugName(1) == "Leipzig"
        glyphs = font.getGlyphSet()
        pen = BoundsPen(glyphs)
        glyphs["uniE520"].draw(pen)
        table = (Path(verovio.__file__).parent / "data" / "Leipzig.xml").read_text(encoding="utf-8")
        row = next(line for line in table.splitlines() if 'c="E520"' in line)
        said = {key: float(row.split(f' {key}="')[1].split('"')[0]) for key in ("x", "y", "w", "h", "h-a-x")}
        assert font["hmtx"]["uniE520"][0] == said["h-a-x"]
        assert pen.bounds is not None
        left, bottom, right, top = pen.bounds
        assert abs(left - said["x"]) <= 2
        assert abs(bottom - said["y"]) <= 2
        assert abs(right - left - said["w"]) <= 2
        assert abs(top - bottom - said["h"]) <= 2
