"""Training runs as commands: whose folder it is, and what lies in it at the end."""

from pathlib import Path
from typing import Any

import pytest

import compose.run_folder
import compose.runs
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.models import VoicesComposer, load_model
from compose.runs import run_compose, run_voices
from compose.training import TrainingPlan
from compose.voices_model import VoicesModel, VoicesModelConfig
from corpora.errors import RequestError


@pytest.fixture
def quick_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(folder: Path, minutes: float, seed: int) -> tuple[VoicesModel, dict[str, float]]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / compose.run_folder.STATE_FILE).write_bytes(b"state")
        return VoicesModel(VoicesModelConfig.tiny()), {"nats_per_slot": 0.5, "accuracy": 0.75}

    monkeypatch.setattr(compose.runs, "train_voices", train)


@pytest.mark.usefixtures("quick_training")
def test_a_run_ends_with_a_checkpoint_that_loads(tmp_path: Path) -> None:
    report = run_voices(tmp_path / "deep" / "run", 2.5, seed=3)
    assert report["nats_per_slot"] == 0.5
    assert report["parameters"] > 0
    assert isinstance(load_model(report["model"]), VoicesComposer)
    card = (Path(report["model"]) / "README.md").read_text(encoding="utf-8")
    assert "partimento train voices --minutes 2.5 --seed 3" in card
    assert "| nats per slot | 0.5 |" in card
    assert "{" not in card


@pytest.mark.usefixtures("quick_training")
def test_a_run_is_not_overwritten_by_another(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="holds no run to go on with"):
        run_voices(tmp_path, 1.0, resume=True)
    run_voices(tmp_path, 1.0)
    with pytest.raises(RequestError, match="holds a run: go on with it by --resume"):
        run_voices(tmp_path, 1.0)
    run_voices(tmp_path, 1.0, resume=True)
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="is a file, expected a folder"):
        run_voices(tmp_path / "file", 1.0)


def test_the_settings_of_a_general_run_reach_its_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def train(
        folder: Path, stores: list[str], plan: TrainingPlan, seed: int, config: MeasuredModelConfig, **settings: Any
    ) -> tuple[MeasuredModel, dict[str, float]]:
        folder.mkdir()
        asked.update(settings, plan=plan)
        return MeasuredModel(MeasuredModelConfig.tiny()), {"nats_per_note": 3.0}

    monkeypatch.setattr(compose.runs, "train_compose", train)
    settings: dict[str, Any] = {"workers": 3, "attention": "flex", "gradient_checkpointing": True, "strategy": "fsdp"}
    run_compose(tmp_path / "run", [], 1.0, **settings)
    plan = asked.pop("plan")
    assert (plan.minutes, plan.gradient_checkpointing, plan.strategy) == (1.0, True, "fsdp")
    assert asked == {"start": None, "workers": 3, "backend": "flex"}
    with pytest.raises(RequestError, match="attention 'magic' is not known: expected one of skew, sdpa, flex"):
        run_compose(tmp_path / "other", [], 1.0, attention="magic")
