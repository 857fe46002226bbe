"""Wishes about pitch in text: scale, avoid, require, range, tessitura, start on, glue, harmony."""

from __future__ import annotations

import re

from compose.constraints.base import Constraint
from compose.constraints.chords import Chord
from compose.constraints.drums import OnlyDrums
from compose.constraints.instruments import find_instrument, instrument_of, instrument_range
from compose.constraints.joins import Glue, StartOn
from compose.constraints.names import PITCH_CLASS_PATTERN, PITCH_PATTERN, find_drums, parse_pitch, parse_pitch_class
from compose.constraints.occurrence import Avoid, Require, Tessitura, Wanted
from compose.constraints.parts import find_lanes, pitched_lanes, quote, split_items
from compose.constraints.pitch import ChordSpans, PitchClasses, Range, ScaleSpans
from compose.constraints.roman import parse_roman
from compose.constraints.scales import parse_scale
from compose.constraints.wish_items import capital, named, no_doubles
from corpora.errors import RequestError
from corpora.general_midi import DRUM_NAMES
from corpora.piece import Piece

__all__ = ["avoid", "drums", "glue", "harmony", "pitch_range", "require", "scale", "start_on", "tessitura"]

_NOTE = rf"(?P<pitch>{PITCH_CLASS_PATTERN}(?P<octave>-?\d)?)"
_SPAN = rf"(?P<low>{PITCH_PATTERN})\s*(?:-|–|\.\.|\bto\b)\s*(?P<high>{PITCH_PATTERN})"


def scale(value: str, piece: Piece) -> Constraint:
    """``G major``, or ``G major @5, D major @7``: each scale from the bar named on."""
    items = split_items(value)
    if not any("@" in item for item in items):
        name, pitch_classes = parse_scale(value)
        return PitchClasses(f"scale: {name}", name, pitch_classes)
    spans: list[tuple[int, frozenset[int]]] = []
    texts = []
    numbers = piece.measures["number"].tolist()
    for item in items:
        mode, _, bar = (part.strip() for part in item.partition("@"))
        name, pitch_classes = parse_scale(mode)
        if bar and bar not in numbers:
            raise RequestError(f"scale: there is no bar '{bar}': expected for example G major @5")
        start = int(piece.measures["start_div"][numbers.index(bar)]) if bar else 0
        if spans and start <= spans[-1][0]:
            raise RequestError(f"scale: bar {bar or 1} does not come after the one before it")
        spans.append((start, pitch_classes))
        texts.append(f"{name} @{bar}" if bar else name)
    return ScaleSpans(f"scale: {', '.join(texts)}", tuple(spans))


def _wanted(kind: str, value: str, piece: Piece) -> tuple[str, tuple[Wanted, ...]]:
    wanted, texts = [], []
    for item in split_items(value):
        found = named(piece, item, _NOTE)
        if found is None:
            raise RequestError(f"{kind}: '{item}' is not understood: expected a note, for example F#, Bb4 or Alto D")
        lanes, name, match = found
        any_octave = match["octave"] is None
        pitch = parse_pitch_class(match["pitch"]) if any_octave else parse_pitch(match["pitch"])
        wanted.append(Wanted(lanes, pitch, any_octave))
        texts.append(f"{name}{capital(match['pitch'])}")
    if not wanted:
        raise RequestError(f"{kind}: expected notes, for example '{kind}: F#, Bb4'")
    return f"{kind}: {', '.join(texts)}", tuple(wanted)


def drums(value: str) -> frozenset[int] | None:
    """The keys of a list of drums (``kick, open hat``); None where it is none."""
    found = [find_drums(item) for item in split_items(value)]
    return frozenset().union(*found) if found and all(found) else None


def avoid(value: str, piece: Piece) -> Constraint:
    """Notes that must not come, or drums."""
    if (unwanted := drums(value)) is not None:
        return OnlyDrums(f"avoid: {', '.join(split_items(value))}", frozenset(DRUM_NAMES) - unwanted)
    return Avoid(*_wanted("avoid", value, piece))


def require(value: str, piece: Piece) -> Constraint:
    """Notes each of which must come at least once."""
    return Require(*_wanted("require", value, piece))


