"""The command of the README on real scores: a chorale, a song and a string quartet; outside the region the files are identical."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import partimento
from corpora.datasets import chorale_files, iter_pack
from corpora.files import read_piece
from corpora.gate import open_mxl
from corpora.musicxml.spans import measure_spans

PACKS = {
    "openscore-lieder": ("#3-#6", None, 400_000),
    "openscore-string-quartets": ("#5-#8", None, 200_000),
}


def _score(name: str, folder: Path) -> Path:
    if name == "chorale":
        return chorale_files("valid")[3]
    if "PARTIMENTO_DATA" not in os.environ:
        pytest.skip("PARTIMENTO_DATA is not set: the packs are not there")
    limit = PACKS[name][2]
    row, data = next(iter_pack(name, split="test", where=lambda row: row.bytes < limit))
    path = folder / Path(row.path).name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["chorale", *PACKS])
def test_infill_leaves_the_rest_alone(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score = _score(name, tmp_path)
    before = read_piece(score)
    region = PACKS[name][0] if name in PACKS else "#3-#4"
    part = before.parts[-1].name if name != "chorale" else "Alto"
    out, midi = tmp_path / "out.musicxml", tmp_path / "out.mid"
    wishes = ["-c", "scale: G major", "-c", "range: C2-E5"]
    arguments = ["infill", str(score), "--bars", region, "--parts", part, *wishes, "--seed", "7", "-n", "2", "--json"]
    assert partimento.main([*arguments, "-o", str(out), "--midi", str(midi)]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert len(reports) == 2
    for report in reports:
        assert report["holds"], report["satisfied"]

    old = open_mxl(score.read_bytes(), score.name)
    new = out.read_bytes()
    first, last = (int(number) for number in region.replace("#", "").split("-"))
    old_parts, new_parts = measure_spans(old), measure_spans(new)
    assert [len(spans) for spans in old_parts] == [len(spans) for spans in new_parts]
    place = {key: index for index, key in enumerate(dict.fromkeys(p.key for p in before.parts))}
    written = {place[p.key] for p in before.parts if p.name == part}
    for index, (was, now) in enumerate(zip(old_parts, new_parts, strict=True)):
        for number, (a, b) in enumerate(zip(was, now, strict=True), start=1):
            if index not in written or not first <= number <= last:
                assert old[a.start : a.end] == new[b.start : b.end], (index, number)
    assert old[: old_parts[0][0].start] == new[: new_parts[0][0].start]

    after = read_piece(midi)
    assert len(after.notes) == len(read_piece(out).notes[read_piece(out).notes["duration_div"] >= 0])
    assert np.isfinite(after.div_to_seconds(after.end_div))
