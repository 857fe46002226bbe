import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.errors import InputError, RequestError
from corpora.musicxml import read_musicxml
from corpora.partitura_quietly import partitura
from render.engrave import engrave
from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE, HeardMusic
from transcribe.score.notate import Notation, notate
from transcribe.score.voices import DIVS_PER_QUARTER

BEAT_S = 0.6


def check_bars(notation: Notation) -> None:
    """Every measure of every part is exactly as long as the piece says, and the notes are those of the piece."""
    root = ElementTree.fromstring(notation.musicxml)
    lengths = (notation.piece.measures["end_div"] - notation.piece.measures["start_div"]).tolist()
    for part in root.findall("part"):
        measures = part.findall("measure")
        assert len(measures) == len(lengths)
        divisions = 1
        for measure, length in zip(measures, lengths, strict=True):
            divisions = int(measure.findtext("attributes/divisions") or divisions)
            cursor = furthest = 0
            for child in measure:
                step = int(child.findtext("duration") or 0)
                if child.tag in ("note", "forward") and child.find("chord") is None:
                    cursor += step
                elif child.tag == "backup":
                    cursor -= step
                furthest = max(furthest, cursor)
                assert cursor >= 0
            assert Fraction(furthest, divisions) == Fraction(length, DIVS_PER_QUARTER)
    back = read_musicxml(notation.musicxml)
    columns = ("onset_div", "duration_div", "pitch", "part")
    factor = DIVS_PER_QUARTER // back.divs_per_quarter
    found = sorted((on * factor, length * factor, pitch, lane) for on, length, pitch, lane in back.notes[list(columns)].tolist())
    assert found == sorted(tuple(row) for row in notation.piece.notes[list(columns)].tolist())


@st.composite
def recordings(draw: st.DrawFn) -> HeardMusic:
    """Anything that looks like a recording."""
    count = draw(st.integers(1, 40))
    rows = []
    for _ in range(count):
        onset = draw(st.floats(0, 20)) if draw(st.booleans()) else draw(st.sampled_from([0.0, 1.0, 1.2, 1.4, 4.0]))
        length = draw(st.sampled_from([0.0, 0.001, 0.3, 2.0, 50.0]))
        family, program = draw(st.sampled_from([(0, 0), (0, 0), (5, 40), (7, 56), (-1, 0)]))
        pitch = draw(st.integers(21, 108)) if family >= 0 else draw(st.integers(35, 81))
        rows.append((onset, onset + length, pitch, draw(st.integers(1, 127)), family, program, 1.0))
    spacing = draw(st.sampled_from([0.0, 0.02, 0.3, 0.55, 3.0]))
    beats = []
    if spacing:
        jitter = draw(st.lists(st.floats(0, 1.0), min_size=2, max_size=30))
        times = np.cumsum([spacing * (0.6 + part) for part in jitter])
        per_bar = draw(st.integers(1, 7))
        skips = draw(st.integers(0, 3))
        beats = [(float(time), (index + skips * (index > 5)) % per_bar + 1) for index, time in enumerate(times)]
    meter = draw(st.sampled_from([(0, 0), (4, 4), (3, 4), (6, 8), (9, 8), (2, 2), (5, 4), (7, 8)]))
    pedals = [(0.5, 2.0), (2.0, 2.01), (2.5, 30.0)] if draw(st.booleans()) else []
    return HeardMusic(
        notes=np.array(rows, dtype=HEARD_DTYPE),
        duration_s=80.0,
        pedals=np.array(pedals, dtype=[("onset_s", float), ("offset_s", float)]),
        beats=np.array(beats, dtype=BEAT_DTYPE),
        beats_per_bar=meter[0],
        beat_type=meter[1],
    )


@given(recordings())
@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_bars_are_exact_whatever_was_heard(heard: HeardMusic) -> None:
    check_bars(notate(heard, model="plain"))
    check_bars(notate(heard))


