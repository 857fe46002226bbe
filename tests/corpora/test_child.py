"""A child process gives its value or one clear error, whatever it does, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpora import child
from corpora.child import Limits, run_limited
from corpora.errors import InfeasibleConstraint, InputError, ToolError
from corpora.wire import WireError

DEEDS = """
import os, signal, subprocess, sys, time

def echo(**values): return values
def die(name): os.kill(os.getpid(), getattr(signal, name))
def spin():
    while True: pass
def sleep(note):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open(note, "w").write(f"{os.getpid()} {sleeper.pid}")
    time.sleep(60)
def leave_one_behind():
    return subprocess.Popen(["sleep", "60"]).pid
def eat(): return len(bytearray(2 << 30))
def swell(): return bytes(3_000_000)
def chatter(times):
    for _ in range(times): os.write(1, b"noise " * 10_000); os.write(2, b"more")
    return "done"
def complain(): os.write(2, b"first\\nterminate called: what(): \\x1b[31mbad\\n"); os.abort()
def alarm(): return signal.getitimer(signal.ITIMER_REAL)
def vanish(): os._exit(0)
def give_object(): return object()
def raise_input():
    from corpora.errors import InputError
    raise InputError("foo.mid: byte 3: expected\\n music")
def raise_infeasible():
    from corpora.errors import InfeasibleConstraint
    raise InfeasibleConstraint("no pitch left", ("scale: G major", "range: C9-C9"))
def write_much(path):
    with open(path, "wb") as file: file.write(bytes(3_000_000))
def forge(): # a hijacked child writes its own answer
    import pickle
    for descriptor in range(3, 64):
        try: os.write(descriptor, b"PTMWIRE1" + b"\\xff" * 64)
        except OSError: pass
    os._exit(0)
"""


@pytest.fixture
def deeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a function of DEEDS in a child."""
    (tmp_path / "deeds_of_a_child.py").write_text(DEEDS)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(name: str, limits: Limits | None = None, /, **arguments: Any) -> Any:
        wanted = limits or Limits(wall_s=20)
        return run_limited(f"deeds_of_a_child:{name}", arguments, limits=wanted, tool="verovio", subject="foo.xml")

    return run


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_gone(*pids: int) -> None:
    for _ in range(200):
        if not any(map(is_alive, pids)):
            return
        time.sleep(0.01)
    raise AssertionError(f"still running: {[pid for pid in pids if is_alive(pid)]}")


def test_values_travel_both_ways(deeds: Callable[..., Any]) -> None:
    values = {"text": "é\0", "raw": b"\0\xff", "number": 2**70, "real": 0.1, "nothing": None, "path": Path("a/b")}
    assert deeds("echo", **values, nested={"list": [1, (2, "x")]}) == {**values, "nested": {"list": [1, (2, "x")]}}
    table = np.array([(1, "n1"), (2, "n2")], dtype=[("onset_div", np.int64), ("id", "U24")])
    assert np.array_equal(deeds("echo", table=table)["table"], table)


