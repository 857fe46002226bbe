"""One thread within the block, as many as before behind it."""

import pytest
import torch

from compose.threads import one_thread


def test_threads_come_back():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    with pytest.raises(RuntimeError, match="in the middle"), one_thread():
        raise RuntimeError("in the middle")
    assert torch.get_num_threads() == before
