"""The front end: sound to spectrograms, in torch, at one rate and one hop for the whole room."""
