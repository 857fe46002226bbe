"""Pitch bends of a MIDI file as cents: how each channel is tuned at each tick, and what that makes of a note.

A bend counts for its channel (and port) whatever track it stands in; of several at one tick the last in track order holds. Its size
follows the bend range, registered parameter 0 (controllers 101, 100, 6, 38), two semitones where the file says nothing. "Reset all
controllers" centres the wheel (MMA RP-015). A note has cents where the bend holds still while it sounds and is less than a
semitone: what moves is a gesture, and what is wider a transposition; both stay events.

Source: MIDI 1.0 Detailed Specification (MMA), "Pitch Bend Change" and "Registered Parameter Numbers".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from corpora.midi.events import META, PITCH_BEND, SYSTEM, MidiFile, Track
from corpora.piece import CENTS_PER_SEMITONE

__all__ = ["BEND_CENTRE", "DEFAULT_RANGE_CENTS", "Bends", "bend_message", "bend_of_cents", "range_messages"]

CONTROLLER = 0xB0
DATA_ENTRY, DATA_ENTRY_FINE, NRPN_FINE, NRPN, RPN_FINE, RPN, RESET_ALL = 6, 38, 98, 99, 100, 101, 121
BEND_RANGE = (0, 0)  # the registered parameter, coarse and fine number
NO_PARAMETER = (127, 127)
PORT = 0x21
BEND_CENTRE = 8192
MAX_BEND = 16383
DEFAULT_RANGE_CENTS = 2 * CENTS_PER_SEMITONE


def bend_of_cents(cents: float, range_cents: int = DEFAULT_RANGE_CENTS) -> int:
    """The wheel's distance from its centre, -8192 to 8191, that is nearest to some cents."""
    return min(max(round(cents * BEND_CENTRE / range_cents), -BEND_CENTRE), MAX_BEND - BEND_CENTRE)


def bend_message(channel: int, bend: int) -> bytes:
    """The event that sets a channel's wheel so far from its centre."""
    value = bend + BEND_CENTRE
    return bytes([PITCH_BEND | channel, value & 0x7F, value >> 7])


def range_messages(channel: int) -> list[bytes]:
    """The events that set a channel's bend range to two semitones, and then no parameter."""
    settings = (RPN, BEND_RANGE[0]), (RPN_FINE, BEND_RANGE[1]), (DATA_ENTRY, 2), (DATA_ENTRY_FINE, 0)
    nothing = (RPN, NO_PARAMETER[0]), (RPN_FINE, NO_PARAMETER[1])
    return [bytes([CONTROLLER | channel, number, value]) for number, value in (*settings, *nothing)]


class _Channel:
    """One channel of one port, told its events in order."""

    def __init__(self) -> None:
        self.ticks: list[int] = []  # where the tuning changes, ascending
        self.cents: list[float] = []  # from there on
        self.ranges: list[int] = []  # bend range from there on, in cents
        self.wheels: list[int] = []  # and how far the wheel is from its centre
        self._bend = 0
        self._range = [2, 0]  # semitones, cents
        self._parameter: tuple[int, int] | None = None  # the registered parameter that data entries are for

    def tell(self, tick: int, status: int, first: int, second: int) -> None:
        """Take a bend or a controller."""
        if status & 0xF0 == PITCH_BEND:
            self._bend = (second << 7 | first) - BEND_CENTRE
        elif first == RESET_ALL:
            self._bend, self._parameter = 0, None
        elif first in (RPN, RPN_FINE):
            coarse, fine = self._parameter or NO_PARAMETER
            self._parameter = (second, fine) if first == RPN else (coarse, second)
            return
        elif first in (NRPN, NRPN_FINE):
            self._parameter = None
            return
        elif first in (DATA_ENTRY, DATA_ENTRY_FINE) and self._parameter == BEND_RANGE:
            self._range[first == DATA_ENTRY_FINE] = second
        else:
            return
        range_cents = CENTS_PER_SEMITONE * self._range[0] + self._range[1]
        self._stand(tick, self._bend * range_cents / BEND_CENTRE, range_cents)

    def _stand(self, tick: int, cents: float, range_cents: int) -> None:
        if self.ticks and self.ticks[-1] == tick:
            del self.ticks[-1], self.cents[-1], self.ranges[-1], self.wheels[-1]
        stood = (self.wheels[-1], self.ranges[-1]) if self.ticks else (0, DEFAULT_RANGE_CENTS)
        if (self._bend, range_cents) != stood:
            self.ticks.append(tick)
            self.wheels.append(self._bend)
            self.cents.append(cents)
            self.ranges.append(range_cents)


