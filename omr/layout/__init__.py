"""From the picture of a page to its systems, straightened: the classical way."""
