"""Performances with drums for the network of note beats: what training sound has, without the sound.

A groove says where beats are in a way of its own, whatever the other parts do; scores have none.
"""

from __future__ import annotations

import numpy as np

from corpora.errors import PartimentoError
from corpora.piece import Piece
from transcribe.beats.note_examples import BAR_BEAT_DTYPE, BeatExample
from transcribe.heard import DRUMS, HEARD_DTYPE
from transcribe.training_audio.drums import drum_passage, with_drums
from transcribe.training_audio.instruments import KEYBOARDS
from transcribe.training_audio.passages import Passage
from transcribe.training_audio.performing import draw_cast, draw_solo, perform_score

__all__ = ["drummed", "drums_alone", "passage_example"]

SHORTEST_S, LONGEST_S = 25.0, 58.0
SOLO = 0.4  # share that a keyboard plays
PASSAGES = 2  # of a score
JUST_AFTER_S = 1e-3


def passage_example(passage: Passage) -> BeatExample:
    """Notes, parts and beats of a passage that has bars."""
    rows, beats = passage.notes, np.zeros(len(passage.beats), dtype=BAR_BEAT_DTYPE)
    notes = np.zeros(len(rows), dtype=HEARD_DTYPE)
    notes["onset_s"], notes["offset_s"] = rows["onset_s"], rows["release_s"]
    notes["pitch"], notes["velocity"], notes["confidence"] = rows["pitch"], rows["velocity"], 1.0
    is_drum = np.array([part.is_drum for part in passage.parts], dtype=np.bool_)
    notes["family"] = np.where(is_drum[rows["part"]], DRUMS, 0)
    beats["time_s"], beats["number"] = passage.beats["time_s"], passage.beats["number"]
    step = np.interp(beats["time_s"] + JUST_AFTER_S, passage.grid[:, 1], passage.grid[:, 0])
    bar = np.clip(np.searchsorted(passage.bars[:, 0], step, side="right") - 1, 0, len(passage.bars) - 1)
    beats["beats"], beats["beat_type"] = passage.bars[bar, 2], passage.bars[bar, 3]
    order = np.argsort(notes["onset_s"], kind="stable")
    return BeatExample(notes[order], rows["part"][order].astype(np.int32), beats)


def drums_alone(seed: int) -> BeatExample:
    """A groove without anything else."""
    rng = np.random.default_rng(seed)
    return passage_example(drum_passage(rng, float(rng.uniform(SHORTEST_S, LONGEST_S))))


def drummed(piece: Piece, seed: int) -> list[BeatExample]:
    """Passages of a score with a groove that fits them, in tempi of their own; none where it cannot be performed."""
    rng = np.random.default_rng(seed)
    try:
        cast = draw_solo(piece, rng, KEYBOARDS) if rng.random() < SOLO else draw_cast(piece, rng)
        passages = perform_score(piece, cast, rng, count=PASSAGES, longest_s=LONGEST_S)
        return [passage_example(with_drums(passage, rng)) for passage in passages]
    except PartimentoError:
        return []
