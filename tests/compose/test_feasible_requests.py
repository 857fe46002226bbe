"""Requests that real music answers: each wish is taken from the notes that stand in the region, so all of them together can be met.

A writer with random logits must find an answer nearly always; what it finds must meet every wish.
"""

import time
from collections import Counter

import numpy as np
import pytest

from compose.constraints import find_conflicts, parse_constraint, see_others
from compose.constraints.contour import top_line
from compose.constraints.figures import parse_figure, pitch_classes_over
from compose.constraints.names import pitch_class_name, pitch_name
from compose.models import load_model
from compose.request import always_on, find_region, make_canvas
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.threads import one_thread
from compose.writers.measured import MeasuredWriter
from corpora.datasets import chorale_files
from corpora.datasets.chorales import read_chorale
from corpora.errors import InfeasibleConstraint, RequestError

MAX_FAILING = 0.01
LONGEST_S = 60.0  # of processor time


def names(pitch_classes):
    return " ".join(pitch_class_name(p) for p in sorted(pitch_classes))


def shape_of(notes):
    """The turns of a line, in the words of the wish; "up" for a level one."""
    top = {note.onset: note.pitch for note in sorted(notes)}
    moves = [int(np.sign(step)) for step in np.diff([top[onset] for onset in sorted(top)]) if step]
    turns = [move for i, move in enumerate(moves) if i == 0 or moves[i - 1] != move]
    return " ".join("up" if turn > 0 else "down" for turn in turns) or "up"


VALUES = {24 * 4: "w", 24 * 2: "h", 36: "q.", 24: "q", 18: "e.", 12: "e", 6: "s", 16: "q3", 8: "e3"}  # by ticks of 24 a quarter


def motifs_of(canvas, lane, rng):
    """Two to four notes of a line, moved; nothing where their values have no letter."""
    line = top_line(canvas.removed, lane)
    size = int(rng.integers(2, 5))
    if len(line) <= size:
        return []
    first = int(rng.integers(0, len(line) - size))
    notes, shift = line[first : first + size], int(rng.integers(-2, 3))
    if min(note.pitch for note in notes) + shift < 0:
        return []
    words, end = [], notes[0].onset
    for note in notes:
        scale = canvas.ticks_per_quarter // 24
        gap, length = (note.onset - end) / scale, note.duration / scale
        if length not in VALUES or (gap and gap not in VALUES):
            return []
        words += ([f"r {VALUES[gap]}"] if gap else []) + [f"{pitch_name(note.pitch + shift)} {VALUES[length]}"]
        end = note.end
    text = f"motif: {' '.join(words)}"
    return [text, f"{text} x2", f"{text} in {canvas.piece.parts[lane].name}"]


