"""Data sets and their splits."""

from corpora.datasets.chorales import Chorale, bach_chorales, chorale_files, read_chorale, skipped_chorales
from corpora.datasets.folder import DATA_VARIABLE, data_dir
from corpora.datasets.jsb import load_jsb

__all__ = [
    "DATA_VARIABLE",
    "Chorale",
    "bach_chorales",
    "chorale_files",
    "data_dir",
    "load_jsb",
    "read_chorale",
    "skipped_chorales",
]
