"""Work on many batches by Ray Data: on the cores of this machine, or of a cluster that RAY_ADDRESS names.

Ray is an optional extra. What is done to a batch is the same function that runs without it; batches and results travel as pickles.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

from corpora.errors import ToolError

__all__ = ["require_ray", "results_by_ray"]

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")


def require_ray() -> None:
    """Raises ToolError where Ray is not installed."""
    if find_spec("ray") is None:
        raise ToolError("engine 'ray' needs Ray Data: pip install 'partimento[distributed]'")


def results_by_ray(work: Callable[[_Batch], _Result], batches: Sequence[_Batch]) -> Iterator[tuple[int, _Result]]:
    """The index and result of each batch, in the order in which they are done.

    Args:
        work: Picklable.
        batches: Picklable; all in memory, so the caller hands in a window of them at a time.

    Raises:
        ToolError: Ray is not installed.
    """
    require_ray()
    import ray.data  # optional: the extra "distributed"

    if not batches:
        return
    if not ray.is_initialized():
        # workers import the house from where this process does
        ray.init(log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}})

    def done(row: dict[str, Any]) -> dict[str, Any]:
        return {"index": row["index"], "result": pickle.dumps(work(pickle.loads(row["batch"])))}

    rows = [{"index": index, "batch": pickle.dumps(batch)} for index, batch in enumerate(batches)]
    for row in ray.data.from_items(rows, override_num_blocks=len(rows)).map(done).iter_rows():
        yield int(row["index"]), pickle.loads(row["result"])
