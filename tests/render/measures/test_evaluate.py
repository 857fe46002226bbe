"""The engines side by side, small; and the command with its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import partimento
from corpora.audio import Audio
from corpora.errors import InputError, RequestError
from corpora.files import read_piece
from corpora.piece import Piece
from render import engines
from render.engines import stem_file
from render.measures import evaluate as module
from render.measures import evaluate_render
from render.measures.evaluate import excerpt
from render.played import PlayedMusic, play

EXAMPLES = Path(__file__).parents[3] / "examples"
RATE_HZ = 44_100


def engine(gain: float = 1.0, harmonics: int = 4, refuses: bool = False) -> Callable[..., None]:
    """Tones with a level and a colour."""

    def render_stems(played: PlayedMusic, folder: Path, *, stems: bool, font: Path | None = None) -> None:
        if refuses and len(played.notes) > 16 and played.name != "probe":
            raise InputError(f"{played.name}: too hard")
        out = np.zeros(played.end_sample + RATE_HZ // 2)
        for note in played.notes:
            times = np.arange(1, int(note["end_sample"] - note["onset_sample"])) / RATE_HZ
            phase = 2 * np.pi * 440.0 * 2 ** ((note["key"] - 69 + note["cents"] / 100) / 12) * times
            start = int(note["onset_sample"])
            out[start : start + len(times)] += gain * 0.05 * sum(np.sin(k * phase) / k for k in range(1, harmonics))
        np.repeat(out[:, None], 2, axis=1).astype("<f4").tofile(stem_file(folder, 0))

    return render_stems


@pytest.fixture
def players(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that are quick; what is measured of their probes is written down."""
    probed = {
        "attack_samples": 7,
        "onset_errors_isolated": [0, 0],
        "onset_errors_overlapping": [-3, 12],
        "pitch_errors_cents": [1.0, 2.5],
        "interval_errors_cents": [-0.25, 0.125],
    }
    monkeypatch.setattr(module, "_probe_figures", lambda *_: probed)
    made = {"plain": engine(), "loud": engine(gain=10 ** (3 / 20)), "dull": engine(harmonics=2), "shy": engine(refuses=True)}
    monkeypatch.setattr(engines, "ENGINES", dict.fromkeys(made, ""))
    monkeypatch.setattr(module, "find_engine", lambda name: made[name])


@pytest.fixture(scope="module")
def chorale() -> Piece:
    return read_piece(EXAMPLES / "old-hundredth.musicxml")


@pytest.mark.usefixtures("players", "wheel_font")
def test_what_differs_is_told(chorale: Piece) -> None:
    figures = evaluate_render(("plain", "loud", "dull", "shy"), music=[("hymn", chorale)], excerpt_s=12.0)
    (row,) = figures["pieces"]
    plain, loud, dull, shy = (row["engines"][name] for name in ("plain", "loud", "dull", "shy"))
    assert (plain["loudness_error_lu"], plain["log_magnitude_db"], plain["spectral_convergence"]) == (0.0, 0.0, 0.0)
    assert loud["loudness_error_lu"] == pytest.approx(3.0, abs=0.01)
    assert loud["log_magnitude_db"] < 0.1 < dull["log_magnitude_db"]
    assert shy == {"refused": "hymn: too hard"}
    found = figures["distributions"]
    assert set(found) == {"plain", "loud", "dull"}
    assert found["plain"]["frechet"] == pytest.approx(0.0, abs=1e-3)
    assert found["plain"]["frechet_across_halves"] == found["plain"]["frechet_floor"]
    assert found["dull"]["frechet_across_halves"] > 2 * found["dull"]["frechet_floor"] > 0
    assert found["dull"]["kernel_across_halves"] > 2 * abs(found["dull"]["kernel_floor"])
    json.dumps(figures, allow_nan=False)


def test_probes_are_written_down() -> None:
    plain = engine()
    figures = module._probe_figures(lambda played, folder: plain(played, folder, stems=False), seed=1)
    assert figures["attack_samples"] == 0
    assert figures["onset_errors_isolated"] == figures["onset_errors_overlapping"] == [0] * 8
    assert max(np.abs(figures["pitch_errors_cents"])) < 0.05
    assert len(figures["pitch_errors_cents"]) == 16


@pytest.mark.usefixtures("players", "wheel_font")
def test_a_reference_that_cannot_play_ends_it(chorale: Piece) -> None:
    with pytest.raises(InputError, match="hymn: too hard"):
        evaluate_render(("shy", "plain"), music=[("hymn", chorale)], excerpt_s=12.0)


@pytest.mark.parametrize("wanted", [(), ("sampler", "sampler")])
def test_engines_are_named_once(wanted: tuple[str, ...]) -> None:
    with pytest.raises(RequestError, match="engines: expected names that differ"):
        evaluate_render(wanted)


def test_an_excerpt_begins_with_its_first_note(chorale: Piece) -> None:
    whole = play(chorale, sample_rate_hz=RATE_HZ)
    cut = excerpt(whole, 5.0)
    assert cut.end_sample == 5 * RATE_HZ
    assert cut.notes["onset_sample"].min() == 0
    kept = whole.notes[: len(cut.notes)]
    np.testing.assert_array_equal(cut.notes["key"], kept["key"])
    assert (cut.notes["release_sample"] > cut.notes["onset_sample"]).all()
    assert cut.events == whole.events


@pytest.mark.usefixtures("players", "wheel_font")
def test_the_command_prints_and_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "render", str(EXAMPLES / "ode-to-joy.musicxml"), "--engine", "plain", "--engine", "dull", "--seconds", "6"]
    assert partimento.main([*words, "-o", str(tmp_path / "figures.json")]) == 0
    printed = capsys.readouterr().out
    figures: dict[str, Any] = json.loads((tmp_path / "figures.json").read_text())
    tables = (tmp_path / "figures.md").read_text()
    assert [row["name"] for row in figures["pieces"]] == ["ode-to-joy.musicxml"]
    assert tables.count("| dull |") == 3
    assert "| dull | 0 to 0 | -3 to 12 | 7 | 1.000 to 2.500 | -0.250 to 0.125 |" in tables
    assert all(text in tables and text.split("\n")[0] in printed for text in ("Time and tune, of a clarinet", "log-mel statistics"))


@pytest.mark.usefixtures("players")
def test_where_there_is_no_music_the_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PARTIMENTO_DATA", raising=False)
    monkeypatch.setattr(module, "EXAMPLES", tmp_path)
    with pytest.raises(InputError, match="evaluation: expected music: files, or PARTIMENTO_DATA to name the folder"):
        evaluate_render(("plain",))


def test_the_name_of_the_output_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert partimento.main(["evaluate", "render", "-o", str(tmp_path / "figures.txt")]) == 2
    assert "--output: expected the name of a .json file" in capsys.readouterr().err


def test_loudness_is_matched() -> None:
    tone = Audio((0.1 * np.sin(2 * np.pi * 440 / RATE_HZ * np.arange(RATE_HZ)))[None].astype(np.float32), RATE_HZ)
    assert module._of_loudness(tone, -20.0, -26.0).peak == pytest.approx(0.1 * 10 ** (-6 / 20), rel=1e-6)
