"""The doctor looks at what is really there, and never fails itself."""

import importlib.metadata
from pathlib import Path

import pytest

import render.doctor
from corpora.datasets.folder import DATA_VARIABLE
from corpora.errors import ToolError
from render.doctor import Finding, examine
from render.fonts import FONT_VARIABLE


def by_name(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_finds_what_is_installed() -> None:
    found = by_name(examine())
    assert len(found) == 10
    assert found["Python"].usable
    assert found["torch"].usable
    assert importlib.metadata.version("torch") in found["torch"].found
    assert importlib.metadata.version("verovio") in found["engraver"].found
    assert found["rasteriser"].usable
    assert found["sound files"].usable
    for finding in found.values():
        assert finding.found
        assert finding.costs
        assert finding.remedy


def test_a_missing_library_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise ToolError("libfluidsynth is not installed")

    monkeypatch.setattr(render.doctor, "fluidsynth_version", missing)
    found = by_name(examine())["synthesiser"]
    assert not found.usable
    assert found.found == "libfluidsynth is not installed"
    assert "libfluidsynth3" in found.remedy


def test_a_broken_font_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"RIFF")
    monkeypatch.setenv(FONT_VARIABLE, str(broken))
    found = by_name(examine())["SoundFont"]
    assert not found.usable
    assert "broken.sf2" in found.found


def test_missing_packages_are_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(distribution: str) -> str:
        raise importlib.metadata.PackageNotFoundError(distribution)

    monkeypatch.setattr(importlib.metadata, "version", none)
    found = by_name(examine())
    assert not found["engraver"].usable
    assert found["engraver"].found == "not installed"


def test_packs_are_those_of_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    assert DATA_VARIABLE in by_name(examine())["data packs"].found
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert not by_name(examine())["data packs"].usable
    (tmp_path / "songs.tar.gz").write_bytes(b"")
    (tmp_path / "jsb-chorales-16th.json").write_bytes(b"{}")
    assert by_name(examine())["data packs"].found == "jsb-chorales-16th, songs"


def test_only_python_and_torch_are_needed() -> None:
    assert {finding.name for finding in examine() if finding.needed} == {"Python", "torch"}
