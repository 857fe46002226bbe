from collections.abc import Callable
from fractions import Fraction

import pytest

from compose.constraints import (
    ChordSpans,
    EndOn,
    Grid,
    KeepRhythm,
    NoCrossing,
    NoParallels,
    PitchClasses,
    Polyphony,
    Range,
    parse_constraint,
    parse_constraints,
)
from compose.constraints.scales import SCALES
from corpora.errors import RequestError
from corpora.piece import Piece

# What may be written, and its normal form.
TEXTS = {
    "scale: G major": "scale: G major",
    "SCALE:g  Major": "scale: G major",
    "scale: f# Harmonic-Minor": "scale: F# harmonic minor",
    "scale: chromatic": "scale: chromatic",
    "pitches: c, d eb F#": "pitches: C D Eb F#",
    "range: g3 - E6": "range: G3-E6",
    "range: C-1-G9": "range: C-1-G9",
    "range: G3 to B4": "range: G3-B4",
    "range: alto G3-E5,Tenor C3-A4": "range: Alto G3-E5, Tenor C3-A4",
    'range: "Horn in F, 1" C2-C5': 'range: "Horn in F, 1" C2-C5',
    "chords: G | C D7/F#": "chords: | G | C D7/F# |",
    "chords: | G | % | | N.C. |": "chords: | G | G | G | N.C. |",
    "rhythm: Keep": "rhythm: keep",
    "grid: 1 / 16": "grid: 1/16",
    "grid: 1/8T": "grid: 1/8t",
    "polyphony: 2": "polyphony: 2",
    "polyphony: Piano 3, TOTAL 6": "polyphony: Piano 3, total 6",
    "End On: g4": "end on: G4",
    "end-on: Bb": "end on: Bb",
    "end on: Alto G4, tenor D": "end on: Alto G4, Tenor D",
    "no parallels": "no parallels",
    "No Parallels: Bass, Soprano": "no parallels: Bass, Soprano",
    "no_crossing": "no crossing",
    "no crossing: alto, tenor": "no crossing: Alto, Tenor",
}


@pytest.fixture(scope="module")
def piece(make_piece: Callable[..., Piece]) -> Piece:
    return make_piece(("Soprano", "Alto", "Tenor", "Bass", "Piano", "Piano", "Horn in F, 1"))


@pytest.mark.parametrize("text", TEXTS)
def test_normal_form_reads_back_as_the_same(text: str, piece: Piece) -> None:
    constraint = parse_constraint(text, piece)
    assert constraint.text == TEXTS[text]
    assert parse_constraint(constraint.text, piece) == constraint


def test_meanings(piece: Piece) -> None:
    scale, pitches, limits, chords, rhythm, grid, polyphony, ending, parallels, crossing = parse_constraints(
        """
        scale: Bb dorian
        pitches: Cb E#
        range: Piano C2-C3, F3-B3
        chords: | Am | % |
        rhythm: keep
        grid: 1/8t
        polyphony: 2, Piano 3, total 6
        end on: Alto F#5, Piano Db
        no parallels: Bass, Alto
        no crossing: Tenor, Alto
        """,
        piece,
    )
    assert isinstance(scale, PitchClasses)
    assert scale.pitch_classes == {10, 0, 1, 3, 5, 7, 8}
    assert isinstance(pitches, PitchClasses)
    assert pitches.pitch_classes == {11, 5}
    assert isinstance(limits, Range)
    assert limits.limits == (((4, 5), 36, 48), (None, 53, 59))
    assert isinstance(chords, ChordSpans)
    assert [[chord.symbol for chord in bar] for bar in chords.bars] == [["Am"], ["Am"]]
    assert isinstance(rhythm, KeepRhythm)
    assert isinstance(grid, Grid)
    assert grid.step_quarters == Fraction(1, 3)
    assert isinstance(polyphony, Polyphony)
    assert (polyphony.limits, polyphony.total) == (((None, 2), ((4, 5), 3)), 6)
    assert isinstance(ending, EndOn)
    assert [(target.lanes, target.pitch, target.any_octave) for target in ending.targets] == [((1,), 78, False), ((4, 5), 1, True)]
    assert len(ending.others) == 9
    assert isinstance(parallels, NoParallels)
    assert parallels.lanes == (1, 3)  # score order
    assert isinstance(crossing, NoCrossing)
    assert crossing.lanes == (2, 1)  # from high to low, as asked


