"""Banks: by program, on disk, and what does not fit."""

from dataclasses import replace

import pytest
import torch

from corpora.checkpoints import load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError, RequestError
from render.ddsp.bank import InstrumentBank
from render.ddsp.instrument import Instrument, InstrumentConfig

TINY = InstrumentConfig.tiny()


def named(name, programs, low, high):
    return Instrument(replace(TINY, name=name, programs=programs, low_key=low, high_key=high))


@pytest.fixture
def strings():
    return InstrumentBank(
        [
            named("violin", (40,), 55, 96),
            named("cello", (42,), 36, 76),
            named("contrabass", (43,), 28, 60),
            named("flute", (73,), 60, 96),
        ]
    )


def test_programs_find_their_instruments_and_sections_go_by_register(strings):
    assert strings.for_program(42, 90.0).config.name == "cello"
    assert strings.for_program(48, 80.0).config.name == "violin"
    assert strings.for_program(48, 55.0).config.name == "cello"
    assert strings.for_program(48, 35.0).config.name == "contrabass"
    assert strings.for_program(0, 60.0) is None
    assert strings.for_program(61, 60.0) is None  # a brass section, and no brass here


def test_a_saved_bank_comes_back(bank, tmp_path):
    bank.save_pretrained(tmp_path / "bank")
    again = InstrumentBank.from_pretrained(tmp_path / "bank")
    assert again.names() == ("violin",)
    assert again.get("violin").config == bank.get("violin").config
    for name, wanted in bank.state_dict().items():
        step = wanted.abs().flatten(1).amax(1).max() / 127 if wanted.ndim > 1 else 0.0
        torch.testing.assert_close(again.state_dict()[name], wanted, atol=float(step), rtol=0)
    assert "| violin | 55-103 |" in load_checkpoint(tmp_path / "bank").card


def test_an_added_instrument_replaces_its_namesake(strings):
    better = InstrumentBank([named("flute", (73,), 59, 100), named("oboe", (68,), 58, 91)], {"oboe": {"source": "a font"}})
    both = strings.added(better)
    assert both.names() == ("violin", "cello", "contrabass", "oboe", "flute")
    assert both.get("flute").config.high_key == 100
    assert both.about == {"oboe": {"source": "a font"}}


def test_what_is_not_there_is_named(strings, tmp_path):
    with pytest.raises(RequestError, match="no DDSP instrument 'tuba': expected one of violin, cello"):
        strings.get("tuba")
    with pytest.raises(CheckpointError, match="no weights called"):
        InstrumentBank.from_pretrained(tmp_path / "nothing")
    with pytest.raises(RequestError, match="names of their own"):
        InstrumentBank([Instrument(TINY), Instrument(TINY)])


def test_weights_of_another_kind_or_size_are_refused(bank, tmp_path):
    config = {"kind": "measured"}
    save_checkpoint(tmp_path / "other", {"weight": torch.zeros(2)}, config, "card")
    with pytest.raises(CheckpointError, match="kind 'measured', expected 'ddsp'"):
        InstrumentBank.from_pretrained(tmp_path / "other")
    wider = {"kind": "ddsp", "instruments": [replace(TINY, hidden_dim=17).to_dict()]}
    tensors = {name.removeprefix("instruments."): tensor for name, tensor in bank.state_dict().items()}
    save_checkpoint(tmp_path / "wide", tensors, wider, "card")
    with pytest.raises(CheckpointError, match="do not fit"):
        InstrumentBank.from_pretrained(tmp_path / "wide")
    unknown = {"kind": "ddsp", "instruments": [{**TINY.to_dict(), "reeds": 2}]}
    save_checkpoint(tmp_path / "unknown", tensors, unknown, "card")
    with pytest.raises(CheckpointError, match="reeds"):
        InstrumentBank.from_pretrained(tmp_path / "unknown")


def test_configs_go_to_json_and_back():
    assert InstrumentConfig.from_dict(TINY.to_dict()) == TINY
    with pytest.raises(ValueError, match="without dots"):
        replace(TINY, name="a.b")
