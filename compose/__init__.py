"""Vocabularies, language models, constraints, sampling, infilling."""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from compose.constraints.language import parse_constraints
    from compose.infilling import Infill, Request, continue_piece, infill
    from compose.models import load_model, save_model
    from compose.music_transformer import MusicTransformer, MusicTransformerConfig
    from compose.sampler import SamplerSettings
    from compose.vocabulary.registry import build_vocabulary

__all__ = [
    "Infill",
    "MusicTransformer",
    "MusicTransformerConfig",
    "Request",
    "SamplerSettings",
    "build_vocabulary",
    "continue_piece",
    "infill",
    "load_model",
    "parse_constraints",
    "save_model",
]

_MODULES = {
    "Infill": "compose.infilling",
    "MusicTransformer": "compose.music_transformer",
    "MusicTransformerConfig": "compose.music_transformer",
    "Request": "compose.infilling",
    "SamplerSettings": "compose.sampler",
    "build_vocabulary": "compose.vocabulary.registry",
    "continue_piece": "compose.infilling",
    "infill": "compose.infilling",
    "load_model": "compose.models",
    "parse_constraints": "compose.constraints.language",
    "save_model": "compose.models",
}
__getattr__ = lazy_exports(__name__, _MODULES)
