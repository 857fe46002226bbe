import pytest

from corpora.musicxml.spelling_in_context import places_in_context, spelling_at

NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def names_of(pitches: list[int], fifths: int) -> list[str]:
    """Letters and signs of a tune, each note following the one before it."""
    following = {index: [index + 1] for index in range(len(pitches) - 1)}
    places = places_in_context(pitches, [fifths] * len(pitches), following).tolist()
    found = [spelling_at(pitch, place) for pitch, place in zip(pitches, places, strict=True)]
    signs = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
    return [f"{spelling.step}{signs[round(spelling.alter)]}" for spelling in found]


@pytest.mark.parametrize("place", range(-15, 20))
def test_a_spelling_sounds_as_its_pitch(place: int) -> None:
    for pitch in range(24, 36):
        if (7 * pitch - place) % 12 == 0:
            spelling = spelling_at(pitch, place)
            assert NAMES[spelling.step] + round(spelling.alter) + 12 * (spelling.octave + 1) == pitch


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_scales_have_the_letters_of_their_signature(fifths: int) -> None:
    tonic = 60 + 7 * fifths % 12
    scale = [tonic + step for step in (0, 2, 4, 5, 7, 9, 11, 12)] * 3
    letters = names_of(scale, fifths)
    assert [name[0] for name in letters[:7]] == sorted({name[0] for name in letters}, key=[name[0] for name in letters].index)
    assert len(set(letters)) == 7


def test_minor_has_its_leading_tone_and_its_lowered_sixth() -> None:
    minor = [57, 59, 60, 62, 64, 65, 68, 69, 68, 65, 64, 62, 60, 59, 57] * 2
    assert set(names_of(minor, 0)) == {"A", "B", "C", "D", "E", "F", "G#"}
    assert set(names_of([pitch + 3 for pitch in minor], -3)) == {"C", "D", "Eb", "F", "G", "Ab", "B"}


def test_a_borrowed_flat_sixth_is_flat_and_a_raised_fourth_sharp() -> None:
    tune = [60, 64, 67, 72, 71, 67, 65, 64, 68, 67, 66, 67, 64, 62, 60] * 2
    assert names_of(tune, 0)[8:12] == ["Ab", "G", "F#", "G"]
