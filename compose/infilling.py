"""The main job: a piece, a region and wishes in; new notes in the region out, everything else untouched.

Example:
    >>> from compose import Request, infill                        # doctest: +SKIP
    >>> from corpora.files import read_piece                              # doctest: +SKIP
    >>> piece = read_piece("chorale.musicxml")                            # doctest: +SKIP
    >>> best, *others = infill(Request(piece, "5-8", ("Alto", "Tenor"), ("scale: G major",), seed=7, count=3))  # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compose.canvas import STEPS_PER_QUARTER, Canvas
from compose.constraints.base import Constraint, Satisfaction
from compose.constraints.conflicts import find_conflicts
from compose.constraints.language import parse_constraints
from compose.constraints.others import see_others
from compose.models import AUTO, Composer, choose_model, load_model
from compose.request import always_on, find_kept, find_region, make_canvas, select_lanes
from compose.sampler import SamplerSettings, write
from compose.threads import one_thread
from corpora.errors import RequestError
from corpora.files import edit_piece
from corpora.musicxml.append import append_measures
from corpora.musicxml.reader import read_musicxml
from corpora.piece import Piece, Table

__all__ = ["Infill", "Request", "continue_piece", "infill", "infill_with"]


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Args:
        piece: The piece before the change.
        region: Bars ``5-8``, beats ``5:1-8:3`` or seconds ``12.5s-20s`` (``compose.request``).
        parts: Names of the parts to write; none means every pitched part.
        constraints: Wishes as text (``compose.constraints.language``) or ready-made constraints.
        model: Name or folder of the model; "auto" takes the one for the piece (``compose.models.choose_model``).
        seed: The same seed gives the same notes. Variation k takes seed + k.
        count: Variations.
        temperature: 0 takes the likeliest note each time, 1 is as learned.
        top_p: Nucleus, 0 < top_p <= 1.
        keep: Ids of notes in the region that stay; the wish ``keep: Alto 6:1-6:2`` says it by place.
    """

    piece: Piece
    region: str
    parts: Sequence[str] = ()
    constraints: Sequence[str | Constraint] = ()
    model: str = AUTO
    seed: int = 0
    count: int = 1
    temperature: float = SamplerSettings.temperature
    top_p: float = SamplerSettings.top_p
    keep: Collection[str] = ()


@dataclass(frozen=True)
class Infill:
    """One answer and its report.

    Args:
        piece: The piece after the change; its source is the edited file.
        added: The new notes, NOTE_DTYPE rows of ``piece``.
        removed: The notes that went, NOTE_DTYPE rows of the piece before.
        kept: How many notes stayed.
        satisfied: What was asked and what holds, measured on the notes of the edited file.
        log_likelihood: Of the new notes under the model, nats.
        nats_per_note: Its negative per new note: how the variations are ranked, lowest first.
        seed: Gives this answer again, with count 1.
        model: Name of the model.
        seconds: Wall time of writing.
        rewinds: How often the sampler had to go back.
        region: The region as asked.
    """

    piece: Piece
    added: Table
    removed: Table
    kept: int
    satisfied: tuple[Satisfaction, ...]
    log_likelihood: float
    nats_per_note: float
    seed: int
    model: str
    seconds: float
    rewinds: int
    region: str

    @property
    def changed(self) -> tuple[Table, tuple[str, ...]]:
        """Added rows, and ids of removed notes."""
        return self.added, tuple(self.removed["id"].tolist())

    @property
    def holds(self) -> bool:
        """Whether all that was asked holds."""
        return all(entry.satisfied for entry in self.satisfied)

    def diff(self) -> list[dict[str, Any]]:
        """Every changed note for machines: sign "-" or "+", part, bar, beat (from 1), pitch, duration in quarters."""
        rows = [("-", note) for note in self.removed] + [("+", note) for note in self.added]
        rows.sort(key=lambda row: (int(row[1]["onset_div"]), int(row[1]["part"]), row[0] == "+", int(row[1]["pitch"])))
        return [_describe(self.piece, sign, note) for sign, note in rows]

    def report(self) -> dict[str, Any]:
        """Everything but the music, ready for JSON."""
        return {
            "region": self.region,
            "model": self.model,
            "seed": self.seed,
            "notes_added": len(self.added),
            "notes_removed": len(self.removed),
            "notes_kept": self.kept,
            "log_likelihood": round(self.log_likelihood, 4),
            "nats_per_note": round(self.nats_per_note, 4),
            "seconds": round(self.seconds, 3),
            "rewinds": self.rewinds,
            "holds": self.holds,
            "satisfied": [entry.to_dict() for entry in self.satisfied],
            "diff": self.diff(),
        }


