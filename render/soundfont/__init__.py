"""The ``soundfont`` engine: libfluidsynth plays a SoundFont in a child process."""
