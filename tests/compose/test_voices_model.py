"""The voices model: its likelihood is what its steps say one by one; no frame and no voice looks ahead."""

import pytest
import torch

from compose.music_transformer import Cache
from compose.voices_model import HELD_CLASSES, VoicesModel, VoicesModelConfig, frames_held


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(4)
    return VoicesModel(VoicesModelConfig.tiny()).eval()


@pytest.fixture
def frames():
    torch.manual_seed(9)
    ids = torch.randint(0, 59, (2, 21, 4))
    ids[:, 5:9] = ids[:, 5:6]  # held
    return ids


def test_frames_held_written_out():
    line = torch.tensor([[[5], [5], [5], [7], [0], [0], [5]]])
    assert frames_held(line)[0, :, 0].tolist() == [0, 1, 2, 0, 0, 1, 0]
    long = torch.ones(1, 30, 1, dtype=torch.long)
    assert int(frames_held(long).max()) == HELD_CLASSES - 1


@pytest.mark.parametrize("first", [0, 5])
def test_nats_are_the_steps_one_by_one(model, frames, first):
    """With the cache, frame after frame and voice after voice, as a scorer asks."""
    held, cache = frames_held(frames), Cache(capacity=2)
    with torch.no_grad():
        nats = model.nats(frames, first)
        state = model.start.expand(2, 1, -1)
        before = held_before = torch.zeros(2, 1, 4, dtype=torch.long)
        for place in range(frames.shape[1]):
            for voice in range(4):
                above = frames[:, place : place + 1, :voice]
                logits = model.voice_logits(voice, state, before, held_before, first + place, above)[:, 0]
                expected = -logits.log_softmax(-1).gather(1, frames[:, place, voice][:, None])[:, 0]
                torch.testing.assert_close(nats[:, place, voice], expected, atol=1e-4, rtol=1e-4)
            before, held_before = frames[:, place : place + 1], held[:, place : place + 1]
            state = model.states(before, held_before, first + place, cache)


def test_nothing_looks_ahead(model, frames):
    """A change at frame 12, tenor, changes nothing before it: not earlier frames, not the voices above nor its own logits."""
    changed = frames.clone()
    changed[:, 12, 2] = (changed[:, 12, 2] + 1) % 59
    with torch.no_grad():
        before, after = model(frames), model(changed)
    for voice in range(4):
        until = 13 if voice <= 2 else 12
        torch.testing.assert_close(before[voice][:, :until], after[voice][:, :until])
        assert not torch.allclose(before[voice][:, until], after[voice][:, until])


def test_place_in_the_piece_counts_by_the_bar(model, frames):
    with torch.no_grad():
        torch.testing.assert_close(model.nats(frames, 0), model.nats(frames, 16))
        assert not torch.allclose(model.nats(frames, 0), model.nats(frames, 3))
        each = model.nats(frames, torch.tensor([0, 3]))
    torch.testing.assert_close(each[0], model.nats(frames, 0)[0])
    torch.testing.assert_close(each[1], model.nats(frames, 3)[1])


def test_config_round_trips():
    assert VoicesModelConfig.from_dict(VoicesModelConfig.tiny().to_dict()) == VoicesModelConfig.tiny()
