"""From a bank, program, key and velocity to what must sound: the zones of a preset and its instruments, resolved.

Source: SoundFont Technical Specification 2.04, section 9.4 (how generators add up), 7.3 and 7.7 (global zones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from corpora.errors import InputError
from render.sampler.font_file import BANK_OF_DRUMS, FontFile, RawZone
from render.sampler.generators import add_up
from render.sampler.modulators import Modulator, combine

__all__ = ["Zone", "Zones"]

MAX_VOICES_OF_A_NOTE = 64
PIANO, STANDARD_KIT = 0, 0


@dataclass(frozen=True)
class Zone:
    """What one voice plays.

    Args:
        sample: Its number in the font.
        amounts: Every generator, by number, in the units of ``render.sampler.generators``.
        modulators: Those that add to them.
    """

    sample: int
    amounts: tuple[float, ...]
    modulators: tuple[Modulator, ...]


class Zones:
    """The zones of a font, resolved when they are asked for and kept.

    Args:
        font: The font.
    """

    def __init__(self, font: FontFile) -> None:
        self.font = font
        self.at = lru_cache(maxsize=1 << 14)(self._at)
        self._joined = lru_cache(maxsize=1 << 14)(self._join)
        self._matching = lru_cache(maxsize=1 << 14)(self._find)
        self._preset_locals = lru_cache(maxsize=1024)(lambda preset: _locals(font.preset_zones(preset)))
        self._instrument_locals = lru_cache(maxsize=1024)(lambda instrument: _locals(font.instrument_zones(instrument)))

    def preset(self, bank: int, program: int, is_drum: bool) -> int:
        """The preset that plays a program.

        A font that lacks it plays the same program of bank 0 (of drums: the standard kit), or else the first of them all.

        Args:
            bank: 0-127; drums are in bank 128 whatever it says.
            program: 0-127.
            is_drum: Whether the channel plays drums.

        Raises:
            InputError: The font has no preset at all.
        """
        wanted = (BANK_OF_DRUMS, program) if is_drum else (bank, program)
        fallback = (BANK_OF_DRUMS, STANDARD_KIT) if is_drum else (0, program)
        for number in (wanted, fallback, (0, PIANO)):
            if number in self.font.presets:
                return self.font.presets[number]
        if not self.font.presets:
            raise InputError(f"{self.font.shown}: expected at least one preset, got none")
        return min(self.font.presets.values())

    def _at(self, preset: int, key: int, velocity: int) -> tuple[Zone, ...]:
        """The zones that sound for a key and velocity (both 0-127) of a preset, in the order of the file.

        Raises:
            InputError: They are more than ``MAX_VOICES_OF_A_NOTE``.
        """
        found: list[Zone] = []
        for outer, (above, _) in self._preset_locals(preset).items():
            if above.target is None or not above.holds(key, velocity):
                continue
            found += [self._joined(preset, outer, above.target, inner) for inner in self._matching(above.target, key, velocity)]
            if len(found) > MAX_VOICES_OF_A_NOTE:
                raise InputError(
                    f"{self.font.shown}: preset {self.font.preset_name(preset)}: expected at most {MAX_VOICES_OF_A_NOTE} voices"
                    f" for key {key}, velocity {velocity}, got more"
                )
        return tuple(found)

    def _find(self, instrument: int, key: int, velocity: int) -> tuple[int, ...]:
        """Places of an instrument's zones that hold a key and velocity."""
        zones = self._instrument_locals(instrument)
        return tuple(place for place, (zone, _) in zones.items() if zone.holds(key, velocity))

    def _join(self, preset: int, outer: int, instrument: int, inner: int) -> Zone:
        above, above_global = self._preset_locals(preset)[outer]
        zone, zone_global = self._instrument_locals(instrument)[inner]
        assert zone.target is not None
        amounts = add_up(zone_global.amounts | zone.amounts, above_global.amounts | above.amounts)
        modulators = combine(zone.modulators, zone_global.modulators, above.modulators, above_global.modulators)
        return Zone(zone.target, amounts, modulators)


_NOTHING = RawZone({}, (), None, (0, 127), (0, 127))


def _locals(zones: Sequence[RawZone]) -> dict[int, tuple[RawZone, RawZone]]:
    """The zones that play something by their place, each with the global zone."""
    has_global = bool(zones) and zones[0].target is None
    shared = zones[0] if has_global else _NOTHING
    return {place: (_inherits(zone, shared), shared) for place, zone in enumerate(zones) if zone.target is not None}


def _inherits(zone: RawZone, shared: RawZone) -> RawZone:
    """The zone with the ranges of the global one where it has none of its own."""
    if shared.keys == (0, 127) and shared.velocities == (0, 127):
        return zone
    keys = shared.keys if zone.keys == (0, 127) else zone.keys
    velocities = shared.velocities if zone.velocities == (0, 127) else zone.velocities
    return RawZone(zone.amounts, zone.modulators, zone.target, keys, velocities)