def test_every_scale_has_its_tonic_and_transposes(piece: Piece) -> None:
    for name, steps in SCALES.items():
        on_c, on_d = parse_constraint(f"scale: C {name}", piece), parse_constraint(f"scale: D {name}", piece)
        assert isinstance(on_c, PitchClasses)
        assert isinstance(on_d, PitchClasses)
        assert 0 in on_c.pitch_classes
        assert len(on_c.pitch_classes) == len(steps)
        assert on_d.pitch_classes == {(pitch_class + 2) % 12 for pitch_class in on_c.pitch_classes}


def test_text_list_and_mapping_say_the_same(piece: Piece) -> None:
    text = "range: Alto G3-E5, Tenor C3-A4\nchords: | G | C D7 |\npolyphony: 2\nno parallels\npitches: C, D, E"
    as_mapping = {
        "range": {"Alto": "G3-E5", "Tenor": "C3-A4"},
        "chords": ["G", "C D7"],
        "polyphony": 2,
        "no parallels": True,
        "no crossing": False,
        "pitches": ["C", "D", "E"],
    }
    expected = parse_constraints(text, piece)
    assert parse_constraints(as_mapping, piece) == expected
    assert parse_constraints(text.splitlines(), piece) == expected
    assert parse_constraints([{kind: value} for kind, value in as_mapping.items()], piece) == expected
    assert parse_constraints(expected, piece) == expected
    assert parse_constraints("", piece) == ()
    assert parse_constraints({"polyphony": {"Horn in F, 1": 1}}, piece)[0].text == 'polyphony: "Horn in F, 1" 1'


REFUSALS = {
    "scales: G major": "no constraint is called 'scales'.*did you mean 'scale'",
    "swing: 2:1": "no constraint is called 'swing': expected one of scale, pitches, avoid",
    "": "no constraint is called ''",
    "scale": "expected a value after 'scale:'",
    "scale:": "expected a value after 'scale:'",
    "scale: G": "is not a scale: expected a tonic and a mode",
    "scale: H major": "is not a scale",
    "scale: G majr": "'majr' is not a known mode.*did you mean major",
    "pitches: C X": "'X' is not a note name: expected A to G",
    "range: G3": "'G3' is not understood: expected two pitches",
    "range: E6-G3": "E6 is above G3: expected the lower pitch first",
    "range: G3-G#9": "outside the MIDI pitches",
    "range: ,": "expected two pitches",
    "range: Altoo G3-E5": "no part is called 'Altoo': expected one of Soprano, Alto.*did you mean Alto",
    "range: G3-E5, C3-C4": "a value for all parts is given twice",
    "range: Alto G3-E5, alto C3-C4": "Alto is given twice",
    "chords: | % | G |": "the first bar has no chord to repeat",
    "chords: |": "expected|no chord",
    "chords: | G | Q7 |": "'Q7' is not a chord symbol",
    "rhythm: swing": "expected 'rhythm: keep'",
    "grid: 1/12": "expected 1/4, 1/8, 1/16 or 1/32",
    "grid: 3/16": "expected 1/4",
    "polyphony: 0": "expected 1 or more",
    "polyphony: many": "expected a number",
    "polyphony: -1": "expected a number",
    "end on: loud": "expected a note",
    "end on: Viola G4": "no part is called 'Viola'",
    "no parallels: Alto": "expected at least two parts, got Alto",
    "no parallels: Alto, Alto": "Alto is given twice",
    "no crossing: ": "expected a value after 'no crossing:'",
}


@pytest.mark.parametrize("text", REFUSALS)
def test_refused_in_one_line_that_says_what_was_expected(text: str, piece: Piece) -> None:
    with pytest.raises(RequestError, match=REFUSALS[text]) as caught:
        parse_constraint(text, piece)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wishes", [{"scale": 1.5}, {"scale": None}, {3: "x"}, [3], 7, None, {"range": {"Alto": None}}])
def test_values_that_are_no_text(wishes: object, piece: Piece) -> None:
    with pytest.raises(RequestError, match="expected"):
        parse_constraints(wishes, piece)


def test_long_nonsense_is_shortened(piece: Piece) -> None:
    with pytest.raises(RequestError) as caught:
        parse_constraint("x" * 100_000, piece)
    assert len(str(caught.value)) < 600
