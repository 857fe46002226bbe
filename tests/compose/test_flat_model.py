"""Flat models: they learn, what they read is causal, single steps give torch's numbers, and requests are served."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from compose.anticipation_scorer import AnticipationScorer
from compose.flat_layouts import LAYOUTS, NOT_DECIDED, AnticipationLayout, RemiLayout
from compose.flat_model import FlatModel, FlatModelConfig
from compose.flat_step import FlatStep
from compose.infilling import Request, continue_piece, infill
from compose.interleave import DELTA_TICKS, insert_rests, interleave
from compose.models import FlatComposer, load_model, save_model
from compose.performance_scorer import PerformanceScorer
from compose.remi_scorer import CONTEXT_BARS, RemiScorer
from compose.request import always_on
from compose.sampler import SamplerSettings, write
from compose.train_flat import as_batch, event_nats
from compose.vocabulary.anticipation import Anticipation, piece_to_events
from compose.vocabulary.anticipation_grammar import AnticipationGrammar
from compose.vocabulary.arrival import CONTROL_OFFSET, SEPARATOR, read_triples
from compose.vocabulary.arrival_windows import windows
from compose.vocabulary.performance import Performance, PerformanceGrammar
from compose.vocabulary.registry import build_vocabulary
from compose.vocabulary.remi import PROGRAM, Remi, RemiGrammar
from compose.writers.anticipation import AnticipationWriter
from compose.writers.performance import PerformanceWriter
from compose.writers.remi import RemiWriter
from corpora.datasets.chorales import chorale_files
from corpora.files import read_piece

VOCABULARIES = sorted(LAYOUTS)


def tiny(vocabulary, seed=0):
    """A small model whose weights are far from their start, so that what it says depends on all it reads."""
    torch.manual_seed(seed)
    model = FlatModel(FlatModelConfig.tiny(vocabulary), backend="sdpa").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    return model


def streams(vocabulary, pieces):
    """Some bars of pieces as windows of ids."""
    if vocabulary != "anticipation":
        return [build_vocabulary(vocabulary).encode(piece).tokens.ids[:180] for piece in pieces]
    events = (piece_to_events(piece)[0] for piece in pieces)
    return [windows(insert_rests(table[:60]))[0].ids for table in events]


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_a_few_bars_are_learnt_by_heart(vocabulary, chorales):
    torch.manual_seed(1)
    model = FlatModel(FlatModelConfig.tiny(vocabulary), backend="sdpa")
    batch = as_batch(model.layout, [ids[:61] for ids in streams(vocabulary, chorales[:1])])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = float(event_nats(model, batch).detach())
    for _ in range(150):
        loss = event_nats(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert first > 8
    assert float(loss.detach()) < 1.5


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_what_is_read_depends_on_the_past_alone(vocabulary, chorales, rng):
    layout = LAYOUTS[vocabulary]
    (ids,) = streams(vocabulary, chorales[:1])
    whole = layout.read(ids)
    for place in rng.choice(len(ids), size=20, replace=False).tolist():
        part = layout.read(ids[: place + 1])
        np.testing.assert_array_equal(part.inputs, whole.inputs[: place + 1])
        np.testing.assert_array_equal(part.targets, whole.targets[: place + 1])
    assert (whole.inputs >= 0).all()
    assert (whole.inputs < layout.columns).all()
    assert (whole.targets < layout.fields).all()
    assert len(layout.names) == len(layout.fields)


def test_anticipation_says_the_triples_and_decides_events_alone(long_piece):
    events = piece_to_events(long_piece)[0][:80]
    stream, _ = interleave(insert_rests(events[::2]), events[1::2], DELTA_TICKS)
    (window, *_) = windows(stream)
    (table,) = read_triples(window.ids)
    targets = AnticipationLayout.read(window.ids).targets
    decided = targets[1:].reshape(-1, 3, 4)
    assert ((decided == NOT_DECIDED).all(axis=(1, 2)) == table["control"]).all()
    plain = decided[~table["control"]]
    kept = table[~table["control"]]
    np.testing.assert_array_equal(np.cumsum(plain[:, 0, 0]), kept["onset_tick"])
    np.testing.assert_array_equal(plain[:, 1, 1], kept["duration_tick"])
    sounding = plain[:, 2, 2] != AnticipationLayout.rest
    np.testing.assert_array_equal((128 * plain[:, 2, 2] + plain[:, 2, 3])[sounding], kept["note"][sounding])
    assert (plain[~sounding, 2, 3] == NOT_DECIDED).all()


def test_the_clock_begins_anew_behind_a_separator():
    ids = np.array([55026, 700, 10010, 11060, SEPARATOR, SEPARATOR, SEPARATOR, 40, 10010, 11060])
    assert AnticipationLayout.read(ids).targets[[1, 7], 0].tolist() == [700, 40]


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_single_steps_give_the_numbers_of_torch(vocabulary, chorales):
    model = tiny(vocabulary)
    step = FlatStep(model)
    (ids,) = streams(vocabulary, chorales[:1])
    columns = model.layout.read(ids)
    inputs, targets = as_batch(model.layout, [ids])
    with torch.no_grad():
        nats = model.nats(inputs, targets)[0].numpy()
    stream = step.stream()
    states = np.concatenate([stream.read(step.embed(columns.inputs[:50])), stream.read(step.embed(columns.inputs[50:]))])
    for place in range(1, len(ids)):
        for field in np.flatnonzero(columns.targets[place] != NOT_DECIDED).tolist():
            decided = columns.targets[place, :field].tolist()
            found = step.log_probabilities(field, states[place - 1], decided)[columns.targets[place, field]]
            assert found == pytest.approx(-nats[place, field], abs=2e-4)


WORK = {
    "anticipation": (AnticipationWriter, AnticipationScorer),
    "performance": (PerformanceWriter, PerformanceScorer),
    "remi": (RemiWriter, RemiScorer),
}


def open_scorer(model, canvas, cached=True):
    writer_type, scorer_type = WORK[model.config.vocabulary]
    writer = writer_type(canvas, always_on(canvas, canvas.ticks_per_div))
    return writer, scorer_type(FlatStep(model), writer, cached)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_cached_and_uncached_write_the_same(vocabulary, chorales, open_canvas):
    model, found = tiny(vocabulary), []
    for cached in (True, False):
        canvas = open_canvas(chorales[2], (1, 2), 3, 5)
        done = write(*open_scorer(model, canvas, cached), SamplerSettings(temperature=1.0), seed=5)
        found.append((canvas.written, done.decisions, round(done.log_likelihood, 2)))
    assert found[0][0]
    assert found[0] == found[1]


def test_the_stream_is_of_the_grammar_and_holds_every_note_that_is_known(chorales, open_canvas):
    canvas = open_canvas(chorales[0], (1, 3), 4, 6)
    writer, scorer = open_scorer(tiny("anticipation"), canvas)
    write(writer, scorer, SamplerSettings(temperature=1.0), seed=2)
    end = int(scorer._clocks([canvas.region.end])[0])
    ids, _ = scorer.window(end)
    grammar = AnticipationGrammar()
    grammar.push_all(ids)
    assert grammar.may_end
    notes = Anticipation().decode(ids).notes
    known = sum(note.onset < canvas.region.end + 1 for note in canvas.fixed) + len(canvas.written)
    assert len(notes) >= known  # and what begins up to five seconds later
    (table,) = read_triples(ids)
    assert set((table["note"][table["control"]] // 128).tolist()) == {canvas.piece.parts[0].program}


def test_a_performance_is_of_the_grammar_and_holds_what_is_known(chorales, open_canvas):
    canvas = open_canvas(chorales[0], (1, 3), 4, 6)
    writer, scorer = open_scorer(tiny("performance"), canvas)
    write(writer, scorer, SamplerSettings(temperature=1.0), seed=2)
    writer.clock = writer.end
    ids = scorer.stream()
    PerformanceGrammar().push_all(ids)
    notes = Performance().decode(ids).notes
    end = canvas.region.end
    known = [note for note in (*canvas.fixed, *canvas.written) if note.duration and note.onset <= end]
    starts = sorted((writer.clock_of(note.onset) - scorer._base, note.pitch) for note in known)
    assert sorted(zip(notes["onset_div"].tolist(), notes["pitch"].tolist(), strict=True)) == starts
    lengths = sorted(writer.clock_of(note.end) - writer.clock_of(note.onset) for note in known if note.end <= end)
    ended = notes["duration_div"][notes["onset_div"] + notes["duration_div"] <= writer.end - scorer._base]
    assert not Counter(lengths) - Counter(ended.tolist())


def test_a_remi_stream_is_of_the_grammar_and_holds_what_is_known(chorales, open_canvas):
    canvas = open_canvas(chorales[0], (1, 3), 4, 6)
    writer, scorer = open_scorer(tiny("remi"), canvas)
    write(writer, scorer, SamplerSettings(temperature=1.0), seed=2)
    ids = scorer.stream()
    grammar = RemiGrammar()
    grammar.push_all(ids)
    first = writer.bars[max(writer.bar - CONTEXT_BARS, 0)].start
    here = writer.bars[writer.bar].start + writer.place
    tick = canvas.ticks_per_step
    known = [n for n in (*canvas.fixed, *canvas.written) if n.duration and first * tick <= n.onset <= here * tick]
    notes = Remi().decode(ids).notes if grammar.may_end else Remi().decode(ids[:-1]).notes
    expected = Counter((note.onset // tick - first, note.pitch, note.duration // tick) for note in known)
    assert Counter(zip(*(notes[name].tolist() for name in ("onset_div", "pitch", "duration_div")), strict=True)) == expected
    assert len(canvas.written) > 0
    assert (ids[ids >= PROGRAM] < RemiLayout.fields[0]).all()


def test_a_control_says_nothing_before_its_place(chorales, open_canvas):
    """Another pitch of a kept note changes nothing before the stopping rule brings it, and something from there on."""
    model = tiny("anticipation")
    before = open_canvas(chorales[0], (1,), 2, 5)
    late = next(n for n in before.fixed if n.lane == 0 and n.onset >= before.region.end)
    piece = chorales[0]
    notes = piece.notes.copy()
    chosen = (notes["onset_div"] * before.ticks_per_div == late.onset) & (notes["part"] == 0)
    assert chosen.sum() == 1
    notes["pitch"][chosen] += 1
    after = open_canvas(piece.with_notes(notes), (1,), 2, 5)
    (_, scorer), (_, other) = open_scorer(model, before), open_scorer(model, after)
    place = int(scorer._clocks([late.onset])[0])
    early = place - DELTA_TICKS - 1
    assert early > scorer._start  # the region is longer than five seconds
    np.testing.assert_array_equal(scorer.window(early)[0], other.window(early)[0])
    ids = scorer.window(place)[0]
    assert (ids != other.window(place)[0]).sum() == 1
    changed = int(np.flatnonzero(ids != other.window(place)[0])[0])
    assert ids[changed] >= CONTROL_OFFSET
    one, two = scorer._reader.states(ids), other._reader.states(other.window(place)[0])
    np.testing.assert_array_equal(one[:changed], two[:changed])
    assert not np.allclose(one[changed], two[changed])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("flat")
    for vocabulary in VOCABULARIES:
        save_model(where / vocabulary, tiny(vocabulary, seed=3), "A random model.")
    return where


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_checkpoints_serve_infill_and_continue(vocabulary, folder):
    piece = read_piece(next(path for path in chorale_files("train") if path.stem == "bwv101.7"))
    name = str(folder / vocabulary)
    assert isinstance(load_model(name), FlatComposer)
    wishes = ("scale: G major", "grid: 1/8", "range: C3-E5", "density: 1-2 per beat")
    (answer,) = infill(Request(piece, "#5-#6", ("Alto", "Tenor"), wishes, name, seed=7))
    assert answer.holds
    assert len(answer.added) >= 8
    assert answer.log_likelihood < 0
    (again,) = infill(Request(piece, "#5-#6", ("Alto", "Tenor"), wishes, name, seed=7))
    assert again.piece.source.data == answer.piece.source.data
    (longer,) = continue_piece(piece, 1, constraints=("grid: 1/4",), model=name, seed=1)
    assert longer.holds


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_each_variation_is_what_its_seed_gives_alone(vocabulary, folder):
    piece = read_piece(next(path for path in chorale_files("train") if path.stem == "bwv101.7"))
    request = Request(piece, "#5", ("Alto",), ("grid: 1/8", "range: C3-E5"), str(folder / vocabulary), seed=7, count=3)
    for answer in infill(request):
        (alone,) = infill(replace(request, seed=answer.seed, count=1))
        assert alone.piece.source.data == answer.piece.source.data
        assert alone.log_likelihood == pytest.approx(answer.log_likelihood, abs=1e-6)
