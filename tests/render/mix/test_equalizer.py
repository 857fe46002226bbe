"""Every band against its analog prototype, put through the bilinear transform by scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from corpora.errors import RequestError
from render.mix.equalizer import Band, Equalizer, EqualizerSettings, equalizer_sections

RATE_HZ = 44_100
NAMES = ("low_shelf", "low_bell", "high_bell", "high_shelf")


def prototype(name: str, gain_db: float, q: float) -> tuple[list[float], list[float]]:
    """Numerator and denominator in s at 1 rad/s: the W3C Audio EQ Cookbook's H(s)."""
    a = 10 ** (gain_db / 40)
    if name.endswith("bell"):
        return [1.0, a / q, 1.0], [1.0, 1.0 / (a * q), 1.0]
    rising, falling = [a, a**0.5 / q * a, a * a], [a, a**0.5 / q, 1.0]
    if name == "low_shelf":
        return rising, falling
    return [a * a, a**0.5 / q * a, a], [1.0, a**0.5 / q, a]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("frequency_hz", "gain_db", "q"), [(80.0, 6.0, 0.7), (1_000.0, -12.0, 3.0), (12_000.0, 3.0, 0.5)])
def test_bands_are_their_analog_prototypes(name: str, frequency_hz: float, gain_db: float, q: float) -> None:
    settings = EqualizerSettings(**{name: Band(frequency_hz=frequency_hz, gain_db=gain_db, q=q)})
    section = equalizer_sections(settings, RATE_HZ)[NAMES.index(name)]
    numerator, denominator = prototype(name, gain_db, q)
    warped = np.tan(np.pi * frequency_hz / RATE_HZ)  # bilinear() maps s = 2 fs (z - 1) / (z + 1); with fs = 1/2 the factor is 1
    scale = warped ** np.arange(3)
    b, a = signal.bilinear(np.array(numerator) * scale, np.array(denominator) * scale, fs=0.5)
    np.testing.assert_allclose(section, np.concatenate([b, a]) / a[0], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "probe_hz"), [("low_shelf", 5.0), ("low_bell", 400.0), ("high_bell", 2_500.0), ("high_shelf", 21_000.0)]
)
def test_a_band_has_its_gain_where_it_should(name: str, probe_hz: float) -> None:
    band = Band(frequency_hz={"low_shelf": 200.0, "high_shelf": 5_000.0}.get(name, probe_hz), gain_db=-7.0)
    sections = equalizer_sections(EqualizerSettings(**{name: band}), RATE_HZ)
    _, response = signal.sosfreqz(sections, [probe_hz], fs=RATE_HZ)
    assert 20 * np.log10(abs(response[0])) == pytest.approx(-7.0, abs=0.1)


def test_as_it_stands_it_changes_nothing() -> None:
    sound = np.random.default_rng(6).standard_normal((2, 1000)).astype(np.float32)
    np.testing.assert_allclose(Equalizer(EqualizerSettings(), RATE_HZ).process(sound), sound, atol=1e-6)


def test_blocks_of_any_size_are_bit_identical() -> None:
    sound = np.random.default_rng(7).standard_normal((2, 5000)).astype(np.float32)
    settings = EqualizerSettings(low_shelf=Band(frequency_hz=100.0, gain_db=5.0), high_bell=Band(frequency_hz=3000.0, gain_db=-4.0))
    whole, pieces = Equalizer(settings, RATE_HZ), Equalizer(settings, RATE_HZ)
    cut = [pieces.process(part) for part in np.split(sound, [1, 2, 700, 4999], axis=1)]
    np.testing.assert_array_equal(np.concatenate(cut, axis=1), whole.process(sound))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"frequency_hz": 5.0}, "equaliser: frequency_hz: expected 10 to 40000, got 5"),
        ({"frequency_hz": float("nan")}, "frequency_hz: .*got nan"),
        ({"frequency_hz": 100.0, "gain_db": 30.0}, "gain_db: expected -24 to 24, got 30"),
        ({"frequency_hz": 100.0, "q": 0.0}, "q: expected 0.1 to 20"),
    ],
)
def test_absurd_bands_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Band(**values)


def test_a_band_above_half_the_rate_is_refused() -> None:
    with pytest.raises(RequestError, match="equaliser: high_shelf: expected a frequency below 4000 Hz, got 8000"):
        Equalizer(EqualizerSettings(), 8_000)
