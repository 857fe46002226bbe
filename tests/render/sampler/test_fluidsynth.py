"""The sampler beside FluidSynth: one font, the same notes, dry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import stft

from render.engines import stem_file
from render.fonts import find_font, font_in_wheel
from render.played import play
from render.sampler import engine as sampler
from render.soundfont import engine as fluidsynth

RATE_HZ = 44_100
Stereo = NDArray[np.float32]
STRINGS, DRUM_CHANNEL = 48, 9


@pytest.fixture
def both(midi_file: Callable[..., bytes], tmp_path: Path) -> Callable[..., tuple[Stereo, Stereo]]:
    """FluidSynth's and the sampler's sound of one note of a second, (2, sample) each.

    With the font that every machine has, for the margins below, unless another is named.
    """
    default = font_in_wheel()

    def play_note(
        program: int,
        key: int,
        velocity: int = 100,
        channel: int = 0,
        controls: tuple[tuple[int, int], ...] = (),
        font: Path | None = None,
    ) -> tuple[Stereo, Stereo]:
        track = [(0, mido.Message("program_change", channel=channel, program=program))]
        track += [(0, mido.Message("control_change", channel=channel, control=number, value=value)) for number, value in controls]
        track += [
            (0, mido.Message("note_on", channel=channel, note=key, velocity=velocity)),
            (960, mido.Message("note_off", channel=channel, note=key)),
        ]
        music = play(midi_file(track), sample_rate_hz=RATE_HZ)
        sounds = []
        for engine in (fluidsynth.render_stems, sampler.render_stems):
            engine(music, tmp_path, stems=False, font=font or default)
            sounds.append(np.fromfile(stem_file(tmp_path, 0), dtype="<f4").reshape(-1, 2).T)
        return sounds[0], sounds[1]

    return play_note


def level_db(sound: Stereo) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound[:, :RATE_HZ], dtype=np.float64))))


def spectral_distance_db(reference: Stereo, estimate: Stereo) -> float:
    """Root mean square of the difference of the log spectra below 8 kHz, down to 60 dB below the peak."""
    spectra = [np.abs(stft(sound.sum(0), RATE_HZ, nperseg=2048)[2][: 2048 * 8_000 // RATE_HZ]) for sound in (reference, estimate)]
    frames = min(spectrum.shape[1] for spectrum in spectra)
    floor = spectra[0].max() * 1e-3
    logs = [20 * np.log10(spectrum[:, :frames] + floor) for spectrum in spectra]
    return float(np.sqrt(np.mean((logs[0] - logs[1]) ** 2)))


def length_s(sound: Stereo) -> float:
    """Until it is 40 dB below its peak for good."""
    loud = np.abs(sound).max(0)
    return float(np.flatnonzero(loud > 1e-2 * loud.max())[-1]) / RATE_HZ


@pytest.mark.parametrize(
    ("program", "key", "velocity"),
    [
        (0, 65, 100),
        (0, 84, 50),
        (40, 67, 90),
        (73, 72, 100),
        (56, 60, 110),
        (24, 52, 80),
        (19, 48, 100),
        (68, 65, 30),
        (32, 33, 127),
    ],
)
def test_level_spectrum_and_length_of_one_note(
    program: int, key: int, velocity: int, both: Callable[..., tuple[Stereo, Stereo]]
) -> None:
    reference, estimate = both(program, key, velocity)
    assert abs(level_db(estimate) - level_db(reference)) < 1.0
    assert spectral_distance_db(reference, estimate) < 1.5
    assert length_s(estimate) == pytest.approx(length_s(reference), abs=0.05)


def test_a_slowed_sample_has_no_images(both: Callable[..., tuple[Stereo, Stereo]]) -> None:
    # 22,050 Hz two octaves down: nothing was recorded above 2.6 kHz, and FluidSynth's four points fold some of it up
    reference, estimate = both(0, 48)
    window = np.hanning(RATE_HZ // 2)
    cuts = [sound.sum(0)[2_000 : 2_000 + len(window)] * window for sound in (reference, estimate)]
    above = [np.square(np.abs(np.fft.rfft(cut)[1_600:4_000])).sum() for cut in cuts]  # 3.2 to 8 kHz
    assert 10 * np.log10(above[1] / above[0]) < -40


def test_layers_that_beat_have_the_same_level(both: Callable[..., tuple[Stereo, Stereo]]) -> None:
    # two of its five layers glide in within 5 ms: FluidSynth in steps of 1.5 ms, so that their phases come to differ
    reference, estimate = both(STRINGS, 60)
    assert abs(level_db(estimate) - level_db(reference)) < 1.5
    assert spectral_distance_db(reference, estimate) < 3.0


@pytest.mark.parametrize("key", [36, 38, 46, 49])
def test_drums(key: int, both: Callable[..., tuple[Stereo, Stereo]]) -> None:
    # noise above 8 kHz is what FluidSynth's four-point interpolation takes away
    reference, estimate = both(0, key, channel=DRUM_CHANNEL)
    assert -0.5 < level_db(estimate) - level_db(reference) < 1.5


@pytest.mark.parametrize(
    ("program", "key", "channel"), [(0, 60, 0), (40, 67, 0), (73, 72, 0), (0, 36, DRUM_CHANNEL), (0, 46, DRUM_CHANNEL)]
)
def test_the_font_of_this_machine(program: int, key: int, channel: int, both: Callable[..., tuple[Stereo, Stereo]]) -> None:
    reference, estimate = both(program, key, channel=channel, font=find_font().path)
    assert abs(level_db(estimate) - level_db(reference)) < 1.5


@pytest.mark.parametrize("controls", [((7, 60),), ((11, 40),), ((10, 20),), ((10, 110),), ((1, 100),)])
def test_controllers(controls: tuple[tuple[int, int], ...], both: Callable[..., tuple[Stereo, Stereo]]) -> None:
    reference, estimate = both(73, 69, controls=controls)
    for side in (slice(0, 1), slice(1, 2)):
        if level_db(reference[side]) > -90:
            assert abs(level_db(estimate[side]) - level_db(reference[side])) < 1.0
    assert spectral_distance_db(reference, estimate) < 1.5
