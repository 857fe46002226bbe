"""The sampler: plays SoundFonts by arithmetic of our own, to the sample and to the cent, differentiably."""
