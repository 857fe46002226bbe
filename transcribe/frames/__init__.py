"""The frame model: what sounds in each frame, and the notes that follow from it."""
