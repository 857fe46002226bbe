"""Reads MusicXML into a ``Piece``: one row a sounding note, one lane a staff, bars, meters, keys, tempos.

Conventions: ``divs_per_quarter`` is the least common multiple of all divisions in the file. A measure is as long as its longest
part. Ties are merged where the stop starts exactly when the start ends; let-ring ties and cue notes are left out, grace notes
have duration 0 and stand at the next main note. Note ids are ``n`` and the ordinal of the (first) ``<note>`` in the file. Repeats
are not unfolded. Velocities follow ``<sound dynamics>`` and the dynamic marks pp to ff, else 80.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from xml.etree import ElementTree

import numpy as np

from corpora.errors import InputError
from corpora.musicxml.document import Document, Item, PartWalk, Transposition
from corpora.musicxml.instruments import DYNAMIC_VELOCITY, guess_program, velocity_of_percentage
from corpora.musicxml.walker import collection_paused, meter_of_score, walk
from corpora.piece import (
    DEFAULT_VELOCITY,
    KEY_DTYPE,
    MEASURE_DTYPE,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    Part,
    Piece,
    Source,
    Table,
    sort_notes,
)

__all__ = [
    "Chain",
    "ReadReport",
    "graces_before_bar_lines",
    "read_musicxml",
    "read_musicxml_with_report",
    "tie_chains",
    "voice_number",
]

PERCUSSION_CHANNEL = 9  # zero-based
# Voices with names get numbers from here on, so that they do not meet numbered ones.
NAMED_VOICE_BASE = 1000
_BEAT_UNITS = ("maxima", "long", "breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th", "256th")
_QUARTERS_BY_UNIT = {unit: 2.0 ** (5 - index) for index, unit in enumerate(_BEAT_UNITS)}


@dataclass(frozen=True)
class ReadReport:
    """What reading had to decide.

    Args:
        cue_notes: Cue notes, which are not heard and not read.
        dangling_ties: Tie ends that found no partner; their notes stand alone.
    """

    cue_notes: int
    dangling_ties: int


@dataclass(slots=True)
class Chain:
    """One sounding note: its note elements in order, each with its measure index; times in divs from the start of the piece."""

    part: int
    onset: int
    end: int
    items: list[tuple[int, Item]] = field(default_factory=list)

    @property
    def head(self) -> Item:
        """The first note element, which gives the note its lane, voice and id."""
        return self.items[0][1]

    @property
    def id(self) -> str:
        """The note's id in the note table."""
        return f"n{self.head.ordinal}"


def read_musicxml(data: bytes, name: str = "", container: bytes = b"") -> Piece:
    """Read a MusicXML text that has passed the gate.

    Args:
        data: The text.
        name: File name for messages.
        container: The .mxl file that it came out of, if any; kept in ``Piece.source``.

    Raises:
        InputError: The text is no partwise score, or something in it cannot be understood; names part and measure.
    """
    return read_musicxml_with_report(data, name, container)[0]


def read_musicxml_with_report(data: bytes, name: str = "", container: bytes = b"") -> tuple[Piece, ReadReport]:
    """As ``read_musicxml``, with the report of what could not be taken as it stands."""
    with collection_paused():
        return _read(data, name, container)


def _read(data: bytes, name: str, container: bytes) -> tuple[Piece, ReadReport]:
    document = walk(data, name)
    chains, dangling = tie_chains(document)
    piece = Piece(
        notes=_note_table(document, chains),
        divs_per_quarter=document.divs,
        parts=_lanes(document),
        measures=_measure_table(document),
        tempos=_tempo_table(document, name),
        keys=_key_table(document),
        source=Source("musicxml", data, name, container),
    )
    cues = sum(item.kind == "cue" for part in document.parts for measure in part.measures for item in measure.items)
    return piece, ReadReport(cues, dangling)


