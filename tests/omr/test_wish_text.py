"""What the user says of a page in words."""

import pytest

from corpora.errors import RequestError
from omr.wish_text import parse_clefs, parse_key, parse_meter, parse_readings, parse_staves


@pytest.mark.parametrize(
    ("text", "fifths"),
    [("2 flats", -2), ("1 sharp", 1), ("none", 0), ("0 flats", 0), ("Eb major", -3), ("f# minor", 3), ("C minor", -3), ("", None)],
)
def test_keys(text, fifths):
    assert parse_key(text) == fifths


@pytest.mark.parametrize("text", ["8 flats", "H major", "two flats", "Eb", "Fb major", "\x1b[31m"])
def test_no_keys(text):
    with pytest.raises(RequestError, match=r"^key: expected"):
        parse_key(text)


@pytest.mark.parametrize(("text", "meter"), [("6/8", (6, 8)), (" 3 / 4", (3, 4)), ("C", (4, 4)), ("C|", (2, 2)), ("", None)])
def test_meters(text, meter):
    assert parse_meter(text) == meter


@pytest.mark.parametrize("text", ["6", "6/8/8", "a/b", "100/4"])
def test_no_meters(text):
    with pytest.raises(RequestError, match=r"^meter: expected"):
        parse_meter(text)


def test_clefs_staves_and_readings():
    assert parse_clefs(["2=alto", "3 = bass"]) == {2: "alto", 3: "bass"}
    assert parse_readings(["12=2"]) == {12: 2}
    assert parse_staves("1, 2") == (1, 2)
    assert parse_staves("") is None


@pytest.mark.parametrize(
    ("parse", "text"), [(parse_clefs, "alto"), (parse_clefs, "x=alto"), (parse_readings, "12"), (parse_readings, "12=b")]
)
def test_no_pairs(parse, text):
    with pytest.raises(RequestError, match="expected"):
        parse([text])


def test_no_staves():
    with pytest.raises(RequestError, match=r"^staves: expected"):
        parse_staves("1;2")
