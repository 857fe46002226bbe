"""Stores of training sound: ``make_store``.

Work is cut into jobs: one score, cast and performed once, gives some clips; or two clips of random music or of drums alone. A job's
choices all come from its own generator, seeded by the seed of the store and the number of the job, and finished jobs are stored in
order, so that the store is the same, bit by bit, whatever the number of workers, and whether or not it was interrupted. Only a
machine so busy that verovio passes its time limit (``corpora.kern_notes``) leaves out a score that another one takes.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from corpora.errors import PartimentoError, RequestError, ToolError
from corpora.piece import Piece
from corpora.process import end_with_parent
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.clips import Clip, Voice, make_clip
from transcribe.training_audio.drums import drum_passage, random_drums, with_drums
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ, FontPlayer
from transcribe.training_audio.instruments import GRANDS, KEYBOARDS, draw_any
from transcribe.training_audio.passages import Passage
from transcribe.training_audio.performing import Cast, draw_cast, draw_solo, perform_score
from transcribe.training_audio.random_music import random_passage
from transcribe.training_audio.sampler_voice import SamplerVoice
from transcribe.training_audio.scores import PACK_WEIGHTS, Scores, read_score
from transcribe.training_audio.sound_store import StoreWriter
from transcribe.training_audio.synthetic_kit import SyntheticKit
from transcribe.training_audio.synthetic_voice import SyntheticVoice
from transcribe.training_audio.uneven_keys import uneven_keys
from transcribe.training_audio.varied_voice import VariedVoice

__all__ = ["KINDS", "TRAIN", "Job", "Kind", "make_store", "run_job"]

AHEAD = 3  # jobs that wait for each worker


@dataclass(frozen=True)
class Kind:
    """What a store holds.

    Args:
        solo: Share of scores that one piano plays.
        drums: Share of passages that get drums.
        drums_alone: Share of jobs that are drums alone.
        longest_s: Of a passage.
        pianos: Programs of solos, and how often each is drawn.
        families: That play together at least, where not one piano plays alone; pieces with too few parts are passed over.
        packs: Weights of packs.
    """

    solo: float
    drums: float
    drums_alone: float
    longest_s: float = 45.0
    pianos: Mapping[int, float] = field(default_factory=lambda: KEYBOARDS)
    families: int = 1
    packs: Mapping[str, float] | None = None


KEYBOARD_PACKS = {"openscore-lieder": 0.6, "nifc-chopin-first-editions": 0.25, "nifc-polish-scores": 0.15}
KINDS: Mapping[str, Kind] = {
    "mixed": Kind(solo=0.3, drums=0.18, drums_alone=0.1, longest_s=30.0),
    "piano": Kind(solo=1.0, drums=0.0, drums_alone=0.0, longest_s=59.0, pianos=GRANDS, packs=KEYBOARD_PACKS),
    "ensemble": Kind(solo=0.0, drums=0.0, drums_alone=0.0, families=2),
    "drums": Kind(solo=0.4, drums=1.0, drums_alone=0.25),
}
TRAIN = "train"
RANDOM_SHARE = 0.2  # of the jobs of a training store
SYNTHETIC_SHARE = 0.12  # of its clips that have no part with drums, or nothing else
VARIED_SHARE = 0.6  # of its clips; in the rest one font plays as it is
WITHOUT_ORDER = 0.6  # share of its jobs of drums alone in which every drum goes its own way
SAMPLER_SHARE = 0.03  # of its clips; it is ten times as slow as libfluidsynth
PLAIN_FONT = ".sf2"  # compressed ones take the sampler minutes to unpack
CLIPS_WITHOUT_SCORE = 2
NOTES_A_CLIP, MOST_CLIPS = 700, 4  # short ones, so that many voices play
MOST_CASTS = 6  # that are drawn to have enough families
RANDOM_SOLO = 0.6  # share of random music that a piano plays


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Args:
        number: From 0.
        seed: Of the store.
        kind: In ``KINDS``.
        split: Of the scores.
        fonts: Files to choose from.
        what: "score", "random" or "drums".
        piece: Pack and path.
        data: The score.
    """

    number: int
    seed: int
    kind: str
    split: str
    fonts: tuple[Path, ...]
    what: str
    piece: str = ""
    data: bytes = b""


