"""What was heard, kept and read again; and files that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpora.errors import InputError
from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic
from transcribe.heard_files import heard_bytes, read_heard


@pytest.fixture
def music() -> HeardMusic:
    notes = np.array([(0.5, 1.25, 60, 80, 0, 0, 0.75), (0.5, 0.6, 36, 100, -1, 0, 1.0)], dtype=HEARD_DTYPE)
    pedals = np.array([(0.5, 2.0)], dtype=PEDAL_DTYPE)
    beats = np.array([(0.5, 1), (1.0, 2)], dtype=BEAT_DTYPE)
    return HeardMusic(notes, 3.0, pedals, beats, 3, 4, "song.flac")


def test_what_was_kept_is_read(music: HeardMusic, tmp_path: Path) -> None:
    activations = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    path = tmp_path / "heard.json"
    path.write_bytes(heard_bytes(music, activations, "frame"))
    found, again = read_heard(path)
    for name in ("notes", "pedals", "beats"):
        np.testing.assert_array_equal(getattr(found, name), getattr(music, name))
    assert (found.duration_s, found.beats_per_bar, found.beat_type, found.name) == (3.0, 3, 4, "song.flac")
    assert again is not None
    np.testing.assert_allclose(again, activations, atol=2e-3)
    path.write_bytes(heard_bytes(music))
    assert read_heard(path)[1] is None


def changed(music: HeardMusic, **values: Any) -> bytes:
    return json.dumps({**json.loads(heard_bytes(music)), **values}).encode()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": "other"}, "expected what 'partimento transcribe --keep' wrote"),
        ({"duration_s": -1}, "duration_s: expected a number from 0"),
        ({"duration_s": True}, "duration_s: expected a number"),
        ({"notes": []}, "notes: expected fields onset_s"),
        ({"beat_logits": "####"}, "beat_logits: expected pairs of float16"),
        ({"beat_logits": "AAA="}, "beat_logits: expected pairs of float16"),
        ({"beat_logits": "AHwAfA=="}, "beat_logits: expected finite numbers"),
        ({"pedals": {"fields": ["onset_s", "offset_s"], "rows": [[2.0, 1.0]]}}, "expected an offset after the onset"),
        ({"pedals": {"fields": ["onset_s", "offset_s"], "rows": [[1.0]]}}, "pedals, row 0: expected 2 numbers"),
        ({"pedals": {"fields": ["onset_s", "offset_s"], "rows": [[1.0, "2"]]}}, "pedals, row 0: expected 2 numbers"),
        ({"beats": {"fields": ["time_s", "number"], "rows": [[1.0, 99]]}}, "number: expected 0 to 32, got 99"),
    ],
)
def test_other_files_are_refused_in_one_line(music: HeardMusic, tmp_path: Path, values: dict[str, Any], message: str) -> None:
    path = tmp_path / "heard.json"
    path.write_bytes(changed(music, **values))
    with pytest.raises(InputError, match=message) as caught:
        read_heard(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        read_heard(tmp_path / "none.json")
