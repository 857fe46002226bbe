"""The stages of notation one by one."""

from dataclasses import asdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from corpora.checkpoints import save_checkpoint
from corpora.errors import CheckpointError
from transcribe.score.features import NUM_PLACE_FEATURES, NUM_VALUE_FEATURES, place_features, value_features
from transcribe.score.grid import beat_grid
from transcribe.score.hands import plain_odds, upper_staff
from transcribe.score.keys import find_keys
from transcribe.score.marks import dynamic_marks, pedal_marks, tempo_marks
from transcribe.score.network import Quantiser, QuantiserConfig
from transcribe.score.placing import gaussian_scores, place_notes
from transcribe.score.slots import SLOTS, STEPS_PER_BEAT, VALUES, slot_of, value_of
from transcribe.score.view import note_view
from transcribe.score.voices import DIVS_PER_QUARTER, voice_staff

QUARTER = DIVS_PER_QUARTER


def test_slots_and_values_are_found_again() -> None:
    floors = np.arange(len(SLOTS), dtype=np.float64)
    places = floors + np.array([float(slot) for slot in SLOTS])
    assert slot_of(places, floors).tolist() == list(range(len(SLOTS)))
    assert slot_of(np.array([0.29]), np.array([0.0])).tolist() == [-1]
    assert value_of(np.array([float(value) for value in VALUES])).tolist() == list(range(len(VALUES)))
    assert all((slot * STEPS_PER_BEAT).denominator == 1 for slot in SLOTS)


@pytest.mark.parametrize("division", [2, 3, 4, 6])
def test_one_division_of_the_beat_explains_noisy_onsets(make_heard, division: int) -> None:
    rng = np.random.default_rng(2)
    exact = [beat + Fraction(slot, division) for beat in range(12) for slot in range(division)]
    onsets = [0.8 * float(place) + float(rng.normal(0, 0.012)) + 0.05 for place in exact]
    heard = make_heard([(on, on + 0.1, 60) for on in onsets], beats=[0.05 + 0.8 * beat for beat in range(13)])
    view = note_view(heard, beat_grid(heard, 0.06, 9.0))
    assert place_notes(view, gaussian_scores(view)) == exact


def test_places_do_not_go_back_within_a_beat(make_heard) -> None:
    rng = np.random.default_rng(4)
    heard = make_heard([(float(on), float(on) + 0.2, 60) for on in np.sort(rng.uniform(0, 9, 80))], beats=np.arange(10.0))
    view = note_view(heard, beat_grid(heard, 0.0, 9.0))
    places = place_notes(view, gaussian_scores(view))
    assert places == sorted(places)


def test_features_have_their_shapes_and_are_finite(make_heard) -> None:
    heard = make_heard([(0.0, 0.0, 60), (0.0, 9.0, 60), (3.0, 3.1, 127)], beats=[0.0, 0.5, 1.0], pedals=[(0.1, 0.2)])
    view = note_view(heard, beat_grid(heard, 0.0, 9.0))
    places, values = place_features(view), value_features(view, np.array([0.0, 0.0, 6.0]))
    assert places.shape == (3, NUM_PLACE_FEATURES)
    assert values.shape == (3, NUM_VALUE_FEATURES)
    assert np.isfinite(places).all()
    assert np.isfinite(values).all()


def test_long_recordings_are_scored_as_in_one_piece() -> None:
    torch.manual_seed(0)
    model = Quantiser(QuantiserConfig()).eval()
    features = np.random.default_rng(0).normal(size=(4500, NUM_PLACE_FEATURES)).astype(np.float32)
    slots, kinds = model.place_scores(features)
    with torch.inference_mode():
        whole = model.places(torch.from_numpy(features)[None])[0]
    assert np.allclose(slots, torch.log_softmax(whole[:, : len(SLOTS)].double(), -1).numpy(), atol=1e-4)
    assert np.allclose(np.exp(kinds).sum(axis=1), 1.0)


def test_weights_come_back_from_their_folder(tmp_path) -> None:
    torch.manual_seed(1)
    model = Quantiser(QuantiserConfig.tiny())
    model.save(tmp_path / "tiny", "card")
    back = Quantiser.load(tmp_path / "tiny")
    assert back.config == model.config
    for name, value in model.state_dict().items():
        assert torch.allclose(value, back.state_dict()[name], atol=1e-3)


def test_weights_of_other_tables_are_refused(tmp_path) -> None:
    model = Quantiser(QuantiserConfig.tiny())
    config = {"kind": "quantiser", **asdict(model.config)}
    save_checkpoint(tmp_path / "other", model.state_dict(), {**config, "num_values": 3}, "card")
    with pytest.raises(CheckpointError, match="expected num_values"):
        Quantiser.load(tmp_path / "other")
    save_checkpoint(tmp_path / "kind", model.state_dict(), {**config, "kind": "voices"}, "card")
    with pytest.raises(CheckpointError, match="expected the weights of a quantiser"):
        Quantiser.load(tmp_path / "kind")


