"""A piece with its past: take an answer, undo it, do it again."""

from __future__ import annotations

from compose.infilling import Infill
from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["Session"]


class Session:
    """The states of a piece in work; every one is whole, with its file, so going back is exact to the byte.

    Args:
        piece: To begin with.
    """

    def __init__(self, piece: Piece) -> None:
        self._states = [piece]
        self._place = 0

    @property
    def piece(self) -> Piece:
        """As it stands."""
        return self._states[self._place]

    def take(self, answer: Infill) -> Piece:
        """Make an answer the piece; what had been undone is dropped."""
        self._states = [*self._states[: self._place + 1], answer.piece]
        self._place += 1
        return self.piece

    def undo(self) -> Piece:
        """The piece before the last answer taken.

        Raises:
            RequestError: There is none.
        """
        if not self._place:
            raise RequestError("there is nothing to undo")
        self._place -= 1
        return self.piece

    def redo(self) -> Piece:
        """The answer undone last.

        Raises:
            RequestError: There is none.
        """
        if self._place + 1 == len(self._states):
            raise RequestError("there is nothing to do again")
        self._place += 1
        return self.piece
