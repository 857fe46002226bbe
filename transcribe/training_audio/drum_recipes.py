"""What drums of nobody's kit are made of: for each General MIDI percussion key the ranges that ``synthetic_kit`` draws from.

Conventions: levels in decibels, frequencies in hertz, times in seconds; a range is (least, most).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RECIPES", "RECIPE_OF_KEY", "Range", "Recipe"]

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Ranges from which a sound is drawn; a layer without a level is not there.

    Args:
        keys: Of General MIDI percussion; the further a key is from the first, by its ``semitones``, the higher is its tone.
        semitones: Of each key, from the first; none where all are drawn alike.
        level_db: Of the whole, to a bass drum's.
        tone_db, tone_hz, tone_s: Level, frequency and time constant of the tone.
        sweep_octaves, sweep_s: How far above it begins, and how fast it falls.
        modes: How many it has at most.
        noise_db, noise_hz, noise_octaves, noise_s: Level, centre, width and time constant of the noise.
        attack_s: Of the noise.
        bursts: Of noise.
        metal_db, metal_hz, metal_octaves, metal_s: Level, lowest frequency, width and time constant of the metal.
        partials: How many sines it has.
    """

    keys: tuple[int, ...]
    semitones: tuple[float, ...] = ()
    level_db: Range = (-4.0, 0.0)
    tone_db: Range | None = None
    tone_hz: Range = (100.0, 200.0)
    tone_s: Range = (0.05, 0.2)
    sweep_octaves: Range = (0.0, 0.3)
    sweep_s: Range = (0.005, 0.05)
    modes: int = 3
    noise_db: Range | None = None
    noise_hz: Range = (1_000.0, 5_000.0)
    noise_octaves: Range = (1.0, 3.0)
    noise_s: Range = (0.003, 0.02)
    attack_s: Range = (0.0003, 0.002)
    bursts: tuple[int, int] = (1, 1)
    metal_db: Range | None = None
    metal_hz: Range = (400.0, 2_000.0)
    metal_octaves: Range = (1.5, 4.0)
    metal_s: Range = (0.3, 2.0)
    partials: tuple[int, int] = (10, 40)


