"""Training: it learns notes by heart when it may, goes on where it stopped, and its command leaves a bank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import partimento
from compose.training import TrainingPlan
from corpora.errors import RequestError
from render.ddsp import runs
from render.ddsp.bank import InstrumentBank
from render.ddsp.evaluation import figures_of
from render.ddsp.instrument import Instrument, InstrumentConfig
from render.ddsp.learned_notes import learn_notes, load_notes, save_notes, split_notes
from render.ddsp.runs import run_render, train_instrument
from render.ddsp.sources import sample_notes
from render.ddsp.training_frames import FrameSet, frame_loss


@pytest.fixture(scope="module")
def notes(note_folder):
    return learn_notes(sample_notes(note_folder))[0]


def test_a_pitch_in_five_is_held_out(notes):
    trained, held_out = split_notes(notes)
    assert [note.key for note in held_out] == [65.0]
    assert len(trained) == 5


def test_notes_are_kept_and_come_back(notes, tmp_path):
    save_notes(tmp_path / "notes.npz", notes)
    again = load_notes(tmp_path / "notes.npz")
    assert [note.name for note in again] == [note.name for note in notes]
    assert again[0].expression == notes[0].expression
    np.testing.assert_allclose(again[2].analysis.amplitudes, notes[2].analysis.amplitudes, rtol=1e-6)


def test_one_note_is_learned_by_heart(notes):
    torch.manual_seed(0)
    frames = FrameSet(notes[:1])
    batch = frames.plain()
    few = replace(batch, **{name: getattr(batch, name)[10:16] for name in vars(batch)})
    instrument = Instrument(replace(InstrumentConfig.tiny(), hidden_dim=128, dropout=0.0))
    optimizer = torch.optim.Adam(instrument.parameters(), lr=3e-3)
    losses = []
    for step in range(500):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - step / 500)
        loss = frame_loss(instrument, few)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]


def test_variations_ask_for_what_they_show(notes):
    frames = FrameSet(notes)
    batch = next(frames.batches(np.random.default_rng(0), 4096))
    plain = frames.plain()
    assert batch.brightness.std() > 1.5 * plain.brightness.std()
    # within a batch the frames that are said to be brighter are brighter
    k = torch.arange(1, 101)
    amplitudes = 10 ** (batch.harmonics_db / 20)
    shown = (amplitudes * k).sum(1) / amplitudes.sum(1)
    assert np.corrcoef(shown.log().numpy(), batch.brightness.log().numpy())[0, 1] > 0.9


def test_a_run_goes_on_where_it_stopped(notes, tmp_path):
    config = replace(InstrumentConfig.tiny(), low_key=57, high_key=76)
    plan = TrainingPlan(steps=30, save_every_s=0.0)
    model = train_instrument(tmp_path / "run", notes[:3], notes[3:4], config, plan)
    before = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert before["step"] == 30
    longer = train_instrument(tmp_path / "run", notes[:3], notes[3:4], config, replace(plan, steps=40))
    after = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert after["step"] == 40
    assert model.config.crest_db > 3
    assert not torch.equal(model.timbre[0].weight, longer.timbre[0].weight)


def test_the_command_leaves_a_bank(note_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(runs, "figures_of", lambda *given: figures_of(*given, asked=5))
    arguments = ["train", "render", "--instrument", "oboe", "--samples", str(note_folder), "--steps", "20"]
    arguments += ["--out", str(tmp_path / "run"), "--into", str(tmp_path / "bank"), "--source", "made by rule", "--licence", "CC0"]
    assert partimento.main(arguments) == 0
    assert "spectral loss" in capsys.readouterr().out
    bank = InstrumentBank.from_pretrained(tmp_path / "bank")
    assert bank.names() == ("oboe",)
    assert bank.get("oboe").config.programs[0] == 68
    assert bank.about["oboe"]["licence"] == "CC0"
    assert bank.about["oboe"]["figures"]["held_out"] == 1
    assert bank.about["oboe"]["figures"]["loudness_r"] > 0.95
    assert partimento.main(arguments) == 2
    assert "holds a run" in capsys.readouterr().err


def test_sources_must_be_one_and_whole(tmp_path):
    with pytest.raises(RequestError, match="expected one source of notes"):
        run_render(tmp_path, "oboe", 1.0)
    with pytest.raises(RequestError, match="--font and --program together"):
        run_render(tmp_path, "oboe", 1.0, font=tmp_path / "font.sf2")
    with pytest.raises(RequestError, match="keys: expected first below last"):
        run_render(tmp_path, "oboe", 1.0, font=tmp_path / "font.sf2", program=68, keys=(80, 60))
    with pytest.raises(RequestError, match="no run to go on with"):
        run_render(tmp_path / "new", "oboe", 1.0, samples=tmp_path, resume=True)
