import json

import numpy as np
import pytest

from compose.vocabulary.anticipation import Anticipation
from compose.vocabulary.base import Loss, LossKind, LossReport, Tokens
from compose.vocabulary.registry import VOCABULARIES, build_vocabulary
from corpora.errors import RequestError


def test_lost_notes_counts_dropped_and_merged_only():
    report = LossReport.of(
        [
            Loss(LossKind.NOTES_DROPPED, 2),
            Loss(LossKind.NOTES_MERGED, 3),
            Loss(LossKind.ONSETS_MOVED, 100, 0.004, "s"),
            Loss(LossKind.KEYS_IGNORED, 0),
        ]
    )
    assert report.lost_notes == 5
    assert report.count(LossKind.ONSETS_MOVED) == 100
    assert report.count(LossKind.KEYS_IGNORED) == 0
    assert len(report.losses) == 3  # empty kinds are left out


def test_lines_say_kind_count_size_and_examples():
    loss = Loss(LossKind.DURATIONS_CLIPPED, 3, 2.5, "s", ("C4 in bar 1 (Alto)",))
    assert LossReport((loss,)).lines() == ("3 durations clipped (largest change 2.5 s): C4 in bar 1 (Alto), ...",)


def test_to_dict_is_json():
    report = LossReport((Loss(LossKind.GRACE_NOTES, 1, examples=("D5 in bar 2 (Flute)",)),))
    as_json = json.loads(json.dumps(report.to_dict()))
    assert as_json == {
        "lost_notes": 0,
        "grace_notes": {"count": 1, "largest": 0.0, "unit": "", "examples": ["D5 in bar 2 (Flute)"]},
    }


def test_tokens_decode_themselves():
    tokens = Tokens(np.array([10, 10020, 11060], dtype=np.int64), Anticipation())
    (note,) = tokens.decode().notes
    assert (note["onset_div"], note["duration_div"], note["pitch"]) == (10, 20, 60)
    assert len(tokens) == 3


def test_vocabularies_by_name():
    for name in VOCABULARIES:
        assert build_vocabulary(name).name == name
    with pytest.raises(RequestError, match=r"expected one of .*anticipation"):
        build_vocabulary("remy")
