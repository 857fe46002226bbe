"""Scores cast and played for training: ``perform_score``, passages out of one performance.

Players are chosen first, so that the rules of ``render.perform`` treat a part as its instrument asks (pedal for pianos, swells for
what can swell). Then every rule gets a strength of its own, the whole a tempo, a transposition, and levels of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compose.constraints.instruments import instrument_of
from corpora.piece import Part, Piece, Table
from render.perform.perform import perform
from render.perform.rules import RULES
from transcribe.families import FAMILY_OF_PROGRAM
from transcribe.training_audio.instruments import draw_ensemble, draw_piano, into_range
from transcribe.training_audio.passages import Passage, PassagePart, bar_spans, cut_passage

__all__ = ["FASTEST", "SLOWEST", "Cast", "draw_cast", "draw_solo", "perform_score"]

MAX_PARTS = 4
ALONE = 0.65  # how often a piano part is played without the others
KEYBOARDS = range(8)
SLOWEST, FASTEST = 0.7, 1.4
DOWN, UP = -5, 6  # semitones
SPARSEST = 1.5  # notes a second: what has fewer teaches little
SHORTEST_S = 12.0
KNEE = 0.8  # share of velocity 127 above which loud notes are brought nearer together
CHORDAL_SHARE = 1.25  # notes an onset from which on a part plays chords
AS_WRITTEN = 0.35  # share of ensembles that keep the instruments of the score
SINGERS = frozenset({"voice", "soprano", "mezzo-soprano", "alto", "tenor", "baritone"})
CHOIRS = (52, 53, 54)


@dataclass(frozen=True)
class Cast:
    """Who plays a piece.

    Args:
        part_of_lane: For each lane the part that plays it; -1 for lanes that are left out.
        parts: Their programs.
    """

    part_of_lane: tuple[int, ...]
    parts: tuple[PassagePart, ...]

    @property
    def families(self) -> int:
        """How many families (``transcribe.families``) play."""
        return len({FAMILY_OF_PROGRAM.get(part.program) for part in self.parts})


def _groups(piece: Piece) -> list[list[int]]:
    """The lanes of each pitched part that has notes, in score order; all keyboard staves of a MIDI source are one part."""
    found: dict[str, list[int]] = {}
    is_midi = piece.source is not None and piece.source.format == "midi"
    counts = np.bincount(piece.notes["part"], minlength=len(piece.parts))
    for lane, part in enumerate(piece.parts):
        if not part.is_drum and counts[lane]:
            found.setdefault("keyboard" if is_midi and part.program in KEYBOARDS else part.key, []).append(lane)
    return list(found.values())


def _pitches(piece: Piece, lanes: Sequence[int]) -> Table:
    return piece.notes["pitch"][np.isin(piece.notes["part"], lanes)]


def _is_chordal(piece: Piece, lanes: Sequence[int]) -> bool:
    onsets = piece.notes["onset_div"][np.isin(piece.notes["part"], lanes)]
    return len(onsets) / len(np.unique(onsets)) >= CHORDAL_SHARE


def _program(part: Part, rng: np.random.Generator) -> int:
    """What the score says; songs of MusicXML often have no program for the voice but its name, and families know only some."""
    if instrument_of(part) in SINGERS:
        return int(rng.choice(CHOIRS))
    return part.program if part.program in FAMILY_OF_PROGRAM else draw_piano(rng)


def draw_solo(piece: Piece, rng: np.random.Generator, programs: Mapping[int, float]) -> Cast:
    """One piano for a piece: it plays the part with most notes, or all parts together.

    Args:
        piece: With pitched notes.
        rng: Source of all choices.
        programs: How often each is drawn.
    """
    groups = _groups(piece)
    program = draw_piano(rng, programs)
    busiest = max(groups, key=lambda lanes: len(_pitches(piece, lanes)))
    is_alone = rng.random() < ALONE and _is_chordal(piece, busiest)
    chosen = busiest if is_alone else [lane for lanes in groups for lane in lanes]
    return Cast(tuple(0 if lane in chosen else -1 for lane in range(len(piece.parts))), (PassagePart(program),))


def draw_cast(piece: Piece, rng: np.random.Generator) -> Cast:
    """Up to four parts of up to three families for a piece.

    Args:
        piece: With pitched notes.
        rng: Source of all choices.
    """
    groups = _groups(piece)
    if len(groups) > MAX_PARTS:
        sizes = np.array([len(_pitches(piece, lanes)) for lanes in groups], dtype=np.float64)
        kept = rng.choice(len(groups), MAX_PARTS, replace=False, p=sizes / sizes.sum())
        groups = [groups[index] for index in np.sort(kept).tolist()]
    chordal = [_is_chordal(piece, lanes) for lanes in groups]
    families = int(rng.choice([1, 2, 3], p=[0.25, 0.4, 0.35]))
    if rng.random() < AS_WRITTEN:
        programs = [_program(piece.parts[lanes[0]], rng) for lanes in groups]
    else:
        order = rng.permutation(len(groups)).tolist()
        drawn = draw_ensemble([_pitches(piece, groups[i]) for i in order], [chordal[i] for i in order], rng, families)
        programs = [drawn[order.index(index)] for index in range(len(groups))]
    part_of_lane = [-1] * len(piece.parts)
    for index, lanes in enumerate(groups):
        for lane in lanes:
            part_of_lane[lane] = index
    return Cast(tuple(part_of_lane), tuple(PassagePart(program) for program in programs))


def _strengths(rng: np.random.Generator) -> dict[str, float]:
    """A strength for every rule, from none to well above a musician's; sometimes the machine plays."""
    if rng.random() < 0.06:
        return {"all": 0.0, "pedal": 1.0}
    own = {rule.name: float(rng.choice([0.0, 1.0], p=[0.12, 0.88]) * rng.uniform(0.3, 1.7)) for rule in RULES if rule.default}
    own["pedal"] = 0.0 if rng.random() < 0.18 else 1.0
    own["dynamics"] = 1.0  # velocities get a curve of their own
    return own


