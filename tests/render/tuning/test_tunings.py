"""What sounds when a key is played, and the user's words for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from corpora.errors import InputError, RequestError
from corpora.piece import Part, Piece
from render.played import play
from render.tuning import bulk_dump, parse_tuning, retuned, retuned_piece
from render.tuning.sysex import frequency_data
from render.tuning.tunings import EqualDivision, hz_of_height

RAST = ("203.91", "350.", "498.04", "701.955", "905.87", "1050.", "2/1")  # quarter-tone third and seventh
WERCKMEISTER = [0, 90.225, 192.18, 294.135, 390.225, 498.045, 588.27, 696.09, 792.18, 888.27, 996.09, 1092.18]


def test_twelve_equal_steps_change_nothing() -> None:
    for words in ("12-EDO", "EDO 12", "12tet", "12 ET", "A=440"):
        tuning = parse_tuning(words)
        np.testing.assert_allclose([tuning.height(key) for key in range(128)], range(128), atol=1e-9)


def test_an_equal_division_goes_by_fifths() -> None:
    nineteen = EqualDivision(19)
    steps = [round((nineteen.height(key) - nineteen.height(60)) * 19 / 12) for key in range(60, 73)]
    # C C# D Eb E F F# G G# A Bb B C
    assert steps == [0, 1, 3, 5, 6, 8, 9, 11, 12, 14, 16, 17, 19]
    assert nineteen.height(69) == 69.0
    assert (nineteen.height(61) - nineteen.height(60)) * 100 == pytest.approx(63.157894, abs=1e-6)
    thirty_one = EqualDivision(31)
    assert [round((thirty_one.height(key) - thirty_one.height(60)) * 31 / 12) for key in (61, 62, 63, 64, 67)] == [2, 5, 8, 10, 18]
    for count in (1, 5, 7, 17, 19, 22, 24, 31, 53, 311, 4096):
        division = EqualDivision(count)
        assert division.height(81) - division.height(69) == pytest.approx(12.0)
        assert division.height(69) == 69.0


def test_spelled_notes_of_an_equal_division() -> None:
    nineteen = EqualDivision(19, 415.0)
    step = 12 / 19
    assert hz_of_height(nineteen.spelled("A", 0.0, 4)) == pytest.approx(415.0)
    assert nineteen.spelled("D", -1.0, 4) - nineteen.spelled("C", 1.0, 4) == pytest.approx(step)  # D flat is above C sharp
    assert nineteen.spelled("B", 1.0, 3) - nineteen.spelled("C", -1.0, 4) == pytest.approx(0.0)  # B sharp 3 is C flat 4
    assert nineteen.spelled("B", 0.0, 3) < nineteen.spelled("C", 0.0, 4) < nineteen.spelled("B", 0.0, 4)
    quarter_tones = EqualDivision(24)
    assert quarter_tones.spelled("E", -0.5, 4) == pytest.approx(63.5)
    for letter, key in (("C", 60), ("D", 62), ("E", 64), ("F", 65), ("G", 67), ("A", 69), ("B", 71)):
        assert EqualDivision(12).spelled(letter, 0.0, 4) == pytest.approx(key)
        assert nineteen.spelled(letter, 0.0, 4) == pytest.approx(nineteen.height(key))
    assert nineteen.spelled("E", -1.0, 4) == pytest.approx(nineteen.height(63))
    assert nineteen.spelled("G", 1.0, 4) == pytest.approx(nineteen.height(68))


def test_a_key_with_cents_goes_to_the_nearest_step() -> None:
    assert EqualDivision(24).height(64, -50.0) == 63.5
    assert EqualDivision(24).height(64, -30.0) == 63.5
    assert EqualDivision(12).height(60, 30.0) == 60.0


def test_a_temperament_of_twelve_goes_key_by_key(write_scl: Callable[..., Path]) -> None:
    path = write_scl(*(f"{cents:.3f}" for cents in WERCKMEISTER[1:]), "2/1", name="werckmeister3.scl")
    tuning = parse_tuning(f"{path} A=415")
    assert tuning.name == "werckmeister3.scl, A4 = 415 Hz"
    assert tuning.frequency_hz(69) == pytest.approx(415.0)
    found = [(tuning.height(60 + key) - tuning.height(60)) * 100 for key in range(12)]
    np.testing.assert_allclose(found, WERCKMEISTER, atol=1e-9)
    assert tuning.height(72) - tuning.height(60) == pytest.approx(12.0)
    assert (tuning.height(60, 50.0) - tuning.height(60)) == pytest.approx(0.5)


def test_a_maqam_retunes_the_white_keys(write_scl: Callable[..., Path]) -> None:
    tuning = parse_tuning(str(write_scl(*RAST, name="rast.scl")))
    white = [(tuning.height(key) - 60) * 100 for key in (60, 62, 64, 65, 67, 69, 71, 72)]
    np.testing.assert_allclose(white, [0, 203.91, 350, 498.04, 701.955, 905.87, 1050, 1200], atol=1e-9)
    assert tuning.height(63) == tuning.height(64)  # E flat joins the nearest
    assert tuning.height(64, -50.0) == tuning.height(64)
    half = parse_tuning(f"{write_scl(*RAST, name='rast.scl')} A4=220Hz")
    assert half.height(60) == pytest.approx(48.0)


def test_a_keyboard_map_beside_the_scale_or_given(write_scl: Callable[..., Path], tmp_path: Path) -> None:
    path = write_scl(*RAST, name="rast.scl")
    white = "12\n0\n100\n60\n60\n{}\n7\n0\nx\n1\nx\n2\n3\nx\n4\nx\n5\nx\n6\n"
    (tmp_path / "other.kbm").write_text(white.format("256.0"))
    tuning = parse_tuning(str(path), keyboard_map=tmp_path / "other.kbm")
    assert tuning.name == "rast.scl with other.kbm"
    assert tuning.frequency_hz(60) == pytest.approx(256.0)
    assert tuning.frequency_hz(67) == pytest.approx(256.0 * 2 ** (701.955 / 1200))
    assert tuning.frequency_hz(48) == pytest.approx(128.0)
    assert tuning.height(61) is None
    assert tuning.height(101) == 101.0  # beyond the keys that the map retunes
    (tmp_path / "rast.kbm").write_text(white.format("261.6"))
    assert parse_tuning(str(path)).name == "rast.scl with rast.kbm"
    with pytest.raises(RequestError, match=r"rast\.kbm says at what frequency its reference key is, got A=415 too"):
        parse_tuning(f"{path}, A=415")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "expected 19-EDO, a .scl file or A=415, got ''"),
        ("meantone", "got 'meantone'"),
        ("0-EDO", "expected 1 to 4,096 equal steps in the octave, got 0"),
        ("99999 EDO", "got 99999"),
        ("19-EDO A=nan", "A4: expected 220 to 880 Hz, got 'nan'"),
        ("A=1e9", "got '1e9'"),
        ("A=", "got 'A='"),
        ("EDO", "got 'EDO'"),
    ],
)
def test_unknown_words_are_refused(words: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        parse_tuning(words)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.scl: there is no such file"):
        parse_tuning(str(tmp_path / "nowhere.scl"))
    with pytest.raises(RequestError, match=r"expected a \.scl file to go with it, got '19-EDO'"):
        parse_tuning("19-EDO", keyboard_map=tmp_path / "a.kbm")
    (tmp_path / "folder.scl").mkdir()
    with pytest.raises(InputError, match="expected a regular file, came a folder"):
        parse_tuning(str(tmp_path / "folder.scl"))


def test_played_music_is_retuned_but_for_its_drums(make_piece: Callable[..., Piece]) -> None:
    rows = [(0, 4, 61, 0), (4, 4, 60, 0), (0, 4, 40, 1)]
    piece = make_piece(rows)
    piece = Piece(piece.notes, 4, (Part("Tune", "P1"), Part("Kit", "P2", is_drum=True)), piece.measures)
    played = play(piece, sample_rate_hz=44_100)
    tuned = retuned(played, EqualDivision(19))
    by_id = {str(row["id"]): row for row in tuned.notes}
    heights = {name: row["key"] + row["cents"] / 100 for name, row in by_id.items()}
    assert heights["n0"] - heights["n1"] == pytest.approx(12 / 19, abs=1e-5)
    assert heights["n1"] == pytest.approx(EqualDivision(19).height(60), abs=1e-5)
    assert np.abs(tuned.notes["cents"]).max() <= 50.0
    assert (by_id["n2"]["key"], by_id["n2"]["cents"]) == (40, 0.0)
    assert (played.notes["key"] == [61, 40, 60]).all()  # the first is left as it was
    for name in ("onset_sample", "release_sample", "velocity"):
        assert sorted(tuned.notes[name].tolist()) == sorted(played.notes[name].tolist())
    same = retuned(played, EqualDivision(12))
    assert (same.notes == played.notes).all()
    assert retuned_piece(piece, EqualDivision(19)).notes["pitch"].tolist() == [61, 40, 60]


def test_a_key_that_plays_nothing_is_refused_by_note(
    make_piece: Callable[..., Piece], write_scl: Callable[..., Path], tmp_path: Path
) -> None:
    played = play(make_piece([(0, 4, 61, 0)]), sample_rate_hz=8_000)
    path = write_scl(*RAST, name="rast.scl")
    (tmp_path / "rast.kbm").write_text("2\n0\n127\n60\n60\n261.6\n1\n0\n")
    with pytest.raises(InputError, match=r"note n0: key 61 plays nothing in rast\.scl with rast\.kbm"):
        retuned(played, parse_tuning(str(path)))
    high = play(make_piece([(0, 4, 127, 0)]), sample_rate_hz=8_000)
    with pytest.raises(InputError, match=r"note n0: key 127 sounds at key 139 in .*expected 0 to 127"):
        retuned(high, parse_tuning("A=880"))


@pytest.mark.parametrize(
    ("frequency_hz", "expected"),
    # MIDI Tuning Standard, table of frequency data
    [
        (8.1758, "00 00 00"),
        (8.662, "01 00 00"),
        (16.3516, "0c 00 00"),
        (261.6256, "3c 00 00"),
        (440.0, "45 00 00"),
        (8372.0181, "78 00 00"),
    ],
)
def test_frequency_data_of_the_standard(frequency_hz: float, expected: str) -> None:
    found = frequency_data(round((69 + 12 * math.log2(frequency_hz / 440.0)) * 2**14) / 2**14)
    value, wanted = (int.from_bytes(bytes(part), "big") for part in (found, bytes.fromhex(expected)))
    assert abs((value >> 16) * 2**14 + (value >> 8 & 127) * 128 + (value & 127) - (wanted >> 16) * 2**14) <= 1
    assert frequency_data(69.0).hex(" ") == "45 00 00"
    assert frequency_data(69 + 1 / 2**14).hex(" ") == "45 00 01"
    assert frequency_data(69 - 1 / 2**14).hex(" ") == "44 7f 7f"
    assert frequency_data(None).hex(" ") == "7f 7f 7f"
    assert frequency_data(500.0).hex(" ") == "7f 7f 7e"


def test_a_bulk_dump_holds_the_tuning() -> None:
    nineteen = EqualDivision(19)
    message = bulk_dump(nineteen, program=5, device=16)
    assert len(message) == 408
    assert message[:6] == bytes([0xF0, 0x7E, 16, 8, 1, 5])
    assert message[6:22] == b"19-EDO".ljust(16)
    assert message[-1] == 0xF7
    assert all(byte < 128 for byte in message[1:-1])
    checksum = 0
    for byte in message[1:-2]:
        checksum ^= byte
    assert message[-2] == checksum & 0x7F
    rows = np.frombuffer(message[22:-2], dtype=np.uint8).reshape(128, 3).astype(float)
    heights = rows[:, 0] + (rows[:, 1] * 128 + rows[:, 2]) / 2**14
    assert np.abs(heights - [nineteen.height(key) for key in range(128)])[:127].max() * 100 < 0.0031
    with pytest.raises(RequestError, match="tuning program: expected 0 to 127, got 128"):
        bulk_dump(nineteen, program=128)
