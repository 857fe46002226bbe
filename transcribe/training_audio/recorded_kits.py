"""SoundFonts of recorded drums, to train on beside the kits that fonts have: ``make_kit_fonts``.

Kits are folders: those of Hydrogen, whose ``drumkit.xml`` says which file sounds at which strength, or sounds whose names tell what
they are (Sonic Pi's). Which drum a sound is follows from its name (``DRUM_NAMES``); what tells nothing is left out. A font has a
whole kit at each program of ``SETS``: what a kit lacks comes from another, or is drawn (``synthetic_kit``) where none has it, and
where a kit has more sounds than there are keys for them, the next font has the others. How loud each drum is, is drawn as for drawn
ones (``drum_recipes``): recorded hi-hats may be twenty decibels below their bass drum, and what nobody hears teaches to guess.

Run: ``python -m transcribe.training_audio.recorded_kits KIT... -o FOLDER [--fonts 4]``. Kits of free licence, as Debian has them in
``hydrogen-drumkits`` and ``sonic-pi-samples``; the licence of each is told there.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
from defusedxml import ElementTree
from numpy.typing import NDArray

from corpora.audio import AUDIO_SUFFIXES, read_audio
from corpora.errors import InputError
from corpora.safe_text import safe_text
from render.ddsp.analysis import mono
from render.ddsp.frames import SAMPLE_RATE_HZ as SOURCE_RATE_HZ
from render.sampler.font_file import BANK_OF_DRUMS
from transcribe.frames.drums import DRUM_CLASS_OF_KEY, DRUM_CLASSES
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.drum_recipes import RECIPE_OF_KEY
from transcribe.training_audio.drums import SETS
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ
from transcribe.training_audio.font_writer import FontSample, Zone, write_font
from transcribe.training_audio.synthetic_kit import MEASURED_S, SyntheticKit

__all__ = ["DRUM_NAMES", "Layer", "keys_of_name", "make_kit_fonts", "read_kit"]

KIT_FILE = "drumkit.xml"
LONGEST_S, FADE_S = 3.0, 0.05
SILENT = 0.02  # of the peak, before a sound begins
PRE_ROLL_S = 0.0005
LEVEL, PEAK, INT16 = 0.1, 0.98, 32_767  # of a bass drum: root mean square of its beginning, and the most that any sound may have
RELEASE_S = 8.0  # struck things ring on when the key goes up
HIGHEST = 127
# What a name has in it, and the General MIDI keys that such a sound is for; the first that fits says.
DRUM_NAMES: tuple[tuple[str, tuple[int, ...]], ...] = (
    (r"roll|loop|\bfx|zap|whistle|noise", ()),
    (r"cowbell|cow bell", (56,)),
    (r"agogo", (67, 68)),
    (r"clave", (75,)),
    (r"wood", (76, 77)),
    (r"triangle", (80, 81)),
    (r"tamb", (54,)),
    (r"maraca|shaker|cabasa", (70, 69, 82)),
    (r"bongo", (60, 61)),
    (r"conga|tabla", (62, 63, 64)),
    (r"timbale", (65, 66)),
    (r"clap|snap", (39,)),
    (r"rim ?click|side ?stick|\bstick", (37, 31)),
    (r"kick|bass ?drum|^bd_|drum_bass", (36, 35)),
    (r"snare|^sn_", (38, 40)),
    (r"semi|swish|choke", ()),
    (r"pedal hh|pedal hat|(hat|hh).*(pedal|pd)|cymbal_pedal", (44,)),
    (r"open(ed)? hh|open hat|(hat|hh).*(open|\bop\b|free)|side ohh|cymbal_open", (46,)),
    (r"hat|\bhh\b|cymbal_closed", (42,)),
    (r"tom.*(low|lo_)|floor|low tom|tomlow", (41, 43, 45)),
    (r"tom.*mid|mid(dle)? tom", (47,)),
    (r"tom", (48, 50)),
    (r"splash", (55,)),
    (r"china", (52,)),
    (r"ride.*(bell|cup)", (53,)),
    (r"ride", (51, 59)),
    (r"crash|cymbal", (49, 57)),
)
KEYS = tuple(sorted(DRUM_CLASS_OF_KEY))

Sound = NDArray[np.float64]


class Layer(NamedTuple):
    """A sound of a drum and the strengths at which it is played, 0 to 1."""

    sound: Sound
    softest: float = 0.0
    hardest: float = 1.0


Kit = Mapping[int, Sequence[Sequence[Layer]]]  # the drums that there are for a key


def keys_of_name(name: str) -> tuple[int, ...]:
    """General MIDI keys that a sound of this name is for; none where the name does not tell."""
    return next((keys for pattern, keys in DRUM_NAMES if re.search(pattern, name.lower())), ())


def _read_sound(path: Path) -> Sound:
    """From where it begins, mono, at the rate at which fonts play here, at any level."""
    audio = read_audio(path)
    samples = np.asarray(soxr.resample(mono(audio), SOURCE_RATE_HZ, PLAYED_RATE_HZ), dtype=np.float64)
    loud = np.abs(samples)
    first = int((loud > SILENT * loud.max(initial=0.0)).argmax()) if len(loud) else 0
    samples = samples[max(first - round(PRE_ROLL_S * PLAYED_RATE_HZ), 0) :][: round(LONGEST_S * PLAYED_RATE_HZ)]
    fade = min(round(FADE_S * PLAYED_RATE_HZ), len(samples))
    return np.asarray(samples * np.concatenate([np.ones(len(samples) - fade), np.linspace(1.0, 0.0, fade)]), dtype=np.float64)


def _number(element: Any, name: str, other: float) -> float:
    text = element.findtext(f"{{*}}{name}")
    return float(text) if text else other


def _layers(folder: Path, instrument: Any) -> list[Layer]:
    """Of an instrument of ``drumkit.xml``; older files have one without saying so."""
    found = []
    for layer in [element for element in instrument.iter() if element.tag.endswith("layer")] or [instrument]:
        path = folder / (layer.findtext("{*}filename") or "")
        if path.is_file() and "emptysample" not in path.name.lower():
            found.append(Layer(_read_sound(path), _number(layer, "min", 0.0), _number(layer, "max", 1.0)))
    return [layer for layer in found if np.any(layer.sound)]


def _named_drums(folder: Path) -> list[tuple[str, list[Layer]]]:
    """Names of a kit's sounds, and their layers."""
    told = folder / KIT_FILE
    if told.is_file():
        try:
            tree = ElementTree.parse(told)
        except (ElementTree.ParseError, ValueError) as error:
            raise InputError(f"{safe_text(str(told))}: expected a drum kit of Hydrogen: {error}") from None
        named = [(element.findtext("{*}name") or "", element) for element in tree.iter() if element.tag.endswith("instrument")]
        return [(name, _layers(folder, element)) for name, element in named if keys_of_name(name)]
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES) if folder.is_dir() else []
    return [(path.stem, [Layer(_read_sound(path))]) for path in files if keys_of_name(path.stem)]


