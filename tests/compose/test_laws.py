"""What must hold by construction, with the worst model there is: random requests, random logits, every vocabulary with a writer.

For each request: every constraint measures satisfied on the finished notes, kept notes are kept, a refusal names what is in
conflict, and nothing takes long.
"""

import time
from collections import Counter

import numpy as np
import pytest

from compose.constraints.conflicts import find_conflicts
from compose.constraints.language import parse_constraints
from compose.constraints.others import see_others
from compose.request import always_on, find_region, make_canvas
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.writers.anticipation import AnticipationWriter
from compose.writers.compound import CompoundWriter
from compose.writers.measured import MeasuredWriter
from compose.writers.performance import PerformanceWriter
from compose.writers.remi import RemiWriter
from compose.writers.voices import VoicesWriter
from corpora.errors import InfeasibleConstraint

WRITERS = {
    "measured": MeasuredWriter,
    "anticipation": AnticipationWriter,
    "voices": VoicesWriter,
    "remi": RemiWriter,
    "compound": CompoundWriter,
    "performance": PerformanceWriter,
}
FULL_TO_THE_END = 1127  # kept notes fill the region's last frames, and a part must end on G
LONGEST_S = 30.0  # of processor time, for one request

WISHES = {
    "scale": ("scale: G major", "scale: A minor", "scale: C dorian", "scale: F harmonic minor"),
    "pitches": ("pitches: C D E G A", "pitches: F#"),
    "range": ("range: C3-E5", "range: G3-C4", "range: E3-E4", "range: Alto G3-E5, Tenor C3-A4"),
    "chords": ("chords: | G | C D7 |", "chords: | Am | % | E7 |", "chords: | C |"),
    "rhythm": ("rhythm: keep",),
    "grid": ("grid: 1/8", "grid: 1/16", "grid: 1/4", "grid: 1/8t"),
    "polyphony": ("polyphony: 1", "polyphony: 2", "polyphony: total 4"),
    "end": ("end on: G", "end on: C4", "end on: D"),
    "parallels": ("no parallels",),
    "changes": ("scale: G major @1, D major @3", "harmony: G major: | I | V7 |", "harmony: A minor: | i6 | viio7/V V |"),
    "avoid": ("avoid: F#", "avoid: C, G4"),
    "require": ("require: D", "require: G, B", "require: Alto A4"),
    "tessitura": ("tessitura: A3-E4", "tessitura: Soprano C5-G5, Bass C3-G3"),
    "start": ("start on: G", "start on: Alto D4"),
    "glue": ("glue: 2", "glue: 5"),
    "contour": ("contour: keep", "contour: up", "contour: up down", "contour: Tenor down, Soprano down up", "contour: down"),
    "cadence": ("cadence: perfect", "cadence: half in G major", "cadence: plagal", "cadence: deceptive in A minor"),
    "figures": ("figured bass: 6", "figured bass: 6 | |", "figured bass: | _ 6 _ 7# |"),
    "motif": (
        "motif: C4 q D4 e E4 e F4 h",
        "motif: G4 e F#4 e G4 q x2",
        "motif: C4 q D4 q E4 q diatonic",
        "motif: Soprano 2:1-2:2 in Tenor",
        "motif: B4 s A4 s G4 e x3",
    ),
    "dynamics": ("dynamics: p", "dynamics: mp-f", "dynamics: Alto 20-40, ff"),
    "density": ("density: 1 per beat", "density: 1-2 per beat", "density: 2-5 per bar", "density: Alto 0-1 per beat"),
    "auto": ("range: auto", "range: alto"),
    "crossing": ("no crossing",),
}


