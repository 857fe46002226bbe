"""Folders of runs: when one may begin or go on, and how far it has come."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from compose.run_folder import STATE_FILE, check_run_folder, steps_done
from corpora.errors import RequestError


def test_a_run_begins_in_an_empty_folder_and_goes_on_where_it_began(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    check_run_folder(folder, resume=False)
    with pytest.raises(RequestError, match="holds no run to go on with"):
        check_run_folder(folder, resume=True)
    folder.mkdir()
    assert steps_done(folder) == 0
    torch.save({"step": 7}, folder / STATE_FILE)
    assert steps_done(folder) == 7
    check_run_folder(folder, resume=True)
    with pytest.raises(RequestError, match="holds a run: go on with it by --resume"):
        check_run_folder(folder, resume=False)


def test_a_part_s_run_belongs_to_the_whole(tmp_path: Path) -> None:
    (tmp_path / "trial").mkdir()
    torch.save({"step": 1}, tmp_path / "trial" / STATE_FILE)
    check_run_folder(tmp_path, resume=False)
    check_run_folder(tmp_path, resume=True, parts=("trial",))
    with pytest.raises(RequestError, match="holds a run"):
        check_run_folder(tmp_path, resume=False, parts=("trial",))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RequestError, match="is a file, expected a folder"):
        check_run_folder(tmp_path / "run", resume=False)
