"""What a page of music says: parts of bars, bars of voices, voices of chords and rests, with the signs as they are printed.

This lies between pictures, tokens and MusicXML. Everything is as written: accidentals where they are printed, types and dots
rather than lengths, and no invisible rests; what sounds follows from it (``compose.notation.sounding``).

Conventions: times are exact ``Fraction`` quarters from the start of the bar; staves count from 1 within a part, top first;
voices count from 1 within a part; pitches are diatonic places (``7 * octave + step``, C is 0, so middle C is 28) as MusicXML counts
them: octaves of clefs and octave lines are counted in, the transposition of an instrument is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = ["Bar", "Clef", "Direction", "Event", "Head", "Key", "Part", "Time", "Voice", "WrittenScore", "in_order"]


@dataclass(frozen=True, slots=True)
class Head:
    """One note head of a chord.

    Args:
        place: Diatonic place as written, ``7 * octave + step``; where it stands on the staff when unpitched.
        accidental: MusicXML's name of the printed sign ("sharp", "flat", "natural", "double-sharp", "flat-flat"), "" for none.
        tie_start: Whether a tie leaves it.
        tie_stop: Whether a tie comes to it.
        shape: "" for a round head, else MusicXML's name ("x", "diamond").
        source: The row of the sign that it was read from, -1 when it was not read.
    """

    place: int
    accidental: str = ""
    tie_start: bool = False
    tie_stop: bool = False
    shape: str = ""
    source: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """A chord, a grace chord or a rest of one voice.

    Args:
        onset: Quarters from the start of the bar.
        duration: Sounding quarters; 0 for a grace chord.
        heads: Lowest first; none for a rest.
        type: MusicXML's name of the note type ("quarter"); "" for a rest that fills the bar.
        dots: Augmentation dots.
        actual: Notes of the tuplet in the time of ``normal``; 1 outside tuplets.
        normal: See ``actual``.
        staff: Staff that it stands on.
        stem: "up", "down", or "" for none.
        beams: For each beam level from the eighth on "begin", "continue", "end", "forward hook" or "backward hook".
        grace: "", "grace", or "slashed" for a slashed grace chord.
        tuplet_starts: Whether a printed tuplet begins here.
        tuplet_stops: Whether one ends here.
        slur_starts: Slurs that begin here.
        slur_stops: Slurs that end here.
        marks: Articulations, ornaments and the like by MusicXML's names, in the order of their alphabet ("accent", "fermata",
            "trill-mark", "tremolo-2", "arpeggiate").
        source: The row of the sign that a rest was read from, -1 when it was not read; of a chord see its heads.
        lyrics: Syllables, a verse each, "" where one has none; words go on over hyphens ("mor-", "-row"). They are no part of
            notation tokens, and are not read from MusicXML.
    """

    onset: Fraction
    duration: Fraction
    heads: tuple[Head, ...] = ()
    type: str = ""
    dots: int = 0
    actual: int = 1
    normal: int = 1
    staff: int = 1
    stem: str = ""
    beams: tuple[str, ...] = ()
    grace: str = ""
    tuplet_starts: bool = False
    tuplet_stops: bool = False
    slur_starts: int = 0
    slur_stops: int = 0
    marks: tuple[str, ...] = ()
    source: int = field(default=-1, compare=False)
    lyrics: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Voice:
    """The events of one voice in one bar, in order of time; they need not fill it (what is missing is not printed)."""

    number: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Clef:
    """A clef that is printed: MusicXML's sign ("G", "F", "C", "percussion"), line from below, octaves that it shifts."""

    onset: Fraction
    staff: int
    sign: str
    line: int
    octaves: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature that is printed at the start of the bar, -7 flats to 7 sharps, for all staves of its part."""

    fifths: int


@dataclass(frozen=True, slots=True)
class Time:
    """A time signature that is printed at the start of the bar; ``symbol`` is "", "common" or "cut"."""

    beats: int
    beat_type: int
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Direction:
    """What is said to the players at a place.

    Args:
        onset: Quarters from the start of the bar.
        staff: Staff that it belongs to.
        kind: "dynamics", "wedge", "words", "tempo", "pedal", "octave-shift", "segno", "coda", "rehearsal", "harmony".
        value: MusicXML's name ("mf"; "crescendo", "diminuendo" or "stop" of a wedge; "start" or "stop" of a pedal), or the words.
            An octave shift has MusicXML's size and type, or "stop": "8 down" is the sign 8va (written an octave below what sounds),
            "8 up" is 8va bassa. A tempo has units and number ("quarter=120", "quarter.=60"), a harmony the chord's name ("F#m7").
        above: Whether it stands above its staff.
    """

    onset: Fraction
    staff: int
    kind: str
    value: str
    above: bool = False


def in_order(directions: Iterable[Direction]) -> tuple[Direction, ...]:
    """Directions of a bar in the one order that scores have them in: by onset, staff, kind, value, those below first."""
    return tuple(sorted(directions, key=lambda said: (said.onset, said.staff, said.kind, said.value, said.above)))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of one part.

    Args:
        voices: In order of their first event's staff, then of their numbers.
        length: Quarters that the bar lasts.
        clefs: Clefs printed in it, in order of time and staff.
        key: Key signature printed at its start.
        time: Time signature printed at its start.
        directions: In order of time.
        left: MusicXML's name of its left bar line where that says more than its neighbour's right ("", "heavy-light").
        right: Of its right bar line: "" for a plain one, "light-light", "light-heavy", "dashed", "none".
        repeat_start: Whether a repeat begins at its left line.
        repeat_end: Whether a repeat ends at its right line.
        ending_start: Numbers of the volta that begins here ("1", "1, 2"), "" for none.
        ending_stop: Whether a volta ends here.
        irregular: Whether its length departs from the meter in force (pickups, ends before repeats, free bars).
    """

    voices: tuple[Voice, ...]
    length: Fraction
    clefs: tuple[Clef, ...] = ()
    key: Key | None = None
    time: Time | None = None
    directions: tuple[Direction, ...] = ()
    left: str = ""
    right: str = ""
    repeat_start: bool = False
    repeat_end: bool = False
    ending_start: str = ""
    ending_stop: bool = False
    irregular: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its name as printed, its number of staves, and as many bars as every other part has."""

    bars: tuple[Bar, ...]
    staves: int = 1
    name: str = ""


@dataclass(frozen=True, slots=True)
class WrittenScore:
    """Parts in the order of the page; ``systems`` and ``pages`` hold the indices of the bars that begin one."""

    parts: tuple[Part, ...]
    title: str = ""
    systems: tuple[int, ...] = ()
    pages: tuple[int, ...] = ()
