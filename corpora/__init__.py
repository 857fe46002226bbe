"""The ground floor: files in and out, data sets and splits, checkpoints, the input gate."""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from corpora.audio import Audio, read_audio, write_audio
    from corpora.errors import CheckpointError, InfeasibleConstraint, InputError, PartimentoError, RequestError, ToolError
    from corpora.files import edit_piece, parse_piece, read_piece, write_piece
    from corpora.piece import Part, Piece, Source

__all__ = [
    "Audio",
    "CheckpointError",
    "InfeasibleConstraint",
    "InputError",
    "Part",
    "PartimentoError",
    "Piece",
    "RequestError",
    "Source",
    "ToolError",
    "edit_piece",
    "parse_piece",
    "read_audio",
    "read_piece",
    "write_audio",
    "write_piece",
]

_MODULES = {
    "Audio": "corpora.audio",
    "CheckpointError": "corpora.errors",
    "InfeasibleConstraint": "corpora.errors",
    "InputError": "corpora.errors",
    "Part": "corpora.piece",
    "PartimentoError": "corpora.errors",
    "Piece": "corpora.piece",
    "RequestError": "corpora.errors",
    "Source": "corpora.piece",
    "ToolError": "corpora.errors",
    "edit_piece": "corpora.files",
    "parse_piece": "corpora.files",
    "read_audio": "corpora.audio",
    "read_piece": "corpora.files",
    "write_audio": "corpora.audio",
    "write_piece": "corpora.files",
}
__getattr__ = lazy_exports(__name__, _MODULES)
