from __future__ import annotations

import math
import random
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.errors import RequestError
from corpora.musicxml import colour_notes, edit_musicxml, graces_before_bar_lines, read_musicxml
from corpora.musicxml.editor import sign_notes
from corpora.musicxml.elements import add_notation
from corpora.musicxml.spans import measure_spans
from corpora.partitura_quietly import partitura
from corpora.piece import NOTE_DTYPE, Piece

SCORE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- kept -->
<score-partwise version="4.0">
  <part-list><score-part id="P1"><part-name>Oboe &amp; co</part-name></score-part></part-list>
  <part id="P1">
    <measure number="1">
      <attributes><divisions>2</divisions><key><fifths>0</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time></attributes>
      <direction><direction-type><words>dolce</words></direction-type></direction>
      <note xml:id="a"><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration><voice>1</voice><type>half</type></note>
      <!-- inside --><note><pitch><step>F</step><alter>1</alter><octave>4</octave></pitch><duration>2</duration><voice>1</voice>
        <type>quarter</type><accidental>sharp</accidental><notations><slur type="start" number="1"/></notations></note>
      <note><pitch><step>F</step><alter>1</alter><octave>4</octave></pitch><duration>2</duration><voice>1</voice><type>quarter</type>
        <notations><slur type="stop" number="1"/></notations></note>
    </measure>
    <measure number="2"><note><rest measure="yes"/><duration>8</duration><voice>1</voice></note></measure>
  </part>
