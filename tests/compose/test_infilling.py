"""The whole way from file to file with a tiny random model: new notes in the region, everything else as it was."""

import io
import json
import re
from collections import Counter
from dataclasses import replace

import mido
import numpy as np
import pytest
import torch

from compose.infilling import Request, continue_piece, infill, infill_with
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.measured_step import MeasuredStep
from compose.models import MeasuredComposer, load_model, save_model
from compose.single_step import SingleStream
from compose.voices_model import VoicesModel, VoicesModelConfig
from corpora.datasets.chorales import chorale_files
from corpora.errors import CheckpointError, InfeasibleConstraint, RequestError
from corpora.files import parse_piece, read_piece
from corpora.midi.writer import write_midi
from corpora.piece import MEASURE_DTYPE, NOTE_DTYPE, Part, Piece, sort_notes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(3)
    where = tmp_path_factory.mktemp("models")
    save_model(where / "measured", MeasuredModel(MeasuredModelConfig.tiny()), "A random model.")
    save_model(where / "voices", VoicesModel(VoicesModelConfig.tiny()), "A random model.")
    return where


@pytest.fixture(scope="module")
def measured(folder):
    return str(folder / "measured")


@pytest.fixture(scope="module")
def chorale():
    return read_piece(next(path for path in chorale_files("train") if path.stem == "bwv101.7"))


def measures_of(data):
    """Each part's measures as bytes."""
    return [re.findall(rb"<measure\b.*?</measure>", part, re.DOTALL) for part in re.findall(rb"<part\b.*?</part>", data, re.DOTALL)]


def notes_of(piece, lanes=None, start=None, end=None):
    """Notes in quarters, those of some lanes that begin in a span left out."""
    out = Counter()
    for note in piece.notes:
        onset = piece.quarters(int(note["onset_div"]))
        if lanes is not None and note["part"] in lanes and start <= onset < end:
            continue
        out[onset, piece.quarters(int(note["duration_div"])), int(note["pitch"]), int(note["part"])] += 1
    return out


def test_musicxml_outside_the_region_is_the_same_bytes(chorale, measured):
    (answer,) = infill(Request(chorale, "#5-#6", ("Alto", "Tenor"), ("rhythm: keep",), measured, seed=7))
    before, after = measures_of(chorale.source.data), measures_of(answer.piece.source.data)
    changed = {(p, m) for p, part in enumerate(before) for m, text in enumerate(part) if after[p][m] != text}
    assert changed
    assert changed <= {(part, measure) for part in (1, 2) for measure in (4, 5)}
    assert [len(part) for part in before] == [len(part) for part in after]
    assert re.sub(rb"<part\b.*", b"", chorale.source.data, flags=re.DOTALL) == re.sub(
        rb"<part\b.*", b"", answer.piece.source.data, flags=re.DOTALL
    )
    assert answer.holds
    assert len(answer.added) > 0
    json.dumps(answer.report())
    assert {entry["sign"] for entry in answer.diff()} == {"-", "+"}
    assert len(answer.diff()) == len(answer.added) + len(answer.removed)


def test_variations_are_ranked_and_each_seed_gives_itself_again(chorale, measured):
    wishes = ("rhythm: keep", "scale: G major")
    answers = infill(Request(chorale, "#5", ("Alto",), wishes, measured, seed=20, count=3))
    assert sorted(answer.seed for answer in answers) == [20, 21, 22]
    assert [a.nats_per_note for a in answers] == sorted(a.nats_per_note for a in answers)
    last = answers[-1]
    (again,) = infill(Request(chorale, "#5", ("Alto",), wishes, measured, seed=last.seed))
    assert again.piece.source.data == last.piece.source.data
    assert again.log_likelihood == pytest.approx(last.log_likelihood)


@pytest.mark.parametrize("kind", ["measured", "voices"])
def test_a_variation_is_what_its_seed_gives_alone(chorale, folder, kind):
    """Variations share the writer, the scorer and what was read before the first choice: nothing of one is left in the next."""
    asked = Request(chorale, "#4-#6", ("Alto",), ("range: C3-E5",), str(folder / kind), seed=5, count=2)
    answers = infill(asked)
    assert len({answer.piece.source.data for answer in answers}) == 2
    for answer in answers:
        (alone,) = infill(replace(asked, seed=answer.seed, count=1))
        assert alone.piece.source.data == answer.piece.source.data
        assert alone.rewinds == answer.rewinds
        if kind == "measured":  # to the bit
            assert alone.log_likelihood == answer.log_likelihood


def test_variations_read_what_came_before_once(chorale, measured, monkeypatch):
    read = []
    plain = SingleStream.read
    monkeypatch.setattr(SingleStream, "read", lambda stream, x: read.append((stream, len(x))) or plain(stream, x))
    infill(Request(chorale, "#5-#6", ("Alto",), (), measured, seed=1, count=4, temperature=1.0))
    long = [length for _, length in read if length > 20]
    assert len(long) == 1  # history and first controls
    assert len({id(stream) for stream, _ in read}) == 1


def test_kept_ids_stay_and_are_counted(chorale, measured):
    row = next(note for note in chorale.notes if note["part"] == 1 and chorale.measure_at(int(note["onset_div"])) == 4)
    (answer,) = infill(Request(chorale, "#5", ("Alto",), model=measured, keep=(str(row["id"]),)))
    assert str(row["id"]) not in answer.removed["id"]
    key = (chorale.quarters(int(row["onset_div"])), chorale.quarters(int(row["duration_div"])), int(row["pitch"]), 1)
    assert notes_of(answer.piece)[key] == 1
    assert answer.kept == len(chorale.notes) - len(answer.removed)


