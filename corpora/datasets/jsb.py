"""JSB Chorales on a grid of sixteenths: the field's small benchmark for four-part writing.

A piece is an array (frames, 4) of MIDI pitches, soprano first, one frame a sixteenth, ``SILENCE`` (-1) where a voice rests.
Held and repeated notes are not told apart, and there are no fermatas. The splits are those of Boulanger-Lewandowski et al.
(2012) as published in ``Jsb16thSeparated.json`` of the JSB-Chorales-dataset (229 train, 76 valid; the test part is held back).

Known defects of the file, left as they are because published figures include them: valid[35] (BWV 378) has its upper three
voices twelve frames late against the bass; valid[56] has the melody of BWV 36.8 over other voices; valid[74] also occurs in
train (index 224), and valid[58] nearly so (train 142).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.datasets.folder import data_dir
from corpora.errors import InputError

__all__ = ["JSB_FILE", "JSB_SPLITS", "NUM_VOICES", "SILENCE", "VALID_IN_TRAIN", "load_jsb"]

JSB_FILE = "jsb-chorales-16th.json"
JSB_SPLITS = ("train", "valid")
NUM_VOICES = 4
SILENCE = -1
VALID_IN_TRAIN = (58, 74)  # places in the valid split


def _piece(rows: Any, place: str) -> NDArray[np.int16]:
    """One piece as an array, its shape and pitches checked."""
    try:
        frames = np.array(rows)
    except ValueError:
        frames = np.zeros(0)
    if frames.ndim != 2 or frames.shape[1] != NUM_VOICES or frames.dtype.kind != "i":
        raise InputError(f"{place}: expected rows of {NUM_VOICES} whole pitches, came {frames.dtype} of shape {frames.shape}")
    if frames.min() < SILENCE or frames.max() > 127:
        raise InputError(f"{place}: expected pitches {SILENCE} to 127, came {frames.min()} to {frames.max()}")
    return frames.astype(np.int16)


def load_jsb(folder: str | Path | None = None) -> dict[str, list[NDArray[np.int16]]]:
    """The train and valid chorales.

    Args:
        folder: Where ``jsb-chorales-16th.json`` lies; None takes ``PARTIMENTO_DATA``.

    Returns:
        "train" and "valid", each a list of arrays (frames, 4).

    Raises:
        InputError: the folder or the file is missing, or its content is not as described.
    """
    path = data_dir(folder) / JSB_FILE
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: the file is missing") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON, {error}") from None
    if not isinstance(content, dict) or not all(isinstance(content.get(split), list) for split in JSB_SPLITS):
        raise InputError(f"{path}: expected the lists 'train' and 'valid'")
    return {split: [_piece(rows, f"{path}: {split}[{index}]") for index, rows in enumerate(content[split])] for split in JSB_SPLITS}
