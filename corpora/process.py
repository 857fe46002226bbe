"""How a program of the house ends: exit status, one line for a mistake, signals that unwind so that no half file stays.

Exit status: 0 done, 1 a fault of ours, 2 a mistake in the request or a file that cannot be used, 130 after Ctrl-C, 143 after
SIGTERM.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from types import FrameType

from corpora.errors import PartimentoError
from corpora.safe_text import safe_text

__all__ = [
    "EXIT_FAULT",
    "EXIT_INTERRUPTED",
    "EXIT_MISTAKE",
    "EXIT_TERMINATED",
    "TRACEBACK_VARIABLE",
    "complain",
    "end_with_parent",
    "exit_status",
]

EXIT_FAULT, EXIT_MISTAKE, EXIT_INTERRUPTED, EXIT_TERMINATED = 1, 2, 130, 143
TRACEBACK_VARIABLE = "PARTIMENTO_TRACEBACK"
LONGEST_LINE = 2000  # characters
CLEANING_S = 2.0  # after a Ctrl-C, while further ones are not heard


def complain(message: str) -> None:
    """One line on stderr, without anything that a terminal would act on."""
    print(safe_text(message, LONGEST_LINE), file=sys.stderr)


def end_with_parent() -> None:
    """For the start of a worker process: it ends when the process that started it does, also by a kill that lets nothing unwind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(EXIT_TERMINATED)


class _Interrupt:
    """Ctrl-C stops the work; one soon after it must not stop the cleaning up.

    Later ones stop again: Python drops what is raised inside a destructor, and the user must not be left without a way out.
    """

    def __init__(self) -> None:
        self._deaf_until = 0.0

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now < self._deaf_until:
            return
        self._deaf_until = now + CLEANING_S
        raise KeyboardInterrupt


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(EXIT_TERMINATED)


@contextlib.contextmanager
def _unwinding_signals() -> Iterator[None]:
    """Meanwhile SIGINT and SIGTERM raise, so that every ``finally`` runs."""
    wanted: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
        signal.SIGINT: _Interrupt(),
        signal.SIGTERM: _terminate,
    }
    before = {number: signal.getsignal(number) for number in wanted}
    for number, handler in wanted.items():
        if before[number] is not signal.SIG_IGN:  # nohup and background jobs keep their will
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def exit_status(work: Callable[[], int | None], name: str = "partimento") -> int:
    """Run ``work`` and give the exit status of the process, having said in one line what went wrong.

    Args:
        work: The program; its value is the exit status, None for 0.
        name: Of the program, for messages.

    Raises:
        SystemExit: After SIGTERM, or when ``work`` raises it.
    """
    try:
        with _unwinding_signals():
            status = work() or 0
        sys.stdout.flush()
    except PartimentoError as error:
        complain(f"{name}: {error}")
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        complain(f"{name}: interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # whoever read stdout has gone: end quietly
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAULT
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exc()
        else:
            complain(f"{name}: unexpected {type(error).__name__}: {error} ({TRACEBACK_VARIABLE}=1 shows where)")
        return EXIT_FAULT
    return status