def read_kit(folder: Path) -> Kit:
    """A kit: the softer layers of a drum are as loud as its loudest, since strength is the player's.

    Args:
        folder: With ``drumkit.xml``, or with sounds alone.

    Raises:
        InputError: There is no sound that a name tells of, or one cannot be read.
    """
    kit: dict[int, list[list[Layer]]] = {}
    for name, layers in _named_drums(folder):
        even = [layer._replace(sound=layer.sound / _loudness(layer.sound)) for layer in layers]
        for key in keys_of_name(name) if even else ():
            kit.setdefault(key, []).append(even)
    if not kit:
        raise InputError(f"{safe_text(str(folder))}: expected drums whose names tell what they are, there are none")
    return kit


def _loudness(sound: Sound) -> float:
    """Root mean square of the beginning, as of sounds that are drawn."""
    size = round(MEASURED_S * PLAYED_RATE_HZ)
    return float(np.sqrt(np.square(sound[:size]).sum() / size))


def _zones(layers: Sequence[Layer], key: int, gain: float, samples: list[FontSample]) -> list[Zone]:
    """Of one key; its samples are added to the others."""
    gain = min([gain, *(PEAK / float(np.abs(layer.sound).max()) for layer in layers)])
    zones = []
    ordered = sorted(layers, key=lambda layer: layer.hardest)
    softest = 0
    for place, layer in enumerate(ordered):
        hardest = HIGHEST if place == len(ordered) - 1 else min(round(layer.hardest * HIGHEST), HIGHEST - 1)
        if hardest < softest:
            continue
        samples.append(FontSample(np.rint(gain * layer.sound * INT16).astype(np.int16), PLAYED_RATE_HZ, key))
        zones.append(Zone(len(samples) - 1, (key, key), (softest, hardest), RELEASE_S))
        softest = hardest + 1
    return zones


def _drums_by_key(kit: Kit) -> dict[int, list[Sequence[Layer]]]:
    """Those for a key, or where there are none, those for others of its class."""
    found = {}
    for key in KEYS:
        others = (other for other in DRUM_CLASSES[DRUM_CLASS_OF_KEY[key]].keys)
        found[key] = [*kit.get(key, ())] or [drum for other in others for drum in kit.get(other, ())]
    return found


def _drawn(key: int, kit: SyntheticKit) -> Sequence[Layer]:
    """A sound that nobody recorded."""
    sound = np.asarray(soxr.resample(kit.hit(key), SAMPLE_RATE_HZ, PLAYED_RATE_HZ), dtype=np.float64)
    return [Layer(sound / _loudness(sound))]


def make_kit_fonts(kits: Sequence[Path], folder: Path, fonts: int = 4, seed: int = 0) -> list[Path]:
    """Write fonts of drums; gives their paths, ``kits-1.sf2`` and so on.

    Args:
        kits: Folders.
        folder: Of the fonts.
        fonts: How many; each begins with another kit.
        seed: Of what comes from other kits where one lacks it.

    Raises:
        InputError: A kit cannot be read.
    """
    read = [_drums_by_key(read_kit(kit)) for kit in kits]
    pool = {key: [drum for kit in read for drum in kit[key]] for key in KEYS}
    paths = []
    for number in range(fonts):
        rng = np.random.default_rng([seed, number])
        samples: list[FontSample] = []
        presets: dict[int, tuple[str, list[Zone]]] = {}
        for place, program in enumerate(SETS):
            which = (place + number) % len(read)
            synthetic = SyntheticKit(rng)
            zones: list[Zone] = []
            for turn, key in enumerate(KEYS):
                own, others = read[which][key], pool[key]
                if own:
                    drum = own[(number + turn) % len(own)]
                else:
                    drum = others[int(rng.integers(len(others)))] if others else _drawn(key, synthetic)
                level_db = rng.uniform(*RECIPE_OF_KEY[key].level_db)
                zones += _zones(drum, key, LEVEL * 10 ** (level_db / 20), samples)
            presets[program] = (kits[which].name, zones)
        paths.append(folder / f"kits-{number + 1}.sf2")
        write_font(paths[-1], paths[-1].stem, samples, presets, bank=BANK_OF_DRUMS)
    return paths


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("kits", type=Path, nargs="+", help="folders of drum kits")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the fonts")
    parser.add_argument("--fonts", type=int, default=4, help="how many")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    make_kit_fonts(given.kits, given.output, given.fonts)


if __name__ == "__main__":
    main()
