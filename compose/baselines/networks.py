"""Two networks of the literature on flat streams: Bengio's neural probabilistic language model, and an LSTM.

``NeuralProbabilisticLM``: Bengio, Ducharme, Vincent and Jauvin, JMLR 3 (2003), section 2: embeddings of the last n ids, one hidden
tanh layer, and direct connections to the softmax. ``RecurrentLM``: the stacked LSTM of Performance RNN (Simon and Oore, 2017; Oore
et al., arXiv 1808.03715), on these ids instead of its own 388 events, so that it is scored on the same decisions.
Shapes: ids (batch, time); logits (batch, time, ids), for the id at each place from those before it.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from compose.baselines.flat_stream import FIELD_OF, NUM_IDS, field_ranges

__all__ = ["NeuralProbabilisticLM", "RecurrentLM", "flat_nats"]

BEFORE = NUM_IDS  # the id that stands before the first


def _shifted(ids: Tensor) -> Tensor:
    """What is known at each place: the ids before it."""
    return functional.pad(ids[:, :-1], (1, 0), value=BEFORE)


class NeuralProbabilisticLM(nn.Module):
    """See the module's text.

    Args:
        context: How many ids it sees.
        embed_dim: Width of an embedding.
        hidden_dim: Width of the hidden layer.
    """

    def __init__(self, context: int = 32, embed_dim: int = 48, hidden_dim: int = 384) -> None:
        super().__init__()
        self.context = context
        self.embed = nn.Embedding(NUM_IDS + 1, embed_dim)
        self.hidden = nn.Linear(context * embed_dim, hidden_dim)
        self.out = nn.Linear(hidden_dim, NUM_IDS)
        self.direct = nn.Linear(context * embed_dim, NUM_IDS, bias=False)

    def forward(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time ids"]:
        known = functional.pad(_shifted(ids), (self.context - 1, 0), value=BEFORE)
        x = self.embed(known.unfold(1, self.context, 1)).flatten(2)  # (batch, time, context * embed)
        out: Tensor = self.out(torch.tanh(self.hidden(x))) + self.direct(x)
        return out


class RecurrentLM(nn.Module):
    """See the module's text.

    Args:
        embed_dim: Width of an embedding.
        hidden_dim: Width of each LSTM layer.
        num_layers: LSTM layers.
        dropout: Between layers.
    """

    def __init__(self, embed_dim: int = 128, hidden_dim: int = 512, num_layers: int = 3, dropout: float = 0.1) -> None:
        super().__init__()
        self.embed = nn.Embedding(NUM_IDS + 1, embed_dim)
        self.lstm = nn.LSTM(embed_dim, hidden_dim, num_layers, batch_first=True, dropout=dropout if num_layers > 1 else 0.0)
        for name, values in self.lstm.named_parameters():
            if name.startswith("bias_ih"):  # gates that remember at first: Jozefowicz, Zaremba and Sutskever, ICML 2015
                nn.init.ones_(values.data[hidden_dim : 2 * hidden_dim])
        self.out = nn.Linear(hidden_dim, NUM_IDS)

    def forward(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time ids"]:
        states, _ = self.lstm(self.embed(_shifted(ids)))
        out: Tensor = self.out(states)
        return out


def flat_nats(
    logits: Float[Tensor, "batch time ids"], ids: Int[Tensor, "batch time"], scored: Float[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Nats of each scored id among the ids of its field; 0 elsewhere."""
    out = torch.zeros_like(scored)
    field_of = torch.from_numpy(FIELD_OF).to(ids.device)[ids]
    for field, (first, last) in enumerate(field_ranges()):
        chosen = (field_of == field) & (scored > 0)
        if chosen.any():
            out[chosen] = functional.cross_entropy(logits[chosen][:, first:last].float(), ids[chosen] - first, reduction="none")
    return out
