"""Training and writing see the same: a model's likelihood of an example is what its scorer says while the example is written."""

import numpy as np
import pytest
import torch

from compose.canvas import Canvas, Note, Region
from compose.measured_examples import Question, collate, make_example, piece_notes, transpose
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.measured_scorer import MeasuredScorer
from compose.measured_step import MeasuredStep
from compose.request import make_canvas
from compose.vocabulary.bars import chunks
from compose.vocabulary.base import Meaning
from compose.vocabulary.measured_fields import CHUNK_STEPS, duration_class
from compose.writers.measured import MeasuredWriter
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, NOTE_DTYPE, TEMPO_DTYPE, Part, Piece, sort_notes

FIELD_OF = {Meaning.ONSET: "next", Meaning.LANE: "lane", Meaning.PITCH: "pitch", Meaning.DURATION: "duration"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(5)
    built = MeasuredModel(MeasuredModelConfig.tiny()).eval()
    with torch.no_grad():  # far from uniform, so that a wrong feature shows
        for parameter in built.parameters():
            parameter.mul_(2.0)
    return built


@pytest.fixture(scope="module")
def odd_piece():
    """A pickup, 3/4 then 6/8, a key and a tempo change inside bars, a bar of nine quarters, ties, chords, grace notes."""
    bounds = [(0, 24, 3, 4), (24, 96, 3, 4), (96, 168, 6, 8), (168, 384, 9, 4), (384, 456, 3, 4), (456, 528, 3, 4)]
    measures = np.zeros(len(bounds), dtype=MEASURE_DTYPE)
    for index, (start, end, beats, beat_type) in enumerate(bounds):
        measures[index] = (start, end, str(index), beats, beat_type)
    rng = np.random.default_rng(3)
    rows, free = [], [0, 0, 0]
    for onset in range(0, 528, 6):
        for lane in range(3):
            if onset >= free[lane] and rng.random() < 0.7:
                length = int(rng.choice([6, 12, 24, 30, 72]))
                for pitch in {int(p) for p in rng.integers(50 + 5 * (2 - lane), 75, size=rng.integers(1, 3))}:
                    rows.append((onset, min(length, 528 - onset), pitch, 80, lane, 1, f"n{len(rows)}", 0))
                free[lane] = onset + length
    rows.append((24, 0, 60, 80, 0, 1, "grace", 0))
    return Piece(
        sort_notes(np.array(rows, dtype=NOTE_DTYPE)),
        24,
        (Part("Violin", program=40), Part("Viola", program=41), Part("Kit", is_drum=True)),
        measures,
        np.array([(0, 96.0), (120, 132.0)], dtype=TEMPO_DTYPE),
        np.array([(0, 1, 1), (60, -2, 1)], dtype=KEY_DTYPE),
    )


def _region(piece: Piece, question: Question) -> Region:
    bars = chunks(piece)
    tick = piece.divs_per_quarter // 24
    end = bars[question.last - 1].start + bars[question.last - 1].length
    return Region(bars[question.first].start * tick, end * tick, question.lanes)


def _answers(writer: MeasuredWriter, truth: list[Note], tick: int):
    """Ids that make the writer write these notes (steps), one by one, bar ends included."""
    index = 0
    while (slot := writer.slot()) is not None:
        chunk = writer.stream.chunk
        note = truth[index] if index < len(truth) else None
        if slot.meaning is Meaning.ONSET:
            inside = note is not None and note.onset < chunk.start + chunk.length
            token = note.onset - chunk.start if inside else writer.leave
        elif slot.meaning is Meaning.LANE:
            token = 1 + note.lane
        elif slot.meaning is Meaning.PITCH:
            token = 1 + note.pitch
        else:
            token = int(duration_class(np.array([note.duration]))[0])
            index += 1
        yield slot, token
    assert index == len(truth)


def _forced(
    model: MeasuredModel, canvas: Canvas, truth: list[Note], rng: np.random.Generator | None, cached: bool = True, **sizes: int
):
    """The scorer's nats by field while the truth is written, with detours taken back where ``rng`` says."""
    writer = MeasuredWriter(canvas, ())
    scorer = MeasuredScorer(MeasuredStep(model, **sizes), writer, cached=cached)
    nats: dict[str, list[float]] = {name: [] for name in FIELD_OF.values()}
    for slot, token in _answers(writer, truth, canvas.ticks_per_step):
        if rng is not None and rng.random() < 0.2:
            depth = writer.depth
            for _ in range(int(rng.integers(1, 9))):
                detour = writer.slot()
                if detour is None:
                    break
                scorer.logits(detour)
                choices = [c for c in np.flatnonzero(detour.mask) if writer.admits(int(c))]
                if not choices:
                    break
                writer.push(int(rng.choice(choices)))
            if writer.depth > depth:
                writer.rewind(depth)
        logits = torch.from_numpy(scorer.logits(slot))
        nats[FIELD_OF[slot.meaning]].append(float(-logits.log_softmax(-1)[token]))
        assert slot.mask[token], (slot.meaning, token)
        writer.push(token)
    return nats


def _trained(model: MeasuredModel, piece: Piece, question: Question):
    example = make_example(piece.parts, chunks(piece), piece_notes(piece), question)
    rows, decisions = collate([example])
    with torch.no_grad():
        values = model.nats(rows, decisions)
    is_note = decisions.targets[:, 1] > 0
    return {name: (value if name == "next" else value[is_note]).tolist() for name, value in values.items()}


def _hidden(piece: Piece, question: Question) -> list[Note]:
    region, tick = _region(piece, question), piece.divs_per_quarter // 24
    start, end = region.start // tick, region.end // tick
    return [n for n in piece_notes(piece) if n.lane in question.lanes and start <= n.onset < end and n.end <= end]


def _check_parity(model, piece, question, rng=None, cached=True, **sizes):
    canvas, _ = make_canvas(piece, _region(piece, question), piece.notes["id"][piece.notes["duration_div"] == 0].tolist())
    forced = _forced(model, canvas, _hidden(piece, question), rng, cached, **sizes)
    trained = _trained(model, piece, question)
    for name, expected in trained.items():
        assert len(forced[name]) == len(expected) > 0, name
        np.testing.assert_allclose(forced[name], expected, atol=1e-4, err_msg=name)


QUESTIONS = [((1, 2), 0, 2), ((0, 1, 2, 3), 5, 6), ((3,), 10, None), ((0, 2), 9, 11)]


@pytest.mark.parametrize(("lanes", "first", "last"), QUESTIONS)
def test_forced_writing_of_chorales_gives_the_nats_of_training(model, chorales, lanes, first, last):
    piece = chorales[first % len(chorales)]
    _check_parity(model, piece, Question(lanes, first, last or len(chunks(piece))))


def test_nats_survive_detours_and_rewinds(model, chorales, rng):
    _check_parity(model, chorales[2], Question((1, 3), 3, 5), rng)


def test_nats_are_the_same_without_cache_and_in_fused_attention(model, chorales, monkeypatch):
    _check_parity(model, chorales[4], Question((2,), 10, 12), cached=False)
    monkeypatch.setattr(model.transformer, "backend", "sdpa")
    _check_parity(model, chorales[4], Question((2,), 10, 12))


def test_a_long_region_has_the_nats_of_training_in_a_sliding_context(model, chorales, slide_context):
    """The header and the last steps are seen, whatever was read at once and however often writing went back."""
    piece, question = chorales[3], Question((2,), 1, 10)
    sizes = {"context": model.config.transformer.max_distance, "block": 16}
    whole = _trained(model, piece, question)
    slide_context(1 + len(piece.parts), sizes["context"], sizes["block"])
    _check_parity(model, piece, question, **sizes)
    _check_parity(model, piece, question, np.random.default_rng(1), **sizes)
    slid = _trained(model, piece, question)
    assert max(abs(a - b) for a, b in zip(whole["pitch"], slid["pitch"], strict=True)) > 1e-3  # it does see less


@pytest.mark.parametrize(("lanes", "first", "last"), [((0,), 0, 4), ((1, 2), 2, 6), ((0, 1, 2), 4, 9), ((2,), 0, None)])
def test_forced_writing_of_odd_bars_gives_the_nats_of_training(model, odd_piece, lanes, first, last):
    """Chunks, not bars, are counted here: changes inside a bar cut it."""
    assert len(chunks(odd_piece)) == 9
    _check_parity(model, odd_piece, Question(lanes, first, last or 9))


def test_nats_are_the_sum_of_single_streams(model, chorales):
    """Padding at the end and neighbours in the batch change nothing."""
    questions = [Question((1,), 2, 5), Question((0, 3), 6, 10), Question((2,), 0, 12)]
    examples = [make_example(p.parts, chunks(p), piece_notes(p), q) for p, q in zip(chorales, questions, strict=False)]
    with torch.no_grad():
        together = model.nats(*collate(examples))
        apart = [model.nats(*collate([example])) for example in examples]
    for name, values in together.items():
        torch.testing.assert_close(values, torch.cat([one[name] for one in apart]), atol=1e-4, rtol=1e-4)


def test_transposing_there_and_back_gives_the_same_nats(model, chorales):
    piece = chorales[0]
    example = make_example(piece.parts, chunks(piece), piece_notes(piece), Question((1,), 2, 6))
    with torch.no_grad():
        same = model.nats(*collate([transpose(transpose(example, 3), -3)]))["pitch"]
        other = model.nats(*collate([transpose(example, 3)]))["pitch"]
        plain = model.nats(*collate([example]))["pitch"]
    torch.testing.assert_close(same, plain)
    assert not torch.allclose(other, plain, atol=1e-3)


def test_lane_and_later_fields_are_zero_where_the_step_is_no_note(model, chorales):
    piece = chorales[0]
    rows, decisions = collate([make_example(piece.parts, chunks(piece), piece_notes(piece), Question((1,), 2, 6))])
    values = model.nats(rows, decisions)
    bar_lines = decisions.targets[:, 0] >= CHUNK_STEPS
    assert bar_lines.any()
    for name in ("lane", "pitch", "duration"):
        assert (values[name][bar_lines] == 0).all()
        assert (values[name][~bar_lines] > 0).all()


def test_config_round_trips_and_refuses_unknown_keys():
    config = MeasuredModelConfig.tiny()
    assert MeasuredModelConfig.from_dict(config.to_dict()) == config
    with pytest.raises(TypeError, match="surprise"):
        MeasuredModelConfig.from_dict({**config.to_dict(), "surprise": 1})


def test_a_tiny_model_learns_an_example_by_heart(chorales):
    """Training takes most of the way; a broken gradient takes none."""
    torch.manual_seed(0)
    piece = chorales[0]
    batch = collate([make_example(piece.parts, chunks(piece), piece_notes(piece), Question((1,), 4, 8))])
    model = MeasuredModel(MeasuredModelConfig.tiny()).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(25):
        loss = sum(values.sum() for values in model.nats(*batch).values()) / len(batch[1].place)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]
