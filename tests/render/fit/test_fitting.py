"""What is hidden in recordings is found; what cannot be found is said."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import music21
import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from corpora.audio import Audio
from corpora.errors import InputError, RequestError
from corpora.files import read_piece
from corpora.piece import Piece
from render.fit import Fit, fit_performance, fitting
from render.played import play
from render.rendering import render

Hide = Callable[..., Any]
CORPUS = Path(music21.__file__).parent / "corpus"
pytestmark = pytest.mark.usefixtures("wheel_font")


def in_time(name: str, programs: tuple[int, ...], slower: float = 1.0) -> Piece:
    """A score of four parts of the music21 corpus, played by some programs."""
    piece = read_piece(CORPUS / name)
    parts = tuple(replace(part, program=program) for part, program in zip(piece.parts, programs, strict=True))
    tempos = piece.tempos.copy()
    tempos["quarters_per_minute"] /= slower
    return replace(piece, parts=parts, tempos=tempos, source=None)


def test_what_was_hidden_is_found(small_hidden: Any, small_fit: Fit) -> None:
    fit = small_fit
    velocity, onset_ms, tuning, gain_db = small_hidden.errors(fit)
    assert velocity < 3.0
    assert onset_ms < 2.0
    assert tuning < 0.5
    assert gain_db < 0.5
    assert all(note.velocity_is_told and note.onset_is_told for note in fit.notes)
    assert fit.loss_after < 0.3 * fit.loss_before
    assert fit.likeness > 0.95
    assert not fit.problems


@pytest.mark.usefixtures("synthesiser")
def test_a_performance_of_itself_stays_as_it_is(small_score: Piece) -> None:
    plain = render(small_score, lufs=None, true_peak_dbtp=None, room=None, gain_db=0.0).audio
    fit = fit_performance(small_score, plain)
    assert max(abs(note.velocity - 80) for note in fit.notes) < 6.0
    assert max(abs(note.shift_ms) for note in fit.notes) < 4.0
    assert abs(fit.tuning_cents) < 0.3


def test_the_performance_holds_what_was_found(small_hidden: Any, small_fit: Fit) -> None:
    fit = small_fit
    score = play(small_hidden.score, sample_rate_hz=48_000)
    before = {str(note["id"]): note for note in score.notes}
    after = {str(note["id"]): note for note in fit.performance.notes}
    for note in fit.notes:
        assert after[note.id]["velocity"] == round(note.velocity)
        assert after[note.id]["onset_sample"] - before[note.id]["onset_sample"] == pytest.approx(48 * note.shift_ms, abs=1)
        assert after[note.id]["cents"] - before[note.id]["cents"] == pytest.approx(note.cents, abs=1e-3)
    again = play(fit.to_midi(), sample_rate_hz=48_000)
    assert sorted(again.notes["velocity"].tolist()) == sorted(fit.performance.notes["velocity"].tolist())


def test_rates_and_channels_make_no_difference(small_hidden: Any, small_fit: Fit) -> None:
    audio = small_hidden.audio
    mono = Audio(soxr.resample(audio.samples.mean(axis=0), 44_100, 32_000)[None].astype(np.float32), 32_000)
    one, other = small_fit, fit_performance(small_hidden.score, mono)
    assert max(abs(a.velocity - b.velocity) for a, b in zip(one.notes, other.notes, strict=True)) < 1.5
    assert max(abs(a.shift_ms - b.shift_ms) for a, b in zip(one.notes, other.notes, strict=True)) < 1.5
    assert abs(one.tuning_cents - other.tuning_cents) < 0.1


def test_the_same_recording_gives_the_same_performance(small_hidden: Any, small_fit: Fit) -> None:
    again = fit_performance(small_hidden.score, small_hidden.audio, sample_rate_hz=48_000)
    assert again.notes == small_fit.notes
    assert again.to_midi() == small_fit.to_midi()


def test_notes_after_the_recording_are_as_in_the_score(small_hidden: Any) -> None:
    audio = Audio(small_hidden.audio.samples[:, : 2 * 44_100], 44_100)
    fit = fit_performance(small_hidden.score, audio)
    late = [note for note in fit.notes if note.onset_s >= 2.0]
    assert late
    assert all(note.velocity == note.score_velocity and note.shift_ms == 0 and not note.velocity_is_told for note in late)
    assert {note.why for note in late} == {"begins after the recording's end"}
    assert any("the recording ends at 2.0 s" in line for line in fit.problems)


@pytest.mark.usefixtures("synthesiser")
def test_doubled_notes_are_not_told(small_score: Piece) -> None:
    notes = small_score.notes.copy()
    notes["part"] = 0
    doubled = notes.copy()
    doubled["part"] = 1
    doubled["id"] = [f"d{rank}" for rank in range(len(doubled))]
    score = replace(small_score, notes=np.concatenate([notes, doubled]), parts=(small_score.parts[0],) * 2)
    fit = fit_performance(score, render(score, lufs=None, true_peak_dbtp=None, room=None, gain_db=0.0).audio)
    assert not any(note.velocity_is_told for note in fit.notes)
    assert any("tells the velocities of only 0" in line for line in fit.problems)


def test_another_piece_is_a_poor_fit(small_hidden: Any, make_piece: Callable[..., Piece]) -> None:
    rows = [(3 * step, 3, 61 + 5 * step % 12, step % 2) for step in range(9)]
    other = replace(make_piece(rows, bars=2), parts=small_hidden.score.parts)
    fit = fit_performance(other, small_hidden.audio)
    assert any("a poor fit" in line for line in fit.problems)
    assert all(note.velocity == note.score_velocity and note.shift_ms == 0 and note.cents == 0 for note in fit.notes)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros((2, 88_200), dtype=np.float32), "got silence"),
        (np.full((1, 88_200), np.nan, dtype=np.float32), "got NaN or infinity"),
        (np.ones((1, 400), dtype=np.float32), "at least 0.5 s of sound, got 0.01 s"),
    ],
)
def test_no_sound_is_refused(small_score: Piece, samples: NDArray[np.float32], words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit_performance(small_score, Audio(samples, 44_100))


def test_too_many_notes_are_refused(small_hidden: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MAX_NOTES", 11)
    with pytest.raises(RequestError, match="at most 11 notes to fit, got 12"):
        fit_performance(small_hidden.score, small_hidden.audio)


@pytest.mark.usefixtures("synthesiser")
def test_another_synthesiser_is_followed(small_score: Piece, make_hidden: Hide, recorder: Callable[..., Audio]) -> None:
    hidden = make_hidden(small_score, 6, by=partial(recorder, engine="soundfont"))
    velocity, onset_ms, tuning, gain_db = hidden.errors(fit_performance(hidden.score, hidden.audio))
    assert velocity < 5.0
    assert onset_ms < 5.0
    assert tuning < 1.0
    assert gain_db < 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "programs", "slower", "tuning_cents"),
    [
        ("bach/bwv66.6.mxl", (0, 0, 0, 0), 1.4, -29.0),
        ("haydn/opus74no1/movement1.mxl", (40, 40, 41, 42), 1.0, 23.0),
    ],
)
def test_half_a_minute_of_four_parts(
    name: str, programs: tuple[int, ...], slower: float, tuning_cents: float, make_hidden: Hide
) -> None:
    hidden = make_hidden(in_time(name, programs, slower), 7, tuning_cents=tuning_cents, until_s=30.0)
    assert hidden.audio.samples.shape[1] > 30 * 44_100
    started = time.process_time()
    fit = fit_performance(hidden.score, hidden.audio)
    assert time.process_time() - started < 180.0  # of the 360 that two cores have in three minutes
    velocity, onset_ms, tuning, _ = hidden.errors(fit)
    assert velocity <= 6.0
    assert onset_ms <= 8.0
    assert tuning <= 2.0
