from __future__ import annotations

import pytest

from render.svg_groups import colour_groups

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def beam(*fills: str | None) -> str:
    notes = "".join(f'<g class="note"{f" fill={fill!r}" if fill else ""}><use xlink:href="#E0A4"/></g>' for fill in fills)
    return f'{HEAD}<g class="beam"><polygon points="0,0 1,1"/>{notes}</g></svg>'.replace("'", '"')


def test_a_beam_takes_the_colour_that_its_notes_share() -> None:
    page = colour_groups(beam("#c0392b", "#c0392b"))
    assert '<g class="beam" fill="#c0392b" color="#c0392b"><polygon' in page
    assert 'xlink:href="#E0A4"' in page


@pytest.mark.parametrize("fills", [(None, None), ("#c0392b", None), ("#c0392b", "#0000ff")])
def test_other_beams_and_their_page_stay_as_they_are(fills: tuple[str | None, ...]) -> None:
    assert colour_groups(beam(*fills)) == beam(*fills)


def test_a_chord_takes_the_colour_of_its_notes_and_counts_for_its_beam() -> None:
    page = (
        beam("#c0392b")
        .replace('<g class="note"', '<g class="chord"><g class="note"')
        .replace("</g></g></svg>", "</g></g></g></svg>")
    )
    coloured = colour_groups(page)
    assert '<g class="beam" fill="#c0392b"' in coloured
    assert '<g class="chord" fill="#c0392b"' in coloured