class Bends:
    """The tuning of every channel of a file.

    Args:
        file: The file.
    """

    def __init__(self, file: MidiFile) -> None:
        self.ports = [_port(file.data, track) for track in file.tracks]
        self._channels: dict[tuple[int, int], _Channel] = {}
        events = [event for index, track in enumerate(file.tracks) for event in _events(file.data, index, track)]
        events.sort(key=lambda event: event[0])  # stable: track order, then file order
        for tick, track_index, status, first, second in events:
            key = self.ports[track_index], status & 0x0F
            self._channels.setdefault(key, _Channel()).tell(tick, status, first, second)

    def range_at(self, track: int, channel: int, tick: int) -> int:
        """Bend range of a track's channel at a tick, in cents."""
        found = self._at(track, channel, tick)
        return found[0].ranges[found[1]] if found else DEFAULT_RANGE_CENTS

    def wheel_at(self, track: int, channel: int, tick: int) -> int:
        """How far the wheel of a track's channel is from its centre at a tick."""
        found = self._at(track, channel, tick)
        return found[0].wheels[found[1]] if found else 0

    def cents_at(self, track: int, channel: int, tick: int) -> float:
        """What a track's channel sounds above its keys at a tick, however wide."""
        found = self._at(track, channel, tick)
        return found[0].cents[found[1]] if found else 0.0

    def of_note(self, track: int, channel: int, onset: int, end: int) -> float | None:
        """Cents of a note, -100 < cents < 100; None where the bend moves while it sounds or passes a semitone."""
        cents = self.cents_at(track, channel, onset)
        return cents if abs(cents) < CENTS_PER_SEMITONE and self.is_still(track, channel, onset, end) else None

    def is_still(self, track: int, channel: int, onset: int, end: int) -> bool:
        """Whether a track's channel keeps its tuning from ``onset`` until just before ``end``."""
        state = self._channels.get((self.ports[track], channel))
        if state is None:
            return True
        cents = self.cents_at(track, channel, onset)
        following = bisect_right(state.ticks, onset)
        while following < len(state.ticks) and state.ticks[following] < end:
            if state.cents[following] != cents:  # a new range alone does not move a centred wheel
                return False
            following += 1
        return True

    def _at(self, track: int, channel: int, tick: int) -> tuple[_Channel, int] | None:
        state = self._channels.get((self.ports[track], channel))
        found = bisect_right(state.ticks, tick) - 1 if state else -1
        return (state, found) if state and found >= 0 else None


def _events(data: bytes, index: int, track: Track) -> Iterator[tuple[int, int, int, int, int]]:
    """Bends and controllers of a track: tick, track, status and the two data bytes."""
    for event, status in enumerate(track.statuses):
        if status & 0xF0 in (PITCH_BEND, CONTROLLER) and status < SYSTEM:
            after = track.delta_starts[event + 1]
            yield track.ticks[event], index, status, data[after - 2], data[after - 1]


def _port(data: bytes, track: Track) -> int:
    """The port that a track names first, 0 where it names none."""
    for event, status in enumerate(track.statuses):
        place = track.starts[event] + 1
        if status == META and data[place] == PORT and data[place + 1] == 1:
            return data[place + 2]
    return 0
