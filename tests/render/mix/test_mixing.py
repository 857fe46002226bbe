"""Whole mixes: loudness reached, peaks held, stems that add up, the same bytes again."""

from __future__ import annotations

import errno
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from corpora.errors import InputError, RequestError, ToolError
from render.mix import Band, CompressorSettings, EqualizerSettings, MixSettings, StemSettings, mixdown, mixing, raw_sound
from render.mix.levels import balance_gains
from render.mix.loudness import integrated_lufs
from render.mix.rooms import find_room, impulse_response
from render.mix.true_peak import true_peak_dbtp

RATE_HZ = 44_100
SECONDS = 6


def plucked(seed: int) -> np.ndarray:
    """Decaying notes with harmonics, float32 (2, sample)."""
    rng = np.random.default_rng(seed)
    sound = np.zeros((2, SECONDS * RATE_HZ))
    times = np.arange(RATE_HZ) / RATE_HZ
    for _ in range(24):
        start = rng.integers(0, sound.shape[1] - RATE_HZ)
        tone = sum(np.sin(2 * np.pi * 110 * 2 ** (rng.integers(0, 36) / 12) * k * times) / k for k in range(1, 6))
        share = rng.uniform(0.3, 0.7)
        sound[:, start : start + RATE_HZ] += np.outer([share, 1 - share], 0.1 * np.exp(-4 * times) * tone)
    return sound.astype(np.float32)


def write_raw(path: Path, sound: np.ndarray) -> Path:
    sound.T.astype("<f4").tofile(path)
    return path


def read_raw(path: Path) -> np.ndarray:
    return np.fromfile(path, dtype="<f4").reshape(-1, 2).T


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    return [plucked(seed) for seed in range(3)]


@pytest.fixture
def stems(tmp_path: Path, sounds: list[np.ndarray]) -> list[Path]:
    return [write_raw(tmp_path / f"stem{index}.f32", sound) for index, sound in enumerate(sounds)]


@pytest.fixture
def mixed(tmp_path: Path, stems: list[Path]) -> Callable[..., tuple[np.ndarray, object]]:
    def mix(**settings: object) -> tuple[np.ndarray, object]:
        report = mixdown(stems, tmp_path / "mix.f32", sample_rate_hz=RATE_HZ, settings=MixSettings(**settings))
        return read_raw(tmp_path / "mix.f32"), report

    return mix


FULL = {
    "equalizer": EqualizerSettings(low_shelf=Band(frequency_hz=150.0, gain_db=3.0)),
    "compressor": CompressorSettings(threshold_db=-30.0),
}


def test_a_dry_mix_at_no_gain_is_the_sum_of_its_stems(mixed: Callable, sounds: list[np.ndarray]) -> None:
    mix, report = mixed(room=None, lufs=None, true_peak_dbtp=None)
    np.testing.assert_allclose(mix, sum(sounds), atol=1e-6)
    assert (report.gain_db, report.passes, report.samples, report.reached) == (0.0, 0, SECONDS * RATE_HZ, True)


def test_the_room_is_added_beside_the_dry_sound(mixed: Callable, sounds: list[np.ndarray]) -> None:
    mix, _ = mixed(room="salon", send_db=-6.0, lufs=None, true_peak_dbtp=None, gain_db=-3.0)
    response = impulse_response(find_room("salon"), RATE_HZ).astype(np.float64)
    dry = sum(sounds).astype(np.float64)
    expected = signal.fftconvolve(0.8 * dry + 0.6 * dry[::-1], response, axes=1) * 10 ** (-6 / 20)
    expected[:, : dry.shape[1]] += dry
    assert mix.shape == expected.shape
    assert np.abs(mix - expected * 10 ** (-3 / 20)).max() < 1e-5


