"""A viewpoint head adds, to each pitch, a term for its distance from every known pitch."""

import torch

from compose.viewpoints import ViewpointHead

PITCHES, REFERENCES = 7, 3


def build():
    torch.manual_seed(2)
    return ViewpointHead(4, PITCHES, REFERENCES), torch.randn(5, 4)


def test_logits_are_the_sum_written_out():
    head, state = build()
    references = torch.tensor([[0, 0, 0], [1, 0, 7], [3, 3, 3], [7, 1, 0], [0, 4, 2]])
    logits = head(state, references)
    absolute, relative = head.absolute(state), head.relative(state).view(5, REFERENCES, 2 * PITCHES - 1)
    for row in range(5):
        for pitch in range(1 + PITCHES):
            expected = absolute[row, pitch]
            for index, reference in enumerate(references[row].tolist()):
                if pitch and reference:
                    expected = expected + relative[row, index, pitch - reference + PITCHES - 1]
            torch.testing.assert_close(logits[row, pitch], expected)


def test_moving_all_references_moves_the_relative_terms():
    head, state = build()
    torch.nn.init.zeros_(head.absolute.weight)
    torch.nn.init.zeros_(head.absolute.bias)
    low, high = torch.tensor([[2, 3, 2]]).expand(5, 3), torch.tensor([[4, 5, 4]]).expand(5, 3)
    torch.testing.assert_close(head(state, low)[:, 1:6], head(state, high)[:, 3:8])


def test_unknown_references_leave_only_the_absolute_term():
    head, state = build()
    nothing = torch.zeros(5, REFERENCES, dtype=torch.long)
    torch.testing.assert_close(head(state, nothing), head.absolute(state))
