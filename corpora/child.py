"""Runs a function in a fresh child process with limits, for what can kill or hang a process: engravers, synths, old parsers.

The child is a new interpreter in a process group of its own, limited in memory, processor time, file size and wall time.
However it ends, the whole group is killed and the caller gets either the function's value or an error of the house.
Arguments and value travel by ``corpora.wire`` (no pickle), in unlinked temporary files, so that nothing stays behind.

Unix only. ``RLIMIT_AS`` is not kept by macOS; the other limits are.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

from corpora import errors
from corpora.errors import InfeasibleConstraint, PartimentoError, ToolError
from corpora.safe_text import safe_text
from corpora.wire import WireError, pack, unpack

__all__ = ["Limits", "run_limited"]

NOISE_KEPT_BYTES: Final = 4096
POLL_S: Final = 0.05
ALARM_GRACE_S: Final = 5  # the child's own alarm, should the parent die first, comes this much after the wall limit
BOOT: Final = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from corpora.child import _serve; _serve(int(sys.argv[2]))"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a child process may use.

    Args:
        memory_bytes: Address space (RLIMIT_AS). Libraries with many threads reserve much more than they touch.
        cpu_s: Processor seconds (RLIMIT_CPU).
        wall_s: Seconds from start to answer.
        file_bytes: Length of any file it writes (RLIMIT_FSIZE).
        result_bytes: Length of the packed value that it returns.
    """

    memory_bytes: int = 4 << 30
    cpu_s: int | float = 60
    wall_s: int | float = 120
    file_bytes: int = 2 << 30
    result_bytes: int = 512 << 20


DEFAULT_LIMITS: Final = Limits()


def run_limited(
    function: str,
    arguments: Mapping[str, Any],
    *,
    limits: Limits = DEFAULT_LIMITS,
    tool: str = "",
    subject: str = "",
    waiting: Callable[[], None] | None = None,
) -> Any:
    """The value of ``function(**arguments)``, computed in a child process within ``limits``.

    Args:
        function: ``"module:name"`` of a function that can be imported; the child has this process's import path and folder.
        arguments: Keyword arguments, plain values (``corpora.wire``).
        limits: What the child may use.
        tool: Who to blame in messages, for example "verovio"; the function's name when empty.
        subject: What was worked on, for messages, for example a file name.
        waiting: Called again and again while the child works, for example to tell how far its files have grown.

    Returns:
        The function's value, a plain value; numpy arrays are read-only.

    Raises:
        PartimentoError: The function raised one; it comes back as its own class.
        ToolError: The child died, passed a limit, raised anything else, or returned something that is not plain.
        WireError: ``arguments`` are not plain values.

    Example:
        >>> run_limited("math:hypot_of", {})
        Traceback (most recent call last):
        corpora.errors.ToolError: math:hypot_of failed: AttributeError: module 'math' has no attribute 'hypot_of'
    """
    about = f" on {safe_text(subject)}" if subject else ""
    who = tool or function
    request = pack({"function": function, "arguments": dict(arguments), "limits": asdict(limits)})
    with tempfile.TemporaryFile() as request_file, tempfile.TemporaryFile() as result_file:
        request_file.write(request)
        request_file.seek(0)
        status, noise = _run_child(request_file, result_file, limits, waiting)
        if status is None:
            raise ToolError(f"{who} was stopped{about}: no answer in {limits.wall_s:g} s")
        result_file.seek(0, os.SEEK_END)
        length = result_file.tell()
        if status != 0 or length == 0:
            raise ToolError(f"{who} {_death(status, limits)}{about}{_last_line(noise)}")
        if length > limits.result_bytes:
            raise ToolError(f"{who} was stopped{about}: its answer has {length} bytes, the limit is {limits.result_bytes}")
        result_file.seek(0)
        try:
            answer = unpack(result_file.read())
        except WireError as error:
            raise ToolError(f"{who} gave an answer that cannot be read{about}: {error}") from None
    return _value_of(answer, who, about)


