"""A token model that has been trained, put to work on recordings: ``TokenListener``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from compose.vocabulary.mt3_events import DRUM, DRUM_PROGRAM, PITCH, PROGRAM, SEGMENT_TICKS, SHIFT, VELOCITY
from compose.vocabulary.mt3_grammar import Limits
from corpora.checkpoints import StoreAs, find_weights, load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError
from transcribe.frames.listener import FrameListener
from transcribe.frames.stream import hear
from transcribe.frames.windows import windows
from transcribe.heard import HeardMusic
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.tokens.decoding import DecodedSegment, decode_segments
from transcribe.tokens.features import heard_features
from transcribe.tokens.limits import limits_of
from transcribe.tokens.model import MARGIN_FRAMES, SEGMENT_FRAMES, TokenModel, TokenModelConfig
from transcribe.tokens.segments import heard_of, join

__all__ = ["DEFAULT_WEIGHTS", "TokenListener", "load_token_listener"]

Floats = NDArray[np.float32]

DEFAULT_WEIGHTS: Final = "mt3"
KIND: Final = "tokens"


class TokenListener:
    """Hears notes, drums, pedal and beats: a token model that reads what a frame model says, under limits that always hold.

    Args:
        model: In evaluation mode; None reads by the evidence alone (``transcribe.tokens.reading``).
        frames: The frame model that it reads.
        name: For reports.
    """

    def __init__(self, model: TokenModel | None, frames: FrameListener, name: str = "") -> None:
        self.model, self.frames, self.name = model, frames, name

    def listen(self, blocks: Iterable[Floats], limits: Limits | None = None, *, name: str = "") -> tuple[HeardMusic, Floats]:
        """All that is heard, and the frame model's logits of beat and downbeat, (frames, 2), which ``transcribe.beats`` reads.

        Args:
            blocks: Mono sound at 16 kHz in pieces of any lengths, at the level of ``corpora.audio_stream``.
            limits: What may be told (``transcribe.tokens.limits``); None for all that the model can tell. Beats are told by a token
                model only: one frame's evidence is too little for them.
            name: Of the recording.
        """
        samples, beats = 0, []

        def counted() -> Iterator[Floats]:
            nonlocal samples
            for block in blocks:
                samples += len(block)
                yield block

        def features() -> Iterator[torch.Tensor]:
            for heard in hear(counted(), self.frames.model):
                beats.append(heard.beats)
                yield torch.from_numpy(heard_features(heard))

        may = limits or limits_of()
        may = may if self.model is not None else replace(may, beats=False)
        decoded = list(decode_segments(self.model, segment_windows(features()), may))
        duration_s = samples / SAMPLE_RATE_HZ
        music = join([segment.ids for segment in decoded])
        heard_music = heard_of(music, duration_s, _confidences(decoded), name)
        return heard_music, np.concatenate(beats) if beats else np.zeros((0, 2), dtype=np.float32)

    def save_pretrained(self, folder: str | Path, card: str, about: dict[str, Any], store_as: StoreAs = "fp16") -> None:
        """Write weights, config and model card as a checkpoint folder; the frame model stays where it is, by name.

        Args:
            folder: Where to.
            card: Text of the model card.
            about: How it was trained, as JSON values; kept in the config.
            store_as: Form of the numbers.

        Raises:
            ValueError: There is no model.
            CheckpointError: As ``corpora.checkpoints.save_checkpoint``.
        """
        if self.model is None:
            raise ValueError("a listener without a token model has no weights to save")
        config = {"kind": KIND, "model": self.model.config.to_dict(), "frames": self.frames.name, "about": about}
        save_checkpoint(folder, self.model.state_dict(), config, card, store_as=store_as)

    @classmethod
    def from_pretrained(cls, name: str | Path = DEFAULT_WEIGHTS) -> TokenListener:
        """By the name of weights that come with the package, or from a folder.

        Raises:
            CheckpointError: Not there, or weights and config do not fit.
        """
        checkpoint = load_checkpoint(find_weights(name))
        if checkpoint.config.get("kind") != KIND:
            raise CheckpointError(f"{name}: config.json says kind {checkpoint.config.get('kind')!r}, expected {KIND!r}")
        try:
            model = TokenModel(TokenModelConfig(**checkpoint.config["model"]))
            model.load_state_dict(checkpoint.tensors)
            frames = str(checkpoint.config["frames"])
        except (TypeError, ValueError, KeyError, RuntimeError) as error:
            raise CheckpointError(f"{name}: weights and config do not fit: {error}") from None
        return cls(model.eval(), FrameListener.from_pretrained(frames), str(name))


def segment_windows(pieces: Iterable[torch.Tensor]) -> Iterator[Floats]:
    """Features of a recording, in pieces (frames, feature) one after another, as windows of segments; silence about it."""
    for window in windows(pieces, 0, SEGMENT_FRAMES, MARGIN_FRAMES):
        out = np.zeros((SEGMENT_FRAMES + 2 * MARGIN_FRAMES, window.values.shape[1]), dtype=np.float32)
        start = MARGIN_FRAMES - window.first
        out[start : start + len(window.values)] = window.values
        yield out


def _confidences(segments: Iterable[DecodedSegment]) -> dict[tuple[int, int, int], float]:
    """Confidences by onset tick, program and pitch."""
    found: dict[tuple[int, int, int], float] = {}
    for number, segment in enumerate(segments):
        tick, program, velocity = -1, -1, 0
        for token, sure in zip(segment.ids.tolist(), segment.confidence.tolist(), strict=True):
            if token >= PROGRAM:
                program = token - PROGRAM
            elif token >= VELOCITY:
                velocity = token - VELOCITY
            elif SHIFT <= token < PITCH:
                tick = number * SEGMENT_TICKS + token - SHIFT
            elif DRUM <= token < VELOCITY:
                found[tick, DRUM_PROGRAM, token - DRUM] = sure
            elif PITCH <= token < DRUM and velocity:
                found[tick, program, token - PITCH] = sure
    return found


@lru_cache(maxsize=2)
def load_token_listener(name: str = DEFAULT_WEIGHTS) -> TokenListener:
    """``TokenListener.from_pretrained``, kept."""
    return TokenListener.from_pretrained(name)
