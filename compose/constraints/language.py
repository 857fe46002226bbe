"""The constraint language: one line of text a constraint, the same on the command line, in YAML, JSON and Python.

::

    scale: G major              pitches: C D E G A
    range: G3-E6                range: Alto G3-E5, Tenor C3-A4
    chords: | G | C D7 | G |    rhythm: keep
    grid: 1/16                  grid: 1/8t
    polyphony: 2                polyphony: Piano 3, total 6
    end on: G4                  end on: Alto G, Tenor D4
    no parallels                no parallels: Soprano, Bass
    no crossing                 no crossing: Alto, Tenor
    scale: G major @5, D major @7                     from the bars named on
    harmony: G major: | I6 | IV V7 | I |              roman numerals
    avoid: F#, Bb4              require: Alto D, F#5
    range: auto                 range: violin, Voice tenor
    tessitura: Soprano G4-D5    start on: G4
    glue: 4                     contour: keep
    density: 1-2 per beat       density: Piano 2-8 per bar
    hands: both                 instruments: violin, cello, drums
    pitches: kick, snare, hat   avoid: crash, cowbell
    figured bass: | 6 | 7 # | 4-3 |                   a field a note of the given bass
    cadence: perfect            cadence: half in E minor at 8:3
    dynamics: mp-f              dynamics: Violin p, Cello 40-64
    contour: up down            contour: Soprano up, Bass down
    motif: C4 q D4 e E4 e F4 h  motif: Violin 1 1:1-2:3 x2 diatonic in Viola

    scale: G major (prefer)     grid: 1/8 (weight 1.5)         soft: nats instead of a ban

Kinds and part names are read without regard to case; C4 is MIDI 60. Each constraint's ``text`` is its normal form, which reads back
as an equal constraint.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from compose.constraints.base import Constraint
from compose.constraints.cadence_wishes import cadence
from compose.constraints.chords import Chord, parse_chord
from compose.constraints.counterpoint import NoCrossing, NoParallels
from compose.constraints.drums import OnlyDrums
from compose.constraints.dynamics import dynamics
from compose.constraints.ending import EndOn, Target
from compose.constraints.figures import figured_bass
from compose.constraints.line_wishes import contour
from compose.constraints.motif_wishes import motif
from compose.constraints.names import PITCH_CLASS_PATTERN, parse_pitch, parse_pitch_class
from compose.constraints.others import see_others
from compose.constraints.parts import find_lanes, quote, split_items
from compose.constraints.pitch import ChordSpans, PitchClasses
from compose.constraints.pitch_wishes import avoid, drums, glue, harmony, pitch_range, require, scale, start_on, tessitura
from compose.constraints.rhythm import Grid, KeepRhythm
from compose.constraints.soft import PREFER_NATS, Soft
from compose.constraints.texture import Polyphony
from compose.constraints.texture_wishes import density, hands, instruments
from compose.constraints.wish_items import capital, named, no_doubles
from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["KINDS", "parse_constraint", "parse_constraints"]

_MAX_GRID_DENOMINATOR = 32
MAX_WEIGHT = 50.0  # nats
_SOFT = re.compile(r"(?P<wish>.*\S)\s*\((?:prefer|weight\s+(?P<weight>\d+(?:\.\d+)?))\)", re.IGNORECASE)


def _pitches(value: str, piece: Piece) -> Constraint:
    if (keys := drums(value)) is not None:
        return OnlyDrums(f"pitches: {', '.join(split_items(value))}", keys)
    names = value.replace(",", " ").split()
    if not names:
        raise RequestError("pitches: expected note names, for example 'pitches: C D E G A'")
    pitch_classes = frozenset(parse_pitch_class(name) for name in names)
    normal = " ".join(name[0].upper() + name[1:] for name in names)
    return PitchClasses(f"pitches: {normal}", normal, pitch_classes)


def _chords(value: str, piece: Piece) -> Constraint:
    cells = [cell.split() for cell in value.split("|")]
    # The outer bar lines are optional.
    cells = cells[1 if len(cells) > 1 and not cells[0] else 0 : -1 if len(cells) > 1 and not cells[-1] else None]
    bars: list[tuple[Chord, ...]] = []
    for cell in cells:
        if cell in ([], ["%"]):
            if not bars:
                raise RequestError("chords: the first bar has no chord to repeat: expected for example 'chords: | G | C D7 | G |'")
            bars.append(bars[-1])
        else:
            bars.append(tuple(parse_chord(symbol) for symbol in cell))
    if not bars:
        raise RequestError("chords: expected chord symbols, for example 'chords: | G | C D7 | G |'")
    text = " | ".join(" ".join(chord.symbol for chord in bar) for bar in bars)
    return ChordSpans(f"chords: | {text} |", tuple(bars))


def _rhythm(value: str, piece: Piece) -> Constraint:
    if value.casefold() != "keep":
        raise RequestError(f"rhythm: '{value}' is not understood: expected 'rhythm: keep'")
    return KeepRhythm()


def _grid(value: str, piece: Piece) -> Constraint:
    found = re.fullmatch(r"1\s*/\s*(\d{1,3})\s*(t?)", value.casefold())
    denominator = int(found.group(1)) if found else 0
    if found is None or denominator not in (1, 2, 4, 8, 16, _MAX_GRID_DENOMINATOR):
        raise RequestError(f"grid: '{value}' is not understood: expected 1/4, 1/8, 1/16 or 1/32, with t for triplets (1/8t)")
    triplet = Fraction(2, 3) if found.group(2) else Fraction(1)
    return Grid(f"grid: 1/{denominator}{found.group(2)}", Fraction(4, denominator) * triplet)


def _polyphony(value: str, piece: Piece) -> Constraint:
    limits, names, texts, total = [], [], [], None
    for item in split_items(value):
        if in_all := re.fullmatch(r"total\s+(\d{1,3})", item, re.IGNORECASE):
            lanes, name, number = None, "total ", int(in_all.group(1))
            total = number
        else:
            found = named(piece, item, r"(?P<number>\d{1,3})")
            if found is None:
                raise RequestError(f"polyphony: '{item}' is not understood: expected a number, for example 2, Piano 3 or total 4")
            lanes, name, number = found[0], found[1], int(found[2]["number"])
            limits.append((lanes, number))
        if number < 1:
            raise RequestError("polyphony: expected 1 or more, got 0")
        names.append(name)
        texts.append(f"{name}{number}")
    if not texts:
        raise RequestError("polyphony: expected a number, for example 'polyphony: 2'")
    no_doubles("polyphony", names)
    return Polyphony(f"polyphony: {', '.join(texts)}", tuple(limits), total)


def _end_on(value: str, piece: Piece) -> Constraint:
    targets, names, texts = [], [], []
    for item in split_items(value):
        match = named(piece, item, rf"(?P<pitch>{PITCH_CLASS_PATTERN}(?P<octave>-?\d)?)")
        if match is None:
            raise RequestError(f"end on: '{item}' is not understood: expected a note, for example G4, G or Alto G4")
        lanes, name, found = match
        any_octave = found["octave"] is None
        pitch = parse_pitch_class(found["pitch"]) if any_octave else parse_pitch(found["pitch"])
        targets.append(Target(lanes, pitch, any_octave))
        names.append(name)
        texts.append(f"{name}{capital(found['pitch'])}")
    if not targets:
        raise RequestError("end on: expected a note, for example 'end on: G4'")
    no_doubles("end on", names)
    return EndOn(f"end on: {', '.join(texts)}", tuple(targets))


def _lanes(kind: str, value: str, piece: Piece) -> tuple[str, tuple[int, ...] | None]:
    """Text and lanes of a rule between parts; without a value it is for all."""
    if not value:
        return kind, None
    lanes: list[int] = []
    names = []
    for item in split_items(value):
        found = find_lanes(piece, item)
        if found[0] in lanes:
            raise RequestError(f"{kind}: {item} is given twice")
        lanes.extend(found)
        names.append(quote(piece.parts[found[0]].name))
    if len(lanes) < 2:
        raise RequestError(f"{kind}: expected at least two parts, got {', '.join(names) or 'none'}")
    return f"{kind}: {', '.join(names)}", tuple(lanes)


def _no_parallels(value: str, piece: Piece) -> Constraint:
    text, lanes = _lanes("no parallels", value, piece)
    return NoParallels(text, None if lanes is None else tuple(sorted(lanes)))


def _no_crossing(value: str, piece: Piece) -> Constraint:
    return NoCrossing(*_lanes("no crossing", value, piece))


KINDS: dict[str, Callable[[str, Piece], Constraint]] = {
    "scale": scale,
    "pitches": _pitches,
    "avoid": avoid,
    "require": require,
    "range": pitch_range,
    "tessitura": tessitura,
    "start on": start_on,
    "glue": glue,
    "contour": contour,
    "motif": motif,
    "chords": _chords,
    "harmony": harmony,
    "figured bass": figured_bass,
    "cadence": cadence,
    "rhythm": _rhythm,
    "grid": _grid,
    "density": density,
    "polyphony": _polyphony,
    "dynamics": dynamics,
    "hands": hands,
    "instruments": instruments,
    "end on": _end_on,
    "no parallels": _no_parallels,
    "no crossing": _no_crossing,
}


def parse_constraint(text: str, piece: Piece) -> Constraint:
    """One constraint from one line of text.

    Raises:
        RequestError: When the kind, the value or a part name is not understood; the message names it and what was expected.
    """
    if found := _SOFT.fullmatch(text.strip()):
        wish = parse_constraint(found["wish"], piece)
        if isinstance(wish, Soft):
            raise RequestError(f"'{_shorten(text)}': expected one weight")
        if not wish.is_drawn:
            raise RequestError(f"in '{_shorten(text)}': it is no choice of the model's, so it cannot be a preference")
        weight = float(found["weight"] or PREFER_NATS)
        if not 0 < weight <= MAX_WEIGHT:
            raise RequestError(f"in '{_shorten(text)}': expected a weight above 0 and at most {MAX_WEIGHT:g} nats")
        return Soft(f"{wish.text} ({'weight ' + format(weight, 'g') if found['weight'] else 'prefer'})", wish, weight)
    kind_text, colon, value = text.strip().partition(":")
    kind = " ".join(kind_text.replace("_", " ").replace("-", " ").split()).casefold()
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise RequestError(
            f"'{_shorten(text)}': no constraint is called '{_shorten(kind_text)}': expected one of {', '.join(KINDS)}{hint}"
        )
    value = " ".join(value.split())
    if not value and (colon or not kind.startswith("no ")):
        raise RequestError(f"'{_shorten(text)}': expected a value after '{kind}:'")
    try:
        return KINDS[kind](value, piece)
    except RequestError as error:
        raise RequestError(f"in '{_shorten(text)}': {error}") from None


def _shorten(text: str, limit: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _lines_of_mapping(wishes: Mapping[object, object]) -> list[str]:
    """Lines of text from {kind: value} as JSON and YAML give them."""
    lines = []
    for kind, value in wishes.items():
        if not isinstance(kind, str):
            raise RequestError(f"expected the name of a constraint, got {kind!r}")
        if value is False:
            continue  # "no parallels: false"
        separator = " | " if kind.strip().casefold() in ("chords", "figured bass") else ", "
        lines.append(kind if value is True else f"{kind}: {_value_text(kind, value, separator)}")
    return lines


def _value_text(kind: str, value: object, separator: str) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Mapping):
        return separator.join(f"{quote(str(part))} {_value_text(kind, entry, separator)}" for part, entry in value.items())
    if isinstance(value, list | tuple):
        return separator.join(_value_text(kind, entry, separator) for entry in value)
    raise RequestError(f"'{kind}': expected text, a number, a list or a table, got {value!r}")


def parse_constraints(wishes: object, piece: Piece) -> tuple[Constraint, ...]:
    """Constraints from text (one a line), a list, or a mapping of kinds to values, as written or as read from YAML or JSON.

    Args:
        wishes: Text, list or mapping: ``"scale: G major\\nrange: G3-E6"``, ``["scale: G major", {"range": {"Alto": "G3-E5"}}]``,
            ``{"scale": "G major", "no parallels": True}``. Ready-made ``Constraint`` objects in a list pass through.
        piece: The piece that part names refer to.

    Returns:
        In the order given; those that look ahead see the others (``see_others``).

    Raises:
        RequestError: As ``parse_constraint``.
    """
    items = [wishes] if isinstance(wishes, str | Mapping) else wishes
    if not isinstance(items, Iterable):
        raise RequestError(f"expected constraints as text, list or mapping, got {wishes!r}")
    found: list[Constraint] = []
    for item in items:
        if isinstance(item, Constraint):
            found.append(item)
        elif isinstance(item, str):
            found.extend(parse_constraint(line, piece) for line in item.splitlines() if line.strip())
        elif isinstance(item, Mapping):
            found.extend(parse_constraint(line, piece) for line in _lines_of_mapping(item))
        else:
            raise RequestError(f"expected a constraint as text or mapping, got {item!r}")
    return see_others(found)
