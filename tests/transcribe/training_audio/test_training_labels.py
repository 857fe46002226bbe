"""What the labels say is what sounds: onsets, pitches, pedal, drums."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpora.piece import MEASURE_DTYPE
from render.controllers import SUSTAIN
from transcribe.families import find_family
from transcribe.heard import DRUMS
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.clips import Clip, make_clip
from transcribe.training_audio.drums import drum_passage
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ, FontPlayer
from transcribe.training_audio.instruments import into_range, range_of
from transcribe.training_audio.passages import CONTROL_DTYPE, PASSAGE_DTYPE, PassagePart, bar_spans, beats_of
from transcribe.training_audio.random_music import random_passage
from transcribe.training_audio.sampler_voice import SamplerVoice
from transcribe.training_audio.sounding import one_key_at_a_time
from transcribe.training_audio.synthetic_voice import SyntheticVoice


def passage_of(rows, program=0, controls=()):
    """A passage of (onset, release, pitch, velocity) for one player, without beats."""
    empty = random_passage(np.random.default_rng(0), 2.0)
    return replace(
        empty,
        notes=np.array([(*row, 0) for row in rows], dtype=PASSAGE_DTYPE),
        controls=np.array(list(controls), dtype=CONTROL_DTYPE),
        parts=(PassagePart(program),),
        duration_s=max(row[1] for row in rows) + 0.5,
    )


def clip_of(passage, voice, seed=0) -> Clip:
    wishes = {"split": "test", "piece": "none", "voice_name": "voice", "played_rate_hz": PLAYED_RATE_HZ}
    clip = make_clip(passage, voice, np.random.default_rng(seed), **wishes)
    assert clip is not None
    return clip


def loudest_hz(clip: Clip, start_s: float, length_s: float) -> float:
    """The strongest frequency, to a fraction of a bin."""
    first = round(start_s * SAMPLE_RATE_HZ)
    sound = clip.samples[first : first + round(length_s * SAMPLE_RATE_HZ)].astype(np.float64)
    size = 8 * len(sound)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    return float(spectrum.argmax() * SAMPLE_RATE_HZ / size)


@pytest.fixture(scope="module")
def player(synthesiser: None, wheel_font: Path) -> FontPlayer:
    return FontPlayer(wheel_font)


def test_a_piano_begins_where_its_label_says(player: FontPlayer) -> None:
    keys = (33, 48, 60, 72, 84, 96)
    clip = clip_of(passage_of([(0.3 + 0.9 * i, 0.8 + 0.9 * i, key, 90) for i, key in enumerate(keys)]), player.play)
    assert clip.notes["pitch"].tolist() == list(keys)
    energy = np.convolve(clip.samples.astype(np.float64) ** 2, np.ones(32), "valid")  # 2 ms
    for onset_s in clip.notes["onset_s"].tolist():
        place = round(onset_s * SAMPLE_RATE_HZ)
        before, after = energy[place - 320 : place - 48].max(), energy[place : place + 1600]
        first = int(np.flatnonzero(after > max(4 * before, 0.02 * after.max()))[0])
        assert first < 0.010 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("key", [45, 57, 69, 81])
def test_pitches_sound_as_labelled(player: FontPlayer, key: int) -> None:
    flute = clip_of(passage_of([(0.2, 1.6, max(key, 60), 90)], program=73), player.play)
    wanted = 440 * 2 ** ((max(key, 60) - 69) / 12)
    ratio = loudest_hz(flute, 0.5 + float(flute.notes["onset_s"][0]), 0.8) / wanted
    harmonic = max(round(ratio), 1)
    assert abs(1200 * np.log2(ratio / harmonic)) < 25


def test_a_note_under_the_pedal_ends_with_it(player: FontPlayer) -> None:
    controls = [(0.1, 0, SUSTAIN, 127), (1.5, 0, SUSTAIN, 0)]
    clip = clip_of(passage_of([(0.2, 0.4, 60, 90), (0.8, 0.9, 64, 90), (1.0, 1.1, 60, 90)], controls=controls), player.play)
    start_s = float(clip.notes["onset_s"][0]) - 0.2
    onsets_and_offsets = np.stack([clip.notes["onset_s"], clip.notes["offset_s"]], axis=1) - start_s
    np.testing.assert_allclose(onsets_and_offsets, [[0.2, 1.0], [0.8, 1.5], [1.0, 1.5]], atol=2e-4)
    np.testing.assert_allclose([clip.pedals["onset_s"][0] - start_s, clip.pedals["offset_s"][0] - start_s], [0.1, 1.5], atol=2e-4)


def test_drums_are_drums(player: FontPlayer) -> None:
    clip = clip_of(drum_passage(np.random.default_rng(5), 12.0), player.play)
    assert (clip.notes["family"] == DRUMS).all()
    assert (clip.notes["program"] == 0).all()
    assert clip.programs == (-1,)
    assert len(clip.beats) > 10
    energy = np.add.reduceat(clip.samples.astype(np.float64) ** 2, np.arange(0, len(clip.samples), 160))
    rises = np.maximum(np.diff(energy), 0)
    at_labels = rises[np.clip((clip.notes["onset_s"] * 100).astype(int), 0, len(rises) - 1)]
    assert at_labels.mean() > 3 * rises.mean()


def test_the_same_seed_gives_the_same_sound(player: FontPlayer) -> None:
    passage = random_passage(np.random.default_rng(3), 6.0)
    np.testing.assert_array_equal(clip_of(passage, player.play).samples, clip_of(passage, player.play).samples)
    voices = [SyntheticVoice(np.random.default_rng(7)).play for _ in range(2)]
    np.testing.assert_array_equal(clip_of(passage, voices[0]).samples, clip_of(passage, voices[1]).samples)


@pytest.mark.parametrize(("program", "key"), [(0, 57), (16, 69), (40, 76), (24, 52)])
def test_synthetic_voices_are_in_tune(program: int, key: int) -> None:
    for seed in range(4):
        clip = clip_of(passage_of([(0.1, 1.5, key, 100)], program=program), SyntheticVoice(np.random.default_rng(seed)).play)
        ratio = loudest_hz(clip, float(clip.notes["onset_s"][0]) + 0.1, 0.9) / (440 * 2 ** ((key - 69) / 12))
        harmonic = max(round(ratio), 1)
        assert abs(1200 * np.log2(ratio / harmonic)) < 40  # vibrato, and strings that are stretched
        assert find_family("piano") == 0


def test_beats_of_meters_and_pickups() -> None:
    def bars(*rows):
        table = np.zeros(len(rows), dtype=MEASURE_DTYPE)
        for column, values in zip(("start_div", "end_div", "beats", "beat_type"), zip(*rows, strict=True), strict=True):
            table[column] = values
        return table

    assert beats_of(bars((0, 4, 4, 4), (4, 8, 4, 4)), 1) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 1), (5, 2), (6, 3), (7, 4)]
    assert beats_of(bars((0, 6, 6, 8)), 2) == [(0, 1), (3, 2)]  # dotted quarters
    assert beats_of(bars((0, 1, 3, 4), (1, 4, 3, 4)), 1) == [(0, 3), (1, 1), (2, 2), (3, 3)]  # a pickup
    cut = bars((0, 4, 4, 4), (4, 7, 4, 4), (7, 8, 4, 4), (8, 12, 4, 4))  # a repeat sign before the last beat
    assert [number for _, number in beats_of(cut, 1)] == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]


def test_spans_of_bars_cover_what_is_long_enough() -> None:
    seconds = np.cumsum([0, 3, 3, 3, 20, 3, 3, 3, 3.0])
    assert list(bar_spans(np.zeros(8, dtype=MEASURE_DTYPE), seconds, 5.0, 10.0)) == [(0, 3), (3, 4), (4, 7)]
    assert list(bar_spans(np.zeros(1, dtype=MEASURE_DTYPE), np.array([0.0, 3.0]), 5.0, 10.0)) == [(0, 1)]


def test_a_part_holds_a_key_once() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        notes = np.zeros(60, dtype=PASSAGE_DTYPE)
        notes["onset_s"] = rng.uniform(0, 5, 60)
        notes["release_s"] = notes["onset_s"] + rng.exponential(0.7, 60)
        notes["pitch"], notes["part"], notes["velocity"] = rng.integers(60, 64, 60), rng.integers(0, 2, 60), 80
        out = one_key_at_a_time(notes)
        assert (np.diff(out["onset_s"]) >= 0).all()
        for part in range(2):
            for pitch in range(60, 64):
                own = out[(out["part"] == part) & (out["pitch"] == pitch)]
                assert (own["release_s"][:-1] <= own["onset_s"][1:]).all()
                assert (own["release_s"] > own["onset_s"]).all()


def test_parts_come_into_range() -> None:
    rng = np.random.default_rng(1)
    for program in (32, 40, 42, 53, 56, 73, 13):
        low, high = range_of(program)
        pitches = rng.integers(21, 109, 50)
        moved = into_range(pitches, program)
        assert ((moved >= low) & (moved <= high)).all()
        assert ((moved - pitches) % 12 == 0).all()
    assert into_range(np.array([40, 43, 47]), 40).tolist() == [64, 67, 71]  # moves as a whole


def test_the_sampler_agrees_with_fluidsynth_on_where_notes_are(player: FontPlayer, wheel_font: Path) -> None:
    passage = passage_of([(0.3, 0.7, 60, 100), (1.0, 1.4, 67, 100)])
    levels = []
    for voice in (player.play, SamplerVoice(wheel_font).play):
        clip = clip_of(passage, voice)
        power = np.add.reduceat(clip.samples.astype(np.float64) ** 2, np.arange(0, len(clip.samples), 320))
        levels.append(10 * np.log10(power / power.max() + 1e-5))
    assert len(levels[0]) == len(levels[1])
    assert np.corrcoef(levels)[0, 1] > 0.97
