"""Measures the reading of held-out pages, engraved by verovio and by engravers that nothing was trained on, clean and worn."""
