"""Voices that nobody built, and fonts that sound like many: in tune, in time, and never twice the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transcribe.frames.drums import DRUM_CLASS_OF_KEY, DRUM_CLASSES
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.clips import Clip, make_clip
from transcribe.training_audio.drum_recipes import RECIPES
from transcribe.training_audio.drums import SETS, drum_passage, random_drums
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ, FontPlayer
from transcribe.training_audio.passages import CONTROL_DTYPE, PASSAGE_DTYPE, Passage, PassagePart
from transcribe.training_audio.random_music import random_passage
from transcribe.training_audio.stem_effects import varied_stem
from transcribe.training_audio.synthetic_kit import SyntheticKit
from transcribe.training_audio.varied_voice import VariedVoice


def clip_of(passage: Passage, voice, seed: int = 0) -> Clip:
    wishes = {"split": "test", "piece": "none", "voice_name": "voice", "played_rate_hz": PLAYED_RATE_HZ}
    clip = make_clip(passage, voice, np.random.default_rng(seed), **wishes)
    assert clip is not None
    return clip


def one_part(rows: list[tuple[float, float, int, int]], program: int, *, is_drum: bool = False) -> Passage:
    """A passage of (onset, release, pitch, velocity)."""
    empty = random_drums(np.random.default_rng(0), 2.0)
    return Passage(
        notes=np.array([(*row, 0) for row in rows], dtype=PASSAGE_DTYPE),
        controls=np.zeros(0, dtype=CONTROL_DTYPE),
        parts=(PassagePart(program, is_drum),),
        duration_s=max(row[1] for row in rows) + 0.5,
        beats=empty.beats,
        beats_per_bar=4,
        beat_type=4,
        bars=empty.bars,
        grid=empty.grid,
    )


def strong_hz(sound: np.ndarray) -> float:
    """The strongest frequency."""
    size = 8 * len(sound)
    return float(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size)).argmax() * SAMPLE_RATE_HZ / size)


@pytest.fixture(scope="module")
def player(synthesiser: None, wheel_font: Path) -> FontPlayer:
    return FontPlayer(wheel_font)


@pytest.mark.parametrize(("program", "key"), [(73, 76), (48, 64), (0, 48)])
def test_a_detour_through_a_font_stays_in_tune(player: FontPlayer, program: int, key: int) -> None:
    sounds = []
    for seed in range(8):
        clip = clip_of(one_part([(0.1, 1.6, key, 100)], program), VariedVoice([player], np.random.default_rng(seed)).play)
        assert clip.notes["pitch"].tolist() == [key]
        first = round((float(clip.notes["onset_s"][0]) + 0.15) * SAMPLE_RATE_HZ)
        sounds.append(clip.samples[first : first + SAMPLE_RATE_HZ].astype(np.float64))
        ratio = strong_hz(sounds[-1]) / (440 * 2 ** ((key - 69) / 12))
        assert abs(1200 * np.log2(ratio / max(round(ratio), 1))) < 45  # vibrato, and strings that are stretched
    shapes = [np.abs(np.fft.rfft(sound))[:4000] / np.abs(np.fft.rfft(sound)).max() for sound in sounds]
    assert min(np.abs(one - other).max() for i, one in enumerate(shapes) for other in shapes[:i]) > 0.01


def test_stems_without_generators_make_up_the_whole(player: FontPlayer) -> None:
    passage = random_passage(np.random.default_rng(2), 4.0, (0, 40, 73))
    stems = []

    def both(played, samples):
        stems.append(player.play_apart(played, samples, {}))
        return player.play(played, samples)

    clip = clip_of(passage, both)
    assert stems[0].shape == (3, len(clip.samples))
    whole = stems[0].sum(axis=0)
    scale = np.abs(clip.samples).max() / np.abs(whole).max()
    np.testing.assert_allclose(whole * scale, clip.samples, atol=2.0)


def test_a_generator_of_a_channel_is_heard_there_alone(player: FontPlayer) -> None:
    passage = random_passage(np.random.default_rng(2), 3.0, (73, 71))
    found = []

    def tuned(played, samples):
        found.append([player.play_apart(played, samples, own) for own in ({}, {0: {51: 12.0}})])
        return found[0][0].sum(axis=0)

    clip_of(passage, tuned)
    plain, moved = found[0]
    np.testing.assert_array_equal(plain[1], moved[1])
    assert np.abs(plain[0] - moved[0]).max() > 0.1 * np.abs(plain[0]).max()


def test_every_drum_of_a_class_has_a_recipe() -> None:
    assert {key for recipe in RECIPES for key in recipe.keys} == set(DRUM_CLASS_OF_KEY)
    assert sum(len(recipe.keys) for recipe in RECIPES) == len(DRUM_CLASS_OF_KEY)
    assert all(len(recipe.semitones) in (0, len(recipe.keys)) for recipe in RECIPES)


@pytest.mark.parametrize("drum", DRUM_CLASSES, ids=lambda drum: drum.name)
def test_a_drum_nobody_built_sounds_from_its_label_on(drum) -> None:
    for seed in range(5):
        rows = [(0.2 + 0.5 * hit, 0.3 + 0.5 * hit, key, 100) for hit, key in enumerate(drum.keys)]
        clip = clip_of(one_part(rows, 0, is_drum=True), SyntheticKit(np.random.default_rng(seed)).play)
        assert clip.notes["pitch"].tolist() == list(drum.keys)
        first = round(float(clip.notes["onset_s"][0]) * SAMPLE_RATE_HZ)
        assert not clip.samples[: first - 1].any()
        for onset_s in clip.notes["onset_s"].tolist():
            place = round(onset_s * SAMPLE_RATE_HZ)
            after = np.abs(clip.samples[place : place + 800].astype(np.float64))
            assert after.max() > 200  # within 50 ms


def centre_hz(kit: SyntheticKit, key: int) -> float:
    """The mean frequency of a drum's sound by power."""
    clip = clip_of(one_part([(0.2, 0.3, key, 110)], 0, is_drum=True), kit.play)
    power = np.abs(np.fft.rfft(clip.samples.astype(np.float64))) ** 2
    return float((power * np.fft.rfftfreq(len(clip.samples), 1 / SAMPLE_RATE_HZ)).sum() / power.sum())


