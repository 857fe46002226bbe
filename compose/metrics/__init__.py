"""Measures of written music, each with its reference on real music."""

from compose.metrics.floors import Floors, counting_floors
from compose.metrics.memorisation import NGramIndex, longest_common_ngram
from compose.metrics.voice_leading import VoiceLeading, voice_leading_rates

__all__ = ["Floors", "NGramIndex", "VoiceLeading", "counting_floors", "longest_common_ngram", "voice_leading_rates"]