def _describe(piece: Piece, sign: str, note: np.void) -> dict[str, Any]:
    measure = piece.measures[piece.measure_at(int(note["onset_div"]))]
    beat = 1 + (int(note["onset_div"]) - int(measure["start_div"])) * int(measure["beat_type"]) / (4 * piece.divs_per_quarter)
    return {
        "sign": sign,
        "part": piece.parts[int(note["part"])].name,
        "bar": str(measure["number"]),
        "beat": round(beat, 4),
        "pitch": int(note["pitch"]),
        "quarters": float(piece.quarters(int(note["duration_div"]))),
    }


def infill(request: Request) -> list[Infill]:
    """Answer a request with its variations, likeliest first.

    Raises:
        RequestError: The request cannot be understood.
        InfeasibleConstraint: No music can meet it, or none was found; names the constraints in conflict.
        CheckpointError: The model cannot be loaded.
    """
    name = choose_model(request.piece) if request.model == AUTO else request.model
    return infill_with(load_model(name), request)


def infill_with(composer: Composer, request: Request) -> list[Infill]:
    """As ``infill``, with a model at hand."""
    if request.count < 1:
        raise RequestError(f"count must be at least 1, got {request.count}")
    piece = _on_writing_grid(request.piece)
    settings = SamplerSettings(temperature=request.temperature, top_p=request.top_p)
    region = find_region(piece, request.region, select_lanes(piece, request.parts))
    keeps = {wish: find_kept(piece, wish) for wish in request.constraints if isinstance(wish, str) and _is_keep(wish)}
    asked = parse_constraints([wish for wish in request.constraints if wish not in keeps], piece)
    keep = frozenset(request.keep).union(*keeps.values())
    answers = []
    started = time.perf_counter()
    canvas, removed_ids = make_canvas(piece, region, keep)
    removed = piece.notes[np.isin(piece.notes["id"], removed_ids)]
    rules = see_others((*always_on(canvas, canvas.ticks_per_div), *asked))
    conflict = find_conflicts(rules, canvas)
    if conflict is not None:
        raise conflict
    writer, scorer = composer.open(canvas, rules)
    for seed in range(request.seed, request.seed + request.count):
        writer.restart()  # what was read before the first choice is read once for all variations
        with one_thread():
            written = write(writer, scorer, settings, seed)
        finished = _with_kept_rhythm(canvas, rules)
        after = _on_writing_grid(edit_piece(piece, removed_ids, finished.table()))
        added, kept = _compare(piece, after, removed_ids)
        untouched = _untouched(piece, after, removed_ids, finished)
        kept_wishes = (Satisfaction(wish, untouched.satisfied, f"{len(ids)} notes kept") for wish, ids in keeps.items())
        measured = (rule.measure(finished if rule.keeps_times else canvas) for rule in rules)
        satisfied = (*measured, *kept_wishes, untouched)
        answers.append(
            Infill(
                piece=after,
                added=added,
                removed=removed,
                kept=kept,
                satisfied=satisfied,
                log_likelihood=written.log_likelihood,
                nats_per_note=-written.log_likelihood / max(len(added), 1),
                seed=seed,
                model=composer.name,
                seconds=time.perf_counter() - started,  # the first's has what all share
                rewinds=written.rewinds,
                region=request.region,
            )
        )
        started = time.perf_counter()
    return sorted(answers, key=lambda answer: (answer.nats_per_note, answer.seed))


