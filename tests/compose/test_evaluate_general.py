import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

import compose.evaluate_general
import compose.evaluation_tasks
import partimento
from compose.evaluate_general import evaluate_compose
from compose.evaluation_floors import Passages, copied_bars, place_in_bar
from compose.evaluation_nats import KNOWLEDGE, nats_after, nats_of_region
from compose.evaluation_tables import compose_sections, markdown
from compose.evaluation_tasks import DRUMS, Task, make_drums_task, make_tasks
from compose.measured_examples import Question, make_example
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.models import MeasuredComposer
from compose.request import find_region, make_canvas
from compose.step_scores import StepScore
from compose.vocabulary.measured import LANE, NEXT, PITCH, PLACE
from compose.vocabulary.measured_fields import BAR, CONTROL
from corpora.errors import RequestError
from corpora.piece import Part

TENOR = 2


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MeasuredModel(MeasuredModelConfig.tiny()).eval()


def task_of(piece, first, last, lanes=(TENOR,), name="inner voice"):
    return Task(name, "chorales", piece, first, last, lanes)


def canvas_of(task):
    return make_canvas(task.piece, find_region(task.piece, task.region, task.lanes))[0]


def changed(piece, chosen, semitones=1):
    notes = piece.notes.copy()
    notes["pitch"][chosen] += semitones
    return replace(piece, notes=notes)


def bar_start(piece, bar):
    return int(piece.measures["start_div"][bar])


def test_without_delta_a_control_comes_when_its_time_is_reached(chorales):
    score = StepScore.of(chorales[0])
    notes = score.window(0, 10**9)
    early, late = (make_example(score.parts, score.bars, notes, Question((TENOR,), 2, 4, 0), delta) for delta in (192, 0))
    bars, ahead = -1, {192: 0, 0: 0}
    for delta, example in ((192, early), (0, late)):
        now, bars = 0, -1
        for row in example.rows:
            if row[NEXT] == BAR:
                bars += 1
                now = score.bars[bars].start
            elif row[NEXT] == CONTROL and row[PITCH] and row[LANE]:
                start = score.bars[bars + row[6] - 1].start + row[PLACE] - 1
                ahead[delta] = max(ahead[delta], start - now)
                assert start <= now + delta
            elif row[LANE] and row[PITCH]:
                now = score.bars[bars].start + row[NEXT]
    assert ahead[192] > 96
    assert ahead[0] == 0
    assert len(early.places) == len(late.places)


def test_what_is_known_of_the_surroundings(chorales, model):
    piece = chorales[0]
    task = task_of(piece, 2, 4)
    onset, part = piece.notes["onset_div"], piece.notes["part"]
    end = bar_start(piece, 4)
    inside = (onset >= bar_start(piece, 2)) & (onset < end) & (part != TENOR)
    later = (onset >= end) & (onset < bar_start(piece, 5))
    before = onset < bar_start(piece, 2)
    seen = {}
    for name, notes in (("before", before), ("inside", inside), ("later", later)):
        other = task_of(changed(piece, notes), 2, 4)
        for knowledge in KNOWLEDGE:
            seen[knowledge, name] = nats_of_region(model, task, knowledge) != nats_of_region(model, other, knowledge)
    assert [name for (knowledge, name), yes in seen.items() if knowledge == "with_controls" and yes] == [
        "before",
        "inside",
        "later",
    ]
    assert [name for (knowledge, name), yes in seen.items() if knowledge == "backfill" and yes] == ["before", "inside"]
    assert [name for (knowledge, name), yes in seen.items() if knowledge == "delta_0" and yes] == ["before", "inside"]
    assert [name for (knowledge, name), yes in seen.items() if knowledge == "without" and yes] == ["before"]
    counts = {nats_of_region(model, task, knowledge).notes for knowledge in KNOWLEDGE}
    assert counts == {int((inside_lane := (onset >= bar_start(piece, 2)) & (onset < end) & (part == TENOR)).sum())}
    assert inside_lane.any()


def test_the_bar_after_depends_on_the_filling_alone(chorales, model):
    piece = chorales[0]
    task = task_of(piece, 2, 4)
    canvas = canvas_of(task)
    found = nats_after(model, task, canvas, canvas.removed)
    onset, part = piece.notes["onset_div"], piece.notes["part"]
    after = (onset >= bar_start(piece, 4)) & (onset < bar_start(piece, 5))
    assert found.notes == int((after & (part == TENOR)).sum())
    assert nats_after(model, task, canvas, [n._replace(pitch=n.pitch + 1) for n in canvas.removed]).nats != found.nats
    further = task_of(changed(piece, onset >= bar_start(piece, 5)), 2, 4)
    assert nats_after(model, further, canvas_of(further), canvas.removed) == found
    last = task_of(piece, len(piece.measures) - 2, len(piece.measures))
    assert nats_after(model, last, canvas_of(last), []) is None


def test_copied_bars_come_from_before_or_else_from_after(build_piece):
    piece = build_piece([(bar * 96, 96, 60 + bar, 0) for bar in range(6)])
    later, first = task_of(piece, 2, 4, (0,)), task_of(piece, 0, 2, (0,))
    assert [(n.onset, n.pitch) for n in copied_bars(later, canvas_of(later))] == [(192, 60), (288, 61)]
    assert [(n.onset, n.pitch) for n in copied_bars(first, canvas_of(first))] == [(0, 62), (96, 63)]
    assert place_in_bar(later, canvas_of(later))(288 + 7) == 7


