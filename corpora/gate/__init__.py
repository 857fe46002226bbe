"""The gate: bytes from outside pass here before any parser sees them; every refusal is an ``InputError`` of one line."""

from corpora.gate.audio import AudioExtent, check_audio
from corpora.gate.files import open_regular, read_bytes
from corpora.gate.image import ImageExtent, check_image, check_pdf, iter_images
from corpora.gate.midi import MidiExtent, check_midi
from corpora.gate.musicxml import MusicXmlExtent, check_musicxml, clean_musicxml
from corpora.gate.mxl import open_mxl
from corpora.gate.score import CheckedScore, check_score, open_score
from corpora.gate.sniff import FileKind, expect_kind, sniff
from corpora.gate.strict_json import strict_json
from corpora.gate.text_scores import TextScoreExtent, check_abc, check_kern
from corpora.gate.weights import WeightsExtent, check_safetensors
from corpora.safe_text import safe_text

__all__ = [
    "AudioExtent",
    "CheckedScore",
    "FileKind",
    "ImageExtent",
    "MidiExtent",
    "MusicXmlExtent",
    "TextScoreExtent",
    "WeightsExtent",
    "check_abc",
    "check_audio",
    "check_image",
    "check_kern",
    "check_midi",
    "check_musicxml",
    "check_pdf",
    "check_safetensors",
    "check_score",
    "clean_musicxml",
    "expect_kind",
    "iter_images",
    "open_mxl",
    "open_regular",
    "open_score",
    "read_bytes",
    "safe_text",
    "sniff",
    "strict_json",
]