@pytest.mark.parametrize("settings", [{"lufs": -23.0}, {"lufs": -11.5}, {"lufs": -11.0, **FULL}, {"lufs": -9.0, "room": None}])
def test_loudness_is_reached_below_the_ceiling(mixed: Callable, settings: dict[str, object]) -> None:
    mix, report = mixed(**settings)
    assert integrated_lufs(mix, RATE_HZ) == pytest.approx(settings["lufs"], abs=0.1)
    assert report.integrated_lufs == pytest.approx(integrated_lufs(mix, RATE_HZ), abs=0.01)
    assert report.true_peak_dbtp == pytest.approx(true_peak_dbtp(mix), abs=0.01)
    assert report.true_peak_dbtp <= -1.0
    loudest = int(np.clip(np.abs(mix).max(axis=0).argmax(), 8192, mix.shape[1] - 8192))
    window = mix[:, loudest - 8192 : loudest + 8192].astype(np.float64) * signal.windows.tukey(16_384, 0.2)
    assert 20 * np.log10(np.abs(signal.resample(window, 16 * 16_384, axis=1)).max()) <= -0.9
    assert report.reached
    assert (report.limiter_reduction_db > 0.5) == (settings["lufs"] != -23.0)


def test_stems_add_up_to_the_mix(tmp_path: Path, stems: list[Path]) -> None:
    targets = [tmp_path / f"out{index}.f32" for index in range(len(stems))]
    report = mixdown(
        stems,
        tmp_path / "mix.f32",
        sample_rate_hz=RATE_HZ,
        settings=MixSettings(lufs=-11.0, **FULL),
        stem_settings=[StemSettings(gain_db=3.0), StemSettings(pan=-0.7), StemSettings(send_db=6.0)],
        stem_targets=targets,
    )
    mix = read_raw(tmp_path / "mix.f32")
    total = sum(read_raw(path).astype(np.float64) for path in targets)
    assert min(report.limiter_reduction_db, report.compressor_reduction_db) > 1.0
    assert 20 * np.log10(np.abs(total - mix).max() / np.abs(mix).max()) < -110.0
    without = tmp_path / "again.f32"
    mixdown(
        stems,
        without,
        sample_rate_hz=RATE_HZ,
        settings=MixSettings(lufs=-11.0, **FULL),
        stem_settings=[StemSettings(gain_db=3.0), StemSettings(pan=-0.7), StemSettings(send_db=6.0)],
    )
    assert np.abs(read_raw(without) - mix).max() < 1e-4  # asking for stems changes nothing that is heard


def test_the_same_again_is_the_same_bytes_and_nothing_is_left_over(tmp_path: Path, stems: list[Path]) -> None:
    for name in ("a.f32", "b.f32"):
        mixdown(stems, tmp_path / name, sample_rate_hz=RATE_HZ, settings=MixSettings(lufs=-12.0, **FULL))
    assert (tmp_path / "a.f32").read_bytes() == (tmp_path / "b.f32").read_bytes()
    assert {path.suffix for path in tmp_path.iterdir()} == {".f32"}


def test_silence_and_what_cannot_be_so_loud_are_said(tmp_path: Path, stems: list[Path], mixed: Callable) -> None:
    silent = write_raw(tmp_path / "silent.f32", np.zeros((2, RATE_HZ), dtype=np.float32))
    report = mixdown([silent], tmp_path / "out.f32", sample_rate_hz=RATE_HZ)
    assert not report.reached
    assert "silence to a loudness meter" in report.note
    assert not read_raw(tmp_path / "out.f32").any()
    click = np.zeros((2, 2 * RATE_HZ), dtype=np.float32)
    click[:, :200] = 0.5
    report = mixdown(
        [write_raw(silent, click)], tmp_path / "out.f32", sample_rate_hz=RATE_HZ, settings=MixSettings(room=None, lufs=-6.0)
    )
    assert not report.reached
    assert "expected -6 LUFS, got -" in report.note
    assert "the limiter already takes away" in report.note
    assert report.true_peak_dbtp <= -1.0


def test_a_gain_is_limited_too(mixed: Callable) -> None:
    _, report = mixed(room=None, lufs=None, gain_db=20.0)
    assert report.gain_db == 20.0
    assert report.true_peak_dbtp <= -1.0
    assert report.passes == 1