def test_retrieval_finds_the_passage_of_the_same_rhythm_in_the_key_around(build_piece):
    chord = (0, 4, 7, 12)
    tune = [(at, 24, 60 + chord[at // 24 % 4], 0) for at in range(0, 12 * 96, 24)]
    piece = build_piece([*tune, *((at, 96, 48, 1) for at in range(0, 12 * 96, 96))], (Part("A"), Part("B")))
    task = task_of(piece, 4, 8, (0,))
    quarters = build_piece([(at, 24, 91 - chord[at // 24 % 4], 0) for at in range(0, 4 * 96 - 24, 24)])  # minor, upside down
    other_quarters = build_piece([(at, 24, 43 + chord[at // 24 % 4], 0) for at in range(0, 4 * 96 - 24, 24)])
    eighths = build_piece([(at, 12, 60 + chord[at // 24 % 4], 0) for at in range(0, 4 * 96 - 24, 12)])
    found = Passages([eighths, quarters, other_quarters]).fitting(task, canvas_of(task))
    assert [(n.onset, n.duration) for n in found] == [(4 * 96 + at, 24) for at in range(0, 4 * 96 - 24, 24)]
    assert [n.pitch for n in found] == [60 + chord[at % 4] for at in range(15)]  # from 43 to the key, and to where the lane was
    three = task_of(piece, 4, 7, (0,))
    assert Passages([quarters]).fitting(three, canvas_of(three)) is None
    waltz = replace(quarters, measures=quarters.measures.copy())
    waltz.measures["beats"] = 3
    assert Passages([waltz]).fitting(task, canvas_of(task)) is None


def test_drums_are_laid_under_a_piece_and_hidden(chorales, rng):
    task = make_drums_task("chorales", chorales[0], rng)
    assert task.name == DRUMS
    assert task.lanes == (4,)
    assert task.piece.parts[4].is_drum
    mine = task.piece.notes["part"] < 4
    assert np.array_equal(task.piece.notes[mine], chorales[0].notes)
    assert len(canvas_of(task).removed) >= 4
    assert not any(4 in other.lanes for other in make_tasks("chorales", task.piece, rng))


@pytest.fixture(scope="module")
def of_chorales(chorales, model):
    """The evaluation asks one short task of each of three kinds, twice."""
    with pytest.MonkeyPatch.context() as patch:
        room = compose.evaluate_general
        patch.setattr(room, "held_out", lambda pieces, seed: iter([("chorales", piece) for piece in chorales[:pieces]]))
        patch.setattr(room, "load_model", lambda name: MeasuredComposer(name, model))
        patch.setattr(room, "TASKS", ("inner voice", "rhythm kept", DRUMS))
        patch.setattr(room, "VARIATIONS", 2)
        patch.setattr(compose.evaluation_tasks, "TASK_BARS", 2)
        yield


@pytest.fixture(scope="module")
def measured(of_chorales):
    said = []
    return evaluate_compose("tiny", pieces=1, say=said.append), said


@pytest.mark.usefixtures("of_chorales")
def test_the_same_arguments_give_the_same_figures(measured):
    first, said = measured
    figures, again = deepcopy(first), evaluate_compose("tiny", pieces=1)
    for found in (figures, again):
        del found["processor_seconds"]
        for row in found["tasks"].values():
            assert row["satisfied"] == row["tasks"] == 1
            assert row.pop("notes_per_second") > 0
    assert figures == again
    assert list(figures["tasks"]) == ["inner voice", "rhythm kept", DRUMS]
    assert "longest_run" not in figures["tasks"]["inner voice"]
    assert "join_leap" not in figures["tasks"][DRUMS]
    assert figures["tasks"]["rhythm kept"]["rhythm_distance"]["model"] == 0
    assert "inner voice, 1 of 1" in said


def test_the_command_stores_figures_and_tables(measured, tmp_path, capsys, monkeypatch):
    def found(*_, say, **__):
        say("inner voice, 1 of 1")
        return measured[0]

    monkeypatch.setattr(compose.evaluate_general, "evaluate_compose", found)
    output = tmp_path / "figures.json"
    assert partimento.main(["evaluate", "compose", "--output", str(output)]) == 0
    shown = capsys.readouterr()
    assert "inner voice, 1 of 1" in shown.err
    assert "nats per note: backfill" in shown.out
    assert {path.name for path in tmp_path.iterdir()} == {"figures.json", "figures.md"}
    assert json.loads(output.read_text(encoding="utf-8")) == measured[0]
    assert (tmp_path / "figures.md").read_text(encoding="utf-8") == markdown(compose_sections(measured[0]))


def test_an_interrupted_evaluation_leaves_nothing(tmp_path, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(compose.evaluate_general, "evaluate_compose", interrupt)
    assert partimento.main(["evaluate", "compose", "--output", str(tmp_path / "figures.json")]) == 130
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().err == "partimento: interrupted\n"


def test_output_is_checked_before_any_work(tmp_path, capsys):
    assert partimento.main(["evaluate", "compose", "--output", str(tmp_path / "figures.txt")]) == 2
    assert "--output: expected the name of a .json file in a folder that is there, got" in capsys.readouterr().err


def test_only_measured_models_are_asked(monkeypatch):
    monkeypatch.setattr(compose.evaluate_general, "load_model", lambda name: object())
    with pytest.raises(RequestError, match="model 'x' is not a measured model"):
        evaluate_compose("x")
