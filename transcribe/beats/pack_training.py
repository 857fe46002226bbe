"""``partimento train beats``: the network of note beats from scores of the packs, performed by rule, as a run in a folder.

The folder holds ``state.pt`` and the curve (``compose.training``), and once it is done ``model/``, a checkpoint in the form of the
one that comes with the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compose.run_folder import check_run_folder
from compose.training import TrainingPlan
from corpora.errors import PartimentoError, RequestError
from corpora.piece import Piece
from corpora.process import end_with_parent
from corpora.safe_text import safe_text
from transcribe.beats.drum_examples import drummed, drums_alone
from transcribe.beats.note_activations import load_note_beats, save_note_beats
from transcribe.beats.note_examples import BeatExample, perform_freely
from transcribe.beats.note_model import NoteBeatConfig
from transcribe.beats.train_note_beats import train_note_beats
from transcribe.beats.wishes import beats_a_bar
from transcribe.training_audio.scores import Scores, read_score

__all__ = ["bars_fit_meters", "performed_examples", "run_beats", "teaches_beats"]

POLISH = "nifc-polish-scores"
PACKS: Mapping[str, float] = {  # how often a minute of each comes
    "openscore-lieder": 1.0,
    "nifc-chopin-first-editions": 1.7,
    POLISH: 0.35,
    "openscore-string-quartets": 1.1,
    "openscore-orchestra": 1.1,
}
WHITE = 0.15  # of that, where beats are half or whole notes: a third of the Polish scores, centuries older than the others
GROOVES, ALONE = "grooves", "drums"
DRUM_SHARES: Mapping[str, float] = {GROOVES: 0.17, ALONE: 0.09}  # of windows: scores with a groove, grooves without anything else
GROOVE_EVERY, GROOVES_ALONE = 6, 800  # scores from one that gets a groove to the next; how many there are without a score
TRAIN_FILES, VALID_FILES = 10_000, 40  # of a pack; all of the train split
FEWEST_NOTES, FEWEST_BEATS = 30, 16
MOST_MISFITS = 1 / 3  # share of bars whose length is not that of their meter: of 267 songs none has more than 0.3
MOST_OVERLONG = 0.03  # share of beats past those of the meter: cadenzas
BEAT_S = (0.2, 2.1)  # in the median; others are kern files without a tempo
COUNTED_S = 240.0  # of a long piece
HALF = 2  # denominator of half notes
MODEL_FOLDER = "model"
TRAIN = "train"
PRESETS = {"cpu": NoteBeatConfig(), "gpu": NoteBeatConfig(embed_dim=160, num_convolutions=5, num_layers=6)}
WINDOWS = {"cpu": 16, "gpu": 32}  # in a batch
LEARNING_RATE, WEIGHT_DECAY, EVALUATE_EVERY_S = 1.5e-3, 0.02, 180.0
FURTHER_RATE = 5e-4  # of what is trained already

CARD = """# beats: beats, downbeats and meters of notes

The network of `transcribe.beats.note_model`, {parameters:,} weights.

| | |
|---|---|
| data | {examples} scores of the packs' train split ({hours:.0f} hours), performed by rule with strengths at random |
| validation | {valid} scores of the valid split |
| training | {minutes:g} minutes, seed {seed} |
| command | `partimento train beats{begun} --preset {preset} --minutes {minutes:g} --seed {seed}` |
| licence of the weights | Apache-2.0 |

On held-out windows: {figures}.
"""


def run_beats(
    folder: Path,
    minutes: float,
    *,
    preset: str = "cpu",
    start: str = "",
    seed: int = 0,
    workers: int = 2,
    resume: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Perform the scores, train, and write the checkpoint.

    Args:
        folder: Of the run; made when missing.
        minutes: Wall time of the training, over all resumes; performing comes before, anew each time.
        preset: In ``PRESETS``.
        start: Trained weights to go on with, by name or folder, at a lower rate; sizes are theirs.
        seed: Of scores, performances, weights and windows.
        workers: Processes that perform, and vary what was performed.
        resume: Go on with the run in the folder.
        say: Hears what is being done.

    Returns:
        JSON values: where the checkpoint is, its size and its figures on held-out scores.

    Raises:
        RequestError: No such preset, or the run cannot begin or go on in the folder (``compose.run_folder``).
        CheckpointError: ``start`` is no checkpoint of such a network.
        InputError: PARTIMENTO_DATA names no packs.
    """
    if preset not in PRESETS:
        raise RequestError(f"preset '{safe_text(preset)}' is not known: expected one of {', '.join(PRESETS)}")
    check_run_folder(folder, resume=resume)
    told = say or (lambda what: None)
    begin = load_note_beats(start) if start else None
    examples, weights = _with_weights(TRAIN, TRAIN_FILES, seed, workers, told)
    valid, _ = _with_weights("valid", VALID_FILES, seed, workers, told)
    told(f"training on {len(examples)} performances")
    rate = FURTHER_RATE if begin else LEARNING_RATE
    plan = TrainingPlan(
        minutes=minutes,
        learning_rate=rate,
        weight_decay=WEIGHT_DECAY,
        evaluate_every_s=EVALUATE_EVERY_S,
        bfloat16=True,
    )
    model, figures = train_note_beats(
        folder, examples, valid, plan, seed, PRESETS[preset], weights, batch=WINDOWS[preset], workers=workers, start=begin
    )
    parameters = sum(weight.numel() for weight in model.parameters())
    values = {
        "parameters": parameters,
        "examples": len(examples),
        "valid": len(valid),
        "hours": sum(example.duration_s for example in examples) / 3600,
        "preset": preset,
        "begun": f" --from {start}" if start else "",
        "minutes": minutes,
        "seed": seed,
        "figures": ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()),
    }
    save_note_beats(folder / MODEL_FOLDER, model, CARD.format(**values))
    return {"model": str(folder / MODEL_FOLDER), "parameters": parameters, **figures}


