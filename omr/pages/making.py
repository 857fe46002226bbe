"""Stores of system strips for training: ``make_store``.

Work is cut into jobs: some pages of one score, or of one that is made by rule, engraved in one way. A job's choices all come from
its own generator, seeded by the seed of the store and the number of the job, and finished jobs are stored in order, so that the
store is the same, byte by byte, whatever the number of workers, and whether or not it was interrupted.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from corpora.errors import PartimentoError, RequestError, ToolError
from corpora.process import end_with_parent
from omr.pages.engraved import engraved_pages
from omr.pages.generated import generated_musicxml
from omr.pages.options import random_options
from omr.pages.sources import PACK_WEIGHTS, Scores, draw_parts, drawn_fifths, score_text, with_octave_clefs
from omr.pages.store import PackedSystem, StoreWriter, pack_system
from omr.pages.strips import system_strip

__all__ = ["Job", "make_store", "run_job"]

AHEAD = 3  # jobs that wait for each worker
MOST_PAGES = 6  # of a score
MADE = "generated"  # name of what is made by rule
MADE_SHARE = 0.3


@dataclass(frozen=True)
class Job:
    """A piece of work: its number from 0, the seed of the store, and a score; without bytes one is made by rule."""

    number: int
    seed: int
    piece: str
    data: bytes


def run_job(job: Job) -> tuple[list[PackedSystem], str]:
    """The systems of a job, and why there are none where a score is refused."""
    rng = np.random.default_rng([job.seed, job.number])
    try:
        musicxml, parts = draw_parts(score_text(job.data, job.piece), rng) if job.data else (generated_musicxml(rng), (0,))
        musicxml = with_octave_clefs(musicxml, rng)
        options = random_options(rng, fifths=(drawn_fifths(musicxml, rng),))
        options = dataclasses.replace(options, max_pages=MOST_PAGES)
        systems = []
        piece = f"{job.piece}#{','.join(map(str, parts))}"
        for page in engraved_pages(musicxml, options, rng):
            for number, system in enumerate(page.systems):
                strip = system_strip(page, number, options.interline_px)
                bars = (system.first_bar, system.last_bar)
                systems.append(pack_system(strip, piece=piece, staves=system.staff_numbers, bars=bars, font=options.font))
    except PartimentoError as error:
        return [], str(error)
    return systems, "" if systems else "no system"


def _jobs(scores: Scores, seed: int, made: float) -> Iterator[Job]:
    rng = np.random.default_rng([seed])
    for number in itertools.count():
        piece, data = (MADE, b"") if rng.random() < made else scores.draw(rng)
        yield Job(number, seed, piece, data)


def make_store(
    folder: Path,
    *,
    count: int,
    split: str = "train",
    seed: int = 0,
    workers: int = 1,
    packs: Mapping[str, float] | None = None,
    made: float = MADE_SHARE,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Fill a folder with systems until there are enough; what is there already is kept and counts.

    Args:
        folder: Of the store (``omr.pages.store``).
        count: Systems; the last job may pass it.
        split: Of the packs: "train", "valid" or "test".
        seed: The same seed gives the same store.
        workers: Processes.
        packs: Names of packs and how often each is drawn; ``PACK_WEIGHTS`` where it is None.
        made: Share of jobs whose music is made by rule.
        progress: Is told the share that is done.

    Returns:
        JSON values: systems, jobs.

    Raises:
        InputError: A pack is missing or broken.
        RequestError: The folder holds a store of other settings, or ``count`` or ``workers`` is below 1.
        ToolError: A worker died.
    """
    if count < 1 or workers < 1:
        raise RequestError(f"store: expected at least 1 system and 1 worker, got {count} and {workers}")
    weights = dict(packs or PACK_WEIGHTS)
    writer = StoreWriter(folder, {"split": split, "seed": seed, "packs": weights, "made": made})
    jobs = _jobs(Scores.load(split, weights), seed, made)
    for _ in range(writer.jobs_done):
        next(jobs)
    if writer.systems >= count:
        return {"systems": writer.systems, "jobs": writer.jobs_done}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        waiting: deque[Future[tuple[list[PackedSystem], str]]] = deque()
        try:
            while writer.systems < count:
                while len(waiting) < AHEAD * workers:
                    waiting.append(pool.submit(run_job, next(jobs)))
                systems, why = waiting.popleft().result()
                writer.add(systems, why)
                if progress is not None:
                    progress(min(writer.systems / count, 1.0))
        except BrokenProcessPool:
            raise ToolError(f"{folder}: a worker died while it engraved job {writer.jobs_done}") from None
        finally:
            for future in waiting:
                future.cancel()
    return {"systems": writer.systems, "jobs": writer.jobs_done}
