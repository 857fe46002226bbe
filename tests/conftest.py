"""For all rooms.

Modules whose annotations give shapes (jaxtyping) are checked against them as they run, by beartype, in every test. The others are
left to mypy: checking all calls of all rooms took as long again as the tests.

Of several processes of tests each has a cache of compiled functions of its own: numba keeps those of librosa beside it, and two
processes that wrote them there at once, as on a fresh machine, ended one of them by a segmentation fault.
"""

import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

HOUSE = Path(__file__).parents[1]
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if WORKER:
    os.environ["NUMBA_CACHE_DIR"] = str(HOUSE / ".pytest_cache" / "numba" / WORKER)

ROOMS = ("compose", "render", "transcribe", "omr", "corpora")


def _modules_with_shapes() -> list[str]:
    """Names of the modules that import jaxtyping."""
    files = [path for room in ROOMS for path in (HOUSE / room).rglob("*.py") if "from jaxtyping import" in path.read_text()]
    return [".".join(path.relative_to(HOUSE).with_suffix("").parts) for path in files]


install_import_hook(_modules_with_shapes(), "beartype.beartype")  # before anything of the house is imported


LONG_FILES = frozenset(  # a minute and more of tests each
    {
        "test_beats_note_events.py",
        "test_beats_pack_training.py",
        "test_detector_training.py",
        "test_frame_readers.py",
        "test_frame_training.py",
        "test_hostile_rendering.py",
        "test_parallel.py",
        "test_readme.py",
        "test_rendering.py",
        "test_resume.py",
        "test_runs.py",
        "test_shipped_ear.py",
        "test_train_voices.py",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: a process that begins one of them last works alone in the end."""
    items.sort(key=lambda item: item.path.name not in LONG_FILES)


@pytest.fixture(scope="session", autouse=True)
def listening_to_ctrl_c() -> None:
    """Background jobs of a shell are born deaf to SIGINT, and so are their children; the tests of Ctrl-C need it to reach them."""
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