def graces_before_bar_lines(piece: Piece) -> frozenset[str]:
    """Ids of the grace notes that are written at the end of a bar, as after a trill; they stand at the first note of the next one.

    Args:
        piece: With any source; there are none but in MusicXML.
    """
    if piece.source is None or piece.source.format != "musicxml":
        return frozenset()
    with collection_paused():
        document = walk(piece.source.data, piece.source.name)
        heads = [(chain, *chain.items[0]) for chain in tie_chains(document)[0]]
    return frozenset(chain.id for chain, measure, item in heads if item.kind == "grace" and item.onset >= document.lengths[measure])


def voice_number(voice: str) -> int:
    """A number for a voice name: itself when it is one, else a stable number from 1000 on."""
    if voice.isdecimal() and len(voice) <= 6:
        return int(voice)
    return NAMED_VOICE_BASE + zlib.crc32(voice.encode()) % 100_000


def tie_chains(document: Document) -> tuple[list[Chain], int]:
    """All sounding notes, tied elements joined, and the number of tie ends without partner.

    A stop joins the chain of its pitch and cents that ends where it begins; of several, one in its voice and staff is preferred.
    """
    chains: list[Chain] = []
    dangling = 0
    for part_index, part in enumerate(document.parts):
        placed = [
            (document.starts[index] + item.onset, item.ordinal, index, item)
            for index, measure in enumerate(part.measures)
            for item in measure.items
            if item.kind in ("note", "grace")
        ]
        placed.sort(key=lambda row: row[:2])
        waiting: dict[tuple[int, int, float], list[Chain]] = {}  # (end, pitch, cents) -> chains with an open tie
        for onset, _, index, item in placed:
            assert item.pitch is not None
            chain = None
            if item.tie_stop:
                found = waiting.get((onset, item.pitch, item.cents))
                if found:
                    chain = min(found, key=lambda c: _tie_distance(c.items[-1][1], item))
                    found.remove(chain)
                else:
                    dangling += 1
            if chain is None:
                chain = Chain(part_index, onset, onset)
                chains.append(chain)
            chain.items.append((index, item))
            chain.end = onset + item.duration
            if item.tie_start:
                waiting.setdefault((chain.end, item.pitch, item.cents), []).append(chain)
        dangling += sum(len(found) for found in waiting.values())
    return chains, dangling


def _tie_distance(start: Item, stop: Item) -> tuple[bool, bool]:
    return start.voice != stop.voice, start.staff != stop.staff


def _note_table(document: Document, chains: list[Chain]) -> Table:
    first_lanes = document.first_lanes
    loudness = [_loudness(document, part) for part in document.parts]
    notes = np.zeros(len(chains), dtype=NOTE_DTYPE)
    end = document.starts[-1] + document.lengths[-1] if document.starts else 0
    for row, chain in enumerate(chains):
        head = chain.head
        places, velocities = loudness[chain.part]
        found = bisect_right(places, chain.onset) - 1
        velocity = velocities[found] if found >= 0 else DEFAULT_VELOCITY
        own = head.element.get("dynamics")
        if own:
            velocity = velocity_of_percentage(float(own))
        # Grace notes after the very last note stand in front of nothing; they stay inside the last bar.
        onset = min(chain.onset, max(end - 1, 0)) if chain.end == chain.onset else chain.onset
        lane = first_lanes[chain.part] + head.staff - 1
        voice = voice_number(head.voice)
        notes[row] = (onset, chain.end - chain.onset, head.pitch, velocity, lane, voice, chain.id, head.cents)
    return sort_notes(notes)


def _loudness(document: Document, part: PartWalk) -> tuple[list[int], list[int]]:
    """Places (divs) and velocities of a part's dynamic changes, in order."""
    changes: list[tuple[int, int]] = []
    for index, measure in enumerate(part.measures):
        for item in measure.items:
            if item.kind != "other" or item.element.tag not in ("direction", "sound"):
                continue
            velocity = _velocity_of(item.element)
            if velocity is not None:
                changes.append((document.starts[index] + item.onset, velocity))
    changes.sort(key=lambda change: change[0])
    return [place for place, _ in changes], [velocity for _, velocity in changes]


