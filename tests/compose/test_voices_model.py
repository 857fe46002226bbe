"""The voices model: its likelihood is what its steps say one by one; no frame and no voice looks ahead."""

import pytest
import torch

from compose.music_transformer import Cache
from compose.voices_model import HELD_CLASSES, VoicesModel, VoicesModelConfig, frames_held, slot_inputs


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


def test_inputs_written_out():
    frames = torch.tensor([[[40, 36, 31, 24], [41, 36, 0, 24], [43, 38, 31, 19]]])
    inputs = slot_inputs(frames, 15, 58)
    alto = [part[0, 2, 1].tolist() for part in inputs]
    # above it the soprano went 41 -> 43 and stands 7 over the alto's own 36, which has been held for two frames
    assert alto == [43, 36, 2 + 59, 7 + 59, 2, 1, [41, 36, 0, 24, 43, 0, 0]]
    bass = [part[0, 1, 3].tolist() for part in inputs]
    assert bass == [0, 24, 0, 0, 1, 0, [40, 36, 31, 24, 41, 36, 0]]
    first = [part[0, 0, 0].tolist() for part in inputs]
    assert first == [0, 0, 0, 0, 0, 15, [0] * 7]
    soprano = [part[0, 1, 0].tolist() for part in inputs]
    assert soprano == [24, 40, 0, 24 - 40 + 59, 1, 0, [40, 36, 31, 24, 0, 0, 0]]


@pytest.mark.parametrize("first", [0, 5])
def test_nats_are_the_steps_one_by_one(model, frames, first):
    """With the cache, slot after slot, as a scorer asks; two slots at once give the same as one by one."""
    for row in frames:
        cache, place = Cache(capacity=2), 0
        with torch.no_grad():
            nats = model.nats(row[None], first)[0].flatten()
            for until in [*range(1, 20), *range(21, row.numel() + 1, 2)]:
                known = row.clone().flatten()
                known[until - 1 :] = 0  # what is to come is not there yet
                inputs = slot_inputs(known.view_as(row)[None], first, 58).since(place, until)
                logits = model.step(inputs, [slot % 4 for slot in range(place, until)], cache)
                expected = -logits.log_softmax(-1)[row.flatten()[until - 1]]
                torch.testing.assert_close(nats[until - 1], expected, atol=1e-4, rtol=1e-4)
                place = until


def test_nothing_looks_ahead(model, frames):
    """A change at frame 12, tenor, changes nothing before it: not earlier frames, not the voices above nor its own logits."""
    changed = frames.clone()
    changed[:, 12, 2] = (changed[:, 12, 2] + 1) % 59
    with torch.no_grad():
        before, after = model(frames).flatten(1, 2), model(changed).flatten(1, 2)
    place = 12 * 4 + 2
    torch.testing.assert_close(before[:, : place + 1], after[:, : place + 1])
    assert not torch.allclose(before[:, place + 1], after[:, place + 1])


def test_place_in_the_piece_counts_by_the_bar(model, frames):
    with torch.no_grad():
        torch.testing.assert_close(model.nats(frames, 0), model.nats(frames, 16))
        assert not torch.allclose(model.nats(frames, 0), model.nats(frames, 3))
        each = model.nats(frames, torch.tensor([0, 3]))
    torch.testing.assert_close(each[0], model.nats(frames, 0)[0])
    torch.testing.assert_close(each[1], model.nats(frames, 3)[1])


@pytest.mark.parametrize("length", [1, 63, 64, 65, 80, 150])
def test_a_long_piece_goes_through_windows(model, length):
    """Every slot's past is what its window holds: 64 frames at most, 48 at least once there are as many."""
    torch.manual_seed(length)
    piece = torch.randint(0, 59, (length, 4))
    log_p = model.log_probabilities(piece)
    assert log_p.shape == (length, 4, 59)
    for place in {0, length // 2, length - 1}:
        start = 0 if place < 64 else 16 * (1 + (place - 64) // 16)
        with torch.no_grad():
            expected = model(piece[None, start : start + 64], start)[0, place - start].log_softmax(-1)
        torch.testing.assert_close(log_p[place], expected, atol=1e-4, rtol=1e-4)


def test_config_round_trips():
    assert VoicesModelConfig.from_dict(VoicesModelConfig.tiny().to_dict()) == VoicesModelConfig.tiny()
