"""The errors of the house, one root and few children.

::

    PartimentoError
    ├── InputError            a file or value from outside cannot be used
    ├── RequestError          a wish cannot be understood (unknown part, bad constraint text)
    │   └── InfeasibleConstraint   a wish is understood, but no music can meet it
    ├── CheckpointError       weights or their config do not fit
    └── ToolError             a program or library outside failed, or is missing

Every message is one line that names the thing, what was expected and what came. The command line prints it and exits 2.
"""

from __future__ import annotations

__all__ = ["CheckpointError", "InfeasibleConstraint", "InputError", "PartimentoError", "RequestError", "ToolError"]


class PartimentoError(Exception):
    """Root of all errors that a user can cause or meet; its text is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class InputError(PartimentoError):
    """A file or value from outside that cannot be used: names the file, the place, what was expected, what came."""


class RequestError(PartimentoError):
    """A wish that cannot be understood."""


class InfeasibleConstraint(RequestError):
    """No music can meet these constraints together.

    Args:
        message: One line, what failed and where.
        constraints: Texts of the constraints in conflict, as the user wrote them.
    """

    def __init__(self, message: str, constraints: tuple[str, ...]) -> None:
        super().__init__(message)
        self.constraints = constraints


class CheckpointError(PartimentoError):
    """Weights, config or their checksum do not fit together."""


class ToolError(PartimentoError):
    """A program or library outside this project failed, ran out of its limits, or is not installed."""