def _random_request(piece, rng):
    """Region text, lanes, wishes and ids to keep."""
    bars = len(piece.measures)
    first = int(rng.integers(1, bars))
    last = min(bars, first + int(rng.integers(0, 3)))
    region = f"#{first}-#{last}"
    if rng.random() < 0.2:
        start = float(piece.div_to_seconds(int(piece.measures["start_div"][first - 1]))) + float(rng.random())
        region = f"{start:.2f}s-{start + float(rng.uniform(1, 5)):.2f}s"
    lanes = tuple(sorted(rng.choice(4, size=int(rng.integers(1, 5)), replace=False).tolist()))
    kinds = rng.choice(list(WISHES), size=int(rng.integers(0, 5)), replace=False)
    wishes = [str(rng.choice(WISHES[kind])) for kind in kinds]
    keep = rng.choice(piece.notes["id"], size=int(rng.integers(0, 3)), replace=False).tolist() if rng.random() < 0.3 else []
    return region, lanes, wishes, keep


def _attempt(canvas, rules, vocabulary, seed):
    """Write on the canvas; the refusal, when it is refused."""
    conflict = find_conflicts(rules, canvas)
    if conflict is not None:
        return conflict
    settings = SamplerSettings(temperature=float(seed % 2))
    try:
        write(WRITERS[vocabulary](canvas, rules), RandomScorer(seed), settings, seed)
    except InfeasibleConstraint as error:
        return error
    return None


def _answer(piece, vocabulary, wish, seed):
    """Write a request; the outcome's name. Fails where a law is broken."""
    region, lanes, wishes, keep = wish
    canvas, removed = make_canvas(piece, find_region(piece, region, lanes), keep)
    assert not set(keep) & set(removed)
    fixed = tuple(canvas.fixed)
    rules = see_others((*always_on(canvas, canvas.ticks_per_div), *parse_constraints(wishes, piece)))
    what = (seed, vocabulary, region, lanes, wishes, keep)
    refusal = _attempt(canvas, rules, vocabulary, seed)
    if refusal is not None:
        assert refusal.constraints, what
        assert all(refusal.constraints), what
        assert any(text in str(refusal) for text in refusal.constraints), (what, str(refusal))
        return "dead end" if "ways tried" in str(refusal) else "infeasible"
    broken = [entry for entry in (rule.measure(canvas) for rule in rules) if not entry.satisfied]
    assert not broken, (what, broken)
    assert tuple(canvas.fixed) == fixed
    everything = Counter(note for lane in range(4) for note in canvas.lane_notes(lane))
    assert everything == Counter(fixed) + Counter(canvas.written), what
    assert all(note.lane in lanes and canvas.region.start <= note.onset < canvas.region.end for note in canvas.written), what
    return "written"


def _run(pieces, seeds):
    outcomes: Counter[tuple[str, str]] = Counter()
    slowest = (0.0, None)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        piece = pieces[int(rng.integers(len(pieces)))]
        vocabulary = list(WRITERS)[seed // 2 % len(WRITERS)]
        wish = _random_request(piece, rng)
        started = time.process_time()
        outcomes[vocabulary, _answer(piece, vocabulary, wish, seed)] += 1
        slowest = max(slowest, (time.process_time() - started, (seed, vocabulary, *wish)), key=lambda entry: entry[0])
        assert slowest[0] < LONGEST_S, slowest
    return outcomes, slowest


def test_sixty_random_requests_hold_or_are_refused_by_name(chorales):
    outcomes, _ = _run(chorales, [*range(60), FULL_TO_THE_END])
    for vocabulary in WRITERS:
        assert outcomes[vocabulary, "written"] >= 3
    assert sum(count for (_, outcome), count in outcomes.items() if outcome == "infeasible") >= 3


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_two_thousand_random_requests_hold_or_are_refused_by_name(chorales, capsys):
    outcomes, slowest = _run(chorales, range(1000, 3000))
    with capsys.disabled():
        print()
        for (vocabulary, outcome), count in sorted(outcomes.items()):
            print(f"{vocabulary:13} {outcome:11} {count}")
        print(f"slowest: {slowest[0]:.1f} s of processor time, {slowest[1]}")
