"""For all rooms: the tests of Ctrl-C need it to reach them, also where a shell started the run in the background."""

import signal
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def listening_to_ctrl_c() -> None:
    """Background jobs of a shell are born deaf to SIGINT, and so are their children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def opens_in_three_programs() -> Callable[[bytes, Path], None]:
    """Asks music21, partitura and verovio to open a score, which is written to the path."""
    from music21 import converter  # two seconds that other tests need not wait for

    from corpora.partitura_quietly import partitura
    from render.engrave import engrave

    def opened(musicxml: bytes, path: Path) -> None:
        path.write_bytes(musicxml)
        with warnings.catch_warnings():  # of directions that they do not know
            warnings.simplefilter("ignore")
            assert converter.parse(path, format="musicxml").parts
            assert partitura.load_musicxml(str(path)).parts
        assert engrave(musicxml).svg

    return opened
