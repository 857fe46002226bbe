"""Transkun V2 (Yan and Duan, arXiv 2404.09466): piano with pedal, by its own code and weights; slow on a processor.

Install ``transkun`` without its torchaudio (``pip install --no-deps transkun``) and ``moduleconf``, ``pydub`` and ``ncls``.
"""

from __future__ import annotations

import contextlib
import io
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from corpora.audio_stream import AudioStream, Progress
from corpora.errors import ToolError
from transcribe.families import FAMILIES
from transcribe.frames.notes import Wanted
from transcribe.heard import HEARD_DTYPE, PEDAL_DTYPE, HeardMusic, sort_heard

__all__ = ["listen"]

SUSTAIN = -64  # in the place of a pitch
PIANO = 0


def listen(stream: AudioStream, wanted: Wanted, progress: Progress | None = None) -> tuple[HeardMusic, None]:
    """What Transkun hears; arguments and errors as ``transcribe.peers.basic_pitch.listen``."""
    import torch

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            import moduleconf
            import transkun
            import transkun.ModelTransformer
        except ImportError as error:
            raise ToolError(f"transkun is not installed here: {error}") from None
        folder = Path(transkun.__file__).parent / "pretrained"
        parts = moduleconf.parseFromFile(str(folder / "2.0.conf"))["Model"]
        with _torchaudio():
            model = parts.module.TransKun(conf=parts.config)
        state = torch.load(folder / "2.0.pt", map_location="cpu", weights_only=True)
        weights = state.get("best_state_dict", state.get("state_dict"))
        model.load_state_dict(weights, strict=False)
        model.eval()
        tables = {name: tensor for name, tensor in model.named_buffers() if name.endswith("freq2mels")}
        if any(name not in weights for name in tables):
            raise ToolError("transkun: expected weights with their own mel filters, got none")
        own = AudioStream(stream.source, int(model.fs), stream.name)
        samples = np.concatenate(list(own.levelled()))
        with torch.inference_mode():
            events = model.transcribe(torch.from_numpy(samples)[:, None])
    if progress is not None:
        progress(1.0)
    notes = [
        (event.start, max(event.end, event.start + 0.01), event.pitch, event.velocity, PIANO, FAMILIES[PIANO].program, 1.0)
        for event in events
        if event.pitch > 0 and wanted.pitches()[event.pitch]
    ]
    pedals = sorted((event.start, event.end) for event in events if event.pitch == SUSTAIN)
    rows = sort_heard(np.array(notes, dtype=HEARD_DTYPE))
    return HeardMusic(rows, len(samples) / own.sample_rate_hz, np.array(pedals, dtype=PEDAL_DTYPE), name=stream.name), None


@contextlib.contextmanager
def _torchaudio() -> Iterator[None]:
    """Its model asks torchaudio for the shape of a table whose values its weights then bring with them; nothing else."""
    import torch

    def melscale_fbanks(*, n_freqs: int, n_mels: int, **_: float) -> torch.Tensor:
        return torch.zeros(n_freqs, n_mels)

    module = types.ModuleType("torchaudio")
    module.functional = types.SimpleNamespace(melscale_fbanks=melscale_fbanks)  # type: ignore[attr-defined]
    before = sys.modules.get("torchaudio")
    sys.modules["torchaudio"] = module
    try:
        yield
    finally:
        del sys.modules["torchaudio"]
        if before is not None:
            sys.modules["torchaudio"] = before
