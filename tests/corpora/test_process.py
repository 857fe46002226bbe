"""How programs end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from corpora.errors import CheckpointError, InfeasibleConstraint, InputError, PartimentoError, RequestError, ToolError
from corpora.process import TRACEBACK_VARIABLE, complain, exit_status


def raising(error: BaseException) -> Callable[[], int | None]:
    def work() -> int | None:
        raise error

    return work


@pytest.mark.parametrize("given", [None, 0, 1, 2, 7])
def test_the_status_is_that_of_the_work(given: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(lambda: given) == (given or 0)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "error",
    [
        PartimentoError("a"),
        InputError("b"),
        RequestError("c"),
        CheckpointError("d"),
        ToolError("e"),
        InfeasibleConstraint("f", ("scale: C major",)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_of_the_house_is_a_mistake(error: PartimentoError, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(raising(error), "demo") == 2
    assert capsys.readouterr().err == f"demo: {error}\n"


def test_an_unexpected_error_is_a_fault(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    assert exit_status(raising(KeyError("tuba"))) == 1
    assert capsys.readouterr().err == f"partimento: unexpected KeyError: 'tuba' ({TRACEBACK_VARIABLE}=1 shows where)\n"
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    assert exit_status(raising(KeyError("tuba"))) == 1
    assert capsys.readouterr().err.startswith("Traceback")


def test_an_interrupt_is_status_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "partimento: interrupted\n"


def test_a_second_ctrl_c_does_not_stop_the_cleaning_up(capsys: pytest.CaptureFixture[str]) -> None:
    cleaned = []

    def work() -> int | None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)
        return None

    assert exit_status(work) == 130
    assert cleaned == [True]


def test_termination_unwinds() -> None:
    cleaned = []

    def work() -> int | None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            cleaned.append(True)
        return None

    with pytest.raises(SystemExit, match="143"):
        exit_status(work)
    assert cleaned == [True]


def test_handlers_are_put_back() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    exit_status(lambda: 0)
    exit_status(raising(KeyboardInterrupt()))
    assert [signal.getsignal(number) for number in numbers] == before


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert exit_status(lambda: os.kill(os.getpid(), signal.SIGINT)) == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_messages_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("a\x1b[2Jb\nc\u202e")
    assert capsys.readouterr().err == "a[2Jb c\n"


PARENT = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from corpora.process import end_with_parent

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""


@pytest.mark.timeout(60)
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) != parent.pid
        parent.kill()
        assert parent.stdout.read() == ""  # comes when the worker, which has the other end too, is gone
