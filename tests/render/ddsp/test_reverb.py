"""The learned response: scipy's convolution, and that it can be learned."""

import numpy as np
import scipy.signal
import torch

from render.ddsp.reverb import LearnedReverb, convolve


def test_convolution_agrees_with_scipy():
    rng = np.random.default_rng(0)
    sound, response = rng.normal(size=700), rng.normal(size=90)
    came = convolve(torch.tensor(sound)[None], torch.tensor(response))[0]
    np.testing.assert_allclose(came.numpy(), scipy.signal.convolve(sound, response), atol=1e-10)


def test_a_response_is_learned_from_what_it_did():
    generator = torch.Generator().manual_seed(0)
    truth = torch.zeros(40)
    truth[0], truth[7], truth[31] = 1.0, 0.5, -0.25
    dry = torch.randn(4, 400, generator=generator)
    wet = convolve(dry, truth)
    body = LearnedReverb(40)
    optimizer = torch.optim.Adam(body.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        (body(dry) - wet).square().mean().backward()
        optimizer.step()
    np.testing.assert_allclose(body.response().detach().numpy(), truth.numpy(), atol=0.01)
