"""Audio to notes to score: the rooms of the fourth issue; nothing is here yet."""
