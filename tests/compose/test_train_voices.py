"""Windows of training, figures of validation, calibration."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from compose.train_voices import best_calibration, validate_voices, windows
from compose.voices_model import VoicesModel, VoicesModelConfig


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(8)
    return VoicesModel(VoicesModelConfig.tiny()).eval()


@pytest.fixture
def piece(rng):
    ids = rng.integers(10, 50, size=(70, 4))
    ids[5:9, 2] = 0
    return ids


def test_windows_are_crops_in_other_keys(rng):
    pieces = [rng.integers(20, 40, size=(length, 4)) for length in (30, 64, 200)]
    pieces[2][50:60, 3] = 0
    by_length = {}
    for (frames, first, targets), _ in zip(windows(pieces, 64, rng, batch=8), range(20), strict=False):
        for row, start, target in zip(frames.numpy(), first.tolist(), targets.numpy(), strict=True):
            length = int((row.any(axis=1)).sum())
            source = next(
                p for p in pieces if (len(p) == length or len(p) == 200) and _is_crop(row[:length], p[start : start + length])
            )
            by_length[len(source)] = by_length.get(len(source), 0) + 1
            assert (target[length:] == -100).all()
            known = slice(1 if start else 0, length)
            np.testing.assert_array_equal(target[known], row[known])
            assert start == 0 or (target[0] == -100).all()
    assert set(by_length) == {30, 64, 200}
    assert by_length[200] > by_length[30]


def _is_crop(row, part):
    """Whether a row is a part in some key: silence where it is silent, else one distance."""
    if row.shape != part.shape or ((row > 0) != (part > 0)).any():
        return False
    return len(np.unique((row - part)[part > 0])) == 1


def test_figures_are_means_over_slots(model, piece):
    log_p = torch.cat([model.log_probabilities(torch.from_numpy(part)) for part in (piece, piece[:9])])
    target = torch.from_numpy(np.concatenate([piece, piece[:9]]))
    figures = validate_voices(model, [piece, piece[:9]])
    assert figures["nats_per_slot"] == pytest.approx(float(-log_p.gather(-1, target[..., None]).mean()), abs=1e-4)
    assert figures["accuracy"] == pytest.approx(float((log_p.argmax(-1) == target).float().mean()), abs=1e-4)


def test_a_model_too_sure_of_itself_is_calibrated(rng):
    """A head scaled up by 1.4 is divided by 1.4 again when the answers are drawn from what it said before."""
    torch.manual_seed(8)
    model = VoicesModel(VoicesModelConfig.tiny()).eval()
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter.mul_(4.0)
    piece = np.zeros((64, 4), dtype=np.int64)
    for frame, voice in np.ndindex(piece.shape):  # ancestral
        p = model.log_probabilities(torch.from_numpy(piece[: frame + 1]))[frame, voice].exp().double().numpy()
        piece[frame, voice] = rng.choice(59, p=p / p.sum())
    model.config = replace(model.config, calibration=1 / 1.4)
    assert best_calibration(model, [piece]) == pytest.approx(1.0, abs=0.15)
