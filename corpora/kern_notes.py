"""The notes of kern scores, for models: verovio reads them to MIDI in a child process, quickly and right in time.

A score for editing goes through music21 to MusicXML instead (``corpora.text_scores``), which keeps spelling but is slow and
misplaces some music; what only needs notes in time, as data sets do, should come here. Repeats are not unfolded.
"""

from __future__ import annotations

from base64 import b64decode

from corpora.child import run_limited
from corpora.errors import InputError
from corpora.gate import check_kern, check_midi
from corpora.midi.reader import read_midi
from corpora.piece import Piece

__all__ = ["kern_to_midi", "read_kern_notes"]


def kern_to_midi(text: str) -> bytes:
    """Standard MIDI of a kern text; runs verovio in this process, which a bad text can end: call it in a child.

    Raises:
        InputError: verovio cannot read the text.
    """
    import verovio  # only in the child

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({"expandNever": True})
    toolkit.setInputFrom("humdrum")
    if not toolkit.loadData(text):
        raise InputError("verovio cannot read it")
    return b64decode(toolkit.renderToMIDI())


def read_kern_notes(data: bytes, name: str) -> Piece:
    """The notes of a kern file as a Piece whose source is MIDI.

    Raises:
        InputError: Refused by the gate or by verovio.
        ToolError: verovio died or ran out of its limits.
    """
    check_kern(data, name)
    midi = run_limited("corpora.kern_notes:kern_to_midi", {"text": data.decode("utf-8", "replace")}, tool="verovio", subject=name)
    check_midi(midi, name)
    return read_midi(midi, name)
