"""A tuning as the message that MIDI synthesisers take: the bulk dump of the MIDI Tuning Standard.

Each of the 128 keys has a key of equal temperament and a fraction of a semitone above it in 14 bits, so the resolution is 0.0061
cents.

Source: MIDI Tuning Standard (MMA, in "MIDI 1.0 Detailed Specification", 1996 and RP-020), "Bulk Tuning Dump".
"""

from __future__ import annotations

from functools import reduce
from operator import xor

from corpora.errors import RequestError
from render.tuning.tunings import Tuning

__all__ = ["ALL_DEVICES", "bulk_dump", "frequency_data"]

NON_REAL_TIME, ALL_DEVICES = 0x7E, 0x7F
MIDI_TUNING, BULK_DUMP_REPLY = 0x08, 0x01
START, END = 0xF0, 0xF7
NAME_CHARACTERS = 16
KEYS = 128
FRACTIONS = 1 << 14
NO_CHANGE = bytes([0x7F, 0x7F, 0x7F])
HIGHEST = KEYS * FRACTIONS - 2  # the value above it means "no change"


def frequency_data(height: float | None) -> bytes:
    """A height in MIDI semitones as three bytes; "no change" for None, the nearest that can be said beyond either end.

    >>> frequency_data(69.0).hex(" ")
    '45 00 00'
    """
    if height is None:
        return NO_CHANGE
    value = min(max(round(height * FRACTIONS), 0), HIGHEST)
    return bytes([value >> 14, value >> 7 & 0x7F, value & 0x7F])


def bulk_dump(tuning: Tuning, *, program: int = 0, device: int = ALL_DEVICES) -> bytes:
    """The message, F0 to F7: 408 bytes.

    Args:
        tuning: Any tuning; its name is cut to 16 characters, what is not ASCII becomes "?".
        program: Tuning program to write, 0-127.
        device: 0-126, or 127 for all.

    Raises:
        RequestError: A number outside its range.
    """
    for what, value in (("tuning program", program), ("device", device)):
        if not 0 <= value < KEYS:
            raise RequestError(f"{what}: expected 0 to {KEYS - 1}, got {value}")
    name = tuning.name.encode("ascii", "replace")[:NAME_CHARACTERS].ljust(NAME_CHARACTERS)
    data = b"".join(frequency_data(tuning.height(key)) for key in range(KEYS))
    body = bytes([NON_REAL_TIME, device, MIDI_TUNING, BULK_DUMP_REPLY, program]) + name + data
    return bytes([START]) + body + bytes([reduce(xor, body) & 0x7F, END])
