"""How well recordings are heard: counts, tables, and other transcribers beside ours."""
