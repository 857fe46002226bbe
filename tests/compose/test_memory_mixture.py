"""The mixture: never worse than the model where memories are noise, better where they know; fitted and scored on other pieces."""

import numpy as np
import torch

from compose.memory_mixture import SOURCES, crossfitted_nats, fit_gate, gather_slots, mixed_nats


def flat_model(pieces):
    return [torch.full((len(piece), 4, 59), 1 / 59).log() for piece in pieces]


def test_a_tune_that_is_known_is_worth_more_than_the_model(rng):
    tunes = [rng.integers(20, 40, size=(60, 4)) for _ in range(4)]
    pieces = [np.concatenate([tune, tune])[:100] + shift for shift, tune in enumerate(tunes)]
    slots = gather_slots(pieces, flat_model(pieces), [tune + 7 for tune in tunes])
    assert slots.model.shape == (4 * 400,)
    assert slots.memories.shape == (4 * 400, len(SOURCES))
    nats = crossfitted_nats(slots)
    assert nats.mean() < 0.5 * np.log(59)


def test_noise_costs_little(rng):
    pieces = [rng.integers(20, 40, size=(120, 4)) for _ in range(4)]
    likely = [torch.zeros(120, 4, 59).scatter(2, torch.from_numpy(piece)[..., None], 8.0).log_softmax(-1) for piece in pieces]
    slots = gather_slots(pieces, likely, [rng.integers(20, 40, size=(200, 4))])
    alone = -slots.model.log().mean()
    assert crossfitted_nats(slots).mean() < alone + 0.02


def test_the_mixture_is_a_distribution(rng):
    """Summed over every id that the slot might have held, the probabilities make one."""
    pieces = [rng.integers(20, 23, size=(30, 4)) for _ in range(2)]
    torch.manual_seed(0)
    log_p = [torch.randn(30, 4, 59).log_softmax(-1) for _ in pieces]
    gate = fit_gate(gather_slots(pieces, log_p, pieces[:1]))
    asked, place = pieces[1].copy(), 29  # the last frame: nothing depends on it but its own bass
    total = torch.zeros(())
    for answer in range(59):
        asked[place, 3] = answer
        slots = gather_slots([asked], [log_p[1]], pieces[:1])
        with torch.no_grad():
            total = total + mixed_nats(gate, slots)[3 * 30 + place].neg().exp()
    torch.testing.assert_close(float(total), 1.0, atol=1e-4, rtol=0)
