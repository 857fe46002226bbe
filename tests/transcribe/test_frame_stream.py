"""The frame model in pieces says the same as in one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from transcribe.frames.model import FrameModel, FrameModelConfig
from transcribe.frames.notes import NoteReader
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.stream import HeardFrames, hear
from transcribe.frames.windows import windows
from transcribe.heard import HEARD_DTYPE
from transcribe.spectra.timing import HOP_SAMPLES, num_frames


@pytest.fixture(scope="module")
def model() -> FrameModel:
    torch.manual_seed(0)
    return FrameModel(FrameModelConfig.tiny()).eval()


@pytest.fixture(scope="module")
def sound() -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(0).normal(size=16_000 * 8 + 77)).astype(np.float32)


def joined(parts: list[HeardFrames]) -> list[NDArray[np.float32]]:
    columns = zip(*((*part[1:-2], *(part.course or ())) for part in parts), strict=True)
    return [np.concatenate(values, 1 if values[0].ndim == 3 else 0) for values in columns]


@pytest.mark.parametrize(("piece", "chunk"), [(4000, 768), (999, 64), (30_000, 100)])
def test_pieces_and_chunks_change_nothing(model: FrameModel, sound: NDArray[np.float32], piece: int, chunk: int) -> None:
    whole = joined(list(hear([sound], model, 10_000, for_ends=True)))
    assert len(whole) == len(HeardFrames._fields[1:-2]) + 2
    parts = list(hear([sound[i : i + piece] for i in range(0, len(sound), piece)], model, chunk, for_ends=True))
    assert [part.first for part in parts] == np.cumsum([0, *(len(part.onset) for part in parts[:-1])]).tolist()
    for one, other in zip(whole, joined(parts), strict=True):
        assert one.shape[-2 if one.ndim == 3 else 0] == num_frames(len(sound))
        last_bit = np.finfo(one.dtype).eps if one.dtype == np.float16 else 0.0  # what differs by nothing may round to either side
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=last_bit)
    for part in parts:
        assert part.course is not None
        assert all(values.flags.c_contiguous for values in part.course)  # views would keep what is about them in memory


def test_a_batch_is_as_its_rows(model: FrameModel) -> None:
    spectra = torch.rand(3, 2, 90, 295) * 5
    with torch.no_grad():
        together = model(spectra)
        for row in range(3):
            for one, other in zip(together, model(spectra[row : row + 1]), strict=True):
                torch.testing.assert_close(one[row], other[0], atol=1e-5, rtol=1e-4)


def test_nothing_looks_further_than_it_says(model: FrameModel) -> None:
    spectra = torch.rand(1, 2, 120, 295) * 5
    other = spectra.clone()
    other[:, :, 60] += 1.0
    with torch.no_grad():
        one, two = model(spectra), model(other)
    changed = torch.nonzero((one.onset != two.onset).any(-1)[0]).flatten()
    assert 60 - model.reach <= int(changed.min()) <= int(changed.max()) <= 60 + model.reach
    changed = torch.nonzero((one.beats != two.beats).any(-1)[0]).flatten()
    far = model.reach + model.beyond
    assert 60 - far <= int(changed.min()) <= int(changed.max()) <= 60 + far


def test_cores_of_windows_make_up_the_whole() -> None:
    values = torch.arange(1000)[None]
    pieces = torch.split(values, [1, 499, 0, 300, 200], 1)
    cut = list(windows(pieces, 1, 64, 10))
    assert torch.cat([window.values[:, window.first : window.last] for window in cut], 1).equal(values)
    inner = cut[3]
    assert inner.first == 10
    assert inner.values.shape[1] == 84


def test_notes_come_in_order_and_the_same_in_pieces() -> None:
    rng = np.random.default_rng(3)
    frames = 600
    onset = np.zeros((frames, 88), dtype=np.float32)
    frame = np.full((frames, 88), 0.02, dtype=np.float32)
    placed = []
    for key in rng.permutation(88)[:40].tolist():
        place, length = float(rng.uniform(3, frames - 100)), int(rng.integers(10, 90))
        onset[:, key] = np.maximum(1 - np.abs(np.arange(frames) - place) / 2, 0)
        frame[round(place) : round(place) + length, key] = 0.97
        placed.append((place * HOP_SAMPLES / 16_000, key + 21, (round(place) + length) * HOP_SAMPLES / 16_000))
    silent = np.zeros((frames, 12), dtype=np.float32)
    heard = HeardFrames(
        0, onset, frame, np.full_like(frame, 0.1), np.full_like(frame, 0.5), np.zeros((10, frames, 88), dtype=np.float32),
        silent, silent, np.zeros(frames, dtype=np.float32), np.zeros((frames, 2), dtype=np.float32),
    )  # fmt: skip

    def read(step: int) -> NDArray[np.void]:
        reader, tables = NoteReader(DecoderSettings(family_logit=1.0)), []
        for start in range(0, frames, step):
            parts = [part[:, start : start + step] if part.ndim == 3 else part[start : start + step] for part in heard[1:-2]]
            tables.append(reader.feed(HeardFrames(start, *parts)))
        return np.concatenate([*tables, reader.finish()])

    notes = read(frames)
    assert notes.dtype == HEARD_DTYPE
    for step in (1, 13, 100):
        np.testing.assert_array_equal(read(step), notes)
    assert len(notes) == len(placed)
    for row, (onset_s, pitch, offset_s) in zip(notes, sorted(placed), strict=True):
        assert row["pitch"] == pitch
        assert row["onset_s"] == pytest.approx(onset_s, abs=2e-3)
        assert row["offset_s"] == pytest.approx(offset_s, abs=0.02)
        assert row["velocity"] == 64
