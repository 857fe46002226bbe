"""Timbre transfer: a sung or played phrase, played by an instrument with the same pitch and the same level over time.

Where no tone is heard (consonants, breaths, rests) the instrument is silent. Its brightness follows the level as it does velocity
in its notes: 40 dB a factor of ten.

Source: DDSP (arXiv 2001.04643), section 5.3, with this bank's instruments in place of an autoencoder.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from corpora.audio import AUDIO_SUFFIXES, Audio, read_audio, write_audio
from corpora.errors import RequestError
from corpora.gate.audio import check_audio
from render.ddsp.analysis import HOP, mono
from render.ddsp.bank import DEFAULT_BANK, load_bank
from render.ddsp.controls import NUM_HARMONICS, SILENCE_DB, FrameControls, frame_rms
from render.ddsp.expressing import DB_PER_DECADE, FULL_VELOCITY
from render.ddsp.frames import FRAME_HZ, SAMPLE_RATE_HZ
from render.ddsp.instrument import Instrument
from render.ddsp.synthesis import StreamingSynth
from render.ddsp.tracking import Track, track
from render.output_paths import check_output

__all__ = ["Transfer", "transfer", "transfer_controls", "transfer_file"]

MAX_OCTAVES = 4
FADE_FRAMES = 2
VOLUME_PERCENTILE = 80  # of the levels of a tone: what its volume is taken for
CHUNK_FRAMES = 2048
MIN_HZ, MAX_HZ = 20.0, 8000.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Transfer:
    """A phrase on another instrument.

    Args:
        audio: One channel at 44.1 kHz, as long as the phrase, and a little for what rings on.
        track: What was heard.
        controls: What was played; each value can be changed and played again (``render.ddsp.synthesise``).
        instrument: Its name.
        beyond_share: Share of the tones that lie beyond the keys which the instrument has learned.
    """

    audio: Audio
    track: Track
    controls: FrameControls
    instrument: str
    beyond_share: float

    def to_dict(self) -> dict[str, Any]:
        """What was heard and done, as JSON values."""
        voiced = self.track.voiced
        return {
            "instrument": self.instrument,
            "duration_s": self.audio.duration_s,
            "voiced_share": float(voiced.mean()),
            "lowest_hz": float(self.controls.f0_hz[voiced].min()),
            "highest_hz": float(self.controls.f0_hz[voiced].max()),
            "beyond_share": self.beyond_share,
        }


def transfer(
    audio: Audio,
    instrument: Instrument,
    *,
    octave: int = 0,
    seed: int = 0,
    name: str = "sound",
    told: Callable[[float], None] | None = None,
) -> Transfer:
    """Play a phrase on an instrument.

    Args:
        audio: One tone at a time: a voice or a melody instrument.
        instrument: That plays.
        octave: Octaves up (or down, below 0).
        seed: Of the noise.
        name: For messages.
        told: Hears the share of the tracking that is done.

    Raises:
        InputError: No tone is heard.
        RequestError: More than four octaves.
    """
    if abs(octave) > MAX_OCTAVES:
        raise RequestError(f"octave: expected -{MAX_OCTAVES} to {MAX_OCTAVES}, got {octave}")
    heard = track(mono(audio), name, told)
    frames = transfer_controls(heard, instrument, octave)
    voice = StreamingSynth(seed)
    last = len(frames.f0_hz) - 1
    cuts = [*range(0, last, CHUNK_FRAMES), last]
    chunks = [voice.push(frames.part(first, end)) for first, end in itertools.pairwise(cuts)]
    samples = np.concatenate([*chunks, voice.finish()])
    keys = 69 + 12 * np.log2(frames.f0_hz[heard.voiced] / 440)
    config = instrument.config
    beyond = float(((keys < config.low_key - 0.5) | (keys > config.high_key + 0.5)).mean())
    return Transfer(
        audio=Audio(samples[None].astype(np.float32), SAMPLE_RATE_HZ),
        track=heard,
        controls=frames,
        instrument=config.name,
        beyond_share=beyond,
    )


def transfer_controls(heard: Track, instrument: Instrument, octave: int = 0) -> FrameControls:
    """The frame controls with which an instrument plays what was heard."""
    config = instrument.config
    f0 = (heard.f0_hz * 2.0**octave).clip(MIN_HZ, MAX_HZ)
    key = 69 + 12 * np.log2(f0 / 440)
    volume, age = _tones(heard)
    relative = heard.level_db - volume
    typical = [instrument.typical_expression(float(each)) for each in key]
    middle = float(np.median(volume[heard.voiced]))
    velocity = FULL_VELOCITY * 10 ** ((heard.level_db - middle) / DB_PER_DECADE)
    louder = config.brightness_per_velocity * (velocity.clip(1, 127) - config.velocity)
    brightness = np.exp2(np.array([values["log2_brightness"] for values in typical]) + louder)
    noise_db = np.array([values["attack_noise_db"] for values in typical])
    told = key.clip(config.low_key - 2, config.high_key + 2)
    with torch.inference_mode():
        tensors = [torch.from_numpy(values).float() for values in (key, relative, brightness.clip(min=1.0), noise_db, age, told)]
        spectrum = torch.cat(instrument.spectrum_db(*tensors), dim=1).double().numpy()
    linear = 10 ** (spectrum.clip(-120, 20) / 20)
    harmonics, bands = linear[:, :NUM_HARMONICS], linear[:, NUM_HARMONICS:]
    rms = frame_rms(harmonics, bands)[:, None]
    sounding = np.convolve(np.pad(heard.voiced, FADE_FRAMES, mode="edge"), np.ones(2 * FADE_FRAMES + 1), mode="valid")
    share = sounding / (2 * FADE_FRAMES + 1)
    level = np.where(share > 0, heard.level_db + 20 * np.log10(share.clip(1e-6)), SILENCE_DB)
    return FrameControls(
        f0_hz=f0,
        level_db=level,
        harmonics=harmonics / rms,
        noise=bands / rms,
        lengths=np.full(len(f0) - 1, HOP),
        sample_rate_hz=SAMPLE_RATE_HZ,
    )


def _tones(heard: Track) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For every frame the volume of the tone that it lies in, and the seconds since that tone began."""
    volume, age = heard.level_db.copy(), np.zeros(len(heard.voiced))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], heard.voiced, [False]]).astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        volume[start:end] = np.percentile(heard.level_db[start:end], VOLUME_PERCENTILE)
        age[start:end] = np.arange(end - start) / FRAME_HZ
    return volume, age


def transfer_file(
    source: Path,
    target: Path,
    instrument: str,
    *,
    octave: int = 0,
    bank: str | Path = DEFAULT_BANK,
    seed: int = 0,
    told: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """``transfer`` from file to file.

    Args:
        source: WAV, FLAC, Ogg or MP3.
        target: A sound file; the format follows the suffix.
        instrument: Name in the bank.
        octave, seed, told: As ``transfer``.
        bank: Name or folder of a bank.

    Returns:
        JSON values of what was heard and done.

    Raises:
        InputError: The file is no recording within the gate's limits, no tone is heard, or the target cannot be written.
        RequestError: No such instrument, too many octaves, or a name that no sound file can have.
        CheckpointError: The bank is missing or broken.
    """
    check_output(target, AUDIO_SUFFIXES, "sound")
    check_audio(source)
    player = load_bank(str(bank)).get(instrument)
    made = transfer(read_audio(source), player, octave=octave, seed=seed, name=source.name, told=told)
    scale = write_audio(made.audio, target)
    return {**made.to_dict(), "file": str(target), "scaled_by": scale}
