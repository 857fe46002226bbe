from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from render.fonts import find_font
from render.sampler.font_file import read_font
from render.sampler.generators import Generator
from render.sampler.modulators import DEFAULT_MODULATORS, Source, combine
from render.sampler.settings import OUTPUT_GAIN, set_zone
from render.sampler.zones import Zones

MakeFont = Callable[..., bytes]
MakeSine = Callable[..., NDArray[np.int16]]


def zones_of(data: bytes, folder: Path) -> Zones:
    path = folder / "font.sf2"
    path.write_bytes(data)
    return Zones(read_font(path))


def test_a_zone_takes_from_the_global_one_and_adds_the_presets(make_font: MakeFont, make_sine: MakeSine, tmp_path: Path) -> None:
    data = make_font(
        [make_sine()],
        [({34: -2_400, 48: 50}, 0, ())],
        global_zone={34: -1_200, 38: 600, 17: -100},
        preset={17: 250, 38: -100, 48: 30, 58: 40, 54: 1, 0: 99},
    )
    zones = zones_of(data, tmp_path)
    (zone,) = zones.at(0, 60, 100)
    assert zone.amounts[Generator.VOLUME_ENVELOPE_ATTACK] == -2_400  # the zone's own
    assert zone.amounts[Generator.VOLUME_ENVELOPE_RELEASE] == 500  # the global one's and the preset's
    assert zone.amounts[Generator.PAN] == 150
    assert zone.amounts[Generator.ATTENUATION] == 80
    assert zone.amounts[Generator.FILTER_CUTOFF] == 13_500  # the default
    for number in (Generator.ROOT_KEY, Generator.SAMPLE_MODES, Generator.START_OFFSET):  # not in a preset
        assert zone.amounts[number] == (-1 if number == Generator.ROOT_KEY else 0)


def test_amounts_stay_in_their_ranges(make_font: MakeFont, make_sine: MakeSine, tmp_path: Path) -> None:
    zones = zones_of(make_font([make_sine()], [({17: 400, 8: 1_000}, 0, ())], preset={17: 400}), tmp_path)
    (zone,) = zones.at(0, 60, 100)
    assert zone.amounts[Generator.PAN] == 500
    assert zone.amounts[Generator.FILTER_CUTOFF] == 1_500


def test_a_preset_may_lift_what_its_instrument_lowers(make_font: MakeFont, make_sine: MakeSine, tmp_path: Path) -> None:
    """As fonts in use do and FluidSynth plays: a preset at -10 dB (at 0.4) lifts a soft velocity, and nothing beyond full level."""
    gains = {}
    for lift in (0, -100, -1_440):
        zones = zones_of(make_font([make_sine()], [({}, 0, ())], preset={48: lift} if lift else {}), tmp_path)
        (zone,) = zones.at(0, 60, 60)
        gains[lift] = set_zone(zone, 60, 60).gain
    assert gains[-100] == pytest.approx(gains[0] * 10 ** (4 / 20))
    assert gains[-1_440] == pytest.approx(OUTPUT_GAIN)


def test_ranges_of_keys_and_velocities(make_font: MakeFont, make_sine: MakeSine, tmp_path: Path) -> None:
    sounds = [make_sine()] * 3
    high = {43: 60 | 127 << 8}
    layers = [({43: 0 | 59 << 8}, 0, ()), (high | {44: 0 | 79 << 8}, 1, ()), (high | {44: 80 | 127 << 8}, 2, ())]
    zones = zones_of(make_font(sounds, layers), tmp_path)
    found = {(key, velocity): [zone.sample for zone in zones.at(0, key, velocity)] for key in (59, 60) for velocity in (79, 80)}
    assert found == {(59, 79): [0], (59, 80): [0], (60, 79): [1], (60, 80): [2]}


def test_a_missing_program_falls_back(make_font: MakeFont, make_sine: MakeSine, tmp_path: Path) -> None:
    zones = zones_of(make_font([make_sine()], [({}, 0, ())]), tmp_path)
    assert zones.preset(0, 0, False) == zones.preset(3, 77, False) == zones.preset(0, 0, True) == 0
    font = Zones(read_font(find_font().path))
    names = [font.font.preset_name(font.preset(*wanted)) for wanted in ((0, 0, False), (5, 0, False), (0, 0, True), (0, 99, True))]
    assert names[0] == names[1]
    assert names[2] == names[3] != names[0]


def test_the_curves_of_the_specification() -> None:
    steps = np.arange(128)
    velocity = Source(0x0502).curve()  # concave, falling
    assert velocity[127] == pytest.approx(0.0)
    assert np.allclose(960 * velocity[16:], 400 * np.log10(127 / steps[16:]))
    assert velocity[0] == 1.0
    assert np.allclose(Source(0x0081).curve(), steps / 128)
    pan = Source(0x028A).curve()
    assert (pan[0], pan[64], pan[127]) == (-1.0, 0.0, 127 / 128)
    switch = Source(0x0D82).curve()
    assert (switch[63], switch[64]) == (1.0, 0.0)
    convex, concave = Source(0x0881).curve(), Source(0x0481).curve()
    assert np.allclose(convex, 1 - concave[::-1])


def test_an_instruments_modulator_takes_the_place_of_a_default_and_a_presets_adds() -> None:
    assert set(combine((), (), (), ())) == set(DEFAULT_MODULATORS)
    wheel = (0x0081, int(Generator.VIBRATO_LFO_TO_PITCH), 10, 0, 0)
    amounts = [m.amount for m in combine((wheel,), (), (wheel,), ()) if m.source == Source(0x0081)]
    assert sorted(amounts) == [10, 10]
    off = (0x0502, int(Generator.ATTENUATION), 0, 0, 0)
    assert all(m.source != Source(0x0502) for m in combine((off,), (), (), ()))


def test_links_and_unknown_sources_are_left_out() -> None:
    linked = (0x0081, 0x8000, 100, 0, 0)
    unknown = (0x0005, 48, 100, 0, 0)
    wheel = (0x000E, 52, 100, 0, 0)
    assert set(combine((linked, unknown, wheel), (), (), ())) == set(DEFAULT_MODULATORS)
