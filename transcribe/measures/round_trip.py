"""Score, performance, sound, notes, score again: how much of a score comes back from a recording of it.

A stretch of a score is performed by rule, played by a SoundFont, heard by the frame model with beats and all, and notated. Notes
that were heard (50 ms) are looked for in the new score: *place* is the share of them that stand where they did, counted from a
common first beat (the shift that most notes agree on), *steady* the same for successions of two onsets, which a beat that was
missed or counted twice spoils only once; *value* is the share with their length of those in their place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.rendering import render
from transcribe.beats.wishes import BeatWishes
from transcribe.heard import PEDAL_DTYPE, HeardMusic
from transcribe.listening import transcribe
from transcribe.measures.matching import match_notes, score_notes
from transcribe.midi_file import heard_to_midi
from transcribe.score.notate import Notation, notate
from transcribe.score.pairs import iter_pairs
from transcribe.score.performed import MAIN, PerformedScore
from transcribe.score.voices import DIVS_PER_QUARTER

__all__ = ["RoundTrip", "excerpt", "figures_of", "iter_round_trips", "round_trip"]

TOLERANCE = 1e-3  # quarters
FINEST = 48  # parts of a quarter in which shifts are counted


@dataclass(frozen=True)
class RoundTrip:
    """One piece there and back; shares are 0 to 1.

    Args:
        piece: Path in its pack.
        seconds: Length of the recording.
        notes: In the performance.
        onset, offset: F1 of what was heard, without and with offsets.
        place, steady, value: As the module says.
        meter: Whether the meter is right.
        key: Whether the key signature at the start is right.
        bars: Bars that were written.
    """

    piece: str
    seconds: float
    notes: int
    onset: float
    offset: float
    place: float
    steady: float
    value: float
    meter: bool
    key: bool
    bars: int


def excerpt(pair: PerformedScore, seconds: float) -> PerformedScore:
    """The beginning of a performed score."""
    inside = pair.heard.notes["onset_s"] < seconds
    heard = replace(
        pair.heard,
        notes=pair.heard.notes[inside],
        beats=pair.heard.beats[pair.heard.beats["time_s"] < seconds],
        duration_s=float(pair.heard.notes["offset_s"][inside].max()),
    )
    return replace(pair, heard=heard, truth=pair.truth[inside])


def round_trip(
    pair: PerformedScore, *, font: str | Path, seconds: float = 40.0, weights: str = "", beats_given: bool = False
) -> tuple[RoundTrip, Notation]:
    """There and back.

    Args:
        pair: A performed score (``transcribe.score.pairs``).
        font: SoundFont that plays.
        seconds: So much of it.
        weights: Of the frame model; those of the package when empty.
        beats_given: Whether meter and beats are those of the performance, to see what notation alone loses.

    Raises:
        InputError: The stretch has no notes.
        ToolError: The sound cannot be made.
    """
    pair = excerpt(pair, seconds)
    dry = replace(pair.heard, pedals=np.zeros(0, dtype=PEDAL_DTYPE))  # the notes last as long as the pedal holds them
    sound = render(heard_to_midi(dry), font=font, room=None).audio
    music = transcribe(sound, weights=weights, beats=BeatWishes()).music
    if beats_given:
        own = pair.heard
        music = replace(music, beats=own.beats, beats_per_bar=own.beats_per_bar, beat_type=own.beat_type)
    found = notate(music)
    return figures_of(pair, music, found), found


def figures_of(pair: PerformedScore, music: HeardMusic, found: Notation) -> RoundTrip:
    """How much of a score is in another.

    Args:
        pair: A performed score.
        music: What was heard of its performance.
        found: What was written of that.
    """
    matched = match_notes(pair.heard.notes, music.notes)
    row_of = {int(row): index for index, row in enumerate(found.rows.tolist())}
    pairs = [(true, row_of[heard]) for true, heard in matched.tolist() if heard in row_of and pair.truth["kind"][true] == MAIN]
    true = np.array([a for a, _ in pairs], dtype=np.int64)
    written = found.piece.notes[[b for _, b in pairs]]
    tactus = float(pair.tactus_quarters)
    wanted = pair.truth["onset_beats"][true] * tactus
    places = written["onset_div"] / DIVS_PER_QUARTER
    right = _agreeing(places - wanted)
    lengths = written["duration_div"] / DIVS_PER_QUARTER
    values = np.abs(lengths / np.maximum(pair.truth["duration_beats"][true] * tactus, 1e-9) - 1) < TOLERANCE
    written_meter = found.piece.measures[len(found.piece.measures) // 2]
    return RoundTrip(
        piece=pair.heard.name,
        seconds=round(pair.heard.duration_s, 1),
        notes=len(pair.heard.notes),
        onset=round(score_notes(pair.heard.notes, music.notes).f1, 4),
        offset=round(score_notes(pair.heard.notes, music.notes, offsets=True).f1, 4),
        place=_share(right),
        steady=_steady(wanted, places),
        value=_share(values[right]),
        meter=(int(written_meter["beats"]), int(written_meter["beat_type"])) == (pair.heard.beats_per_bar, pair.heard.beat_type),
        key=found.piece.key_at(0)[0] == pair.score.key_at(pair.first_beat_div)[0],
        bars=len(found.piece.measures),
    )


def _share(right: NDArray[np.bool_]) -> float:
    return round(float(right.mean()), 4) if len(right) else 0.0


def _agreeing(shifts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of some shifts, in quarters, are the commonest."""
    if not len(shifts):
        return np.zeros(0, dtype=np.bool_)
    common = Counter(np.rint(shifts * FINEST).astype(np.int64).tolist()).most_common(1)[0][0]
    return np.asarray(np.abs(shifts - common / FINEST) < max(TOLERANCE, 0.5 / FINEST))


def _steady(wanted: NDArray[np.float64], places: NDArray[np.float64]) -> float:
    """Share of successive onsets of the score whose distance was written right."""
    order = np.argsort(wanted, kind="stable")
    onsets: dict[float, list[float]] = {}
    for row in order.tolist():
        onsets.setdefault(round(float(wanted[row]), 4), []).append(float(places[row]))
    middle = [(at, float(np.median(found))) for at, found in onsets.items()]
    steps = [abs((b[1] - a[1]) - (b[0] - a[0])) < max(TOLERANCE, 0.5 / FINEST) for a, b in pairwise(middle)]
    return round(float(np.mean(steps)), 4) if steps else 0.0


def iter_round_trips(
    packs: Mapping[str, int],
    *,
    font: str | Path,
    split: str = "test",
    seed: int = 77,
    seconds: float = 40.0,
    steady: bool = False,
    weights: str = "",
) -> Iterator[tuple[RoundTrip, Notation]]:
    """Round trips of the first stretch of some pieces.

    Args:
        packs: How many pieces of each.
        font: SoundFont that plays.
        split: Of the packs.
        seed: Of the sample and the performances.
        seconds: So much of each.
        steady: Whether they are played in a steady tempo.
        weights: Of the frame model.

    Raises:
        InputError: A pack is missing.
        ToolError: The sound cannot be made.
    """
    for pack, count in packs.items():
        seen: set[str] = set()
        for row, pair in iter_pairs(pack, split, 3 * count, seed, steady=steady):
            if row.path in seen or len(seen) == count:
                continue
            seen.add(row.path)
            yield round_trip(pair, font=font, seconds=seconds, weights=weights)
