"""Region and part texts, and the canvas that they become."""

import numpy as np
import pytest

from compose.canvas import Note, Region
from compose.request import always_on, find_region, make_canvas, select_lanes
from corpora.errors import RequestError
from corpora.musicxml import read_musicxml
from corpora.piece import MEASURE_DTYPE, NOTE_DTYPE, TEMPO_DTYPE, Part, Piece, sort_notes

DIVS = 8  # ticks are three times finer


@pytest.fixture(scope="module")
def piece():
    """A pickup of a quarter, two bars of 4/4, two of 6/8; "2" is printed twice; tempo 60, then 120 at the second full bar."""
    bars = [(0, 8, "0", 4, 4), (8, 40, "1", 4, 4), (40, 72, "2", 4, 4), (72, 96, "2", 6, 8), (96, 120, "3a", 6, 8)]
    rows = [
        (0, 8, 72, 80, 0, 1, "a", 0),
        (8, 40, 71, 80, 0, 1, "tied", 0),  # into bar 2
        (48, 8, 69, 80, 0, 1, "b", 0),
        (56, 4, 67, 80, 0, 1, "c", 0),
        (40, 32, 48, 80, 1, 1, "d", 0),
        (72, 24, 36, 80, 2, 1, "e", 0),
        (96, 24, 36, 80, 3, 1, "f", 0),
    ]
    parts = (Part("Voice", "P1"), Part("Piano", "P2", 1), Part("Piano", "P2", 2), Part("Drums", "P3", is_drum=True))
    return Piece(
        sort_notes(np.array(rows, dtype=NOTE_DTYPE)),
        DIVS,
        parts,
        np.array(bars, dtype=MEASURE_DTYPE),
        np.array([(0, 60.0), (40, 120.0)], dtype=TEMPO_DTYPE),
    )


@pytest.mark.parametrize(
    ("text", "start_div", "end_div"),
    [
        ("1", 8, 40),
        ("0", 0, 8),
        ("0-1", 0, 40),
        (" 1 - 3a ", 8, 120),
        ("2", 40, 72),  # the first that is printed so
        ("#4", 72, 96),
        ("#1-#5", 0, 120),
        ("3a", 96, 120),
        ("1:1-1:4", 8, 40),
        ("1:2-1:2", 16, 24),
        ("1:2.5-2:1", 20, 48),
        ("#4:4-3a:1", 84, 100),  # eighths in 6/8
        ("0s-1s", 0, 8),
        ("1s-5.5s", 8, 48),  # bar 1 takes four seconds, then a quarter takes half a second
        ("7s-999s", 72, 120),
    ],
)
def test_regions(piece, text, start_div, end_div):
    assert find_region(piece, text, (0,)) == Region(3 * start_div, 3 * end_div, (0,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9", "there is no bar '9': the piece has bars 0 to 3a"),
        ("#0", "there is no bar '#0'"),
        ("#6", "there is no bar '#6'"),
        ("1:5-2:1", "bar 1 has no beat 5"),
        ("1:0-2:1", "bar 1 has no beat 0"),
        ("2-1", "region '2-1' is empty"),
        ("5s-5s", "is empty"),
        ("99s-100s", "is empty"),
        ("bars five to eight", "is not understood"),
        ("", "is not understood"),
    ],
)
def test_regions_that_are_not_there(piece, text, message):
    with pytest.raises(RequestError, match=message):
        find_region(piece, text, (0,))


def test_lanes(piece):
    assert select_lanes(piece, ()) == (0, 1, 2)  # drums only by name
    assert select_lanes(piece, ("Piano",)) == (1, 2)
    assert select_lanes(piece, ("piano/2", "Voice")) == (0, 2)
    assert select_lanes(piece, ("Drums",)) == (3,)
    with pytest.raises(RequestError, match="part 'Piano' has no staff 3"):
        select_lanes(piece, ("Piano/3",))
    with pytest.raises(RequestError, match="Flute"):
        select_lanes(piece, ("Flute",))


