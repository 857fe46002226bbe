"""Writers put vocabularies to work on a canvas."""
