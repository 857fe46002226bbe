"""Born-digital PDFs: from the glyphs and lines of a page to the signs of its systems, without pixels."""