def pitch_range(value: str, piece: Piece) -> Constraint:
    """Pitches (``Alto G3-E5``), instruments by name (``Voice tenor``), or ``auto``: each part the range of its own instrument."""
    if value.casefold() == "auto":
        limits = tuple(
            ((lane,), *instrument_range(name))
            for lane in pitched_lanes(piece)
            if (name := instrument_of(piece.parts[lane])) is not None
        )
        if not limits:
            raise RequestError("range: auto knows none of the piece's instruments: expected pitches, for example G3-E6")
        return Range("range: auto", limits)
    found, names, texts = [], [], []
    for item in split_items(value):
        match = named(piece, item, _SPAN)
        if match is not None:
            lanes, name, pitches = match
            low, high = parse_pitch(pitches["low"]), parse_pitch(pitches["high"])
            if low > high:
                raise RequestError(f"range: {pitches['low']} is above {pitches['high']}: expected the lower pitch first")
            texts.append(f"{name}{capital(pitches['low'])}-{capital(pitches['high'])}")
        else:
            lanes, name, instrument = _instrument_item(item, piece)
            low, high = instrument_range(instrument)
            texts.append(f"{name}{instrument}")
        found.append((lanes, low, high))
        names.append(name)
    if not found:
        raise RequestError("range: expected two pitches, for example 'range: G3-E6'")
    no_doubles("range", names)
    return Range(f"range: {', '.join(texts)}", tuple(found))


def _instrument_item(item: str, piece: Piece) -> tuple[tuple[int, ...] | None, str, str]:
    """ "violin" or "Voice tenor": lanes, the part's name in normal form, the instrument.

    The longest part name wins when an instrument follows it: "Alto viola" is a viola range for the part Alto, if there is one.
    """
    words = item.split()
    names = {part.name.casefold() for part in piece.parts}
    for split in range(len(words) - 1, -1, -1):
        head, instrument = " ".join(words[:split]), find_instrument(" ".join(words[split:]))
        if instrument is None or (head and head.strip('"').casefold() not in names):
            continue
        if not head:
            return None, "", instrument
        lanes = find_lanes(piece, head)
        return lanes, quote(piece.parts[lanes[0]].name) + " ", instrument
    raise RequestError(f"range: '{item}' is not understood: expected two pitches or an instrument, for example G3-E6 or Alto G3-E5")


def tessitura(value: str, piece: Piece) -> Constraint:
    """Where most notes lie: ``G4-D5``, ``Soprano G4-D5``."""
    limits, names, texts = [], [], []
    for item in split_items(value):
        match = named(piece, item, _SPAN)
        if match is None:
            raise RequestError(f"tessitura: '{item}' is not understood: expected two pitches, for example G4-D5")
        lanes, name, pitches = match
        low, high = parse_pitch(pitches["low"]), parse_pitch(pitches["high"])
        if low > high:
            raise RequestError(f"tessitura: {pitches['low']} is above {pitches['high']}: expected the lower pitch first")
        limits.append((lanes, low, high))
        names.append(name)
        texts.append(f"{name}{capital(pitches['low'])}-{capital(pitches['high'])}")
    no_doubles("tessitura", names)
    return Tessitura(f"tessitura: {', '.join(texts)}", tuple(limits))


def start_on(value: str, piece: Piece) -> Constraint:
    """The first new note of a part."""
    return StartOn(*_wanted("start on", value, piece))


def glue(value: str, piece: Piece) -> Constraint:
    """How far, in semitones, the joins with the kept notes may leap."""
    if not re.fullmatch(r"\d{1,2}", value):
        raise RequestError(f"glue: '{value}' is not understood: expected a number of semitones, for example 4")
    return Glue(f"glue: {int(value)}", int(value))


def harmony(value: str, piece: Piece) -> Constraint:
    """Roman numerals in a key, bar by bar: ``G major: | I6 | IV V7 | I |``."""
    key, colon, rest = value.partition(":")
    if not colon:
        raise RequestError("harmony: expected a key and numerals, for example 'harmony: G major: | I | IV V7 | I |'")
    words = key.split()
    if len(words) != 2 or words[1].casefold() not in ("major", "minor") or not re.fullmatch(PITCH_CLASS_PATTERN, words[0]):
        raise RequestError(f"harmony: '{key.strip()}' is not a key: expected for example G major or E minor")
    tonic, minor = parse_pitch_class(words[0]), words[1].casefold() == "minor"
    bars: list[tuple[Chord, ...]] = []
    for cell in rest.strip().strip("|").split("|"):
        symbols = cell.split()
        if not symbols or symbols == ["%"]:
            if not bars:
                raise RequestError("harmony: the first bar has no numeral: expected for example '| I | IV V7 | I |'")
            bars.append(bars[-1])
        else:
            bars.append(tuple(parse_roman(symbol, tonic, minor) for symbol in symbols))
    text = " | ".join(" ".join(chord.symbol for chord in bar) for bar in bars)
    return ChordSpans(f"harmony: {capital(words[0])} {words[1].casefold()}: | {text} |", tuple(bars))
