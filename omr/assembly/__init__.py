"""Signs to scores: bars that add up, voices, keys and clefs carried over, and a probability for every bar."""
