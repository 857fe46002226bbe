"""Which voice each new note goes to: the voice of the notes it replaces where that is free, else another.

Conventions: times are divs of the document. Voices are MusicXML voice texts, unique within a part; one may visit several staves.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from corpora.musicxml.document import Document, Item
from corpora.musicxml.reader import Chain

__all__ = ["VOICES_PER_STAFF", "NewNote", "assign_voices"]

VOICES_PER_STAFF = 4  # the usual numbering of notation programs: 1-4 on the first staff, 5-8 on the second


@dataclass
class NewNote:
    """A note to write, with the voice it was given.

    ``wish`` is the voice that it gets where that is free, ``joins`` the kept note whose chord it enters, ``place`` its place on the
    line of fifths where that is settled.
    """

    onset: int
    end: int
    pitch: int
    part: int
    staff: int
    cents: float = 0.0
    wish: str = ""
    voice: str = ""
    joins: Item | None = None
    place: int | None = None


class _Intervals:
    """What sounds in a voice, to be asked for overlaps quickly."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, Chain | None]] = []
        self._longest = 0

    def add(self, start: int, end: int, chain: Chain | None) -> None:
        insort(self._rows, (start, end, chain), key=itemgetter(0))
        self._longest = max(self._longest, end - start)

    def overlapping(self, start: int, end: int) -> list[Chain | None]:
        first = bisect_left(self._rows, start - self._longest, key=itemgetter(0))
        last = bisect_left(self._rows, end, key=itemgetter(0))
        return [chain for _, stop, chain in self._rows[first:last] if stop > start]


def assign_voices(document: Document, kept: Iterable[Chain], removed: Iterable[Chain], new: Sequence[NewNote]) -> None:
    """Give every new note a voice (and a kept chord, where it fits one exactly); notes of one onset and length make a chord."""
    busy: dict[tuple[int, str], _Intervals] = defaultdict(_Intervals)
    used: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    replaced: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    taken: dict[int, dict[str, int]] = defaultdict(dict)  # part -> voice -> staff
    for part_index, part in enumerate(document.parts):
        for index, measure in enumerate(part.measures):
            for item in measure.items:
                if item.ordinal < 0:
                    continue
                taken[part_index].setdefault(item.voice, item.staff)
                used[part_index, item.staff][item.voice] += 1
                if item.kind == "cue":
                    start = document.starts[index] + item.onset
                    busy[part_index, item.voice].add(start, start + item.duration, None)
    for chain in kept:
        for voice in {item.voice for _, item in chain.items}:
            busy[chain.part, voice].add(chain.onset, chain.end, chain)
    for chain in removed:
        replaced[chain.part, chain.head.staff][chain.head.voice] += 1
    chords: dict[tuple[int, int, int, int, str], list[NewNote]] = defaultdict(list)
    for note in new:
        chords[note.part, note.onset, note.staff, note.end, note.wish].append(note)
    given: dict[tuple[int, int], list[str]] = defaultdict(list)
    ordered = sorted(chords.items(), key=lambda pair: (*pair[0][:3], -max(note.pitch for note in pair[1])))
    for (part_index, onset, staff, end, wish), chord in ordered:
        lane = (part_index, staff)
        choices = [wish] if wish else []
        choices += [voice for voice, _ in replaced[lane].most_common()] + given[lane]
        choices += [voice for voice, _ in used[lane].most_common()]
        voice, joined = _first_free(choices, busy, part_index, staff, onset, end)
        if not voice:
            voice = _fresh_voice(taken[part_index], staff)
            taken[part_index][voice] = staff
        if voice not in given[lane]:
            given[lane].append(voice)
        if end > onset:
            busy[part_index, voice].add(onset, end, None)
        for note in chord:
            note.voice, note.joins = voice, joined


def _first_free(
    choices: Iterable[str], busy: dict[tuple[int, str], _Intervals], part: int, staff: int, onset: int, end: int
) -> tuple[str, Item | None]:
    for voice in dict.fromkeys(choices):
        hits = busy[part, voice].overlapping(onset, end)
        if not hits:
            return voice, None
        chain = hits[0]
        if (
            len(hits) == 1
            and chain
            and (chain.onset, chain.end) == (onset, end)
            and len(chain.items) == 1
            and chain.head.staff == staff
        ):
            return voice, chain.head
    return "", None


def _fresh_voice(taken: dict[str, int], staff: int) -> str:
    """A voice number that the part does not use, from the staff's own four where possible."""
    first = VOICES_PER_STAFF * (staff - 1) + 1
    own = (number for number in range(first, first + VOICES_PER_STAFF) if str(number) not in taken)
    beyond = VOICES_PER_STAFF * max([staff, *taken.values()]) + 1
    return str(next(own, None) or next(number for number in range(beyond, beyond + len(taken) + 1) if str(number) not in taken))
