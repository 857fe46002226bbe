"""Finds the signs of a straightened system: a small convolutional network, its targets, its training and its decoder."""
