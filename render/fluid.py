"""Plays a list of events through libfluidsynth, faster than real time, into raw sample files.

Runs in a child process (``corpora.child``), never beside the caller. Events fall on FluidSynth's grid of 64 samples, each at the
nearest place, so that an onset is at most 32 samples (0.73 ms at 44.1 kHz) off. FluidSynth cuts pitches down to whole cents
(fluid_conv.c, ``fluid_ct2hz_real``); half a cent on every channel makes that the nearest cent. Everything that decides the sound
is set here and not left to the library's version; two renderings of the same events are the same bytes.

Source: FluidSynth API, https://www.fluidsynth.org/api/ (libfluidsynth 2 and 3 by soname), through the pyfluidsynth binding.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError, ToolError
from render.midi_events import CHANNELS_OF_A_PORT, PlayEvent, midi_to_events

__all__ = ["CHANNEL_FILES", "fluidsynth_version", "render_to_files"]

CHANNEL_FILES = ("left.f32", "right.f32")
BLOCK_SAMPLES = 64  # FLUID_BUFSIZE
CHUNK_BLOCKS = 1024
POLYPHONY = 1024
MAX_TAIL_S = 10.0
QUIET_S = 0.1  # the tail ends when it has been this quiet for so long
QUIET_RATIO = 1e-4  # -80 dB below the loudest sample so far
SUSTAIN_PEDAL, SOSTENUTO_PEDAL, ALL_NOTES_OFF = 64, 66, 123
RESET_ALL_CONTROLLERS = 121
BEND_CENTRE = 8192
FINE_TUNE_GENERATOR, HALF_CENT = 52, 0.5  # SoundFont 2.04, section 8.1.2: fineTune
DRUM_CHANNEL, CHANNEL_TYPE_DRUM = 9, 1
REVERB = {"synth.reverb.room-size": 0.55, "synth.reverb.damp": 0.3, "synth.reverb.width": 0.8, "synth.reverb.level": 0.7}


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
            "libfluidsynth is not installed, so nothing can be rendered to sound: apt-get install libfluidsynth3 (Debian, Ubuntu),"
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


class _Synth:
    """One FluidSynth instance with its settings, font and the calls that pyfluidsynth leaves out."""

    def __init__(self, font: Path, sample_rate_hz: int, channels: int, gain: float, reverb: bool) -> None:
        self.fluid = load_fluidsynth()
        self._declare_missing_calls()
        self.settings = self.fluid.new_fluid_settings()
        self._set("synth.sample-rate", float(sample_rate_hz))
        self._set("synth.gain", gain)
        self._set("synth.polyphony", POLYPHONY)
        self._set("synth.midi-channels", channels)
        self._set("synth.cpu-cores", 1)  # more would add in an order that changes from run to run
        self._set("synth.lock-memory", 0)
        self._set("synth.dynamic-sample-loading", 1)
        self._set("synth.chorus.active", 0)
        self._set("synth.reverb.active", int(reverb))
        for name, value in REVERB.items():
            self._set(name, value)
        self.synth = self.fluid.new_fluid_synth(self.settings)
        if not self.synth:
            raise ToolError("libfluidsynth could not start a synthesiser")
        if self.fluid.fluid_synth_sfload(self.synth, str(font).encode(), 1) < 0:
            raise InputError(f"SoundFont {font} cannot be loaded by libfluidsynth: it is broken or of an unknown kind")
        for channel in range(CHANNELS_OF_A_PORT + DRUM_CHANNEL, channels, CHANNELS_OF_A_PORT):  # the first port's it knows
            self.channel_type(self.synth, channel, CHANNEL_TYPE_DRUM)
            self.fluid.fluid_synth_program_change(self.synth, channel, 0)
        self._channels = range(channels)
        self._round_cents(self._channels)

    def _declare_missing_calls(self) -> None:
        c_int, c_void_p, c_char_p = ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p
        fields = [("len", c_int), ("left", c_void_p), ("loff", c_int), ("lincr", c_int)]
        fields += [("right", c_void_p), ("roff", c_int), ("rincr", c_int)]
        self.write_float = self._call("fluid_synth_write_float", *fields)
        self.channel_pressure = self._call("fluid_synth_channel_pressure", ("chan", c_int), ("val", c_int))
        self.key_pressure = self._call("fluid_synth_key_pressure", ("chan", c_int), ("key", c_int), ("val", c_int))
        generator = [("chan", c_int), ("param", c_int), ("value", ctypes.c_float)]
        self.set_generator = self._call("fluid_synth_set_gen", *generator)
        sysex = [("data", c_char_p), ("len", c_int), ("response", c_void_p), ("response_len", c_void_p)]
        self.channel_type = self._call("fluid_synth_set_channel_type", ("chan", c_int), ("type", c_int))
        self.sysex = self._call("fluid_synth_sysex", *sysex, ("handled", c_void_p), ("dryrun", c_int))

    def _call(self, name: str, *fields: tuple[str, Any]) -> Any:
        arguments = [("synth", ctypes.c_void_p, 1), *((field, kind, 1) for field, kind in fields)]
        return self.fluid.cfunc(name, ctypes.c_int, *arguments)

    def _set(self, name: str, value: int | float) -> None:
        setter = self.fluid.fluid_settings_setint if isinstance(value, int) else self.fluid.fluid_settings_setnum
        if setter(self.settings, name.encode(), value) != 0:
            raise ToolError(f"libfluidsynth refuses {name} = {value}")

    def play(self, event: PlayEvent) -> None:
        """Tell the synthesiser one event; what it cannot do (a key already off, say) is let go."""
        fluid, synth, channel = self.fluid, self.synth, event.channel
        match event.kind:
            case "note_on":
                fluid.fluid_synth_noteon(synth, channel, event.first, event.second)
            case "note_off":
                fluid.fluid_synth_noteoff(synth, channel, event.first)
            case "control_change":
                fluid.fluid_synth_cc(synth, channel, event.first, event.second)
                if event.first == RESET_ALL_CONTROLLERS:
                    self._round_cents([channel])
            case "program_change":
                fluid.fluid_synth_program_change(synth, channel, event.first)
            case "pitchwheel":
                fluid.fluid_synth_pitch_bend(synth, channel, event.first + BEND_CENTRE)
            case "aftertouch":
                self.channel_pressure(synth, channel, event.first)
            case "polytouch":
                self.key_pressure(synth, channel, event.first, event.second)
            case "sysex":
                self.sysex(synth, event.data, len(event.data), None, None, None, 0)
                self._round_cents(self._channels)  # it may have been a reset

    def _round_cents(self, channels: Iterable[int]) -> None:
        """Make whole cents out of truncated ones the nearest."""
        for channel in channels:
            self.set_generator(self.synth, channel, FINE_TUNE_GENERATOR, HALF_CENT)

    def let_go(self, channels: int) -> None:
        """Lift all keys and pedals."""
        for channel in range(channels):
            for controller in (SUSTAIN_PEDAL, SOSTENUTO_PEDAL, ALL_NOTES_OFF):
                self.fluid.fluid_synth_cc(self.synth, channel, controller, 0)

    @property
    def voices(self) -> int:
        """Voices that still sound."""
        return int(self.fluid.fluid_synth_get_active_voice_count(self.synth))

    def samples(self, blocks: int) -> NDArray[np.float32]:
        """The next ``blocks`` x 64 samples, shape (2, samples)."""
        out = np.empty((2, blocks * BLOCK_SAMPLES), dtype=np.float32)
        left, right = (row.ctypes.data for row in out)
        if self.write_float(self.synth, out.shape[1], left, 0, 1, right, 0, 1) != 0:
            raise ToolError("libfluidsynth failed while rendering")
        return out

    def close(self) -> None:
        """Free the synthesiser and its settings."""
        self.fluid.delete_fluid_synth(self.synth)
        self.fluid.delete_fluid_settings(self.settings)


class _Tape:
    """The two growing sample files and the loudest sample so far."""

    def __init__(self, folder: Path) -> None:
        self.files = [(folder / name).open("wb") for name in CHANNEL_FILES]
        self.peak = 0.0
        self.length = 0

    def append(self, samples: NDArray[np.float32]) -> float:
        """Add samples (2, samples); returns their own peak."""
        peak = float(np.abs(samples).max())
        if not np.isfinite(peak):
            raise ToolError("libfluidsynth gave samples that are not finite")
        for row, file in zip(samples, self.files, strict=True):
            file.write(row.tobytes())
        self.peak = max(self.peak, peak)
        self.length += samples.shape[1]
        return peak

    def close(self) -> None:
        for file in self.files:
            file.close()


def render_to_files(
    midi: bytes, font: Path, folder: Path, sample_rate_hz: int, gain: float, reverb: bool, name: str
) -> dict[str, float | int | str]:
    """Play a MIDI file into ``folder``/left.f32 and right.f32 (native float32, no header).

    Args:
        midi: A Standard MIDI File.
        font: The SoundFont.
        folder: An existing folder.
        sample_rate_hz: 8,000 to 96,000.
        gain: FluidSynth's synth.gain, 0 to 10.
        reverb: Whether FluidSynth's own room is added.
        name: Of the music, for messages.

    Returns:
        ``samples`` in each file, the largest absolute sample ``peak``, and the ``version`` of libfluidsynth.

    Raises:
        InputError: The MIDI or the font cannot be used.
        ToolError: libfluidsynth is missing or failed.
    """
    events = midi_to_events(midi, sample_rate_hz, name)
    channels = CHANNELS_OF_A_PORT * (max(event.channel for event in events) // CHANNELS_OF_A_PORT + 1)
    synth = _Synth(font, sample_rate_hz, channels, gain, reverb)
    tape = _Tape(folder)
    try:
        done = 0
        for event in events:
            block = (event.sample + BLOCK_SAMPLES // 2) // BLOCK_SAMPLES
            while done < block:
                blocks = min(block - done, CHUNK_BLOCKS)
                tape.append(synth.samples(blocks))
                done += blocks
            synth.play(event)
        synth.let_go(channels)
        _ring_out(synth, tape, sample_rate_hz)
    finally:
        tape.close()
        synth.close()
    return {"samples": tape.length, "peak": tape.peak, "version": fluidsynth_version()}


def _ring_out(synth: _Synth, tape: _Tape, sample_rate_hz: int) -> None:
    """Render until all voices are off and the room is quiet, at most ``MAX_TAIL_S``."""
    blocks_at_once = max(1, round(QUIET_S * sample_rate_hz / BLOCK_SAMPLES))
    end = tape.length + round(MAX_TAIL_S * sample_rate_hz)
    while tape.length < end:
        peak = tape.append(synth.samples(blocks_at_once))
        if synth.voices == 0 and peak <= QUIET_RATIO * tape.peak:
            return