def played(rhythm: list[tuple[Fraction, Fraction, int]], tactus: Fraction, make_heard, **options) -> HeardMusic:
    """Onsets and values in quarters, played exactly, nine tenths of each value long."""
    beat = float(tactus)
    rows = [(float(on) / beat * BEAT_S, float(on + Fraction(9, 10) * value) / beat * BEAT_S, pitch) for on, value, pitch in rhythm]
    end = max(on + value for on, value, _ in rhythm) / tactus
    return make_heard(rows, beats=[BEAT_S * index for index in range(int(end) + 2)], **options)


def line(values: list[str], pitches: list[int]) -> list[tuple[Fraction, Fraction, int]]:
    """Notes one after the other."""
    place, rows = Fraction(0), []
    for value, pitch in zip(values, pitches, strict=True):
        rows.append((place, Fraction(value), pitch))
        place += Fraction(value)
    return rows


SIMPLE = ["1", "1/2", "1/2", "1/4", "1/4", "1/4", "1/4", "1", "1/3", "1/3", "1/3", "1", "2", "1/2", "1/2", "1", "3/4", "1/4", "2"]
COMPOUND = ["1/2", "1/2", "1/2", "1", "1/2", "3/2", "1/4", "1/4", "1/4", "1/4", "1/4", "1/4", "1/2", "1/2", "1/2", "3/2"]


@pytest.mark.parametrize("model", [None, "plain"])
@pytest.mark.parametrize(("values", "tactus", "options"), [(SIMPLE, "1", {}), (COMPOUND, "3/2", {"per_bar": 2, "meter": (6, 8)})])
def test_what_is_played_exactly_comes_back(make_heard, model, values: list[str], tactus: str, options: dict) -> None:
    scale = [67, 69, 71, 72, 74, 76, 77, 79]
    rhythm = line(values, [scale[index % 8] for index in range(len(values))])
    notation = notate(played(rhythm, Fraction(tactus), make_heard, family=9, program=73, **options), model=model)
    found = [
        (Fraction(on, 720), Fraction(length, 720), pitch)
        for on, length, pitch in notation.piece.notes[["onset_div", "duration_div", "pitch"]].tolist()
    ]
    assert [row[0] for row in found] == [row[0] for row in rhythm]
    assert sum(mine == theirs for mine, theirs in zip(found, rhythm, strict=True)) >= len(rhythm) - 1
    check_bars(notation)


def test_a_pickup_is_a_short_first_bar(make_heard) -> None:
    rows = [(1.8 + 0.6 * index, 2.3 + 0.6 * index, 60 + index) for index in range(9)]
    notation = notate(make_heard(rows, beats=[0.6 * index for index in range(14)]), model="plain")
    bars = notation.piece.measures
    assert (bars["end_div"] - bars["start_div"]).tolist() == [720, 2880, 2880]
    assert bars["number"].tolist() == ["0", "1", "2"]
    assert b'implicit="yes"' in notation.musicxml


def test_the_user_is_believed(make_heard) -> None:
    rng = np.random.default_rng(1)
    rows = [(0.3 * index, 0.3 * index + 0.28, int(rng.integers(48, 80))) for index in range(48)]
    heard = make_heard(rows, beats=[0.6 * index for index in range(25)])
    notation = notate(heard, meter=(3, 4), key=(-3, -1), split=64, model="plain")
    assert set(notation.piece.measures["beats"].tolist()) == {3}
    assert notation.piece.keys[["fifths", "mode"]].tolist() == [(-3, -1)]
    assert b"<fifths>-3</fifths><mode>minor</mode>" in notation.musicxml
    staves = notation.piece.notes["part"]
    assert np.array_equal(staves == 0, notation.piece.notes["pitch"] >= 64)
    duo = notate(heard, instruments=["violin", "cello"], model="plain")
    assert [part.name for part in duo.piece.parts] == ["Violin", "Cello"]
    assert len(duo.piece.notes) == len(rows)


