"""The shipped weights still do what their model cards say, on a few held-out pieces, within stated margins."""

import os
from itertools import islice

import numpy as np
import pytest
import torch

from compose.baselines.data import plain_examples
from compose.measured_examples import collate
from compose.models import MeasuredComposer, VoicesComposer, load_model
from compose.step_scores import StepScore
from compose.train_chorale import examples_of, validate
from compose.train_voices import validate_voices
from compose.vocabulary.voices import frame_ids
from corpora.checkpoints import list_weights
from corpora.datasets import bach_chorales, iter_pack, load_jsb
from corpora.files import parse_piece

MAX_BYTES = 8 * 1024**2
CHORALE_NATS = 1.813  # nats a note on the eight questions asked here
VOICES_NATS = 0.382  # nats a slot on the six chorales asked here
GENERAL_NATS = 2.825  # nats a note of plain continuation on the four pieces asked here
MARGIN = 0.05


@pytest.mark.parametrize("name", ["chorale", "general", "voices"])
def test_weights_are_small(name: str) -> None:
    folder = list_weights()[name]
    assert sum(path.stat().st_size for path in folder.iterdir()) < MAX_BYTES


def test_chorale_model_predicts_held_out_chorales() -> None:
    composer = load_model("chorale")
    assert isinstance(composer, MeasuredComposer)
    pieces = [chorale.piece for chorale in islice(bach_chorales("valid"), 8)]
    examples = [e for asked in examples_of(pieces, 1, seed=1, drop_share=0.0) for e in asked]
    torch.manual_seed(0)
    figures = validate(composer.model, [collate(examples)])
    assert figures["nats_per_note"] < CHORALE_NATS + MARGIN
    assert figures["pitch"] < 1.25  # a pitch of four parts at random among twenty would cost 3.0


def test_general_model_predicts_held_out_scores() -> None:
    if "PARTIMENTO_DATA" not in os.environ:
        pytest.skip("PARTIMENTO_DATA is not set: the packs are not there")
    composer = load_model("general")
    assert isinstance(composer, MeasuredComposer)
    examples = []
    for pack in ("openscore-lieder", "openscore-string-quartets"):
        for row, data in iter_pack(pack, split="valid", where=lambda row: row.bytes < 200_000, limit=2):
            examples += plain_examples(StepScore.of(parse_piece(data, row.path)), 2)
    figures = validate(composer.model, [collate([example]) for example in examples])
    assert figures["nats_per_note"] < GENERAL_NATS + MARGIN
    assert figures["duration"] < 1.3  # of 250 classes


def test_voices_model_beats_counting() -> None:
    if "PARTIMENTO_DATA" not in os.environ:
        pytest.skip("PARTIMENTO_DATA is not set: the JSB chorales are not there")
    composer = load_model("voices")
    assert isinstance(composer, VoicesComposer)
    pieces = [frame_ids(piece) for piece in load_jsb()["valid"][:6]]
    assert np.mean([len(piece) for piece in pieces]) > 100
    assert validate_voices(composer.model, pieces)["nats_per_slot"] < VOICES_NATS + MARGIN
