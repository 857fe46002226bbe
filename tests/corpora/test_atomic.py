"""Outputs appear whole, all together, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpora.atomic import atomic_outputs, atomic_path, atomic_write
from corpora.errors import InputError, ToolError


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def write_half_and_raise(path: Path, failure: type[BaseException]) -> None:
    path.write_bytes(b"half")
    raise failure


def test_writes_bytes_and_text_as_they_are(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a.bin", b"\x00\r\n\xff")
    atomic_write(str(tmp_path / "b.txt"), "é\r\nü\n")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\r\n\xff"
    assert (tmp_path / "b.txt").read_bytes() == "é\r\nü\n".encode()
    assert names(tmp_path) == ["a.bin", "b.txt"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_and_the_old_file_stays_on_any_exception(tmp_path: Path, failure: type[BaseException]) -> None:
    (tmp_path / "out.wav").write_bytes(b"old")
    with pytest.raises(failure), atomic_path(tmp_path / "out.wav") as temporary:
        write_half_and_raise(temporary, failure)
    assert names(tmp_path) == ["out.wav"]
    assert (tmp_path / "out.wav").read_bytes() == b"old"


def test_temporary_path_lies_beside_with_the_same_suffix_and_is_hidden(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "out.flac") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".flac"
        assert temporary.name.startswith(".")
        assert not (tmp_path / "out.flac").exists()


def test_mode_is_the_umask_for_new_files_and_kept_for_old_ones(tmp_path: Path) -> None:
    old_umask = os.umask(0o027)
    try:
        atomic_write(tmp_path / "new", b"x")
    finally:
        os.umask(old_umask)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    (tmp_path / "new").chmod(0o604)
    atomic_write(tmp_path / "new", b"y")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o604


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    atomic_write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_outputs_appear_together(tmp_path: Path) -> None:
    targets = [tmp_path / "a.mid", tmp_path / "b.json"]
    with atomic_outputs(targets) as temporaries:
        temporaries[0].write_bytes(b"a")
        temporaries[1].write_bytes(b"b")
        assert not targets[0].exists()
    assert [target.read_bytes() for target in targets] == [b"a", b"b"]
    assert names(tmp_path) == ["a.mid", "b.json"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_half_way_through_the_renames_takes_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    targets = [tmp_path / "new", tmp_path / "old", tmp_path / "last"]
    targets[1].write_bytes(b"old")
    real_replace = os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(target) == targets[2]:
            raise failure
        real_replace(source, target)

    monkeypatch.setattr(os, "replace", replace)
    expected = InputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected), atomic_outputs(targets) as temporaries:
        assert [temporary.write_bytes(b"new") for temporary in temporaries] == [3, 3, 3]
    assert names(tmp_path) == ["old"]
    assert targets[1].read_bytes() == b"old"


def test_refusals_are_one_line_and_name_the_place(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    cases = {
        tmp_path / "missing" / "out.mid": "there is no folder",
        tmp_path / "folder": "is a folder",
        tmp_path / "fifo": "no regular file",
        tmp_path / "loop": "no regular file|cannot be written",
        Path("/dev/null"): "no regular file",
        tmp_path / ("n" * 300): "cannot be written",
    }
    for path, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            atomic_write(path, b"x")
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="two outputs"), atomic_outputs([tmp_path / "a", tmp_path / "folder" / ".." / "a"]):
        pass
    with pytest.raises(InputError, match="no file name"):
        atomic_write("", b"x")
    assert names(tmp_path) == ["fifo", "folder", "loop"]


def test_a_temporary_file_that_was_taken_away_is_a_tool_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"out\.png was not written"), atomic_path(tmp_path / "out.png") as temporary:
        temporary.unlink()
    assert names(tmp_path) == []