@functools.cache
def _player(font: Path) -> FontPlayer:
    """One a worker."""
    return FontPlayer(font)


def run_job(job: Job) -> tuple[list[Clip], str]:
    """The clips of a job, and why there are none where a score is refused."""
    rng = np.random.default_rng([job.seed, job.number])
    try:
        passages = _passages(job, rng)
        clips = []
        for passage in passages:
            name, voice = _voice(job, passage, rng)
            if job.split == TRAIN:
                voice = uneven_keys(voice, rng)
            labels = {"split": job.split, "piece": job.piece or job.what, "voice_name": name}
            clip = make_clip(passage, voice, rng, played_rate_hz=PLAYED_RATE_HZ, **labels)
            if clip is not None:
                clips.append(clip)
    except PartimentoError as error:
        return [], str(error)
    return clips, "" if clips else "no passage with enough notes, or of enough families"


def _voice(job: Job, passage: Passage, rng: np.random.Generator) -> tuple[str, Voice]:
    """A font that has all parts, or in a store for training several in ways of their own, or none that is real; name and sound."""
    fonts = [font for font in job.fonts if _has_sounds(font, passage)] or job.fonts
    font = fonts[int(rng.integers(len(fonts)))]
    if job.split != TRAIN:
        return font.stem, _player(font).play
    dice = rng.random()
    with_drums = {part.is_drum for part in passage.parts}
    if dice < SYNTHETIC_SHARE and with_drums == {False}:
        return "synthetic", SyntheticVoice(rng).play
    if dice < SYNTHETIC_SHARE and with_drums == {True}:
        return "synthetic kit", SyntheticKit(rng).play
    if dice > 1 - SAMPLER_SHARE and font.suffix.lower() == PLAIN_FONT:
        return f"{font.stem} by the sampler", SamplerVoice(font).play
    if dice < SYNTHETIC_SHARE + VARIED_SHARE:
        return "varied", VariedVoice([_player(own) for own in job.fonts], rng).play
    return font.stem, _player(font).play


def _has_sounds(font: Path, passage: Passage) -> bool:
    """Whether a font has sounds of its own for all parts."""
    return {part.instrument for part in passage.parts} <= _player(font).programs


