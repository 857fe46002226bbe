"""The shipped network of note beats still does what its card says, on a few held-out songs, within a margin."""

import os

import numpy as np
import pytest

from corpora.checkpoints import list_weights
from corpora.datasets import iter_pack
from corpora.files import parse_piece
from render.perform import perform
from transcribe.beats.note_activations import load_note_beats, note_activations
from transcribe.beats.note_examples import beat_example
from transcribe.beats.note_features import FRAMES_PER_SECOND, note_events
from transcribe.beats.train_note_beats import targets_of

MAX_BYTES = 5 << 20


def test_weights_are_small() -> None:
    folder = list_weights()["beats"]
    assert sum(path.stat().st_size for path in folder.iterdir()) < MAX_BYTES
    assert sum(p.numel() for p in load_note_beats().parameters()) < 2_500_000


def test_beats_of_held_out_songs_are_heard() -> None:
    if "PARTIMENTO_DATA" not in os.environ:
        pytest.skip("PARTIMENTO_DATA is not set: the packs are not there")
    hits = []
    for _, data in iter_pack("openscore-lieder", split="valid", where=lambda row: row.bytes < 20_000, limit=6):
        example = beat_example(perform(parse_piece(data, "song"), seed=1, repeats=False))
        events = note_events(example.notes)
        targets, _, _ = targets_of(example, events.times_s)
        frame = np.rint(events.times_s * FRAMES_PER_SECOND).astype(int)
        heard = note_activations(example.notes, example.duration_s).beats[frame, 0]
        hits.append(float(((heard > 0.5) == (targets[:, 0].numpy() > 0.5)).mean()))
    assert len(hits) == 6
    assert np.mean(hits) > 0.75
