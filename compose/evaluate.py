"""The figures of the README: likelihood on the JSB benchmark, infills of held-out chorales, round trips.

Every function returns plain numbers for a table or JSON; the command line prints them (``partimento evaluate``).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch

from compose.canvas import STEPS_PER_QUARTER, Canvas
from compose.constraints.language import parse_constraints
from compose.constraints.others import see_others
from compose.constraints.voice_leading import FIFTH, OCTAVE, is_parallel_to
from compose.memory_mixture import crossfitted_nats, gather_slots
from compose.metrics.floors import counting_floors
from compose.metrics.frames import REST, Frames, collapse_repeats
from compose.metrics.memorisation import NGramIndex
from compose.models import Composer, VoicesComposer, load_model
from compose.request import always_on, find_region, make_canvas
from compose.roundtrip import check_roundtrip
from compose.sampler import SamplerSettings, write
from compose.threads import one_thread
from compose.train_voices import slot_figures
from compose.vocabulary.registry import build_vocabulary
from compose.vocabulary.voices import Voices, frame_ids, frame_pitches
from corpora.datasets.chorales import bach_chorales
from corpora.datasets.jsb import VALID_IN_TRAIN, load_jsb
from corpora.datasets.packs import iter_pack, list_packs
from corpora.errors import PartimentoError, RequestError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_notes
from corpora.piece import NOTE_DTYPE, Piece

__all__ = ["evaluate_chorale", "evaluate_jsb", "evaluate_roundtrip"]

REGION_BARS = 4
INNER_VOICES = ((1,), (2,), (1, 2))
NO_PARALLELS = ("no parallels",)
DRAWN, LIKELIEST = SamplerSettings(), SamplerSettings(temperature=0.0)


def evaluate_jsb(model: str = "voices") -> dict[str, Any]:
    """Nats per voice slot and accuracy on the valid chorales of the sixteenth grid, beside what counting reaches.

    Two figures of likelihood: the model alone, and mixed with memories of the train chorales and of the piece's own past, the
    mixture fitted on the other half of the valid pieces (``compose.memory_mixture``). The latter is also given without the pieces
    that stand in the train split as well.

    Raises:
        InputError: PARTIMENTO_DATA does not name the folder of the data.
        RequestError: The model is not a voices model.
    """
    composer = load_model(model)
    if not isinstance(composer, VoicesComposer):
        raise RequestError(f"model '{model}' is not a voices model")
    data = load_jsb()
    floors = counting_floors(data["train"], data["valid"])
    pieces = [frame_ids(piece) for piece in data["valid"]]
    predicted = [composer.model.log_probabilities(torch.from_numpy(piece)) for piece in pieces]
    figures = slot_figures(predicted, pieces)
    slots = gather_slots(pieces, predicted, [frame_ids(piece) for piece in data["train"]])
    mixed = crossfitted_nats(slots)
    unseen = ~torch.isin(slots.piece, torch.tensor(VALID_IN_TRAIN))
    return {
        "model": model,
        "parameters": sum(p.numel() for p in composer.model.parameters()),
        "valid_nats_per_slot": figures["nats_per_slot"],
        "valid_nats_per_slot_with_memories": round(float(mixed.mean()), 5),
        "valid_nats_per_slot_with_memories_without_doubles": round(float(mixed[unseen].mean()), 5),
        "valid_accuracy": figures["accuracy"],
        "copy_previous_accuracy": round(floors.copy_accuracy, 4),
        "bigram_nats_per_slot": round(floors.bigram_nats, 4),
        "unigram_nats_per_slot": round(floors.unigram_nats, 4),
        "slots": floors.slots,
    }


@dataclass
class _Tally:
    """Parallels of pairs of voices of which one was rewritten."""

    fifths: int = 0
    octaves: int = 0
    transitions: int = 0

    def add(self, frames: Frames, lanes: Sequence[int]) -> None:
        distinct = collapse_repeats(frames)
        full = (distinct != REST).all(axis=1)
        steps = full[:-1] & full[1:]
        before, after = distinct[:-1][steps], distinct[1:][steps]
        self.transitions += len(before)
        for upper, lower in combinations(range(frames.shape[1]), 2):
            if upper in lanes or lower in lanes:
                voices = (before[:, upper], after[:, upper], before[:, lower], after[:, lower])
                self.fifths += int(is_parallel_to(FIFTH, *voices).sum())
                self.octaves += int(is_parallel_to(OCTAVE, *voices).sum())

    def rates(self, name: str) -> dict[str, float]:
        """Per 1,000 transitions."""
        per = 1000 / max(self.transitions, 1)
        return {f"{name}_fifths_per_1000": round(self.fifths * per, 2), f"{name}_octaves_per_1000": round(self.octaves * per, 2)}


def _frames(piece: Piece) -> Frames:
    return frame_pitches(Voices().encode(piece).tokens.ids)


def _with_written(canvas: Canvas) -> Piece:
    """The piece with the written notes in place of the removed."""
    piece = canvas.piece
    fixed = np.zeros(len(canvas.fixed), dtype=NOTE_DTYPE)
    for row, note in zip(fixed, canvas.fixed, strict=True):
        times = (note.onset // canvas.ticks_per_div, note.duration // canvas.ticks_per_div)
        row["onset_div"], row["duration_div"] = times
        row["pitch"], row["velocity"], row["part"] = note.pitch, note.velocity, note.lane
    return piece.with_notes(np.concatenate([fixed, canvas.table()]))


def _tasks(pieces: Iterable[Piece], rng: np.random.Generator) -> list[tuple[Piece, str, tuple[int, ...]]]:
    """For each piece four bars and one or two inner voices."""
    tasks: list[tuple[Piece, str, tuple[int, ...]]] = []
    for piece in pieces:
        fine = piece.rescaled(int(np.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER)))
        bars = len(fine.measures)
        first = int(rng.integers(1, max(bars - REGION_BARS, 1) + 1))
        lanes = INNER_VOICES[int(rng.integers(len(INNER_VOICES)))]
        tasks.append((fine, f"#{first}-#{min(first + REGION_BARS - 1, bars)}", lanes))
    return tasks


def _rewrite(
    composer: Composer,
    piece: Piece,
    region: str,
    lanes: tuple[int, ...],
    wishes: Sequence[str],
    seed: int,
    settings: SamplerSettings,
) -> Canvas:
    canvas, _ = make_canvas(piece, find_region(piece, region, lanes))
    writer, scorer = composer.open(
        canvas, see_others((*always_on(canvas, canvas.ticks_per_div), *parse_constraints(list(wishes), piece)))
    )
    with one_thread():
        write(writer, scorer, settings, seed)
    return canvas


def evaluate_chorale(model: str = "chorale", *, pieces: int = 50, seed: int = 0) -> dict[str, Any]:
    """Rewrite one or two inner voices of four bars of held-out chorales, and compare with Bach.

    Pitch accuracy counts the sixteenths of the rewritten voices, for the likeliest answer (temperature 0) and for one drawn as
    ``infill`` does; the copy floor takes each sixteenth from the one before it in the original. Parallels count pairs of voices of
    which one was rewritten, from a sixteenth before the region to one after. Silent shares count the sixteenths of the rewritten
    voices. The longest n-gram is that of the rewritten bars with any training chorale, transposition-invariant.

    Args:
        model: A model for any piece of four voices.
        pieces: How many held-out chorales (valid first, then test).
        seed: Of the choice of bars and voices, and of the sampler.
    """
    composer = load_model(model)
    held_out = [chorale.piece for split in ("valid", "test") for chorale in bach_chorales(split)]
    index = NGramIndex([_frames(chorale.piece) for chorale in bach_chorales("train")])
    bach, free, ruled = _Tally(), _Tally(), _Tally()
    hits = {"likeliest": 0, "drawn": 0, "copy": 0}
    silent = {"bach": 0, "model": 0}
    slots = notes = failed = 0
    runs: list[int] = []
    bach_runs: list[int] = []
    seconds = 0.0
    for number, (piece, region, lanes) in enumerate(_tasks(held_out[:pieces], np.random.default_rng(seed))):
        original = _frames(piece)
        bounds = find_region(piece, region, lanes)
        frame = STEPS_PER_QUARTER // 4 * (np.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER) // STEPS_PER_QUARTER)
        first, last = -(-bounds.start // int(frame)), bounds.end // int(frame)
        around = slice(max(first - 1, 0), last + 1)
        columns = list(lanes)
        target = original[first:last, columns]
        slots += target.size
        hits["copy"] += int(
            (original[max(first - 1, 0) : last - 1, columns][-len(target) :] == target[-(last - max(first, 1)) :]).sum()
        )
        bach.add(original[around], lanes)
        bach_runs.append(index.longest_common(original[first:last]))
        started = time.perf_counter()
        drawn = _rewrite(composer, piece, region, lanes, (), seed + number, DRAWN)
        seconds += time.perf_counter() - started
        notes += len(drawn.written)
        frames = _frames(_with_written(drawn))
        silent["bach"] += int((target == REST).sum())
        silent["model"] += int((frames[first:last, columns] == REST).sum())
        hits["drawn"] += int((frames[first:last, columns] == target).sum())
        free.add(frames[around], lanes)
        runs.append(index.longest_common(frames[first:last]))
        likeliest = _frames(_with_written(_rewrite(composer, piece, region, lanes, (), seed, LIKELIEST)))
        hits["likeliest"] += int((likeliest[first:last, columns] == target).sum())
        try:
            with_rule = _rewrite(composer, piece, region, lanes, NO_PARALLELS, seed + number, DRAWN)
            ruled.add(_frames(_with_written(with_rule))[around], lanes)
        except PartimentoError:
            failed += 1
    return {
        "model": model,
        "pieces": pieces,
        "accuracy_likeliest": round(hits["likeliest"] / slots, 4),
        "accuracy_drawn": round(hits["drawn"] / slots, 4),
        "accuracy_copy_floor": round(hits["copy"] / slots, 4),
        **bach.rates("bach"),
        **free.rates("model"),
        **ruled.rates("model_with_no_parallels"),
        "no_parallels_refused": failed,
        **{f"{name}_silent_share": round(count / slots, 4) for name, count in silent.items()},
        "transitions": free.transitions,
        "longest_ngram_median": float(np.median(runs)),
        "longest_ngram_max": int(max(runs)),
        "bach_longest_ngram_median": float(np.median(bach_runs)),
        "bach_longest_ngram_max": int(max(bach_runs)),
        "notes_per_second": round(notes / seconds, 1),
    }


def evaluate_roundtrip(vocabulary: str = "measured", *, pieces: int = 200, seed: int = 0) -> dict[str, Any]:
    """Encode and decode a sample of every pack and 300 chorales: lost notes, and whether the reports name them all.

    Args:
        vocabulary: Name of a vocabulary.
        pieces: Of the packs, spread evenly over them.
        seed: Of the sample.
    """
    built = build_vocabulary(vocabulary)
    totals = {"pieces": 0, "chorales": 0, "notes": 0, "lost": 0, "reported": 0, "not_named": 0, "refused": 0, "longest_s": 0.0}

    def check(piece: Piece, kind: str) -> None:
        try:
            result = check_roundtrip(piece, built)
        except PartimentoError:
            totals["refused"] += 1
            return
        totals[kind] += 1
        totals["notes"] += result.notes
        totals["lost"] += result.lost
        totals["reported"] += result.reported
        totals["not_named"] += not result.ok
        totals["longest_s"] = max(totals["longest_s"], round(float(piece.div_to_seconds(piece.end_div)), 1))

    for chorale, _ in zip(bach_chorales("all"), range(300), strict=False):
        check(chorale.piece, "chorales")
    packs = list_packs()
    for pack in packs:
        for row, data in iter_pack(pack.name, limit=-(-pieces // len(packs)), seed=seed):
            name = row.path.rsplit("/", 1)[-1]
            check(read_kern_notes(data, name) if name.endswith(".krn") else parse_piece(data, name), "pieces")
    return {"vocabulary": vocabulary, **totals}