@pytest.mark.parametrize("pan", [-1.0, -0.3, 0.0, 0.5, 1.0])
def test_panning_keeps_the_power_of_a_sound_in_the_middle(pan: float) -> None:
    left, right = balance_gains(pan)
    assert left**2 + right**2 == pytest.approx(2.0)
    if pan == 0.0:
        assert (left, right) == (pytest.approx(1.0), pytest.approx(1.0))
    assert np.sign(right - left) == np.sign(np.round(pan, 6)) or abs(right - left) < 1e-12


def test_bad_stems_are_refused_by_name(tmp_path: Path, stems: list[Path]) -> None:
    out = tmp_path / "mix.f32"
    short = write_raw(tmp_path / "short.f32", np.zeros((2, 5), dtype=np.float32))
    (tmp_path / "odd.f32").write_bytes(b"1234567")
    holed = np.zeros((2, 50_000), dtype=np.float32)
    holed[1, 40_001] = np.nan
    cases = [
        ([], InputError, "expected at least one stem"),
        ([tmp_path / "none.f32"], InputError, r"none\.f32: expected a raw sound file, got nothing there"),
        ([tmp_path], InputError, "got no file"),
        ([*stems, short], InputError, r"short\.f32: expected 264,600 samples like stem0\.f32, got 5"),
        ([tmp_path / "odd.f32"], InputError, r"odd\.f32: expected frames of 8 bytes \(float32 stereo\), got 7 bytes"),
        ([write_raw(tmp_path / "holed.f32", holed)], ToolError, r"holed\.f32: sample 40001: expected finite samples"),
    ]
    for paths, kind, words in cases:
        with pytest.raises(kind, match=words):
            mixdown(paths, out, sample_rate_hz=RATE_HZ)
    with pytest.raises(InputError, match="cannot be written"):
        mixdown(stems, tmp_path / "nowhere" / "mix.f32", sample_rate_hz=RATE_HZ)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lufs": -16.0, "gain_db": 3.0}, r"a loudness or a gain, got both \(-16 LUFS, 3 dB\)"),
        ({"lufs": float("nan")}, r"loudness \(LUFS\): expected -60 to -5, got nan"),
        ({"true_peak_dbtp": 1.0}, r"true peak \(dBTP\): expected -20 to 0, got 1"),
        ({"room": "garage"}, "room: expected one of studio"),
        ({"send_db": 90.0}, r"send \(dB\): expected -60 to 20"),
    ],
)
def test_absurd_wishes_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        MixSettings(**settings)
    with pytest.raises(RequestError, match="pan: expected -1 to 1, got 2"):
        StemSettings(pan=2.0)


def test_progress_grows_to_one(tmp_path: Path, stems: list[Path]) -> None:
    told: list[float] = []
    mixdown(stems, tmp_path / "mix.f32", sample_rate_hz=RATE_HZ, settings=MixSettings(lufs=-12.0), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_longer_mix_takes_no_more_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(15)
    peaks = []
    for seconds in (30, 120):
        stem = write_raw(tmp_path / "stem.f32", rng.standard_normal((2, seconds * 8_000)).astype(np.float32) * np.float32(0.1))
        tracemalloc.start()
        settings = MixSettings(room="studio", lufs=-8.0, compressor=CompressorSettings())
        report = mixdown([stem], tmp_path / "mix.f32", sample_rate_hz=8_000, settings=settings, stem_targets=[tmp_path / "out.f32"])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert report.passes > 0
    assert peaks[1] < peaks[0] + 500_000  # the longer one has 5.8 MB of sound more


def test_a_full_disk_is_said(tmp_path: Path, stems: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mixing, "write_block", full)
    with pytest.raises(InputError, match=r"mix\.f32 cannot be written: No space left on device"):
        mixdown(stems, tmp_path / "mix.f32", sample_rate_hz=RATE_HZ)
    assert not list(tmp_path.glob(".partimento*"))
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        raw_sound.write_block(file, np.zeros((2, 10), dtype=np.float32))
