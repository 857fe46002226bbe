"""What a frame model says, read as ids: perfect saying gives the music back, and limits always hold."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from compose.vocabulary.mt3_events import DRUM_PROGRAM, PITCH, SHIFT, VELOCITY
from corpora.errors import RequestError
from transcribe.frames.targets import draw_targets
from transcribe.heard import BEAT_DTYPE, DRUMS, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic, sort_heard
from transcribe.measures.matching import score_notes
from transcribe.tokens import features
from transcribe.tokens.choosing import choose
from transcribe.tokens.decoding import decode_segments
from transcribe.tokens.features import NUM_HEARD, blurred
from transcribe.tokens.limits import limits_of
from transcribe.tokens.listener import segment_windows
from transcribe.tokens.segments import heard_of, join


@pytest.fixture
def music():
    """Twelve seconds of piano with pedal, a line of strings, drums and beats in 3/4."""
    rng = np.random.default_rng(5)
    rows = []
    for beat in range(22):
        start = 0.25 + 0.5 * beat
        for pitch in rng.choice(np.arange(36, 84), 3, replace=False).tolist():
            rows.append((start, start + float(rng.uniform(0.2, 0.45)), pitch, int(rng.integers(30, 110)), 0, 0, 1))
        if beat % 4 == 0:
            rows.append((start + 0.1, start + 1.9, 88 + beat % 3, 70, 5, 48, 1))
        rows.append((start, start + 0.05, (36, 42, 38)[beat % 3], 90, DRUMS, 0, 1))
    pedals = np.array([(0.5, 3.0), (3.2, 6.1), (7.0, 9.0)], dtype=PEDAL_DTYPE)
    beats = np.array([(0.25 + 0.5 * beat, 1 + beat % 3) for beat in range(22)], dtype=BEAT_DTYPE)
    return HeardMusic(sort_heard(np.array(rows, dtype=HEARD_DTYPE)), 12.0, pedals, beats)


@pytest.fixture
def told(music, monkeypatch):
    """What a nearly sure frame model would say of it, (frames, 1259)."""
    monkeypatch.setattr(features, "SPREAD", 0.2)
    monkeypatch.setattr(features, "NOISY_SHARE", 0.0)
    targets = draw_targets(music.notes, music.pedals, music.beats, 750, pedal_known=True, beats_known=True)
    return blurred(targets, np.random.default_rng(3))


def read(told, limits, duration_s=12.0):
    decoded = list(decode_segments(None, segment_windows([torch.from_numpy(told)]), limits))
    return heard_of(join([segment.ids for segment in decoded]), duration_s), decoded


def test_what_is_told_surely_is_read_as_it_is(told, music):
    heard, decoded = read(told, limits_of())
    assert score_notes(music.notes, heard.notes, families=True).f1 > 0.95
    assert score_notes(music.notes, heard.notes, offsets=True).f1 > 0.9
    assert score_notes(music.notes, heard.notes, velocities=True).f1 > 0.7  # velocities are told with an error of 8
    assert len(heard.beats) == 22
    assert heard.beats["number"].tolist() == music.beats["number"].tolist()
    np.testing.assert_allclose(heard.beats["time_s"], music.beats["time_s"], atol=0.03)
    np.testing.assert_allclose(heard.pedals.tolist(), music.pedals.tolist(), atol=0.08)
    confidence = np.concatenate([segment.confidence for segment in decoded])
    assert (confidence > 0).all()
    assert (confidence <= 1).all()


def test_silence_gives_no_notes():
    heard, _ = read(np.zeros((750, NUM_HEARD), dtype=np.float32), limits_of())
    assert not len(heard.notes)
    assert not len(heard.beats)


@pytest.mark.parametrize(
    ("limits", "holds"),
    [
        (limits_of([0], drums=False), lambda notes: (notes["family"] == 0).all()),
        (limits_of([5]), lambda notes: np.isin(notes["family"], [5, DRUMS]).all()),
        (limits_of(low=60, high=72, drums=False), lambda notes: ((notes["pitch"] >= 60) & (notes["pitch"] <= 72)).all()),
        (limits_of(scale="D major", drums=False), lambda notes: np.isin(notes["pitch"] % 12, [2, 4, 6, 7, 9, 11, 1]).all()),
        (limits_of(max_notes=2, drums=False), lambda notes: most_at_once(notes) <= 2),
    ],
    ids=["piano", "strings", "range", "scale", "two at once"],
)
def test_what_a_user_knows_holds_and_the_rest_is_heard(told, music, limits, holds):
    heard, _ = read(told, limits)
    assert len(heard.notes) > 5
    assert holds(heard.notes)
    found = score_notes(music.notes, heard.notes)
    assert found.matched / found.heard > 0.75  # what is left is true


def most_at_once(notes):
    notes = notes[notes["family"] != DRUMS]
    return max(((notes["onset_s"] <= t) & (notes["offset_s"] > t + 1e-9)).sum() for t in notes["onset_s"])


def test_noise_in_what_is_told_never_breaks_the_text_or_the_limits():
    rng = np.random.default_rng(8)
    limits = limits_of([0, 5], 48, 80, scale="A minor", max_notes=3)
    for _ in range(3):
        noise = (rng.random((520, NUM_HEARD)) ** 3 * 2).astype(np.float32)
        heard, _ = read(noise, limits, 8.32)
        pitched = heard.notes[heard.notes["family"] != DRUMS]
        assert np.isin(pitched["family"], [0, 5]).all()
        assert np.isin(pitched["pitch"] % 12, [9, 11, 0, 2, 4, 5, 7]).all()
        assert most_at_once(heard.notes) <= 3


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"low": 70, "high": 60}, "range: expected a lowest pitch below the highest, got 70 and 60"),
        ({"low": 61, "high": 61, "scale": "C major"}, "no pitch is left of 61 to 61 in C major"),
        ({"low": 1, "high": 9}, "no pitch is left of 1 to 9"),
        ({"max_notes": -1}, "notes at once: expected 1 or more"),
        ({"scale": "H dur"}, "is not a scale"),
    ],
)
def test_wishes_that_cannot_be_are_refused(wish, words):
    with pytest.raises(RequestError, match=words):
        limits_of(**wish)


def test_a_choice_takes_what_more_than_half_speaks_for():
    logits, mask = np.full(824, -20.0, dtype=np.float32), np.ones(824, dtype=np.bool_)
    logits[VELOCITY + 10 : VELOCITY + 20] = np.log(0.06)  # ten velocities, none of them likely alone
    logits[VELOCITY] = np.log(0.35)
    assert choose(logits, mask).token in (VELOCITY + 14, VELOCITY + 15)
    logits[:] = -20.0
    logits[SHIFT + 100] = np.log(0.3)  # first there is probably something here or just after
    logits[SHIFT + 101] = np.log(0.25)
    logits[SHIFT + 300] = np.log(0.45)
    assert choose(logits, mask).token == SHIFT + 100
    logits[:] = -20.0
    logits[PITCH + 50], logits[PITCH + 60], logits[PITCH + 70] = np.log([0.4, 0.35, 0.25])
    assert choose(logits, mask).token == PITCH + 60  # 50 is less likely than not; 60, if not 50, is likelier than not
    mask[:] = False
    mask[PITCH + 3] = True
    assert choose(logits, mask).token == PITCH + 3


def test_drums_have_programs_of_their_own(told):
    heard, decoded = read(told, replace(limits_of([0]), pedal=False, beats=False))
    music = join([segment.ids for segment in decoded])
    assert (music.notes["program"] == DRUM_PROGRAM).any()
    assert not len(heard.pedals)
    assert not len(heard.beats)