@pytest.mark.parametrize(
    ("wish", "said"),
    [({"key": (8, 1)}, "key: expected -7 to 7"), ({"key": (0, 0)}, "key: expected"), ({"split": 200}, "split point: expected"),
     ({"instruments": ["kazoo"]}, "instrument: expected")],
)  # fmt: skip
def test_wishes_that_cannot_be_are_refused(make_heard, wish: dict, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        notate(make_heard([(0.0, 1.0, 60)]), model="plain", **wish)


def test_nothing_and_nonsense_are_refused(make_heard) -> None:
    with pytest.raises(InputError, match="expected 1 to 200000 notes to write down, got 0"):
        notate(make_heard([]), model="plain")
    heard = make_heard([(0.0, 1.0, 60)])
    broken = heard.notes.copy()
    broken["onset_s"] = np.nan
    with pytest.raises(InputError, match="expected times in seconds"):
        notate(replace(heard, notes=broken), model="plain")


def test_one_note_and_a_thousand_at_once(make_heard) -> None:
    lone = notate(make_heard([(3.0, 3.5, 60)]), model="plain")
    assert len(lone.piece.notes) == 1
    check_bars(lone)
    rng = np.random.default_rng(0)
    crowd = notate(make_heard([(1.0, 1.0 + float(rng.random()), int(rng.integers(21, 109))) for _ in range(1000)]), model="plain")
    check_bars(crowd)
    assert crowd.report["doubled_notes"] == 1000 - len(crowd.piece.notes) > 900


@pytest.mark.filterwarnings("ignore:ignoring direction type")  # partitura reads no metronome marks
def test_three_readers_open_it(make_heard, tmp_path) -> None:
    from music21 import converter  # two seconds that other tests here need not wait for

    rng = np.random.default_rng(7)
    rows = [(float(on), float(on) + float(rng.uniform(0.1, 1.0)), int(rng.integers(40, 84))) for on in rng.uniform(0, 8, 60)]
    heard = make_heard(rows, beats=[0.5 * index for index in range(17)], pedals=[(0.1, 0.9), (1.1, 1.9), (1.9, 3.0)])
    notation = notate(heard)
    path = tmp_path / "score.musicxml"
    path.write_bytes(notation.musicxml)
    score = partitura.load_musicxml(str(path))
    assert sum(len(part.notes_tied) for part in score.parts) == len(notation.piece.notes)
    parsed = converter.parse(str(path))
    assert len(list(parsed.parts[0].getElementsByClass("Measure"))) == len(notation.piece.measures)
    assert engrave(notation.musicxml, dpi=50).png


def chords(step_s: float, late: int = -1) -> HeardMusic:
    """Eight chords of four notes, a beat each; each note so much after the one below it, one of them (in pitch) by 20 ms more."""
    rows = []
    for chord in range(8):
        for rank, pitch in enumerate((60, 64, 67, 72)):
            onset = 1.0 + chord * BEAT_S + step_s * rank + 0.02 * (rank == late)
            rows.append((onset, 1.5 + chord * BEAT_S, pitch, 70, 0, 0, 1.0))
    beats = [(1.0 + index * BEAT_S, index % 4 + 1) for index in range(9)]
    return HeardMusic(
        np.array(rows, dtype=HEARD_DTYPE), 10.0, beats=np.array(beats, dtype=BEAT_DTYPE), beats_per_bar=4, beat_type=4
    )


def test_rolled_chords_have_their_sign() -> None:
    rolled = notate(chords(0.035))
    check_bars(rolled)
    assert rolled.report["rolled_chords"] == 8
    assert rolled.musicxml.count(b"<arpeggiate/>") == 32


@pytest.mark.parametrize("heard", [chords(0.0), chords(0.01), chords(-0.03), chords(0.0, late=3), chords(0.0, late=0)])
def test_other_chords_have_none(heard: HeardMusic) -> None:
    plain = notate(heard)
    assert plain.report["rolled_chords"] == 0
    assert b"<arpeggiate" not in plain.musicxml


def test_a_roll_of_one_hand_is_marked_on_its_staff() -> None:
    heard = chords(0.035)
    bass = heard.notes[::4].copy()
    bass["pitch"], bass["onset_s"] = 36, bass["onset_s"] + 0.05  # with the middle of the roll
    rolled = notate(replace(heard, notes=np.concatenate([heard.notes, bass])), split=60)
    assert rolled.report["rolled_chords"] == 8
    assert rolled.musicxml.count(b"<arpeggiate/>") == 32
