"""libfluidsynth as a synthesiser that is told what to do sample block by sample block: a thin typed layer.

pyfluidsynth finds and loads the library; the calls are declared here, as the binding lacks most of them. Everything that decides
the sound is set here and not left to the library's version, and one thread plays, so that the same calls give the same samples.
FluidSynth works in blocks of 64 samples (``BLOCK_SAMPLES``, fixed when it is compiled): what it is told between two calls of
``Synth.play_into`` sounds from the first sample of the next block.

Pitches: FluidSynth cuts a voice's pitch down to whole cents (fluid_conv.c, ``fluid_ct2hz_real``). Half a cent in every channel's
tuning makes that the nearest cent. Its pitch wheel bends too little by 1/128, as it divides the range by 128 where SoundFont 2.04,
section 8.4.10, means 127 (fluid_mod.c); the amount of that modulator makes up for it.

Runs in child processes only (``corpora.child``). Source: FluidSynth API, https://www.fluidsynth.org/api/ (libfluidsynth 2 and 3 by
soname).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError, ToolError
from corpora.safe_text import safe_text

__all__ = ["BLOCK_SAMPLES", "MAX_CHANNELS", "MAX_GROUPS", "POLYPHONY", "Synth", "fluidsynth_version", "load_fluidsynth"]

BLOCK_SAMPLES = 64  # FLUID_BUFSIZE
MAX_CHANNELS, MAX_GROUPS = 256, 128
CHANNELS_IN_STEPS_OF = 16  # what synth.midi-channels must be a multiple of
POLYPHONY = 1024
KEYS, CENTS_PER_KEY, HALF_CENT = 128, 100.0, 0.5
ALL_CHANNELS, BEST_INTERPOLATION = -1, 7  # seventh order; a fifth more time than the fourth
BEND_CENTRE = 8192
WHEEL, WHEEL_RANGE, FINE_TUNE_GENERATOR, PITCH_GENERATOR = 14, 16, 52, 59  # of fluid_mod.h and fluid_gen.h
UNIPOLAR, BIPOLAR, OVERWRITE = 0, 2, 0
WHEEL_CENTS = 12_800.0  # 128 semitones: the range is divided by 128
SUSTAIN_PEDAL, SOSTENUTO_PEDAL, ALL_NOTES_OFF = 64, 66, 123
AT_REST = {0: 0, 7: 100, 10: 64, 11: 127}  # bank, level, pan and expression when a synthesiser is switched on
CHANNEL_TYPE_MELODIC, CHANNEL_TYPE_DRUM = 0, 1
MIN_NOTE_MS = 10
SETTINGS: dict[str, int | float | str] = {
    "synth.polyphony": POLYPHONY,
    "synth.cpu-cores": 1,  # more would add in an order that changes from run to run
    "synth.threadsafe-api": 0,
    "synth.lock-memory": 0,
    "synth.dynamic-sample-loading": 1,
    "synth.chorus.active": 0,
    "synth.reverb.active": 0,
    "synth.ladspa.active": 0,
    "synth.midi-bank-select": "gs",  # bank by CC 0; drum channels are those that we name
    "synth.min-note-length": MIN_NOTE_MS,
}

_Call: TypeAlias = Callable[..., int]


def load_fluidsynth() -> ModuleType:
    """The pyfluidsynth binding with its library loaded.

    Raises:
        ToolError: libfluidsynth or the binding is missing or broken.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the binding prints where it found the library when CI is set
            # Imported here: loads the C library, which may be missing, and may be broken.
            import fluidsynth
    except ImportError as error:
        raise ToolError(
            "libfluidsynth is not installed, so no SoundFont can be played: apt-get install libfluidsynth3 (Debian, Ubuntu),"
            f" brew install fluid-synth (macOS) [{error}]"
        ) from error
    except OSError as error:
        raise ToolError(f"libfluidsynth is there but cannot be loaded: {error}") from error
    if not hasattr(fluidsynth, "new_fluid_synth"):
        raise ToolError("the Python package 'fluidsynth' is not pyfluidsynth: pip uninstall fluidsynth, pip install pyfluidsynth")
    binding: ModuleType = fluidsynth
    return binding


def fluidsynth_version() -> str:
    """The version of libfluidsynth, for example "2.3.1".

    Raises:
        ToolError: As ``load_fluidsynth``.
    """
    binding = load_fluidsynth()
    numbers = [ctypes.c_int() for _ in range(3)]
    binding.fluid_version(*numbers)
    return ".".join(str(number.value) for number in numbers)


