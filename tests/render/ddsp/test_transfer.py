"""A phrase sung by rule, through formants, played by an instrument: pitch and level follow."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import soundfile

import partimento
from corpora.audio import Audio, read_audio
from corpora.errors import InputError, RequestError
from render.ddsp.pitch_refinement import refine_pitch
from render.ddsp.tracking import track
from render.ddsp.transfer import transfer

RATE_HZ, HOP = 44_100, 353
FORMANTS = ((700, 110, 1.0), (1200, 120, 0.6), (2600, 160, 0.3))  # Hz, width in Hz, gain: an "ah"


@pytest.fixture(scope="module")
def sung():
    """Samples, and the pitch of each (NaN where nobody sings): glides, vibrato, a swell and a breath."""
    rng = np.random.default_rng(0)
    keys, lengths_s = (57, 60, 64, 57), (0.6, 0.6, 0.8, 0.8)
    key = np.repeat(keys, [round(length * RATE_HZ) for length in lengths_s]).astype(float)
    glide = np.hanning(round(0.12 * RATE_HZ))
    key = np.convolve(np.pad(key, len(glide) // 2, mode="edge"), glide / glide.sum(), mode="same")[len(glide) // 2 :][: len(key)]
    time = np.arange(len(key)) / RATE_HZ
    pitch = 440 * 2 ** ((key + 0.35 * np.sin(2 * np.pi * 5.6 * time) - 69) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    pulses = sum(np.sin(k * phase) / k**1.3 for k in range(1, 60)) + 0.02 * rng.normal(size=len(time))
    voice = np.zeros(len(time))
    for frequency, width, gain in FORMANTS:
        radius, angle = np.exp(-np.pi * width / RATE_HZ), 2 * np.pi * frequency / RATE_HZ
        voice += gain * scipy.signal.lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], pulses)
    level = np.interp(time, [0, 0.1, 0.55, 0.65, 1.2, 1.85, 2.05, 2.4, 2.8], [0, 1, 0.7, 0.3, 1, 0.5, 0.8, 1, 0])
    breath = (time > 1.9) & (time < 2.05)
    level = np.convolve(np.where(breath, 0, level), np.hanning(800) / np.hanning(800).sum(), mode="same")
    silence = np.zeros(round(0.25 * RATE_HZ))
    samples = np.concatenate([silence, 0.5 * voice / np.abs(voice).max() * level, silence])
    samples += 1e-5 * rng.normal(size=len(samples))
    return samples, np.concatenate([silence * np.nan, np.where(breath | (level < 0.03), np.nan, pitch), silence * np.nan])


@pytest.fixture(scope="module")
def played(sung, instrument):
    return transfer(Audio(sung[0][None].astype(np.float32), RATE_HZ), instrument, octave=1)


def at_frames(curve, frames):
    return curve[np.minimum(np.arange(frames) * HOP, len(curve) - 1)]


def test_pitch_follows_an_octave_higher(sung, played):
    wanted = at_frames(sung[1], len(played.track.f0_hz))
    singing = np.isfinite(wanted)
    assert played.track.voiced[singing].mean() > 0.97
    assert (played.track.voiced & ~singing).sum() < 12
    both = singing & played.track.voiced
    line = np.interp(np.arange(len(wanted)), np.flatnonzero(singing), wanted[singing])
    found, _ = refine_pitch(played.audio.samples[0].astype(np.float64), 2 * line, RATE_HZ, HOP)
    cents = 1200 * np.log2(found[: len(line)][both] / (2 * line[both]))
    assert np.median(np.abs(cents)) < 5
    assert np.quantile(np.abs(cents), 0.95) < 30
    assert np.corrcoef(np.log(found[: len(line)][both]), np.log(line[both]))[0, 1] > 0.99


def test_level_follows(sung, played):
    sound = played.audio.samples[0].astype(np.float64)
    length = len(sung[0]) // 1_323 * 1_323
    loud = [10 * np.log10(np.square(x[:length]).reshape(-1, 1_323).mean(1) + 1e-9) for x in (sung[0], sound)]
    heard = loud[0] > loud[0].max() - 30
    assert np.corrcoef(loud[0][heard], loud[1][heard])[0, 1] > 0.95
    assert not sound[: round(0.2 * RATE_HZ)].any()
    breath = sound[round(2.2 * RATE_HZ) : round(2.26 * RATE_HZ)]
    assert np.abs(breath).max() < 1e-3 * np.abs(sound).max()


def test_what_is_no_voice_is_refused(instrument):
    with pytest.raises(InputError, match=r"hiss\.wav: expected a voice or an instrument"):
        track(1e-6 * np.random.default_rng(0).normal(size=RATE_HZ), "hiss.wav")
    with pytest.raises(RequestError, match="octave: expected -4 to 4, got 9"):
        transfer(Audio(np.zeros((1, RATE_HZ), dtype=np.float32), RATE_HZ), instrument, octave=9)


def test_from_the_command_line(sung, bank, tmp_path, capsys):
    bank.save_pretrained(tmp_path / "bank")
    soundfile.write(tmp_path / "sung.wav", sung[0], RATE_HZ)
    out = tmp_path / "violin.flac"
    arguments = ["transfer", str(tmp_path / "sung.wav"), "-o", str(out), "--bank", str(tmp_path / "bank"), "--octave", "1"]
    assert partimento.main(arguments) == 0
    assert "of violin" in capsys.readouterr().out
    assert read_audio(out).duration_s == pytest.approx(len(sung[0]) / RATE_HZ, abs=0.02)
    assert partimento.main(["transfer", str(tmp_path / "sung.wav"), "-o", str(tmp_path / "violin.txt")]) == 2
    assert "expected a name ending in .wav" in capsys.readouterr().err
    assert partimento.main([*arguments, "--instrument", "kazoo"]) == 2
    assert "no DDSP instrument 'kazoo'" in capsys.readouterr().err