def test_drums_nobody_built_are_what_they_are_called() -> None:
    for seed in range(6):
        kit = SyntheticKit(np.random.default_rng(seed))
        bass, low, high, hat = (centre_hz(kit, key) for key in (36, 41, 50, 42))
        assert bass < 500
        assert low < high < hat
        assert hat > 2_500
    centres = [centre_hz(SyntheticKit(np.random.default_rng(seed)), 38) for seed in range(6)]
    assert max(centres) > 1.2 * min(centres)


def test_closing_the_hi_hat_stops_it() -> None:
    sounds = []
    for closing in (42, 36):
        rows = [(0.2, 0.3, 46, 100), (0.4, 0.5, closing, 1)]
        clip = clip_of(one_part(rows, 0, is_drum=True), SyntheticKit(np.random.default_rng(3)).play)
        first = round((float(clip.notes["onset_s"][1]) + 0.1) * SAMPLE_RATE_HZ)
        sounds.append(float(np.abs(clip.samples[first : first + 1600]).mean()))
    assert sounds[0] < 0.2 * sounds[1]


@pytest.mark.parametrize("seed", range(4))
def test_kits_of_many_fonts_are_in_time(player: FontPlayer, seed: int) -> None:
    passage = drum_passage(np.random.default_rng(seed), 12.0)
    clip = clip_of(passage, VariedVoice([player], np.random.default_rng(seed)).play)
    energy = np.add.reduceat(clip.samples.astype(np.float64) ** 2, np.arange(0, len(clip.samples), 160))
    rises = np.maximum(np.diff(np.sqrt(energy)), 0)
    at_labels = rises[np.clip((clip.notes["onset_s"] * 100).astype(int), 0, len(rises) - 1)]
    assert at_labels.mean() > 2 * rises.mean()


def test_the_same_seed_varies_alike(player: FontPlayer) -> None:
    passage = random_passage(np.random.default_rng(3), 4.0, (0, 56))
    made = [clip_of(passage, VariedVoice([player, player], np.random.default_rng(seed)).play).samples for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).any()


def test_stems_keep_length_level_and_time() -> None:
    click = np.zeros(2 * SAMPLE_RATE_HZ, dtype=np.float32)
    click[8_000:8_064] = 0.5 * np.hanning(64)
    for seed in range(20):
        made = varied_stem(click, np.random.default_rng(seed))
        assert made.dtype == np.float32
        assert len(made) == len(click)
        assert np.isfinite(made).all()
        assert abs(int(np.abs(made).argmax()) - 8_032) < 0.025 * SAMPLE_RATE_HZ
        np.testing.assert_allclose(np.mean(made**2), np.mean(click**2), rtol=1e-3)
    assert not varied_stem(np.zeros(4_000, dtype=np.float32), np.random.default_rng(0)).any()


def test_drums_without_order_do_not_play_together() -> None:
    kinds, together, hits = set(), 0, 0
    for seed in range(30):
        passage = random_drums(np.random.default_rng(seed), 20.0)
        assert passage.parts[0].is_drum
        assert passage.parts[0].program in SETS
        assert (np.diff(passage.notes["onset_s"]) >= 0).all()
        assert (passage.notes["onset_s"] < 20.0).all()
        kinds |= {DRUM_CLASS_OF_KEY[key] for key in passage.notes["pitch"].tolist()}
        together += int((np.diff(passage.notes["onset_s"]) < 0.01).sum())
        hits += len(passage.notes)
    assert kinds == set(range(len(DRUM_CLASSES)))
    assert together < 0.25 * hits