def _with_weights(
    split: str, most: int, seed: int, workers: int, told: Callable[[str], None]
) -> tuple[list[BeatExample], list[float]]:
    """Performances, and how often each is to come."""
    kinds, examples = [], []
    for kind, example in performed_examples(split, most, seed, workers):
        kinds.append(kind)
        examples.append(example)
        told(f"performing scores of the {split} split: {len(examples)}")
    if split == TRAIN:
        kinds += [ALONE] * GROOVES_ALONE
        examples += [drums_alone(seed + number) for number in range(GROOVES_ALONE)]
    return examples, _weights(kinds, np.array([_counted_s(*pair) for pair in zip(kinds, examples, strict=True)]))


def _counted_s(kind: str, example: BeatExample) -> float:
    """How many seconds an example counts for."""
    is_white = kind == POLISH and np.median(example.beats["beat_type"]) <= HALF
    return min(example.duration_s, COUNTED_S) * (WHITE if is_white else 1.0)


def _weights(kinds: Sequence[str], lengths_s: NDArray[np.float64]) -> list[float]:
    """By packs and what they count for; what has drums has its share of all."""
    weights = lengths_s * np.array([PACKS.get(kind, 1.0) for kind in kinds])
    is_drums = np.isin(kinds, list(DRUM_SHARES))
    for kind, share in DRUM_SHARES.items():
        own = np.array(kinds) == kind
        if own.any() and not is_drums.all():
            weights[own] *= share / (1 - sum(DRUM_SHARES.values())) * weights[~is_drums].sum() / weights[own].sum()
    return [float(weight) for weight in weights]


def performed_examples(split: str, most: int, seed: int, workers: int) -> Iterator[tuple[str, BeatExample]]:
    """Performances of a split that teach beats, with the names of their packs, in the order of the files.

    Of the train split some come once more with drums, as ``GROOVES``.

    Args:
        split: "train", "valid" or "test".
        most: Files of a pack.
        seed: Of the choice of files and of the performances.
        workers: Processes.

    Raises:
        InputError: A pack is missing.
    """
    scores = Scores.load(split, PACKS, seed, most=most)
    files = [(pack, *file, number) for pack, own in scores.files.items() for number, file in enumerate(own)]
    jobs = [(*file, seed + number, split == TRAIN and number % GROOVE_EVERY == 0) for *file, number in files]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        for made in pool.map(_performed, jobs, chunksize=4):
            yield from made


def _performed(job: tuple[str, str, bytes, int, bool]) -> list[tuple[str, BeatExample]]:
    """What a score gives: a performance, and passages with drums where they are asked for; nothing where it is refused."""
    pack, path, data, seed, with_drums = job
    try:
        piece = read_score(data, path)
        if not len(piece.notes) or not bars_fit_meters(piece):
            return []
        made = [(pack, perform_freely(piece, seed))]
    except PartimentoError:
        return []
    made += [(GROOVES, example) for example in (drummed(piece, seed) if with_drums else [])]
    return [(kind, example) for kind, example in made if teaches_beats(example)]


def bars_fit_meters(piece: Piece) -> bool:
    """Whether there are bars, and most are as long as their meter says.

    Music without a meter is 4/4 in the MIDI that kern is read through, and so is some whose bars its text counts in another way
    (``corpora.kern_text``). Beats counted by such meters are wrong.
    """
    bars = piece.measures
    if not len(bars):
        return False
    units = bars["beats"].astype(np.int64) * 4 * piece.divs_per_quarter
    misfits = (bars["end_div"] - bars["start_div"]).astype(np.int64) * bars["beat_type"] != units
    return bool(misfits.mean() <= MOST_MISFITS)


def teaches_beats(example: BeatExample) -> bool:
    """Whether a performance is long enough, in plain bars, and its beats are such as one can tap."""
    beats = example.beats
    if len(beats) < FEWEST_BEATS or len(example.notes) < FEWEST_NOTES:
        return False
    sizes = np.array([beats_a_bar(*meter) for meter in zip(beats["beats"].tolist(), beats["beat_type"].tolist(), strict=True)])
    return bool((beats["number"] > sizes).mean() <= MOST_OVERLONG and BEAT_S[0] < np.median(np.diff(beats["time_s"])) < BEAT_S[1])
