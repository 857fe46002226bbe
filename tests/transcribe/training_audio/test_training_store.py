"""A store of sound is the same whatever the workers and however often it was killed, and says what it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from corpora.errors import InputError, RequestError
from transcribe.families import FAMILIES
from transcribe.heard import DRUMS
from transcribe.training_audio import SoundStore, make_store
from transcribe.training_audio.sound_store import StoreWriter

FILES = ("sound.i16", "notes.rows", "pedals.rows", "beats.rows", "clips.jsonl", "jobs.jsonl")
HOURS = 40 / 3600


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def made(synthesiser: None, pack: str, wheel_font: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make_store(folder, fonts=[wheel_font], hours=HOURS, seed=4, packs={pack: 1.0})
    return folder


def test_two_workers_and_an_interruption_change_nothing(made: Path, pack: str, wheel_font: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    wishes = {"fonts": [wheel_font], "seed": 4, "packs": {pack: 1.0}, "workers": 2}
    make_store(other, hours=20 / 3600, **wishes)
    for name in FILES[:4]:  # a run that was killed while it wrote
        with (other / name).open("ab") as file:
            file.write(b"\x07" * 501)
    with (other / "clips.jsonl").open("ab") as file:
        whole = json.loads((other / "clips.jsonl").read_bytes().split(b"\n")[0])
        file.write(json.dumps({**whole, "job": 10_000}).encode() + b'\n{"start": 12')
    before = len(SoundStore(other))
    assert before >= 2
    make_store(other, hours=HOURS, **wishes)
    assert contents(other) == contents(made)
    make_store(other, hours=HOURS, **wishes)  # there is enough
    assert contents(other) == contents(made)


KILLED = """
import sys
from pathlib import Path
from transcribe.training_audio import make_store
if __name__ == "__main__":
    make_store(Path(sys.argv[1]), fonts=[Path(sys.argv[2])], hours=1, seed=4, packs={"small": 1.0}, workers=2)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_and_leaves_no_workers(made: Path, pack: str, wheel_font: Path, tmp_path: Path) -> None:
    script, folder = tmp_path / "killed.py", tmp_path / "killed"
    script.write_text(KILLED)
    root = Path(__file__).parents[3]
    run = subprocess.Popen([sys.executable, script, folder, wheel_font], env={**os.environ, "PYTHONPATH": str(root)})
    jobs = folder / "jobs.jsonl"
    while not jobs.is_file() or jobs.read_bytes().count(b"\n") < 2:
        time.sleep(0.05)
        assert run.poll() is None
    children = [int(pid) for pid in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
    assert len(children) >= 2
    run.kill()
    run.wait()
    until = time.monotonic() + 60
    while any(_is_running(pid) for pid in children):
        assert time.monotonic() < until
        time.sleep(0.1)
    make_store(folder, fonts=[wheel_font], hours=1e-9, seed=4, packs={pack: 1.0})  # cuts what is not whole
    kept = len(SoundStore(folder))
    direct = tmp_path / "direct"
    make_store(direct, fonts=[wheel_font], hours=SoundStore(folder).duration_s / 3600, seed=4, packs={pack: 1.0})
    assert kept >= 2
    assert contents(direct) == contents(folder)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_clips_lie_end_to_end_and_their_labels_inside(made: Path) -> None:
    store = SoundStore(made)
    assert store.duration_s >= HOURS * 3600
    place = 0
    for index, row in enumerate(store.clips):
        clip = store.clip(index)
        assert row.start == place
        place += row.samples
        assert len(clip.samples) == row.samples
        assert 16_000 < np.abs(clip.samples.astype(np.int32)).max() <= 32_767 * 10 ** (-1 / 20) + 1  # -6 to -1 dBFS
        notes = clip.notes
        assert len(notes) > 10
        assert (notes["offset_s"] > notes["onset_s"]).all()
        assert (notes["onset_s"] >= 0.05).all()
        assert (notes["onset_s"] <= clip.duration_s).all()
        assert not notes["program"][notes["family"] == DRUMS].any()
        for note in notes[notes["family"] != DRUMS]:
            assert note["program"] in FAMILIES[note["family"]].programs
        for family, pitch in {(int(note["family"]), int(note["pitch"])) for note in notes}:
            own = notes[(notes["family"] == family) & (notes["pitch"] == pitch)]
            assert (own["offset_s"][:-1] <= own["onset_s"][1:] + 1e-9).all()  # one row a key at a time
        if len(clip.beats):
            steps = np.diff(clip.beats["number"])
            assert set(steps.tolist()) <= {1, 1 - int(clip.beats["number"].max())}
            assert (np.diff(clip.beats["time_s"]) > 0.1).all()
    assert place == len(store.samples)


def test_a_store_that_grows_can_be_read(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    for name, more in (("clips.jsonl", b'{"start": 99'), ("notes.rows", b"123"), ("sound.i16", b"1")):
        with (tmp_path / name).open("ab") as file:
            file.write(more)
    for index in range(len(SoundStore(tmp_path))):
        one, other = SoundStore(tmp_path).clip(index), SoundStore(made).clip(index)
        np.testing.assert_array_equal(one.samples, other.samples)
        np.testing.assert_array_equal(one.notes, other.notes)


def test_what_is_no_store_or_another_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store of sound"):
        SoundStore(tmp_path)
    StoreWriter(tmp_path, {"seed": 1})
    with pytest.raises(RequestError, match="other settings"):
        StoreWriter(tmp_path, {"seed": 2})


def test_wishes_that_cannot_be_met(tmp_path: Path, wheel_font: Path) -> None:
    with pytest.raises(RequestError, match="expected one of mixed, piano"):
        make_store(tmp_path, fonts=[wheel_font], hours=1.0, kind="choir")
    with pytest.raises(RequestError, match="at least one SoundFont"):
        make_store(tmp_path, fonts=[], hours=1.0)
