"""The token model: recordings written down as MT3's tokens, under the grammar of ``compose.vocabulary.mt3`` and a user's limits."""
