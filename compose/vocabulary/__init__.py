"""Vocabularies: reversible maps between pieces and ids, each with a grammar and an honest loss report."""

from compose.vocabulary.base import Encoding, GrammarState, Grid, Loss, LossKind, LossReport, Meaning, Tokens, Vocabulary

__all__ = ["Encoding", "GrammarState", "Grid", "Loss", "LossKind", "LossReport", "Meaning", "Tokens", "Vocabulary"]
