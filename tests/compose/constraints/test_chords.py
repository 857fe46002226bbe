import pytest

from compose.constraints.chords import parse_chord
from compose.constraints.names import parse_pitch_class
from corpora.errors import RequestError

# Semitones above C; from the usual lead-sheet spelling of each chord, written out by hand.
QUALITIES = {
    "": (0, 4, 7),
    "maj": (0, 4, 7),
    "m": (0, 3, 7),
    "min": (0, 3, 7),
    "-": (0, 3, 7),
    "dim": (0, 3, 6),
    "°": (0, 3, 6),
    "aug": (0, 4, 8),
    "+": (0, 4, 8),
    "5": (0, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "sus": (0, 5, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "6/9": (0, 2, 4, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "M7": (0, 4, 7, 11),
    "Δ": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "-7": (0, 3, 7, 10),
    "mM7": (0, 3, 7, 11),
    "m(maj7)": (0, 3, 7, 11),
    "dim7": (0, 3, 6, 9),
    "o7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "ø": (0, 3, 6, 10),
    "ø7": (0, 3, 6, 10),
    "+7": (0, 4, 8, 10),
    "7#5": (0, 4, 8, 10),
    "7b5": (0, 4, 6, 10),
    "7sus4": (0, 5, 7, 10),
    "9": (0, 2, 4, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "m9": (0, 2, 3, 7, 10),
    "7b9": (0, 1, 4, 7, 10),
    "7#9": (0, 3, 4, 7, 10),
    "7(b9,#11)": (0, 1, 4, 6, 7, 10),
    "add9": (0, 2, 4, 7),
    "m(add9)": (0, 2, 3, 7),
    "11": (0, 2, 4, 5, 7, 10),
    "m11": (0, 2, 3, 5, 7, 10),
    "13": (0, 2, 4, 5, 7, 9, 10),
    "7alt": (0, 1, 3, 4, 6, 8, 10),
    "no3": (0, 7),
    "/E": (0, 4, 7),
    "/Bb": (0, 4, 7, 10),
}


@pytest.mark.parametrize("quality", QUALITIES)
def test_golden_on_c(quality: str) -> None:
    assert sorted(parse_chord("C" + quality).pitch_classes) == list(QUALITIES[quality])


@pytest.mark.parametrize("quality", [quality for quality in QUALITIES if not quality.startswith("/")])
@pytest.mark.parametrize("root", ["F#", "Bb", "A♭", "B"])
def test_any_root_is_c_transposed(root: str, quality: str) -> None:
    shift = parse_pitch_class(root)
    assert parse_chord(root + quality).pitch_classes == {(tone + shift) % 12 for tone in QUALITIES[quality]}
    assert parse_chord(root + quality).bass == shift


def test_slash_bass_and_no_chord() -> None:
    assert parse_chord("D7/F#").bass == 6
    assert parse_chord("Am/G").pitch_classes == {9, 0, 4, 7}
    assert parse_chord("N.C.").pitch_classes == frozenset(range(12))
    assert parse_chord("N.C.").bass is None


@pytest.mark.parametrize(
    "text", ["H", "c", "Cfoo", "C/", "C/H", "Csus3", "C7b", "C55", "Cadd", "Calt", "", "7", "Cm7b5x", "Cno9", "C" * 200]
)
def test_refused_by_name(text: str) -> None:
    with pytest.raises(RequestError, match="is not a chord symbol: expected a root and a quality"):
        parse_chord(text)
