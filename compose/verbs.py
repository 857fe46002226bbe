"""The jobs of an arranger, each an infill of a piece that is made ready for it: harmonise, accompany, vary.

New parts are added to MusicXML scores and MIDI files; what was there stays byte for byte. Each verb gives variations, likeliest
first, and raises what ``infill`` raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compose.constraints.base import Constraint
from compose.constraints.instruments import INSTRUMENTS, find_instrument, instrument_range, is_drum_kit
from compose.constraints.parts import quote
from compose.constraints.pitch import Range
from compose.infilling import Infill, Request, infill
from corpora.errors import RequestError
from corpora.midi.add_track import add_tracks
from corpora.musicxml.add_part import NewPart, add_part
from corpora.musicxml.harmony import chord_symbols
from corpora.musicxml.reader import read_musicxml
from corpora.piece import Part, Piece

__all__ = ["accompany", "harmonise", "vary", "with_part"]

CHOIR_PROGRAM = 52
DRUMS = NewPart("Drums", 0, ("percussion",))
SOPRANO, ALTO = NewPart("Soprano", CHOIR_PROGRAM), NewPart("Alto", CHOIR_PROGRAM)
TENOR, BASS = NewPart("Tenor", CHOIR_PROGRAM, ("treble 8vb",)), NewPart("Bass", CHOIR_PROGRAM, ("bass",))
GIVEN = {"melody": (ALTO, TENOR, BASS), "bass": (SOPRANO, ALTO, TENOR)}  # the voices to add to what is given
_TWO_STAVES = ("piano", "organ", "harpsichord", "harp", "celesta", "accordion")
MIDDLE_C = 60
HANDS = ((55, 96), (28, 64))  # where the right and the left hand lie


def with_part(piece: Piece, new: NewPart, on_top: bool = False) -> Piece:
    """The piece with one more, empty part, below the others or on top of them.

    In MIDI a part of two staves is two tracks of its name, and new tracks always come last.

    Raises:
        RequestError: A part of that name is there, or see ``add_part``.
    """
    if any(part.name.casefold() == new.name.casefold() for part in piece.parts):
        raise RequestError(f"there is a part '{new.name}' already: rewrite it with infill, or give the new one another name")
    if piece.source is not None and piece.source.format == "midi":
        return add_tracks(piece, [Part(new.name, program=new.program, is_drum=new.is_drum) for _ in new.clefs])
    data = add_part(piece, new, on_top)
    assert piece.source is not None
    return read_musicxml(data, piece.source.name, piece.source.container)


def _part_for(instrument: str, name: str) -> NewPart:
    if is_drum_kit(instrument):
        return replace(DRUMS, name=name or DRUMS.name)
    found = find_instrument(instrument)
    if found is None:
        raise RequestError(f"'{instrument}' is no instrument that is known here: expected for example piano, cello, flute or drums")
    programs = INSTRUMENTS[found][2]
    if found in _TWO_STAVES:
        clefs: tuple[str, ...] = ("treble", "bass")
    else:
        low, high = instrument_range(found)
        clefs = ("alto",) if found == "viola" else ("treble",) if low + high >= 2 * MIDDLE_C else ("bass",)
    return NewPart(name or found.capitalize(), programs[0] if programs else CHOIR_PROGRAM, clefs)


def harmonise(piece: Piece, chords: str = "", figures: str = "", given: str = "", **request: Any) -> list[Infill]:
    """Add the other three voices to a melody or to a bass, on given chords or figures.

    Args:
        piece: From MusicXML or MIDI; its first part is given and stays.
        chords: ``| G | C D7 | G |``, from the first bar on; when empty the symbols of the score, and when it has none, freely.
        figures: Of a given bass, a field a note: ``| 6 | 7 # | 4-3 |`` (``compose.constraints.figures``).
        given: What the part is, "melody" or "bass"; when empty a bass where there are figures, else a melody.
        request: Further fields of ``Request``: constraints, model, seed, count, temperature, top_p; ``model`` is "chorale"
            when left out.
    """
    if not piece.parts:
        raise RequestError("the piece has no parts")
    given = given or ("bass" if figures else "melody")
    if given not in GIVEN:
        raise RequestError(f"given '{given}': expected {' or '.join(GIVEN)}")
    stays = quote(piece.parts[0].name)
    chords = chords or ("" if figures else chord_symbols(piece))
    new = GIVEN[given]
    for voice in reversed(new) if given == "bass" else new:
        piece = with_part(piece, voice, on_top=given == "bass")
    names = [voice.name for voice in new]
    wishes = [
        f"range: {', '.join(f'{name} {name.casefold()}' for name in names)}",
        f"no crossing: {', '.join([*names, stays] if given == 'bass' else [stays, *names])}",
        "polyphony: 1",
        "no parallels",
    ]
    wishes += [f"chords: {chords}"] if chords else []
    wishes += [f"figured bass: {figures}"] if figures else []
    return _infill_all(piece, names, wishes, {"model": "chorale", **request})


def _has_pickup(piece: Piece) -> bool:
    """Whether the first of several bars is shorter than its meter."""
    if len(piece.measures) < 2:
        return False
    first = piece.measures[0]
    full = 4 * piece.divs_per_quarter * int(first["beats"]) // int(first["beat_type"])
    return int(first["end_div"] - first["start_div"]) < full


def accompany(piece: Piece, instrument: str = "piano", name: str = "", region: str = "", **request: Any) -> list[Infill]:
    """Add a part of an instrument and write it, all other parts staying.

    Args:
        piece: From MusicXML or MIDI.
        instrument: By name, for example piano, cello or drums.
        name: Of the part; the instrument's when empty.
        region: Bars; when empty all but a pickup, in which accompaniments rest. Then the chord symbols of the score hold when it
            has some and no other chords are asked for.
        request: As ``harmonise``; ``model`` is "general" when left out.
    """
    new = _part_for(instrument, name)
    chords = chord_symbols(piece)
    piece = with_part(piece, new)
    first = 2 if _has_pickup(piece) else 1
    if first == 2 and chords:
        chords = "|" + chords.split("|", 2)[2]
    wishes: list[str | Constraint] = [] if new.is_drum else ["range: auto"]
    if len(new.clefs) > 1:
        upper = len(piece.parts) - len(new.clefs)
        hands = tuple(((upper + staff,), *HANDS[staff]) for staff in range(len(new.clefs)))
        wishes = [Range("range: right hand G3-C7, left hand E1-E4", hands), "hands: both"]
    given = request.get("constraints", ())
    asked = any(isinstance(wish, str) and wish.strip().casefold().startswith(("chords", "harmony")) for wish in given)
    if chords and not asked and not region and not new.is_drum:
        wishes.append(f"chords: {chords}")
    region = region or f"#{first}-#{len(piece.measures)}"
    return _infill_all(piece, [new.name], wishes, {"model": "general", **request}, region)


def vary(piece: Piece, region: str, parts: Sequence[str] = (), keep: str = "rhythm", **request: Any) -> list[Infill]:
    """Rewrite parts that keep their rhythm, or their rise and fall as well.

    Args:
        piece: Any piece.
        region: Bars, beats or seconds.
        parts: To vary; every pitched part when left out.
        keep: "rhythm" or "contour".
        request: As ``harmonise``.
    """
    if keep not in ("rhythm", "contour"):
        raise RequestError(f"keep '{keep}': expected rhythm or contour")
    given = tuple(request.pop("constraints", ()))
    return infill(replace(Request(piece, region, parts, (f"{keep}: keep", *given)), **request))


def _infill_all(
    piece: Piece, parts: Sequence[str], wishes: Sequence[str | Constraint], request: dict[str, Any], region: str = ""
) -> list[Infill]:
    given = tuple(request.pop("constraints", ()))
    base = Request(piece, region or f"#1-#{len(piece.measures)}", tuple(parts), (*wishes, *given))
    return infill(replace(base, **request))