def test_the_shipped_quantiser_is_small() -> None:
    model = Quantiser.load()
    assert sum(value.numel() for value in model.parameters()) * 2 < 2**20


def test_hands_part_where_they_are_far_apart() -> None:
    pitches = np.array([40, 47, 64, 67, 38, 45, 62, 65, 72])
    places = [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert upper_staff(places, pitches, plain_odds(pitches)).tolist() == [False, False, True, True, False, False, True, True, True]


def test_a_wide_chord_is_shared_by_two_hands() -> None:
    pitches = np.array([62, 69, 76, 83])  # all above middle C, no hand reaches them
    upper = upper_staff([0, 0, 0, 0], pitches, plain_odds(pitches))
    assert upper.any()
    assert not upper.all()


def scores_for(lengths: list[str]) -> np.ndarray:
    """Sure value scores."""
    scores = np.full((len(lengths), len(VALUES)), -8.0)
    for row, length in enumerate(lengths):
        scores[row, VALUES.index(Fraction(length))] = 0.0
    return scores


def test_a_held_note_under_a_tune_has_its_own_voice() -> None:
    onsets = [0, 0, QUARTER, 2 * QUARTER, 3 * QUARTER]
    found = voice_staff(onsets, [48, 72, 74, 76, 77], scores_for(["4", "1", "1", "1", "1"]), 4 * QUARTER)
    assert [note.voice for note in found] == [2, 1, 1, 1, 1]
    assert [note.duration_div // QUARTER for note in found] == [4, 1, 1, 1, 1]


def test_chords_of_one_length_stay_in_one_voice() -> None:
    found = voice_staff([0, 0, 0, QUARTER, QUARTER], [60, 64, 67, 62, 65], scores_for(["1"] * 5), 2 * QUARTER)
    assert {note.voice for note in found} == {1}


def test_voices_never_overlap_and_end_with_the_music() -> None:
    rng = np.random.default_rng(8)
    onsets = sorted(int(place) * QUARTER // 4 for place in rng.integers(0, 64, 200))
    pitches = rng.integers(40, 80, 200).tolist()
    end = 17 * QUARTER
    found = voice_staff(onsets, pitches, np.log(rng.dirichlet(np.ones(len(VALUES)) * 0.1, 200) + 1e-9), end)
    for voice in (1, 2):
        mine = [(onset, note) for onset, note in zip(onsets, found, strict=True) if note.voice == voice]
        spans = sorted({(onset, onset + note.duration_div) for onset, note in mine})
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert all(start < stop <= end for start, stop in spans)


@pytest.mark.parametrize("fifths", range(-6, 7))
def test_scales_tell_their_signature(fifths: int) -> None:
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72] * 8) + 7 * fifths % 12
    keys = find_keys(scale, np.ones(64), np.arange(64) // 8, np.arange(8) * 4)
    assert keys[["fifths", "mode"]].tolist() in ([(fifths, 1)], [(fifths - 12 if fifths > 0 else fifths + 12, 1)])


def test_a_lasting_change_of_key_is_written_once() -> None:
    bars = np.arange(640) // 8
    pitches = np.where(bars < 40, np.tile([60, 64, 67, 65, 69, 71, 62, 72], 80), np.tile([61, 65, 68, 66, 70, 72, 63, 73], 80))
    assert find_keys(pitches, np.ones(640), bars, np.arange(80) * 4)[["onset_div", "fifths"]].tolist() == [(0, 0), (160, -5)]


def test_dynamics_and_a_hairpin_between_them() -> None:
    beats = np.arange(40)
    velocities = np.concatenate([np.full(16, 49.0), np.linspace(49, 96, 8), np.full(16, 96.0)])
    marks = dynamic_marks(beats, velocities, QUARTER, 0)
    levels = [mark.text for mark in marks if mark.kind == "dynamics"]
    assert (levels[0], levels[-1]) == ("p", "f")
    wedges = [mark.text for mark in marks if mark.kind == "wedge"]
    assert wedges[:2] == ["crescendo", "stop"]


def test_pedals_stand_on_half_beats() -> None:
    marks = pedal_marks(np.array([0.05, 2.1, 5.0]), np.array([2.0, 4.0, 5.1]), QUARTER, 1, 6 * QUARTER)
    assert [(mark.onset_div // (QUARTER // 2), mark.text) for mark in marks] == [
        (0, "start"),
        (4, "stop"),
        (4, "start"),
        (8, "stop"),
    ]


def test_one_tempo_mark_a_section_and_words_for_less() -> None:
    rng = np.random.default_rng(5)
    tempos = np.concatenate([np.full(20, 72.0), np.full(20, 120.0), np.full(3, 80.0), np.full(8, 120.0), np.full(2, 70.0)])
    marks, words = tempo_marks(np.arange(53) * 4, tempos * 2 ** rng.normal(0, 0.04, 53))
    assert marks["onset_div"].tolist() == [0, 80]
    assert np.allclose(marks["quarters_per_minute"], [72, 120], rtol=0.04)
    assert [(mark.onset_div, mark.text) for mark in words] == [(160, "rit."), (172, "a tempo"), (204, "rit.")]
