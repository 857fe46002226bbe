"""The detector learns: eight systems by heart, without an error, from sign to score; and batches go on where a run stopped."""

from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
import torch

from compose.notation.reading import read_written
from compose.notation.sounding import played_notes
from compose.notation.writing import write_written
from compose.notation.written import Bar, Clef, Event, Head, Key, Part, Time, Voice, WrittenScore
from compose.threads import one_thread
from corpora.errors import CheckpointError, RequestError
from omr.assembly.assembling import assemble
from omr.detector.crops import CropSource, make_block
from omr.detector.loss import batch_of, total_loss
from omr.detector.measures import SignTally, tally_signs
from omr.detector.model import Detector, DetectorConfig
from omr.detector.peaks import ink_of
from omr.detector.reader import SignReader
from omr.detector.runs import run_omr
from omr.detector.targets import draw_targets
from omr.detector.training import training_batches
from omr.pages.engraved import engraved_pages
from omr.pages.options import EngravingOptions
from omr.pages.store import StoreWriter, pack_system
from omr.pages.strips import system_strip
from omr.signs import SeenSystem

INTERLINE = 8.0
MARGIN_PX = 64  # of white on the right: what is told of signs near a border does not count
SMALL = DetectorConfig(widths=(8, 24, 48, 64), blocks=(0, 1, 2, 1), head_width=48, attribute_width=96)
TYPES = {Fraction(4): "whole", Fraction(2): "half", Fraction(1): "quarter", Fraction(1, 2): "eighth"}
SIGNS = ("", "", "", "sharp", "flat", "natural")


def score(seed):
    """Two bars on one staff in some key and meter."""
    rng = np.random.default_rng(seed)
    beats = int(rng.integers(2, 5))
    bars = []
    for number in (0, 1):
        events, onset = [], Fraction(0)
        while onset < beats:
            fitting = [size for size in TYPES if size <= beats - onset]
            length = fitting[min(int(rng.integers(2)), len(fitting) - 1)]
            heads = () if rng.random() < 0.15 else (Head(int(rng.integers(29, 40)), str(rng.choice(SIGNS))),)
            events.append(Event(onset, length, heads, TYPES[length]))
            onset += length
        first = {"clefs": (Clef(Fraction(0), 1, "G", 2),), "key": Key(int(rng.integers(-3, 4))), "time": Time(beats, 4)}
        bars.append(Bar((Voice(1, tuple(events)),), Fraction(beats), **({} if number else first)))
    return write_written(WrittenScore((Part(tuple(bars)),)))


@pytest.fixture(scope="module")
def systems():
    """Scores, and the only system of each."""
    found = []
    for seed in range(8):
        musicxml = score(seed)
        page = engraved_pages(musicxml.decode(), EngravingOptions(interline_px=INTERLINE, page_width=48.0))[0]
        found.append((musicxml, system_strip(page, 0, INTERLINE)))
    return found


def learned(systems, steps):
    torch.manual_seed(0)
    model = Detector(SMALL)
    pictures, targets = [], []
    height = max(-(-strip.image.shape[0] // 16) * 16 for _, strip in systems)
    width = max(-(-strip.image.shape[1] // 16) * 16 for _, strip in systems) + MARGIN_PX
    for _, strip in systems:
        ink = np.zeros((height, width), dtype=np.float32)
        small = ink_of(strip.image)[0, 0].numpy()
        ink[: small.shape[0], : small.shape[1]] = small
        pictures.append(ink)
        targets.append(draw_targets(strip.signs, strip.middle_lines, (INTERLINE, INTERLINE), strip.origin_px, ink.shape))
    batch = batch_of(pictures, targets)
    rates = torch.optim.AdamW(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(rates, 4e-3, total_steps=steps)
    for _ in range(steps):
        loss = total_loss(model, batch)
        rates.zero_grad()
        loss.backward()
        rates.step()
        schedule.step()
    return model.eval()


@pytest.mark.timeout(600)
def test_eight_systems_are_learned_without_an_error(systems, tmp_path):
    with one_thread():
        model = learned(systems, 140)
    SignReader(model).save_pretrained(tmp_path / "model", "learned by heart", {}, store_as="float32")
    reader = SignReader.from_pretrained(tmp_path / "model")
    tally = SignTally()
    for musicxml, strip in systems:
        signs = reader.read(strip.image, strip.interline_px, strip.origin_px, strip.middle_lines)
        tally_signs(tally, signs, strip.signs)
        width = float(strip.signs["x"].max()) + 1
        corners = np.zeros((5, 2, 2), dtype=np.float32)
        seen = SeenSystem(0, 0, strip.middle_lines, np.array([5]), width, signs, corners)
        got, wanted = played_notes(assemble([seen]).score), played_notes(read_written(musicxml))
        for name in ("onset_quarter", "duration_quarter", "pitch"):
            np.testing.assert_array_equal(got[name], wanted[name])
    assert tally.f1() == 1.0
    assert sum(tally.found.values()) > 100
    assert {name: tally.accuracy(name) for name in tally.told if tally.accuracy(name) < 1} == {}


@pytest.fixture(scope="module")
def store(systems, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    writer = StoreWriter(folder, {"made": "here"})
    writer.add([pack_system(strip, piece="made", staves=(0,), bars=(0, 1), font="Leipzig") for _, strip in systems])
    return folder


def test_batches_go_on_where_a_run_stopped(store):
    source = CropSource((str(store),), seed=3, batch=2)
    straight = list(islice(training_batches(source, 0, 1), 7))
    later = next(training_batches(source, 5, 1))
    assert torch.equal(straight[5].ink, later.ink)
    assert torch.equal(straight[5].cells, later.cells)
    assert torch.equal(straight[5].values, later.values)


def test_what_varies_is_the_ink_and_not_what_is_there(store):
    plain = make_block(CropSource((str(store),), seed=3, batch=4, varied=False), 0)[0]
    varied = make_block(CropSource((str(store),), seed=3, batch=4), 0)[0]
    assert plain.ink.shape == varied.ink.shape == (4, 1, 256, 512)
    assert varied.ink.dtype == torch.uint8
    for batch in (plain, varied):
        picture, _, row, column = batch.cells[batch.cells[:, 1] < 6].T  # heads are where there is ink
        assert float(batch.ink[picture, 0, 4 * row + 2, 4 * column + 2].float().mean()) > 2 * float(batch.ink.float().mean())


def test_a_run_is_trained_and_resumed_by_one_command(store, tmp_path):
    folder = tmp_path / "run"
    figures = run_omr(folder, 0.02, preset="tiny", stores=[store], validation=store, workers=1)
    assert figures["loss"] > 0
    assert SignReader.from_pretrained(folder / "model").model.config == DetectorConfig.tiny()
    with pytest.raises(RequestError, match="go on with it by --resume"):
        run_omr(folder, 0.02, preset="tiny", stores=[store], validation=store)
    with pytest.raises(RequestError, match="no run to go on with"):
        run_omr(tmp_path / "other", 0.02, preset="tiny", stores=[store], validation=store, resume=True)
    with pytest.raises(RequestError, match="not known"):
        run_omr(folder, 0.02, preset="huge", stores=[store], validation=store)


def test_weights_of_another_kind_are_refused():
    with pytest.raises(CheckpointError, match="expected 'signs'"):
        SignReader.from_pretrained("frames")
