"""A frame model that has been trained, with the settings of its decoder: ``FrameListener``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from corpora.checkpoints import StoreAs, find_weights, load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError
from corpora.memory import give_back_memory
from corpora.piece import Table
from transcribe.frames.model import FrameModel, FrameModelConfig
from transcribe.frames.notes import NoteReader, Wanted
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.stream import CHUNK_FRAMES, hear
from transcribe.heard import HeardMusic
from transcribe.spectra.timing import SAMPLE_RATE_HZ

__all__ = ["DEFAULT_WEIGHTS", "FrameListener", "load_listener"]

DEFAULT_WEIGHTS = "frames"
COARSE = ("drums.", "strengths.looking.")  # names of weights that are stored as int8
LATER = ("strengths.", "ends.")
KIND = "frames"


class FrameListener:
    """Hears notes, drums, pedal and beats.

    Args:
        model: In evaluation mode.
        settings: Of its decoder.
        name: For reports.

    Example:
        >>> listener = FrameListener(FrameModel(FrameModelConfig.tiny()).eval(), DecoderSettings())
        >>> listener.listen([np.zeros(16000, dtype=np.float32)])[0].duration_s
        1.0
    """

    def __init__(self, model: FrameModel, settings: DecoderSettings, name: str = "") -> None:
        self.model, self.settings, self.name = model, settings, name

    def notes(self, blocks: Iterable[NDArray[np.float32]], wanted: Wanted | None = None) -> Iterator[Table]:
        """HEARD_DTYPE rows as the sound comes in, each as soon as it is certain; by onset over all tables.

        Family, end and velocity of a note are what it sounds like by itself; ``listen`` also weighs the whole recording.

        Args:
            blocks: Mono sound at 16 kHz in pieces of any lengths, at the level of ``corpora.audio_stream``.
            wanted: What the user knows of the music.
        """
        reader = NoteReader(self.settings, wanted)
        for heard in hear(blocks, self.model):
            yield reader.feed(heard)
        yield reader.finish()

    def listen(
        self,
        blocks: Iterable[NDArray[np.float32]],
        wanted: Wanted | None = None,
        *,
        chunk_frames: int = CHUNK_FRAMES,
        name: str = "",
    ) -> tuple[HeardMusic, NDArray[np.float32]]:
        """All that is heard, and the logits of beat and downbeat, (frames, 2), which ``transcribe.beats`` makes beats of.

        Args:
            blocks, wanted: As for ``notes``.
            chunk_frames: Frames that are worked on at once; it does not change what is heard.
            name: Of the recording.
        """
        ends = self.model.ends if self.model.ends.has_learned else None
        reader = NoteReader(self.settings, wanted, ends)
        samples = 0

        def counted() -> Iterator[NDArray[np.float32]]:
            nonlocal samples
            for block in blocks:
                samples += len(block)
                yield block

        beats = []
        for heard in hear(counted(), self.model, chunk_frames, for_ends=ends is not None):
            reader.feed(heard)
            beats.append(heard.beats)
        reader.finish()
        give_back_memory()  # before the next stages take theirs
        notes = reader.settled(self.model.strengths)
        music = HeardMusic(notes, samples / SAMPLE_RATE_HZ, reader.pedals(), name=name)
        return music, np.concatenate(beats) if beats else np.zeros((0, 2), dtype=np.float32)

    def save_pretrained(self, folder: str | Path, card: str, about: dict[str, Any], store_as: StoreAs = "fp16") -> None:
        """Write weights, config and model card as a checkpoint folder.

        Args:
            folder: Where to.
            card: Text of the model card.
            about: How it was trained, as JSON values; kept in the config.
            store_as: Form of the numbers; beside fp16, drums and the first look at strengths are int8, which changes what is heard
                by no more than chance.

        Raises:
            CheckpointError: As ``corpora.checkpoints.save_checkpoint``.
        """
        config = {
            "kind": KIND,
            "model": self.model.config.to_dict(),
            "decoder": self.settings.to_dict(),
            "about": about,
        }
        coarse = COARSE if store_as == "fp16" else ()
        save_checkpoint(folder, self.model.state_dict(), config, card, store_as=store_as, coarse=coarse)

    @classmethod
    def from_pretrained(cls, name: str | Path = DEFAULT_WEIGHTS) -> FrameListener:
        """By the name of weights that come with the package, or from a folder.

        Raises:
            CheckpointError: Not there, or weights and config do not fit.
        """
        checkpoint = load_checkpoint(find_weights(name))
        if checkpoint.config.get("kind") != KIND:
            raise CheckpointError(f"{name}: config.json says kind {checkpoint.config.get('kind')!r}, expected {KIND!r}")
        try:
            model = FrameModel(FrameModelConfig.from_dict(checkpoint.config["model"]))
            _load(model, checkpoint.tensors)
            settings = DecoderSettings.from_dict(checkpoint.config["decoder"])
        except (TypeError, ValueError, KeyError, RuntimeError) as error:
            raise CheckpointError(f"{name}: weights and config do not fit: {error}") from None
        return cls(model.eval(), settings, str(name))


def _load(model: FrameModel, tensors: Mapping[str, Tensor]) -> None:
    """Weights into a model. Without those that came later velocities and ends stay as the frame model hears them."""
    found = model.load_state_dict(tensors, strict=False)
    wrong = [*found.unexpected_keys, *(name for name in found.missing_keys if not name.startswith(LATER))]
    if wrong:
        raise ValueError(f"{len(wrong)} weights too many or too few, such as {wrong[0]}")


@lru_cache(maxsize=2)
def load_listener(name: str = DEFAULT_WEIGHTS) -> FrameListener:
    """``FrameListener.from_pretrained``, kept."""
    return FrameListener.from_pretrained(name)
