"""Events and the network on them: exact features, laws, training that learns, chunks, refusals."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from compose.ordered_blocks import ordered_items_of
from compose.training import TrainingPlan
from corpora.errors import CheckpointError
from corpora.piece import MEASURE_DTYPE, NOTE_DTYPE, Part, Piece, Table
from render.perform import perform
from transcribe.beats import note_activations
from transcribe.beats.combining import with_beats
from transcribe.beats.note_activations import load_note_beats, save_note_beats, track_note_beats
from transcribe.beats.note_examples import BeatExample, beat_example, perform_freely, varied
from transcribe.beats.note_features import CHROMA, LAGS, LAGS_S, NUM_FEATURES, note_events
from transcribe.beats.note_model import METERS, PERIODS_S, NoteBeatConfig, NoteBeatModel
from transcribe.beats.train_note_beats import BLOCK, targets_of, train_note_beats, window_block, windows
from transcribe.heard import DRUMS, HEARD_DTYPE, HeardMusic


def waltz(bars: int = 24) -> Piece:
    """A bass note and two chords a bar, three quarters; the harmony changes every bar."""
    rows = []
    for bar in range(bars):
        root = (0, 5, 7, 0)[bar % 4]
        rows.append((36 * bar, 12, 36 + root))
        rows += [(36 * bar + beat, 8, 60 + (root + tone) % 12) for beat in (12, 24) for tone in (0, 4, 7)]
    notes = np.zeros(len(rows), dtype=NOTE_DTYPE)
    for name, column in zip(("onset_div", "duration_div", "pitch"), zip(*rows, strict=True), strict=True):
        notes[name] = column
    notes["velocity"], notes["id"] = 70, [f"n{index}" for index in range(len(rows))]
    measures = np.zeros(bars, dtype=MEASURE_DTYPE)
    measures["start_div"], measures["end_div"] = 36 * np.arange(bars), 36 * np.arange(1, bars + 1)
    measures["beats"], measures["beat_type"] = 3, 4
    return Piece(notes, 12, (Part("Piano"),), measures)


def heard(*rows: tuple[float, int]) -> Table:
    notes = np.zeros(len(rows), dtype=HEARD_DTYPE)
    notes["onset_s"], notes["pitch"] = zip(*rows, strict=True)
    notes["offset_s"], notes["velocity"] = notes["onset_s"] + 0.2, 80
    return notes


def test_notes_that_begin_together_are_one_event() -> None:
    events = note_events(heard((0.50, 60), (1.0, 64), (0.53, 48), (1.05, 67)))
    assert events.times_s == pytest.approx([0.515, 1.0, 1.05])
    chroma = events.features[:, CHROMA] > 0
    assert [np.flatnonzero(row).tolist() for row in chroma] == [[0], [4], [7]]


def test_at_another_tempo_the_same_notes_are_together() -> None:
    notes = heard((0.50, 60), (0.535, 48), (1.0, 64), (1.05, 67))
    slower, plain = note_events(notes, 1.33), note_events(notes)
    assert slower.times_s == pytest.approx(1.33 * plain.times_s)
    assert (slower.features[:, CHROMA] == plain.features[:, CHROMA]).all()
    assert notes["onset_s"][0] == 0.50  # as they were given


@pytest.mark.parametrize("stretch", [0.75, 1.15])
def test_what_is_said_of_a_beat_at_another_tempo_is_put_back(stretch: float) -> None:
    """A network that hears one period at all times: in the notes' own tempo it is as much shorter as they were made slower.

    So is the period for which it names another meter.
    """
    model = NoteBeatModel(NoteBeatConfig.tiny()).eval()
    with torch.no_grad():
        model.period_head.weight.zero_()
        model.period_head.bias.copy_(-((torch.arange(len(PERIODS_S)) - 20.0) ** 2))
        model.meter_head.weight.zero_()
        named = model.meter_head.bias.zero_().unflatten(0, (len(PERIODS_S), len(METERS)))
        named[:, METERS.index((4, 4))] = 5.0
        named[20, METERS.index((3, 4))] = 50.0
        notes = heard(*((0.5 * beat, 60) for beat in range(12)))
        said = note_activations._opinion(model, note_events(notes, stretch), stretch)
    shares = torch.softmax(said.periods[5], dim=-1).numpy()
    assert np.exp(shares @ np.log(PERIODS_S)) * stretch == pytest.approx(PERIODS_S[20], rel=0.02)
    likeliest = (said.meters / said.weights[:, None]).argmax(dim=-1)
    waltzes = PERIODS_S[(likeliest == METERS.index((3, 4))).numpy()]
    assert np.abs(np.log(waltzes * stretch / PERIODS_S[20])).max() < np.log(PERIODS_S[1] / PERIODS_S[0])


def test_what_is_said_of_beat_and_meter_together_adds_up_however_sure_the_network_is() -> None:
    model = NoteBeatModel(NoteBeatConfig.tiny()).eval()
    notes = heard(*((0.5 * beat, 60) for beat in range(12)))
    for certainty in (1.0, 1e4):
        with torch.no_grad():
            model.period_head.bias.copy_(-certainty * (torch.arange(len(PERIODS_S)) - 20.0) ** 2)
        tempo_meter = note_activations.note_activations(notes, 6.0, model).tempo_meter
        assert tempo_meter.shape == (len(PERIODS_S), len(METERS))
        assert np.isfinite(tempo_meter).all()
        assert np.exp(tempo_meter).sum() == pytest.approx(1.0, abs=1e-4)
        tracked = track_note_beats(notes, 6.0, model=model)
        assert len(tracked.beats) > 1


def test_what_begins_at_a_lag_is_seen_on_both_sides() -> None:
    notes = heard(*((0.5 * beat, 60) for beat in range(12)))
    lags = note_events(notes).features[5, LAGS]
    near = np.flatnonzero(np.abs(LAGS_S - 0.5) <= 0.06 * LAGS_S)
    away = np.flatnonzero(np.abs(LAGS_S - 0.7) <= 0.03 * LAGS_S)
    for start in (0, len(LAGS_S)):
        assert (lags[start + near] > 0).all()
        assert (lags[start + away] == 0).all()


def test_features_do_not_depend_on_order_start_or_key() -> None:
    notes = beat_example(perform(waltz(), seed=3)).notes
    events = note_events(notes)
    shuffled = note_events(np.random.default_rng(0).permutation(notes))
    assert shuffled.features == pytest.approx(events.features, abs=1e-5)
    later, higher = notes.copy(), notes.copy()
    later["onset_s"] += 100
    later["offset_s"] += 100
    assert note_events(later).features == pytest.approx(events.features, abs=1e-3)
    higher["pitch"] += 12
    assert note_events(higher).features[:, CHROMA] == pytest.approx(events.features[:, CHROMA])


def test_drums_have_no_pitch() -> None:
    notes = heard((0.0, 36), (0.5, 38), (1.0, 42))
    notes["family"] = DRUMS
    features = note_events(notes).features
    assert (features[:, CHROMA] == 0).all()
    assert len(note_events(notes[:0]).features) == 0
    assert note_events(notes[:0]).features.shape == (0, NUM_FEATURES)


def test_targets_are_the_events_on_beats() -> None:
    example = beat_example(perform(waltz(8), strengths={"all": 0.0}))
    events = note_events(example.notes)
    targets, meters, periods = targets_of(example, events.times_s)
    assert targets[:, 0].tolist() == [1.0] * 24
    assert periods[:-1].numpy() == pytest.approx(np.diff(example.beats["time_s"])[: len(periods) - 1], abs=1e-5)
    assert targets[:, 1].tolist() == [1.0, 0.0, 0.0] * 8
    assert set(meters.tolist()) == {2}  # 3/4


def test_variations_keep_beats_at_their_notes() -> None:
    example = perform_freely(waltz(), 5)
    for seed in range(6):
        other = varied(example, np.random.default_rng(seed))
        assert (np.diff(other.beats["time_s"]) > 0).all()
        assert (np.diff(other.notes["onset_s"]) >= 0).all()
        away = np.abs(other.notes["onset_s"][None] - other.beats["time_s"][:, None]).min(axis=1)
        assert np.median(away) < 0.06
        assert other.notes["velocity"].min() >= 1
        assert isinstance(other, BeatExample)


def test_blocks_of_windows_are_a_function_of_their_number() -> None:
    given = [perform_freely(waltz(60), 1), perform_freely(waltz(6), 2)], [1.0, 1.0]
    here = window_block(given, 5, seed=3, batch=2)
    other = window_block(given, 6, seed=3, batch=2)
    beside = ordered_items_of(given, partial(window_block, seed=3, batch=2), BLOCK, 5 * BLOCK + 1, workers=1)
    for one in here[1:]:
        assert torch.equal(one.features, next(beside).features)
    assert here[0].features.shape != other[0].features.shape or not torch.equal(here[0].features, other[0].features)


def test_windows_of_like_length_are_together() -> None:
    given = [perform_freely(waltz(60), 1), perform_freely(waltz(6), 2)], [1.0, 1.0]
    block = window_block(given, 0, seed=1, batch=4)
    lengths = sorted((batch.is_event.sum(dim=1) for batch in block), key=lambda found: int(found.max()))
    assert all(int(short.max()) <= int(longer.min()) for short, longer in pairwise(lengths))
    assert int(lengths[0].max()) < int(lengths[-1].min())


def test_training_learns_and_tracks_and_is_saved(tmp_path: Path) -> None:
    examples = [perform_freely(waltz(), seed) for seed in range(2)]
    plan = TrainingPlan(steps=70, learning_rate=4e-3, averaging=0.9)
    model, figures = train_note_beats(tmp_path / "run", examples, examples[:1], plan, config=NoteBeatConfig.tiny())
    assert figures["beat_nats"] < 0.4
    save_note_beats(tmp_path / "model", model, "card")
    loaded = load_note_beats(str(tmp_path / "model"))
    example = beat_example(perform(waltz(), seed=9))
    tracked = track_note_beats(example.notes, example.duration_s, model=loaded)
    assert (tracked.beats_per_bar, tracked.beat_type) == (3, 4)
    found = tracked.beats["time_s"][tracked.beats["number"] == 1]
    downbeats = example.beats["time_s"][example.beats["number"] == 1]
    assert np.abs(found[:, None] - downbeats).min(axis=0).max() < 0.07


def test_music_gets_the_beats_of_the_network_that_is_asked() -> None:
    torch.manual_seed(0)
    untrained = NoteBeatModel(NoteBeatConfig.tiny()).eval()
    example = beat_example(perform(waltz(), seed=9))
    music = HeardMusic(example.notes, example.duration_s)
    found = [with_beats(music, model=model).beats.tolist() for model in (untrained, None)]
    assert found == [track_note_beats(music.notes, music.duration_s, model=model).beats.tolist() for model in (untrained, None)]
    assert found[0] != found[1]


def test_what_fills_rows_up_changes_nothing() -> None:
    torch.manual_seed(0)
    model = NoteBeatModel(NoteBeatConfig.tiny()).eval()
    batch = next(windows([perform_freely(waltz(60), 1), perform_freely(waltz(6), 2)], np.random.default_rng(0), [1.0, 1.0]))
    together = model(batch.features, batch.times_s, batch.is_event)
    assert not batch.is_event.all()
    for row, there in enumerate(batch.is_event):
        alone = model(batch.features[row, there][None], batch.times_s[row, there][None])
        for one, other in zip(alone, together, strict=True):
            assert one[0].detach().numpy() == pytest.approx(other[row, there].detach().numpy(), abs=1e-4)


def test_only_distances_in_time_count() -> None:
    torch.manual_seed(0)
    model = NoteBeatModel(NoteBeatConfig.tiny()).eval()
    features, times_s = torch.randn(1, 30, NUM_FEATURES), torch.cumsum(torch.rand(1, 30), dim=1)
    here, later = model(features, times_s), model(features, times_s + 11.0)
    slower = model(features, 2 * times_s)
    assert here.beats.detach().numpy() == pytest.approx(later.beats.detach().numpy(), abs=1e-4)
    assert (here.beats - slower.beats).abs().max() > 1e-3


@pytest.mark.parametrize("duration_s", [3.0, 44.0, 46.0, 100.0, 500.0])
def test_every_event_is_answered_for_once(duration_s: float) -> None:
    rng = np.random.default_rng(1)
    times_s = np.sort(rng.uniform(0.0, duration_s, 80))
    times_s[40:] += 70 * (duration_s > 400)  # a rest longer than a window
    answered = []
    for seen, own in note_activations._windows(times_s):
        assert seen.start <= own.start < own.stop <= seen.stop
        answered += list(range(own.start, own.stop))
    assert answered == list(range(80))


def test_no_notes_are_no_beats() -> None:
    model = NoteBeatModel(NoteBeatConfig.tiny()).eval()
    tracked = track_note_beats(np.zeros(0, dtype=HEARD_DTYPE), 12.0, model=model)
    assert len(tracked.beats) == 0


def test_other_weights_are_refused() -> None:
    with pytest.raises(CheckpointError, match="expected a model of note beats, got one of 'voices'"):
        load_note_beats("voices")
    with pytest.raises(CheckpointError, match="expected sizes above 0"):
        NoteBeatConfig(embed_dim=0)
    with pytest.raises(CheckpointError, match="unexpected keyword argument 'width'"):
        NoteBeatConfig.from_dict({"width": 3})