def _velocity_of(element: ElementTree.Element) -> int | None:
    sound = element if element.tag == "sound" else element.find("sound")
    if sound is not None and sound.get("dynamics"):
        return velocity_of_percentage(float(sound.get("dynamics", "")))
    for marks in element.iterfind("direction-type/dynamics"):
        for mark in marks:
            if mark.tag in DYNAMIC_VELOCITY:
                return DYNAMIC_VELOCITY[mark.tag]
    return None


def _lanes(document: Document) -> tuple[Part, ...]:
    lanes = []
    for part in document.parts:
        first = next(iter(part.instruments.values()), None)
        program = first.program if first and first.program is not None else guess_program(part.name)
        is_drum = bool(first and first.channel == PERCUSSION_CHANNEL)
        lanes += [Part(part.name, part.key, staff, program, is_drum) for staff in range(1, part.num_staves + 1)]
    return tuple(lanes)


def _measure_table(document: Document) -> Table:
    rows = np.zeros(len(document.starts), dtype=MEASURE_DTYPE)
    longest = max(document.parts, key=lambda part: len(part.measures))
    for index, (start, length) in enumerate(zip(document.starts, document.lengths, strict=True)):
        number = longest.measures[index].number[:16]
        rows[index] = (start, start + length, number, *meter_of_score(document.parts, index))
    return rows


def _tempo_table(document: Document, name: str) -> Table:
    tempos: dict[int, float] = {}
    for part in document.parts:
        for index, measure in enumerate(part.measures):
            for item in measure.items:
                if item.kind != "other" or item.element.tag not in ("direction", "sound"):
                    continue
                tempo = _tempo_of(item.element)
                if tempo is None:
                    continue
                if not 0 < tempo < 10_000:
                    place = f"{name or 'MusicXML'}: measure {measure.number}"
                    raise InputError(f"{place}: expected a tempo between 0 and 10000 quarters a minute, got {tempo}")
                tempos.setdefault(document.starts[index] + item.onset, tempo)
    return np.array(sorted(tempos.items()), dtype=TEMPO_DTYPE)


def _tempo_of(element: ElementTree.Element) -> float | None:
    """Quarters a minute that a direction or sound asks for; the sound wins over the printed metronome mark."""
    sound = element if element.tag == "sound" else element.find("sound")
    if sound is not None and sound.get("tempo"):
        return float(sound.get("tempo", ""))
    for mark in element.iterfind("direction-type/metronome"):
        units = [(unit.text or "").strip() for unit in mark.iterfind("beat-unit")]
        rate = re.search(r"\d+(\.\d+)?", mark.findtext("per-minute") or "")
        if len(units) == 1 and units[0] in _QUARTERS_BY_UNIT and rate:
            dots = len(mark.findall("beat-unit-dot"))
            return float(rate.group()) * _QUARTERS_BY_UNIT[units[0]] * (2 - 0.5**dots)
    return None


def _key_table(document: Document) -> Table:
    """The concert keys that most parts agree on (the topmost such part, when they do not)."""
    sequences = []
    for part in document.parts:
        keys: dict[int, tuple[int, int]] = {}
        for measure, onset, staff, key in part.keys:
            if staff <= 1 and key.alters is None:
                moved = part.transposition_at(measure, onset, max(staff, 1))
                keys[document.starts[measure] + onset] = (_concert_fifths(key.fifths, moved), key.mode)
        sequences.append(tuple((place, *value) for place, value in sorted(keys.items())))
    kept = [sequence for sequence in sequences if sequence]
    if not kept:
        return np.zeros(0, dtype=KEY_DTYPE)
    return np.array(list(Counter(kept).most_common(1)[0][0]), dtype=KEY_DTYPE)


def _concert_fifths(written: int, moved: Transposition) -> int:
    """Fifths of the sounding key; between enharmonic ones the written interval decides, else the one with fewer signs."""
    if moved.steps is not None:
        return written + 7 * moved.semitones - 12 * moved.steps
    candidates = [written + 7 * moved.semitones - 12 * steps for steps in range(-40, 41)]
    return min(candidates, key=abs)
