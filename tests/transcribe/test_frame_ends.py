"""Ends: what is seen along a note, which end is told, that pieces of sound do not matter, that the reader learns."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from compose.training import TrainingPlan
from corpora.errors import RequestError
from transcribe.frames import end_training
from transcribe.frames.end_courses import CELL_STEPS, Course, course_of, gather_courses
from transcribe.frames.end_finder import MOST_KEPT, EndFinder
from transcribe.frames.end_training import EndPart, end_loss, train_ends
from transcribe.frames.end_views import LONGEST, NEVER, Along, Begun, Seen, seen_along, views, views_size
from transcribe.frames.ends import EndReader, likeliest_ends
from transcribe.frames.known_frames import KnownFrames, begun_of
from transcribe.frames.listener import FrameListener
from transcribe.frames.model import FrameModel, FrameModelConfig
from transcribe.frames.notes import NoteReader
from transcribe.frames.reader_run import run_reader
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.stream import HeardFrames, hear
from transcribe.frames.timbre import SEMITONES
from transcribe.heard import HEARD_DTYPE
from transcribe.spectra.timing import FRAME_RATE_HZ
from transcribe.training_audio.sound_store import SoundStore

WIDTH = 8  # of cells and notes
TINY = FrameModelConfig.tiny()


@pytest.fixture
def model() -> FrameModel:
    """One that hears many notes."""
    torch.manual_seed(0)
    model = FrameModel(TINY).eval()
    torch.nn.init.constant_(model.cell_head.bias[:1], 0.3)
    return model


@pytest.fixture(scope="module")
def ear() -> FrameListener:
    """The shipped listener, whose reader of ends has not learned."""
    listener = FrameListener.from_pretrained()
    torch.manual_seed(0)
    listener.model.ends = EndReader(listener.model.config.width, WIDTH).eval()
    return listener


@pytest.fixture(scope="module")
def courses(piano_and_others: Path, ear: FrameListener) -> list[Course]:
    return gather_courses(ear.model, ear.settings, SoundStore(piano_and_others), 1.0)


def taught(model: FrameModel) -> FrameModel:
    """With a reader that says something."""
    torch.nn.init.normal_(model.ends.head.weight, std=2.0)
    return model


def random_along(seed: int, frames: int) -> Along:
    generator = torch.Generator().manual_seed(seed)
    told = 4 * torch.randn(3, frames, 88, generator=generator)
    return Along(told, 7 * torch.rand(2, frames, SEMITONES, generator=generator), torch.randn(frames, generator=generator))


def some_notes(*places: tuple[int, int, int]) -> Begun:
    """Of frame, pitch, and frames until the next stroke."""
    frame, pitch, until = (torch.tensor(column) for column in zip(*places, strict=True))
    return Begun(frame, pitch, until, torch.full((len(places),), 0.5), torch.zeros(len(places), dtype=torch.long))


def rows_of_notes(*notes: tuple[float, float, int]) -> np.ndarray:
    rows = np.zeros(len(notes), dtype=HEARD_DTYPE)
    for name, column in zip(("onset_s", "offset_s", "pitch"), zip(*notes, strict=True), strict=True):
        rows[name] = column
    rows["velocity"] = 64
    return rows


def reader_that_says(seed: int = 0, cell_width: int = WIDTH) -> EndReader:
    torch.manual_seed(seed)
    reader = EndReader(cell_width, WIDTH).eval()
    torch.nn.init.normal_(reader.head.weight, std=2.0)
    return reader


def test_views_move_with_the_note() -> None:
    """A note some frames later and an octave higher, in music that is moved as a whole, looks alike but for its own height."""
    along = random_along(0, 120)
    seen, there = views(along, some_notes((10, 40, NEVER)))
    assert seen.shape == (1, views_size(), 110)
    assert there.all()
    moved = Along(
        torch.nn.functional.pad(along.told, (12, 0, 5, 0), value=-9.2)[..., :88],
        torch.nn.functional.pad(along.levels, (12, 0, 5, 0))[..., :SEMITONES],
        torch.nn.functional.pad(along.pedal, (5, 0)),
    )
    other, _ = views(moved, some_notes((15, 52, NEVER)))
    same = torch.isclose(seen, other, atol=1e-4).all(2)[0]
    assert same.float().mean() > 0.85  # all but sums over keys that have left the keyboard, and its height


def test_a_note_is_seen_to_its_next_stroke_and_no_longer_than_it_is_followed() -> None:
    begun = some_notes((0, 3, 40), (0, 4, NEVER), (590, 5, NEVER), (599, 6, NEVER))
    assert seen_along(begun, 600).tolist() == [42, LONGEST, 10, 2]
    seen, there = views(random_along(1, 600), begun)
    assert there.sum(1).tolist() == [42, LONGEST, 10, 2]
    assert torch.isfinite(seen).all()
    corners = some_notes((0, 0, NEVER), (0, 87, NEVER))
    assert torch.isfinite(views(random_along(1, 600), corners)[0]).all()


def test_what_fills_up_changes_nothing() -> None:
    along, reader = random_along(2, 300), reader_that_says()
    begun = some_notes((5, 30, 60), (9, 50, NEVER))
    cells = torch.randn(2, WIDTH, 300)
    for index in range(2):
        alone = begun.of(torch.tensor([index]))
        seen, there = views(along, alone)
        both, both_there = views(along, begun)
        with torch.no_grad():
            one = reader(Seen(seen, cells[index : index + 1, :, : seen.shape[2]], alone.family, there))
            two = reader(Seen(both, cells[:, :, : both.shape[2]], begun.family, both_there))
        torch.testing.assert_close(two[index, : one.shape[1]], one[0], atol=1e-4, rtol=1e-4)
        assert (two[index, one.shape[1] :] < -100).all()
        assert float(one.exp().sum()) == pytest.approx(1.0, abs=1e-4)


def likely(frames: int, **places: float) -> torch.Tensor:
    told = torch.full((1, frames), 1e-9)
    for name, share in places.items():
        told[0, int(name[1:])] = share
    return told.log()


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (likely(200, f30=1.0), 30.0),
        (likely(200, f30=0.6, f31=0.4), 30.4),  # between frames
        (likely(300, f20=0.3, f100=0.25, f104=0.25, f108=0.2), 104.0),  # three of a kind against one
        (likely(300, f3=0.4, f20=0.3, f22=0.3), 20.0),
        (likely(512, f511=1.0), 511.0),
    ],
)
def test_the_end_that_is_most_likely_right_is_told(told: torch.Tensor, end: float) -> None:
    assert float(likeliest_ends(told)[0]) == pytest.approx(end, abs=0.6)


def test_no_other_end_is_likelier_to_be_right() -> None:
    """Against counting by hand, for any probabilities."""
    told = (2 * torch.randn(20, 150, generator=torch.Generator().manual_seed(0))).log_softmax(-1)
    probability = told.exp().numpy()
    frames = np.arange(150)
    slack = np.maximum(3.0, 0.2 * frames)

    right = np.array([probability[:, np.abs(end - frames) <= slack].sum(1) for end in frames]).T
    for row, end in enumerate(likeliest_ends(told).tolist()):
        near = np.abs(frames - end) <= 1.01  # it is told between frames
        assert right[row, near].max() >= 0.95 * right[row].max()


def test_strokes_end_notes_of_their_key_alone() -> None:
    rows = rows_of_notes((0.0, 0.2, 60), (0.32, 0.6, 60), (0.16, 0.5, 61), (0.32, 0.4, 62))
    begun = begun_of(rows)
    assert begun.until.tolist() == [20, NEVER, NEVER, NEVER]
    opened = rows_of_notes((0.48, 0.0, 60), (0.8, 0.0, 62))
    assert begun_of(rows, np.concatenate([rows, opened])).until.tolist() == [20, 10, NEVER, 30]


def heard_with(model: FrameModel, sound: np.ndarray, chunk: int) -> np.ndarray:
    reader = NoteReader(DecoderSettings(), ends=model.ends)
    for part in hear([sound], model, chunk, for_ends=True):
        reader.feed(part)
    reader.finish()
    return reader.settled()


def test_ends_are_the_same_in_pieces(model: FrameModel) -> None:
    sound = (0.1 * np.random.default_rng(0).normal(size=16_000 * 11)).astype(np.float32)
    plain = NoteReader(DecoderSettings())
    for part in hear([sound], model, 300):
        plain.feed(part)
    plain.finish()
    whole = heard_with(taught(model), sound, 10_000)
    assert len(whole) > 100
    assert (whole["offset_s"] != plain.settled()["offset_s"]).mean() > 0.5
    np.testing.assert_allclose(whole["onset_s"], plain.settled()["onset_s"], atol=1e-6)
    for chunk in (60, 333):
        again = heard_with(model, sound, chunk)
        np.testing.assert_allclose(again["onset_s"], whole["onset_s"], atol=1e-6)
        np.testing.assert_allclose(again["offset_s"], whole["offset_s"], atol=0.02)


def test_ends_keep_to_the_music(model: FrameModel) -> None:
    """Each note ends after it begins, before its key is struck again, and within the sound."""
    sound = (0.1 * np.random.default_rng(3).normal(size=16_000 * 5)).astype(np.float32)
    rows = heard_with(taught(model), sound, 200)
    assert (rows["offset_s"] - rows["onset_s"]).min() >= 0.49 / FRAME_RATE_HZ
    assert rows["offset_s"].max() <= 5.0 + 1 / FRAME_RATE_HZ
    for pitch in np.unique(rows["pitch"]):
        own = rows[rows["pitch"] == pitch]
        assert (own["offset_s"][:-1] <= own["onset_s"][1:]).all()  # a MIDI file would end the next one, too


def silent_frames(first: int, frames: int) -> HeardFrames:
    model = FrameModel(TINY).eval()
    (heard,) = hear([np.zeros(256 * frames, dtype=np.float32)], model, frames, for_ends=True)
    return heard._replace(first=first)


def test_a_note_that_is_longer_than_it_is_followed_keeps_its_end() -> None:
    finder, block = EndFinder(reader_that_says()), silent_frames(0, 300)
    given = {0: rows_of_notes((1.0, 2.0, 64)), 2: rows_of_notes((1.0, 12.0, 60))}
    for number in range(5):
        opened = np.full(88, -1)
        opened[60 - 21] = 62 if number < 2 else -1
        notes = given.get(number, np.zeros(0, dtype=HEARD_DTYPE))
        finder.feed(block._replace(first=300 * number), notes, np.full(88, 300 * (number + 1)), opened)
    finder.finish(np.zeros(0, dtype=HEARD_DTYPE))
    assert set(finder.ends_s) == {0}


def test_what_is_kept_is_bounded_however_long_a_note_is_open() -> None:
    finder, block = EndFinder(reader_that_says()), silent_frames(0, 400)
    opened = np.full(88, -1)
    opened[40] = 5
    none = np.zeros(0, dtype=HEARD_DTYPE)
    for number in range(30):
        finder.feed(block._replace(first=400 * number), none, np.full(88, 400 * (number + 1)), opened)
        assert finder._frames.last - finder._frames.first <= MOST_KEPT + 2 * 400
    finder.finish(rows_of_notes((0.08, 150.0, 61), (0.1, 0.9, 62), (190.0, 190.5, 63)))
    assert set(finder.ends_s) == {2}  # of the others the frames are gone, or they are too long


def test_frames_that_were_not_heard_for_ends_are_refused(model: FrameModel) -> None:
    (heard,) = hear([np.zeros(16_000, dtype=np.float32)], model, 100)
    with pytest.raises(ValueError, match="heard for ends"):
        KnownFrames().add(heard)


def test_a_course_is_what_was_heard(piano_and_others: Path, ear: FrameListener) -> None:
    """Bytes tell it within half a step, and the true ends are those of the notes."""
    clip = SoundStore(piano_and_others).clip(0)
    course = course_of(ear.model, ear.settings, clip.sound, clip.notes)
    assert course is not None
    frames, reader = KnownFrames(), NoteReader(ear.settings)
    for heard in hear([clip.sound], ear.model, for_ends=True):
        frames.add(heard)
        reader.feed(heard)
    reader.finish()
    assert len(course) == len(reader.each()) == len(course.begun.frame)
    along = frames.along()
    again = course.along(0, len(course.pedal))
    torch.testing.assert_close(again.told, along.told, atol=0.5 / 13 + 1e-3, rtol=0)
    torch.testing.assert_close(again.levels, along.levels.clamp(-9, 9), atol=0.5 / 14 + 1e-3, rtol=0)
    some = torch.tensor([0, len(course) // 2, len(course) - 1])
    spread = float(course.cell_step.max()) * CELL_STEPS
    for index, cells in zip(some.tolist(), course.cells_along(some), strict=True):
        exact = frames.cells_of_each(course.begun.of(torch.tensor([index])))[0]
        assert (cells[:, : exact.shape[1]] - exact).abs().median() < 0.05 * spread
    known = ~torch.isnan(course.ends)
    assert known.float().mean() > 0.5
    assert (course.ends[known] > -4).all()  # onsets are right within 50 ms


def test_silence_teaches_nothing(model: FrameModel) -> None:
    quiet = FrameModel(TINY).eval()
    assert course_of(quiet, DecoderSettings(), np.zeros(16_000, dtype=np.float32), np.zeros(0, dtype=HEARD_DTYPE)) is None


def test_the_loss_is_of_ends_that_are_right() -> None:
    there = torch.ones(2, 100, dtype=torch.bool)
    seen = Seen(torch.zeros(2, views_size(), 100), torch.zeros(2, WIDTH, 100), torch.zeros(2, dtype=torch.long), there)
    part = EndPart(seen, torch.tensor([10.0, 80.0]))

    class Says(torch.nn.Module):
        def __init__(self, first: int, second: int) -> None:
            super().__init__()
            told = torch.full((2, 100), -30.0)
            told[0, first], told[1, second] = 5.0, 5.0
            self.told = told.log_softmax(-1)

        def forward(self, seen: Seen) -> torch.Tensor:
            return self.told

    exact, near, wrong = (float(end_loss(Says(*places), [part])) for places in ((10, 80), (12, 70), (20, 40)))
    assert exact < near < wrong
    assert float(end_loss(Says(12, 70), [part])) < 0.25 * 40  # only that it is not the exact place counts
    assert wrong > 30


def test_batches_are_a_function_of_their_step(courses: list[Course]) -> None:
    assert len(courses) == 3
    third = list(itertools.islice(end_training._batches(courses, 5, 0), 3))[2]
    again = next(end_training._batches(courses, 5, 2))
    assert torch.equal(third[0].seen.views, again[0].seen.views)
    assert torch.equal(third[0].ends, again[0].ends)


def test_ends_are_learned(courses: list[Course], tmp_path: Path, ear: FrameListener) -> None:
    model = ear.model
    parts = [part for course in courses for part in end_training._parts(course, torch.arange(len(course)))]
    with torch.no_grad():
        before = float(end_loss(model.ends, parts))
    figures = train_ends(tmp_path / "run", model, courses, TrainingPlan(steps=40, learning_rate=5e-3, averaging=0.8))
    with torch.no_grad():
        assert float(end_loss(model.ends, parts)) < 0.5 * before
    assert figures["loss"] > 0
    usual = model.ends.usual.clone()
    train_ends(tmp_path / "further", model, courses[:2], TrainingPlan(steps=1))
    assert torch.equal(model.ends.usual, usual)  # what it knows stays
    with pytest.raises(ValueError, match="got 1 in all"):
        train_ends(tmp_path / "other", model, courses[:1], TrainingPlan(steps=1))


def test_notes_whose_ends_are_not_known_teach_nothing(courses: list[Course], tmp_path: Path, ear: FrameListener) -> None:
    unknown = [replace(course, ends=torch.full_like(course.ends, torch.nan)) for course in courses]
    assert end_training._parts(unknown[0], torch.arange(len(unknown[0]))) == []
    with pytest.raises(ValueError, match="courses with known ends"):
        train_ends(tmp_path, ear.model, unknown, TrainingPlan(steps=1))


def test_a_run_teaches_a_listener(piano_and_others: Path, tmp_path: Path) -> None:
    figures = run_reader("ends", tmp_path / "run", 0.001, start="frames", stores=[piano_and_others])  # however short
    before, after = FrameListener.from_pretrained().model, FrameListener.from_pretrained(figures["model"]).model
    assert after.ends.has_learned
    assert not torch.equal(after.ends.head.weight, before.ends.head.weight)
    torch.testing.assert_close(after.strengths.head.weight, before.strengths.head.weight, atol=1e-3, rtol=1e-2)
    with pytest.raises(RequestError, match="expected one of strengths, ends"):
        run_reader("drums", tmp_path / "other", 0.1, start="frames")
