"""Pairs of performance and score from the packs: every score played with its own seed and its own strengths of the rules."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from corpora.datasets.packs import PackFile, iter_pack
from corpora.errors import PartimentoError
from corpora.files import parse_piece
from render.perform.perform import perform
from transcribe.score.performed import PerformedScore, performed_sections
from transcribe.training_audio.likely_tempo import with_likely_tempo

__all__ = ["iter_pairs"]

MAX_NOTES = 15_000  # of a score: longer ones take minutes
MAX_BYTES = 400_000  # of a file, likewise
STRENGTHS = {  # lowest and highest; other rules have their own
    "timing noise": (0.5, 2.5),
    "melody lead": (0.0, 1.5),
    "articulation": (0.5, 1.5),
    "phrase arch": (0.0, 1.6),
    "metrical accent": (0.0, 1.5),
    "level noise": (0.5, 2.0),
}
PEDALLED = 0.75  # share of performances with pedal
STEADY = dict.fromkeys(("gradual tempo", "phrase arch", "final ritard", "fermatas", "movement pauses", "breaths"), 0.0)


def iter_pairs(pack: str, split: str, limit: int, seed: int, *, steady: bool = False) -> Iterator[tuple[PackFile, PerformedScore]]:
    """Pairs of a random sample of the files of a pack; files that cannot be read or are very long give none.

    Args:
        pack: Name of the pack.
        split: "train", "valid" or "test".
        limit: At most so many files.
        seed: Of the sample and of the performances.
        steady: Whether the tempo stays as it is written, as with players who keep to a click.

    Raises:
        InputError: There is no such pack.
    """
    for row, data in iter_pack(pack, split=split, limit=limit, seed=seed, where=lambda row: row.bytes <= MAX_BYTES):
        rng = np.random.default_rng([seed, *row.sha256.encode()])
        strengths = {rule: float(rng.uniform(*ends)) for rule, ends in STRENGTHS.items()}
        if rng.random() > PEDALLED:
            strengths["pedal"] = 0.0
        if steady:
            strengths |= STEADY
        try:
            piece = parse_piece(data, row.path)
            if not 0 < len(piece.notes) <= MAX_NOTES:
                continue
            piece = with_likely_tempo(piece)
            performance = perform(piece, strengths=strengths, seed=int(rng.integers(1 << 30)), repeats=False)
        except PartimentoError:
            continue
        for pair in performed_sections(performance, row.path):
            yield row, pair
