"""What the models must beat, on the same notes: n-grams with back-off, Bengio's network, an LSTM."""
