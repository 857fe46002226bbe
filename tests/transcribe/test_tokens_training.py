"""The loop of training: from a store of sound to a model that writes the store's music down."""

from pathlib import Path

import numpy as np
import pytest
import torch

from compose.training import TrainingPlan
from compose.vocabulary.mt3_events import EOS, TIE
from corpora.errors import CheckpointError, InputError
from transcribe.frames.listener import FrameListener
from transcribe.frames.model import FrameModel, FrameModelConfig
from transcribe.frames.settings import DecoderSettings
from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE, PEDAL_DTYPE
from transcribe.measures.matching import score_notes
from transcribe.tokens.crops import SegmentSource, make_block
from transcribe.tokens.decoding import decode_segments
from transcribe.tokens.features import NUM_HEARD, spectrum_features
from transcribe.tokens.limits import limits_of
from transcribe.tokens.listener import TokenListener, segment_windows
from transcribe.tokens.model import TokenModel, TokenModelConfig
from transcribe.tokens.segments import heard_of, join
from transcribe.tokens.training import make_features, train_tokens
from transcribe.training_audio.clips import Clip
from transcribe.training_audio.sound_store import SoundStore, StoreWriter

RATE = 16_000
SECONDS = 20.0


def tones(notes):
    """Notes as decaying tones with three partials."""
    time = np.arange(int(SECONDS * RATE)) / RATE
    sound = np.zeros(len(time))
    for note in notes:
        after = time - note["onset_s"]
        envelope = np.where(after >= 0, np.exp(-after), 0) * np.clip((note["offset_s"] - time) / 0.02, 0, 1)
        for partial in (1, 2, 3):
            hertz = 440 * 2 ** ((note["pitch"] - 69) / 12) * partial
            sound += note["velocity"] / 127 / partial**2 * envelope * np.sin(2 * np.pi * hertz * time)
    return np.rint(sound / np.abs(sound).max() * 20_000).astype(np.int16)


@pytest.fixture
def store(tmp_path):
    """One clip of 20 s: a melody over long notes."""
    rng = np.random.default_rng(2)
    rows = []
    for index in range(30):
        start = 0.3 + 0.64 * index
        rows.append((start, start + 0.5, int(rng.integers(60, 80)), int(rng.integers(50, 110)), 0, 0, 1))
        if index % 4 == 0:
            rows.append((start, start + 2.3, int(rng.integers(40, 55)), int(rng.integers(50, 110)), 0, 0, 1))
    notes = np.array(rows, dtype=HEARD_DTYPE)
    notes.sort(order=["onset_s", "pitch"])
    empty = np.zeros(0, dtype=PEDAL_DTYPE), np.zeros(0, dtype=BEAT_DTYPE)
    writer = StoreWriter(tmp_path / "store", {"kind": "test"})
    writer.add([Clip(tones(notes), notes, *empty, 0, 0, "train", "tones", "tones", (0,))])
    return tmp_path / "store"


def test_segments_are_texts_and_the_same_for_the_same_number(store):
    source = SegmentSource(str(store), seed=3, batch=2)
    first, again = make_block(source, 5), make_block(source, 5)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.ids, other.ids)
        assert torch.equal(one.features, other.features)
        assert one.features.shape == (2, 274, NUM_HEARD)
        for ids, prior in zip(one.ids, one.prior, strict=True):
            count = int((ids != 0).sum())
            assert ids[count - 1] == EOS
            assert (ids == TIE).sum() == 1
            assert torch.isfinite(prior[torch.arange(count), ids[:count]]).all()  # the grammar allows what is there
    assert not torch.equal(make_block(source, 6)[0].features, first[0].features)


def test_features_of_a_store_are_made_once(store, tmp_path):
    with pytest.raises(InputError, match=r"heard: expected features of the clips of .*store, got none"):
        make_block(SegmentSource(str(store), str(tmp_path / "heard")), 0)
    model = FrameModel(FrameModelConfig.tiny()).eval()
    assert make_features(store, tmp_path / "heard", model) == 1
    assert make_features(store, tmp_path / "heard", model) == 0
    told = np.load(tmp_path / "heard" / "0.npy")
    assert told.shape == (1250, NUM_HEARD)
    (batch, *_) = make_block(SegmentSource(str(store), str(tmp_path / "heard"), batch=2), 0)
    assert batch.features.shape == (2, 274, NUM_HEARD)


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped(store, tmp_path):
    source, config = SegmentSource(str(store), batch=2), TokenModelConfig.tiny()
    plan = {"learning_rate": 3e-3, "evaluate_every_s": 1e9}
    train_tokens(tmp_path / "run", source, source, TrainingPlan(steps=2, **plan), config)
    model, figures = train_tokens(tmp_path / "run", source, source, TrainingPlan(steps=4, **plan), config)
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step"] == 4
    assert figures["nats_per_id"] > 0
    assert any(weights.any() for weights in model.head.parameters())  # it learned something to add


def test_a_listener_is_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    frames = FrameListener(FrameModel(FrameModelConfig.tiny()).eval(), DecoderSettings())
    frames.save_pretrained(tmp_path / "frames", "card", {})
    frames = FrameListener.from_pretrained(tmp_path / "frames")
    model = TokenModel(TokenModelConfig.tiny()).eval()
    torch.nn.init.normal_(model.head.weight)
    TokenListener(model, frames, "mine").save_pretrained(tmp_path / "mt3", "card", {"steps": 0}, store_as="float32")
    listener = TokenListener.from_pretrained(tmp_path / "mt3")
    sound = [np.random.default_rng(1).normal(scale=0.1, size=9 * RATE).astype(np.float32)]
    one, beats = TokenListener(model, frames).listen(sound)
    other, _ = listener.listen(sound)
    assert one.duration_s == 9.0
    assert beats.shape == (563, 2)
    assert one.notes.tolist() == other.notes.tolist()
    with pytest.raises(CheckpointError, match="says kind 'frames', expected 'tokens'"):
        TokenListener.from_pretrained(tmp_path / "frames")
    with pytest.raises(ValueError, match="has no weights to save"):
        TokenListener(None, frames).save_pretrained(tmp_path / "none", "card", {})


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_seconds_are_learned_by_heart(store, tmp_path):
    torch.set_num_threads(1)
    assert make_features(store, tmp_path / "spectra", None) == 1
    source = SegmentSource(str(store), str(tmp_path / "spectra"), batch=8)
    config = TokenModelConfig(features="spectrum", embed_dim=64, num_heads=2, encoder_layers=1, decoder_layers=2)
    plan = TrainingPlan(steps=900, learning_rate=4e-3, weight_decay=0.01, averaging=0.98, evaluate_every_s=1e9)
    model, figures = train_tokens(tmp_path / "run", source, source, plan, config)
    clip = SoundStore(Path(store)).clip(0)
    spectra = torch.from_numpy(spectrum_features(clip.samples.astype(np.float32) / 32_768))
    decoded = decode_segments(model.eval(), segment_windows([spectra]), limits_of(drums=False))
    heard = heard_of(join([segment.ids for segment in decoded]), SECONDS)
    found = score_notes(clip.notes, heard.notes)
    assert found.f1 > 0.99, (figures, found)
    assert score_notes(clip.notes, heard.notes, offsets=True).f1 > 0.9