</score-partwise>
"""

Row = tuple[int, int, int, int]


def new(*rows: Row) -> NDArray[np.void]:
    """Rows of (onset, duration, pitch, lane)."""
    return np.array(
        [(on, dur, pitch, 80, lane, 0, f"new{i}", 0) for i, (on, dur, pitch, lane) in enumerate(rows)], dtype=NOTE_DTYPE
    )


def table(piece: Piece, divs: int) -> Counter[Row]:
    scale, rest = divmod(divs, piece.divs_per_quarter)
    assert rest == 0
    fields = piece.notes[["onset_div", "duration_div", "pitch", "part"]].tolist()
    return Counter((onset * scale, duration * scale, pitch, lane) for onset, duration, pitch, lane in fields)


def finer(piece: Piece) -> Piece:
    """The piece on a grid that holds 24 steps a quarter."""
    scale = math.lcm(piece.divs_per_quarter, 24) // piece.divs_per_quarter
    notes, measures = piece.notes.copy(), piece.measures.copy()
    for rows, name in ((notes, "onset_div"), (notes, "duration_div"), (measures, "start_div"), (measures, "end_div")):
        rows[name] *= scale
    return replace(piece, notes=notes, measures=measures, divs_per_quarter=piece.divs_per_quarter * scale)


def outside_measures(data: bytes, touched: set[tuple[int, int]]) -> list[bytes]:
    """All bytes but those of some (part, measure)s."""
    pieces, reached = [], 0
    for part, spans in enumerate(measure_spans(data)):
        for measure, span in enumerate(spans):
            if (part, measure) in touched:
                pieces.append(data[reached : span.start])
                reached = span.end
    return [*pieces, data[reached:]]


def note_texts(data: bytes) -> list[str]:
    return re.findall(r"<note.*?</note>", data.decode(), flags=re.DOTALL)


def flat(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_no_change_gives_the_same_bytes() -> None:
    piece = read_musicxml(SCORE.encode())
    assert edit_musicxml(piece, (), new()) == SCORE.encode()
    same = piece.notes[:2]
    assert edit_musicxml(piece, [str(name) for name in same["id"]], same) == SCORE.encode()


def test_one_bar_changes_and_all_else_stays() -> None:
    piece = read_musicxml(SCORE.encode())
    edited = edit_musicxml(piece, (), new((8, 8, 67, 0)))
    before, after = SCORE.split('<measure number="2">')
    assert edited.decode().startswith(before)
    assert flat(edited.decode()[len(before) :]) == flat(
        '<measure number="2"><note><pitch><step>G</step><octave>4</octave></pitch><duration>8</duration><voice>1</voice>'
        "<type>whole</type></note></measure>" + after.split("</measure>")[1]
    )


def test_kept_notes_keep_their_text_and_marks_lose_their_lost_ends() -> None:
    piece = read_musicxml(SCORE.encode())
    edited = edit_musicxml(piece, ["n1"], new((4, 1, 65, 0), (5, 1, 67, 0)))
    texts = note_texts(edited)
    assert texts[0] == note_texts(SCORE.encode())[0]
    assert "<!-- inside -->" not in texts[0]
    assert "<words>dolce</words>" in edited.decode()
    # F natural needs no sign; the F sharp after it lost the sign before it, and its slur lost its start.
    assert "<accidental>" not in texts[1]
    assert "<accidental>sharp</accidental>" in texts[3]
    assert "slur" not in edited.decode()


def test_a_mark_that_reaches_an_untouched_bar_is_handed_to_a_new_note() -> None:
    text = SCORE.replace('<notations><slur type="stop" number="1"/></notations>', "").replace(
        '<note><rest measure="yes"/><duration>8</duration><voice>1</voice></note>',
        "<note><pitch><step>C</step><octave>4</octave></pitch><duration>8</duration><voice>1</voice>"
        '<notations><slur type="stop" number="1"/></notations></note>',
    )
    edited = edit_musicxml(read_musicxml(text.encode()), ["n1"], new((4, 2, 64, 0))).decode()
    assert edited.count('type="start"') == edited.count('type="stop"') == 1


def test_triplets_get_ratio_bracket_and_divisions_only_where_needed() -> None:
    piece = finer(read_musicxml(SCORE.encode()))
    step = piece.divs_per_quarter // 3
    edited = edit_musicxml(piece, ["n0"], new(*((place * step, step, 60 + place, 0) for place in range(3))))
    assert re.findall(r"<divisions>(\d+)<", edited.decode()) == ["6", "2"]
    texts = [flat(text) for text in note_texts(edited)]
    assert all("<actual-notes>3</actual-notes><normal-notes>2</normal-notes>" in text for text in texts[:3])
    assert '<tuplettype="start"/>' in texts[0]
    assert '<tuplettype="stop"/>' in texts[2]
    assert "<rest/><duration>6</duration>" in texts[3]
    assert all("<duration>6</duration>" in text for text in texts[4:6])  # kept quarters, rescaled
    assert "<duration>8</duration>" in texts[6]  # in the next bar nothing changes


def test_a_note_over_the_barline_is_tied_and_chords_share_their_symbols() -> None:
    piece = read_musicxml(SCORE.encode())
    edited = edit_musicxml(piece, ["n2"], new((6, 4, 60, 0), (6, 4, 64, 0)))
    texts = [flat(text) for text in note_texts(edited)]
    assert [text.count("<chord/>") for text in texts] == [0, 0, 0, 1, 0, 1, 0, 0]
    assert [(text.count('<tietype="stop"/>'), text.count('<tietype="start"/>')) for text in texts[2:6]] == [(0, 1)] * 2 + [
        (1, 0)
    ] * 2


def test_overlapping_notes_get_another_voice_and_the_bar_stays_full() -> None:
    piece = read_musicxml(SCORE.encode())
    edited = edit_musicxml(piece, (), new((8, 8, 72, 0), (10, 2, 60, 0))).decode()
    bar = edited[edited.index('number="2"') :]
    assert set(re.findall(r"<voice>(\d+)</voice>", bar)) == {"1", "2"}
    assert len(re.findall("<backup>", bar)) == 1
    for voice in ("1", "2"):
        durations = [t for t in note_texts(bar.encode()) if f"<voice>{voice}</voice>" in t]
        assert sum(int(re.search(r"<duration>(\d+)", t).group(1)) for t in durations) == 8  # type: ignore[union-attr]


TWO_VOICES = """<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Viola</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>8</duration><voice>1</voice><type>whole</type></note>
<backup><duration>8</duration></backup>
<note><pitch><step>E</step><octave>4</octave></pitch><duration>4</duration><voice>2</voice><type>half</type></note>
<note><pitch><step>F</step><octave>4</octave></pitch><duration>4</duration><voice>2</voice><type>half</type></note>
</measure></part></score-partwise>"""


@pytest.mark.parametrize(
    ("removed", "added", "rests"),
    [
        (["n1", "n2"], new(), []),  # the lower voice goes
        (["n0"], new(), []),  # the upper one goes
        (["n1"], new(), [("2", "4")]),  # a voice with notes shows its rests
        (["n0", "n1", "n2"], new(), [("1", "8")]),  # one rest for two empty voices
        (["n0", "n1", "n2"], new((0, 4, 72, 0)), [("2", "4")]),  # the voice that has new notes
    ],
)
def test_a_voice_that_lost_all_its_notes_shows_no_rests_beside_another(
    removed: list[str], added: NDArray[np.void], rests: list[tuple[str, str]]
) -> None:
    edited = edit_musicxml(read_musicxml(TWO_VOICES.encode()), removed, added)
    shown = [flat(text) for text in note_texts(edited) if "<rest" in text and 'print-object="no"' not in text]
    assert [tuple(re.findall(r"<(?:voice|duration)>(\d+)<", text))[::-1] for text in shown] == rests


def test_an_emptied_bar_gets_a_whole_measure_rest() -> None:
    edited = edit_musicxml(read_musicxml(SCORE.encode()), ["n0", "n1", "n2"], new())
    assert flat(note_texts(edited)[0]) == '<note><restmeasure="yes"/><duration>8</duration><voice>1</voice></note>'


def test_beams_join_new_eighths_where_the_part_writes_beams() -> None:
    pitch = "<pitch><step>C</step><octave>4</octave></pitch><duration>8</duration>"
    beamed = f'<measure number="3"><note>{pitch}<beam number="1">begin</beam></note></measure></part>'
    text = SCORE.replace("</part>", beamed)
    edited = edit_musicxml(read_musicxml(text.encode()), (), new((8, 1, 60, 0), (9, 1, 62, 0), (11, 1, 64, 0), (12, 4, 65, 0)))
    bar = edited.decode().split("<measure")[2]
    assert re.findall(r'<beam number="1">(\w+)<', bar) == ["begin", "end"]


@pytest.mark.parametrize(("codec", "newline"), [("utf-8-sig", "\r\n"), ("utf-16", "\n"), ("iso-8859-1", "\r")])
def test_encoding_mark_and_line_ends_stay(codec: str, newline: str) -> None:
    text = SCORE.replace("UTF-8", codec.removesuffix("-sig")).replace("\n", newline).replace("dolce", "süß")
    data = text.encode(codec)
    edited = edit_musicxml(read_musicxml(data), ["n1"], new((4, 2, 62, 0)))
    assert outside_measures(edited, {(0, 0)}) == outside_measures(data, {(0, 0)})
    assert "süß" in edited.decode(codec)
    assert newline + "        <pitch>" in edited.decode(codec).replace("\t", "  ")


def test_a_transposing_part_is_written_as_it_reads() -> None:
    moved = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose></attributes>"
    piece = read_musicxml(SCORE.replace("</attributes>", moved).encode())
    edited = edit_musicxml(piece, (), new((8, 8, 64, 0)))  # sounding E is written F sharp
    assert "<step>F</step><alter>1</alter><octave>4</octave>" in flat(note_texts(edited)[3])


def test_colour_marks_the_notes_with_all_their_ties() -> None:
    piece = read_musicxml(SCORE.encode())
    data = edit_musicxml(piece, ["n2"], new((6, 4, 60, 0)))
    edited = read_musicxml(data)
    name = str(edited.notes["id"][edited.notes["onset_div"] == 6][0])
    coloured = colour_notes(data, [name], "#00ff00")
    assert coloured.count(b'color="#00ff00"') == 2
    assert coloured.replace(b' color="#00ff00"', b"") == data


def test_a_rolled_chord_is_marked_where_it_begins() -> None:
    piece = read_musicxml(SCORE.encode())
    data = edit_musicxml(piece, ["n2"], new((6, 4, 60, 0), (6, 4, 64, 0)))
    chord = read_musicxml(data)
    names = [str(name) for name in chord.notes["id"][chord.notes["onset_div"] == 6]]
    rolled = sign_notes(data, names, "arpeggiate")
    assert rolled.count(b"<arpeggiate/>") == 2  # tied over the bar line, where nothing is struck
    assert sign_notes(rolled, names, "arpeggiate") == rolled
    again = read_musicxml(rolled)
    assert (again.notes == chord.notes).all()
    with pytest.raises(RequestError, match="no note with the id 'n99'"):
        sign_notes(data, ["n99"], "trill-mark")


@pytest.mark.parametrize(
    ("note", "rolled"),
    [
        ("<note><rest/></note>", "<note><rest/><notations><arpeggiate/></notations></note>"),
        ("<note><a/><lyric>x</lyric></note>", "<note><a/><notations><arpeggiate/></notations><lyric>x</lyric></note>"),
        ("<note>\n  <a/>\n</note>", "<note>\n  <a/>\n  <notations><arpeggiate/></notations>\n</note>"),
        ("<note><notations> <tied/></notations></note>", "<note><notations> <arpeggiate/> <tied/></notations></note>"),
    ],
)
def test_the_sign_of_a_rolled_chord_has_its_place(note: str, rolled: str) -> None:
    assert add_notation(note, "<arpeggiate/>") == rolled
    assert add_notation(rolled, "<arpeggiate/>") == rolled


@pytest.mark.parametrize(
    ("removed", "rows", "words"),
    [
        (["n99"], [], "no note with the id 'n99'"),
        ([], [(0, 1, 60, 3)], "lane 3, the score has 1"),
        ([], [(12, 8, 60, 0)], "quarter 6 to 10, outside part P1"),
        ([], [(0, 1, 128, 0)], "pitch 128, expected 0 to 127"),
    ],
)
def test_impossible_wishes_are_named(removed: list[str], rows: list[Row], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        edit_musicxml(read_musicxml(SCORE.encode()), removed, new(*rows))


def test_a_piece_without_source_is_refused() -> None:
    with pytest.raises(RequestError, match="only a piece read from MusicXML"):
        edit_musicxml(replace(read_musicxml(SCORE.encode()), source=None), (), new())


def random_edit(piece: Piece, rng: random.Random) -> tuple[set[tuple[int, int]], list[str], NDArray[np.void]]:
    """Bars and lanes to rewrite, the ids that go, and new notes: a line with chords and odd rhythms, or a cloud."""
    first = rng.randrange(len(piece.measures))
    last = min(len(piece.measures), first + rng.randint(1, 3))
    start, end = int(piece.measures["start_div"][first]), int(piece.measures["end_div"][last - 1])
    lanes = rng.sample(range(len(piece.parts)), min(2, len(piece.parts)))
    step = piece.divs_per_quarter // 24
    before = graces_before_bar_lines(piece)  # at the start of the first bar, but printed in the one before
    removed = [
        str(note["id"])
        for note in piece.notes
        if note["part"] in lanes and start <= note["onset_div"] < end and note["onset_div"] + note["duration_div"] <= end
        if not (note["onset_div"] == start and note["id"] in before) and rng.random() < 0.8
    ]
    rows: set[Row] = set()
    for lane in lanes:
        place = start
        while place < end:
            length = min(rng.choice((1, 3, 4, 5, 6, 8, 12, 12, 16, 18, 24, 24, 36, 48, 72)) * step, end - place)
            for _ in range(rng.choice((0, 1, 1, 1, 2))):
                rows.add((place, min(length * rng.choice((1, 1, 1, 2)), end - place), rng.randint(40, 80), lane))
            place += length
    keys = [(part.key, part.staff) for part in piece.parts]
    part_keys = list(dict.fromkeys(key for key, _ in keys))
    touched = {(part_keys.index(keys[lane][0]), measure) for lane in lanes for measure in range(first, last)}
    return touched, removed, new(*sorted(rows))


def assert_edit_is_exact(name: str, data: bytes, rng: random.Random) -> None:
    """read(edit(piece)) has the kept and the new notes and no others, and only the bars asked for differ."""
    piece = finer(read_musicxml(data, name))
    touched, removed, added = random_edit(piece, rng)
    edited = edit_musicxml(piece, removed, added)
    assert outside_measures(edited, touched) == outside_measures(data, touched), name
    again = read_musicxml(edited, name)
    divs = math.lcm(piece.divs_per_quarter, again.divs_per_quarter)
    stays = piece.with_notes(piece.notes[~np.isin(piece.notes["id"], removed)])
    assert table(again, divs) == table(stays, divs) + table(piece.with_notes(added), divs), name
    scale = divs // piece.divs_per_quarter, divs // again.divs_per_quarter
    assert (piece.measures["start_div"] * scale[0] == again.measures["start_div"] * scale[1]).all(), name


def test_random_edits_of_chorales_are_exact(chorale_texts: list[tuple[str, bytes]]) -> None:
    rng = random.Random(20)
    for name, data in chorale_texts[::2]:
        assert_edit_is_exact(name, data, rng)


def test_random_edits_of_songs_are_exact(pack_texts: Callable[[str, int, int], list[tuple[str, bytes]]]) -> None:
    rng = random.Random(21)
    for name, data in pack_texts("openscore-lieder", 4, 250_000):
        assert_edit_is_exact(name, data, rng)


@pytest.mark.slow
@pytest.mark.parametrize("pack", ["openscore-lieder", "openscore-string-quartets", "openscore-orchestra"])
def test_random_edits_of_large_scores_are_exact(pack: str, pack_texts: Callable[[str, int, int], list[tuple[str, bytes]]]) -> None:
    rng = random.Random(22)
    for name, data in pack_texts(pack, 6, 6_000_000):
        for _ in range(3):
            assert_edit_is_exact(name, data, rng)


# Verovio may kill its process on bad input, so it gets one of its own.
ENGRAVE = "import sys, verovio; toolkit = verovio.toolkit(); print(toolkit.loadFile(sys.argv[1]) and toolkit.getPageCount())"


@pytest.mark.slow
def test_edited_scores_open_elsewhere(chorale_texts: list[tuple[str, bytes]], tmp_path: Path) -> None:
    import music21

    rng = random.Random(23)
    for name, data in chorale_texts[:6]:
        piece = finer(read_musicxml(data, name))
        touched, removed, added = random_edit(piece, rng)
        edited = edit_musicxml(piece, removed, added)
        again = read_musicxml(edited)
        path = tmp_path / "edited.musicxml"
        path.write_bytes(edited)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = partitura.load_musicxml(str(path))
            parts = music21.converter.parse(str(path), forceSource=True).parts
        assert sum(len(part.note_array()) for part in theirs.parts) == len(again.notes), name
        lengths = np.diff([*again.measures["start_div"], again.measures["end_div"][-1]]) / again.divs_per_quarter
        for part, measure in touched:
            bar = parts[part].getElementsByClass("Measure")[measure]
            assert math.isclose(float(bar.highestTime), lengths[measure], abs_tol=1e-6), (name, part, measure)
        engraved = subprocess.run(
            [sys.executable, "-c", ENGRAVE, str(path)], capture_output=True, text=True, timeout=120, check=True
        )
        assert int(engraved.stdout) > 0, name
