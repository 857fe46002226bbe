"""Music as rows that a child process plays one after the other: what to tell FluidSynth's channels, before which block.

A row falls on the block of 64 samples whose start is nearest, so that an onset is at most 32 samples (0.73 ms at 44.1 kHz) off. At
one sample keys go up first, then come controllers, programs and bends, then keys go down. A note is let go where key *and* pedal
have done so (``end_sample``), which makes the pedals themselves silent here.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from corpora.errors import InputError
from corpora.piece import Table
from render.fluid import BLOCK_SAMPLES, POLYPHONY
from render.midi_events import ALL_NOTES_OFF
from render.played import PlayedMusic
from render.soundfont.virtual_channels import VirtualChannels

__all__ = ["KINDS", "NOTE_OFF", "NOTE_ON", "TIMELINE_DTYPE", "make_timeline"]

TIMELINE_DTYPE = np.dtype(
    [
        ("block", np.int64),
        ("kind", np.int32),  # NOTE_OFF, NOTE_ON, or an index into KINDS
        ("channel", np.int32),
        ("first", np.int32),  # as render.midi_events.PlayEvent
        ("second", np.int32),
        ("cents", np.float32),  # of a NOTE_ON, above its key
    ]
)
KINDS = ("control_change", "program_change", "pitchwheel", "aftertouch", "polytouch")
NOTE_OFF, NOTE_ON = -1, len(KINDS)
PEDALS = (64, 66)  # sustain and sostenuto, which are in the notes' ends


def make_timeline(played: PlayedMusic, virtual: VirtualChannels) -> Table:
    """TIMELINE_DTYPE rows in playing order.

    Raises:
        InputError: More notes sound at once than FluidSynth has voices.
    """
    end = played.end_sample
    rows: list[tuple[int, int, int, int, int, float]] = []  # sample for block
    for event in played.events:
        silent = event.kind == "control_change" and event.first in (*PEDALS, ALL_NOTES_OFF)
        if event.kind in KINDS and not silent and event.sample <= end:
            kind = KINDS.index(event.kind)
            rows += [(event.sample, kind, channel, event.first, event.second, 0.0) for channel in virtual.of_channel[event.channel]]
    notes = played.notes
    columns = (notes[name].tolist() for name in ("onset_sample", "end_sample", "key", "velocity", "cents"))
    for channel, onset, until, key, velocity, cents in zip(virtual.of_note.tolist(), *columns, strict=True):
        rows += [(onset, NOTE_ON, channel, key, velocity, cents), (until, NOTE_OFF, channel, key, 0, 0.0)]
    table = np.array(rows, dtype=TIMELINE_DTYPE)
    rank = np.where(table["kind"] == NOTE_OFF, 0, np.where(table["kind"] == NOTE_ON, 2, 1))
    table = table[np.lexsort((rank, table["block"]))]  # stable: events of one sample stay as they were told
    _check_polyphony(table, played)
    table = table[_heard(table)]
    table["block"] = (table["block"] + BLOCK_SAMPLES // 2) // BLOCK_SAMPLES
    return table


def _check_polyphony(table: Table, played: PlayedMusic) -> None:
    held = np.cumsum((table["kind"] == NOTE_ON).astype(np.int64) - (table["kind"] == NOTE_OFF))
    if held.max() > POLYPHONY:
        place_s = int(table["block"][held.argmax()]) / played.sample_rate_hz
        raise InputError(f"{played.name}: {place_s:.2f} s: expected at most {POLYPHONY} notes that sound at once, got {held.max()}")


def _heard(table: Table) -> list[int]:
    """The rows without the key-ups of keys that another note of the channel still holds."""
    held: Counter[tuple[int, int]] = Counter()
    kept = []
    columns = (table[name].tolist() for name in ("kind", "channel", "first"))
    for index, (kind, channel, key) in enumerate(zip(*columns, strict=True)):
        if kind in (NOTE_ON, NOTE_OFF):
            held[channel, key] += 1 if kind == NOTE_ON else -1
            if kind == NOTE_OFF and held[channel, key]:
                continue
        kept.append(index)
    return kept
