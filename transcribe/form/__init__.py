"""The form of music: where it resembles itself, where sections begin, and which are the same."""

from transcribe.form.sections import SECTION_DTYPE, find_sections
from transcribe.form.similarity import novelty, self_similarity

__all__ = ["SECTION_DTYPE", "find_sections", "novelty", "self_similarity"]
