"""Labels of real scores against their MusicXML: as many heads, accidentals and rests, and stems; bars that follow one another."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter

import numpy as np
import pytest

from corpora.datasets.packs import iter_pack
from omr.pages.engraved import page_labels
from omr.pages.options import EngravingOptions, random_options
from omr.pages.other_engravers import first_bars
from omr.pages.sources import score_text
from omr.signs import ACCIDENTALS, HEADS, KINDS, RESTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("PARTIMENTO_DATA" not in os.environ, reason="PARTIMENTO_DATA names no folder of packs"),
]
BARS = 30


@pytest.mark.parametrize("pack", ["openscore-lieder", "openscore-string-quartets"])
def test_every_printed_sign_of_a_real_score_is_labelled(pack: str) -> None:
    for number, (row, data) in enumerate(itertools.islice(iter_pack(pack, split="valid"), 3)):
        text = first_bars(score_text(data, row.path), BARS)
        options: EngravingOptions = random_options(np.random.default_rng(number))
        systems = [system for _, _, page in page_labels(text, options) for system in page]
        kinds = Counter(KINDS[kind] for system in systems for kind in system.signs["kind"])
        notes = [note for note in re.split(r"<note\b", text)[1:] if 'print-object="no"' not in note.partition(">")[0]]
        pitched = sum("<pitch>" in note for note in notes)
        printed = sum("<accidental" in note for note in notes)
        rests = sum("<rest" in note for note in notes)
        assert 0.95 * pitched <= sum(kinds[name] for name in HEADS) <= pitched  # voices share heads
        assert 0.98 * printed <= sum(kinds[name] for name in ACCIDENTALS) <= printed
        assert 0.98 * rests <= sum(kinds[name] for name in RESTS) <= rests
        told = Counter(note.partition("<stem>")[2].partition("<")[0] for note in notes if "<chord" not in note)
        stems = kinds["stem"]
        assert 0.98 * (told["up"] + told["down"]) <= stems
        bars = [(system.first_bar, system.last_bar) for system in systems]
        assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(bars))
