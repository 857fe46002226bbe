"""Folders that grow job by job: what a killed run left is cut off, other settings are refused."""

from pathlib import Path

import pytest

from corpora.errors import RequestError
from corpora.job_folder import JobFolder, whole_lines


def test_what_a_killed_run_left_is_cut_off(tmp_path: Path) -> None:
    first = JobFolder(tmp_path / "store", {"seed": 1})
    first.append("rows.jsonl", b'{"a": 1}\n{"a": 2}\n')
    first.finish_job({"rows": 2})
    first.append("rows.jsonl", b'{"a": 3}\n{"a"')  # the next job, killed while it wrote
    first.append("jobs.jsonl", b'{"ro')
    assert whole_lines(tmp_path / "store" / "rows.jsonl") == [{"a": 1}, {"a": 2}, {"a": 3}]
    again = JobFolder(tmp_path / "store", {"seed": 1})
    assert again.jobs_done == 1
    again.cut_lines("rows.jsonl", 2)
    again.append("rows.jsonl", b'{"a": 4}\n')
    again.finish_job({"rows": 1})
    assert whole_lines(tmp_path / "store" / "rows.jsonl") == [{"a": 1}, {"a": 2}, {"a": 4}]
    assert whole_lines(tmp_path / "store" / "jobs.jsonl") == [{"rows": 2}, {"rows": 1}]


def test_other_settings_are_refused(tmp_path: Path) -> None:
    JobFolder(tmp_path, {"seed": 1, "kind": "a"})
    assert JobFolder(tmp_path, {"kind": "a", "seed": 1}).jobs_done == 0
    with pytest.raises(RequestError, match="other settings"):
        JobFolder(tmp_path, {"seed": 2, "kind": "a"})


def test_files_that_are_missing_have_no_lines(tmp_path: Path) -> None:
    assert whole_lines(tmp_path / "nothing.jsonl") == []
    folder = JobFolder(tmp_path / "new", {})
    folder.cut_lines("rows.jsonl", 5)
    folder.cut("rows.bin", 0)
    assert (tmp_path / "new" / "rows.jsonl").read_bytes() == (tmp_path / "new" / "rows.bin").read_bytes() == b""
