from __future__ import annotations

import json

import numpy as np
import pytest

from corpora.datasets.folder import data_dir
from corpora.datasets.jsb import JSB_FILE, load_jsb
from corpora.errors import InputError


def write(folder, content):
    (folder / JSB_FILE).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_small_file(tmp_path):
    pieces = load_jsb(write(tmp_path, {"train": [[[74, 70, 65, 58], [74, -1, 65, 58]]], "valid": []}))
    assert pieces["valid"] == []
    (piece,) = pieces["train"]
    assert piece.dtype == np.int16
    assert piece.tolist() == [[74, 70, 65, 58], [74, -1, 65, 58]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "expected JSON"),
        ({"train": []}, "'train' and 'valid'"),
        ([], "'train' and 'valid'"),
        ({"train": [[[1, 2, 3]]], "valid": []}, r"train\[0\]: expected rows of 4"),
        ({"train": [], "valid": [[[1, 2, 3, 4], [1, 2]]]}, r"valid\[0\]: expected rows of 4"),
        ({"train": [[[1, 2, 3, 4.5]]], "valid": []}, "whole pitches"),
        ({"train": [[[1, 2, 3, 128]]], "valid": []}, "-1 to 127"),
        ({"train": [[[1, 2, 3, -2]]], "valid": []}, "-1 to 127"),
        ({"train": [[]], "valid": []}, "expected rows"),
    ],
)
def test_refuses(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        load_jsb(write(tmp_path, content))


def test_missing(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is missing"):
        load_jsb(tmp_path)
    with pytest.raises(InputError, match="missing"):
        data_dir(tmp_path / "nowhere")
    monkeypatch.delenv("PARTIMENTO_DATA", raising=False)
    with pytest.raises(InputError, match="set PARTIMENTO_DATA"):
        data_dir()
    monkeypatch.setenv("PARTIMENTO_DATA", str(tmp_path))
    assert data_dir() == tmp_path


def test_published_counts(corpus_folder):
    pieces = load_jsb(corpus_folder)
    assert {split: len(rows) for split, rows in pieces.items()} == {"train": 229, "valid": 76}
    assert {split: sum(map(len, rows)) for split, rows in pieces.items()} == {"train": 55_228, "valid": 18_408}
    assert len(np.unique(np.concatenate(pieces["train"] + pieces["valid"]))) <= 47