class Synth:
    """One FluidSynth instance with a font, dry.

    Channel ``c`` plays into the stereo pair ``c % groups`` of what ``play_into`` fills.

    Args:
        font: The SoundFont.
        sample_rate_hz: 8,000 to 96,000.
        channels: How many channels are played on, at most 256.
        groups: Stereo pairs, at most 128.
        drum_channels: Channels that play a font's drum sets.
        gain: synth.gain.

    Raises:
        InputError: The font cannot be loaded.
        ToolError: libfluidsynth is missing, too old, or does not start.
    """

    def __init__(
        self, font: Path, *, sample_rate_hz: int, channels: int, groups: int, drum_channels: frozenset[int], gain: float
    ) -> None:
        assert 1 <= channels <= MAX_CHANNELS
        assert 1 <= groups <= MAX_GROUPS
        self._fluid = load_fluidsynth()
        self._settings = self._fluid.new_fluid_settings()
        rounded = -(-channels // CHANNELS_IN_STEPS_OF) * CHANNELS_IN_STEPS_OF
        sizes = {"synth.midi-channels": rounded, "synth.audio-channels": groups, "synth.audio-groups": groups}
        for name, value in (SETTINGS | sizes | {"synth.sample-rate": float(sample_rate_hz), "synth.gain": gain}).items():
            self._set(name, value)
        self._synth = self._fluid.new_fluid_synth(self._settings)
        if not self._synth:
            raise ToolError("libfluidsynth could not start a synthesiser")
        self._declare_calls()
        if self._fluid.fluid_synth_sfload(self._synth, str(font).encode(), 1) < 0:
            raise InputError(
                f"SoundFont {safe_text(str(font))} cannot be loaded by libfluidsynth: it is broken or of an unknown kind"
            )
        self._channels, self._groups, self._drums = range(channels), groups, drum_channels
        self._keys_cents = np.tile(np.arange(KEYS) * CENTS_PER_KEY + HALF_CENT, (channels, 1))
        self._call("set_interp_method", ctypes.c_int, ctypes.c_int)(ALL_CHANNELS, BEST_INTERPOLATION)
        self._mend_wheel()
        self._switch_on()

    def _set(self, name: str, value: int | float | str) -> None:
        match value:
            case int():
                status = self._fluid.fluid_settings_setint(self._settings, name.encode(), value)
            case float():
                status = self._fluid.fluid_settings_setnum(self._settings, name.encode(), value)
            case _:
                status = self._fluid.fluid_settings_setstr(self._settings, name.encode(), value.encode())
        if status != 0:
            raise ToolError(f"libfluidsynth {fluidsynth_version()} refuses {name} = {value}")

    def _declare_calls(self) -> None:
        whole, pointer, text = ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p
        self.note_on = self._call("noteon", whole, whole, whole)
        self.note_off = self._call("noteoff", whole, whole)
        self.control_change = self._call("cc", whole, whole, whole)
        self.program_change = self._call("program_change", whole, whole)
        self._pitch_bend = self._call("pitch_bend", whole, whole)
        self.channel_pressure = self._call("channel_pressure", whole, whole)
        self.key_pressure = self._call("key_pressure", whole, whole, whole)
        self.set_generator = self._call("set_gen", whole, whole, ctypes.c_float)  # added to what the font says of each voice
        self._set_channel_type = self._call("set_channel_type", whole, whole)
        self._activate_key_tuning = self._call("activate_key_tuning", whole, whole, text, pointer, whole)
        self._activate_tuning = self._call("activate_tuning", whole, whole, whole, whole)
        self._tune_notes = self._call("tune_notes", whole, whole, whole, pointer, pointer, whole)
        self._process = self._call("process", whole, whole, pointer, whole, pointer)
        self._count_voices = self._call("get_active_voice_count")
        self._channel_preset = functools.partial(
            self._function("fluid_synth_get_channel_preset", pointer, pointer, whole), self._synth
        )
        self._bank_of = self._function("fluid_preset_get_banknum", whole, pointer)
        self._program_of = self._function("fluid_preset_get_num", whole, pointer)

    def _call(self, name: str, *arguments: Any) -> _Call:
        """``fluid_synth_<name>`` of this synthesiser; the arguments are those after it."""
        return functools.partial(self._function(f"fluid_synth_{name}", ctypes.c_int, ctypes.c_void_p, *arguments), self._synth)

    def _function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        fields = [(f"argument{place}", kind, 1) for place, kind in enumerate(arguments)]
        function: Callable[..., Any] | None = self._fluid.cfunc(name, result, *fields)
        if function is None:
            raise ToolError(f"libfluidsynth {fluidsynth_version()} has no {name}, expected version 2.0 or newer")
        return function

    def _mend_wheel(self) -> None:
        """Replace the amount of the default modulator from wheel and range to pitch."""
        pointer, whole = ctypes.c_void_p, ctypes.c_int
        modulator = self._function("new_fluid_mod", pointer)()
        for name, source, flags in (("source1", WHEEL, BIPOLAR), ("source2", WHEEL_RANGE, UNIPOLAR)):
            self._function(f"fluid_mod_set_{name}", None, pointer, whole, whole)(modulator, source, flags)
        for generator in (PITCH_GENERATOR, FINE_TUNE_GENERATOR):  # of earlier and of later versions
            self._function("fluid_mod_set_dest", None, pointer, whole)(modulator, generator)
            self._call("remove_default_mod", pointer)(modulator)
        self._function("fluid_mod_set_amount", None, pointer, ctypes.c_double)(modulator, WHEEL_CENTS)
        self._call("add_default_mod", pointer, whole)(modulator, OVERWRITE)
        self._function("delete_fluid_mod", None, pointer)(modulator)

    def _switch_on(self) -> None:
        """Kinds, programs, controllers and tunings of all channels, also of those that FluidSynth sets up in its own way."""
        for channel in self._channels:
            self._set_channel_type(channel, CHANNEL_TYPE_DRUM if channel in self._drums else CHANNEL_TYPE_MELODIC)
            for controller, value in AT_REST.items():
                self.control_change(channel, controller, value)
            self.program_change(channel, 0)
            bank, number = _place_of_tuning(channel)
            self._activate_key_tuning(bank, number, b"", self._keys_cents[channel].ctypes.data, 0)
            self._activate_tuning(channel, bank, number, 0)

    def tune_key(self, channel: int, key: int, cents: float) -> None:
        """Let notes of a key that begin from now on sound ``cents`` above it; those that sound already stay."""
        pitch = key * CENTS_PER_KEY + cents + HALF_CENT
        if self._keys_cents[channel, key] != pitch:
            self._keys_cents[channel, key] = pitch
            keys, pitches = ctypes.c_int(key), ctypes.c_double(pitch)
            self._tune_notes(*_place_of_tuning(channel), 1, ctypes.addressof(keys), ctypes.addressof(pitches), 0)

    def preset(self, channel: int) -> tuple[int, int] | None:
        """Bank (128 for drums) and program that a channel plays; None when the font has nothing for it."""
        found = self._channel_preset(channel)
        return (self._bank_of(found), self._program_of(found)) if found else None

    def pitch_bend(self, channel: int, bend: int) -> None:
        """Turn the wheel to -8192 ... 8191, 0 its centre."""
        self._pitch_bend(channel, bend + BEND_CENTRE)

    def let_go(self) -> None:
        """Lift all keys and pedals."""
        for channel in self._channels:
            for controller in (SUSTAIN_PEDAL, SOSTENUTO_PEDAL, ALL_NOTES_OFF):
                self.control_change(channel, controller, 0)

    @property
    def voices(self) -> int:
        """Voices that sound now."""
        return self._count_voices()

    def play_into(self, pairs: NDArray[np.float32], start: int, end: int) -> None:
        """Add the next ``end - start`` samples, a multiple of ``BLOCK_SAMPLES``, to ``pairs[:, start:end]``.

        Args:
            pairs: float32 (2 x groups, samples), C-contiguous: left and right of each pair.
            start: First sample to fill.
            end: One past the last.

        Raises:
            ToolError: libfluidsynth failed.
        """
        assert pairs.flags.c_contiguous
        assert len(pairs) == 2 * self._groups
        assert (end - start) % BLOCK_SAMPLES == 0
        rows = pairs.ctypes.data + pairs.strides[0] * np.arange(len(pairs), dtype=np.uintp) + np.uintp(start * pairs.itemsize)
        if self._process(end - start, 0, None, len(rows), rows.ctypes.data) != 0:
            raise ToolError("libfluidsynth failed while rendering")

    def close(self) -> None:
        """Free the synthesiser and its settings."""
        self._fluid.delete_fluid_synth(self._synth)
        self._fluid.delete_fluid_settings(self._settings)


def _place_of_tuning(channel: int) -> tuple[int, int]:
    """Bank and number of a channel's own tuning, far from those that files name."""
    return 127 - channel // 128, channel % 128