def _run_child(
    request_file: IO[bytes], result_file: IO[bytes], limits: Limits, waiting: Callable[[], None] | None
) -> tuple[int | None, bytes]:
    """Starts the child, waits, kills its group. Returns its exit status (None: out of time) and the tail of what it printed."""
    paths = json.dumps([os.path.abspath(entry) for entry in sys.path])  # "" is the current folder
    process = subprocess.Popen(
        [sys.executable, "-c", BOOT, paths, str(result_file.fileno())],
        stdin=request_file,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(result_file.fileno(),),
        start_new_session=True,
    )
    assert process.stdout is not None
    deadline = time.monotonic() + limits.wall_s
    noise = b""
    try:
        while process.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return None, noise
            if waiting is not None:
                waiting()
            if not select.select([process.stdout], [], [], min(left, POLL_S))[0]:
                continue
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece:  # all ends closed: the child is done or nearly so
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
            noise = (noise + piece)[-NOISE_KEPT_BYTES:]
        while select.select([process.stdout], [], [], 0)[0] and (piece := os.read(process.stdout.fileno(), 1 << 16)):
            noise = (noise + piece)[-NOISE_KEPT_BYTES:]
            if time.monotonic() > deadline:  # a grandchild that prints without end
                break
        return process.returncode, noise
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: PermissionError for a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def _death(status: int, limits: Limits) -> str:
    """In words how a child ended that gave no answer."""
    if status == -signal.SIGXCPU:
        return f"was stopped after {limits.cpu_s:g} s of processor time"
    if status == -signal.SIGXFSZ:
        return f"was stopped at a file of {limits.file_bytes} bytes"
    if status < 0:
        try:
            return f"died ({signal.Signals(-status).name})"
        except ValueError:
            return f"died (signal {-status})"
    return f"ended without an answer (exit status {status})"


def _last_line(noise: bytes) -> str:
    lines = [line for line in noise.decode("utf-8", "replace").splitlines() if line.strip()]
    return f": {safe_text(lines[-1], 120)}" if lines else ""


def _value_of(answer: Any, who: str, about: str) -> Any:
    """The value in an answer, or the error in it raised."""
    if not isinstance(answer, dict) or not ({"value"} == answer.keys() or {"error", "message", "constraints"} == answer.keys()):
        raise ToolError(f"{who} gave an answer of no known form{about}")
    if "value" in answer:
        return answer["value"]
    name, message = str(answer["error"]), safe_text(str(answer["message"]), 1000)
    if name == InfeasibleConstraint.__name__:
        raise InfeasibleConstraint(message, tuple(str(text) for text in answer["constraints"]))
    if name in errors.__all__:
        kind: type[PartimentoError] = getattr(errors, name)
        raise kind(message)
    if name == MemoryError.__name__:
        raise ToolError(f"{who} ran out of memory{about}")
    raise ToolError(f"{who} failed{about}: {safe_text(name)}{': ' if message else ''}{safe_text(message)}")


def _serve(result_fd: int) -> None:
    """The child's whole life: read the request, set the limits, run the function, write the answer."""
    request = unpack(sys.stdin.buffer.read())
    limits = Limits(**request["limits"])
    _limit_this_process(limits)
    answer: dict[str, Any]
    try:
        module, _, name = request["function"].partition(":")
        packed = pack({"value": getattr(importlib.import_module(module), name)(**request["arguments"])})
    except (Exception, SystemExit) as error:
        kind = type(error).__name__
        if isinstance(error, PartimentoError) and kind not in errors.__all__:
            kind = PartimentoError.__name__
        constraints = list(error.constraints) if isinstance(error, InfeasibleConstraint) else []
        answer = {"error": kind, "message": str(error)[:4000], "constraints": constraints}
        packed = pack(answer)
    try:
        with open(result_fd, "wb") as result:
            result.write(packed)
    except OSError as error:
        print(f"the answer of {len(packed)} bytes could not be written: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)  # destructors of half-broken libraries may crash after the answer is safe


def _limit_this_process(limits: Limits) -> None:
    cpu_s = max(1, math.ceil(limits.cpu_s))
    wanted = {
        resource.RLIMIT_AS: (limits.memory_bytes, limits.memory_bytes),
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 2),  # SIGXCPU, then SIGKILL
        resource.RLIMIT_FSIZE: (max(limits.file_bytes, limits.result_bytes),) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS
            resource.setrlimit(kind, (soft, hard))
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s + ALARM_GRACE_S)