RECIPES = (
    Recipe(
        keys=(36, 35),
        tone_db=(0.0, 0.0),
        tone_hz=(38.0, 90.0),
        tone_s=(0.04, 0.35),
        sweep_octaves=(0.3, 2.5),
        modes=2,
        noise_db=(-40.0, -14.0),
        noise_hz=(600.0, 5_000.0),
    ),
    Recipe(
        keys=(38, 40),
        tone_db=(-16.0, 0.0),
        tone_hz=(140.0, 270.0),
        tone_s=(0.03, 0.15),
        sweep_octaves=(0.0, 0.7),
        modes=5,
        noise_db=(-3.0, 3.0),
        noise_hz=(1_300.0, 5_500.0),
        noise_octaves=(1.5, 4.5),
        noise_s=(0.04, 0.25),
    ),
    Recipe(  # side stick
        keys=(37,),
        level_db=(-12.0, -3.0),
        tone_db=(0.0, 0.0),
        tone_hz=(350.0, 1_800.0),
        tone_s=(0.006, 0.035),
        modes=4,
        noise_db=(-16.0, 0.0),
        noise_hz=(1_500.0, 4_500.0),
    ),
    Recipe(  # hand clap
        keys=(39,),
        level_db=(-10.0, -2.0),
        noise_db=(0.0, 0.0),
        noise_hz=(900.0, 2_600.0),
        noise_octaves=(0.7, 2.0),
        noise_s=(0.02, 0.12),
        bursts=(2, 5),
    ),
    Recipe(  # sticks
        keys=(31,),
        level_db=(-12.0, -4.0),
        tone_db=(0.0, 0.0),
        tone_hz=(1_000.0, 2_800.0),
        tone_s=(0.005, 0.03),
        noise_db=(-20.0, -6.0),
    ),
    Recipe(  # closed hi-hat
        keys=(42, 44),
        level_db=(-16.0, -4.0),
        noise_db=(-6.0, 0.0),
        noise_hz=(4_500.0, 7_600.0),
        noise_octaves=(0.7, 2.2),
        noise_s=(0.008, 0.06),
        metal_db=(-14.0, 4.0),
        metal_hz=(1_500.0, 5_000.0),
        metal_s=(0.008, 0.07),
    ),
    Recipe(  # open hi-hat
        keys=(46,),
        level_db=(-14.0, -3.0),
        noise_db=(-6.0, 0.0),
        noise_hz=(4_500.0, 7_600.0),
        noise_octaves=(0.7, 2.2),
        noise_s=(0.12, 0.8),
        metal_db=(-14.0, 4.0),
        metal_hz=(1_500.0, 5_000.0),
        metal_s=(0.15, 1.0),
    ),
    Recipe(  # low toms
        keys=(45, 41, 43),
        semitones=(0.0, -5.0, -2.5),
        level_db=(-6.0, 0.0),
        tone_db=(0.0, 0.0),
        tone_hz=(75.0, 130.0),
        tone_s=(0.08, 0.5),
        sweep_octaves=(0.03, 0.6),
        modes=4,
        noise_db=(-32.0, -10.0),
    ),
    Recipe(  # high toms
        keys=(48, 47, 50),
        semitones=(0.0, -3.0, 3.0),
        level_db=(-6.0, 0.0),
        tone_db=(0.0, 0.0),
        tone_hz=(130.0, 260.0),
        tone_s=(0.06, 0.4),
        sweep_octaves=(0.03, 0.6),
        modes=4,
        noise_db=(-32.0, -10.0),
    ),
    Recipe(  # crash cymbals
        keys=(49, 57, 52),
        level_db=(-10.0, 0.0),
        noise_db=(-6.0, 2.0),
        noise_hz=(2_500.0, 7_000.0),
        noise_octaves=(2.0, 4.0),
        noise_s=(0.3, 1.5),
        attack_s=(0.0005, 0.008),
        metal_db=(-8.0, 2.0),
        metal_hz=(250.0, 1_500.0),
        metal_octaves=(2.5, 5.0),
        metal_s=(0.4, 2.0),
    ),
    Recipe(  # splash cymbal
        keys=(55,),
        level_db=(-10.0, -2.0),
        noise_db=(-6.0, 2.0),
        noise_hz=(3_500.0, 7_500.0),
        noise_octaves=(1.5, 3.0),
        noise_s=(0.12, 0.5),
        metal_db=(-8.0, 2.0),
        metal_hz=(600.0, 2_500.0),
        metal_s=(0.15, 0.7),
    ),
    Recipe(  # ride cymbals
        keys=(51, 59),
        level_db=(-14.0, -4.0),
        tone_db=(-30.0, -6.0),  # the stick
        tone_hz=(1_500.0, 4_500.0),
        tone_s=(0.005, 0.04),
        noise_db=(-22.0, -6.0),
        noise_hz=(3_000.0, 7_500.0),
        noise_s=(0.1, 0.8),
        metal_db=(-3.0, 0.0),
        metal_hz=(400.0, 3_000.0),
        metal_octaves=(1.5, 3.5),
        metal_s=(0.25, 1.8),
    ),
    Recipe(  # ride bell
        keys=(53,),
        level_db=(-14.0, -4.0),
        noise_db=(-30.0, -12.0),
        noise_hz=(3_000.0, 7_500.0),
        noise_s=(0.05, 0.5),
        metal_db=(0.0, 0.0),
        metal_hz=(500.0, 1_400.0),
        metal_octaves=(1.5, 3.0),
        metal_s=(0.25, 1.2),
        partials=(4, 9),
    ),
    Recipe(  # maracas, cabasa, shaker
        keys=(70, 69, 82),
        level_db=(-20.0, -8.0),
        noise_db=(0.0, 0.0),
        noise_hz=(3_500.0, 7_600.0),
        noise_octaves=(0.4, 1.6),
        noise_s=(0.012, 0.07),
        attack_s=(0.002, 0.03),
    ),
    Recipe(  # tambourine
        keys=(54,),
        level_db=(-16.0, -5.0),
        noise_db=(-10.0, 0.0),
        noise_hz=(4_500.0, 7_600.0),
        noise_octaves=(0.5, 1.5),
        noise_s=(0.02, 0.12),
        bursts=(1, 3),
        metal_db=(-4.0, 4.0),
        metal_hz=(3_000.0, 6_000.0),
        metal_octaves=(0.3, 1.2),
        metal_s=(0.04, 0.25),
        partials=(6, 20),
    ),
    Recipe(  # bongos, congas, timbales
        keys=(62, 60, 61, 63, 64, 65, 66),
        semitones=(0.0, 7.0, 2.0, -1.0, -6.0, 4.0, -2.0),
        level_db=(-9.0, -1.0),
        tone_db=(0.0, 0.0),
        tone_hz=(220.0, 420.0),
        tone_s=(0.02, 0.2),
        sweep_octaves=(0.0, 0.25),
        modes=5,
        noise_db=(-26.0, -6.0),
        noise_hz=(700.0, 4_000.0),
    ),
    Recipe(  # cowbell, agogos
        keys=(56, 67, 68),
        semitones=(0.0, 7.0, 2.0),
        level_db=(-12.0, -3.0),
        noise_db=(-30.0, -12.0),
        metal_db=(0.0, 0.0),
        metal_hz=(480.0, 950.0),
        metal_octaves=(1.0, 2.5),
        metal_s=(0.04, 0.35),
        partials=(2, 7),
    ),
    Recipe(  # claves, wood blocks
        keys=(75, 76, 77),
        semitones=(8.0, 0.0, -5.0),
        level_db=(-12.0, -3.0),
        tone_db=(0.0, 0.0),
        tone_hz=(650.0, 1_600.0),
        tone_s=(0.007, 0.06),
        modes=2,
        noise_db=(-30.0, -10.0),
    ),
    Recipe(  # triangle, damped
        keys=(80,),
        level_db=(-18.0, -8.0),
        metal_db=(0.0, 0.0),
        metal_hz=(1_500.0, 4_000.0),
        metal_octaves=(1.0, 2.0),
        metal_s=(0.03, 0.12),
        partials=(3, 8),
    ),
    Recipe(  # triangle
        keys=(81,),
        level_db=(-18.0, -8.0),
        metal_db=(0.0, 0.0),
        metal_hz=(1_500.0, 4_000.0),
        metal_octaves=(1.0, 2.0),
        metal_s=(0.3, 1.5),
        partials=(3, 8),
    ),
)
RECIPE_OF_KEY = {key: recipe for recipe in RECIPES for key in recipe.keys}
