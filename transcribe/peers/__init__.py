"""Transcribers by others, where they are installed: to compare with, or to use."""
