"""Fitting a performance to a recording: how loud, when and how high each note was played, and how loud each part."""