def test_canvas_loses_what_lies_inside_and_keeps_what_crosses(piece):
    canvas, removed = make_canvas(piece, find_region(piece, "2", (0,)))
    assert removed == ("b", "c")
    assert canvas.removed == (Note(144, 0, 69, 24, 80), Note(168, 0, 67, 12, 80))
    assert Note(24, 0, 71, 120, 80) in canvas.fixed
    assert len(canvas.fixed) + len(canvas.removed) == len(piece.notes)


def test_kept_notes_stay(piece):
    canvas, removed = make_canvas(piece, find_region(piece, "2", (0,)), keep=("b",))
    assert removed == ("c",)
    assert Note(144, 0, 69, 24, 80) in canvas.fixed
    with pytest.raises(RequestError, match="there is no note 'zz' to keep"):
        make_canvas(piece, find_region(piece, "2", (0,)), keep=("zz",))


def test_rules_that_hold_without_being_asked_for(piece):
    canvas, _ = make_canvas(piece, find_region(piece, "2", (0, 1)))
    texts = [rule.text for rule in always_on(canvas, 3)]
    assert len(texts) == len(set(texts)) == 4
    assert len(always_on(canvas, 1)) == 3  # the grid needs no rule then


def test_removed_notes_stand_on_the_writing_grid_and_keep_their_own_times(build_piece):
    # 480 divs a quarter: steps of 20; played a little early and late
    piece = build_piece(
        [(7, 233, 60, 0), (238, 229, 62, 0), (481, 3, 64, 0), (960, 96, 65, 0), (1056, 96, 67, 0)], divs_per_quarter=480
    )
    canvas, _ = make_canvas(piece, find_region(piece, "1", (0,)))
    assert [(n.onset, n.duration) for n in canvas.removed] == [(0, 240), (240, 220), (480, 20), (960, 100), (1060, 100)]
    for note in canvas.removed:
        canvas.write(note._replace(pitch=70))
    finished = canvas.with_original_times()
    # the second of two equal pitches cuts the first short
    assert [(n.onset, n.duration) for n in finished.written] == [(7, 231), (238, 229), (481, 3), (960, 96), (1056, 96)]
    assert [n.pitch for n in canvas.removed] == [60, 62, 64, 65, 67]


def test_quintuplets_are_rounded_and_put_back(build_piece):
    piece = build_piece([(24 * k, 24, 60 + k, 0) for k in range(5)], divs_per_quarter=120)
    canvas, _ = make_canvas(piece, find_region(piece, "1", (0,)))
    assert all(note.onset % canvas.ticks_per_step == 0 and note.duration for note in canvas.removed)
    for note in canvas.removed:
        canvas.write(note)
    assert [(n.onset, n.duration) for n in canvas.with_original_times().written] == [(24 * k, 24) for k in range(5)]


def test_what_is_printed_in_the_bar_before_is_not_the_regions():
    bar = '<measure number="{}">{}</measure>'
    grace = "<note><grace/><pitch><step>{}</step><octave>5</octave></pitch><voice>1</voice><type>16th</type></note>"
    whole = "<note><pitch><step>{}</step><octave>5</octave></pitch><duration>4</duration><voice>1</voice><type>whole</type></note>"
    start = "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    bars = [start + whole.format("D") + grace.format("C"), grace.format("F") + whole.format("E"), whole.format("G")]
    text = "".join(bar.format(number, inside) for number, inside in enumerate(bars, 1))
    head = '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>'
    written = read_musicxml(f'{head}<part id="P1">{text}</part></score-partwise>'.encode())
    canvas, removed = make_canvas(written, find_region(written, "2", (0,)))
    assert sorted(note.pitch for note in canvas.removed) == [76, 77]  # the grace note after the bar line goes, the one before stays
    assert set(written.notes["pitch"][np.isin(written.notes["id"], removed)].tolist()) == {76, 77}