@pytest.fixture(scope="module")
def odd_midi():
    """MIDI with a pickup, 3/4 then 6/8, a tempo change, a note tied over every seam, pedal and text."""
    bars = [(0, 480, "0", 3, 4), *[(480 + 1440 * i, 1920 + 1440 * i, str(i + 1), *((3, 4) if i < 3 else (6, 8))) for i in range(6)]]
    rows = [(240 * i, 240, 60 + (7 * i) % 12, 80, 0, 0, f"a{i}", 0) for i in range(38)]
    rows += [(480 + 1440 * i - 240, 480, 45 + i, 70, 1, 0, f"tie{i}", 0) for i in range(1, 6)]
    piece = Piece(
        sort_notes(np.array(rows, dtype=NOTE_DTYPE)),
        480,
        (Part("Flute", "1", 0, 73), Part("Bass", "2", 1, 32)),
        np.array(bars, MEASURE_DTYPE),
    )
    data = write_midi(piece)
    file = mido.MidiFile(file=io.BytesIO(data))
    file.tracks[-1].insert(3, mido.Message("control_change", channel=1, control=64, value=127, time=0))
    file.tracks[-1].insert(4, mido.MetaMessage("text", text="dolce", time=0))
    file.tracks[0].insert(1, mido.MetaMessage("set_tempo", tempo=400_000, time=0))
    out = io.BytesIO()
    file.save(file=out)
    return parse_piece(out.getvalue(), "odd.mid")


def events_of(piece, lane, start, end):
    """All events with their absolute ticks, but the notes of a lane's track that begin and end in a span."""
    file = mido.MidiFile(file=io.BytesIO(piece.source.data))
    out = []
    for index, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            inside = str(index) == piece.parts[lane].key and start <= tick <= end
            if not (inside and message.type in ("note_on", "note_off")) and message.type != "end_of_track":
                out.append((index, tick, str(message.copy(time=0))))
    return out


def test_midi_outside_the_region_is_the_same_events_and_ties_over_the_seam_stay(odd_midi, measured):
    bars = odd_midi.measures
    start, end = int(bars["start_div"][3]), int(bars["end_div"][4])  # 3/4 and 6/8, ties into and out of both
    ties = [n for n in odd_midi.notes if n["part"] == 1 and (n["onset_div"] < end < n["onset_div"] + n["duration_div"])]
    assert ties
    (answer,) = infill(Request(odd_midi, "#4-#5", model=measured, seed=2))
    assert answer.holds
    assert notes_of(odd_midi, (0, 1), start / 480, end / 480) <= notes_of(answer.piece)
    for tie in ties:
        assert notes_of(answer.piece)[int(tie["onset_div"]) / 480, 1, int(tie["pitch"]), 1] == 1
    (flute,) = infill(Request(odd_midi, "#4-#5", ("Flute",), model=measured, seed=2))
    assert events_of(odd_midi, 0, start, end) == events_of(flute.piece, 0, start, end)


def test_continue_adds_bars_and_leaves_the_rest(chorale, measured):
    (answer,) = continue_piece(chorale, 2, constraints=("grid: 1/8",), model=measured, seed=1)
    before, after = measures_of(chorale.source.data), measures_of(answer.piece.source.data)
    assert [len(part) + 2 for part in before] == [len(part) for part in after]
    assert [part[:-1] for part in before] == [
        part[: len(part) - 1] for part in (a[: len(b)] for a, b in zip(after, before, strict=True))
    ]
    assert notes_of(chorale) <= notes_of(answer.piece)
    assert len(answer.added) > 0
    with pytest.raises(RequestError, match="bars must be at least 1, got 0"):
        continue_piece(chorale, 0, model=measured)


def test_continue_a_midi_file(odd_midi, measured):
    (answer,) = continue_piece(odd_midi, 1, model=measured, seed=4)
    assert notes_of(odd_midi) <= notes_of(answer.piece)
    assert (answer.added["onset_div"] >= odd_midi.measures["end_div"][-1]).all()


def test_a_long_region_in_a_sliding_context(chorale, measured):
    """It slides several times, and variations are still what their seeds give alone."""
    model = load_model(measured).model
    composer = MeasuredComposer("narrow", model)
    composer.step = MeasuredStep(model, context=64, block=16)
    request = Request(chorale, "#1-#12", ("Alto",), ("rhythm: keep", "range: G3-C5"), seed=5, count=2)
    answers = infill_with(composer, request)
    assert all(answer.holds for answer in answers)
    for answer in answers:
        (alone,) = infill_with(composer, replace(request, seed=answer.seed, count=1))
        assert alone.piece.source.data == answer.piece.source.data
    (whole,) = infill(replace(request, model=measured, count=1))
    (slid,) = (answer for answer in answers if answer.seed == whole.seed)
    assert len(slid.added) == len(whole.added)
    assert slid.log_likelihood != whole.log_likelihood


def test_the_voices_model_writes_chorales(chorale, folder):
    (answer,) = infill(Request(chorale, "#5-#6", ("Tenor",), ("grid: 1/8",), str(folder / "voices"), seed=3))
    assert answer.holds
    assert answer.model.endswith("voices")


def test_refusals(chorale, measured, tmp_path):
    with pytest.raises(InfeasibleConstraint, match="range: C8-D8") as caught:
        infill(Request(chorale, "#5", ("Alto",), ("range: C8-D8", "pitches: F", "rhythm: keep"), measured))
    assert caught.value.constraints
    with pytest.raises(RequestError, match="count must be at least 1, got 0"):
        infill(Request(chorale, "#5", model=measured, count=0))
    with pytest.raises(RequestError, match="there is no bar '99'"):
        infill(Request(chorale, "99", model=measured))
    with pytest.raises(CheckpointError, match="no weights called"):
        load_model(str(tmp_path / "nothing"))
