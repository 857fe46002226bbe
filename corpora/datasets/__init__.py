"""Data sets and their splits."""

from corpora.datasets.folder import DATA_VARIABLE, data_dir
from corpora.datasets.jsb import load_jsb

__all__ = ["DATA_VARIABLE", "data_dir", "load_jsb"]