def perform_score(piece: Piece, cast: Cast, rng: np.random.Generator, *, count: int, longest_s: float) -> list[Passage]:
    """Passages of one performance, each with a tempo, a transposition and levels of its own.

    Args:
        piece: As it was read.
        cast: Who plays.
        rng: Source of all choices.
        count: At most so many passages, spread over the piece at random.
        longest_s: Of a passage.
    """
    lanes = [lane for lane, part in enumerate(cast.part_of_lane) if part >= 0]
    parts = tuple(
        replace(part, program=cast.parts[cast.part_of_lane[lane]].program) if lane in lanes else part
        for lane, part in enumerate(piece.parts)
    )
    performance = perform(replace(piece, parts=parts), strengths=_strengths(rng), seed=int(rng.integers(1 << 30)), repeats=False)
    played = performance.played
    factor = float(np.exp(rng.uniform(np.log(SLOWEST), np.log(FASTEST))))
    edges = np.append(played.measures["start_div"], played.measures["end_div"][-1:])
    seconds = played.div_to_seconds(edges)
    spans = list(bar_spans(played.measures, seconds, SHORTEST_S * factor, longest_s * factor))
    chosen = np.sort(rng.permutation(len(spans))[:count]).tolist()
    out = []
    for index in chosen:
        passage = cut_passage(performance, spans[index], cast.part_of_lane, cast.parts)
        passage = passage.faster(factor)
        if len(passage.notes) >= SPARSEST * passage.duration_s and passage.duration_s <= 2 * longest_s:
            out.append(_varied(passage, rng))
    return out


def _varied(passage: Passage, rng: np.random.Generator) -> Passage:
    """Transposed as a whole, each part in its range, velocities by another curve that wanders."""
    notes = passage.notes.copy()
    notes["pitch"] += int(rng.integers(DOWN, UP + 1))
    for index, part in enumerate(passage.parts):
        mine = notes["part"] == index
        if mine.any():
            notes["pitch"][mine] = into_range(notes["pitch"][mine], part.program)
    notes["velocity"] = _other_velocities(notes, passage.duration_s, rng)
    return replace(passage, notes=notes)


def _other_velocities(notes: Table, duration_s: float, rng: np.random.Generator) -> Table:
    """A new spread about a new centre, a slow walk, and a scatter from note to note."""
    share = notes["velocity"] / 127
    spread, centre = rng.uniform(0.6, 1.6), rng.uniform(0.38, 0.78)
    places = np.arange(0.0, duration_s + 8.0, 4.0)
    walk = np.cumsum(rng.normal(0.0, rng.uniform(0.0, 0.05), len(places)))
    own = centre + spread * (share - share.mean()) + np.interp(notes["onset_s"], places, walk - walk.mean())
    own += rng.normal(0.0, rng.uniform(0.0, 0.04), len(own))
    own = np.where(own > KNEE, KNEE + (1 - KNEE) * np.tanh((own - KNEE) / (1 - KNEE)), own)
    return np.asarray(np.clip(np.rint(127 * own), 8, 127), dtype=np.int32)