def test_the_child_works_in_any_folder(deeds: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert deeds("echo", a=1) == {"a": 1}


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGFPE", "SIGKILL"])
def test_death_by_a_signal_is_one_line(deeds: Callable[..., Any], name: str) -> None:
    with pytest.raises(ToolError, match=rf"^verovio died \({name}\) on foo\.xml$"):
        deeds("die", name=name)


def test_the_last_line_of_noise_is_told_without_control_characters(deeds: Callable[..., Any]) -> None:
    with pytest.raises(ToolError, match=r"^verovio died \(SIGABRT\) on foo\.xml: terminate called: what\(\): \[31mbad$"):
        deeds("complain")


def test_errors_of_the_house_come_back_as_themselves(deeds: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"^foo\.mid: byte 3: expected music$"):
        deeds("raise_input")
    with pytest.raises(InfeasibleConstraint, match="no pitch left") as caught:
        deeds("raise_infeasible")
    assert caught.value.constraints == ("scale: G major", "range: C9-C9")


def test_other_errors_name_the_tool(deeds: Callable[..., Any]) -> None:
    with pytest.raises(ToolError, match=r"^verovio failed on foo\.xml: AttributeError"):
        deeds("no_such_function")
    with pytest.raises(ToolError, match="only plain values can travel, got object"):
        deeds("give_object")
    with pytest.raises(ToolError, match="ended without an answer"):
        deeds("vanish")
    with pytest.raises(ToolError, match=r"^json:dumps failed: TypeError"):
        run_limited("json:dumps", {})


def test_memory_limit(deeds: Callable[..., Any]) -> None:
    with pytest.raises(ToolError, match="ran out of memory on foo"):
        deeds("eat", Limits(memory_bytes=1 << 30))


def test_processor_limit(deeds: Callable[..., Any]) -> None:
    with pytest.raises(ToolError, match="stopped after 1 s of processor time on foo"):
        deeds("spin", Limits(cpu_s=1))


def test_wall_limit_kills_the_whole_group(deeds: Callable[..., Any], tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ToolError, match=r"stopped on foo\.xml: no answer in 1\.5 s"):
        deeds("sleep", Limits(wall_s=1.5), note=str(tmp_path / "note"))
    assert time.monotonic() - started < 3
    assert_gone(*map(int, (tmp_path / "note").read_text().split()))


def test_a_grandchild_does_not_outlive_the_answer(deeds: Callable[..., Any]) -> None:
    assert_gone(deeds("leave_one_behind"))


def test_file_and_answer_limits(deeds: Callable[..., Any], tmp_path: Path) -> None:
    small = Limits(file_bytes=1_000_000, result_bytes=1_000_000)
    with pytest.raises(ToolError, match="File too large"):
        deeds("write_much", small, path=str(tmp_path / "big"))
    with pytest.raises(ToolError, match="could not be written: File too large"):
        deeds("swell", small)
    with pytest.raises(ToolError, match="its answer has 30000"):
        deeds("swell", Limits(result_bytes=1_000_000))


def test_noise_is_swallowed(deeds: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    assert deeds("chatter", times=100) == "done"
    assert capfd.readouterr() == ("", "")


def test_a_forged_answer_is_an_error_not_code(deeds: Callable[..., Any]) -> None:
    with pytest.raises(ToolError, match="cannot be read"):
        deeds("forge")


@pytest.mark.parametrize("answer", [[], {}, {"value": 1, "error": "x"}, {"error": "os"}, {"error": "InputError", "message": "x"}])
def test_answers_of_no_known_form(answer: Any) -> None:
    with pytest.raises(ToolError, match="no known form"):
        child._value_of(answer, "verovio", "")


def test_arguments_must_be_plain() -> None:
    with pytest.raises(WireError, match="plain values"):
        run_limited("builtins:repr", {"obj": object()})


def test_ctrl_c_in_the_parent_kills_the_group(tmp_path: Path) -> None:
    (tmp_path / "deeds_of_a_child.py").write_text(DEEDS)
    note = tmp_path / "note"
    root = Path(__file__).parents[2]
    script = f"""
        import sys; sys.path[:0] = [{str(root)!r}, {str(tmp_path)!r}]
        from corpora.child import run_limited
        run_limited("deeds_of_a_child:sleep", {{"note": {str(note)!r}}})
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stderr=subprocess.PIPE, start_new_session=True)
    for _ in range(1000):
        if note.exists() and len(note.read_text().split()) == 2:
            break
        time.sleep(0.01)
    parent.send_signal(signal.SIGINT)
    _, told = parent.communicate(timeout=10)
    assert b"KeyboardInterrupt" in told
    assert_gone(*map(int, note.read_text().split()))


def test_the_child_stops_by_itself_when_its_parent_is_gone(deeds: Callable[..., Any]) -> None:
    assert 10 < deeds("alarm", Limits(wall_s=10))[0] <= 10 + child.ALARM_GRACE_S


def test_starts_fast() -> None:
    started = time.monotonic()
    run_limited("os:getcwd", {})
    assert time.monotonic() - started < 2  # 0.1 s on an idle machine
    assert os.getcwd() == run_limited("os:getcwd", {})


def test_the_caller_may_watch_and_may_stop_it(deeds: Callable[..., Any], tmp_path: Path) -> None:
    looks: list[float] = []
    assert run_limited("deeds_of_a_child:echo", {"a": 1}, waiting=lambda: looks.append(time.monotonic())) == {"a": 1}
    assert looks == sorted(looks)
    assert looks
    note = tmp_path / "note"

    def stop() -> None:
        if note.exists() and len(note.read_text().split()) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_limited("deeds_of_a_child:sleep", {"note": str(note)}, waiting=stop)
    assert_gone(*map(int, note.read_text().split()))
