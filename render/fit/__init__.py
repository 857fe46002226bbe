"""Fitting a performance to a recording: how loud, when and how high each note was played, and how loud each part."""

from render.fit.fitting import fit_performance
from render.fit.result import Fit, NoteFit

__all__ = ["Fit", "NoteFit", "fit_performance"]
