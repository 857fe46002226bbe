"""For all rooms: the tests of Ctrl-C need it to reach them, also where a shell started the run in the background."""

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def listening_to_ctrl_c() -> None:
    """Background jobs of a shell are born deaf to SIGINT, and so are their children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