def _passages(job: Job, rng: np.random.Generator) -> list[Passage]:
    kind = KINDS[job.kind]
    if job.what == "drums" and job.split == TRAIN and rng.random() < WITHOUT_ORDER:
        return [random_drums(rng, float(rng.uniform(15.0, 30.0))) for _ in range(CLIPS_WITHOUT_SCORE)]
    if job.what == "drums":
        return [drum_passage(rng, float(rng.uniform(20.0, kind.longest_s))) for _ in range(CLIPS_WITHOUT_SCORE)]
    if job.what == "random":
        return [_random(rng) for _ in range(CLIPS_WITHOUT_SCORE)]
    score = read_score(job.data, job.piece)
    if not len(score.notes) or not len(score.measures):
        return []
    cast = draw_solo(score, rng, kind.pianos) if rng.random() < kind.solo else _ensemble(score, rng, kind.families)
    if cast is None:
        return []
    count = min(len(score.notes) // NOTES_A_CLIP + 1, MOST_CLIPS) if job.split == TRAIN else 1  # tests have many pieces
    passages = perform_score(score, cast, rng, count=count, longest_s=kind.longest_s)
    return [with_drums(passage, rng) if rng.random() < kind.drums else passage for passage in passages]


def _ensemble(score: Piece, rng: np.random.Generator, families: int) -> Cast | None:
    """A cast of so many families at least."""
    casts = (draw_cast(score, rng) for _ in range(MOST_CASTS))
    return next((cast for cast in casts if cast.families >= families), None)


def _random(rng: np.random.Generator) -> Passage:
    programs = [] if rng.random() < RANDOM_SOLO else [draw_any(rng) for _ in range(int(rng.integers(1, 4)))]
    return random_passage(rng, float(rng.uniform(20.0, 40.0)), tuple(programs))


def _jobs(scores: Scores, *, seed: int, kind: str, split: str, fonts: tuple[Path, ...], is_random: bool) -> Iterator[Job]:
    """All jobs of a store, for ever."""
    drawn = scores.draw(seed)
    number = 0
    while True:
        dice = float(np.random.default_rng([seed, number, 1]).random())
        if is_random and dice < RANDOM_SHARE:
            yield Job(number, seed, kind, split, fonts, "random")
        elif dice > 1 - KINDS[kind].drums_alone:
            yield Job(number, seed, kind, split, fonts, "drums")
        else:
            pack, path, data = next(drawn)
            yield Job(number, seed, kind, split, fonts, "score", f"{pack}/{path}", data)
        number += 1


def make_store(
    folder: Path,
    *,
    fonts: Sequence[Path],
    split: str = TRAIN,
    hours: float,
    seed: int = 0,
    workers: int = 1,
    kind: str = "mixed",
    packs: Mapping[str, float] | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Fill a folder with clips until there are enough; what is there already is kept and counts.

    Args:
        folder: Of the store (``transcribe.training_audio.sound_store``).
        fonts: SoundFonts, one of which plays each clip; one that lacks instruments only plays what it has. Never from an upload.
        split: Of the packs: "train", "valid" or "test". Only a store for training has random music and synthetic voices.
        hours: Of sound; the last job may pass it.
        seed: The same seed gives the same store.
        workers: Processes.
        kind: "mixed", "piano", "ensemble" or "drums".
        packs: Names of packs and how often each is drawn; the kind's own where it is None.
        progress: Is told the share that is done.

    Returns:
        JSON values: clips, hours, jobs.

    Raises:
        InputError: A pack or font is missing or broken.
        RequestError: No such kind, no font, or the folder holds a store of other settings.
        ToolError: A worker died.
    """
    if kind not in KINDS:
        raise RequestError(f"kind of sound: expected one of {', '.join(KINDS)}, got {kind!r}")
    if not fonts:
        raise RequestError("fonts: expected at least one SoundFont, got none")
    weights = dict(packs or KINDS[kind].packs or PACK_WEIGHTS)
    chosen = tuple(Path(font).resolve() for font in fonts)
    settings = {"fonts": [font.name for font in chosen], "split": split, "seed": seed, "kind": kind, "packs": weights}
    writer = StoreWriter(folder, settings)
    wanted = round(hours * 3600 * SAMPLE_RATE_HZ)
    scores = Scores.load(split, weights, seed)
    jobs = _jobs(scores, seed=seed, kind=kind, split=split, fonts=chosen, is_random=split == TRAIN and kind == "mixed")
    for _ in range(writer.jobs_done):
        next(jobs)
    if writer.samples < wanted:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
            waiting: deque[Future[tuple[list[Clip], str]]] = deque()
            try:
                while writer.samples < wanted:
                    while len(waiting) < AHEAD * workers:
                        waiting.append(pool.submit(run_job, next(jobs)))
                    clips, why = waiting.popleft().result()
                    writer.add(clips, why)
                    if progress is not None:
                        progress(min(writer.samples / wanted, 1.0))
            except BrokenProcessPool:
                raise ToolError(f"{folder}: a worker died while it made the sound of job {writer.jobs_done}") from None
            finally:
                for future in waiting:
                    future.cancel()
    return {"clips": writer.clips, "hours": writer.samples / SAMPLE_RATE_HZ / 3600, "jobs": writer.jobs_done}
