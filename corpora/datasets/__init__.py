"""Data sets and their splits."""

from corpora.datasets.chorales import Chorale, bach_chorales, chorale_files, read_chorale, skipped_chorales
from corpora.datasets.folder import DATA_VARIABLE, data_dir
from corpora.datasets.jsb import load_jsb
from corpora.datasets.packs import Pack, PackFile, corpora_list, corpora_stats, corpora_verify, find_pack, iter_pack, list_packs

__all__ = [
    "DATA_VARIABLE",
    "Chorale",
    "Pack",
    "PackFile",
    "bach_chorales",
    "chorale_files",
    "corpora_list",
    "corpora_stats",
    "corpora_verify",
    "data_dir",
    "find_pack",
    "iter_pack",
    "list_packs",
    "load_jsb",
    "read_chorale",
    "skipped_chorales",
]