def _with_kept_rhythm(canvas: Canvas, rules: Sequence[Constraint]) -> Canvas:
    """The canvas with the exact times of removed notes, where a rule keeps their rhythm."""
    return canvas.with_original_times() if any(rule.keeps_times for rule in rules) else canvas


def _is_keep(wish: str) -> bool:
    return wish.partition(":")[0].strip().casefold() == "keep"


def _on_writing_grid(piece: Piece) -> Piece:
    """A MusicXML piece in divs that hold the writing grid (the editor changes divisions where it must); MIDI as it is."""
    if piece.source is not None and piece.source.format == "midi":
        return piece
    return piece.rescaled(int(np.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER)))


def _keys(rows: Table) -> list[tuple[int, int, int, float, int]]:
    """Onset and duration in divs, pitch, cents and lane of each note."""
    return list(zip(*(rows[name].tolist() for name in ("onset_div", "duration_div", "pitch", "cents", "part")), strict=True))


def _uncented(rows: Table) -> Counter[tuple[int, ...]]:
    """How often each onset, duration, pitch and lane comes."""
    return Counter(rows[["onset_div", "duration_div", "pitch", "part"]].tolist())


def _compare(before: Piece, after: Piece, removed_ids: Collection[str]) -> tuple[Table, int]:
    """The rows of ``after`` that are new, and how many of the notes that should stay did."""
    after = after.rescaled(before.divs_per_quarter) if after.divs_per_quarter != before.divs_per_quarter else after
    stay = Counter(_keys(before.notes[~np.isin(before.notes["id"], list(removed_ids))]))
    total, new = sum(stay.values()), []
    for index, key in enumerate(_keys(after.notes)):
        if stay[key]:
            stay[key] -= 1
        else:
            new.append(index)
    return after.notes[new], total - sum(stay.values())


def _untouched(before: Piece, after: Piece, removed_ids: Collection[str], canvas: Canvas) -> Satisfaction:
    """Whether the edited file, read again, holds every other note as it was and the new notes as they were written.

    New notes have no cents of their own: in MIDI they sound as their channel is bent, which is no matter here.
    """
    added, kept = _compare(before, after, removed_ids)
    expected = len(before.notes) - len(removed_ids)
    fine = kept == expected and _uncented(added) == _uncented(canvas.table())
    return Satisfaction("everything else untouched", fine, f"{kept} of {expected} other notes identical in the file")


def continue_piece(
    piece: Piece,
    bars: int,
    parts: Sequence[str] = (),
    constraints: Sequence[str | Constraint] = (),
    model: str = AUTO,
    seed: int = 0,
    count: int = 1,
    temperature: float = SamplerSettings.temperature,
    top_p: float = SamplerSettings.top_p,
) -> list[Infill]:
    """Add bars to the end of a piece and write them; otherwise as ``infill``.

    Args:
        piece: From a file.
        bars: How many, in the last bar's meter, at least 1.
        parts, constraints, model, seed, count, temperature, top_p: See ``Request``.
    """
    if bars < 1:
        raise RequestError(f"bars must be at least 1, got {bars}")
    if not len(piece.measures):
        raise RequestError("the piece has no bars to go on from")
    longer = _append_bars(piece, bars)
    first = len(longer.measures) - bars + 1
    request = Request(longer, f"#{first}-#{len(longer.measures)}", parts, constraints, model, seed, count, temperature, top_p)
    return infill(request)


def _append_bars(piece: Piece, bars: int) -> Piece:
    if piece.source is not None and piece.source.format == "musicxml":
        source = piece.source
        return read_musicxml(
            append_measures(source.data, bars, (4 * int(piece.measures["beats"][-1]), int(piece.measures["beat_type"][-1]))),
            source.name,
            source.container,
        )
    rows = np.repeat(piece.measures[-1:], bars)
    last = piece.measures[-1]
    length = int(last["beats"]) * 4 * piece.divs_per_quarter // int(last["beat_type"])
    rows["start_div"] = int(last["end_div"]) + length * np.arange(bars)
    rows["end_div"] = rows["start_div"] + length
    rows["number"] = [str(len(piece.measures) + 1 + index) for index in range(bars)]
    return replace(piece, measures=np.concatenate([piece.measures, rows]))
