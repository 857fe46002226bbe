"""Written music: what stands on paper, bar by bar, apart from any file format."""
