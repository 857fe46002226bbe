"""Beats and bars of music in seconds: from the activations of a network, and from notes alone."""
