"""What the user knows of the music holds in all that is heard, whatever the network says."""

from __future__ import annotations

import numpy as np
import pytest

from corpora.errors import RequestError
from transcribe.families import find_family
from transcribe.frames.notes import NoteReader, Wanted
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.stream import HeardFrames
from transcribe.heard import DRUMS
from transcribe.listening import wanted_of


def noise(seed: int, frames: int = 400) -> HeardFrames:
    """Random logits."""
    rng = np.random.default_rng(seed)

    def random(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.random(shape).astype(np.float32)

    return HeardFrames(
        0, random(frames, 88), random(frames, 88), random(frames, 88), random(frames, 88), random(10, frames, 88) * 8 - 4,
        random(frames, 12), random(frames, 12), random(frames), random(frames, 2),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_wishes_hold_for_random_logits(seed: int) -> None:
    wanted = wanted_of("violin, piano", "G3-E5", "G major")
    reader = NoteReader(DecoderSettings(), wanted)
    notes = np.concatenate([reader.feed(noise(seed)), reader.finish()])
    assert len(notes) > 100
    assert set(notes["family"].tolist()) <= {find_family("piano"), find_family("violin")}
    assert notes["pitch"].min() >= 55
    assert notes["pitch"].max() <= 76
    assert set((notes["pitch"] % 12).tolist()) <= {7, 9, 11, 0, 2, 4, 6}
    assert (notes["offset_s"] > notes["onset_s"]).all()
    assert ((notes["velocity"] >= 1) & (notes["velocity"] <= 127)).all()


def test_drums_alone_or_none() -> None:
    reader = NoteReader(DecoderSettings(), wanted_of("drums"))
    notes = np.concatenate([reader.feed(noise(0)), reader.finish()])
    assert set(notes["family"].tolist()) == {DRUMS}
    reader = NoteReader(DecoderSettings(), wanted_of("flute"))
    notes = np.concatenate([reader.feed(noise(0)), reader.finish()])
    assert set(notes["family"].tolist()) == {find_family("flute")}


def test_a_key_sounds_once_at_a_time() -> None:
    reader = NoteReader(DecoderSettings(family_logit=10.0), Wanted(drums=False))
    notes = np.concatenate([reader.feed(noise(5)), reader.finish()])
    for pitch in np.unique(notes["pitch"]):
        own = notes[notes["pitch"] == pitch]
        assert (np.diff(own["onset_s"]) > 0).all()
        assert (own["onset_s"][1:] > own["offset_s"][:-1] - 0.03).all()


def test_scales_that_are_none_are_refused() -> None:
    with pytest.raises(RequestError):
        wanted_of(scale="H major")


@pytest.mark.parametrize(
    ("instruments", "named"), [("", False), ("piano", False), ("drums", True), ("piano, drums", True), ("Drums, violin", True)]
)
def test_drums_are_named_or_not(instruments: str, named: bool) -> None:
    assert wanted_of(instruments).names_drums == named
