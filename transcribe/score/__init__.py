"""From notes in seconds to a score that a musician can read."""
