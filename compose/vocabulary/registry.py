"""Vocabularies by name."""

from __future__ import annotations

from collections.abc import Callable

from compose.vocabulary.anticipation import Anticipation
from compose.vocabulary.base import Vocabulary
from compose.vocabulary.compound import Compound
from compose.vocabulary.measured import Measured
from compose.vocabulary.mt3 import Mt3
from compose.vocabulary.performance import Performance
from compose.vocabulary.remi import Remi
from compose.vocabulary.voices import Voices
from corpora.errors import RequestError

__all__ = ["VOCABULARIES", "build_vocabulary"]

VOCABULARIES: dict[str, Callable[[], Vocabulary]] = {
    Anticipation.name: Anticipation,
    Compound.name: Compound,
    Measured.name: Measured,
    Mt3.name: Mt3,
    Performance.name: Performance,
    Remi.name: Remi,
    Voices.name: Voices,
}


def build_vocabulary(name: str) -> Vocabulary:
    """The vocabulary of this name with its defaults.

    Raises:
        RequestError: No vocabulary has this name; the message lists those there are.
    """
    if name not in VOCABULARIES:
        raise RequestError(f"vocabulary {name!r}: expected one of {', '.join(sorted(VOCABULARIES))}")
    return VOCABULARIES[name]()