def cadences_of(canvas):
    """Every cadence in the key of its last bass note, at every beat of the last bars."""
    piece, scale = canvas.piece, canvas.ticks_per_div
    bass = [note for note in canvas.removed if note.lane == max(canvas.region.lanes)]
    if not bass:
        return []
    name = pitch_class_name(bass[-1].pitch)
    fifth_below, fifth_above = pitch_class_name(bass[-1].pitch + 5), pitch_class_name(bass[-1].pitch + 7)
    wishes = [f"perfect in {name} {mode}" for mode in ("major", "minor")]
    wishes += [
        f"half in {fifth_below} major",
        f"half in {fifth_below} minor",
        f"plagal in {name} major",
        f"deceptive in {name} minor",
    ]
    wishes += [f"perfect in {fifth_above} minor"]
    bar = piece.measures[piece.measure_at(max(canvas.region.end - 1, 0) // scale)]
    numbers = piece.measures["number"].tolist()
    if numbers.count(str(bar["number"])) > 1:
        return [f"cadence: {wish}" for wish in wishes]
    places = ["", *(f" at {bar['number']}:{beat}" for beat in range(1, int(bar["beats"]) + 1))]
    found = []
    for place in places:
        for wish in wishes:
            try:
                found.append(parse_constraint(f"cadence: {wish}{place}", piece).text)
            except RequestError:  # a short bar has no such beat
                continue
    return found


FIGURES = ("_", "6", "64", "7", "65", "43", "42", "#", "7#", "#6", "4-3", "b7", "9", "54", "n3")


def figures_of(canvas):
    """Figures for the kept bass, each the first that the notes above it meet; none where a note is in no chord."""
    rule = parse_constraint("figured bass: _", canvas.piece)
    fields = []
    for _, notes in rule._by_bar(canvas):
        fields.append([])
        for note in notes:
            above = [n for n in canvas.removed if n.onset < note.end and n.end > note.onset]
            fields[-1].append(next((name for name in FIGURES if _meets(canvas, note, name, above)), None))
    if not any(fields) or any(name is None for bar in fields for name in bar):
        return []
    return [f"figured bass: | {' | '.join(' '.join(bar) for bar in fields)} |"]


def _meets(canvas, bass, name, above):
    keys = canvas.piece.keys
    known = keys["fifths"][keys["onset_div"] * canvas.ticks_per_div <= bass.onset]
    figures = parse_figure(name)
    edges = [bass.onset + bass.duration * i // len(figures) for i in range(len(figures) + 1)]
    return all(
        note.pitch % 12 in pitch_classes_over(bass.pitch, figure, int(known[-1]) if len(known) else 0)
        for figure, start, end in zip(figures, edges, edges[1:], strict=False)
        for note in above
        if note.onset < end and note.end > start
    )


def wishes_of(canvas, rng):
    """Every wish that the removed notes might meet; the caller checks."""
    piece, notes = canvas.piece, [note for note in canvas.removed if note.duration]
    lanes = sorted({note.lane for note in notes})
    lane = int(rng.choice(lanes))
    mine = [note for note in notes if note.lane == lane]
    part = piece.parts[lane].name
    used = {note.pitch % 12 for note in notes}
    low, high = min(note.pitch for note in notes), max(note.pitch for note in notes)
    own_low, own_high = min(note.pitch for note in mine), max(note.pitch for note in mine)
    chosen = mine[int(rng.integers(len(mine)))]
    last = max(note.onset for note in mine)
    unused = sorted(set(range(12)) - used)
    out = [
        f"pitches: {names(used)}",
        f"range: {pitch_name(low)}-{pitch_name(high)}",
        f"range: {part} {pitch_name(own_low)}-{pitch_name(own_high)}",
        f"end on: {part} {pitch_name(max(note.pitch for note in mine if note.onset == last))}",
        f"end on: {part} {pitch_class_name(max(note.pitch for note in mine if note.onset == last))}",
        f"start on: {part} {pitch_name(mine[0].pitch)}",
        f"require: {part} {pitch_name(chosen.pitch)}",
        f"require: {pitch_class_name(chosen.pitch)}",
        f"tessitura: {part} {pitch_name(own_low)}-{pitch_name(own_high)}",
        f"polyphony: {int(rng.integers(1, 4))}",
        f"density: {part} 0-{int(rng.integers(1, 9))} per bar",
        f"density: {part} {int(rng.integers(1, 5))}-16 per bar",
        f"density: {int(rng.integers(0, 2))}-{int(rng.integers(2, 5))} per beat",
        f"dynamics: {min(note.velocity for note in notes)}-{max(note.velocity for note in notes)}",
        f"dynamics: {part} {mine[0].velocity}",
        f"glue: {int(rng.integers(1, 13))}",
        "rhythm: keep",
        "contour: keep",
        *(f"contour: {who}{shape}" for who in ("", f"{part} ") for shape in ("up", "down", "up down", "down up")),
        f"contour: {part} {shape_of(mine)}",
        "no parallels",
        "no crossing",
        "range: auto",
        *motifs_of(canvas, lane, rng),
        *cadences_of(canvas),
        *figures_of(canvas),
        *(f"grid: {grid}" for grid in ("1/4", "1/8", "1/16", "1/8t")),
        *(f"scale: {pitch_class_name(tonic)} {mode}" for tonic in range(12) for mode in ("major", "harmonic minor")),
    ]
    if unused:
        out.append(f"avoid: {pitch_class_name(int(rng.choice(unused)))}")
    return out


def true_of(canvas, texts):
    """Those wishes that the removed notes meet, parsed."""
    for note in canvas.removed:
        if note.duration:
            canvas.write(note)
    found = []
    for text in texts:
        wish = parse_constraint(text, canvas.piece)
        if wish.measure(canvas).satisfied:
            found.append(wish)
    while canvas.written:
        canvas.erase()
    return found


def draw(true, rng):
    """One to five wishes, as often of one kind as of another."""
    kinds = sorted({kind_of(wish) for wish in true})
    size = min(len(kinds), int(rng.integers(1, 6)))
    chosen = []
    for kind in sorted(rng.choice(kinds, size=size, replace=False).tolist()):
        some = [wish for wish in true if kind_of(wish) == kind]
        chosen.append(some[int(rng.integers(len(some)))])
    return chosen


def kind_of(wish):
    return wish.text.partition(":")[0]


def random_writer(canvas, rules, number):
    """The worst model there is, in the vocabulary that takes every piece."""
    return MeasuredWriter(canvas, rules), RandomScorer(number)


def trained_writer(canvas, rules, number):
    return load_model("general").open(canvas, rules)


def draw_request(pieces, rng, longest):
    """A canvas and one to five wishes that its removed notes meet; None where there are none."""
    piece = pieces[int(rng.integers(len(pieces)))]
    bars = len(piece.measures)
    first = int(rng.integers(1, bars + 1))
    last = min(bars, first + int(rng.integers(0, longest)))
    pitched = [lane for lane, part in enumerate(piece.parts) if not part.is_drum]
    lanes = tuple(sorted(rng.choice(pitched, size=int(rng.integers(1, min(len(pitched), 4) + 1)), replace=False).tolist()))
    canvas, _ = make_canvas(piece, find_region(piece, f"#{first}-#{last}", lanes))
    if not any(note.duration for note in canvas.removed):
        return None
    true = true_of(canvas, wishes_of(canvas, rng))
    return (canvas, draw(true, rng), (first, last, lanes)) if true else None


def run(pieces, count, seed, open_writer=random_writer, longest=4):
    """How often each kind was asked, and which requests failed and why; what is written must meet every wish."""
    rng = np.random.default_rng(seed)
    asked, failed = Counter(), []
    while asked["all"] < count:
        request = draw_request(pieces, rng, longest)
        if request is None:
            continue
        canvas, chosen, where = request
        rules = see_others((*always_on(canvas, canvas.ticks_per_div), *chosen))
        asked["all"] += 1
        asked.update(map(kind_of, chosen))
        texts = [rule.text for rule in chosen]
        started = time.process_time()
        try:
            conflict = find_conflicts(rules, canvas)
            if conflict is not None:
                raise conflict
            writer, scorer = open_writer(canvas, rules, asked["all"])
            write(writer, scorer, SamplerSettings(temperature=1.0), asked["all"])
        except InfeasibleConstraint as error:
            source = canvas.piece.source
            failed.append((source.name if source else canvas.piece.parts, *where, texts, str(error)[:160]))
            continue
        assert time.process_time() - started < LONGEST_S, texts
        for rule in rules:
            found = rule.measure(canvas)
            assert found.satisfied, (found, texts, where)
    return asked, failed


def show(asked, failed):
    """The outcome as a table: how often each kind was asked, met, and part of a request that failed."""
    lost = Counter(text.partition(":")[0] for _, _, _, _, texts, _ in failed for text in texts)
    lost["all"] = len(failed)
    for kind, count in sorted(asked.items()):
        print(f"{kind:14} asked {count:5} met {count - lost[kind]:5} failed {lost[kind]:3}")
    print(*failed, sep="\n")


@pytest.fixture(scope="module")
def chorales():
    return [fine(read_chorale(path).piece) for path in chorale_files("valid")[:20]]


def fine(piece):
    return piece.rescaled(int(np.lcm(piece.divs_per_quarter, 24)))


def test_feasible_requests_are_met(chorales):
    _, failed = run(chorales, 60, seed=1)
    assert len(failed) <= 1, failed


def test_the_trained_model_meets_them(chorales):
    with one_thread():
        _, failed = run(chorales, 5, 2, trained_writer, longest=2)
    assert not failed


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("open_writer", [random_writer, trained_writer])
def test_two_thousand_feasible_requests(chorales, open_writer):
    from compose.evaluation_tasks import held_out

    packs = [piece for _, piece in held_out(8, seed=3)]
    asked, failed = Counter(), []
    for seed, pieces in enumerate((chorales, packs)):
        with one_thread():
            some, lost = run(pieces, 1000, seed, open_writer)
        asked += some
        failed += lost
    show(asked, failed)
    assert len(failed) < MAX_FAILING * asked["all"]
