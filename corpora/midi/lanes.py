"""Which channels of a track make a lane: one each, or all together where the track says so.

A channel has but one bend, so notes of several cents in one lane need several channels. The writer then marks the track with a
sequencer-specific event, by which the reader knows that it is one lane. Other programs may drop the event: the lane then comes
back as one a channel.
"""

from __future__ import annotations

from collections.abc import Iterable

from corpora.midi.events import META, MidiFile, Track

__all__ = ["DRUM_CHANNEL", "ONE_LANE_EVENT", "lane_channels"]

DRUM_CHANNEL = 9
SEQUENCER_SPECIFIC = 0x7F
NON_COMMERCIAL = 0x7D  # the manufacturer's number that is nobody's
_BODY = bytes([NON_COMMERCIAL]) + b"partimento:one-lane"
ONE_LANE_EVENT = bytes([META, SEQUENCER_SPECIFIC, len(_BODY)]) + _BODY


def lane_channels(file: MidiFile, track: Track, channels: Iterable[int]) -> list[tuple[int, ...]]:
    """The channels of each lane of a track, in the order of their lowest channel.

    Args:
        file, track: The track.
        channels: Channels on which it has notes.
    """
    used = sorted(set(channels))
    if not _is_one_lane(file.data, track):
        return [(channel,) for channel in used]
    pitched = tuple(channel for channel in used if channel != DRUM_CHANNEL)
    drums = (DRUM_CHANNEL,) if DRUM_CHANNEL in used else ()
    return sorted(lane for lane in (pitched, drums) if lane)


def _is_one_lane(data: bytes, track: Track) -> bool:
    return any(
        status == META and data[track.starts[event] : track.delta_starts[event + 1]] == ONE_LANE_EVENT
        for event, status in enumerate(track.statuses)
    )
