"""The notes of kern scores, for models: verovio reads them to MIDI in a child process, quickly and right in time.

A score for editing goes through music21 to MusicXML instead (``corpora.text_scores``), which keeps spelling but is slow and
misplaces some music; what only needs notes in time, as data sets do, should come here. Repeats are not unfolded. Bar lines are
those of the score: MIDI has only meters, and a pickup would shift every bar after it. Meters are those of the text, since verovio's
MIDI loses changes and what it has no sign for, such as 2/1.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from corpora.child import Limits, run_limited
from corpora.errors import InputError, PartimentoError, ToolError
from corpora.gate import check_kern, check_midi
from corpora.kern_text import Meter, kern_meters
from corpora.midi.reader import read_midi
from corpora.piece import MEASURE_DTYPE, Piece

__all__ = ["kern_to_midi", "read_kern_batch", "read_kern_notes"]

CPU_S_EACH = 30  # large orchestral scores take ten seconds


def kern_to_midi(texts: list[str]) -> list[dict[str, Any]]:
    """Standard MIDI and bar lines of kern texts; runs verovio in this process, which a bad text can end: call it in a child.

    Returns:
        For each text ``midi`` (bytes; empty where verovio cannot read it) and ``bars`` (starts in quarters, ascending).
    """
    import verovio  # only in the child

    verovio.enableLog(verovio.LOG_OFF)
    out: list[dict[str, Any]] = []
    for text in texts:
        toolkit = verovio.toolkit()
        toolkit.setOptions({"expandNever": True})
        toolkit.setInputFrom("humdrum")
        if not toolkit.loadData(text):
            out.append({"midi": b"", "bars": []})
            continue
        midi = b64decode(toolkit.renderToMIDI())
        bars = [float(entry["qstamp"]) for entry in toolkit.renderToTimemap({"includeMeasures": True}) if "measureOn" in entry]
        out.append({"midi": midi, "bars": bars})
    return out


def read_kern_notes(data: bytes, name: str) -> Piece:
    """The notes of a kern file as a Piece whose source is MIDI.

    Raises:
        InputError: Refused by the gate or by verovio.
        ToolError: verovio died or ran out of its limits.
    """
    piece = read_kern_batch([(data, name)])[0]
    if isinstance(piece, PartimentoError):
        raise piece
    return piece


def read_kern_batch(files: Sequence[tuple[bytes, str]]) -> list[Piece | PartimentoError]:
    """As ``read_kern_notes`` for many files (bytes and name) in one child process; each gives a piece or its refusal."""
    out: list[Piece | PartimentoError | None] = []
    texts = []
    for data, name in files:
        try:
            check_kern(data, name)
            texts.append(data.decode("utf-8", "replace"))
            out.append(None)
        except PartimentoError as error:
            out.append(error)
    if texts:
        waiting = [index for index, entry in enumerate(out) if entry is None]
        for index, answer in zip(waiting, _convert(texts, [files[index][1] for index in waiting]), strict=True):
            out[index] = answer
    return [entry for entry in out if entry is not None]


def _convert(texts: list[str], names: list[str]) -> list[Piece | PartimentoError]:
    """Through one child; where it dies, the halves have one each."""
    limits = Limits(cpu_s=CPU_S_EACH * len(texts), wall_s=2 * CPU_S_EACH * len(texts))
    subject = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    try:
        rows = run_limited("corpora.kern_notes:kern_to_midi", {"texts": texts}, tool="verovio", subject=subject, limits=limits)
    except ToolError as error:
        if len(texts) == 1:
            return [error]
        half = len(texts) // 2
        return _convert(texts[:half], names[:half]) + _convert(texts[half:], names[half:])
    return [_piece(row, kern_meters(text), name) for row, text, name in zip(rows, texts, names, strict=True)]


def _piece(row: dict[str, Any], meters: list[Meter | None], name: str) -> Piece | PartimentoError:
    if not row["midi"]:
        return InputError(f"{name}: verovio cannot read it")
    try:
        check_midi(row["midi"], name)
        return _with_bars(read_midi(row["midi"], name), row["bars"], meters)
    except PartimentoError as error:
        return error


def _with_bars(piece: Piece, bars: list[float], meters: list[Meter | None]) -> Piece:
    """The piece with the bars of the score instead of those that meters alone would give.

    Where verovio has other bars than the text, as it leaves some out, only a meter that never changes is taken from there.
    """
    starts = np.unique(np.rint(np.array(bars) * piece.divs_per_quarter).astype(np.int64))
    starts = starts[starts < max(piece.end_div, 1)]
    if not len(starts) or not len(piece.measures):
        return piece
    starts[0] = 0
    rows = np.zeros(len(starts), dtype=MEASURE_DTYPE)
    rows["start_div"] = starts
    rows["end_div"][:-1] = starts[1:]
    home = np.clip(np.searchsorted(piece.measures["start_div"], starts, side="right") - 1, 0, None)
    rows["beats"], rows["beat_type"] = piece.measures["beats"][home], piece.measures["beat_type"][home]
    written = meters if len(meters) == len(rows) else meters[:1] * len(rows) if len(set(meters)) == 1 else []
    for row, meter in zip(rows, written, strict=False):
        if meter is not None:
            row["beats"], row["beat_type"] = meter
    full = int(rows["beats"][0]) * 4 * piece.divs_per_quarter // int(rows["beat_type"][0])
    pickup = len(rows) > 1 and int(rows["end_div"][0]) < full
    rows["number"] = [str(index) for index in range(0 if pickup else 1, len(rows) + (0 if pickup else 1))]
    length = int(rows["beats"][-1]) * 4 * piece.divs_per_quarter // int(rows["beat_type"][-1])
    rows["end_div"][-1] = max(
        int(starts[-1]) + length, int((piece.notes["onset_div"] + piece.notes["duration_div"]).max(initial=0))
    )
    return replace(piece, measures=rows)
