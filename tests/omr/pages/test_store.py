"""Stores of system strips: what goes in comes out, the same bytes whatever the workers, and what was interrupted goes on."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest

from corpora.datasets.packs import PackFile
from corpora.errors import InputError, RequestError
from omr.pages.making import Job, _jobs, make_store, run_job
from omr.pages.sources import Scores, draw_parts, drawn_fifths, is_kept_for_evaluation
from omr.pages.store import PackedSystem, StoreWriter, SystemStore, pack_system
from omr.pages.strips import SystemStrip
from omr.signs import KIND_INDEX, empty_signs


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261125)


NOTE = "<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><type>whole</type></note>"
MEASURE = f'<measure number="1"><attributes><divisions>1</divisions><key><fifths>6</fifths></key></attributes>{NOTE}</measure>'
SCORE = (
    '<?xml version="1.0"?><score-partwise version="4.0"><part-list>'
    + "".join(f'<score-part id="P{n}"><part-name>{n}</part-name></score-part>' for n in (1, 2, 3))
    + "</part-list>"
    + "".join(f'<part id="P{n}">{MEASURE}</part>' for n in (1, 2, 3))
    + "</score-partwise>"
)


def _strip(rng: np.random.Generator, width: int) -> SystemStrip:
    signs = empty_signs(3)
    signs["kind"] = [KIND_INDEX["flat"], KIND_INDEX["slur"], 0]
    signs["x"] = rng.random(3)
    image = rng.integers(0, 256, (20, width), dtype=np.uint8)
    return SystemStrip(image, 12.0, (24.5, 30.25), signs, np.array([0.0, 11.5], dtype=np.float32))


def _packed(strip: SystemStrip) -> PackedSystem:
    return pack_system(strip, piece="made", staves=(0, 1), bars=(3, 7), font="Leland")


@pytest.mark.parametrize("width", [31, 32])
def test_a_strip_comes_out_as_it_went_in_but_for_greys(tmp_path: Path, rng: np.random.Generator, width: int) -> None:
    strips = [_strip(rng, width) for _ in range(3)]
    StoreWriter(tmp_path, {}).add([_packed(strip) for strip in strips])
    store = SystemStore(tmp_path)
    assert len(store) == 3
    for index, strip in enumerate(strips):
        back = store.strip(index)
        assert np.abs(back.image.astype(int) - strip.image).max() <= 8
        assert (back.image[strip.image == 255] == 255).all()
        assert (back.signs == strip.signs).all()
        assert (back.middle_lines == strip.middle_lines).all()
        assert back.origin_px == strip.origin_px
        assert store.systems[index].bars == (3, 7)


def test_a_store_goes_on_after_a_torn_end(tmp_path: Path, rng: np.random.Generator) -> None:
    systems = [_packed(_strip(rng, 30)) for _ in range(3)]
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for folder in (whole, torn):
        writer = StoreWriter(folder, {"seed": 1})
        writer.add(systems[:2])
    with (torn / "systems.bin").open("ab") as file:
        file.write(b"half a system")
    with (torn / "systems.jsonl").open("a") as file:
        file.write('{"start": 7')
    for folder in (whole, torn):
        writer = StoreWriter(folder, {"seed": 1})
        assert (writer.jobs_done, writer.systems) == (1, 2)
        writer.add(systems[2:])
    for file in whole.iterdir():
        assert file.read_bytes() == (torn / file.name).read_bytes()
    with pytest.raises(RequestError, match="holds a store of other settings"):
        StoreWriter(whole, {"seed": 2})
    with pytest.raises(InputError, match="is no store of systems"):
        SystemStore(tmp_path)


def test_a_job_is_the_same_every_time_and_says_what_it_could_not_read() -> None:
    job = Job(4, 9, "made", SCORE.encode())
    first, why = run_job(job)
    again, _ = run_job(job)
    assert why == ""
    assert len(first) == 1
    assert first == again
    assert first != run_job(Job(5, 9, "made", SCORE.encode()))[0]
    assert run_job(Job(4, 9, "made", b"no score"))[0] == []


@pytest.mark.slow
def test_the_store_is_the_same_whatever_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = Scores({"made": (("a", SCORE.encode()), ("b", SCORE.replace("<step>C", "<step>D").encode()))}, {"made": 1.0})
    monkeypatch.setattr(Scores, "load", staticmethod(lambda split, weights: scores))
    pooled, alone = tmp_path / "pooled", tmp_path / "alone"
    told = make_store(pooled, count=3, workers=2, packs={"made": 1.0}, made=0.3)
    assert told["systems"] >= 3
    writer = StoreWriter(alone, json.loads((pooled / "settings.json").read_text()))
    for job in itertools.islice(_jobs(scores, 0, 0.3), told["jobs"]):
        writer.add(*run_job(job))
    for file in alone.iterdir():
        assert file.read_bytes() == (pooled / file.name).read_bytes()
    with pytest.raises(RequestError, match="at least 1 system and 1 worker, got 0 and 1"):
        make_store(tmp_path, count=0)


def test_parts_are_chosen_whole(rng: np.random.Generator) -> None:
    seen = set()
    for _ in range(40):
        text, chosen = draw_parts(SCORE, rng)
        seen.add(chosen)
        assert text.count("<part id") == text.count("<score-part id") == len(chosen)
        assert all(f'<part id="P{index + 1}">' in text for index in chosen)
    assert seen == {(0, 1, 2), (0,), (1,), (2,)}


def test_keys_stay_within_seven_signs(rng: np.random.Generator) -> None:
    moves = {drawn_fifths(SCORE, rng) for _ in range(60)}
    assert min(moves) == -5
    assert max(moves) == 1


def test_keys_of_kern_are_read_too(rng: np.random.Generator) -> None:
    assert {drawn_fifths("**kern\n*k[b-e-a-d-g-c-f-]\n", rng) for _ in range(60)} == set(range(6))


def test_keyboard_works_for_evaluation_are_kept_out() -> None:
    def row(composer: str, title: str) -> PackFile:
        return PackFile("kern/x.krn", composer, title, "", "", "", "", "", 1, "train")

    assert is_kept_for_evaluation("nifc-chopin-first-editions", row("Chopin, Fryderyk", "Mazurka"))
    assert not is_kept_for_evaluation("nifc-chopin-first-editions", row("Chopin, Fryderyk", "Rondo"))
    assert is_kept_for_evaluation("nifc-polish-scores", row("Haydn, Joseph", "Sonata"))
    assert not is_kept_for_evaluation("openscore-lieder", row("Beethoven", "Adelaide"))


def test_reading_is_quick(tmp_path: Path, rng: np.random.Generator) -> None:
    image = np.full((480, 1300), 255, dtype=np.uint8)
    image[::40] = 0
    image[:, ::9] = rng.integers(0, 256, image[:, ::9].shape)
    strip = SystemStrip(image, 12.0, (24.0, 96.0), empty_signs(250), np.zeros(1, dtype=np.float32))
    StoreWriter(tmp_path, {}).add([_packed(strip)])
    store = SystemStore(tmp_path)
    best = min(_seconds(store) for _ in range(20))
    assert best < 0.006  # a third of it on a quiet machine


def _seconds(store: SystemStore) -> float:
    start = time.perf_counter()
    store.strip(0)
    return time.perf_counter() - start
